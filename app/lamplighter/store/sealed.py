"""Reading the past wherever it lies: batches up to the last sealed one from segments, later ones
from the hot file.

A question is asked inside one read transaction (`snapshot`), so that what moves from hot to sealed
meanwhile is neither missed nor counted twice. Damaged pieces are passed over: the others still
answer, and `verify` says which are damaged.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from lamplighter.domain.observation import PointColumns
from lamplighter.store.segment import Segment, SegmentFiles, SliceRow
from lamplighter.store.slices import Heads, Letters

KEPT_POINTS: Final = 1_500_000
KEPT_TABLES: Final = 48
KEPT_STREAMED: Final = 600_000
"""points of single datastreams: what charts look at moves little from one look to the next"""
EVER: Final = 1 << 62
DAMAGED: Final = (ValueError, TypeError, IndexError, OverflowError, sqlite3.Error)
T = TypeVar("T")


class SealedFiles(SegmentFiles):
    """Segments with what was decoded of them last; nothing in them changes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._decoded: OrderedDict[tuple[str, int], PointColumns] = OrderedDict()
        self._held = 0
        self._tables: OrderedDict[tuple[str, int, str], Any] = OrderedDict()
        self._streams: OrderedDict[tuple[str, int, int, bool], PointColumns] = OrderedDict()
        self._streamed = 0
        self._guard = threading.Lock()

    def heads(self, name: str, n: int) -> Heads:
        return self._table((name, n, "heads"), lambda: self.get(name).heads(n))

    def letters(self, name: str, n: int) -> Letters:
        return self._table((name, n, "letters"), lambda: self.get(name).letters(n))

    def _table(self, key: tuple[str, int, str], read: Callable[[], T]) -> T:
        with self._guard:
            found: T | None = self._tables.get(key)
            if found is not None:
                self._tables.move_to_end(key)
                return found
        found = read()
        with self._guard:
            self._tables[key] = found
            while len(self._tables) > KEPT_TABLES:
                self._tables.popitem(last=False)
        return found

    def points(self, name: str, n: int) -> PointColumns:
        """A slice's sound points by (datastream, time); `message` is the number of their batch."""
        with self._guard:
            found = self._decoded.get((name, n))
            if found is not None:
                self._decoded.move_to_end((name, n))
                return found
        found = self.get(name).sound_points(n).columns(self.letters(name, n).batch)
        with self._guard:
            if (name, n) not in self._decoded:
                self._decoded[name, n] = found
                self._held += len(found)
            while self._held > KEPT_POINTS and len(self._decoded) > 1:
                self._held -= len(self._decoded.popitem(last=False)[1])
        return found

    def stream(self, name: str, row: SliceRow, stream: int, after: int, until: int) -> PointColumns:
        """One datastream's points out of batches (after, until] of a slice, by time."""
        whole = after < row.from_batch and row.to_batch <= until
        key = (name, row.n, stream, whole)
        with self._guard:
            columns = self._streams.get(key)
            if columns is not None:
                self._streams.move_to_end(key)
        if columns is None:
            found = self.get(name).stream(stream, row.n, origin=not whole)
            columns = found.columns(None if whole else self.letters(name, row.n).batch)
            self._keep_stream(key, columns)
        return columns if whole else _between(columns, after, until)

    def _keep_stream(self, key: tuple[str, int, int, bool], columns: PointColumns) -> None:
        with self._guard:
            if key not in self._streams:
                self._streams[key] = columns
                self._streamed += len(columns)
            while self._streamed > KEPT_STREAMED and len(self._streams) > 1:
                self._streamed -= len(self._streams.popitem(last=False)[1])


class Connection(sqlite3.Connection):
    """A connection that knows the sealed files beside its database."""

    segments: SealedFiles | None = None


def files(sql: sqlite3.Connection) -> SealedFiles:
    """The segments that belong to the history `sql` is open on."""
    found = getattr(sql, "segments", None)
    if isinstance(found, SealedFiles):
        return found
    file = next(row[2] for row in sql.execute("PRAGMA database_list") if row[1] == "main")
    made = SealedFiles(Path(file).parent / "segments")
    if isinstance(sql, Connection):
        sql.segments = made
    return made


@contextlib.contextmanager
def snapshot(sql: sqlite3.Connection) -> Iterator[None]:
    """All reads inside see the same state; inside a transaction it is that one's."""
    if sql.in_transaction:
        yield
        return
    sql.execute("BEGIN")
    try:
        yield
    finally:
        sql.execute("COMMIT")


def border(sql: sqlite3.Connection) -> int:
    """The last batch that is not read from the hot file any more."""
    return int(sql.execute("SELECT coalesce(max(to_batch), 0) FROM segment").fetchone()[0])


