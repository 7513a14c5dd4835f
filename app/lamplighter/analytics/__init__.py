"""Expected values, anomalies, forecasts, remaining life, and the scoreboard that checks them.

In the core: `Expectation` (once a second, all datastreams in one numpy expression). In workers:
`train.train_tables`, `maintenance.train` and `maintenance.score`.
"""

from __future__ import annotations

from lamplighter.analytics.expected import Expectation, ExpectedTable
from lamplighter.analytics.learner import OnlineLearner

__all__ = ["Expectation", "ExpectedTable", "OnlineLearner"]
