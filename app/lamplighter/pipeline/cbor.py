"""Reads CBOR (RFC 8949) into plain values: what sensor messages need, and nothing that can hurt.

Depth, sizes and the number of items are limited by the bytes that are there; tags are passed over.
"""

from __future__ import annotations

import struct
from typing import Any, Final

MAX_DEPTH: Final = 32
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_BREAK: Final = object()


class CborError(ValueError):
    """The bytes are no CBOR."""


def read_cbor(data: bytes) -> Any:
    """The one value in `data`. Raises CborError, and nothing else, for what is none."""
    reader = _Reader(data)
    value = reader.value(0)
    if value is _BREAK or reader.at != len(data):
        raise CborError("there is something behind its end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise CborError("nested too deeply")
        head = self._take(1)[0]
        kind, low = head >> 5, head & 0x1F
        if kind == 7:
            return self._simple(low)
        if low == 31:
            return self._open_ended(kind, depth)
        size = self._size(low)
        if kind == 0:
            return size
        if kind == 1:
            return -1 - size
        if kind == 2:
            return self._take(size)
        if kind == 3:
            return self._text(self._take(size))
        if kind == 4:
            return [self._item(depth) for _ in range(self._counted(size))]
        if kind == 5:
            return self._map([self._item(depth) for _ in range(self._counted(2 * size))])
        return self._item(depth)  # a tag: what it marks

    def _item(self, depth: int) -> Any:
        found = self.value(depth + 1)
        if found is _BREAK:
            raise CborError("it ends where it should go on")
        return found

    def _open_ended(self, kind: int, depth: int) -> Any:
        items: list[Any] = []
        while (found := self.value(depth + 1)) is not _BREAK:
            items.append(found)
        if kind == 4:
            return items
        if kind == 5 and len(items) % 2 == 0:
            return self._map(items)
        if kind == 3 and all(isinstance(i, str) for i in items):
            return "".join(items)
        if kind == 2 and all(isinstance(i, bytes) for i in items):
            return b"".join(items)
        raise CborError("an open end that fits nothing")

    @staticmethod
    def _map(items: list[Any]) -> dict[Any, Any]:
        try:
            found = dict(zip(items[::2], items[1::2], strict=True))
        except TypeError:
            raise CborError("a key that can be none") from None
        if len(found) * 2 != len(items):
            raise CborError("the same key twice")
        return found

    @staticmethod
    def _text(data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise CborError("a text that is not UTF-8") from None

    def _simple(self, low: int) -> Any:
        if low == 31:
            return _BREAK
        form = _FLOATS.get(low)
        if form is not None:
            return struct.unpack(form, self._take(struct.calcsize(form)))[0]
        if low not in _SIMPLE:
            raise CborError("an unknown simple value")
        return _SIMPLE[low]

    def _size(self, low: int) -> int:
        if low < 24:
            return low
        if low > 27:
            raise CborError("an unknown length")
        return int.from_bytes(self._take(1 << (low - 24)), "big")

    def _counted(self, count: int) -> int:
        """A number of items that can be there: each has at least one byte."""
        if count > len(self._data) - self.at:
            raise CborError("it ends too early")
        return count

    def _take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self._data):
            raise CborError("it ends too early")
        found = self._data[self.at : end]
        self.at = end
        return found
