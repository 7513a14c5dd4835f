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
_COLUMNS: Final = (
    "n", "key", "batch", "wall", "time", "since", "stands", "raised", "priority", "stream", "noted",
)  # fmt: skip
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
        self._rows: list[Longs] = []
        self._table: Longs = np.zeros((len(_COLUMNS), 0), np.int64)
        self._keys: dict[str, int] = {}
        self._last = 0
        self._following: Longs = np.zeros(0, np.int64)
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
                f"SELECT n, key, wall_ms, body FROM fact WHERE {plus[0]}? AND {plus[1]}?"
                " AND n<=? AND body IS NOT NULL ORDER BY n",
                (self._last, facts.ALARM_EVENT, newest),
            )
            decoder = msgspec.msgpack.Decoder(_Event)
            found = []
            for n, key, wall_ms, body in rows:
                with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                    found.append(self._columns(n, key, wall_ms, decoder.decode(body)))
            self._last = newest
            if found:
                new = np.array(found, np.int64).T
                self._table = np.concatenate([self._table, new], axis=1)
                self._link()

    def _columns(self, n: int, key: str, wall_ms: int, event: _Event) -> tuple[int, ...]:
        part = event.record
        noted = bool(event.note) and event.actor != "system"
        return (
            n, self._keys.setdefault(key, len(self._keys)), event.batch, wall_ms, event.time_ms,
            part.since_ms, event.after is not AlarmState.NORM, event.event == "raised",
            part.priority, part.datastream, noted,
        )  # fmt: skip

    def _link(self) -> None:
        """For each event the one after it of the same alarm, and whether it begins a life."""
        key, stands = self._col("key"), self._col("stands").astype(np.bool_)
        order = np.argsort(key, kind="stable")
        same = np.append(key[order][1:] == key[order][:-1], False)
        following = np.full(len(key), -1, np.int64)
        following[order[:-1][same[:-1]]] = order[1:][same[:-1]]
        before = np.zeros(len(key), np.bool_)
        has = following >= 0
        before[following[has]] = stands[has]
        self._following, self._fresh = following, stands & ~before

    def _col(self, name: str) -> Longs:
        column: Longs = self._table[_COLUMNS.index(name)]
        return column

    def __len__(self) -> int:
        return int(self._table.shape[1])

    # ---------------------------------------------------------------- questions
    def known(self, city: sqlite3.Connection, known: Known) -> list[AlarmRecord]:
        """Alarms that stood as it was known then: every alarm's last transition of that time."""
        with self._lock:
            if not len(self):
                return []
            counts = self._counts(known)
            after = np.append(counts, False)[self._following]
            chosen = np.flatnonzero(counts & ~after & (self._col("stands") != 0))
            numbers = self._col("n")[chosen].tolist()
        return self._read(city, numbers)

    def true(self, city: sqlite3.Connection, at_ms: int) -> list[AlarmRecord]:
        """Alarms whose condition held at a moment, with all that is known now: those that were
        raised later, from late or corrected data, are among them.
        """
        with self._lock:
            if not len(self):
                return []
            time = self._col("time")
            ends = np.append(time, _EVER)[self._following]
            by_then = (time <= at_ms) & (at_ms < ends) & (self._col("stands") != 0)
            later = self._fresh & (self._col("since") <= at_ms) & (at_ms < time)
            numbers = self._col("n")[np.flatnonzero(by_then | later)].tolist()
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
                mask &= np.isin(self._col("stream"), streams)
            raised = mask & (self._col("raised") != 0)
            noted = mask & (self._col("noted") != 0)
            width = max((to_ms - from_ms) // max(cells, 1), 1)
            found = self._cells(raised, self._col("since"), from_ms, to_ms, width, note=False)
            return found + self._cells(noted, self._col("time"), from_ms, to_ms, width, note=True)

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
        order = np.lexsort((times[rows], self._col("priority")[rows], cell))
        rows, cell = rows[order], cell[order]
        starts = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
        counts = np.diff(np.append(starts, len(rows)))
        first = rows[starts]
        return [
            Sign(*four, note=note)
            for four in zip(
                times[first].tolist(),
                self._col("priority")[first].tolist(),
                counts.tolist(),
                self._col("n")[first].tolist(),
                strict=True,
            )
        ]

    def _counts(self, known: Known) -> npt.NDArray[np.bool_]:
        batch = self._col("batch")
        then = (batch <= known.batch) & (self._col("time") <= known.at_ms)
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
