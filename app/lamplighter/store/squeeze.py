"""Columns as few bytes as they carry news: whole numbers as differences, values as decimals.

Sensors send at a beat and with few decimals. A column of whole numbers is kept as differences (or
differences of differences, whichever is smaller), values that are exactly a decimal of up to four
places as whole numbers. Nothing is rounded: a value that is no such decimal is kept as it is.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.store.blob import shuffle, unshuffle

Array = npt.NDArray[Any]
_HEAD: Final = struct.Struct("<BBIqq")
_LOOKED_AT: Final = 4_096
_PLACES: Final = 4
_RAW: Final = 255
_POWER: Final = np.array([10.0**k for k in range(_PLACES + 1)])
_WHOLE: Final = float(1 << 53)


class Reading:
    """Takes columns off a byte string in the order in which they were put there."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 0

    def ints(self) -> Array:
        """Raises ValueError when the bytes end early."""
        twice, width, count, first, base = _HEAD.unpack(self._take(_HEAD.size))
        if not count:
            return np.empty(0, np.int64)
        steps = _unzigzag(self.plain(f"<u{width}", count - 1).astype(np.uint64))
        if twice:
            steps = np.cumsum(steps, dtype=np.int64) + np.int64(base)
        else:
            steps = steps + np.int64(base)
        found = np.empty(count, np.int64)
        found[0] = first
        found[1:] = steps
        whole: Array = np.cumsum(found, dtype=np.int64)
        return whole

    def values(self, lengths: Array) -> Array:
        """Values of streams that are `lengths` long."""
        scales = self.plain("<u1", lengths.shape[0])
        each = np.repeat(scales, lengths)
        found = np.empty(each.shape[0], np.float64)
        decimal = each != _RAW
        if decimal.all():
            found[:] = self.ints() / _POWER[each]
            return found
        found[decimal] = self.ints() / _POWER[each[decimal]]
        found[~decimal] = self.plain("<f8", int((~decimal).sum()))
        return found

    def plain(self, kind: str, count: int) -> Array:
        size = np.dtype(kind).itemsize * count
        if self._at + size > len(self._raw) or count < 0:
            raise ValueError("damaged bytes: too short")
        found: Array = unshuffle(self._raw, kind, count, self._at)
        self._at += size
        return found

    def rest(self) -> bytes:
        """All that was not taken yet."""
        found = self._raw[self._at :]
        self._at = len(self._raw)
        return found

    def _take(self, size: int) -> bytes:
        found = self._raw[self._at : self._at + size]
        if len(found) != size:
            raise ValueError("damaged bytes: too short")
        self._at += size
        return found


def ints(column: Array) -> bytes:
    """A column of whole numbers (they may wrap around 64 bits)."""
    values = np.ascontiguousarray(column, np.int64)
    count = values.shape[0]
    if count < 2:
        return _HEAD.pack(0, 1, count, int(values[0]) if count else 0, 0)
    once = np.diff(values)
    base = int(np.sort(once)[once.shape[0] // 2])
    single = _zigzag(once - np.int64(base))
    twice = _zigzag(np.diff(once, prepend=once[:1]))
    second = _news(twice) < _news(single)
    steps = twice if second else single
    high = int(steps.max())
    width = next(w for w in (1, 2, 4, 8) if high < 1 << (8 * w))
    head = _HEAD.pack(int(second), width, count, int(values[0]), int(once[0]) if second else base)
    return head + shuffle(steps.astype(f"<u{width}"))


def values(column: Array, starts: Array) -> bytes:
    """Values of streams that begin at `starts`, each stream with the fewest places that are exact.

    NaN, infinities and -0.0 are no decimals; their stream is kept as it is.
    """
    lengths = np.diff(np.append(starts, column.shape[0]))
    scales = np.full(starts.shape[0], _RAW, np.uint8)
    whole = np.zeros(column.shape[0], np.int64)
    bits = column.view(np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        for places in range(_PLACES, -1, -1):
            scaled = np.rint(column * _POWER[places])
            fits = np.abs(scaled) < _WHOLE
            scaled = np.where(fits, scaled, 0.0).astype(np.int64)
            back = scaled / _POWER[places]
            exact = np.logical_and.reduceat(fits & (back.view(np.int64) == bits), starts)
            mine = np.repeat(exact, lengths)
            scales[exact] = places
            whole[mine] = scaled[mine]
            if places == _PLACES and not exact.any():
                break
    kept = np.repeat(scales != _RAW, lengths)
    if kept.all():
        return scales.tobytes() + ints(whole)
    return scales.tobytes() + ints(whole[kept]) + shuffle(column[~kept])


def _zigzag(steps: Array) -> Array:
    return ((steps << 1) ^ (steps >> 63)).view(np.uint64)


def _unzigzag(steps: Array) -> Array:
    found: Array = (steps >> np.uint64(1)).view(np.int64) ^ -(steps & np.uint64(1)).view(np.int64)
    return found


def _news(steps: Array) -> float:
    """About how many bits the steps carry."""
    return float(np.log2(1.0 + steps[:_LOOKED_AT]).sum())
