"""Makes what was derived from sealed history again, after the file that held it was lost.

Rollups and key-frames lie in `history.db`. Where it could not be read at all, segments still hold
every point: slice by slice, oldest first, cells and key-frames are made from them, and the keys of
their messages are known again at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

import numpy as np

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.observation import PointColumns
from lamplighter.store import catalogue, cells, keyframe
from lamplighter.store.sealer import Sealer
from lamplighter.store.segment import ENDING, Segment, SegmentAbout, SliceRow
from lamplighter.store.slices import Letters
from lamplighter.store.spans import Span, with_seqs


def rebuild(sealer: Sealer) -> int:
    """Cells and key-frames of sealed history that has none; says of how many slices."""
    todo = without_cells(sealer.sql)
    if not todo:
        return 0
    count = int(
        sealer.sql.execute("SELECT coalesce(max(id), -1) + 1 FROM datastream").fetchone()[0]
    )
    state, done = blank(count), 0
    for about in todo:
        try:
            segment = Segment(sealer.folder / f"{about.name}{ENDING}")
        except ValueError:
            continue
        try:
            for row in segment.slices():
                if sealer.stopping:
                    return done
                points = segment.sound_points(row.n).columns()
                sealer.chore(partial(_write_cells, row=row, points=points))
                early = points.take(points.time_ms <= about.last_wall_ms)
                known = int(points.datastream.max()) + 1 if len(points) else 0
                state = keyframe.grown(state, known) if known > len(state) else state
                keyframe.fold(state, early)
                done += 1
        finally:
            segment.close()
        sealer.chore(partial(_write_frame, about=about, state=state))
    return done


def without_cells(sql: sqlite3.Connection) -> list[SegmentAbout]:
    """Sealed segments older than the oldest flush."""
    row = sql.execute("SELECT min(from_batch) FROM flush WHERE tier=1").fetchone()
    first = 1 << 62 if row[0] is None else int(row[0])
    return catalogue.rows(sql, "state='sealed' AND points>0 AND to_batch<=?", (first,))


def _write_cells(sql: sqlite3.Connection, row: SliceRow, points: PointColumns) -> None:
    if not len(points):
        return
    cursor = sql.execute(
        "INSERT INTO flush(tier, from_batch, to_batch, first_ms, last_ms, merged)"
        " VALUES(1,?,?,?,?,0)",
        (row.from_batch - 1, row.to_batch, row.first_ms, row.last_ms),
    )
    made = cells.merge(cells.of_points(points), cells.STEPS_MS[0])
    sql.executemany(
        "INSERT INTO cells VALUES(?,1,?,?)",
        [
            (cursor.lastrowid, part, cells.encode_cells(made, rows))
            for part, rows in cells.parts(made.datastream)
        ],
    )


def _write_frame(sql: sqlite3.Connection, about: SegmentAbout, state: NewestValues) -> None:
    known = sql.execute("SELECT 1 FROM snapshot WHERE batch=?", (about.to_batch,)).fetchone()
    if known is None:
        keyframe.write(sql, about.to_batch, about.last_wall_ms, state)


def regain_keys(sql: sqlite3.Connection, folder_segments: Sequence[Segment]) -> None:
    """Enter the message keys of segments among the known ones, so that repeats are told."""
    spans: dict[tuple[int, int], list[Span]] = {}
    for source, epoch, first, last in sql.execute("SELECT * FROM key_span ORDER BY first"):
        spans.setdefault((source, epoch), []).append((first, last))
    for segment in folder_segments:
        for row in segment.slices():
            try:
                letters = segment.letters(row.n)
            except ValueError:
                continue
            for key, seqs in _seqs(letters):
                spans[key] = with_seqs(spans.get(key, []), seqs)
    sql.execute("DELETE FROM key_span")
    sql.executemany(
        "INSERT INTO key_span VALUES(?,?,?,?)",
        [(*key, *span) for key, found in spans.items() for span in found],
    )


def _seqs(letters: Letters) -> list[tuple[tuple[int, int], list[int]]]:
    """((source, epoch), seqs) of letters, which lie sorted by them."""
    if not len(letters):
        return []
    new = (np.diff(letters.source) != 0) | (np.diff(letters.epoch) != 0)
    starts = np.append(0, np.flatnonzero(new) + 1)
    ends = np.append(starts[1:], len(letters))
    return [
        ((int(letters.source[a]), int(letters.epoch[a])), letters.seq[a:b].tolist())
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
