"""How the files are opened: one writing connection, and a read-only one per reading thread.

A thread's connections end with it: a recorder starts threads for years.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import weakref
from pathlib import Path
from typing import Final

from lamplighter.store.folder import CITY, HISTORY
from lamplighter.store.sealed import Connection, SealedFiles

SYNCHRONOUS: Final = "FULL"
WAL_LIMIT: Final = 32 << 20
"""a log longer than this is folded back even when somebody has to wait"""
WAL_KEPT: Final = 8 << 20
"""a log folded back keeps at most so much of the disk"""


def open_writing(file: Path, synchronous: str = SYNCHRONOUS) -> sqlite3.Connection:
    """The one connection that writes `file`; transactions are begun by hand.

    `synchronous` is only ever other than FULL in the control run of the power-cut test.
    """
    sql = sqlite3.connect(
        file, isolation_level=None, check_same_thread=False, timeout=10, factory=Connection
    )
    try:
        sql.execute("PRAGMA auto_vacuum=INCREMENTAL")  # counts for a new file only
        sql.execute("PRAGMA journal_mode=WAL")
        sql.execute(f"PRAGMA synchronous={synchronous}")
        sql.execute("PRAGMA wal_autocheckpoint=0")
        sql.execute(f"PRAGMA journal_size_limit={WAL_KEPT}")
        sql.execute("PRAGMA cache_size=-16000")
    except BaseException:
        sql.close()
        raise
    return sql


def open_reading(file: Path) -> Connection:
    """A connection that cannot write; also while another process does."""
    sql = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10,
        factory=Connection,
    )
    sql.execute("PRAGMA query_only=1")
    sql.execute("PRAGMA cache_size=-2000")
    return sql


class _OfThread:
    """One thread's connections by file; the thread-local that holds it lets it go at the end.

    They are closed by hand: a connection and its statements hold each other, so that without it
    the file stays open until the collector comes by.
    """

    def __init__(self, generation: int, before: _OfThread | None) -> None:
        """`before`: the thread's connections to replaced files, which it may still be reading."""
        self.generation = generation
        self.before = before
        self.files: dict[str, Connection] = {}

    def close(self) -> None:
        for connection in self.files.values():
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        if self.before is not None:
            self.before.close()

    def __del__(self) -> None:
        self.close()


class Readers:
    """Read-only connections, one per thread and file; they end with their thread, or together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._local = threading.local()
        self._every: weakref.WeakSet[_OfThread] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False
        self._generation = 0
        self.segments = SealedFiles(folder / "segments")

    def renew(self) -> None:
        """The files were replaced: every thread opens them anew at its next question."""
        with self._lock:
            self._generation += 1

    @property
    def history(self) -> sqlite3.Connection:
        return self._of(HISTORY)

    @property
    def city(self) -> sqlite3.Connection:
        return self._of(CITY)

    def _of(self, name: str) -> sqlite3.Connection:
        mine: _OfThread | None = getattr(self._local, "mine", None)
        if mine is None or mine.generation != self._generation:
            mine = self._local.mine = _OfThread(self._generation, mine)
        found = mine.files.get(name)
        if found is None:
            with self._lock:
                if self._closed:
                    raise sqlite3.ProgrammingError("the store is closed")
                found = mine.files[name] = open_reading(self._folder / name)
                found.segments = self.segments
                self._every.add(mine)
        return found

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for one in list(self._every):
                one.close()
        self.segments.close()


def is_full(error: sqlite3.Error) -> bool:
    """Out of space or a failing disk: SQLITE_FULL or any SQLITE_IOERR."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


def is_damaged(error: sqlite3.Error) -> bool:
    """SQLITE_CORRUPT or SQLITE_NOTADB."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
