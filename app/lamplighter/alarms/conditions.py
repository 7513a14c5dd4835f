"""Single comparisons on datastreams, judged all at once with hysteresis.

Every comparison becomes a margin that is positive where it holds, so threshold, deadband and
hysteresis are the same two comparisons for all kinds. A value that is stale, bad, missing, set by
hand, in maintenance or taken from the past decides nothing: the comparison keeps what it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lamplighter.domain.alarm import Condition
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

Kind = TypeVar("Kind", bound=np.generic)
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
_ORDER: Final = tuple(Condition)
_SLOTS: Final = 10
"""kept values of a rate over a window: the oldest is always at least the window old"""
_UNTRUE: Final = int(
    QualityMark.HAND_SET
    | QualityMark.IN_MAINTENANCE
    | QualityMark.HISTORICAL
    | QualityMark.WITHHELD
)


class Comparison(NamedTuple):
    """One comparison; `rate_window_ms` only for RATE."""

    datastream: int
    condition: Condition
    threshold: float
    deadband: float = 0.0
    rate_window_ms: int = 0


class Comparisons:
    """Columns by comparison, and their memory. `holds`: with hysteresis; `known`: ever decided."""

    def __init__(self, items: Sequence[Comparison]) -> None:
        count = len(items)
        self.stream = np.fromiter((c.datastream for c in items), np.int64, count)
        kind = np.fromiter((_ORDER.index(c.condition) for c in items), np.int64, count)
        self.threshold = np.fromiter((c.threshold for c in items), np.float64, count)
        self.deadband = np.fromiter((abs(c.deadband) for c in items), np.float64, count)
        self._of = {c: np.flatnonzero(kind == i) for i, c in enumerate(_ORDER)}
        self.by_value = ~np.isin(
            kind, [_ORDER.index(Condition.STALE), _ORDER.index(Condition.TOLD)]
        )
        self.holds = np.zeros(count, np.bool_)
        self.known = np.zeros(count, np.bool_)
        self.told = np.zeros(count, np.int8)
        """of TOLD comparisons: 1 holds, -1 does not, 0 nothing was said yet"""
        self.time = np.zeros(count, np.int64)
        """phenomenon time of the value each one looked at last"""
        rate = self._of[Condition.RATE]
        self._window = np.array([items[i].rate_window_ms for i in rate.tolist()], np.int64)
        self._wide = np.flatnonzero(self._window > 0)
        self._rate_time = np.zeros(rate.size, np.int64)
        self._rate_value = np.full(rate.size, np.nan)
        self._rate = np.full(rate.size, np.nan)
        self._kept_time = np.zeros((self._wide.size, _SLOTS), np.int64)
        self._kept_value = np.full((self._wide.size, _SLOTS), np.nan)

    def __len__(self) -> int:
        return int(self.stream.shape[0])

    def judge(self, newest: NewestValues, stale: Bools, silent: Bools | None = None) -> Bools:
        """Which hold now. `stale` and `silent` by datastream id: a datastream of a source or feed
        that is silent as a whole is not called stale on its own.
        """
        value = self._gather(newest.value, np.nan)
        self.time = time = self._gather(newest.time_ms, 0)
        old = self._gather(stale, True)
        quality = self._gather(newest.quality, 0)
        bad = ((quality & CLASS_MASK) == Quality.BAD) | ((quality & _UNTRUE) != 0)
        margin = self._margins(newest, value, time, old, bad)
        usable = np.where(self.by_value, ~old & np.isfinite(value) & ~bad, True) & (time > 0)
        rows = self._of[Condition.STALE]
        if rows.size:
            usable[rows] &= (quality[rows] & _UNTRUE) == 0
            if silent is not None:
                usable[rows] &= ~self._gather(silent, False)[rows]
        rows = self._of[Condition.TOLD]
        usable[rows] = self.told[rows] != 0
        usable &= ~np.isnan(margin)
        holds = (margin > 0) | (self.holds & (margin > -self.deadband))
        self.holds = np.where(usable, holds, self.holds)
        self.known |= usable
        return self.holds

    def _gather(self, column: npt.NDArray[Kind], missing: float) -> npt.NDArray[Kind]:
        inside = (self.stream >= 0) & (self.stream < column.shape[0])
        if inside.all():
            return column[self.stream]
        out: npt.NDArray[Kind] = np.full(len(self), missing, column.dtype)
        out[inside] = column[self.stream[inside]]
        return out

    def _margins(
        self, newest: NewestValues, value: Floats, time: Longs, stale: Bools, bad: Bools
    ) -> Floats:
        margin = np.full(len(self), np.nan)
        of = self._of
        rows = of[Condition.ABOVE]
        margin[rows] = value[rows] - self.threshold[rows]
        rows = of[Condition.BELOW]
        margin[rows] = self.threshold[rows] - value[rows]
        rows = of[Condition.EQUALS]
        margin[rows] = np.where(value[rows] == self.threshold[rows], np.inf, -np.inf)
        rows = of[Condition.STALE]
        margin[rows] = np.where(stale[rows], np.inf, -np.inf)
        rows = of[Condition.TOLD]
        margin[rows] = np.where(self.told[rows] > 0, np.inf, -np.inf)
        rows = of[Condition.RESIDUAL]
        if rows.size:
            expected = self._gather(newest.expected, np.nan)[rows]
            spread = self._gather(newest.spread, np.nan)[rows]
            with np.errstate(divide="ignore", invalid="ignore"):
                far = np.abs(value[rows] - expected) / np.where(spread > 0, spread, np.nan)
            margin[rows] = far - self.threshold[rows]
        rows = of[Condition.RATE]
        if rows.size:
            # from or to a value that decides nothing there is no rate either
            believed = np.where(bad[rows], np.nan, value[rows])
            margin[rows] = self._rates(believed, time[rows]) - self.threshold[rows]
        return margin

    def _rates(self, value: Floats, time: Longs) -> Floats:
        moved = (time > self._rate_time) & np.isfinite(value)
        span = np.where(moved & (self._rate_time > 0), time - self._rate_time, 1)
        rate = np.abs(value - self._rate_value) * 1000.0 / span
        if self._wide.size:
            rate[self._wide] = self._over_window(value[self._wide], time[self._wide])
            short = np.isin(np.arange(len(rate)), self._wide) & np.isnan(rate)
            self._rate = np.where(moved & ~short, rate, self._rate)
        else:
            self._rate = np.where(moved, rate, self._rate)
        self._rate_time = np.where(moved, time, self._rate_time)
        self._rate_value = np.where(moved, value, self._rate_value)
        return self._rate

    def _over_window(self, value: Floats, time: Longs) -> Floats:
        """Mean rate since the newest kept value that is at least the window old; NaN without."""
        window = self._window[self._wide]
        due = np.isfinite(value) & (
            time - self._kept_time[:, -1] >= np.maximum(window // (_SLOTS - 2), 1)
        )
        for kept, now in ((self._kept_time, time), (self._kept_value, value)):
            kept[due] = np.concatenate((kept[due, 1:], now[due, None]), axis=1)
        old = (self._kept_time > 0) & (time[:, None] - self._kept_time >= window[:, None])
        slot = np.where(old, self._kept_time, -1).argmax(axis=1)
        here = np.arange(len(slot))
        span = np.where(old[here, slot], time - self._kept_time[here, slot], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.abs(value - self._kept_value[here, slot]) * 1000.0 / span
        return np.where(span > 0, rate, np.nan)

    def take_over(self, row: int, other: Comparisons, old: int) -> None:
        """Row `row` remembers what row `old` of `other` did. Both compare the same."""
        self.holds[row], self.known[row] = other.holds[old], other.known[old]
        self.told[row] = other.told[old]
        mine, theirs = self._rate_row(row), other._rate_row(old)
        if mine < 0 or theirs < 0:
            return
        for name in ("_rate_time", "_rate_value", "_rate"):
            getattr(self, name)[mine] = getattr(other, name)[theirs]
        wide, before = np.flatnonzero(self._wide == mine), np.flatnonzero(other._wide == theirs)
        if wide.size and before.size:
            self._kept_time[wide] = other._kept_time[before]
            self._kept_value[wide] = other._kept_value[before]

    def _rate_row(self, row: int) -> int:
        found = np.flatnonzero(self._of[Condition.RATE] == row)
        return int(found[0]) if found.size else -1
