"""Observations inside a field kit: a chunk by names as bytes, and back with every index checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from lamplighter.domain.exchange import (
    NamedStream,
    ReceivedChunk,
    ReceivedPoints,
    StoredBatch,
    StoreNames,
)
from lamplighter.domain.observation import MessageRecord, Origin, PointColumns

POINTS: Final = 40_000
"""of one chunk, about"""
_TYPES: Final = {
    "stream": "<i4", "time_ms": "<i8", "value": "<f8", "quality": "u1", "message": "<i4",
    "place": "<i4",
}  # fmt: skip


class _Packed(Struct, frozen=True):
    streams: tuple[NamedStream, ...]
    words: tuple[str, ...]
    sources: tuple[str, ...]
    messages: tuple[MessageRecord, ...]
    origins: tuple[Origin, ...]
    columns: dict[str, bytes]


def chunks(
    batches: Iterable[tuple[StoredBatch, tuple[Origin, ...]]], names: StoreNames
) -> Iterator[ReceivedChunk]:
    """Batches by names, several in one chunk."""
    held: list[tuple[StoredBatch, tuple[Origin, ...]]] = []
    count = 0
    for one in batches:
        held.append(one)
        count += len(one[0].points)
        if count >= POINTS:
            yield _chunk(held, names)
            held, count = [], 0
    if held:
        yield _chunk(held, names)


def _chunk(held: list[tuple[StoredBatch, tuple[Origin, ...]]], names: StoreNames) -> ReceivedChunk:
    offsets = np.cumsum([0, *(len(b.messages) for b, _ in held)])[:-1].tolist()
    points = PointColumns.join([b.points for b, _ in held], offsets)
    records = [m for b, _ in held for m in b.messages]
    numbers, stream = np.unique(points.datastream, return_inverse=True)
    streams = tuple(_named(names, int(n)) for n in numbers)
    sources = sorted({m.source for m in records})
    at = {number: place for place, number in enumerate(sources)}
    words, value = _worded(names, numbers, stream.reshape(-1), points.value)
    return ReceivedChunk(
        streams,
        words,
        tuple(names.sources.get(n, "?") for n in sources),
        tuple(msgspec.structs.replace(m, source=at[m.source], token=-1) for m in records),
        ReceivedPoints(
            stream.astype(np.int32).reshape(-1), points.time_ms, value, points.quality,
            points.message, points.place,
        ),
        tuple(o for _, origins in held for o in origins),
    )  # fmt: skip


def _named(names: StoreNames, number: int) -> NamedStream:
    known = names.datastreams[number]
    return NamedStream(known.source, known.name, number in names.words, known.unit)


def _worded(
    names: StoreNames, numbers: np.ndarray, stream: np.ndarray, value: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """Codes of text states as places in one list of words."""
    words: list[str] = []
    place: dict[str, int] = {}
    made = value
    for at, number in enumerate(numbers.tolist()):
        table = names.words.get(number)
        if not table:
            continue
        if made is value:
            made = value.copy()
        for row in np.flatnonzero((stream == at) & np.isfinite(value)).tolist():
            word = table.get(int(value[row]), "?")
            made[row] = place.setdefault(word, len(place))
            if len(place) > len(words):
                words.append(word)
    return tuple(words), made


def pack(chunk: ReceivedChunk) -> bytes:
    """The chunk as bytes."""
    columns = {
        name: np.ascontiguousarray(getattr(chunk.points, name), np.dtype(kind)).tobytes()
        for name, kind in _TYPES.items()
    }
    return msgspec.msgpack.encode(
        _Packed(chunk.streams, chunk.words, chunk.sources, chunk.messages, chunk.origins, columns)
    )


def unpack(data: bytes) -> ReceivedChunk:
    """The chunk again. Raises ValueError for one whose columns or indexes do not fit together."""
    packed = msgspec.msgpack.decode(data, type=_Packed)
    found: dict[str, Any] = {}
    for name, kind in _TYPES.items():
        dtype = np.dtype(kind)
        found[name] = np.frombuffer(packed.columns[name], dtype).astype(dtype.newbyteorder("="))
    if len({len(c) for c in found.values()}) != 1:
        raise ValueError("columns of unequal length")
    _within(found["stream"], len(packed.streams))
    _within(found["message"], len(packed.messages))
    _within(np.array([m.source for m in packed.messages], np.int64), len(packed.sources))
    if len(packed.origins) not in (0, len(packed.messages)):
        raise ValueError("origins do not fit messages")
    textual = np.array([s.text for s in packed.streams], bool)
    if textual.any():
        value = found["value"][textual[found["stream"]]]
        _within(value[np.isfinite(value)], len(packed.words))
    return ReceivedChunk(
        packed.streams, packed.words, packed.sources, packed.messages,
        ReceivedPoints(**found), packed.origins,
    )  # fmt: skip


def _within(index: np.ndarray, length: int) -> None:
    if len(index) and (index.min() < 0 or index.max() >= length):
        raise ValueError("an index leads outside")


def without_known(
    chunk: ReceivedChunk, keys: dict[tuple[str, int], tuple[tuple[int, int], ...]]
) -> ReceivedChunk | None:
    """What of a chunk a store with these keys does not have; None when it has all of it."""
    fresh = [i for i, m in enumerate(chunk.messages) if not _held(chunk, m, keys)]
    if not fresh:
        return None
    if len(fresh) == len(chunk.messages):
        return chunk
    place = np.full(len(chunk.messages), -1, np.int32)
    place[fresh] = np.arange(len(fresh), dtype=np.int32)
    points = chunk.points
    rows = place[points.message] >= 0
    return ReceivedChunk(
        chunk.streams, chunk.words, chunk.sources, tuple(chunk.messages[i] for i in fresh),
        ReceivedPoints(
            points.stream[rows], points.time_ms[rows], points.value[rows], points.quality[rows],
            place[points.message[rows]], points.place[rows],
        ),
        tuple(chunk.origins[i] for i in fresh) if chunk.origins else (),
    )  # fmt: skip


def _held(
    chunk: ReceivedChunk,
    message: MessageRecord,
    keys: dict[tuple[str, int], tuple[tuple[int, int], ...]],
) -> bool:
    spans = keys.get((chunk.sources[message.source], message.epoch), ())
    return any(low <= message.seq <= high for low, high in spans)
