"""The newest value of every datastream: now, or at a moment of the past."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.observation import PointColumns
from lamplighter.store import batches
from lamplighter.store.batches import DecodedBatches


def fold(state: NewestValues, points: PointColumns) -> None:
    """Take the newest point of each datastream into `state`; at equal times the later one wins.

    The outcome does not depend on the order in which batches come, but for equal times.
    """
    if not len(points):
        return
    order = np.lexsort((points.time_ms, points.datastream))
    stream = points.datastream[order]
    last = np.empty(stream.shape[0], bool)
    last[-1] = True
    np.not_equal(stream[1:], stream[:-1], out=last[:-1])
    rows = order[last]
    ids = points.datastream[rows]
    newer = points.time_ms[rows] >= state.time_ms[ids]
    rows, ids = rows[newer], ids[newer]
    state.time_ms[ids] = points.time_ms[rows]
    state.value[ids] = points.value[rows]
    state.quality[ids] = points.quality[rows]


def count_streams(sql: sqlite3.Connection) -> int:
    return int(sql.execute("SELECT coalesce(max(id), -1) + 1 FROM datastream").fetchone()[0])


def newest_of(sql: sqlite3.Connection, decoded: DecodedBatches) -> NewestValues:
    state = blank(count_streams(sql))
    until = batches.last_number(sql)
    for points in decoded.get(sql, range(1, until + 1)):
        fold(state, points)
    return _labelled(sql, state, until)


def moment_of(
    sql: sqlite3.Connection, decoded: DecodedBatches, cache: Path, at_ms: int, as_known: bool
) -> NewestValues:
    state = blank(count_streams(sql))
    until = batches.known_at(sql, at_ms) if as_known else batches.last_number(sql)
    for points in decoded.get(sql, batches.overlapping(sql, 0, at_ms + 1, 0, until)):
        fold(state, points.take(points.time_ms <= at_ms))
    return _labelled(sql, state, until)


def _labelled(sql: sqlite3.Connection, state: NewestValues, batch: int) -> NewestValues:
    row = sql.execute("SELECT wall_ms FROM batch WHERE number=?", (batch,)).fetchone()
    state.batch, state.wall_ms = batch, int(row[0]) if row else 0
    return state
