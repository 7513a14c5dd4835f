"""Judges the last days of many signals at once, each alone and each asset's together; in a worker.

What is usual is fitted on all but the newest hours and judged on those, anew each time: limits come
from the signal's own past, and nothing has to be kept.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from msgspec import Struct

from lamplighter.analytics.anomaly import asset as together
from lamplighter.analytics.anomaly import findings, single
from lamplighter.analytics.anomaly.columns import Columns, Event, Finding
from lamplighter.domain.task import Progress

SURE: Final = 1.3
"""findings nearer to their limit are not told"""
SIGNALS: Final = (2, 24)
"""how many signals an asset has that is judged as one"""
LEAST_DAYS: Final = 2.5
AT_ONCE: Final = 512
MOST_ASSETS: Final = 400
"""judged in one go; the next go takes the next ones"""


class SignalWindow(Struct, frozen=True):
    """n even rows of s signals, oldest first; names are told to people and are unique."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    datastream: np.ndarray
    time_ms: np.ndarray
    values: np.ndarray
    """(n, s) float32, NaN where not known or not to be judged"""
    judged_ms: int
    """from here on is judged, all before is learned from"""
    events: tuple[Event, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    """columns of one asset each"""
    assets: tuple[str, ...] = ()


class SignalFinding(Struct, frozen=True):
    """One finding that reaches into the judged time; `datastream` -1: of the asset as a whole."""

    datastream: int
    asset: str
    kind: str
    begin_ms: int
    end_ms: int
    score: float
    spreads: float
    reason: str
    signals: tuple[int, ...] = ()


def judge_signals(payload: SignalWindow, progress: Progress) -> tuple[SignalFinding, ...]:
    """The strongest first. For workers."""
    found: list[SignalFinding] = []
    count = len(payload.names)
    if not count or payload.time_ms.size < 3:
        return ()
    for begin in range(0, count, AT_ONCE):
        progress(begin, count, f"{count:,} signals")
        columns = _columns(payload, range(begin, min(begin + AT_ONCE, count)))
        found += [
            _of(f, int(payload.datastream[payload.names.index(f.signals[0].signal)]), "")
            for f in _alone(payload, columns)
        ]
    for name, group in zip(payload.assets, payload.groups, strict=True):
        if SIGNALS[0] <= len(group) <= SIGNALS[1]:
            found += [_of_asset(payload, f, name) for f in _asset(payload, list(group))]
    progress(count, count, f"{len(found)} findings")
    return tuple(sorted((f for f in found if f.score >= SURE), key=lambda f: -f.score))


def _columns(payload: SignalWindow, places: range | list[int]) -> Columns:
    cut = np.asarray(places, np.int64)
    return Columns(
        tuple(payload.names[i] for i in cut),
        payload.time_ms,
        payload.values[:, cut].astype(np.float64),
        tuple(payload.units[i] for i in cut),
    )


def _events(payload: SignalWindow, columns: Columns) -> tuple[Event, ...]:
    names = set(columns.names)
    return tuple(e for e in payload.events if not e.signal or e.signal in names)


def _alone(payload: SignalWindow, columns: Columns) -> tuple[Finding, ...]:
    events = _events(payload, columns)
    past = columns.part(0, int(np.searchsorted(columns.time_ms, payload.judged_ms)))
    model = single.fit(past, events)
    judged = single.judge(model, columns, events)
    return findings.of_single(model, columns, judged, payload.judged_ms, like_cases=False)


def _asset(payload: SignalWindow, places: list[int]) -> tuple[Finding, ...]:
    columns = _columns(payload, places)
    rows = int(np.searchsorted(columns.time_ms, payload.judged_ms))
    known = np.isfinite(columns.values[:rows]).mean(axis=0)
    if known.min(initial=1.0) < 0.5:
        return ()  # a signal that is mostly unknown says nothing about the others
    events = _events(payload, columns)
    model = together.fit(columns.part(0, rows), events)
    judged = together.judge(model, columns, events, max(rows - model.context, 0))
    found = together.findings(model, columns, judged, payload.judged_ms)
    return tuple(f for f in found if f.kind == "together")


def _of(found: Finding, datastream: int, asset: str) -> SignalFinding:
    return SignalFinding(
        datastream, asset, found.kind, found.begin_ms, found.end_ms, found.score,
        found.signals[0].spreads if found.signals else 0.0, found.reason,
    )  # fmt: skip


def _of_asset(payload: SignalWindow, found: Finding, asset: str) -> SignalFinding:
    names = [s.signal for s in found.signals]
    ids = tuple(int(payload.datastream[payload.names.index(n)]) for n in names)
    return SignalFinding(
        -1, asset, found.kind, found.begin_ms, found.end_ms, found.score,
        found.signals[0].spreads if found.signals else 0.0, found.reason, ids,
    )  # fmt: skip
