"""How two kinds of values go together in a neighbourhood."""

from __future__ import annotations

import numpy as np

from lamplighter.domain.wire.message import Message


class GetTogether(Message, frozen=True):
    """Means of two sets of datastreams hour by hour, and how they go together at each lag."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    from_ms: int
    to_ms: int
    most_lag_h: int = 24
    without_course: bool = True
    """take the usual course of day and week away first"""


class Together(Message, frozen=True):
    """Columns by lag (positive: the second follows the first), and by hour.

    `at` is the row of the strongest lag, -1 for none. `first`, `second` are the hourly values at
    that lag as they were compared, NaN left out; `raw_first`, `raw_second` as measured.
    """

    lag_h: np.ndarray
    r: np.ndarray
    low: np.ndarray
    high: np.ndarray
    hours: np.ndarray
    worth: np.ndarray
    at: int
    time_ms: np.ndarray
    first: np.ndarray
    second: np.ndarray
    raw_first: np.ndarray
    raw_second: np.ndarray
    used_first: int
    """datastreams with any value in the span"""
    used_second: int
    why: str = ""
    """why nothing can be said"""


Request = GetTogether
Reply = Together
