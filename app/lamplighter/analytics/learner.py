"""Learns what is usual while values arrive, so a fresh city has expected bands within seconds.

Per datastream: a level that follows slowly, a variance around it, and a shape of the day that
fills in slot by slot and is remembered for the next day. While a value is far outside, its row
is frozen, so an intruder or a fault does not teach the model; a change that stays is accepted.
Everything is one array operation over all datastreams.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.ports import Newest
from lamplighter.domain.quality import CLASS_MASK, Quality

Floats = npt.NDArray[np.float64]

DAY_MS: Final = 86_400_000
SLOTS: Final = 96
SLOT_MS: Final = DAY_MS // SLOTS
ENOUGH: Final = 10
"""values before the first answer"""
MEMORY: Final = 300
"""values the variance remembers"""
FOLLOW_MS: Final = 300_000
"""time in which the level follows a change"""
ABNORMAL: Final = 6.0
"""spreads from which a value teaches nothing"""
ACCEPT_MS: Final = 1_800_000
"""a level that was abnormal this long is believed"""
RELATIVE_FLOOR: Final = 0.002


class OnlineLearner:
    """Grows with the number of datastreams; rows are datastream ids."""

    def __init__(self) -> None:
        self._level = np.zeros(0)
        self._variance = np.zeros(0)
        self._count = np.zeros(0, np.int64)
        self._abnormal_ms = np.zeros(0, np.int64)
        self._seen_ms = np.zeros(0, np.int64)
        self._floor = np.zeros(0)
        self._learns = np.zeros(0, np.bool_)
        self._shape = np.zeros((0, SLOTS), np.float32)
        self._days = np.zeros((0, SLOTS), np.uint16)
        self._sum = np.zeros(0)
        self._in_slot = np.zeros(0, np.int64)
        self._slot = -1

    def describe(
        self,
        ids: npt.NDArray[np.int64],
        resolution: Floats,
        numeric: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Tell the smallest step of each datastream's values, and which are no numbers at all."""
        if ids.size:
            self._grow(int(ids.max()) + 1)
            self._floor[ids] = np.abs(resolution)
            self._learns[ids] = True if numeric is None else numeric

    @property
    def frozen(self) -> npt.NDArray[np.bool_]:
        """Rows that are not learning because their values are abnormal."""
        return self._abnormal_ms > 0

    def evaluate(self, newest: Newest, now_ms: int) -> tuple[Floats, Floats]:
        """(expected, spread) by datastream id; NaN before `ENOUGH` values were seen."""
        count = int(newest.value.shape[0])
        self._grow(count)
        self._turn(now_ms)
        ready = (self._count[:count] >= ENOUGH) & self._learns[:count]
        expected = np.where(ready, self._base()[:count] + self._level[:count], np.nan)
        spread = np.where(ready, self._spread(expected)[:count], np.nan)
        return expected, spread

    def learn(self, newest: Newest, now_ms: int) -> None:
        """Take in the values that are new since the last call and fit to learn from."""
        count = int(newest.value.shape[0])
        self._grow(count)
        self._turn(now_ms)
        good = (newest.quality & CLASS_MASK) == int(Quality.GOOD)
        fresh = good & np.isfinite(newest.value) & (newest.time_ms > self._seen_ms[:count])
        rows = np.flatnonzero(fresh & self._learns[:count])
        passed_ms = newest.time_ms[rows] - self._seen_ms[rows]
        self._seen_ms[rows] = newest.time_ms[rows]
        value = newest.value[rows]
        departure = value - self._base()[rows] - self._level[rows]
        far = np.abs(departure) > ABNORMAL * self._spread(value, rows)
        far &= self._count[rows] >= ENOUGH
        self._abnormal_ms[rows] = np.where(far, self._abnormal_ms[rows] + passed_ms, 0)
        self._sum[rows] += value
        self._in_slot[rows] += 1
        self._believe(rows[self._abnormal_ms[rows] > ACCEPT_MS])
        usual = ~far
        rows, departure = rows[usual], departure[usual]
        self._count[rows] += 1
        follow = -np.expm1(-passed_ms[usual] / FOLLOW_MS)
        self._level[rows] += np.maximum(1.0 / self._count[rows], follow) * departure
        share = 1.0 / np.minimum(self._count[rows], MEMORY)
        first = self._count[rows] == 1
        squared = np.where(first, 0.0, departure * departure)
        self._variance[rows] += share * (squared - self._variance[rows])

    # ------------------------------------------------------------------------------------------
    def _base(self) -> Floats:
        """(rows,) the shape of the day in the present slot."""
        return self._shape[:, self._slot].astype(np.float64)

    def _spread(self, around: Floats, rows: npt.NDArray[np.intp] | None = None) -> Floats:
        """Standard deviation, never below the sensor's step, wider while little is known."""
        choice = slice(0, around.shape[0]) if rows is None else rows
        count = np.maximum(self._count[choice], 1)
        floor = np.maximum(self._floor[choice], RELATIVE_FLOOR * np.abs(np.nan_to_num(around)))
        width = np.maximum(np.sqrt(np.maximum(self._variance[choice], 0.0)), floor)
        result: Floats = width * (1.0 + 5.0 / count)
        return result

    def _believe(self, rows: npt.NDArray[np.intp]) -> None:
        """A change that stayed this long is the new normal: learn level and spread anew."""
        self._count[rows] = 0
        self._abnormal_ms[rows] = 0
        self._variance[rows] = 0.0

    def _turn(self, now_ms: int) -> None:
        """On entering another slot of the day: remember the one left, take up the one entered."""
        slot = int(now_ms % DAY_MS // SLOT_MS)
        if slot == self._slot:
            return
        if self._slot >= 0:
            left = self._slot
            rows = np.flatnonzero((self._in_slot >= ENOUGH) & (self._abnormal_ms == 0))
            mean = self._sum[rows] / self._in_slot[rows]
            days = self._days[rows, left]
            share = 1.0 / np.minimum(days + 1.0, 7.0)
            now = self._base() + self._level
            self._shape[rows, left] += share * (mean - self._shape[rows, left])
            self._days[rows, left] = np.minimum(days + 1, 1000)
            known = self._days[:, slot] > 0
            self._shape[~known, slot] = now[~known]
            self._level = np.where(known, now - self._shape[:, slot], 0.0)
            self._level[known] *= 0.3  # mostly trust the day before
        self._sum[:] = 0.0
        self._in_slot[:] = 0
        self._slot = slot

    def _grow(self, count: int) -> None:
        more = count - self._level.shape[0]
        if more <= 0:
            return
        for name in ("_level", "_variance", "_count", "_abnormal_ms", "_seen_ms", "_floor", "_sum"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros(more, old.dtype)]))
        self._in_slot = np.concatenate([self._in_slot, np.zeros(more, np.int64)])
        self._learns = np.concatenate([self._learns, np.ones(more, np.bool_)])
        self._shape = np.concatenate([self._shape, np.zeros((more, SLOTS), np.float32)])
        self._days = np.concatenate([self._days, np.zeros((more, SLOTS), np.uint16)])
