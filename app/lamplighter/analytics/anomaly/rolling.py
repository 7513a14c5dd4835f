"""Causal windows over columns: the result at a row depends on that row and earlier ones alone.

Running sums begin at the first row given, so rows that come later change no earlier result by one
bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def total(values: Floats, rows: int) -> tuple[Floats, Floats]:
    """(sum, count) of what is known in the last `rows` rows, each shaped like `values`."""
    known = np.isfinite(values)
    sums = np.cumsum(np.where(known, values, 0.0), axis=0)
    counts = np.cumsum(known, axis=0).astype(np.float64)
    if rows < values.shape[0]:
        sums[rows:] -= sums[:-rows].copy()
        counts[rows:] -= counts[:-rows].copy()
    return sums, counts


def mean(values: Floats, rows: int, least: float = 0.5) -> Floats:
    """Mean of the last `rows` rows; NaN where less than the share `least` of them is known."""
    sums, counts = total(values, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(counts >= max(least * rows, 1.0), sums / counts, np.nan)
    return result


def spread(values: Floats, rows: int, least: float = 0.5) -> Floats:
    """Standard deviation in the last `rows` rows, NaN like `mean`."""
    first = mean(values, rows, least)
    second = mean(values * values, rows, least)
    result: Floats = np.sqrt(np.maximum(second - first * first, 0.0))
    return result


def since_change(values: Floats) -> npt.NDArray[np.int64]:
    """How many rows each value has stood still, 0 where it has just moved; gaps keep the count."""
    held = forward(values)
    moved = np.ones(values.shape, np.bool_)
    moved[1:] = held[1:] != held[:-1]
    place = np.arange(values.shape[0])[:, None]
    last = np.maximum.accumulate(np.where(moved, place, 0), axis=0)
    result: npt.NDArray[np.int64] = place - last
    return result


def forward(values: Floats) -> Floats:
    """Gaps filled with the last value before them, never with a later one."""
    place = np.arange(values.shape[0])[:, None]
    last = np.maximum.accumulate(np.where(np.isfinite(values), place, -1), axis=0)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    result: Floats = np.where(last >= 0, filled, np.nan)
    return result


def column_mean(values: Floats) -> Floats:
    """(s,) mean of what is known in each column; NaN where nothing is."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return result


def column_spread(values: Floats) -> Floats:
    """(s,) standard deviation of what is known in each column; NaN where nothing is."""
    away = values - column_mean(values)
    result: Floats = np.sqrt(column_mean(away * away))
    return result
