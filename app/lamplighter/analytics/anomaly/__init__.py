"""Anomaly detectors: fitted on columns of the past, judging later columns causally, with reasons.

`single` judges thousands of signals one by one and `findings` words what it found; `asset`
judges all signals of one asset together. Both: `fit` on the past, `judge` later rows, each from
itself and earlier ones.
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
