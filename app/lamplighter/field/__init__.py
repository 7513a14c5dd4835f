"""The field simulator: a program of its own that plays a city's devices over MQTT."""
