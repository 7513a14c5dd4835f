"""Forecasts of the next hours with bands, always beside the seasonal naive rule.

`judge.judge_file` judges a recording by walk-forward; `live.next_hours` forecasts datastreams of a
project. Both run in workers and walk over a series with the very same code (`walk`).
"""
