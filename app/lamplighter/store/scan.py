"""Coarse cells of many datastreams over a long span, read once for all that lie together.

A chart asks for one datastream; a rule that is tried on months of history asks for a thousand, and
first only for what their values came to, so that most of the points need not be read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np

from lamplighter.store import batches, cells, sealed
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.cells import PART, STEPS_MS, Cells


def scan_cells(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    datastreams: Sequence[int],
    from_ms: int,
    to_ms: int,
    tier: int = len(STEPS_MS),
) -> Iterator[tuple[int, Cells]]:
    """(datastream, its cells by time) for each asked for that has any; cells of the tier, finer
    ones where those are not made yet. A cell at an edge of the span may reach over it.
    """
    with sealed.snapshot(sql):
        wanted = np.unique(np.asarray(datastreams, np.int64))
        flushes, covered = _flushes(sql, from_ms, to_ms, tier)
        tail = _tail(sql, decoded, wanted, from_ms, to_ms, covered)
        for part in np.unique(wanted // PART).tolist():
            mine = wanted[wanted // PART == part]
            found = [f for n, kind in flushes if (f := _read(sql, n, kind, part)) is not None]
            found.append(tail)
            every = Cells.join([f.take(np.flatnonzero(np.isin(f.datastream, mine))) for f in found])
            inside = (every.last_ms >= from_ms) & (every.first_ms < to_ms)
            every = every.take(np.flatnonzero(inside))
            order = np.lexsort((every.first_ms, every.datastream))
            every = every.take(order)
            for stream in mine.tolist():
                low, high = np.searchsorted(every.datastream, [stream, stream + 1]).tolist()
                if high > low:
                    yield stream, every.take(np.arange(low, high))


def _flushes(
    sql: sqlite3.Connection, from_ms: int, to_ms: int, tier: int
) -> tuple[list[tuple[int, int]], int]:
    """(flush, kind) that cover the span, coarse ones first; and the last batch they cover."""
    found: list[tuple[int, int]] = []
    covered = 0
    for level in range(tier, 0, -1):
        rows = sql.execute(
            "SELECT n FROM flush WHERE tier=? AND from_batch>=? AND last_ms>=? AND first_ms<?"
            " ORDER BY to_batch",
            (level, covered, from_ms, to_ms),
        ).fetchall()
        found += [(int(row[0]), level) for row in rows]
        last = sql.execute("SELECT max(to_batch) FROM flush WHERE tier=?", (level,)).fetchone()[0]
        covered = max(covered, int(last or 0))
    return found, covered


def _read(sql: sqlite3.Connection, flush: int, kind: int, part: int) -> Cells | None:
    """A part of a flush; of a damaged one its batches' points."""
    row = sql.execute(
        "SELECT body FROM cells WHERE flush=? AND kind=? AND part=?", (flush, kind, part)
    ).fetchone()
    if row is None:
        return None
    try:
        return cells.decode_cells(row[0])
    except ValueError:
        low, high = sql.execute(
            "SELECT from_batch, to_batch FROM flush WHERE n=?", (flush,)
        ).fetchone()
        points = batches.points_between(sql, DecodedBatches(0), -(1 << 62), 1 << 62, low, high)
        return Cells.join(
            [cells.of_points(p.take(np.flatnonzero(p.datastream // PART == part))) for p in points]
        )


def _tail(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    wanted: np.ndarray,
    from_ms: int,
    to_ms: int,
    covered: int,
) -> Cells:
    """Points of batches that were not flushed yet."""
    last = batches.last_number(sql)
    points = batches.points_between(sql, decoded, from_ms, to_ms, covered, last)
    return Cells.join(
        [cells.of_points(p.take(np.flatnonzero(np.isin(p.datastream, wanted)))) for p in points]
    )
