"""Room kept free for what must be written down even on a full disk: commands and their audit.

One file of zeros beside the audit record. When a small write finds no room, a piece of the file is
given back to the disk and the write is tried again. Telemetry never takes from it: it waits until
the file is whole again, so that a flood of values cannot eat the room of the commands.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Final

RESERVE: Final = "audit.reserve"
SIZE: Final = 16 << 20
SHARE: Final = 8
"""at most this part of a small disk is kept"""
PIECES: Final = 16
SMALLEST_PIECE: Final = 256 << 10


class Reserve:
    """The reserve file of one project. Safe from any thread."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        total = shutil.disk_usage(folder).total
        self._file = folder / RESERVE
        self.size = max(min(size, total // SHARE), SMALLEST_PIECE)
        self._piece = max(self.size // PIECES, SMALLEST_PIECE)
        self._lock = threading.Lock()
        self.refill()

    @property
    def held(self) -> int:
        """Bytes still kept."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def release(self, keep: int = 0) -> bool:
        """Give a piece back to the disk; False when no more than `keep` bytes would be left."""
        with self._lock:
            held = self.held
            if held <= keep:
                return False
            try:
                os.truncate(self._file, max(held - self._piece, 0))
            except OSError:
                return False
            return True

    def refill(self) -> bool:
        """Take back what was given, if there is room; says whether the reserve is whole."""
        with self._lock:
            held = self.held
            if held >= self.size:
                return True
            try:
                _allocate(self._file, held, self.size)
            except OSError:
                try:
                    os.truncate(self._file, held)  # half of it would be taken from telemetry only
                except OSError:
                    return False
                return False
            return True


def _allocate(file: Path, start: int, end: int) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, start, end - start)
            return
        os.lseek(handle, start, os.SEEK_SET)
        while start < end:
            start += os.write(handle, bytes(min(1 << 20, end - start)))
    finally:
        os.close(handle)
