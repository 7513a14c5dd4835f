"""The city as facts: assets, edges, settings, alarms, orders and the rest, append-only.

One chained log; the current state is the newest fact of each (kind, key), and the state known at
a batch is the newest fact not after it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final, TypeVar

import msgspec

ASSET: Final = "asset"
EDGE: Final = "edge"
META: Final = "datastream"
TILE: Final = "tile"
LAYER: Final = "layer"
CONTENTS: Final = "layer contents"
SAID: Final = "said"
REPAIR: Final = "repair"
FRAME: Final = "frame"
SETTING: Final = "setting"
ALARM: Final = "alarm"
ALARM_EVENT: Final = "alarm event"
INCIDENT: Final = "incident"
ORDER: Final = "work order"
EDIT: Final = "edit"
PROGNOSIS: Final = "prognosis"
FORECAST: Final = "forecast"
ANOMALY: Final = "anomaly"
COMMAND: Final = "command"
IMPORT: Final = "import"
MODEL: Final = "model"
_HASH: Final = 16

T = TypeVar("T")


def edge_key(source: str, kind: str, target: str, owner: str) -> str:
    return "\x1f".join((source, kind, target, owner))


def said_key(asset: str, layer: str) -> str:
    return "\x1f".join((asset, layer))


def fact_hash(
    previous: bytes, kind: str, key: str, batch: int, wall_ms: int, body: bytes | None
) -> bytes:
    digest = blake2b(previous, digest_size=_HASH)
    digest.update(f"{kind}\0{key}\0{batch}\0{wall_ms}\0{body is None}\0".encode())
    digest.update(body or b"")
    return digest.digest()


class FactLog:
    """The writing end; used by the writer thread alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._head = b""
        self.reload()

    def reload(self) -> None:
        """Forget what a failed transaction had added."""
        row = self._sql.execute("SELECT hash FROM fact ORDER BY n DESC LIMIT 1").fetchone()
        self._head = bytes(row[0]) if row else b""

    def put(
        self, kind: str, key: str, value: object, *, batch: int, wall_ms: int, again: bool = False
    ) -> bool:
        """Add a fact; `None` removes. Says False when this is what stands already.

        `again` writes an event that may well equal the one before it.
        """
        body = None if value is None else msgspec.msgpack.encode(value)
        if not again:
            row = self._sql.execute(
                "SELECT body FROM fact WHERE kind=? AND key=? ORDER BY n DESC LIMIT 1", (kind, key)
            ).fetchone()
            if (row[0] if row else None) == body:
                return False
        self._head = fact_hash(self._head, kind, key, batch, wall_ms, body)
        self._sql.execute(
            "INSERT INTO fact(kind, key, batch, wall_ms, body, hash) VALUES(?,?,?,?,?,?)",
            (kind, key, batch, wall_ms, body, self._head),
        )
        return True


def last_number(sql: sqlite3.Connection) -> int:
    return int(sql.execute("SELECT max(n) FROM fact").fetchone()[0] or 0)


def current(
    sql: sqlite3.Connection,
    kind: str,
    type_: type[T],
    *,
    batch: int | None = None,
    prefix: str = "",
) -> dict[str, T]:
    """key -> value as it stands, or as it was known when `batch` had been recorded."""
    known = "" if batch is None else " AND batch<=:batch"
    if prefix:
        known += " AND key>=:prefix AND key<:after"
    rows = sql.execute(
        "SELECT key, body FROM fact WHERE n IN (SELECT max(n) FROM fact"
        f" WHERE kind=:kind{known} GROUP BY key) AND body IS NOT NULL ORDER BY n",
        {"kind": kind, "batch": batch, "prefix": prefix, "after": prefix + "\U0010ffff"},
    )
    return dict(_decoded(rows, type_))


def _decoded(rows: Iterable[tuple[str, bytes]], type_: type[T]) -> Iterator[tuple[str, T]]:
    """A damaged fact is passed over, so that the others still stand; `verify` names it."""
    decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(type_)
    for key, body in rows:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            yield key, decoder.decode(body)


def one(sql: sqlite3.Connection, kind: str, key: str, type_: type[T]) -> T | None:
    """The value that stands, or None."""
    row = sql.execute(
        "SELECT body FROM fact WHERE kind=? AND key=? ORDER BY n DESC LIMIT 1", (kind, key)
    ).fetchone()
    if row is None or row[0] is None:
        return None
    return dict(_decoded([(key, row[0])], type_)).get(key)


def log(
    sql: sqlite3.Connection, kind: str, type_: type[T], *, limit: int, batch: int | None = None
) -> list[T]:
    """The last `limit` facts of a kind, oldest first."""
    known = "" if batch is None else "AND batch<=:batch"
    rows: list[Any] = sql.execute(
        f"SELECT key, body FROM fact WHERE kind=:kind {known} AND body IS NOT NULL"
        " ORDER BY n DESC LIMIT :limit",
        {"kind": kind, "batch": batch, "limit": limit},
    ).fetchall()
    return [value for _, value in _decoded(reversed(rows), type_)]


def journal(
    sql: sqlite3.Connection,
    kind: str,
    type_: type[T],
    from_ms: int | None,
    to_ms: int | None,
    *,
    begins: str = "",
    ends: str = "",
) -> Iterator[T]:
    """Every fact of a kind written in [from_ms, to_ms), oldest first; read as it is asked for.

    Only those whose key begins and ends so, when that is given: others are not even decoded.
    """
    rows = sql.execute(
        "SELECT key, body FROM fact WHERE kind=:kind AND body IS NOT NULL"
        " AND (:from IS NULL OR wall_ms >= :from) AND (:to IS NULL OR wall_ms < :to)"
        " AND substr(key, 1, length(:begins)) = :begins"
        " AND (:ends = '' OR substr(key, -length(:ends)) = :ends) ORDER BY n",
        {"kind": kind, "from": from_ms, "to": to_ms, "begins": begins, "ends": ends},
    )
    for _, value in _decoded(rows, type_):
        yield value
