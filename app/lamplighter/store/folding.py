"""Folds the write-ahead logs back into their files: in quiet moments, and before they grow long."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lamplighter.store.connections import WAL_LIMIT
from lamplighter.store.folder import CITY, HISTORY

MUCH_BYTES: Final = 4 << 20
MUCH_S: Final = 1.0
OFTEN_S: Final = 5.0


class Folding:
    """Used by the writer's thread alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked = time.monotonic()
        self._dirty = True

    def written(self, files: Sequence[sqlite3.Connection]) -> None:
        """Something was written: fold what has grown too long even when somebody has to wait."""
        self._dirty = True
        if self._log_bytes() > WAL_LIMIT and time.monotonic() - self._looked > MUCH_S:
            self._fold(files, "TRUNCATE")

    def idle(self, files: Sequence[sqlite3.Connection], last: bool) -> None:
        """Nothing waits; `last`: nothing will, and the logs end empty."""
        age = time.monotonic() - self._looked
        much = age > MUCH_S and self._log_bytes() > MUCH_BYTES
        if last:
            self._fold(files, "TRUNCATE")
        elif self._dirty and (much or age > OFTEN_S):
            self._fold(files, "PASSIVE")

    def _log_bytes(self) -> int:
        total = 0
        for name in (HISTORY, CITY):
            with contextlib.suppress(OSError):
                total = max(total, (self._folder / f"{name}-wal").stat().st_size)
        return total

    def _fold(self, files: Sequence[sqlite3.Connection], mode: str) -> None:
        self._looked = time.monotonic()
        complete = True
        for sql in files:
            # readers may hold it off, a full disk may refuse it: it is tried again later
            sql.execute("PRAGMA busy_timeout=50")
            try:
                busy, frames, moved = sql.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
                complete = complete and not busy and frames == moved
            except sqlite3.Error:
                complete = False
            sql.execute("PRAGMA busy_timeout=10000")
        self._dirty = not complete
