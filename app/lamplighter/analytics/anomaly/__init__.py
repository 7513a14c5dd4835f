"""Anomaly detectors: fitted on columns of the past, judging later columns causally, with reasons.

`single` judges thousands of signals one by one; `findings` turns scores into anomalies with a
kind, a sentence and the most similar stretches of the past.
"""

from __future__ import annotations

from lamplighter.analytics.anomaly.columns import (
    KINDS,
    Columns,
    Event,
    Finding,
    PastWindow,
    Share,
)

__all__ = ["KINDS", "Columns", "Event", "Finding", "PastWindow", "Share"]
