"""What was known at a moment: which batches and facts count, and the facts as they stood then.

A batch counts when it had been recorded by the moment. A fact counts when the batch it derives
from does and it had been written by then: while feeds are silent no batch comes, and what people
and rules do in that time is told apart by the wall clock alone.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from lamplighter.store import batches, facts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known:
    """What counts at a moment."""

    at_ms: int
    batch: int
    """the last batch recorded by then"""
    since: int
    """first batch since the clock was last set back: of earlier ones every fact counts"""

    def counts(self, batch: int, wall_ms: int) -> bool:
        """Whether a fact of this batch and this wall time was known."""
        return batch < self.since or (batch <= self.batch and wall_ms <= self.at_ms)


def known_at(history: sqlite3.Connection, at_ms: int) -> Known:
    """What had been recorded by `at_ms`."""
    batch = batches.known_at(history, at_ms)
    row = history.execute("SELECT max(batch) FROM setback WHERE batch<=?", (batch,)).fetchone()
    return Known(at_ms, batch, int(row[0] or 0))


def facts_known(
    city: sqlite3.Connection, kind: str, type_: type[T], known: Known | None
) -> dict[str, T]:
    """key -> value as it stood then, or as it stands with `None`.

    Each key is looked up from its newest fact backwards, below the last fact of that time.
    """
    if known is None:
        return facts.current(city, kind, type_)
    decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(type_)
    found: dict[str, T] = {}
    end = _last_fact(city, known)
    for key in _keys(city, kind):
        row = city.execute(
            "SELECT body FROM fact WHERE kind=? AND key=? AND n<=?"
            " AND (batch<? OR (batch<=? AND wall_ms<=?)) ORDER BY n DESC LIMIT 1",
            (kind, key, end, known.since, known.batch, known.at_ms),
        ).fetchone()
        if row is not None and row[0] is not None:
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                found[key] = decoder.decode(row[0])
    return found


def _keys(city: sqlite3.Connection, kind: str) -> list[str]:
    """The keys of a kind, by hops through the index: each costs one look, however many facts."""
    rows = city.execute(
        "WITH RECURSIVE hop(key) AS ("
        " SELECT min(key) FROM fact WHERE kind=:kind UNION ALL"
        " SELECT (SELECT min(key) FROM fact WHERE kind=:kind AND key>hop.key)"
        " FROM hop WHERE hop.key IS NOT NULL)"
        " SELECT key FROM hop WHERE key IS NOT NULL",
        {"kind": kind},
    )
    return [row[0] for row in rows]


def _last_fact(city: sqlite3.Connection, known: Known) -> int:
    """A number below which every fact of then lies. Without a clock that was set back facts lie
    in order of time, and halving finds it.
    """
    high = facts.last_number(city)
    if known.since:
        return high
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        row = city.execute("SELECT wall_ms FROM fact WHERE n=?", (middle,)).fetchone()
        if row is None or row[0] <= known.at_ms:
            low = middle
        else:
            high = middle - 1
    return low
