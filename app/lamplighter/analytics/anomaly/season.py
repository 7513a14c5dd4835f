"""The usual course of the day or week of many signals at once, by medians so that faults in the
past do not bend it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-01 was a Thursday; slots of a week count from Monday 00:00 UTC"""
SLOT_MS: Final = 3_600_000
GAIN: Final = 0.95
"""a season is kept where it brings the spread of periods it has not seen below this share"""


def shape(time_ms: np.ndarray, values: Floats) -> tuple[int, Floats, Floats]:
    """(period_ms, season (slots, s), what is left (n, s)) of rows (n, s).

    What is left is taken from a season that has not seen the same period (every second one), as
    it will be for rows to come. Without three periods, or where no season helps, a signal's
    season is its level. Slots without a value take the level.
    """
    level = _median(values)
    span = int(time_ms[-1] - time_ms[0]) if time_ms.size > 1 else 0
    plain: Floats = values - level
    best_period, best_season = DAY_MS, np.repeat(level[None], DAY_MS // SLOT_MS, axis=0)
    best_left, best_spread = plain, scale(plain)
    for period in (DAY_MS, WEEK_MS):
        if span < 3 * period:
            continue
        turn = (time_ms - MONDAY_MS) // period % 2
        left = np.full(values.shape, np.nan)
        for half in (0, 1):
            seen, other = turn == half, turn != half
            season = _slots(time_ms[seen], values[seen], period)
            left[other] = values[other] - at(season, period, time_ms[other])
        width = scale(left)
        helps = width < GAIN * best_spread
        if period == WEEK_MS and not helps.sum() > values.shape[1] / 2:
            break  # one period for all signals: the table stays one array
        whole = _slots(time_ms, values, period)
        repeat = period // best_period
        best_season = np.where(helps, whole, np.tile(best_season, (repeat, 1)))
        best_left = np.where(helps, left, best_left)
        best_spread = np.where(helps, width, best_spread)
        best_period = period
    return best_period, best_season, best_left


def at(season: Floats, period_ms: int, time_ms: np.ndarray) -> Floats:
    """(n, s) the season at each time, linear between the middles of two slots."""
    slots = season.shape[0]
    place = ((time_ms - MONDAY_MS) % period_ms) / period_ms * slots - 0.5
    before = np.floor(place).astype(np.int64)
    part = (place - before)[:, None]
    result: Floats = (1.0 - part) * season[before % slots] + part * season[(before + 1) % slots]
    return result


def scale(values: Floats) -> Floats:
    """(s,) robust standard deviation of each column; 0 where it does not move."""
    return 1.4826 * _median(np.abs(values - _median(values)))


def _slots(time_ms: np.ndarray, values: Floats, period: int) -> Floats:
    slots = period // SLOT_MS
    slot = ((time_ms - MONDAY_MS) % period) // SLOT_MS
    level = _median(values)
    found = np.repeat(level[None], slots, axis=0)
    for place in range(slots):
        rows = values[slot == place]
        if rows.shape[0]:
            middle = _median(rows)
            found[place] = np.where(np.isfinite(middle), middle, level)
    return found


def _median(values: Floats) -> Floats:
    """(s,) median of what is known in each column; NaN where nothing is."""
    ordered = np.sort(np.ascontiguousarray(values.T), axis=1)  # NaN last
    known = np.isfinite(values).sum(axis=0)
    row = np.arange(values.shape[1])
    low = ordered[row, np.maximum(known - 1, 0) // 2]
    high = ordered[row, np.minimum(known // 2, values.shape[0] - 1)]
    result: Floats = np.where(known > 0, (low + high) / 2, np.nan)
    return result
