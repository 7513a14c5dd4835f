"""What was set aside, row by row: read for people, taken out when it was retried or deleted.

A row that is retried leaves in the transaction that stores it, so it is never in both places and
never in none. A deleted row stays counted: the account says what came, not what was kept.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from lamplighter.domain.days import DAY_MS
from lamplighter.domain.observation import Account, Retried
from lamplighter.domain.quarantine import AsideRow

_COLUMNS = "n, source, topic, received_ms, code, reason, points, body"


def aside_rows(
    sql: sqlite3.Connection,
    *,
    limit: int = 500,
    before: int = 0,
    code: str = "",
    only: Sequence[int] = (),
) -> list[AsideRow]:
    """Kept rows, the newest first; `before`: only older ones than this number; `only`: these."""
    wheres, values = ["1"], []
    if before:
        wheres.append("n < ?")
        values.append(before)
    bound: list[object] = list(values)
    if code:
        wheres.append("code = ?")
        bound.append(code)
    if only:
        wheres.append(f"n IN ({','.join('?' * len(only))})")
        bound += only
    query = f"SELECT {_COLUMNS} FROM quarantine WHERE {' AND '.join(wheres)}"
    rows = sql.execute(f"{query} ORDER BY n DESC LIMIT ?", (*bound, limit))
    return [AsideRow(*row) for row in rows]


def kept_counts(sql: sqlite3.Connection) -> dict[str, int]:
    """Rows that are kept, by code."""
    return dict(sql.execute("SELECT code, count(*) FROM quarantine GROUP BY code").fetchall())


def oldest_ms(sql: sqlite3.Connection) -> int:
    """When the oldest kept row came, 0 for none."""
    return int(sql.execute("SELECT coalesce(min(received_ms), 0) FROM quarantine").fetchone()[0])


def drop_rows(sql: sqlite3.Connection, numbers: Iterable[int]) -> Counter[str]:
    """Take rows out, inside the caller's transaction; says how many of each code went."""
    gone: Counter[str] = Counter()
    for number in numbers:
        row = sql.execute("DELETE FROM quarantine WHERE n=? RETURNING code", (number,)).fetchone()
        if row is not None:
            gone[row[0]] += 1
    return gone


def settle_retried(
    sql: sqlite3.Connection, retried: Sequence[Retried]
) -> tuple[Counter[str], Counter[tuple[int, int]]]:
    """Retried rows leave with their counts, inside the transaction that stores them.

    Returns the rows that went by code, and their points (below zero) by (day, source).
    """
    gone: Counter[str] = Counter()
    days: Counter[tuple[int, int]] = Counter()
    for entry in retried:
        row = sql.execute(
            "DELETE FROM quarantine WHERE n=? RETURNING code, received_ms", (entry.number,)
        ).fetchone()
        if row is None:
            continue
        gone[row[0]] += 1
        days[(row[1] // DAY_MS, entry.source)] -= entry.points
        sql.execute(
            "UPDATE quarantine_total SET entries=entries-1, points=points-? WHERE code=?",
            (entry.points, row[0]),
        )
    return gone, days


def without_retried(accounts: dict[int, Account], retried: Sequence[Retried]) -> dict[int, Account]:
    """What was received once is counted once: a retried row counts anew, not twice."""
    for entry in retried:
        known = accounts.get(entry.source, Account())
        minus = Account(received=-entry.points, quarantined=-entry.points)
        accounts[entry.source] = known.plus(minus)
    return accounts
