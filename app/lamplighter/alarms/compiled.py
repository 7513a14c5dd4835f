"""Rules compiled to arrays: one numpy expression judges all of them.

Every condition becomes a margin that is positive where the rule's condition holds, so threshold,
deadband and hysteresis are the same two comparisons for all kinds of rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality

Kind = TypeVar("Kind", bound=np.generic)
_ORDER: Final = tuple(Condition)
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


class CompiledRules:
    """Columns by rule index, and the memory that judging needs (hysteresis, delays, last value)."""

    def __init__(self, rules: Sequence[AlarmRule]) -> None:
        count = len(rules)
        self.rules = tuple(rules)
        self.stream = np.fromiter((r.datastream for r in rules), np.int64, count)
        kind = np.fromiter((_ORDER.index(r.condition) for r in rules), np.int64, count)
        self.threshold = np.fromiter((r.threshold for r in rules), np.float64, count)
        self.deadband = np.fromiter((abs(r.deadband) for r in rules), np.float64, count)
        self.on_delay = np.fromiter((r.on_delay_ms for r in rules), np.int64, count)
        self.off_delay = np.fromiter((r.off_delay_ms for r in rules), np.int64, count)
        self._of = {c: np.flatnonzero(kind == i) for i, c in enumerate(_ORDER)}
        self._by_value = kind != _ORDER.index(Condition.STALE)
        rows = {(r.id, r.asset): i for i, r in enumerate(rules)}
        pairs = [(i, rows.get((r.unless, r.asset), -1)) for i, r in enumerate(rules) if r.unless]
        self._quiet = np.array([i for i, other in pairs if other >= 0], np.intp)
        self._louder = np.array([other for _, other in pairs if other >= 0], np.intp)
        self.condition = np.zeros(count, np.bool_)
        """the condition with hysteresis, before delays"""
        self.active = np.zeros(count, np.bool_)
        """the condition after delays: what the alarm's life sees"""
        self.pending_ms = np.zeros(count, np.int64)
        """since when condition and active differ (the engine's time); 0 = they agree"""
        self.pending_time_ms = np.zeros(count, np.int64)
        """phenomenon time of the value that made them differ"""
        rate = self._of[Condition.RATE]
        self._rate_time = np.zeros(rate.size, np.int64)
        self._rate_value = np.full(rate.size, np.nan)
        self._rate = np.full(rate.size, np.nan)

    def __len__(self) -> int:
        return len(self.rules)

    def judge(self, now_ms: int, newest: NewestValues, stale: Bools) -> npt.NDArray[np.intp]:
        """Rules whose alarm turns on or off now; `active` already says which.

        A stale, bad or missing value decides nothing: the rule keeps what it had.
        """
        if not len(self):
            return np.empty(0, np.intp)
        known, value, time = self._look_up(newest)
        old = self._gather(stale, True)
        bad = (self._gather(newest.quality, 0) & CLASS_MASK) == Quality.BAD
        margin = self._margins(newest, value, time, old)
        usable = np.where(self._by_value, known & ~old & ~bad, time > 0)
        usable &= ~np.isnan(margin)
        condition = (margin > 0) | (self.condition & (margin > -self.deadband))
        condition = np.where(usable, condition, self.condition)
        condition[self._quiet] &= ~condition[self._louder]
        self.condition = condition
        return self._after_delays(now_ms, time)

    def _after_delays(self, now_ms: int, time: Longs) -> npt.NDArray[np.intp]:
        differs = self.condition != self.active
        self.pending_ms[~differs] = 0
        waiting = np.flatnonzero(differs)
        if not waiting.size:
            return waiting
        pending = self.pending_ms[waiting]
        begins = (pending == 0) | (pending > now_ms)  # also when the clock was set back
        first = waiting[begins]
        self.pending_ms[first] = now_ms
        self.pending_time_ms[first] = np.where(
            self._by_value[first] & (time[first] > 0), time[first], now_ms
        )
        delay = np.where(self.condition, self.on_delay, self.off_delay)[waiting]
        due = waiting[now_ms - self.pending_ms[waiting] >= delay]
        self.active[due] = self.condition[due]
        self.pending_ms[due] = 0
        return due

    def _look_up(self, newest: NewestValues) -> tuple[Bools, Floats, Longs]:
        time: Longs = self._gather(newest.time_ms, 0)
        value: Floats = self._gather(newest.value, np.nan)
        return (time > 0) & np.isfinite(value), value, time

    def _gather(self, column: npt.NDArray[Kind], missing: float) -> npt.NDArray[Kind]:
        inside = (self.stream >= 0) & (self.stream < column.shape[0])
        if inside.all():
            return column[self.stream]
        out: npt.NDArray[Kind] = np.full(len(self), missing, column.dtype)
        out[inside] = column[self.stream[inside]]
        return out

    def _margins(self, newest: NewestValues, value: Floats, time: Longs, stale: Bools) -> Floats:
        margin = np.empty(len(self))
        of = self._of
        rows = of[Condition.ABOVE]
        margin[rows] = value[rows] - self.threshold[rows]
        rows = of[Condition.BELOW]
        margin[rows] = self.threshold[rows] - value[rows]
        rows = of[Condition.EQUALS]
        margin[rows] = np.where(value[rows] == self.threshold[rows], np.inf, -np.inf)
        rows = of[Condition.STALE]
        margin[rows] = np.where(stale[rows], np.inf, -np.inf)
        rows = of[Condition.RESIDUAL]
        if rows.size:
            expected = self._gather(newest.expected, np.nan)[rows]
            spread = self._gather(newest.spread, np.nan)[rows]
            with np.errstate(divide="ignore", invalid="ignore"):
                far = np.abs(value[rows] - expected) / np.where(spread > 0, spread, np.nan)
            margin[rows] = far - self.threshold[rows]
        rows = of[Condition.RATE]
        if rows.size:
            margin[rows] = self._rates(value[rows], time[rows]) - self.threshold[rows]
        return margin

    def _rates(self, value: Floats, time: Longs) -> Floats:
        moved = (time > self._rate_time) & np.isfinite(value)
        span = np.where(moved & (self._rate_time > 0), time - self._rate_time, 1)
        rate = np.abs(value - self._rate_value) * 1000.0 / span
        self._rate = np.where(moved, rate, self._rate)
        self._rate_time = np.where(moved, time, self._rate_time)
        self._rate_value = np.where(moved, value, self._rate_value)
        return self._rate

    def take_over(self, other: CompiledRules) -> None:
        """Keep what `other` remembers of rules that are the same."""
        rows = {(r.id, r.asset): i for i, r in enumerate(other.rules)}
        for row, rule in enumerate(self.rules):
            old = rows.get((rule.id, rule.asset))
            if old is None or other.rules[old].datastream != rule.datastream:
                continue
            for name in ("condition", "active", "pending_ms", "pending_time_ms"):
                getattr(self, name)[row] = getattr(other, name)[old]
