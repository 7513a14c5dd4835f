"""Cells: what a stretch of time of one datastream comes to, mergeable without the points.

A cell knows minimum, maximum, sum, count, the first and the last point and the worst quality.
Cells and sorted points are stored in parts of `PART` datastreams, so that one datastream is read
without the others.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.observation import PointColumns
from lamplighter.domain.quality import CLASS_MASK
from lamplighter.store.blob import pack, shuffle, unpack, unshuffle

PART: Final = 32
"""datastreams whose cells lie together"""
STEPS_MS: Final = (16_000, 256_000, 4_096_000)
"""the growing steps of the stored tiers; a tier's number is its place here plus one"""

Array = npt.NDArray[Any]
_COUNT: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of equal length, sorted by (datastream, first_ms)."""

    datastream: Array
    count: Array
    low: Array
    high: Array
    total: Array
    first_ms: Array
    first: Array
    last_ms: Array
    last: Array
    worst: Array
    """worst quality class, with every mark that any of its points carries"""

    def __len__(self) -> int:
        return int(self.count.shape[0])

    def take(self, rows: Array | slice) -> Cells:
        return Cells(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def join(parts: list[Cells]) -> Cells:
        if not parts:
            return of_points(PointColumns.empty())
        return Cells(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Cells)))


_CELL_KINDS: Final = {
    "datastream": ("<i4", True),
    "count": ("<i4", False),
    "low": ("<f8", False),
    "high": ("<f8", False),
    "total": ("<f8", False),
    "first_ms": ("<i8", True),
    "first": ("<f8", False),
    "last_ms": ("<i8", True),
    "last": ("<f8", False),
    "worst": ("<u1", False),
}
_RUN_KINDS: Final = {
    "datastream": ("<i4", True),
    "time_ms": ("<i8", True),
    "value": ("<f8", False),
    "quality": ("<u1", False),
}


def of_points(points: PointColumns) -> Cells:
    """Each point as a cell of its own, in the given order."""
    ones = np.ones(len(points), np.int32)
    value, time_ms = points.value, points.time_ms
    worst = points.quality.astype(np.uint8, copy=False)
    return Cells(
        points.datastream, ones, value, value, value, time_ms, value, time_ms, value, worst
    )


def merge(cells: Cells, step_ms: int, origin_ms: int = 0) -> Cells:
    """Cells of `step_ms` (counted from `origin_ms`) out of finer ones, in any order."""
    if not len(cells):
        return cells
    slot = (cells.first_ms - origin_ms) // step_ms
    order = np.lexsort((cells.first_ms, slot, cells.datastream))
    starts = _starts(cells.datastream[order], slot[order])
    ends = np.append(starts[1:], len(order)) - 1
    late = np.lexsort((cells.last_ms, slot, cells.datastream))[ends]
    early = order[starts]
    return Cells(
        cells.datastream[early],
        np.add.reduceat(cells.count[order], starts).astype(np.int32),
        np.fmin.reduceat(cells.low[order], starts),
        np.fmax.reduceat(cells.high[order], starts),
        np.add.reduceat(cells.total[order], starts),
        cells.first_ms[early],
        cells.first[early],
        cells.last_ms[late],
        cells.last[late],
        _worst(cells.worst[order], starts),
    )


def _starts(*keys: Array) -> Array:
    new = np.zeros(keys[0].shape[0], bool)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def sorted_run(points: PointColumns) -> PointColumns:
    """By (datastream, time); points of equal time keep their recorded order."""
    return points.take(np.lexsort((points.time_ms, points.datastream)))


def parts(datastream: Array) -> Iterator[tuple[int, slice]]:
    """(part, rows) of a sorted datastream column."""
    if not datastream.shape[0]:
        return
    part = datastream // PART
    starts = _starts(part)
    for start, end in zip(starts, [*starts[1:], part.shape[0]], strict=True):
        yield int(part[start]), slice(int(start), int(end))


def encode_cells(cells: Cells, rows: slice) -> bytes:
    return _encode({n: getattr(cells, n)[rows] for n in _CELL_KINDS}, _CELL_KINDS)


def decode_cells(stored: bytes) -> Cells:
    """Raises ValueError when the bytes were damaged."""
    return Cells(**_decode(stored, _CELL_KINDS))


def encode_run(points: PointColumns, rows: slice) -> bytes:
    return _encode({n: getattr(points, n)[rows] for n in _RUN_KINDS}, _RUN_KINDS)


def decode_run(stored: bytes) -> PointColumns:
    """Message and place are not kept in runs: they read as 0. Raises ValueError when damaged."""
    found = _decode(stored, _RUN_KINDS)
    nothing = np.zeros(found["value"].shape[0], np.int32)
    return PointColumns(**found, message=nothing, place=nothing)


def _encode(columns: dict[str, Array], kinds: dict[str, tuple[str, bool]]) -> bytes:
    count = next(iter(columns.values())).shape[0]
    raw = b"".join(
        shuffle(columns[name].astype(kind, copy=False), differences=diff)
        for name, (kind, diff) in kinds.items()
    )
    return _COUNT.pack(count) + pack(raw)


def _decode(stored: bytes, kinds: dict[str, tuple[str, bool]]) -> dict[str, Array]:
    if len(stored) < _COUNT.size:
        raise ValueError("damaged bytes: too short")
    count = _COUNT.unpack_from(stored)[0]
    raw = unpack(stored[_COUNT.size :])
    if len(raw) != count * sum(np.dtype(kind).itemsize for kind, _ in kinds.values()):
        raise ValueError("damaged bytes: wrong length")
    found: dict[str, Array] = {}
    offset = 0
    for name, (kind, diff) in kinds.items():
        found[name] = unshuffle(raw, kind, count, offset, differences=diff)
        offset += count * np.dtype(kind).itemsize
    return found


def _worst(quality: Array, starts: Array) -> Array:
    """The highest class of each run, and the union of its marks."""
    marks = np.bitwise_or.reduceat(quality & np.uint8(~CLASS_MASK & 0xFF), starts)
    found: Array = np.maximum.reduceat(quality & np.uint8(CLASS_MASK), starts) | marks
    return found
