"""Key-frames: the newest value of every datastream at a batch, so that no question starts at zero.

A key-frame of batch K holds only points with phenomenon time up to its `cut_ms`, the wall time of
K: a device whose clock runs ahead cannot spoil it for the moments before.
"""

from __future__ import annotations

import sqlite3
import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.observation import PointColumns
from lamplighter.store.blob import pack, shuffle, unpack, unshuffle

_HEAD: Final = struct.Struct("<Iq")


@dataclass(frozen=True, slots=True)
class KeyFrame:
    batch: int
    cut_ms: int
    state: NewestValues


def fold(state: NewestValues, points: PointColumns) -> None:
    """Take the newest point of each datastream into `state`; at equal times the later one wins."""
    count = len(points)
    if not count:
        return
    order = np.lexsort((points.time_ms, points.datastream))
    stream = points.datastream[order]
    last = np.ones(count, bool)
    np.not_equal(stream[1:], stream[:-1], out=last[:-1])
    rows = order[last]
    ids = points.datastream[rows]
    newer = points.time_ms[rows] >= state.time_ms[ids]
    rows, ids = rows[newer], ids[newer]
    state.time_ms[ids] = points.time_ms[rows]
    state.value[ids] = points.value[rows]
    state.quality[ids] = points.quality[rows]


def grown(state: NewestValues, count: int) -> NewestValues:
    """A copy with room for `count` datastreams."""
    fresh = blank(max(count, len(state)))
    size = len(state)
    fresh.time_ms[:size] = state.time_ms
    fresh.value[:size] = state.value
    fresh.quality[:size] = state.quality
    return fresh


def write(sql: sqlite3.Connection, batch: int, cut_ms: int, state: NewestValues) -> None:
    raw = b"".join(shuffle(c) for c in (state.time_ms, state.value, state.quality))
    body = _HEAD.pack(len(state), cut_ms) + pack(raw)
    sql.execute("INSERT INTO snapshot(batch, cut_ms, body) VALUES(?,?,?)", (batch, cut_ms, body))


def last(sql: sqlite3.Connection, until: int, cut_ms: int) -> KeyFrame | None:
    """The newest key-frame of a batch up to `until`, cut at `cut_ms` or before.

    A damaged one is passed over: the one before it serves as well, only slower.
    """
    rows = sql.execute(
        "SELECT batch, cut_ms, body FROM snapshot WHERE cut_ms<=? AND +batch<=?"
        " ORDER BY cut_ms DESC, batch DESC",
        (cut_ms, until),
    )
    for batch, cut, body in rows:
        try:
            return KeyFrame(batch, cut, _decode(body))
        except (ValueError, struct.error):
            continue
    return None


def _decode(body: bytes) -> NewestValues:
    count, _ = _HEAD.unpack_from(body)
    raw = unpack(body[_HEAD.size :])
    if len(raw) != count * 17:
        raise ValueError("damaged bytes: wrong length")
    state = blank(count)
    state.time_ms = unshuffle(raw, "<i8", count, 0)
    state.value = unshuffle(raw, "<f8", count, count * 8)
    state.quality = unshuffle(raw, "<u1", count, count * 16).copy()
    return state
