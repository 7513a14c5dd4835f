"""Reading stored batches: heads by time or by when they were known, bodies decoded once."""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sized
from typing import Any, Final, TypeVar

import numpy as np

from lamplighter.domain.observation import PointColumns
from lamplighter.store import blob, sealed
from lamplighter.store.sealed import wall_ms as wall_ms

KEPT_POINTS: Final = 1_500_000
KEPT_ROWS: Final = 1_000_000
T = TypeVar("T", bound=Sized)


class DecodedBatches:
    """The last bodies somebody looked at. Batches never change, so nothing here grows old."""

    def __init__(self, kept_points: int = KEPT_POINTS) -> None:
        self._kept: OrderedDict[int, PointColumns] = OrderedDict()
        self._points = 0
        self._limit = kept_points
        self._lock = threading.Lock()
        self._parts: OrderedDict[Hashable, Any] = OrderedDict()
        self._rows = 0

    def get(self, sql: sqlite3.Connection, numbers: Iterable[int]) -> Iterator[PointColumns]:
        """The points of each batch, in the given order.

        Batches without points are passed over, and so are damaged ones: the others still answer,
        and `verify` says which are damaged.
        """
        for number in numbers:
            with self._lock:
                found = self._kept.get(number)
                if found is not None:
                    self._kept.move_to_end(number)
            if found is None:
                found = sound_points(sql, number)
                if found is None:
                    continue
                self._keep(number, found)
            yield found

    def part(self, key: Hashable, decode: Callable[[], T]) -> T:
        """A decoded part of a run or of cells; neighbours ask for the same one, one after the
        other. `key` must tell its content. Raises what `decode` raises.
        """
        with self._lock:
            found: T | None = self._parts.get(key)
            if found is not None:
                self._parts.move_to_end(key)
                return found
        made = decode()
        with self._lock:
            if key not in self._parts and len(made) < KEPT_ROWS:
                self._parts[key] = made
                self._rows += len(made)
            while self._rows > KEPT_ROWS:
                _, gone = self._parts.popitem(last=False)
                self._rows -= len(gone)
        return made

    def _keep(self, number: int, points: PointColumns) -> None:
        with self._lock:
            if number not in self._kept:
                self._kept[number] = points
                self._points += len(points)
            while self._points > self._limit and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._points -= len(gone)


def read_points(sql: sqlite3.Connection, number: int) -> PointColumns | None:
    """None when the batch holds no points. Raises ValueError when its bytes are damaged."""
    row = sql.execute("SELECT points FROM body WHERE number=?", (number,)).fetchone()
    return blob.decode(row[0]) if row else None


def sound_points(sql: sqlite3.Connection, number: int) -> PointColumns | None:
    """None also when the bytes are damaged."""
    try:
        return read_points(sql, number)
    except ValueError:
        return None


def known_at(sql: sqlite3.Connection, at_ms: int) -> int:
    """The last batch recorded by `at_ms`: what was known then is every batch up to it.

    Batch order rules, wall time only labels: a clock that jumped cannot make later batches known
    earlier than those before them.
    """
    starts = [row[0] for row in sql.execute("SELECT batch FROM setback ORDER BY batch DESC")]
    end = last_number(sql)
    for start in (*starts, 1):
        if start <= end and sealed.wall_ms(sql, start) <= at_ms:
            return _last_by(sql, at_ms, start, end)
        end = start - 1
    return 0


def _last_by(sql: sqlite3.Connection, at_ms: int, low: int, high: int) -> int:
    """The last batch of [low, high], in which wall time never goes back, recorded by `at_ms`."""
    low, high = sealed.narrowed(sql, at_ms, low, high)
    while low < high:
        middle = (low + high + 1) // 2
        if sealed.wall_ms(sql, middle) <= at_ms:
            low = middle
        else:
            high = middle - 1
    return low


def last_number(sql: sqlite3.Connection) -> int:
    """The last batch. It is always hot, unless the hot file was lost."""
    found = sql.execute("SELECT max(number) FROM batch").fetchone()[0]
    return max(int(found or 0), sealed.border(sql))


def overlapping(
    sql: sqlite3.Connection, from_ms: int, to_ms: int, after: int, until: int
) -> list[int]:
    """Hot batches in (after, until] with points in [from_ms, to_ms), in recorded order."""
    rows = sql.execute(
        "SELECT number FROM batch WHERE last_ms>=? AND first_ms<? AND number>? AND number<=?"
        " AND count>0",
        (from_ms, to_ms, max(after, sealed.border(sql)), until),
    )
    return sorted(row[0] for row in rows)


def ahead(sql: sqlite3.Connection, cut_ms: int, until_ms: int, last: int) -> list[int]:
    """Hot batches up to `last` with points in (cut_ms, until_ms], by the index over times: few."""
    rows = sql.execute(
        "SELECT number FROM batch WHERE last_ms>? AND first_ms<=? AND +number<=? AND +number>?"
        " AND count>0",
        (cut_ms, until_ms, last, sealed.border(sql)),
    )
    return sorted(row[0] for row in rows)


def points_between(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    from_ms: int,
    to_ms: int,
    after: int,
    until: int,
) -> Iterator[PointColumns]:
    """Points of the batches in (after, until] that touch [from_ms, to_ms), sealed or hot, piece by
    piece in recorded order.
    """
    yield from sealed.sealed_points(sql, from_ms, to_ms, after, until)
    yield from decoded.get(sql, overlapping(sql, from_ms, to_ms, after, until))


def stream_between(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    datastream: int,
    from_ms: int,
    to_ms: int,
    after: int,
    until: int,
) -> list[PointColumns]:
    """The same for one datastream."""
    found = sealed.sealed_stream(sql, datastream, from_ms, to_ms, after, until)
    for points in decoded.get(sql, overlapping(sql, from_ms, to_ms, after, until)):
        found.append(points.take(np.flatnonzero(points.datastream == datastream)))
    return found
