"""Keeps points sorted by datastream, cells of growing steps and key-frames, as data arrives.

Points are held in memory and flushed together: one run of sorted points, their 16 s cells and a
key-frame. Sixteen flushes merge into one of the next tier. A flush covers exactly the batches
(from, to], so late data simply lands in a later flush, and what was known at a batch is every
flush up to it and the few batches after. All of it is derived: it can be made again.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.observation import PointColumns
from lamplighter.store import cells, keyframe, past
from lamplighter.store.batches import DecodedBatches, ahead, sound_points
from lamplighter.store.sealed import border, sealed_points, wall_ms

FLUSH_POINTS: Final = 1 << 18
FLUSH_BATCHES: Final = 600
CLOSE_POINTS: Final = 20_000
"""fewer points are left to be read as they are"""
MERGED_AT_ONCE: Final = 16
LONG_CELLS: Final = 16
"""a flush gets coarser cells beside its own when it spans so many of them"""
LEAST_SAVED: Final = 4
"""and when they are so many times fewer"""


class Roller:
    """Used by the writer thread alone."""

    def __init__(self, connection: sqlite3.Connection, number: int) -> None:
        self._sql = connection
        self._held: list[PointColumns] = []
        self._points = 0
        row = connection.execute("SELECT max(to_batch) FROM flush WHERE tier=1").fetchone()
        self._from = self._to = int(row[0] or 0)
        row = connection.execute("SELECT max(cut_ms) FROM snapshot").fetchone()
        self._cut = int(row[0] or 0)
        self._state: NewestValues = blank(0)
        self._ahead: list[PointColumns] = []
        last = border(connection)
        lost = last > self._from
        if lost:  # the file was lost, segments are there
            self._from, self._cut = last, wall_ms(connection, last)
        self._restore(number)
        if lost:
            keyframe.write(connection, last, self._cut, self._state)

    def _restore(self, number: int) -> None:
        self._state = past.state_at(self._sql, DecodedBatches(0), self._cut, self._from)
        for points in sealed_points(self._sql, self._cut + 1, 1 << 62, 0, self._from):
            later_ones = points.take(points.time_ms > self._cut)
            if len(later_ones):
                self._ahead.append(later_ones)
        for early in ahead(self._sql, self._cut, 1 << 62, self._from):
            early_points = sound_points(self._sql, early)
            if early_points is not None:
                self._ahead.append(early_points.take(early_points.time_ms > self._cut))
        for later in range(self._from + 1, number + 1):
            held = sound_points(self._sql, later)
            if held is not None:
                self.add(later, held)
        self._to = number

    def add(self, number: int, points: PointColumns) -> None:
        """Take the points of a stored batch."""
        self._to = number
        if len(points):
            self._held.append(points)
            self._points += len(points)

    @property
    def due(self) -> bool:
        return self._points >= FLUSH_POINTS or len(self._held) >= FLUSH_BATCHES

    def close(self) -> None:
        """Flush when it is worth it."""
        if self._points >= CLOSE_POINTS:
            self.flush()

    def flush(self) -> None:
        """Write what is held. Raises sqlite3.Error with nothing written and all still held."""
        if not self._held:
            return
        cut_ms = self._sql.execute(
            "SELECT wall_ms FROM batch WHERE number=?", (self._to,)
        ).fetchone()[0]
        cut_ms = max(cut_ms, self._cut)
        held = [*self._held]
        run = cells.sorted_run(PointColumns.join(held, [0] * len(held)))
        state, later = self._next_state(run, cut_ms)
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            self._write_flush(run)
            keyframe.write(self._sql, self._to, cut_ms, state)
            for tier in range(1, len(cells.STEPS_MS)):
                self._merge(tier)
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            raise
        self._state, self._ahead, self._cut = state, later, cut_ms
        self._from, self._held, self._points = self._to, [], 0

    def _next_state(
        self, run: PointColumns, cut_ms: int
    ) -> tuple[NewestValues, list[PointColumns]]:
        """The key-frame after this flush, and the points that lie beyond its time."""
        known = max([int(run.datastream[-1]) + 1, len(self._state)])
        state = keyframe.grown(self._state, known)
        later: list[PointColumns] = []
        for points in (*self._ahead, run):
            inside = points.time_ms <= cut_ms
            if inside.all():
                keyframe.fold(state, points)
            else:
                keyframe.fold(state, points.take(inside))
                later.append(points.take(~inside))
        return state, later

    def _write_flush(self, run: PointColumns) -> None:
        span = int(run.time_ms.min()), int(run.time_ms.max())
        number = self._insert(1, self._from, self._to, span)
        made = cells.merge(cells.of_points(run), cells.STEPS_MS[0])
        self._sql.executemany(
            "INSERT INTO cells VALUES(?,0,?,?)",
            [(number, p, cells.encode_run(run, rows)) for p, rows in cells.parts(run.datastream)],
        )
        self._insert_cells(number, 1, made)
        self._coarser(number, 1, made, span)

    def _coarser(self, flush: int, kind: int, made: cells.Cells, span: tuple[int, int]) -> None:
        """Coarser cells beside those of a flush that spans a long time, as it does where points
        come seldom: a year is then read without the points of a year.
        """
        for coarse in range(kind + 1, len(cells.STEPS_MS) + 1):
            step = cells.STEPS_MS[coarse - 1]
            if span[1] - span[0] < LONG_CELLS * step:
                return
            fewer = cells.merge(made, step)
            if len(fewer) * LEAST_SAVED <= len(made):
                self._insert_cells(flush, coarse, fewer)
                made = fewer

    def _merge(self, tier: int) -> None:
        rows = self._sql.execute(
            "SELECT n, from_batch, to_batch, first_ms, last_ms FROM flush"
            " WHERE tier=? AND merged=0 ORDER BY to_batch LIMIT ?",
            (tier, MERGED_AT_ONCE),
        ).fetchall()
        if len(rows) < MERGED_AT_ONCE:
            return
        span = min(r[3] for r in rows), max(r[4] for r in rows)
        number = self._insert(tier + 1, rows[0][1], rows[-1][2], span)
        # one flush at a time, so that the memory is that of one and not of sixteen
        coarse = [cells.merge(self._cells_of(row[0], tier), cells.STEPS_MS[tier]) for row in rows]
        made = cells.merge(cells.Cells.join(coarse), cells.STEPS_MS[tier])
        self._insert_cells(number, tier + 1, made)
        self._coarser(number, tier + 1, made, span)
        self._sql.executemany("UPDATE flush SET merged=1 WHERE n=?", [(r[0],) for r in rows])

    def _cells_of(self, flush: int, kind: int) -> cells.Cells:
        bodies = self._sql.execute(
            "SELECT body FROM cells WHERE flush=? AND kind=?", (flush, kind)
        ).fetchall()
        return cells.Cells.join([cells.decode_cells(body) for (body,) in bodies])

    def _insert(self, tier: int, from_: int, to: int, span: tuple[int, int]) -> int:
        cursor = self._sql.execute(
            "INSERT INTO flush(tier, from_batch, to_batch, first_ms, last_ms, merged)"
            " VALUES(?,?,?,?,?,0)",
            (tier, from_, to, *span),
        )
        return int(cursor.lastrowid or 0)

    def _insert_cells(self, flush: int, kind: int, made: cells.Cells) -> None:
        self._sql.executemany(
            "INSERT INTO cells VALUES(?,?,?,?)",
            [
                (flush, kind, p, cells.encode_cells(made, rows))
                for p, rows in cells.parts(made.datastream)
            ],
        )
