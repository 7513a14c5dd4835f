"""Rows of fixed width in PostgreSQL's binary COPY format, made and read by numpy alone."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_HEAD: Final = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">II", 0, 0)
_END: Final = struct.pack(">h", -1)

MESSAGE: Final = (
    ("place", ">i4"), ("source", ">i4"), ("epoch", ">i8"), ("seq", ">i8"), ("hash64", ">i8"),
    ("received_ms", ">i8"), ("points", ">i4"), ("batch", ">i8"), ("wall_ms", ">i8"),
)  # fmt: skip
OBSERVATION: Final = (
    ("place", ">i4"), ("time_ms", ">i8"), ("source", ">i4"), ("epoch", ">i8"), ("seq", ">i8"),
    ("n", ">i4"), ("datastream", ">i4"), ("value", ">f8"), ("quality", ">i2"),
)  # fmt: skip
Kinds = tuple[tuple[str, str], ...]


def _layout(kinds: Kinds) -> np.dtype[Any]:
    fields: list[tuple[str, str]] = [("columns", ">i2")]
    for name, kind in kinds:
        fields += [(f"{name} size", ">i4"), (name, kind)]
    return np.dtype(fields)


def encode(kinds: Kinds, columns: dict[str, Array]) -> bytes:
    """The rows as COPY ... FROM STDIN (FORMAT BINARY) takes them."""
    count = len(next(iter(columns.values())))
    rows = np.zeros(count, _layout(kinds))
    rows["columns"] = len(kinds)
    for name, kind in kinds:
        rows[f"{name} size"] = np.dtype(kind).itemsize
        rows[name] = columns[name]
    return _HEAD + rows.tobytes() + _END


def decode(kinds: Kinds, data: bytes) -> dict[str, Array]:
    """The columns of what COPY ... TO STDOUT (FORMAT BINARY) gave; no column may hold NULL.

    Raises ValueError when the bytes are not of this layout.
    """
    if not data.startswith(_HEAD[:11]) or not data.endswith(_END):
        raise ValueError("the historian's rows ended early")
    layout = _layout(kinds)
    body = memoryview(data)[len(_HEAD) : len(data) - len(_END)]
    if len(body) % layout.itemsize:
        raise ValueError("the historian's rows have another width")
    rows = np.frombuffer(body, layout)
    if len(rows) and bool((rows["columns"] != len(kinds)).any()):
        raise ValueError("the historian's rows have other columns")
    return {
        name: np.ascontiguousarray(rows[name]).astype(np.dtype(kind).newbyteorder("="))
        for name, kind in kinds
    }
