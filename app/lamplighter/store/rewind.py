"""Facts of the past, by both clocks: alarms, incidents, work orders, forecasts, late data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Final

import numpy as np
from msgspec.structs import replace

from lamplighter.domain import order_fields
from lamplighter.domain.alarm import AlarmRecord, Incident
from lamplighter.domain.edits import Edit, Edits
from lamplighter.domain.forecast import Forecast
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.observation import PointColumns
from lamplighter.store import batches, facts, sealed
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.connections import Readers
from lamplighter.store.then import Known, facts_known, known_at
from lamplighter.store.timeline import AlarmTimeline, Sign

LATE_BATCHES: Final = 400
"""batches looked into at most for what came late; beyond, the count is a lower bound"""


@dataclass(frozen=True, slots=True)
class Late:
    """Points of one source about [first_ms, last_ms] that were recorded after a moment."""

    source: str
    points: int
    first_ms: int
    last_ms: int
    arrived_ms: int
    """wall time of the last batch that brought some"""


class Rewind:
    """Reads the facts of another time; safe from any thread."""

    def __init__(self, readers: Readers, decoded: DecodedBatches) -> None:
        self._readers = readers
        self._decoded = decoded
        self._timeline = AlarmTimeline()

    def known_at(self, at_ms: int) -> Known:
        """What had been recorded by then."""
        return known_at(self._readers.history, at_ms)

    def alarms(self, at_ms: int, as_known: bool) -> list[AlarmRecord]:
        """Alarms that stood at a moment: as it was known then, or with all that is known now."""
        city = self._readers.city
        self._timeline.follow(city)
        if as_known:
            return self._timeline.known(city, self.known_at(at_ms))
        return self._timeline.true(city, at_ms)

    def incidents(self, at_ms: int, as_known: bool) -> list[Incident]:
        """Open incidents of that moment; with all that is known now, those whose cause began by
        then and that were not over yet.
        """
        if as_known:
            known = self.known_at(at_ms)
            every = facts_known(self._readers.city, facts.INCIDENT, Incident, known).values()
            return [i for i in every if i.active]
        return self._true_incidents(at_ms)

    def _true_incidents(self, at_ms: int) -> list[Incident]:
        """The fullest account of each incident that was open at the moment."""
        known = self.known_at(at_ms)
        then = facts_known(self._readers.city, facts.INCIDENT, Incident, known)
        found = []
        for key, last in facts.current(self._readers.city, facts.INCIDENT, Incident).items():
            before = then.get(key)
            if before is None:
                if last.since_ms <= at_ms:  # found out later
                    found.append(replace(last, active=True))
            elif before.active:
                found.append(last if last.active else before)
        return found

    def orders(self, at_ms: int, as_known: bool) -> list[WorkOrder]:
        """Work orders with their notes as they stood then: as this console knew them, or as all
        that is known now says, with what was done elsewhere at the time it was done.
        """
        known = self.known_at(at_ms) if as_known else None
        every = facts_known(self._readers.city, facts.ORDER, WorkOrder, known).values()
        if as_known:
            return list(every)
        return self._true_orders([o for o in every if o.created_ms <= at_ms], at_ms)

    def _true_orders(self, orders: list[WorkOrder], at_ms: int) -> list[WorkOrder]:
        """By the edits made until then, whenever they came; those never edited as they stand."""
        edits = facts.current(self._readers.city, facts.EDIT, Edit).values()
        edited = {e.object for e in edits}
        then = Edits(e for e in edits if e.made_ms <= at_ms)
        found = []
        for order in orders:
            object = order_fields.object_of(order.id)
            fields = then.record(object)
            if object not in edited:
                found.append(order)
            elif fields:
                found.append(order_fields.order_from(order.id, fields))
        return found

    def prognoses(self, at_ms: int, as_known: bool) -> list[Prognosis]:
        """Forecasts as they had been issued by then, or the newest ones."""
        known = self.known_at(at_ms) if as_known else None
        return list(facts_known(self._readers.city, facts.PROGNOSIS, Prognosis, known).values())

    def forecasts(self, at_ms: int, as_known: bool) -> list[Forecast]:
        """What had been forecast of the next hours by then; without `as_known` also what came
        into the store later, as long as it was made by then.
        """
        known = self.known_at(at_ms) if as_known else None
        found = facts_known(self._readers.city, facts.FORECAST, Forecast, known).values()
        return [f for f in found if f.made_ms <= at_ms]

    def signs(
        self,
        from_ms: int,
        to_ms: int,
        cells: int,
        streams: tuple[int, ...] = (),
        known_at_ms: int | None = None,
    ) -> list[tuple[Sign, AlarmRecord]]:
        """Alarms and notes of a stretch of time, thinned to `cells`, each with its record."""
        city = self._readers.city
        self._timeline.follow(city)
        known = self.known_at(known_at_ms) if known_at_ms is not None else None
        signs = self._timeline.signs(from_ms, to_ms, cells, streams, known)
        signs.sort(key=lambda s: s.n)
        records = self._timeline.records(city, [s.n for s in signs])
        if len(records) != len(signs):  # a damaged fact: leave its sign out
            return []
        return sorted(zip(signs, records, strict=True), key=lambda pair: pair[0].time_ms)

    def recorded(self, from_ms: int, to_ms: int, cells: int) -> list[tuple[int, int]]:
        """Stretches of [from_ms, to_ms) in which batches were recorded, as fine as a cell."""
        sql, found = self._readers.history, list[tuple[int, int]]()
        edges = [from_ms + (to_ms - from_ms) * n // cells for n in range(cells + 1)]
        before = batches.known_at(sql, edges[0])
        for first, last in pairwise(edges):
            after = batches.known_at(sql, last)
            if after > before:
                joined = bool(found) and found[-1][1] == first
                found[-1:] = [(found[-1][0], last)] if joined else [*found[-1:], (first, last)]
            before = after
        return found

    def late(self, from_ms: int, at_ms: int) -> tuple[list[Late], bool]:
        """What was recorded after `at_ms` about (from_ms, at_ms], by source; and whether that is
        all of it.
        """
        sql = self._readers.history
        last, after = batches.last_number(sql), self.known_at(at_ms).batch
        with sealed.snapshot(sql):
            numbers = batches.overlapping(sql, from_ms + 1, at_ms + 1, after, last)
            whole = len(numbers) <= LATE_BATCHES
            sources = dict(sql.execute("SELECT id, source FROM datastream").fetchall())
            names = dict(sql.execute("SELECT id, name FROM source").fetchall())
            of_stream = np.full(max(sources, default=-1) + 1, -1, np.int64)
            of_stream[list(sources)] = list(sources.values())
            found: dict[int, list[int]] = {}

            def add(points: PointColumns, wall: Callable[[int], int]) -> None:
                inside = (points.time_ms > from_ms) & (points.time_ms <= at_ms)
                owner = of_stream[points.datastream]
                for source in np.unique(owner[inside]).tolist():
                    mine = inside & (owner == source)
                    times = points.time_ms[mine]
                    entry = found.setdefault(source, [0, 1 << 62, -(1 << 62), 0])
                    entry[0] += len(times)
                    entry[1] = min(entry[1], int(times.min()))
                    entry[2] = max(entry[2], int(times.max()))
                    entry[3] = max(entry[3], wall(int(points.message[mine].max())))

            # of sealed points `message` is the number of their batch
            for points in sealed.sealed_points(sql, from_ms + 1, at_ms + 1, after, last):
                add(points, partial(batches.wall_ms, sql))
            for number in numbers[:LATE_BATCHES]:
                recorded = batches.wall_ms(sql, number)
                for points in self._decoded.get(sql, [number]):
                    add(points, lambda _, wall=recorded: wall)  # type: ignore[misc]
        late = [Late(names.get(s, "?"), *entry) for s, entry in found.items()]
        return sorted(late, key=lambda e: -e.points), whole
