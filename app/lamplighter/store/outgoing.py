"""What the exchange reads of a store: whole batches in recorded order, names, gaps and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from lamplighter.domain.exchange import StoredBatch, StoredFact, StoreNames
from lamplighter.domain.observation import Gap, PointColumns
from lamplighter.store import facts
from lamplighter.store.replay import hash_at, recorded

if TYPE_CHECKING:
    from lamplighter.store.store import Store

SHARED: Final = (facts.ALARM_EVENT, facts.INCIDENT, facts.ORDER, facts.META, facts.EDIT)
"""kinds of facts that other consoles may read"""
MOST_BATCHES: Final = 2_000
"""of one answer, however few points they hold"""


class OutgoingStore:
    """See `domain.exchange.Outgoing`. Safe from any thread, also while another process writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.store_id = store.store_id
        self.name = store.name

    def last_batch(self) -> int:
        return self._store.last_batch()

    def mark_of(self, batch: int) -> int:
        found = hash_at(self._store.history_sql, batch)
        return _mark(found) if found is not None else 0

    def fact_mark(self, n: int) -> int:
        row = self._store.city_sql.execute("SELECT hash FROM fact WHERE n=?", (n,)).fetchone()
        return _mark(bytes(row[0])) if row is not None else 0

    def batches(self, first: int, last: int, points: int) -> list[StoredBatch]:
        """Hot or sealed alike; batches that expired are not there any more."""
        sql = self._store.history_sql
        found: list[StoredBatch] = []
        held = 0
        for batch in recorded(sql, first - 1, last):
            received = sql.execute("SELECT 1 FROM origin WHERE batch=? LIMIT 1", (batch.number,))
            if received.fetchone() is not None:
                nothing = PointColumns.empty()
                found.append(StoredBatch(batch.number, batch.wall_ms, (), nothing, True))
            else:
                found.append(
                    StoredBatch(
                        batch.number,
                        batch.wall_ms,
                        batch.messages,
                        batch.points,
                        damaged=batch.damaged,
                    )
                )
                held += len(batch.points)
            if held >= points or len(found) >= MOST_BATCHES:
                break
        return found

    def names(self) -> StoreNames:
        words: dict[int, dict[int, str]] = {}
        for stream, code, text in self._store.history_sql.execute(
            "SELECT datastream, code, text FROM state_word"
        ):
            words.setdefault(stream, {})[code] = text
        streams = {d.id: d for d in self._store.datastreams()}
        return StoreNames(self._store.sources(), streams, words)

    def names_stamp(self) -> tuple[int, ...]:
        row = self._store.history_sql.execute(
            "SELECT (SELECT count(*) FROM source), (SELECT count(*) FROM datastream),"
            " (SELECT count(*) FROM state_word)"
        ).fetchone()
        return tuple(row)

    def gaps(self, first: int, last: int) -> list[Gap]:
        rows = self._store.history_sql.execute(
            "SELECT source, epoch, first, last, found_ms, after_ms, before_ms, state FROM gap"
            " WHERE batch>=? AND batch<=?",
            (first, last),
        )
        return [Gap(*row) for row in rows]

    def facts(self, after: int, limit: int) -> list[StoredFact]:
        kinds = ",".join("?" * len(SHARED))
        rows = self._store.city_sql.execute(
            "SELECT n, kind, key, batch, wall_ms, body, hash FROM fact"
            f" WHERE n>? AND kind IN ({kinds}) ORDER BY n LIMIT ?",
            (after, *SHARED, limit),
        )
        return [
            StoredFact(n, kind, key, batch, wall_ms, _json(body), bytes(hash_))
            for n, kind, key, batch, wall_ms, body, hash_ in rows
        ]

    def keys(self) -> dict[tuple[str, int], tuple[tuple[int, int], ...]]:
        names = self._store.sources()
        return {
            (names[source], epoch): spans
            for (source, epoch), spans in self._store.sequence_state().items()
            if source in names
        }


def _mark(found: bytes) -> int:
    return int.from_bytes(found[:7], "big") + 1


def _json(body: bytes | None) -> str | None:
    if body is None:
        return None
    return msgspec.json.encode(msgspec.msgpack.decode(body)).decode("utf-8")
