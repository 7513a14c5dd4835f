"""Expected-value tables from plain points, for histories that are small enough to cross as such.

The hours are made here; what they teach is learned in `expecting`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.expected import ExpectedTable
from lamplighter.analytics.expecting import HourlyHistory, learn, spread_within
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


class HistoryColumns(Struct, frozen=True):
    """n points of any datastreams, in any order: equally long columns."""

    datastream: np.ndarray
    time_ms: np.ndarray
    value: np.ndarray
    quality: np.ndarray
    stale_ms: int = 5_000
    valid_days: int = 7
    group: dict[int, int] = {}
    """datastream -> group; only members of one group may be neighbours (none = all of one)"""


def train_tables(payload: HistoryColumns, progress: Progress) -> ExpectedTable:
    """One row per datastream with enough history; the others are left out."""
    good = (payload.quality & CLASS_MASK) == int(Quality.GOOD)
    good &= np.isfinite(payload.value)
    ids, mean, within, first_ms = _hourly(
        payload.datastream[good], payload.time_ms[good], payload.value[good]
    )
    hours = HourlyHistory(
        ids,
        first_ms,
        mean,
        within,
        np.zeros(ids.size),
        np.full(ids.size, payload.stale_ms, np.int64),
        np.array([payload.group.get(int(i), 0) for i in ids], np.int64),
        np.zeros((0, 2), np.int64),
        float(payload.valid_days),
    )
    return learn(hours, progress).table


def _hourly(datastream: Longs, time_ms: Longs, value: Floats) -> tuple[Longs, Floats, Floats, int]:
    """(ids, means (ids, hours), spreads inside them, begin of the first hour); NaN where empty."""
    if not value.size:
        return np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros((0, 0)), 0
    ids, row = np.unique(datastream, return_inverse=True)
    hour = time_ms // HOUR_MS
    first = int(hour.min())
    hours = int(hour.max()) - first + 1
    place = row * hours + (hour - first)
    size = ids.size * hours
    count = np.bincount(place, minlength=size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, place, value)
    np.maximum.at(high, place, value)
    with np.errstate(invalid="ignore"):
        mean = np.where(count > 0, np.bincount(place, value, size) / count, np.nan)
        within = spread_within(low, high, count)
    shape = (ids.size, hours)
    return ids.astype(np.int64), mean.reshape(shape), within.reshape(shape), first * HOUR_MS
