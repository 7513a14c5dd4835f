"""Expected values, anomalies, forecasts, remaining life, and the scoreboard that checks them."""
