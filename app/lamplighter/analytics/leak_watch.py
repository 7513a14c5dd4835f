"""Leaks looked for in a recorder's own hours: learned from older weeks, told of the newest ones.

The task of a worker. What is judged was not learned from; where there is too little to learn, or
the other sensors say no more of a pressure than its own past does, nothing is said and why is told.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from lamplighter.analytics.anomaly import network
from lamplighter.analytics.anomaly.columns import Columns, Event, Floats
from lamplighter.domain.task import Progress

DAY_MS: Final = network.DAY_MS
HOURS: Final = 24
JUDGED_DAYS: Final = 28
"""the newest days: judged and not learned from; the first of them only settle the base"""
LEAST_DAYS: Final = 28
"""older days that must be known"""
LEAST_PRESSURES: Final = 3
KNOWN: Final = 0.9
"""share of hours that must be known of a sensor, in what is learned from and in what is judged"""

MARGIN: Final = 2.0
"""wider than where people vouch for the weeks learned from: those here are few and unvouched"""
USEFUL: Final = 0.8
"""share of the wandering of a day's own median that the others may leave unexplained"""


class LeakWindow(Struct, frozen=True):
    """n even hours of one network: c columns, the first `pressures` of them are judged.

    `repairs_ms`: when something was repaired in it; the base is learned anew after each.
    """

    network: str
    names: tuple[str, ...]
    datastream: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    """(n, c), NaN where not known or not to be judged"""
    pressures: int
    repairs_ms: tuple[int, ...] = ()


class LeakFinding(Struct, frozen=True):
    """Known at the end of the day that begins at `day_ms`; `beside` fell next most."""

    datastream: int
    day_ms: int
    fall: float
    """in usual daily spreads"""
    score: float
    """1 is the limit"""
    reason: str
    beside: tuple[int, ...] = ()


class LeakReport(Struct, frozen=True):
    """What became of one network; `why` nothing could be said, empty when it was judged.

    `judged`: datastreams that were compared; `from_ms`: the first judged moment.
    """

    network: str
    found: tuple[LeakFinding, ...]
    why: str = ""
    judged: tuple[int, ...] = ()
    from_ms: int = 0
    learned_days: int = 0
    limit: float = 0.0


def judge_network(payload: LeakWindow, progress: Progress) -> LeakReport:
    """Learn from the older days and judge the newest. For workers."""
    progress(0, 2, payload.network)
    days = payload.time_ms // DAY_MS
    begin = int(days[-1]) - JUDGED_DAYS + 1 if days.size else 0
    old, new = payload.values[days < begin], payload.values[days >= begin]
    learned = int(np.isfinite(old).any(axis=1).sum()) // HOURS
    if learned < LEAST_DAYS:
        return _silent(
            payload,
            f"{learned} days are known before the newest {JUDGED_DAYS}; {LEAST_DAYS} are needed",
        )
    usable = _known(old) & _known(new)
    heads = [k for k in range(payload.pressures) if usable[k]]
    drivers = [k for k in range(payload.pressures, len(payload.names)) if usable[k]]
    if len(heads) < LEAST_PRESSURES:
        return _silent(
            payload,
            f"{len(heads)} pressure sensors are known in {KNOWN:.0%} of the hours; "
            f"{LEAST_PRESSURES} are needed",
        )
    if not network.settled_days(days[days >= begin], payload.repairs_ms):
        return _silent(
            payload,
            f"something was repaired or set too often in the newest {JUDGED_DAYS} days: what is "
            f"usual is learned anew each time, which takes {network.SETTLE} days",
        )
    kept = [*heads, *drivers]
    columns = Columns(
        tuple(str(k) for k in kept), payload.time_ms, _filled(payload.values[:, kept])
    )
    cut = int((days < begin).sum())
    named = tuple(str(k) for k in heads)
    model = network.fit(columns.part(0, cut), named, tuple(str(k) for k in drivers), MARGIN)
    model, told = _better_than_naive(model, columns.part(0, cut))
    if not told.any() or not np.isfinite(model.limit):
        return _silent(payload, "the other sensors say no more of a pressure than its own past")
    progress(1, 2, payload.network)
    repairs = tuple(Event(at, at) for at in payload.repairs_ms)
    alarms = network.judge(model, columns.part(cut, columns.rows), repairs)
    return LeakReport(
        payload.network,
        tuple(_finding(payload, model, alarm) for alarm in alarms),
        judged=tuple(int(payload.datastream[k]) for k, t in zip(heads, told, strict=True) if t),
        from_ms=int(payload.time_ms[cut]),
        learned_days=model.days,
        limit=round(model.limit, 3),
    )


def _silent(payload: LeakWindow, why: str) -> LeakReport:
    return LeakReport(payload.network, (), why)


def _known(values: Floats) -> np.ndarray:
    """(c,) whether enough of a column is known."""
    return np.asarray(np.isfinite(values).mean(axis=0) >= KNOWN)


def _filled(values: Floats) -> Floats:
    """Holes hold the value before them, never a later one; those at the begin stay."""
    known = np.isfinite(values)
    at = np.maximum.accumulate(np.where(known, np.arange(values.shape[0])[:, None], 0), axis=0)
    return np.asarray(np.take_along_axis(values, at, axis=0), np.float64)


def _better_than_naive(
    model: network.NetworkModel, columns: Columns
) -> tuple[network.NetworkModel, np.ndarray]:
    """(the model, silent where the day's own median wanders less than what the others leave
    unexplained on days they were not fitted on; (p,) which sensors are judged).
    """
    places = [columns.names.index(n) for n in model.judged]
    scale = model.scale[[model.names.index(n) for n in model.judged]]
    day = columns.time_ms // DAY_MS
    begins = np.flatnonzero(np.r_[True, day[1:] != day[:-1]])
    parts = np.split(columns.values[:, places], begins[1:])
    naive = np.nanstd(np.stack([np.nanmedian(p, axis=0) for p in parts]), axis=0) / scale
    poor = model.spread > USEFUL * naive
    return replace(model, spread=np.where(poor, np.inf, model.spread)), ~poor.all(axis=0)


def _finding(
    payload: LeakWindow, model: network.NetworkModel, alarm: network.LeakAlarm
) -> LeakFinding:
    at = int(alarm.signal)
    beside = tuple(int(name) for name in alarm.beside)
    reason = (
        f"{payload.names[at]} has been lower for {network.HOLD} days than the flows and the other "
        f"pressures say, by {alarm.fall:.1f} of its usual daily spreads: a leak is likely, and "
        "this is the nearest sensor"
    )
    if beside:
        reason += f"; next most fell {' and '.join(payload.names[k] for k in beside)}"
    return LeakFinding(
        int(payload.datastream[at]),
        alarm.day_ms,
        alarm.fall,
        round(alarm.fall / model.limit, 3),
        f"{reason}.",
        tuple(int(payload.datastream[k]) for k in beside),
    )
