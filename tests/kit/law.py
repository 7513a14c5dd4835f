"""Looks into a project every second, from outside, at whether every point is accounted for.

The account and the batch it counts are written in one transaction, so at any moment, also while the
recorder is being killed, what was received is stored, duplicate, set aside or refused, and what is
said to be stored is in the batches. Read from the file itself; the recorder is not asked.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

_ACCOUNT = (
    "SELECT coalesce(sum(received), 0), coalesce(sum(stored), 0), coalesce(sum(stored + duplicate"
    " + quarantined + refused), 0), coalesce(max(received != stored + duplicate + quarantined"
    " + refused), 0) FROM account"
)

_HELD = (
    "SELECT coalesce((SELECT sum(points) FROM segment), 0) + coalesce((SELECT sum(count) FROM batch"
    " WHERE number > coalesce((SELECT max(to_batch) FROM segment), 0)), 0)"
)
"""points in sealed files, and in the batches after them"""


class LawWatch:
    """Use as a context; `looks` and `unequal` count afterwards."""

    def __init__(self, project: Path, every_s: float = 1.0) -> None:
        self._file, self._every_s = project / "history.db", every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="law", daemon=True)
        self.looks = 0
        self.unequal: list[tuple[int, ...]] = []

    def __enter__(self) -> LawWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self.look()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with contextlib.suppress(sqlite3.OperationalError):  # a recorder is just being born
                self.look()

    def look(self) -> None:
        """One look, in one read transaction."""
        with contextlib.closing(sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)) as sql:
            sql.isolation_level = None
            sql.execute("BEGIN")
            received, stored, parts, wrong = sql.execute(_ACCOUNT).fetchone()
            (held,) = sql.execute(_HELD).fetchone()
        self.looks += 1
        if wrong or received != parts or stored != held:
            self.unequal.append((received, stored, parts, held))

    def words(self) -> str:
        """For the table."""
        return f"the account unequal in {len(self.unequal)} of {self.looks} seconds looked at"
