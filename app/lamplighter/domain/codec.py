"""msgpack by types, with numpy arrays. No pickle anywhere.

An array crosses as (dtype, shape, bytes). Above `SPILL_BYTES` its bytes are written to a file in
the spill folder and the file is named instead; the reader maps it and removes the name. So are
smaller ones once those of one message fill `INLINE_BYTES`: many small arrays are as heavy as one.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

SPILL_BYTES: Final = 256_000
INLINE_BYTES: Final = 500_000
SMALL_BYTES: Final = 1_000
"""never spilled: the name of a file is hardly shorter"""
MAX_FRAME_BYTES: Final = 1_000_000
_KINDS: Final = frozenset("biufSV")


class Codec:
    """Encodes and decodes frames; `spill` is the folder for large arrays, or None for none."""

    def __init__(self, spill: Path | None = None) -> None:
        self._spill = spill
        self._inline = 0
        self._encoder = msgspec.msgpack.Encoder(enc_hook=self._out)

    def encode(self, message: object) -> bytes:
        self._inline = 0
        return self._encoder.encode(message)

    def decode(self, data: bytes, kind: Any) -> Any:
        """A value of `kind` (a type or a union of types).

        Raises msgspec.DecodeError or ValidationError on anything that does not fit.
        """
        return msgspec.msgpack.decode(data, type=kind, dec_hook=self._in)

    def _out(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value)
            if array.dtype.kind not in _KINDS:
                raise TypeError(f"an array of {array.dtype} cannot cross")
            raw = array.tobytes()
            if self._spill is not None and self._spills(len(raw)):
                name = _spilled(self._spill, raw)
                if name:
                    return (array.dtype.str, list(array.shape), name)
            self._inline += len(raw)
            return (array.dtype.str, list(array.shape), raw)
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{type(value).__name__} cannot cross")

    def _spills(self, size: int) -> bool:
        full = size > SMALL_BYTES and self._inline + size > INLINE_BYTES
        return size > SPILL_BYTES or full

    def _in(self, kind: type, value: Any) -> Any:
        if kind is not np.ndarray:
            raise TypeError(f"{kind.__name__} cannot cross")
        dtype_text, shape, body = value
        dtype = np.dtype(dtype_text)
        if dtype.kind not in _KINDS:
            raise ValueError(f"an array of {dtype} cannot cross")
        if isinstance(body, str):
            path = Path(body)
            if self._spill is None or path.parent != self._spill or path.suffix != ".array":
                raise ValueError("an array file outside the spill folder")
            raw = path.read_bytes()
            path.unlink(missing_ok=True)
        else:
            raw = bytes(body)
        return np.frombuffer(raw, dtype=dtype).reshape(shape)


def _spilled(folder: Path, raw: bytes) -> str:
    """Name of a new file with these bytes; empty where there is no room for it."""
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=folder, suffix=".array")
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
    except OSError:  # a full disk: they cross in the message itself
        if name:
            Path(name).unlink(missing_ok=True)
        return ""
    return name
