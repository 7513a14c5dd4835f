"""A few bytes beside the history that remember its last batch.

A damaged end of the write-ahead log makes SQLite forget the newest batches without a word. The
witness is written after each commit and never forced to disk: it can lag behind the history but
never run ahead of it, so when it knows a later batch than the history, batches are gone.
"""

from __future__ import annotations

import contextlib
import os
import struct
from hashlib import blake2b
from pathlib import Path
from typing import Final

NAME: Final = "history.head"
_FORM: Final = struct.Struct("<q8s")


class Witness:
    """The writing end."""

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, number: int) -> None:
        raw = number.to_bytes(8, "little", signed=True)
        # nothing depends on it but the finding of damage
        with contextlib.suppress(OSError):
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, raw + _check(raw))

    def close(self) -> None:
        os.close(self._handle)

    @staticmethod
    def read(folder: Path) -> int | None:
        """The last batch that was seen; None when the file is absent or torn."""
        try:
            raw = (folder / NAME).read_bytes()[: _FORM.size]
        except OSError:
            return None
        if len(raw) < _FORM.size or _check(raw[:8]) != raw[8:]:
            return None
        return int.from_bytes(raw[:8], "little", signed=True)


def _check(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=8).digest()
