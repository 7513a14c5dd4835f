"""How two kinds of values of one neighbourhood go together, hour by hour: nothing about causes.

Neighbouring hours are alike, so n of them say less than n independent ones; intervals are made
from the number of independent hours that they are worth.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
WEEK_H: Final = 168
MONDAY_H: Final = 4 * 24
"""1970-01-01 was a Thursday; the week begins on Monday"""
LEAST: Final = 48
"""hours with both values below which nothing is said about a lag"""
MEMORY_H: Final = 240
"""how far back an hour is taken to be like the hours before it"""
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Lagged:
    """m lags in hours; positive: the second follows the first. NaN where too little is known."""

    lag_h: Longs
    r: Floats
    low: Floats
    high: Floats
    hours: Longs
    worth: Floats
    """independent hours that `hours` are worth"""

    def strongest(self) -> int | None:
        """Row with the greatest correlation either way; None when there is none."""
        known = np.isfinite(self.r)
        if not known.any():
            return None
        return int(np.argmax(np.where(known, np.abs(self.r), -1.0)))


def lagged(first: Floats, second: Floats, most_lag: int) -> Lagged:
    """Correlation of first[t] with second[t + lag] for lags from -most_lag to most_lag hours.

    `first`, `second` (n,) hourly, NaN = not measured. Intervals are widened for having looked at
    all the lags, so that the strongest one may be read at its interval.
    """
    lags = np.arange(-most_lag, most_lag + 1)
    count = _looks(first, second, lags.size)
    rows = [_one(first, second, int(lag), count) for lag in lags]
    r, low, high, hours, worth = (np.array(c) for c in zip(*rows, strict=True))
    return Lagged(lags, r, low, high, hours.astype(np.int64), worth)


def without_course(value: Floats, first_hour: int) -> Floats:
    """(n,) what is left when the usual course of day and week is taken away.

    Hour of the week with three weeks or more, else hour of the day; medians, so that a few odd
    days take no part in what is usual.
    """
    period = WEEK_H if np.isfinite(value).sum() >= 3 * WEEK_H else 24
    slot = (first_hour + np.arange(value.size) - (MONDAY_H if period == WEEK_H else 0)) % period
    usual = np.full(period, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for s in range(period):
            usual[s] = np.nanmedian(value[slot == s]) if (slot == s).any() else np.nan
    rest: Floats = value - usual[slot]
    return rest


def moved(value: Floats, lag: int) -> Floats:
    """(n,) value[t + lag] at t; NaN beyond the ends."""
    found = np.full(value.shape, np.nan)
    if abs(lag) >= value.size:
        return found
    if lag >= 0:
        found[: value.size - lag] = value[lag:]
    else:
        found[-lag:] = value[:lag]
    return found


def autocorrelation(value: Floats, most: int) -> Floats:
    """(most,) correlation with itself 1.. hours before, over the pairs that are known."""
    known = np.isfinite(value)
    rest = np.where(known, value - np.nanmean(value), 0.0) if known.any() else np.zeros(value.size)
    spread = float((rest**2).sum() / max(int(known.sum()), 1))
    found = np.zeros(most)
    for k in range(1, min(most, value.size - 1) + 1):
        pairs = int((known[k:] & known[:-k]).sum())
        if pairs >= LEAST // 2 and spread > 0:
            found[k - 1] = float((rest[k:] * rest[:-k]).sum()) / pairs / spread
    return np.clip(found, -1.0, 1.0)


def worth_of(first: Floats, second: Floats) -> float:
    """Independent pairs that the known pairs are worth, from how alike neighbouring hours are."""
    both = np.isfinite(first) & np.isfinite(second)
    n = int(both.sum())
    if n < 3:
        return float(n)
    most = min(MEMORY_H, n // 3)
    a = autocorrelation(np.where(both, first, np.nan), most)
    b = autocorrelation(np.where(both, second, np.nan), most)
    share = 1.0 - np.arange(1, most + 1) / n
    inflation = 1.0 + 2.0 * float((share * a * b).sum())
    return float(np.clip(n / max(inflation, 1e-9), min(4.0, n), n))


def _looks(first: Floats, second: Floats, lags: int) -> float:
    """How many independent looks the lags come to: neighbouring lags tell nearly the same."""
    most = min(lags, 48)
    a, b = autocorrelation(first, most), autocorrelation(second, most)
    alike = 1.0 + 2.0 * float(np.maximum(a * b, 0.0).sum())
    return max(lags / alike, 1.0)


def _one(
    first: Floats, second: Floats, lag: int, looks: float
) -> tuple[float, float, float, int, float]:
    nothing = float("nan")
    other = moved(second, lag)
    both = np.isfinite(first) & np.isfinite(other)
    n = int(both.sum())
    if n < LEAST:
        return nothing, nothing, nothing, n, nothing
    a, b = first[both], other[both]
    if a.std() < 1e-12 or b.std() < 1e-12:
        return nothing, nothing, nothing, n, nothing
    r = float(np.clip(np.corrcoef(a, b)[0, 1], -0.999999, 0.999999))
    worth = worth_of(first, other)
    if worth <= 4.0:
        return r, -1.0, 1.0, n, worth
    tail = (1.0 - LEVEL) / looks / 2.0
    wide = NormalDist().inv_cdf(1.0 - tail) / math.sqrt(worth - 3.0)
    middle = math.atanh(r)
    return r, math.tanh(middle - wide), math.tanh(middle + wide), n, worth
