"""What is known now about a moment of the past and was not known then, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.store import Store

LOOKED_BACK_MS: Final = 24 * 3_600_000
"""late data about more distant times are not counted: they change nothing at the moment"""
LEAST_LIMIT_MS: Final = 2_000
MOST_ORDERS: Final = 50


def difference(
    store: Store, streams: Sequence[Datastream], ask: wire.GetDifference
) -> wire.Difference:
    """Both readings of a moment beside each other; see `wire.Difference`."""
    at, rewind = ask.at_ms, store.rewind
    then, now = store.moment(at, True), store.moment(at, False)
    late, corrected = _changed(then, now)
    rows = np.flatnonzero(late | corrected)
    alarms_then, alarms_now = rewind.alarms(at, True), rewind.alarms(at, False)
    keys = {a.key for a in alarms_then}
    later, whole = rewind.late(at - LOOKED_BACK_MS, at)
    known = {(p.asset, p.what): p for p in rewind.prognoses(at, True)}
    newest = [p for p in rewind.prognoses(at, False) if known.get((p.asset, p.what)) != p]
    return wire.Difference(
        at_ms=at,
        live_then=int(_live(then, streams, at).sum()),
        live_now=int(_live(now, streams, at).sum()),
        datastreams=len(streams),
        changed=tuple(_change(i, then, now, bool(corrected[i])) for i in rows[: ask.most].tolist()),
        late_values=int(late.sum()),
        corrected_values=int(corrected.sum()),
        late=tuple(
            wire.LateData(e.source, e.points, e.first_ms, e.last_ms, e.arrived_ms) for e in later
        ),
        late_complete=whole,
        alarms_then=len(alarms_then),
        alarms_now=len(alarms_now),
        alarms_later=tuple(a for a in alarms_now if a.key not in keys),
        causes_then=tuple(rewind.incidents(at, True)),
        causes_now=tuple(rewind.incidents(at, False)),
        prognoses_then=tuple(known[key] for p in newest if (key := (p.asset, p.what)) in known),
        prognoses_now=tuple(newest),
        orders_later=_orders_later(store, at),
    )


def _orders_later(store: Store, at_ms: int) -> tuple[WorkOrder, ...]:
    """Orders created or written on since, the newest of them."""
    then = {o.id: o for o in store.rewind.orders(at_ms, True)}
    later = [o for o in store.work_orders() if o != then.get(o.id)]
    return tuple(sorted(later, key=lambda o: o.created_ms)[-MOST_ORDERS:])


def _changed(
    then: NewestValues, now: NewestValues
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Where a newer point came late, and where the same point reads differently now."""
    size = len(now)
    time = np.zeros(size, np.int64)
    value, quality = np.full(size, np.nan), np.zeros(size, np.uint8)
    time[: len(then)], value[: len(then)] = then.time_ms, then.value
    quality[: len(then)] = then.quality
    same = (value == now.value) | (np.isnan(value) & np.isnan(now.value))
    late = now.time_ms != time
    return late, ~late & (now.time_ms != 0) & (~same | (quality != now.quality))


def _change(row: int, then: NewestValues, now: NewestValues, corrected: bool) -> wire.ValueChange:
    there = row < len(then) and bool(then.time_ms[row])
    return wire.ValueChange(
        datastream=row,
        then=float(then.value[row]) if there else float("nan"),
        then_ms=int(then.time_ms[row]) if there else 0,
        now=float(now.value[row]),
        now_ms=int(now.time_ms[row]),
        quality=int(now.quality[row]),
        corrected=corrected,
    )


def _live(values: NewestValues, streams: Sequence[Datastream], at_ms: int) -> npt.NDArray[np.bool_]:
    """By the rule that holds everywhere: not bad, and not older than twice its period."""
    limit = np.full(len(values), LEAST_LIMIT_MS, np.int64)
    for stream in streams:
        if stream.id < len(limit):
            limit[stream.id] = max(2 * stream.period_ms, LEAST_LIMIT_MS)
    fresh = (values.time_ms != 0) & (at_ms - values.time_ms <= limit)
    live: npt.NDArray[np.bool_] = fresh & ((values.quality & CLASS_MASK) < Quality.BAD)
    return live
