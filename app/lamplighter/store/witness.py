"""A few bytes beside the databases that remember the last batch and the last fact.

A damaged end of a write-ahead log makes SQLite forget the newest commits without a word. The
witness is written after each commit and never forced to disk: it can lag behind the databases but
never run ahead of them, so when it knows something later, something is gone.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from pathlib import Path
from typing import Final

BATCHES: Final = "history.head"
FACTS: Final = "city.head"
_SIZE: Final = 16


class Witness:
    """The writing end of one of the two files."""

    def __init__(self, folder: Path, name: str) -> None:
        self._handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)

    def write(self, number: int) -> None:
        raw = number.to_bytes(8, "little", signed=True)
        # nothing depends on it but the finding of damage
        with contextlib.suppress(OSError):
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, raw + _check(raw))

    def close(self) -> None:
        os.close(self._handle)


def last_seen(folder: Path, name: str) -> int:
    """The last number that was seen; 0 when the file is absent or torn."""
    try:
        raw = (folder / name).read_bytes()[:_SIZE]
    except OSError:
        return 0
    whole = len(raw) == _SIZE and _check(raw[:8]) == raw[8:]
    return int.from_bytes(raw[:8], "little", signed=True) if whole else 0


def _check(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=8).digest()
