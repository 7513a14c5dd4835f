"""Insert staged rows so that a bad one is set aside and blocks no other.

What the table's own CHECK constraints refuse is asked for in one question, with the constraint's
name as the reason, before anything is inserted, so that a stream of bad rows costs one question
per chunk. What is refused for any other cause (a trigger of the administrator, a constraint that
came a moment ago) is found by halving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from lamplighter.exchange.link import Connection

REFUSALS: Final = ("22", "23", "P0", "54")
"""SQLSTATE classes of refused data; everything else is a failure of the link or the server"""


class Pieces:
    """For one table; `insert` must select from `staged` as `s` and end where a condition can be
    added with AND.
    """

    def __init__(self, table: str, staged: str, insert: str, tail: str = "") -> None:
        self._table = table
        self._staged = staged
        self._insert = insert
        self._tail = tail
        self._checks: dict[str, str] | None = None

    def put(
        self, connection: Connection, count: int, values: tuple[object, ...]
    ) -> tuple[int, dict[int, str]]:
        """Insert staged rows with place 0..count-1. Returns (rows inserted, place -> reason).

        Raises psycopg.Error when the link or the server fails.
        """
        if self._checks is None:
            self._checks = self._constraints(connection)
        bad = self._violators(connection, self._checks)
        done = self._try(connection, values, 0, count, bad)
        if isinstance(done, int):
            return done, bad
        known, self._checks = self._checks, self._constraints(connection)
        if self._checks != known:
            bad |= self._violators(connection, self._checks)
        return self._halve(connection, values, 0, count, bad, done), bad

    def _halve(
        self,
        connection: Connection,
        values: tuple[object, ...],
        low: int,
        high: int,
        bad: dict[int, str],
        why: str,
    ) -> int:
        """Insert [low, high), which is known to be refused as a whole."""
        if high - low == 1:
            bad[low] = why
            return 0
        middle, total = (low + high) // 2, 0
        for start, end in ((low, middle), (middle, high)):
            done = self._try(connection, values, start, end, bad)
            if isinstance(done, int):
                total += done
            else:
                total += self._halve(connection, values, start, end, bad, done)
        return total

    def _try(
        self,
        connection: Connection,
        values: tuple[object, ...],
        low: int,
        high: int,
        bad: dict[int, str],
    ) -> int | str:
        """Rows inserted, or why they were refused; with nothing of them inserted then."""
        import psycopg

        without = [place for place in bad if low <= place < high]
        query = (
            f"{self._insert} AND s.place >= %s AND s.place < %s AND s.place <> ALL(%s) {self._tail}"
        )
        try:
            with connection.transaction():
                cursor = connection.execute(query.encode(), (*values, low, high, without))
                return cursor.rowcount
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith(REFUSALS):
                raise
            return (str(error).splitlines() or ["refused"])[0][:300]

    def _constraints(self, connection: Connection) -> dict[str, str]:
        rows = connection.execute(
            "SELECT conname, pg_get_expr(conbin, conrelid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'c'",
            (self._table,),
        ).fetchall()
        return {str(name): str(text) for name, text in rows if text}

    def _violators(self, connection: Connection, checks: dict[str, str]) -> dict[int, str]:
        """Staged rows that a constraint refuses. A constraint that cannot be asked is passed over:
        halving finds what it refuses.
        """
        import psycopg

        bad: dict[int, str] = {}
        for name, text in checks.items():
            query = f"SELECT s.place FROM {self._staged} s WHERE NOT ({text})"
            try:
                with connection.transaction():
                    rows = connection.execute(query.encode()).fetchall()
            except psycopg.Error as error:
                if (error.sqlstate or "").startswith(("08", "57")) or not error.sqlstate:
                    raise
                continue
            for (place,) in rows:
                bad.setdefault(int(place), f"violates the check {name}: {text}"[:300])
        return bad
