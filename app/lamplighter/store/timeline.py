"""The alarms' past in memory: which stood at a moment, as known then or as known now.

Every transition is a fact that never changes, so the columns kept here only grow. They hold what
a question needs to find the right facts; the records themselves are read from the file.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.store import facts
from lamplighter.store.then import Known

KEPT_RECORDS: Final = 20_000
_EVER: Final = 1 << 62
_ROW: Final = np.dtype([
    ("n", "<i8"), ("batch", "<i8"), ("time", "<i8"), ("since", "<i8"), ("key", "<i4"),
    ("stream", "<i4"), ("priority", "u1"), ("stands", "?"), ("raised", "?"), ("noted", "?"),
])  # fmt: skip
"""one transition: a history of a million of them must fit into the recorder"""
Longs = npt.NDArray[np.int64]


class _Part(Struct):
    """The part of a record that the columns need."""

    since_ms: int
    priority: int
    datastream: int


class _Event(Struct):
    """The part of an event that the columns need; the rest of its bytes is passed over."""

    batch: int
    time_ms: int
    event: str
    after: AlarmState
    record: _Part
    actor: str = "system"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """Alarms or notes of one stretch of time, for a mark on a time axis."""

    time_ms: int
    priority: int
    count: int
    n: int
    """fact of the most important one"""
    note: bool = False


class AlarmTimeline:
    """Columns of all alarm transitions of a project; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table = np.zeros(0, _ROW)
        self._keys: dict[str, int] = {}
        self._last = 0
        self._following: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._fresh: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._records: OrderedDict[int, AlarmRecord] = OrderedDict()

    # ---------------------------------------------------------------- keeping up
    def follow(self, city: sqlite3.Connection) -> None:
        """Read what was written since the last question."""
        with self._lock:
            newest = facts.last_number(city)
            if newest <= self._last:
                return
            # from the start by the index of kinds, later on by number: both read little else
            plus = ("+n>", "kind=") if self._last == 0 else ("n>", "+kind=")
            rows = city.execute(
                f"SELECT n, key, body FROM fact WHERE {plus[0]}? AND {plus[1]}?"
                " AND n<=? AND body IS NOT NULL ORDER BY n",
                (self._last, facts.ALARM_EVENT, newest),
            )
            decoder = msgspec.msgpack.Decoder(_Event)
            found = []
            for n, key, body in rows:
                with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                    found.append(self._row(n, key, decoder.decode(body)))
            self._last = newest
            if found:
                self._table = np.concatenate([self._table, np.array(found, _ROW)])
                self._link()

    def _row(self, n: int, key: str, event: _Event) -> tuple[object, ...]:
        part = event.record
        return (
            n, event.batch, event.time_ms, part.since_ms,
            self._keys.setdefault(key, len(self._keys)), part.datastream, part.priority,
            event.after is not AlarmState.NORM, event.event == "raised",
            bool(event.note) and event.actor != "system",
        )  # fmt: skip

    def _link(self) -> None:
        """For each event the one after it of the same alarm, and whether it begins a life."""
        key, stands = self._table["key"], self._table["stands"]
        order = np.argsort(key, kind="stable")
        same = np.append(key[order][1:] == key[order][:-1], False)
        following = np.full(len(key), -1, np.int32)
        following[order[:-1][same[:-1]]] = order[1:][same[:-1]]
        before = np.zeros(len(key), np.bool_)
        has = following >= 0
        before[following[has]] = stands[has]
        self._following, self._fresh = following, stands & ~before

    def __len__(self) -> int:
        return int(self._table.shape[0])

    # ---------------------------------------------------------------- questions
    def known(self, city: sqlite3.Connection, known: Known) -> list[AlarmRecord]:
        """Alarms that stood as it was known then: every alarm's last transition of that time."""
        with self._lock:
            if not len(self):
                return []
            counts = self._counts(known)
            after = np.append(counts, False)[self._following]
            chosen = np.flatnonzero(counts & ~after & self._table["stands"])
            numbers = self._table["n"][chosen].tolist()
        return self._read(city, numbers)

    def true(self, city: sqlite3.Connection, at_ms: int) -> list[AlarmRecord]:
        """Alarms whose condition held at a moment, with all that is known now: those that were
        raised later, from late or corrected data, are among them.
        """
        with self._lock:
            if not len(self):
                return []
            time = self._table["time"]
            ends = np.append(time, _EVER)[self._following]
            by_then = (time <= at_ms) & (at_ms < ends) & self._table["stands"]
            later = self._fresh & (self._table["since"] <= at_ms) & (at_ms < time)
            numbers = self._table["n"][np.flatnonzero(by_then | later)].tolist()
        return self._read(city, numbers)

    def signs(
        self,
        from_ms: int,
        to_ms: int,
        cells: int,
        streams: tuple[int, ...] = (),
        known: Known | None = None,
    ) -> list[Sign]:
        """What was raised and noted in [from_ms, to_ms): at most one sign of each sort per cell,
        the most important alarm of the cell with the count of all.
        """
        with self._lock:
            if not len(self):
                return []
            mask = np.ones(len(self), np.bool_) if known is None else self._counts(known)
            if streams:
                mask &= np.isin(self._table["stream"], streams)
            raised = mask & self._table["raised"]
            noted = mask & self._table["noted"]
            width = max((to_ms - from_ms) // max(cells, 1), 1)
            found = self._cells(raised, self._table["since"], from_ms, to_ms, width, note=False)
            return found + self._cells(noted, self._table["time"], from_ms, to_ms, width, note=True)

    def records(self, city: sqlite3.Connection, numbers: list[int]) -> list[AlarmRecord]:
        """The records of facts that `signs` named, in ascending order of their numbers."""
        return self._read(city, sorted(numbers))

    def _cells(
        self,
        mask: npt.NDArray[np.bool_],
        times: Longs,
        from_ms: int,
        to_ms: int,
        width: int,
        *,
        note: bool,
    ) -> list[Sign]:
        rows = np.flatnonzero(mask & (times >= from_ms) & (times < to_ms))
        if not len(rows):
            return []
        cell = (times[rows] - from_ms) // width
        order = np.lexsort((times[rows], self._table["priority"][rows], cell))
        rows, cell = rows[order], cell[order]
        starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
        counts = np.diff(np.append(starts, len(rows)))
        first = rows[starts]
        return [
            Sign(*four, note=note)
            for four in zip(
                times[first].tolist(),
                self._table["priority"][first].tolist(),
                counts.tolist(),
                self._table["n"][first].tolist(),
                strict=True,
            )
        ]

    def _counts(self, known: Known) -> npt.NDArray[np.bool_]:
        batch = self._table["batch"]
        then = (batch <= known.batch) & (self._table["time"] <= known.at_ms)
        return then | (batch < known.since)

    # ---------------------------------------------------------------- records
    def _read(self, city: sqlite3.Connection, numbers: list[int]) -> list[AlarmRecord]:
        found: dict[int, AlarmRecord] = {}
        missing = []
        with self._lock:
            for n in numbers:
                kept = self._records.get(n)
                if kept is None:
                    missing.append(n)
                else:
                    found[n] = kept
        decoder = msgspec.msgpack.Decoder(AlarmEvent)
        for start in range(0, len(missing), 500):
            part = missing[start : start + 500]
            marks = ",".join("?" * len(part))
            rows = city.execute(f"SELECT n, body FROM fact WHERE n IN ({marks})", part)
            for n, body in rows:
                with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                    found[n] = decoder.decode(body).record
        with self._lock:
            for n in missing:
                if n in found:
                    self._records[n] = found[n]
            while len(self._records) > KEPT_RECORDS:
                self._records.popitem(last=False)
        return [found[n] for n in numbers if n in found]