def segment_of(sql: sqlite3.Connection, number: int) -> tuple[str, int, int, str] | None:
    """(name, first batch, last batch, state) of the segment that covers a batch."""
    found: tuple[str, int, int, str] | None = sql.execute(
        "SELECT name, from_batch, to_batch, state FROM segment"
        " WHERE from_batch<=? AND to_batch>=? AND state<>'merged'",
        (number, number),
    ).fetchone()
    return found


def _slices(
    sql: sqlite3.Connection, from_ms: int, to_ms: int, after: int, until: int
) -> Iterator[tuple[str, SliceRow]]:
    """Slices with points in [from_ms, to_ms) and batches in (after, until], in recorded order."""
    names = sql.execute(
        "SELECT name FROM segment WHERE state IN ('sealed', 'thinned') AND to_batch>?"
        " AND from_batch<=? AND last_ms>=? AND first_ms<? AND points>0 ORDER BY from_batch",
        (after, until, from_ms, to_ms),
    ).fetchall()
    for (name,) in names:
        try:
            rows = files(sql).get(name).slices()
        except DAMAGED:
            continue
        for row in rows:
            if (
                row.points
                and row.to_batch > after
                and row.from_batch <= until
                and row.last_ms >= from_ms
                and row.first_ms < to_ms
            ):
                yield name, row


def sealed_points(
    sql: sqlite3.Connection, from_ms: int, to_ms: int, after: int, until: int
) -> Iterator[PointColumns]:
    """Points of sealed batches in (after, until] from slices that touch [from_ms, to_ms), slice by
    slice in recorded order, each sorted by (datastream, time).
    """
    for name, row in _slices(sql, from_ms, to_ms, after, until):
        try:
            found = files(sql).points(name, row.n)
        except DAMAGED:
            continue
        whole = after < row.from_batch and row.to_batch <= until
        yield found if whole else _between(found, after, until)


def sealed_stream(
    sql: sqlite3.Connection, stream: int, from_ms: int, to_ms: int, after: int, until: int
) -> list[PointColumns]:
    """The same for one datastream, of which only its own chunks are read."""
    found = []
    for name, row in _slices(sql, from_ms, to_ms, after, until):
        with contextlib.suppress(*DAMAGED):
            found.append(files(sql).stream(name, row, stream, after, until))
    return found


def sealed_slices(sql: sqlite3.Connection, from_ms: int, to_ms: int) -> int:
    """How many slices touch a span."""
    return sum(1 for _ in _slices(sql, from_ms, to_ms, 0, EVER))


def wall_ms(sql: sqlite3.Connection, number: int) -> int:
    """Wall time of a batch, 0 when there is none. Of an expired one only the nearest is known."""
    row = sql.execute("SELECT wall_ms FROM batch WHERE number=?", (number,)).fetchone()
    if row is not None:
        return int(row[0])
    row = sql.execute(
        "SELECT name, from_batch, to_batch, first_wall_ms, last_wall_ms, state FROM segment"
        " WHERE from_batch<=? AND to_batch>=? AND state<>'merged'",
        (number, number),
    ).fetchone()
    if row is None:
        return 0
    name, first, last, first_wall, last_wall, state = row
    if number == first or (state == "expired" and number != last):
        return int(first_wall)
    if number == last:
        return int(last_wall)
    with contextlib.suppress(*DAMAGED):
        heads = heads_of(sql, name, number)
        return int(heads.wall_ms[number - heads.first])
    return int(first_wall)


def heads_of(sql: sqlite3.Connection, name: str, number: int) -> Heads:
    """Heads of the slice of a segment that holds a batch. Raises ValueError when damaged."""
    for row in files(sql).get(name).slices():
        if row.from_batch <= number <= row.to_batch:
            return files(sql).heads(name, row.n)
    raise ValueError(f"no slice holds batch {number}")


def narrowed(sql: sqlite3.Connection, at_ms: int, low: int, high: int) -> tuple[int, int]:
    """[low, high], in which wall time never goes back, cut down to the segment (or the hot part)
    in which it passes `at_ms`.
    """
    last = border(sql)
    if high > last:
        if low > last or wall_ms(sql, last + 1) <= at_ms:
            return max(low, last + 1), high
        high = last
    rows = sql.execute(
        "SELECT from_batch, first_wall_ms FROM segment WHERE state<>'merged' AND from_batch>?"
        " AND from_batch<=? ORDER BY from_batch DESC",
        (low, high),
    )
    for first, wall in rows:
        if wall <= at_ms:
            return first, high
        high = first - 1
    return low, high


def _between(points: PointColumns, after: int, until: int) -> PointColumns:
    return points.take(np.flatnonzero((points.message > after) & (points.message <= until)))


def open_segment(sql: sqlite3.Connection, name: str) -> Segment:
    """Raises ValueError (missing) or sqlite3.Error."""
    return files(sql).get(name)
