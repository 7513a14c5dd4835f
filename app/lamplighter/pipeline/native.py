"""Decodes the native observation message: fast when it is sound, careful when it is not.

The fast way is typed decoding in C. Whatever it will not take goes the careful way (`careful`),
which names the fault and saves every point that can be saved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec
import numpy as np
from msgspec import Struct

from lamplighter.domain.observation import MAX_EPOCH, ByteArray, FloatArray, LongArray
from lamplighter.pipeline.careful import Fault, PointFault, Salvaged, salvage

_WHOLE = float(2**63)


@dataclass(slots=True)
class Decoded:
    """A message whose key is known. `values` holds floats, or floats and words when `mixed`."""

    epoch: int
    seq: int
    names: tuple[str, ...]
    times: LongArray
    values: FloatArray | list[float | str]
    qualities: tuple[str, ...] | None
    """None: all good"""
    places: tuple[int, ...] | None = None
    """None: 0..n-1"""
    points: int = 0
    """points the message carried, those with a fault included"""
    faults: list[PointFault] = field(default_factory=list)
    clock_unreadable: tuple[int, ...] = ()
    """positions in `names` whose time could not be read; their time is 0"""
    replaced: bool = False
    """characters that cannot be stored were replaced"""
    marks: ByteArray | None = None
    """whole quality bytes, where the protocol says more than a word; takes the place of words"""

    @property
    def mixed(self) -> bool:
        return isinstance(self.values, list)


class _Plain(Struct, forbid_unknown_fields=True):
    epoch: int
    seq: int
    points: list[tuple[str, int, float]]


class _Point(Struct, array_like=True, forbid_unknown_fields=True):
    name: str
    time: int
    value: float | str
    quality: str = "good"


class _Full(Struct, forbid_unknown_fields=True):
    epoch: int
    seq: int
    points: list[_Point]


_plain = msgspec.json.Decoder(_Plain)
_full = msgspec.json.Decoder(_Full)


def decode(payload: bytes) -> Decoded | Fault:
    """Never raises: a message that cannot be read comes back as its `Fault`."""
    quick = _quick(payload)
    if quick is not None:
        return quick
    saved = salvage(payload)
    return saved if isinstance(saved, Fault) else from_salvage(saved)


def hash64(body: bytes) -> int:
    """BLAKE2b, 8 bytes, as a signed 64-bit integer."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big", signed=True)


def _quick(payload: bytes) -> Decoded | None:
    """The typed way; None when anything at all is unusual about the message."""
    if b"\\" in payload or any(payload.count(k) != 1 for k in (b'"epoch"', b'"seq"', b'"points"')):
        return None
    try:
        plain = _plain.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _quick_full(payload)
    if not (0 <= plain.epoch < MAX_EPOCH and 0 <= plain.seq < MAX_EPOCH):
        return None
    count = len(plain.points)
    names: tuple[str, ...] = ()
    times = np.empty(0, np.int64)
    values = np.empty(0, np.float64)
    if count:
        names, time_row, value_row = zip(*plain.points, strict=True)
        try:
            times = np.array(time_row, np.int64)
        except OverflowError:
            return None
        values = np.array(value_row, np.float64)
        if not (np.abs(values) < _WHOLE).all():
            return None
    return Decoded(plain.epoch, plain.seq, names, times, values, None, points=count)


def _quick_full(payload: bytes) -> Decoded | None:
    try:
        full = _full.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if not (0 <= full.epoch < MAX_EPOCH and 0 <= full.seq < MAX_EPOCH):
        return None
    values = [p.value for p in full.points]
    for value in values:
        if isinstance(value, float) and not abs(value) < _WHOLE:
            return None
    qualities = tuple(p.quality for p in full.points)
    names = tuple(p.name for p in full.points)
    if not {"good", "uncertain", "bad"}.issuperset(qualities):
        return None
    try:
        times = np.array([p.time for p in full.points], np.int64)
    except OverflowError:
        return None
    return Decoded(full.epoch, full.seq, names, times, values, qualities, points=len(names))


def from_salvage(saved: Salvaged) -> Decoded:
    """What the careful way saved, as columns."""
    return Decoded(
        saved.epoch,
        saved.seq,
        tuple(saved.names),
        np.array(saved.times, np.int64),
        saved.values,
        tuple(saved.qualities),
        tuple(saved.places),
        saved.points,
        saved.faults,
        tuple(saved.clock_unreadable),
        saved.replaced,
    )
