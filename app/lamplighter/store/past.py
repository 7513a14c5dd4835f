"""The newest value of every datastream: now, or at a moment of the past."""

from __future__ import annotations

import sqlite3
from typing import Final

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.store import batches, keyframe
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.keyframe import fold, grown
from lamplighter.store.sealed import sealed_points, snapshot, wall_ms

_EVER: Final = 1 << 62


def newest_of(sql: sqlite3.Connection, decoded: DecodedBatches) -> NewestValues:
    """The last value of every datastream by phenomenon time."""
    with snapshot(sql):
        return state_at(sql, decoded, _EVER, batches.last_number(sql))


def moment_of(
    sql: sqlite3.Connection, decoded: DecodedBatches, at_ms: int, as_known: bool
) -> NewestValues:
    """Newest values with phenomenon time <= `at_ms`; `as_known`: out of what was recorded then."""
    with snapshot(sql):
        until = batches.known_at(sql, at_ms) if as_known else batches.last_number(sql)
        return state_at(sql, decoded, at_ms, until)


def state_at(
    sql: sqlite3.Connection, decoded: DecodedBatches, at_ms: int, until: int
) -> NewestValues:
    """Newest values with phenomenon time <= `at_ms` out of the batches up to `until`."""
    count = int(sql.execute("SELECT coalesce(max(id), -1) + 1 FROM datastream").fetchone()[0])
    frame = keyframe.last(sql, until, at_ms)
    state, since, cut_ms = blank(count), 0, -_EVER
    if frame is not None:
        state, since, cut_ms = grown(frame.state, count), frame.batch, frame.cut_ms
        for points in sealed_points(sql, cut_ms + 1, at_ms + 1, 0, since):
            fold(state, points.take((points.time_ms > cut_ms) & (points.time_ms <= at_ms)))
        for points in decoded.get(sql, batches.ahead(sql, cut_ms, at_ms, since)):
            fold(state, points.take((points.time_ms > cut_ms) & (points.time_ms <= at_ms)))
    for points in batches.points_between(sql, decoded, -_EVER, at_ms + 1, since, until):
        inside = points.time_ms <= at_ms
        fold(state, points if inside.all() else points.take(inside))
    state.batch, state.wall_ms = until, wall_ms(sql, until)
    return state
