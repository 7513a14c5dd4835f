"""What was exchanged with which historian: kept in a small file of the project, forced to disk.

The historian's receipt always comes first, the entry here after it: losing an entry costs sending
something again, which the historian tells and counts once.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lamplighter.domain.exchange import Poison, spans_with

FILE: Final = "exchange.db"
KEPT_POISON: Final = 100_000
"""further ones are counted only"""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS sent(
    historian TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY(historian, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark(
    historian TEXT NOT NULL, what TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY(historian, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS poison(
    n INTEGER PRIMARY KEY AUTOINCREMENT, historian TEXT NOT NULL, kind TEXT NOT NULL,
    batch INTEGER NOT NULL, source TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    place INTEGER NOT NULL, text TEXT NOT NULL, reason TEXT NOT NULL, since_ms INTEGER NOT NULL,
    UNIQUE(historian, kind, source, epoch, seq, place));
"""


class Ledger:
    """Safe from any thread; one process at a time writes (the one that holds the project)."""

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        file = folder / FILE
        self._lock = threading.Lock()
        if read_only:
            self._sql = _open_reading(file)
            return
        self._sql = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
        self._sql.execute("PRAGMA journal_mode=WAL")
        self._sql.execute("PRAGMA synchronous=FULL")
        self._sql.executescript(_TABLES)

    def close(self) -> None:
        with self._lock:
            self._sql.close()

    # ------------------------------------------------------------ what was sent
    def sent(self, historian: str) -> list[tuple[int, int]]:
        """Batches the historian gave a receipt for, as closed intervals, ascending."""
        with self._lock:
            return self._sql.execute(
                "SELECT first, last FROM sent WHERE historian=? ORDER BY first", (historian,)
            ).fetchall()

    def sent_anywhere(self) -> list[tuple[int, int]]:
        """The same over every historian the project ever had."""
        with self._lock:
            rows = self._sql.execute("SELECT first, last FROM sent ORDER BY first").fetchall()
        found: list[tuple[int, int]] = []
        for first, last in rows:
            found = spans_with(found, first, last)
        return found

    def replace_sent(self, historian: str, spans: Sequence[tuple[int, int]]) -> None:
        """The historian knows less than we believed: believe the historian."""
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            self._put_spans(historian, spans)
            self._sql.execute("COMMIT")

    def _put_spans(self, historian: str, spans: Sequence[tuple[int, int]]) -> None:
        self._sql.execute("DELETE FROM sent WHERE historian=?", (historian,))
        self._sql.executemany(
            "INSERT INTO sent VALUES(?,?,?)", [(historian, *span) for span in spans]
        )

    def mark_sent(
        self,
        historian: str,
        first: int,
        last: int,
        marks: dict[str, int],
        adds: dict[str, int],
        poison: Sequence[Poison],
    ) -> None:
        """After the receipt: batches first..last (none when last < first), new marks, sums to add
        and what was set aside, in one transaction.
        """
        with self._lock:
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                if last >= first:
                    known = self._sql.execute(
                        "SELECT first, last FROM sent WHERE historian=? ORDER BY first",
                        (historian,),
                    ).fetchall()
                    self._put_spans(historian, spans_with(known, first, last))
                self._marks(historian, marks, adds)
                self._aside(historian, poison)
                self._sql.execute("COMMIT")
            except BaseException:
                self._sql.execute("ROLLBACK")
                raise

    def _marks(self, historian: str, marks: dict[str, int], adds: dict[str, int]) -> None:
        self._sql.executemany(
            "INSERT INTO mark VALUES(?,?,?) ON CONFLICT DO UPDATE SET value=excluded.value",
            [(historian, what, value) for what, value in marks.items()],
        )
        self._sql.executemany(
            "INSERT INTO mark VALUES(?,?,?) ON CONFLICT DO UPDATE SET value=value+excluded.value",
            [(historian, what, value) for what, value in adds.items()],
        )

    def put(self, historian: str, marks: dict[str, int], adds: dict[str, int]) -> None:
        """Marks and sums alone."""
        self.mark_sent(historian, 1, 0, marks, adds, ())

    def mark(self, historian: str, what: str) -> int:
        """0 when it was never set."""
        with self._lock:
            row = self._sql.execute(
                "SELECT value FROM mark WHERE historian=? AND what=?", (historian, what)
            ).fetchone()
        return int(row[0]) if row else 0

    # ------------------------------------------------------------ what was set aside
    def _aside(self, historian: str, poison: Sequence[Poison]) -> None:
        count = self._sql.execute("SELECT count(*) FROM poison").fetchone()[0] if poison else 0
        kept = poison[: max(KEPT_POISON - int(count), 0)]
        self._sql.executemany(
            "INSERT OR IGNORE INTO poison(historian, kind, batch, source, epoch, seq, place, text,"
            " reason, since_ms) VALUES(?,?,?,?,?,?,?,?,?,?)",
            [
                (historian, p.kind, p.batch, p.source, p.epoch, p.seq, p.place, p.text, p.reason,
                 p.since_ms)
                for p in kept
            ],
        )  # fmt: skip
        if len(kept) < len(poison):
            self._marks(historian, {}, {"poison not kept": len(poison) - len(kept)})

    def poison(self, historian: str = "", limit: int = 1_000) -> list[Poison]:
        """What waits, the oldest first; of every historian when none is named."""
        with self._lock:
            rows = self._sql.execute(
                "SELECT n, kind, batch, source, epoch, seq, place, text, reason, since_ms"
                " FROM poison WHERE ?='' OR historian=? ORDER BY n LIMIT ?",
                (historian, historian, limit),
            ).fetchall()
        return [Poison(*row) for row in rows]

    def poison_count(self, historian: str = "") -> tuple[int, int]:
        """(how many wait, since when the oldest does)"""
        with self._lock:
            row = self._sql.execute(
                "SELECT count(*), coalesce(min(since_ms), 0) FROM poison WHERE ?='' OR historian=?",
                (historian, historian),
            ).fetchone()
        return int(row[0]), int(row[1])

    def drop_poison(self, numbers: Sequence[int]) -> int:
        """Forget them; says how many there were."""
        with self._lock:
            before = self._sql.total_changes
            self._sql.execute("BEGIN IMMEDIATE")
            self._sql.executemany("DELETE FROM poison WHERE n=?", [(n,) for n in numbers])
            self._sql.execute("COMMIT")
            return self._sql.total_changes - before


def _open_reading(file: Path) -> sqlite3.Connection:
    """The books as they are; empty ones while there are none (or while they are being made)."""
    if file.exists():
        sql = sqlite3.connect(
            f"{file.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
        )
        made = sql.execute("SELECT 1 FROM sqlite_master WHERE name='poison'").fetchone()
        if made is not None:
            return sql
        sql.close()
    sql = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    sql.executescript(_TABLES)
    return sql
