"""The test kit: devices, brokers, clocks and checkers that know nothing the product did not say."""
