"""Takes in what other consoles sent, in the order in which each of them recorded it.

Every store has its own cursor over its receipts: the receipts of one store are numbered in the
order of their commits, those of several are not. A message we have already, heard by ourselves or
taken in before, is not fetched again.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from lamplighter.domain.edits import Edit
from lamplighter.domain.exchange import NamedStream, ReceivedChunk, ReceivedPoints
from lamplighter.domain.observation import MessageRecord, Origin
from lamplighter.exchange import columns

if TYPE_CHECKING:
    from lamplighter.exchange.link import Connection

MESSAGES_AT_ONCE: Final = 2_000
_POINT: Final = (
    ("message", ">i4"), ("time_ms", ">i8"), ("n", ">i4"), ("datastream", ">i4"),
    ("value", ">f8"), ("quality", ">i2"),
)  # fmt: skip
_POINTS: Final = """
COPY (SELECT k.at, o.time_ms, o.n, o.datastream, o.value, o.quality
    FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[]) AS k(at, source, epoch, seq)
    JOIN lamplighter.observation o USING(source, epoch, seq)
    WHERE o.time_ms BETWEEN %s AND %s
    ORDER BY k.at, o.n) TO STDOUT (FORMAT BINARY)"""
Keys = dict[tuple[str, int], tuple[tuple[int, int], ...]]


class Puller:
    """The receiving side of one connection."""

    def __init__(self, connection: Connection, store_id: str) -> None:
        self._sql = connection
        self._store = store_id
        self._sources: dict[int, str] = {}
        self._streams: dict[int, NamedStream] = {}
        self._words: dict[int, str] = {}

    def stores(self) -> list[str]:
        """Other consoles that ever wrote here."""
        rows = self._sql.execute(
            "SELECT store FROM lamplighter.console WHERE store <> %s ORDER BY store",
            (self._store,),
        ).fetchall()
        return [str(r[0]) for r in rows]

    def receipts(self, store: str, after: int, limit: int = 200) -> list[tuple[int, int]]:
        """(receipt, fresh messages) of a store after a receipt, in the order of commits."""
        return self._sql.execute(
            "SELECT id, fresh_messages FROM lamplighter.receipt WHERE store=%s AND id>%s"
            " ORDER BY id LIMIT %s",
            (store, after, limit),
        ).fetchall()

    def name_of(self, store: str) -> str:
        """What a console calls itself."""
        row = self._sql.execute(
            "SELECT name FROM lamplighter.console WHERE store=%s", (store,)
        ).fetchone()
        return str(row[0]) if row is not None else ""

    def edits(self, store: str, first: int, last: int) -> tuple[list[Edit], int]:
        """(edits that the receipts first..last of a store brought, rows that are none)"""
        rows = self._sql.execute(
            "SELECT body::text FROM lamplighter.fact WHERE store=%s AND kind='edit'"
            " AND receipt BETWEEN %s AND %s ORDER BY n",
            (store, first, last),
        ).fetchall()
        found: list[Edit] = []
        for (body,) in rows:
            with contextlib.suppress(msgspec.MsgspecError, TypeError):
                found.append(msgspec.json.decode(body, type=Edit))
        return found, len(rows) - len(found)

    def chunks(self, store: str, first: int, last: int, keys: Keys) -> Iterator[ReceivedChunk]:
        """What the receipts first..last of a store brought and we do not have."""
        rows: list[tuple[Any, ...]] = self._sql.execute(
            "SELECT source, epoch, seq, hash64, received_ms, points, batch, wall_ms"
            " FROM lamplighter.message WHERE receipt BETWEEN %s AND %s AND store=%s"
            " ORDER BY batch, receipt, source, epoch, seq",
            (first, last, store),
        ).fetchall()
        self._learn_sources({int(r[0]) for r in rows})
        wanted = [r for r in rows if not self._have(keys, r)]
        for at in range(0, len(wanted), MESSAGES_AT_ONCE):
            yield self._chunk(store, wanted[at : at + MESSAGES_AT_ONCE])

    def _have(self, keys: Keys, row: tuple[Any, ...]) -> bool:
        spans = keys.get((self._sources.get(row[0], "?"), row[1]), ())
        at = bisect_right(spans, (row[2], 1 << 62)) - 1
        return at >= 0 and spans[at][1] >= row[2]

    def _chunk(self, store: str, rows: list[tuple[Any, ...]]) -> ReceivedChunk:
        points = self._points(rows)
        self._learn_streams(points["datastream"])
        numbers, stream = np.unique(points["datastream"], return_inverse=True)
        streams = tuple(self._streams[int(n)] for n in numbers)
        words, value = self._worded(streams, stream, points["value"])
        names = sorted({int(r[0]) for r in rows})
        place = {number: at for at, number in enumerate(names)}
        messages = tuple(MessageRecord(place[r[0]], r[1], r[2], r[3], r[4], r[5]) for r in rows)
        return ReceivedChunk(
            streams,
            words,
            tuple(self._sources[n] for n in names),
            messages,
            ReceivedPoints(
                stream.astype(np.int32).reshape(-1),
                points["time_ms"],
                value,
                points["quality"].astype(np.uint8),
                points["message"],
                points["n"],
            ),
            tuple(Origin(store, r[6], r[7]) for r in rows),
        )

    def _points(self, rows: list[tuple[Any, ...]]) -> dict[str, columns.Array]:
        keys = ([*range(len(rows))], [r[0] for r in rows], [r[1] for r in rows],
                [r[2] for r in rows])  # fmt: skip
        # any phenomenon time: the join by key goes through every partition's own index
        bounds = (-(1 << 63), (1 << 63) - 1)
        with self._sql.cursor() as cursor:
            query = _POINTS.encode()
            with cursor.copy(query, (*keys, *bounds)) as copy:
                data = b"".join(bytes(part) for part in copy)
        return columns.decode(_POINT, data)

    def _worded(
        self, streams: tuple[NamedStream, ...], stream: columns.Array, value: columns.Array
    ) -> tuple[tuple[str, ...], columns.Array]:
        """Values with the historian's codes replaced by places in a list of words."""
        textual = np.array([s.text for s in streams], bool)
        if not textual.any():
            return (), value
        rows = np.flatnonzero(textual[stream] & np.isfinite(value))
        codes, place = np.unique(value[rows].astype(np.int64), return_inverse=True)
        missing = [int(c) for c in codes if int(c) not in self._words]
        if missing:
            self._words |= dict(
                self._sql.execute(
                    "SELECT code, text FROM lamplighter.word WHERE code = ANY(%s)", (missing,)
                ).fetchall()
            )
        found = value.copy()
        found[rows] = place
        return tuple(self._words.get(int(c), "?") for c in codes), found

    def _learn_sources(self, numbers: set[int]) -> None:
        """By their numbers: two consoles that register at once do so in any order."""
        missing = sorted(numbers - self._sources.keys())
        if missing:
            self._sources |= dict(
                self._sql.execute(
                    "SELECT id, name FROM lamplighter.source WHERE id = ANY(%s)", (missing,)
                ).fetchall()
            )

    def _learn_streams(self, numbers: columns.Array) -> None:
        missing = [int(n) for n in np.unique(numbers) if int(n) not in self._streams]
        if not missing:
            return
        rows: list[tuple[Any, ...]] = self._sql.execute(
            "SELECT d.id, s.name, d.name, d.text, d.unit FROM lamplighter.datastream d"
            " JOIN lamplighter.source s ON s.id = d.source WHERE d.id = ANY(%s)",
            (missing,),
        ).fetchall()
        self._streams |= {r[0]: NamedStream(r[1], r[2], r[3], r[4]) for r in rows}
