"""One slice of sealed history: a run of batches with their heads, messages and points as bytes.

Points lie sorted by (datastream, time, recorded order) in chunks of neighbouring datastreams; each
keeps the number of its message in the slice, and the message keeps its batch, its place there and
its key. So every answer about time, recorded order or origin can still be given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.domain.observation import PointColumns
from lamplighter.store import squeeze
from lamplighter.store.blob import HASH_BYTES, pack, unpack

SLICE_POINTS: Final = 1 << 19
"""points of a slice at most, but for a last batch: what is held in memory while sealing"""
SLICE_BATCHES: Final = 1 << 16
SLICE_LETTERS: Final = 1 << 17
"""messages of a slice at sealing, about: single ones weigh more than points"""
CHUNK_POINTS: Final = 1 << 13
LEVEL: Final = 3

Array = npt.NDArray[Any]


class HeadExtra(msgspec.Struct, frozen=True, array_like=True):
    """What few batches have: new names, an origin elsewhere, or bytes that were damaged before."""

    number: int
    registry: bytes | None = None
    origin_store: str | None = None
    origin_batch: int | None = None
    origin_wall_ms: int | None = None
    damaged: bytes | None = None
    """the body as it was found, when it was not what was written"""


@dataclass(frozen=True, slots=True)
class Heads:
    """Batches `first`..`first + n - 1` as columns."""

    first: int
    wall_ms: Array
    monotonic_ns: Array
    count: Array
    messages: Array
    first_ms: Array
    last_ms: Array
    hashes: bytes
    """32 bytes a batch"""
    extras: tuple[HeadExtra, ...] = ()

    def __len__(self) -> int:
        return int(self.wall_ms.shape[0])

    @property
    def last(self) -> int:
        return self.first + len(self) - 1

    def hash_of(self, number: int) -> bytes:
        at = (number - self.first) * HASH_BYTES
        return self.hashes[at : at + HASH_BYTES]

    @staticmethod
    def join(parts: list[Heads]) -> Heads:
        columns = {n: np.concatenate([getattr(p, n) for p in parts]) for n in _HEADS}
        return Heads(
            parts[0].first,
            **columns,
            hashes=b"".join(p.hashes for p in parts),
            extras=tuple(e for p in parts for e in p.extras),
        )


_HEADS: Final = ("wall_ms", "monotonic_ns", "count", "messages", "first_ms", "last_ms")


def heads_of_columns(
    first: int, table: Array, hashes: bytes, extras: tuple[HeadExtra, ...]
) -> Heads:
    """`table`: a row (wall_ms, monotonic_ns, count, messages, first_ms, last_ms) for each batch."""
    columns = {name: np.ascontiguousarray(table[:, k]) for k, name in enumerate(_HEADS)}
    return Heads(first, **columns, hashes=hashes, extras=extras)


@dataclass(frozen=True, slots=True)
class Letters:
    """The messages of a slice as columns, sorted by (source, epoch, seq); `batch` and `index` are
    where each was stored.
    """

    source: Array
    epoch: Array
    seq: Array
    hash64: Array
    received_ms: Array
    points: Array
    batch: Array
    index: Array

    def __len__(self) -> int:
        return int(self.source.shape[0])

    def take(self, rows: Array) -> Letters:
        return Letters(*(getattr(self, n)[rows] for n in _LETTERS))


_LETTERS: Final = ("source", "epoch", "seq", "hash64", "received_ms", "points", "batch", "index")


@dataclass(frozen=True, slots=True)
class SlicePoints:
    """Points of a slice; `letter` is the row of their message in the slice's `Letters`."""

    datastream: Array
    time_ms: Array
    value: Array
    quality: Array
    letter: Array
    place: Array

    def __len__(self) -> int:
        return int(self.datastream.shape[0])

    def take(self, rows: Array | slice) -> SlicePoints:
        return SlicePoints(*(getattr(self, n)[rows] for n in _POINTS))

    def columns(self, batch_index: Array | None = None) -> PointColumns:
        """As points of a batch; `batch_index` gives each letter's index there (else all 0)."""
        message = np.zeros(len(self), np.int32) if batch_index is None else batch_index[self.letter]
        return PointColumns(
            self.datastream.astype(np.int32, copy=False),
            self.time_ms,
            self.value,
            self.quality,
            message.astype(np.int32, copy=False),
            self.place.astype(np.int32, copy=False),
        )

    @staticmethod
    def join(parts: list[SlicePoints]) -> SlicePoints:
        if not parts:
            nothing = np.empty(0, np.int64)
            return SlicePoints(
                nothing, nothing, np.empty(0), np.empty(0, np.uint8), nothing, nothing
            )
        return SlicePoints(*(np.concatenate([getattr(p, n) for p in parts]) for n in _POINTS))


_POINTS: Final = ("datastream", "time_ms", "value", "quality", "letter", "place")


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice in memory."""

    heads: Heads
    letters: Letters
    points: SlicePoints
    """sorted by (datastream, time), equal times in recorded order"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Stored points of datastreams `first`..`last`; `origin` holds messages and places."""

    first: int
    last: int
    points: int
    body: bytes
    origin: bytes


def sorted_slice(heads: Heads, letters: Letters, points: SlicePoints) -> Slice:
    """Put letters and points in their order; `points.letter` counts in the given letters, and the
    points come in recorded order.
    """
    order = np.lexsort((letters.seq, letters.epoch, letters.source))
    rank = np.empty(order.shape[0], np.int64)
    rank[order] = np.arange(order.shape[0])
    chosen = points.take(np.lexsort((points.time_ms, points.datastream)))
    moved = rank[chosen.letter] if len(chosen) else chosen.letter
    return Slice(
        heads,
        letters.take(order),
        SlicePoints(
            chosen.datastream, chosen.time_ms, chosen.value, chosen.quality, moved, chosen.place
        ),
    )


