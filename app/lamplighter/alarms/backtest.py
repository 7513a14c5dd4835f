"""What a rule would have done: the live engine's judgement, walked over the past.

`CompiledRules.judge` is the one definition of when a rule holds. For the plain comparisons, which
most rules are, `replay` gives the same answer over a whole column at once; a test compares the two
on random histories. Every other rule is walked moment by moment through `judge` itself. `windows`
says from cells of time (lowest, highest, worst quality) where a plain rule could have begun to
hold at all, so that only those stretches need to be read as points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.alarms.nuisance import chatters
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.alarm_trial import Outcome
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

Array = npt.NDArray[Any]
Times = npt.NDArray[np.int64]
DEFAULT_HORIZON_MS: Final = 72 * 3_600_000
"""a failure counts as caught when the rule fired within this time before it"""
_PLAIN: Final = frozenset({Condition.ABOVE, Condition.BELOW, Condition.EQUALS})
_UNTRUE: Final = int(QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE | QualityMark.WITHHELD)
_JUDGED: Final = 0xFF & ~int(QualityMark.HISTORICAL)
"""values that came in as history raise nothing live, and are what a trial on the past is for"""


@dataclass(frozen=True, slots=True)
class Firings:
    """When the alarm was raised and when it cleared; equally long, `NEVER` for one that stands."""

    raised_ms: Times
    cleared_ms: Times

    def __len__(self) -> int:
        return int(self.raised_ms.shape[0])


NEVER: Final = 1 << 62


def is_plain(rule: AlarmRule) -> bool:
    """Whether `replay` and `windows` can answer for the rule from its datastream alone."""
    return (
        rule.condition in _PLAIN
        and not rule.terms
        and not rule.unless
        and rule.count <= 1
        and rule.datastream >= 0
    )


# ------------------------------------------------------------ where it could have fired
def windows(rule: AlarmRule, low: Array, high: Array, worst: Array, first_ms: Times, last_ms: Times
            ) -> list[tuple[int, int]]:  # fmt: skip
    """Stretches [from, to] of time outside of which a plain rule's condition is false.

    Columns by cell, in order of time, cells not overlapping but for late data: lowest and highest
    value, worst quality byte, time of the first and last point. A stretch begins with a cell that
    may hold a value that makes the condition true, and ends with one that surely holds a usable
    value that makes it false.
    """
    if not low.shape[0]:
        return []
    may_begin, surely_ends = _bounds(rule, low, high)
    surely_ends &= ~_decides_nothing(worst) & np.isfinite(low)
    found: list[tuple[int, int]] = []
    ends = np.flatnonzero(surely_ends)
    begins_of_ends = first_ms[ends]
    reach = np.maximum.accumulate(last_ms)
    for row in np.flatnonzero(may_begin).tolist():
        # inside one cell, or in one of late data, what ends it may lie before what begins it
        at = int(np.searchsorted(begins_of_ends, last_ms[row], side="right"))
        last = int(reach[ends[at]]) if at < ends.shape[0] else NEVER
        first = int(first_ms[row])
        if found and first <= found[-1][1]:
            found[-1] = (min(found[-1][0], first), max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _decides_nothing(quality: Array) -> Array:
    kind = quality & CLASS_MASK
    found: Array = (kind == Quality.BAD) | (kind == Quality.STALE) | ((quality & _UNTRUE) != 0)
    return found


def _bounds(rule: AlarmRule, low: Array, high: Array) -> tuple[Array, Array]:
    """(a value may make the condition true, a value surely makes it false), by cell."""
    limit, band = rule.threshold, abs(rule.deadband)
    if rule.condition is Condition.ABOVE:
        return high > limit, low <= limit - band
    if rule.condition is Condition.BELOW:
        return low < limit, high >= limit + band
    return (low <= limit) & (high >= limit), (low != limit) | (high != limit)


# ------------------------------------------------------------ plain rules, whole columns
def replay(rule: AlarmRule, time_ms: Times, value: Array, quality: Array) -> Firings:
    """Raisings of a plain rule over points in order of time; points of equal time: the last."""
    usable = np.isfinite(value) & ~_decides_nothing(quality)
    usable[:-1] &= time_ms[1:] != time_ms[:-1]
    time_ms, value = time_ms[usable], value[usable]
    if not time_ms.shape[0]:
        return Firings(np.empty(0, np.int64), np.empty(0, np.int64))
    on, off = _held(_margin(rule, value), abs(rule.deadband), time_ms)
    return _delayed(on, off, rule.on_delay_ms, rule.off_delay_ms)


def _margin(rule: AlarmRule, value: Array) -> Array:
    if rule.condition is Condition.ABOVE:
        return value - rule.threshold
    if rule.condition is Condition.BELOW:
        return rule.threshold - value
    return np.where(value == rule.threshold, np.inf, -np.inf)


def _held(margin: Array, deadband: float, time_ms: Times) -> tuple[Times, Times]:
    """Times at which the condition, with hysteresis, begins and ends to hold."""
    place = np.arange(margin.shape[0])
    last_on = np.maximum.accumulate(np.where(margin > 0, place, -1))
    last_off = np.maximum.accumulate(np.where(margin <= -deadband, place, -1))
    holds = last_on > last_off
    before = np.concatenate((np.zeros(1, np.bool_), holds[:-1]))
    on, off = time_ms[holds & ~before], time_ms[before & ~holds]
    if off.shape[0] < on.shape[0]:
        off = np.append(off, NEVER)
    return on, off


def _delayed(on: Times, off: Times, on_delay: int, off_delay: int) -> Firings:
    """Raised after the condition held for `on_delay`, cleared after it did not for `off_delay`."""
    if off_delay <= 0:
        long = off - on > on_delay if on_delay > 0 else np.ones(on.shape[0], np.bool_)
        return Firings(on[long] + on_delay, off[long])
    raised: list[int] = []
    cleared: list[int] = []
    standing = False
    begins, ends = on.tolist(), off.tolist()
    for place, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if not standing:
            if on_delay > 0 and end - begin <= on_delay:
                continue
            raised.append(begin + on_delay)
            standing = True
        following = begins[place + 1] if place + 1 < len(begins) else NEVER
        if end < NEVER and following - end > off_delay:
            cleared.append(end + off_delay)
            standing = False
    if standing:
        cleared.append(NEVER)
    return Firings(np.array(raised, np.int64), np.array(cleared, np.int64))


# ------------------------------------------------------------ any rule, moment by moment
def walk(
    rules: Sequence[AlarmRule], key: str, columns: dict[int, tuple[Times, Array, Array]]
) -> Firings:
    """Raisings of the rule `id@asset` by the live engine, judged at every point and every delay.

    `rules`: the rule and those it looks at. `columns` by datastream: time, value, quality, in
    order of time. Stale rules are judged by the values' own quality only: the past keeps no ages.
    """
    compiled = CompiledRules(rules)
    row = next(i for i, r in enumerate(rules) if f"{r.id}@{r.asset}" == key)
    order = sorted(columns)
    moments = _moments(rules, columns)
    at = {stream: np.searchsorted(columns[stream][0], moments, side="right") for stream in order}
    size = max(order, default=-1) + 1
    newest, stale = blank(size), np.zeros(size, np.bool_)
    raised: list[int] = []
    cleared: list[int] = []
    stood = False
    for place, now in enumerate(moments.tolist()):
        for stream in order:
            point = int(at[stream][place]) - 1
            if point >= 0:
                _put(newest, stream, columns[stream], point)
                stale[stream] = newest.quality[stream] & CLASS_MASK == Quality.STALE
        compiled.judge(now, newest, stale)
        stands = bool(compiled.active[row])
        if stands and not stood:
            raised.append(now)
        elif stood and not stands:
            cleared.append(now)
        stood = stands
    if stood:
        cleared.append(NEVER)
    return Firings(np.array(raised, np.int64), np.array(cleared, np.int64))


def _put(newest: NewestValues, stream: int, column: tuple[Times, Array, Array], point: int) -> None:
    newest.time_ms[stream] = column[0][point]
    newest.value[stream] = column[1][point]
    newest.quality[stream] = int(column[2][point]) & _JUDGED


def _moments(rules: Sequence[AlarmRule], columns: dict[int, tuple[Times, Array, Array]]) -> Times:
    """Every point's time, and each of them later by every delay there is."""
    times = [column[0] for column in columns.values()]
    if not times:
        return np.empty(0, np.int64)
    every = np.unique(np.concatenate(times))
    delays = {r.on_delay_ms for r in rules} | {r.off_delay_ms for r in rules}
    later = [every + delay for delay in sorted(delays) if delay > 0]
    return np.unique(np.concatenate([every, *later]))


