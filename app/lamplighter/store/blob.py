"""Points of one batch as one byte string, and the hash that chains batches.

Layout: magic `LP`, format byte, flags, count (u32), then a zstd frame of the columns. Before
compression time, datastream and message are stored as differences and all bytes are shuffled by
significance: both are cheap and let neighbouring values share their bytes.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import zstandard

from lamplighter.domain.observation import MessageRecord, PointColumns

_HEAD: Final = struct.Struct("<2sBBI")
_MAGIC: Final = b"LP"
_PLACES: Final = 1
HASH_BYTES: Final = 32
MOST_BYTES: Final = 1 << 28
"""no stored piece is larger; a damaged length must not claim the memory"""
NO_HASH: Final = bytes(HASH_BYTES)

Array = npt.NDArray[Any]
_local = threading.local()


def pack(raw: bytes, level: int = 1) -> bytes:
    """zstd with a checksum. Contexts are kept per thread."""
    found = getattr(_local, f"c{level}", None)
    if found is None:
        found = zstandard.ZstdCompressor(level=level, write_checksum=True)
        setattr(_local, f"c{level}", found)
    return bytes(found.compress(raw))


def unpack(packed: bytes) -> bytes:
    """Raises ValueError when the bytes were damaged."""
    found = getattr(_local, "d", None)
    if found is None:
        found = _local.d = zstandard.ZstdDecompressor()
    try:
        if not 0 <= zstandard.frame_content_size(packed) <= MOST_BYTES:
            raise ValueError("damaged bytes: impossible size")
        return bytes(found.decompress(packed))
    except zstandard.ZstdError as error:
        raise ValueError(f"damaged bytes: {error}") from None


def shuffle(column: Array, *, differences: bool = False) -> bytes:
    """One column, its bytes ordered by significance."""
    if differences:
        column = np.diff(column, prepend=column.dtype.type(0))
    if column.itemsize == 1:
        return column.tobytes()
    flat = np.ascontiguousarray(column).view(np.uint8).reshape(-1, column.itemsize)
    return flat.T.tobytes()


def unshuffle(
    raw: bytes, kind: str, count: int, offset: int, *, differences: bool = False
) -> Array:
    """The column written by `shuffle` at `offset`."""
    dtype = np.dtype(kind)
    size = dtype.itemsize
    flat = np.frombuffer(raw, np.uint8, count * size, offset)
    column = np.ascontiguousarray(flat.reshape(size, count).T).view(dtype).reshape(count)
    return np.cumsum(column, dtype=dtype) if differences else column


_COLUMNS: Final = (
    ("datastream", "<i4", True),
    ("time_ms", "<i8", True),
    ("value", "<f8", False),
    ("quality", "<u1", False),
    ("message", "<i4", True),
)


def encode(points: PointColumns) -> bytes:
    """The stored bytes of a batch's points, in their order."""
    flags = 0 if _plain_places(points) else _PLACES
    parts = [
        shuffle(np.asarray(getattr(points, name)).astype(kind, copy=False), differences=diff)
        for name, kind, diff in _COLUMNS
    ]
    if flags:
        parts.append(shuffle(points.place.astype("<i4", copy=False), differences=True))
    return _HEAD.pack(_MAGIC, 1, flags, len(points)) + pack(b"".join(parts))


def decode(stored: bytes) -> PointColumns:
    """The points of `encode`. Raises ValueError when the bytes cannot be what was written."""
    try:
        magic, form, flags, count = _HEAD.unpack_from(stored)
    except struct.error:
        raise ValueError("damaged bytes: too short") from None
    if magic != _MAGIC or form != 1:
        raise ValueError("damaged bytes: unknown form")
    raw = unpack(stored[_HEAD.size :])
    width = 25 + (4 if flags & _PLACES else 0)
    if len(raw) != count * width:
        raise ValueError("damaged bytes: wrong length")
    found: dict[str, Array] = {}
    offset = 0
    for name, kind, diff in _COLUMNS:
        found[name] = unshuffle(raw, kind, count, offset, differences=diff)
        offset += count * np.dtype(kind).itemsize
    if flags & _PLACES:
        place = unshuffle(raw, "<i4", count, offset, differences=True)
    else:
        place = plain_places(found["message"])
    return PointColumns(
        found["datastream"],
        found["time_ms"],
        found["value"],
        found["quality"],
        found["message"],
        place,
    )


def plain_places(message: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """0..k-1 within each run of equal messages."""
    count = message.shape[0]
    if not count:
        return np.empty(0, np.int32)
    index = np.arange(count, dtype=np.int32)
    starts = np.empty(count, bool)
    starts[0] = True
    np.not_equal(message[1:], message[:-1], out=starts[1:])
    return (index - np.maximum.accumulate(np.where(starts, index, 0))).astype(np.int32)


def _plain_places(points: PointColumns) -> bool:
    return bool(np.array_equal(points.place, plain_places(points.message)))


def signed(number: int) -> int:
    """A 64-bit hash as SQLite can hold it."""
    number &= 0xFFFF_FFFF_FFFF_FFFF
    return number - (1 << 64) if number >= 1 << 63 else number


def message_bytes(rows: Sequence[tuple[int, int, int, int, int, int]]) -> bytes:
    """(source, epoch, seq, hash64, received_ms, points) of each message, for the hash."""
    return np.asarray(rows, dtype="<i8").tobytes()


def message_row(message: MessageRecord) -> tuple[int, int, int, int, int, int]:
    return (
        message.source,
        message.epoch,
        message.seq,
        signed(message.hash64),
        message.received_ms,
        message.points,
    )


def chain(
    previous: bytes, head: tuple[int, ...], messages: bytes, points: bytes, registry: bytes | None
) -> bytes:
    """The hash of a batch: over the one before it, its head, messages, registry and points."""
    digest = blake2b(previous, digest_size=HASH_BYTES)
    digest.update(np.asarray(head, dtype="<i8").tobytes())
    for part in (messages, registry or b"", points):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