def joined(parts: list[Slice]) -> Slice:
    """Slices that follow one another as one."""
    offsets = np.cumsum([0, *(len(p.letters) for p in parts)])
    letters = Letters(*(np.concatenate([getattr(p.letters, n) for p in parts]) for n in _LETTERS))
    points = SlicePoints.join(
        [
            SlicePoints(
                p.points.datastream, p.points.time_ms, p.points.value, p.points.quality,
                p.points.letter + offset, p.points.place,
            )
            for p, offset in zip(parts, offsets, strict=False)
        ]
    )  # fmt: skip
    return sorted_slice(Heads.join([p.heads for p in parts]), letters, points)


# ---------------------------------------------------------------- bytes
def encode_heads(heads: Heads) -> bytes:
    columns = [squeeze.ints(getattr(heads, n)) for n in _HEADS]
    extras = msgspec.msgpack.encode(heads.extras)
    count = squeeze.ints(np.array([heads.first, len(heads)]))
    return pack(b"".join((count, *columns, heads.hashes, extras)), LEVEL)


def decode_heads(stored: bytes) -> Heads:
    """Raises ValueError when the bytes were damaged."""
    reading = squeeze.Reading(unpack(stored))
    first, count = reading.ints().tolist()
    columns = {n: reading.ints() for n in _HEADS}
    hashes = reading.plain("<u1", count * HASH_BYTES).tobytes()
    extras = msgspec.msgpack.decode(reading.rest(), type=tuple[HeadExtra, ...])
    return Heads(first, **columns, hashes=hashes, extras=extras)


def encode_letters(letters: Letters) -> bytes:
    parts = [
        letters.hash64.astype("<i8").tobytes()
        if n == "hash64"
        else squeeze.ints(getattr(letters, n))
        for n in _LETTERS
    ]
    return pack(squeeze.ints(np.array([len(letters)])) + b"".join(parts), LEVEL)


def decode_letters(stored: bytes) -> Letters:
    """Raises ValueError when the bytes were damaged."""
    reading = squeeze.Reading(unpack(stored))
    count = int(reading.ints()[0])
    return Letters(
        *(
            np.frombuffer(reading.plain("<u1", count * 8).tobytes(), "<i8")
            if n == "hash64"
            else reading.ints()
            for n in _LETTERS
        )
    )


def chunks(points: SlicePoints) -> Iterator[Chunk]:
    """Chunks of whole datastreams, each of about `CHUNK_POINTS` points or one datastream."""
    if not len(points):
        return
    stream = points.datastream
    starts = np.flatnonzero(np.append(True, stream[1:] != stream[:-1]))
    ends = np.append(starts[1:], stream.shape[0])
    begin = 0
    for at in range(starts.shape[0]):
        last = at + 1 == starts.shape[0]
        if last or ends[at] - starts[begin] >= CHUNK_POINTS:
            rows = slice(int(starts[begin]), int(ends[at]))
            yield _chunk(points.take(rows), starts[begin : at + 1] - starts[begin])
            begin = at + 1


def _chunk(points: SlicePoints, starts: Array) -> Chunk:
    """Raises ValueError when the bytes would not give back exactly what went in."""
    lengths = np.diff(np.append(starts, len(points)))
    streams = points.datastream[starts]
    body = b"".join((
        squeeze.ints(streams),
        squeeze.ints(lengths),
        squeeze.ints(points.time_ms),
        points.quality.astype(np.uint8, copy=False).tobytes(),
        squeeze.values(np.ascontiguousarray(points.value, np.float64), starts),
    ))  # fmt: skip
    origin = squeeze.ints(points.letter) + squeeze.ints(points.place)
    made = Chunk(
        int(streams[0]), int(streams[-1]), len(points), pack(body, LEVEL), pack(origin, LEVEL)
    )
    back = decode_chunk(made.body, made.origin)
    if not all(_same(getattr(back, n), getattr(points, n)) for n in _POINTS):
        raise ValueError("points do not come back as they went in")
    return made


def _same(one: Array, other: Array) -> bool:
    if one.dtype.kind == "f":
        return bool(np.array_equal(one.view(np.int64), other.view(np.int64)))
    return bool(np.array_equal(one, other))


def decode_chunk(body: bytes, origin: bytes | None) -> SlicePoints:
    """Without `origin`, letter and place read as 0. Raises ValueError when damaged."""
    reading = squeeze.Reading(unpack(body))
    streams, lengths = reading.ints(), reading.ints()
    time_ms = reading.ints()
    count = time_ms.shape[0]
    if streams.shape != lengths.shape or int(lengths.sum()) != count:
        raise ValueError("damaged bytes: lengths do not fit")
    quality = reading.plain("<u1", count)
    value = reading.values(lengths)
    if origin is None:
        letter = place = np.zeros(count, np.int64)
    else:
        letter, place = decode_origin(origin)
    return SlicePoints(np.repeat(streams, lengths), time_ms, value, quality, letter, place)


def decode_origin(stored: bytes) -> tuple[Array, Array]:
    """(letter, place) of a chunk's points. Raises ValueError when damaged."""
    reading = squeeze.Reading(unpack(stored))
    return reading.ints(), reading.ints()