# ------------------------------------------------------------ what it was worth
def judge_outcome(
    firings: Mapping[str, Firings],
    failures: Mapping[str, Sequence[int]],
    span: tuple[int, int],
    horizon_ms: int = DEFAULT_HORIZON_MS,
) -> Outcome:
    """A rule's firings by asset against the failures (ms) on record of those assets in the span.

    `span` is [from, to) in ms. A failure is caught when the alarm stood at it or was raised within
    the horizon before it; its lead time runs from the first such raising.
    """
    leads: list[float] = []
    repairs = 0
    for asset, fire in firings.items():
        for failure in failures.get(asset, ()):
            if not span[0] <= failure < span[1]:
                continue
            repairs += 1
            before = (fire.raised_ms <= failure) & (fire.raised_ms >= failure - horizon_ms)
            stands = (fire.raised_ms <= failure) & (fire.cleared_ms > failure)
            useful = fire.raised_ms[before | stands]
            if useful.shape[0]:
                leads.append(min(failure - int(useful.min()), horizon_ms) / 60_000.0)
    every = [f.raised_ms for f in firings.values()]
    raised = np.concatenate(every) if every else np.empty(0, np.int64)
    days = np.unique(raised // 86_400_000, return_counts=True)[1]
    stood = sum(
        float((np.minimum(f.cleared_ms, span[1]) - f.raised_ms).sum()) for f in firings.values()
    )
    return Outcome(
        fired=int(raised.shape[0]),
        caught=len(leads),
        repairs=repairs,
        lead_time_median_min=float(np.median(leads)) if leads else None,
        chattering=sum(chatters(f.raised_ms.tolist()) for f in firings.values()),
        worst_day=int(days.max(initial=0)),
        standing_h=round(stood / 3_600_000.0, 2),
    )


def thresholds(rule: AlarmRule, lows: Iterable[float], highs: Iterable[float]) -> list[float]:
    """Thresholds worth trying: the rule's own among 21 from the lowest to the highest value."""
    low, high = min(lows, default=np.nan), max(highs, default=np.nan)
    if not np.isfinite(low) or not np.isfinite(high) or low >= high:
        return [rule.threshold]
    steps = [float(f"{x:.4g}") for x in np.linspace(low, high, 21)]
    return sorted({*steps, rule.threshold})
