"""Answers where the city is measured, now and at any moment of the past.

What changes rarely (districts, people, places of sensors) is worked out once for each reading of
the city; the counts only when another set of sensors is live. All of it on the thread of who asks.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.coverage import Counts, Ground, Rule, ground, judged, states
from lamplighter.domain.quality import QualityMark, stale_after_ms
from lamplighter.domain.suspicion import Suspect, Withheld
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.suspicion_lane import stored_suspects, stored_withheld
from lamplighter.store import Store

if TYPE_CHECKING:
    from lamplighter.runtime.city_state import CityState
    from lamplighter.runtime.recorder import Recorder

States = npt.NDArray[np.int8]


class CoverageAnswers(Answering):
    """Keeps the ground of the present city and the newest answer."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._lock = threading.Lock()
        self._city: CityState | None = None
        self._ground: Ground | None = None
        self._state: States = np.zeros(0, np.int8)
        self._newest: wire.Coverage | None = None
        self._version = 0

    def table(self) -> Table:
        return {wire.GetCoverage: self._coverage}

    def _coverage(self, ask: wire.GetCoverage) -> wire.Reply:
        with self._lock:
            if ask.rule is not None:
                city = self._recorder.core.city
                base = ground(city.assets, city.streams, ask.rule)
            else:
                base = self._present()
            if ask.at_ms is not None:
                store, streams = self._recorder.store, self._recorder.core.city.streams
                past = states_at(store, streams, ask.at_ms, ask.as_known)
                return message(base, judged(base, past), ask.at_ms, self._next())
            newest = self._recorder.core.newest
            never = newest.time_ms == 0
            state = states(newest.time_ms, newest.quality, never)
            if ask.rule is not None:
                return message(base, judged(base, state), newest.wall_ms, self._next())
            if self._newest is None or not np.array_equal(state, self._state):
                self._state = state
                self._newest = message(base, judged(base, state), newest.wall_ms, self._next())
            if ask.seen == self._newest.version:
                return wire.Ok("the same")
            return self._newest

    def _present(self) -> Ground:
        city = self._recorder.core.city
        if self._ground is None or city is not self._city:
            self._ground, self._city = ground(city.assets, city.streams), city
            self._newest = None
        return self._ground

    def _next(self) -> int:
        self._version += 1
        return self._version


def coverage_at(
    store: Store, at_ms: int, as_known: bool = True, rule: Rule | None = None
) -> wire.Coverage:
    """The same answer out of the store alone."""
    assets = {a.id: a for a in store.assets()}
    streams = store.datastreams()
    base = ground(assets, streams, rule)
    return message(base, judged(base, states_at(store, streams, at_ms, as_known)), at_ms, 1)


def states_at(
    store: Store, streams: Sequence[Datastream], at_ms: int, as_known: bool = True
) -> States:
    """LIVE, STALE or SUSPECT by datastream at a moment, by the declared periods."""
    values = store.moment(at_ms, as_known)
    limit = np.full(len(values), stale_after_ms(0.0))
    doubted = {*_suspect_then(stored_suspects(store), at_ms)}
    doubted |= {*_withheld_then(stored_withheld(store), at_ms)}
    quality = values.quality.copy()
    for stream in streams:
        if stream.id < len(limit):
            limit[stream.id] = stale_after_ms(stream.period_ms)
            if stream.key in doubted:
                quality[stream.id] |= np.uint8(QualityMark.SUSPECT)
    return states(values.time_ms, quality, at_ms - values.time_ms > limit)


def _suspect_then(items: Iterable[Suspect], at_ms: int) -> Iterable[str]:
    """Datastreams that stood as suspect at a moment, as far as the lane still has them."""
    for one in items:
        began = one.scope == "datastream" and one.since_ms <= at_ms
        if began and (one.standing or at_ms <= one.seen_ms):
            yield one.key


def _withheld_then(items: Iterable[Withheld], at_ms: int) -> Iterable[str]:
    return (one.key for one in items if one.since_ms <= at_ms)


def message(base: Ground, counts: Counts, at_ms: int, version: int) -> wire.Coverage:
    """Both together as they cross the wire."""
    areas = base.districts
    heads = np.zeros(len(areas.names))
    np.add.at(heads, base.pool_district, base.weight)
    placed = base.column_of >= 0
    return wire.Coverage(
        version=version,
        at_ms=at_ms,
        ids=areas.ids,
        names=areas.names,
        origin=areas.origin,
        square_m=areas.square_m,
        points=areas.points,
        ring_start=areas.ring_start,
        ring_of=areas.ring_of,
        area_m2=areas.area_m2(),
        heads=heads,
        counted=base.counted,
        subjects=base.subjects,
        counts=np.stack((counts.live, counts.stale, counts.suspect)),
        near=counts.near.astype(np.float32),
        verdict=counts.verdict,
        district_of=base.district_of,
        outside=int((placed & (base.district_of < 0)).sum()),
        placeless=base.placeless,
        rule=base.rule,
    )
