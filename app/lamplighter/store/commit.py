"""One batch, one transaction: duplicates are told here, and everything is counted here.

Conservation, in points and per source: what a message carried is counted once, as stored,
duplicate, quarantined or refused, and `received` is their sum. The parts of a message that were
set aside before it came here are known by its token (see `Quarantined.token`); when the whole
message turns out to be a duplicate, those parts are duplicates too and are not set aside again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import (
    Account,
    Batch,
    Committed,
    MessageRecord,
    PointColumns,
    Quarantined,
)
from lamplighter.domain.problems import problem
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.store import blob
from lamplighter.store.accounting import CONFLICT, DUPLICATE, STORED, accounts, owners
from lamplighter.store.aside import drop_rows, kept_counts, settle_retried, without_retried
from lamplighter.store.days import DayBook
from lamplighter.store.registry import Registry
from lamplighter.store.spans import KeySpans, Span, with_seqs

KEPT_BODIES: Final = 1_000
"""bodies kept per reason; further ones are counted only"""
MESSAGES_PER_BATCH: Final = 1 << 20
_NO_TIME: Final = 0


@dataclass(slots=True)
class _Plan:
    """What becomes of each message, decided before anything is written."""

    fate: list[int]
    stored: tuple[MessageRecord, ...]
    points: PointColumns
    aside: tuple[Quarantined, ...]
    conflicts: tuple[Quarantined, ...]
    accounts: dict[int, Account]
    spans: dict[tuple[int, int], list[Span]] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)
    """rows of the quarantine by code, once it is written"""


class Committer:
    """Owns what is known about the stored keys; used by the writer thread alone."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, registry: Registry) -> None:
        self._sql = connection
        self._clock = clock
        self._registry = registry
        row = connection.execute(
            "SELECT number, hash, wall_ms FROM batch ORDER BY number DESC LIMIT 1"
        ).fetchone()
        self.number: int = row[0] if row else 0
        self.head: bytes = row[1] if row else blob.NO_HASH
        self._wall_ms: int = row[2] if row else 0
        sealed = connection.execute(
            "SELECT to_batch, head, last_wall_ms FROM segment ORDER BY to_batch DESC LIMIT 1"
        ).fetchone()
        if sealed is not None and sealed[0] > self.number:  # what was hot has been lost
            self.number, self.head, self._wall_ms = sealed
        self._spans = KeySpans(
            connection.execute("SELECT source, epoch, first, last FROM key_span")
        )
        self._kept: Counter[str] = Counter(kept_counts(connection))
        self._days = DayBook(connection)

    def commit(self, batch: Batch) -> Committed:
        """Write `batch` durably. Raises sqlite3.Error with nothing written and nothing changed."""
        wall_ms = self._clock.wall_ms()
        if batch.is_empty and not batch.new_states:
            return Committed(self.number, wall_ms, PointColumns.empty(), (), (), _tokens(batch), ())
        plan = self._plan(batch)
        number = self.number + 1
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            head = self._write(batch, plan, number, wall_ms)
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
            self._registry.reload()
            self._days.forget()
            raise
        self.number, self.head, self._wall_ms = number, head, wall_ms
        for key, spans in plan.spans.items():
            self._spans.replace(key, spans)
        self._kept = Counter(plan.kept)
        return Committed(
            number,
            wall_ms,
            plan.points,
            plan.stored,
            tuple(sorted(plan.accounts.items())),
            _tokens(batch),
            plan.conflicts,
        )

    # ------------------------------------------------------------ deciding
    def _plan(self, batch: Batch) -> _Plan:
        groups = _by_key(batch.messages)
        fate = (
            [STORED] * len(batch.messages) if self._all_new(groups) else self._fates(batch.messages)
        )
        kept = [i for i, f in enumerate(fate) if f == STORED]
        stored = tuple(batch.messages[i] for i in kept)
        points = batch.points
        if len(kept) < len(fate):
            target = np.full(len(fate), -1, np.int32)
            target[kept] = np.arange(len(kept), dtype=np.int32)
            moved = target[points.message]
            chosen = points.take(moved >= 0)
            points = PointColumns(
                chosen.datastream,
                chosen.time_ms,
                chosen.value,
                chosen.quality,
                moved[moved >= 0],
                chosen.place,
            )
        owner = owners(batch)
        aside = [
            entry
            for entry, index in zip(batch.quarantined, owner, strict=True)
            if index < 0 or fate[index] == STORED
        ]
        conflicts = tuple(self._conflict(batch, i) for i, f in enumerate(fate) if f == CONFLICT)
        plan = _Plan(
            fate,
            stored,
            points,
            (*aside, *conflicts),
            conflicts,
            without_retried(accounts(batch, fate, owner), batch.retried),
        )
        new = groups if len(stored) == len(batch.messages) else _by_key(stored)
        for key, seqs in new.items():
            plan.spans[key] = with_seqs(self._spans.of(key), seqs)
        return plan

    def _all_new(self, groups: dict[tuple[int, int], list[int]]) -> bool:
        """Whether no message was stored before and none is here twice, as it nearly always is."""
        return all(
            len(set(seqs)) == len(seqs) and self._spans.is_free(key, min(seqs), max(seqs))
            for key, seqs in groups.items()
        )

    def _fates(self, messages: tuple[MessageRecord, ...]) -> list[int]:
        fate: list[int] = []
        here: dict[tuple[int, int, int], int] = {}
        for message in messages:
            key = (message.source, message.epoch, message.seq)
            known: int | None
            if key in here:
                known = here[key]
            elif self._spans.holds(*key):
                row = self._sql.execute(
                    "SELECT hash64 FROM message WHERE source=? AND epoch=? AND seq=?", key
                ).fetchone()
                # the key outlived its row: the body can no longer be compared
                known = row[0] if row else blob.signed(message.hash64)
            else:
                here[key] = blob.signed(message.hash64)
                fate.append(STORED)
                continue
            fate.append(DUPLICATE if known == blob.signed(message.hash64) else CONFLICT)
        return fate

    def _conflict(self, batch: Batch, index: int) -> Quarantined:
        message = batch.messages[index]
        name = self._registry.source_name(message.source, batch.new_sources)
        points = batch.points.take(batch.points.message == index)
        rows = [
            [
                self._registry.datastream_name(int(d), batch.new_datastreams),
                int(t),
                float(v),
                Quality(int(q) & CLASS_MASK).word,
            ]
            for d, t, v, q in zip(
                points.datastream, points.time_ms, points.value, points.quality, strict=True
            )
        ]
        body = {"epoch": message.epoch, "seq": message.seq, "points": rows}
        return Quarantined(
            message.source,
            f"lamplighter/1/obs/{name}",
            message.received_ms,
            "S-201",
            problem("S-201", name=name, what=message.seq).text,
            msgspec.json.encode(body),
            max(message.points, len(rows)),
            message.token,
        )

    # ------------------------------------------------------------ writing
    def _write(self, batch: Batch, plan: _Plan, number: int, wall_ms: int) -> bytes:
        sql = self._sql
        points = plan.points
        count = len(points)
        first = int(points.time_ms.min()) if count else _NO_TIME
        last = int(points.time_ms.max()) if count else _NO_TIME
        registry = self._registry.write(batch, number)
        self._registry.expect(points.datastream, {m.source for m in plan.stored})
        rows = [blob.message_row(m) for m in plan.stored]
        body = blob.encode(points) if count else b""
        monotonic_ns = self._clock.monotonic_ms() * 1_000_000
        head = (number, wall_ms, monotonic_ns, count, len(rows), first, last)
        digest = blob.chain(self.head, head, blob.message_bytes(rows), body, registry)
        sql.execute(
            "INSERT INTO batch(number, wall_ms, monotonic_ns, previous, hash, count, messages,"
            " first_ms, last_ms, registry) VALUES(?,?,?,?,?,?,?,?,?,?)",
            (number, wall_ms, monotonic_ns, self.head, digest, *head[3:], registry),
        )
        if wall_ms < self._wall_ms:
            sql.execute("INSERT INTO setback VALUES(?)", (number,))
        if body:
            sql.execute("INSERT INTO body(number, points) VALUES(?,?)", (number, body))
        base = number * MESSAGES_PER_BATCH
        sql.executemany(
            "INSERT INTO message(id, source, epoch, seq, hash64, received_ms, points)"
            " VALUES(?,?,?,?,?,?,?)",
            [(base + i, *row) for i, row in enumerate(rows)],
        )
        self._write_spans(plan)
        self._write_accounts(plan)
        self._write_life(batch, number)
        self._write_aside(batch, plan, number)
        self._days.add(plan.stored, points, plan.aside, wall_ms)
        self._write_origins(batch, plan, number)
        return digest

    def _write_origins(self, batch: Batch, plan: _Plan, number: int) -> None:
        """Where messages that came from elsewhere were recorded first, as runs of messages."""
        if not batch.origins:
            return
        kept = [o for o, f in zip(batch.origins, plan.fate, strict=True) if f == STORED]
        runs: list[tuple[int, int, int, str, int, int]] = []
        for at, one in enumerate(kept):
            if runs and runs[-1][3:] == (one.store, one.batch, one.wall_ms):
                runs[-1] = (*runs[-1][:2], at, *runs[-1][3:])
            else:
                runs.append((number, at, at, one.store, one.batch, one.wall_ms))
        self._sql.executemany("INSERT INTO origin VALUES(?,?,?,?,?,?)", runs)

    def _write_spans(self, plan: _Plan) -> None:
        for key, spans in plan.spans.items():
            before = self._spans.of(key)
            gone = set(before) - set(spans)
            firsts = {s[0] for s in spans}
            self._sql.executemany(
                "DELETE FROM key_span WHERE source=? AND epoch=? AND first=?",
                [(*key, first) for first, _ in gone if first not in firsts],
            )
            self._sql.executemany(
                "INSERT INTO key_span VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET last=excluded.last",
                [(*key, *span) for span in set(spans) - set(before)],
            )

    def _write_accounts(self, plan: _Plan) -> None:
        self._sql.executemany(
            "INSERT INTO account VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " received=received+excluded.received, stored=stored+excluded.stored,"
            " duplicate=duplicate+excluded.duplicate,"
            " quarantined=quarantined+excluded.quarantined, refused=refused+excluded.refused",
            [
                (source, a.received, a.stored, a.duplicate, a.quarantined, a.refused)
                for source, a in plan.accounts.items()
            ],
        )

    def _write_life(self, batch: Batch, number: int) -> None:
        self._sql.executemany(
            "INSERT INTO gap VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET"
            " state=excluded.state, after_ms=excluded.after_ms, before_ms=excluded.before_ms,"
            " batch=excluded.batch",
            [
                (g.source, g.epoch, g.first, g.last, g.found_ms, g.after_ms, g.before_ms,
                 g.state, number)
                for g in batch.gaps
            ],
        )  # fmt: skip
        self._sql.executemany(
            "INSERT OR REPLACE INTO life VALUES(?,?,?,?,?,?,?,?,?)",
            [
                (s.source, s.epoch, s.first_seq, s.next_seq, s.heartbeat_s, int(s.retains),
                 int(s.offline), s.heard_ms, number)
                for s in batch.lives
            ],
        )  # fmt: skip

    def _write_aside(self, batch: Batch, plan: _Plan, number: int) -> None:
        kept = plan.kept = Counter(self._kept)
        gone, days = settle_retried(self._sql, batch.retried)
        kept.subtract(gone)
        self._days.quarantined(days)
        for entry in plan.aside:
            self._sql.execute(
                "INSERT INTO quarantine_total VALUES(?,1,?) ON CONFLICT DO UPDATE SET"
                " entries=entries+1, points=points+excluded.points",
                (entry.code, entry.points),
            )
            if kept[entry.code] < KEPT_BODIES:
                kept[entry.code] += 1
                self._sql.execute(
                    "INSERT INTO quarantine(batch, source, topic, received_ms, code, reason,"
                    " points, body) VALUES(?,?,?,?,?,?,?,?)",
                    (number, entry.source, entry.topic, entry.received_ms, entry.code,
                     entry.reason, entry.points, entry.body),
                )  # fmt: skip

    def drop_aside(self, numbers: Iterable[int]) -> int:
        """Delete rows of the quarantine inside an open transaction; says how many were there."""
        gone = drop_rows(self._sql, numbers)
        self._kept.subtract(gone)
        return gone.total()

    def state(self) -> dict[tuple[int, int], tuple[Span, ...]]:
        return self._spans.state()


def _by_key(messages: tuple[MessageRecord, ...]) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for message in messages:
        found.setdefault((message.source, message.epoch), []).append(message.seq)
    return found


def _tokens(batch: Batch) -> tuple[int, ...]:
    every = [m.token for m in batch.messages]
    every += [q.token for q in batch.quarantined]
    every += batch.refused_tokens
    return tuple(dict.fromkeys(t for t in every if t >= 0))
