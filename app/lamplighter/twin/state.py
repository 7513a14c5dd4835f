"""The present state of the city: one pure fold over committed batches, for Live and Replay alike.

A state is never changed in place: `step` returns the next one, so a replay, a scenario and the
live view can start from the same state without disturbing each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.observation import Committed, MessageRecord, PointColumns
from lamplighter.domain.quality import QualityMark

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int32]

LEARNED_AFTER: Final = 4
"""intervals after which a learned period is believed"""
_WEIGHT: Final = 0.1
_LONGEST_STEP: Final = 4.0
"""a gap counts as at most this many periods when a period is learned"""
_LATE: Final = 2.0
"""an interval of more periods than this is late: such a value is shown as stale"""
_LASTING: Final = 0.25
"""share of late intervals, of the last ten or so, from which the pace itself has changed"""


@dataclass(frozen=True, slots=True)
class TwinState:
    """Newest facts by datastream id, and by source id the columns named for it.

    `time_ms` 0 = nothing heard. `period_ms` is learned from the intervals between phenomenon
    times, `intervals` says from how many, `late_share` how many of the last ones were late.
    `same_since_ms` is when the value last changed.
    """

    batch: int
    wall_ms: int
    time_ms: Longs
    value: Floats
    quality: Bytes
    period_ms: Floats
    intervals: Counts
    late_share: Floats
    same_since_ms: Longs
    same_count: Counts
    source_heard_ms: Longs
    source_period_ms: Floats
    source_messages: Counts
    source_late_share: Floats

    @property
    def datastreams(self) -> int:
        return int(self.time_ms.shape[0])

    @property
    def sources(self) -> int:
        return int(self.source_heard_ms.shape[0])


def empty(datastreams: int = 0, sources: int = 0) -> TwinState:
    """A city from which nothing was heard."""
    return TwinState(
        0,
        0,
        np.zeros(datastreams, np.int64),
        np.full(datastreams, np.nan),
        np.zeros(datastreams, np.uint8),
        np.zeros(datastreams),
        np.zeros(datastreams, np.int32),
        np.zeros(datastreams),
        np.zeros(datastreams, np.int64),
        np.zeros(datastreams, np.int32),
        np.zeros(sources, np.int64),
        np.zeros(sources),
        np.zeros(sources, np.int32),
        np.zeros(sources),
    )


def grown(state: TwinState, datastreams: int, sources: int) -> TwinState:
    """The same facts in a state for at least that many datastreams and sources."""
    more = datastreams - state.datastreams
    more_sources = sources - state.sources
    if more <= 0 and more_sources <= 0:
        return state
    extra = empty(max(more, 0), max(more_sources, 0))
    names = [n for n in TwinState.__dataclass_fields__ if n not in {"batch", "wall_ms"}]
    columns: dict[str, Any] = {
        n: np.concatenate([getattr(state, n), getattr(extra, n)]) for n in names
    }
    return replace(state, **columns)


def moved(state: TwinState, ms: int) -> TwinState:
    """The same facts after the clock by which receipt is noted was set by `ms`."""
    heard = np.where(state.source_heard_ms > 0, state.source_heard_ms + ms, 0)
    return replace(state, source_heard_ms=heard)


def restored(newest: NewestValues, datastreams: int = 0, sources: int = 0) -> TwinState:
    """The state a recorder starts with: stored values under the batch they belong to.

    Periods are learned anew; until then the declared ones hold.
    """
    state = grown(empty(len(newest), sources), datastreams, 0)
    rows = len(newest)
    state.time_ms[:rows] = newest.time_ms
    state.value[:rows] = newest.value
    state.quality[:rows] = newest.quality
    state.same_since_ms[:rows] = newest.time_ms
    return replace(state, batch=newest.batch, wall_ms=newest.wall_ms)


def step(state: TwinState, committed: Committed) -> TwinState:
    """The state after one committed batch.

    A point replaces the newest value when its phenomenon time is not older; a late point changes
    nothing here. Points without a finite value keep the last good value, which then grows old.
    """
    points = committed.points
    state = _hear_sources(state, committed.messages)
    state = replace(state, batch=committed.number, wall_ms=committed.wall_ms)
    usable = np.isfinite(points.value)
    if not usable.all():
        points = points.take(usable)
    if not len(points):
        return state
    state = grown(state, int(points.datastream.max()) + 1, 0)
    return _take_points(state, points)


def _take_points(state: TwinState, points: PointColumns) -> TwinState:
    # by datastream, then phenomenon time; stable, so equal times keep the order of arrival. A
    # time that is in doubt comes before one that is not, and gives way to it whenever that comes:
    # a stamp of tomorrow must not hide today's values
    unsure = _in_doubt(points.quality)
    order = np.lexsort((points.time_ms, ~unsure, points.datastream))
    stream, time, unsure = points.datastream[order], points.time_ms[order], unsure[order]
    value, quality = points.value[order], points.quality[order]
    fresh = (time >= state.time_ms[stream]) | (_in_doubt(state.quality)[stream] & ~unsure)
    stream, time, value, quality = stream[fresh], time[fresh], value[fresh], quality[fresh]
    if not stream.size:
        return state
    first = np.flatnonzero(np.r_[True, stream[1:] != stream[:-1]])
    last = np.r_[first[1:], stream.size] - 1
    ids, newest = stream[last], time[last]

    times, values, qualities = state.time_ms.copy(), state.value.copy(), state.quality.copy()
    before, was = state.time_ms[ids], state.value[ids]
    period, intervals, late = _learn(
        state.period_ms,
        state.intervals,
        state.late_share,
        ids,
        before,
        time[first],
        newest,
        last - first + 1,
    )
    same_since, same_count = _unchanged(state, ids, was, value, time, first, last)
    times[ids], values[ids], qualities[ids] = newest, value[last], quality[last]
    return replace(
        state,
        time_ms=times,
        value=values,
        quality=qualities,
        period_ms=period,
        intervals=intervals,
        late_share=late,
        same_since_ms=same_since,
        same_count=same_count,
    )


def _in_doubt(quality: Bytes) -> npt.NDArray[np.bool_]:
    doubtful: npt.NDArray[np.bool_] = (quality & np.uint8(QualityMark.TIME_UNCERTAIN)) != 0
    return doubtful


def _unchanged(
    state: TwinState,
    ids: npt.NDArray[np.int32],
    was: Floats,
    value: Floats,
    time: Longs,
    first: npt.NDArray[np.intp],
    last: npt.NDArray[np.intp],
) -> tuple[Longs, Counts]:
    """Since when, and for how many points, each value has not changed."""
    since, count = state.same_since_ms.copy(), state.same_count.copy()
    previous = np.empty_like(value)
    previous[1:] = value[:-1]
    previous[first] = was
    changed = value != previous
    at = np.where(changed, np.arange(value.size), -1)
    last_change = np.maximum.reduceat(at, first)
    moved = last_change >= 0
    points = (last - first + 1).astype(np.int32)
    since[ids] = np.where(moved, time[np.maximum(last_change, 0)], since[ids])
    count[ids] = np.where(moved, last - last_change + 1, count[ids] + points)
    return since, count


def _learn(
    period: Floats,
    intervals: Counts,
    late_share: Floats,
    ids: npt.NDArray[np.int32],
    before: Longs,
    first: Longs,
    newest: Longs,
    points: npt.NDArray[np.intp],
) -> tuple[Floats, Counts, Floats]:
    """Periods moved a little towards the intervals of this batch.

    A late interval is an outage and teaches nothing, else each outage would put off the moment at
    which the next one is told; where late ones come again and again, the pace has changed.
    """
    period, intervals, late_share = period.copy(), intervals.copy(), late_share.copy()
    known = before > 0
    steps = np.where(known, points, points - 1)
    span = newest - np.where(known, before, first)
    usable = (steps > 0) & (span > 0)
    ids, steps, span = ids[usable], steps[usable], span[usable]
    seen = span / steps
    old = period[ids]
    capped = np.where(old > 0, np.minimum(seen, _LONGEST_STEP * old), seen)
    weight = np.maximum(1.0 / (intervals[ids] + 1.0), _WEIGHT)
    late = (old > 0) & (intervals[ids] >= LEARNED_AFTER) & (seen > _LATE * old)
    share = (1.0 - _WEIGHT) ** steps * late_share[ids] + _WEIGHT * late
    weight = np.where(late & (share < _LASTING), 0.0, weight)
    period[ids] = np.where(old > 0, old + weight * (capped - old), seen)
    intervals[ids] = np.minimum(intervals[ids] + steps, 1_000_000)
    late_share[ids] = share
    return period, intervals, late_share


def _hear_sources(state: TwinState, messages: tuple[MessageRecord, ...]) -> TwinState:
    if not messages:
        return state
    source = np.fromiter((m.source for m in messages), np.int32, len(messages))
    received = np.fromiter((m.received_ms for m in messages), np.int64, len(messages))
    valid = source >= 0
    source, received = source[valid], received[valid]
    if not source.size:
        return state
    state = grown(state, 0, int(source.max()) + 1)
    order = np.lexsort((received, source))
    source, received = source[order], received[order]
    first = np.flatnonzero(np.r_[True, source[1:] != source[:-1]])
    last = np.r_[first[1:], source.size] - 1
    ids = source[last]
    before = state.source_heard_ms[ids]
    period, messages_seen, late = _learn(
        state.source_period_ms,
        state.source_messages,
        state.source_late_share,
        ids,
        before,
        received[first],
        received[last],
        last - first + 1,
    )
    heard = state.source_heard_ms.copy()
    heard[ids] = np.maximum(before, received[last])
    return replace(
        state,
        source_heard_ms=heard,
        source_period_ms=period,
        source_messages=messages_seen,
        source_late_share=late,
    )


def newest_values(
    state: TwinState,
    *,
    trust: npt.NDArray[np.float32] | None = None,
    quality: Bytes | None = None,
    expected: Floats | None = None,
    spread: Floats | None = None,
    count: int | None = None,
) -> NewestValues:
    """The columns of the newest-values file, `count` rows long (default: all datastreams).

    `quality` replaces the stored byte (see `freshness.shown_quality`); arrays that are shorter
    than `count` are filled: expected and spread with NaN, trust with 1.
    """
    rows = state.datastreams if count is None else count
    state = grown(state, rows, 0)
    shown = np.zeros(rows, np.uint8)
    _fill(shown, state.quality if quality is None else quality)
    trusts = np.ones(rows, np.float32)
    _fill(trusts, trust)
    expecteds, spreads = np.full(rows, np.nan), np.full(rows, np.nan)
    _fill(expecteds, expected)
    _fill(spreads, spread)
    return NewestValues(
        batch=state.batch,
        wall_ms=state.wall_ms,
        time_ms=state.time_ms[:rows],
        value=state.value[:rows],
        expected=expecteds,
        spread=spreads,
        trust=trusts,
        quality=shown,
    )


def _fill(column: npt.NDArray[Any], array: npt.NDArray[Any] | None) -> None:
    if array is not None:
        rows = min(column.shape[0], array.shape[0])
        column[:rows] = array[:rows]
