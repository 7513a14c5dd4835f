"""Sends whole batches: staged, compared, inserted and answered with a receipt, or not at all.

One chunk is one transaction of the historian. Its receipt is written in the same transaction and
read back after the commit; only then may anything be marked as sent. A chunk that was sent twice,
because its answer was lost, inserts nothing the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.clock import iso
from lamplighter.domain.exchange import Poison, StoredBatch, StoredFact, StoreNames
from lamplighter.domain.observation import Gap, MessageRecord, PointColumns
from lamplighter.exchange import columns
from lamplighter.exchange.names import NONE, HistorianNames
from lamplighter.exchange.pieces import Pieces

if TYPE_CHECKING:
    from lamplighter.exchange.link import Connection

_MESSAGES: Final = """
INSERT INTO lamplighter.message(source, epoch, seq, hash64, received_ms, points, store, batch,
    wall_ms, receipt)
SELECT s.source, s.epoch, s.seq, s.hash64, s.received_ms, s.points, %s, s.batch, s.wall_ms, %s
FROM staged_message s WHERE true"""
_POINTS: Final = """
INSERT INTO lamplighter.observation(time_ms, source, epoch, seq, n, datastream, value, quality)
SELECT s.time_ms, s.source, s.epoch, s.seq, s.n, s.datastream, s.value, s.quality
FROM staged_observation s JOIN lamplighter.message m USING(source, epoch, seq)
WHERE m.receipt = %s"""
_DUE: Final = """
SELECT count(*) FROM staged_observation s JOIN lamplighter.message m USING(source, epoch, seq)
WHERE m.receipt = %s"""
_CONFLICTS: Final = """
SELECT s.place FROM staged_message s JOIN lamplighter.message m USING(source, epoch, seq)
WHERE m.hash64 <> s.hash64"""
_AGAIN: Final = f"{_POINTS.split('WHERE')[0]}WHERE true"
_ON_KEY: Final = "ORDER BY s.source, s.epoch, s.seq ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one transaction sends. `last_fact`: everything up to that fact is in it or before."""

    first: int
    last: int
    batches: Sequence[StoredBatch]
    gaps: Sequence[Gap]
    facts: Sequence[StoredFact]
    last_fact: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The historian's answer, read back after its commit."""

    id: int
    messages: int
    fresh_messages: int
    points: int
    fresh_points: int
    stamp: int = 0
    """microseconds since 1970 at which the historian wrote it"""
    poison: tuple[Poison, ...] = ()


def stamp_of(connection: Connection, store: str, receipt: int) -> int:
    """When a receipt was written, in microseconds since 1970; 0 when it is not there (any more).

    Numbers may come again in a historian that was restored from an older backup; moments do not.
    """
    row = connection.execute(
        "SELECT (extract(epoch FROM written_at) * 1000000)::bigint FROM lamplighter.receipt"
        " WHERE id=%s AND store=%s",
        (receipt, store),
    ).fetchone()
    return int(row[0]) if row else 0


class ReceiptError(Exception):
    """The historian's counts do not add up, or its receipt is not there: nothing was sent."""


@dataclass(slots=True)
class _Staged:
    """The rows of a chunk by their place, with what could not even be staged."""

    messages: list[tuple[StoredBatch, MessageRecord]] = field(default_factory=list)
    points: PointColumns = field(default_factory=PointColumns.empty)
    """`message` indexes into `messages`"""
    poison: list[Poison] = field(default_factory=list)


class Pusher:
    """The sending side of one connection."""

    def __init__(self, connection: Connection, store_id: str, wall_ms: int) -> None:
        self._sql = connection
        self._store = store_id
        self._wall_ms = wall_ms
        self._names = HistorianNames()
        self._message_pieces = Pieces("lamplighter.message", "staged_message", _MESSAGES, _ON_KEY)
        self._point_pieces = Pieces(
            "lamplighter.observation",
            "staged_observation",
            _POINTS,
            "ON CONFLICT DO NOTHING",
        )
        connection.execute("SELECT lamplighter.stage()")

    def introduce(self, name: str) -> None:
        """Say who writes: once per store, with the database's own name of the writer."""
        self._sql.execute(
            "INSERT INTO lamplighter.console(store, name) VALUES(%s, %s) ON CONFLICT DO NOTHING",
            (self._store, name.replace("\0", "")),
        )

    def holds(self, receipt: int, stamp: int) -> bool:
        """Whether the historian still has this receipt of ours, written at that moment."""
        return stamp_of(self._sql, self._store, receipt) == stamp

    def known(self) -> list[tuple[int, int]]:
        """Batches of ours that the historian has receipts for."""
        rows = self._sql.execute(
            "SELECT lower(r), upper(r) - 1 FROM (SELECT unnest(range_agg("
            "int8range(first_batch, last_batch, '[]'))) AS r FROM lamplighter.receipt"
            " WHERE store=%s AND last_batch >= first_batch) q ORDER BY 1",
            (self._store,),
        ).fetchall()
        return [(int(a), int(b)) for a, b in rows]

    def last_fact(self) -> int:
        """The last fact of ours the historian has a receipt for."""
        row = self._sql.execute(
            "SELECT coalesce(max(last_fact), 0) FROM lamplighter.receipt WHERE store=%s",
            (self._store,),
        ).fetchone()
        return int(row[0]) if row else 0

    def send(self, chunk: Chunk, names: StoreNames, wall_ms: int) -> Receipt:
        """Raises psycopg.Error (the link), ReceiptError (the counts); nothing is sent then."""
        self._wall_ms = wall_ms
        self._names.learn(self._sql, names)
        staged = self._stage(chunk.batches, names)
        with self._sql.transaction():
            self._lock()
            receipt = self._insert(chunk, staged, names)
        found = self._sql.execute(
            "SELECT messages, points FROM lamplighter.receipt WHERE id=%s AND store=%s",
            (receipt.id, self._store),
        ).fetchone()
        if found != (receipt.messages, receipt.points):
            raise ReceiptError(f"receipt {receipt.id} is not there")
        return replace(receipt, stamp=stamp_of(self._sql, self._store, receipt.id))

    def again(self, batch: StoredBatch, poison: Poison, names: StoreNames) -> bool:
        """Send one record that was set aside once more; False when it is refused again."""
        chosen = [
            i
            for i, m in enumerate(batch.messages)
            if (names.sources.get(m.source, "?"), m.epoch, m.seq)
            == (poison.source, poison.epoch, poison.seq)
        ]
        if not chosen:
            return False
        self._names.reasons.clear()
        self._names.learn(self._sql, names)
        rows = batch.points.message == chosen[0]
        if poison.kind == "observation":
            rows &= batch.points.place == poison.place
        points = batch.points.take(rows)
        points = PointColumns.join([points], [-chosen[0]])
        staged = _Staged([(batch, batch.messages[chosen[0]])], points)
        import psycopg

        done = False
        with self._sql.transaction() as whole:
            self._lock()
            done = self._insert_again(staged, poison, names)
            if not done:
                raise psycopg.Rollback(whole)
        return done

    def _insert_again(self, staged: _Staged, poison: Poison, names: StoreNames) -> bool:
        self._copy(staged, names)
        if staged.poison:
            return False
        receipt = self._one("SELECT nextval('lamplighter.receipt_number')")
        if poison.kind == "message":
            _, bad = self._message_pieces.put(self._sql, 1, (self._store, receipt))
            if bad or self._sql.execute(_CONFLICTS.encode()).fetchall():
                return False
        pieces = Pieces(
            "lamplighter.observation", "staged_observation", _AGAIN, "ON CONFLICT DO NOTHING"
        )
        done, bad = pieces.put(self._sql, len(staged.points), ())
        if bad:
            return False
        self._sql.execute(
            "INSERT INTO lamplighter.receipt(id, store, first_batch, last_batch, last_fact,"
            " messages, fresh_messages, points, fresh_points, aside)"
            " VALUES(%s,%s,1,0,0,1,%s,%s,%s,0)",
            (receipt, self._store, int(poison.kind == "message"), len(staged.points), done),
        )
        return True

    def _lock(self) -> None:
        """One writer at a time per store: its receipts are numbered in the order of commits."""
        self._sql.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._store,))

    def again_fact(self, fact: StoredFact) -> bool:
        """The same for a fact."""
        import psycopg

        try:
            with self._sql.transaction():
                self._put_fact(fact, 0)
        except psycopg.Error as error:
            if not isinstance(error, psycopg.DataError | psycopg.IntegrityError):
                raise
            return False
        return True

    # ------------------------------------------------------------ staging
    def _stage(self, batches: Sequence[StoredBatch], names: StoreNames) -> _Staged:
        staged = _Staged()
        parts, offsets = [], []
        for batch in batches:
            offsets.append(len(staged.messages))
            parts.append(batch.points)
            staged.messages += [(batch, m) for m in batch.messages]
        staged.points = PointColumns.join(parts, offsets)
        return staged

    def _copy(self, staged: _Staged, names: StoreNames) -> None:
        """Fill the staging tables; what has no number in the historian is set aside."""
        rows = [(i, self._names.source(m.source), m, b) for i, (b, m) in enumerate(staged.messages)]
        good = [r for r in rows if r[1] != NONE]
        for place, number, message, batch in rows:
            if number == NONE:
                name = names.sources.get(message.source, "?")
                why = self._names.reasons.get(name, "its source has no name there")
                staged.poison.append(self._message_poison(batch, message, names, why, place))
        if good:
            self._write("staged_message", columns.MESSAGE, _message_columns(good))
        points = staged.points
        if not len(points):
            return
        streams = self._names.streams(points.datastream)
        values = self._names.values(points.datastream, points.value, names)
        sources = np.array([r[1] for r in rows], np.int64)[points.message]
        worded = np.isin(points.datastream, list(names.words))
        lost_word = np.isnan(values) & (worded | ~np.isnan(points.value))
        unnamed = (sources != NONE) & ((streams == NONE) | lost_word)
        for place in np.flatnonzero(unnamed).tolist():
            why = "its datastream or word has no name there (a NUL in it, or too long)"
            staged.poison.append(self._point_poison(staged, place, names, why))
        usable = np.flatnonzero((sources != NONE) & ~unnamed)
        if len(usable):
            data = _point_columns(staged, usable, sources, streams, values)
            self._write("staged_observation", columns.OBSERVATION, data)

    def _write(self, table: str, kinds: columns.Kinds, data: dict[str, columns.Array]) -> None:
        names = ", ".join(name for name, _ in kinds)
        statement = f"COPY {table}({names}) FROM STDIN (FORMAT BINARY)"
        with self._sql.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.write(columns.encode(kinds, data))

    # ------------------------------------------------------------ inserting
    def _insert(self, chunk: Chunk, staged: _Staged, names: StoreNames) -> Receipt:
        number = self._one("SELECT nextval('lamplighter.receipt_number')")
        self._copy(staged, names)
        fresh_messages, bad = self._message_pieces.put(
            self._sql, len(staged.messages), (self._store, number)
        )
        for (place,) in self._sql.execute(_CONFLICTS.encode()).fetchall():
            bad[int(place)] = "another console sent the same message with another content"
        for place, why in bad.items():
            batch, message = staged.messages[place]
            staged.poison.append(self._message_poison(batch, message, names, why, place))
        due = self._one(_DUE, (number,))
        fresh_points, bad = self._point_pieces.put(self._sql, len(staged.points), (number,))
        refused = self._refused_of_ours(number, bad)
        for place, why in bad.items():
            if place in refused:
                staged.poison.append(self._point_poison(staged, place, names, why))
        if fresh_points + len(refused) != due:
            raise ReceiptError(f"{due} points were to be inserted, {fresh_points} were")
        aside = self._insert_rest(chunk, number, names, staged)
        self._sql.execute(
            "INSERT INTO lamplighter.receipt(id, store, first_batch, last_batch, last_fact,"
            " messages, fresh_messages, points, fresh_points, aside)"
            " VALUES(%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)",
            (number, self._store, chunk.first, chunk.last, chunk.last_fact,
             len(staged.messages), fresh_messages, len(staged.points), fresh_points, aside),
        )  # fmt: skip
        return Receipt(
            number,
            len(staged.messages),
            fresh_messages,
            len(staged.points),
            fresh_points,
            poison=tuple(staged.poison),
        )

    def _refused_of_ours(self, receipt: int, bad: dict[int, str]) -> set[int]:
        """Of the refused points, those whose message is not there from another console already."""
        if not bad:
            return set()
        query = f"{_DUE.replace('count(*)', 's.place')} AND s.place = ANY(%s)"
        rows = self._sql.execute(query.encode(), (receipt, list(bad))).fetchall()
        return {int(r[0]) for r in rows}

    def _insert_rest(self, chunk: Chunk, receipt: int, names: StoreNames, staged: _Staged) -> int:
        """Gaps and facts; they are few. Returns how many records of the chunk are set aside."""
        import psycopg

        for gap in chunk.gaps:
            source = self._names.source(gap.source)
            if source != NONE:
                self._sql.execute(
                    "INSERT INTO lamplighter.gap VALUES(%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)"
                    " ON CONFLICT DO NOTHING",
                    (self._store, source, gap.epoch, gap.first, gap.last, gap.state,
                     gap.found_ms, gap.after_ms, gap.before_ms, receipt),
                )  # fmt: skip
        for fact in chunk.facts:
            try:
                with self._sql.transaction():
                    self._put_fact(fact, receipt)
            except psycopg.Error as error:
                if not isinstance(error, psycopg.DataError | psycopg.IntegrityError):
                    raise
                why = (str(error).splitlines() or ["refused"])[0][:300]
                text = f"{fact.kind} {fact.key}"[:200]
                staged.poison.append(
                    Poison(0, "fact", fact.batch, "", 0, fact.n, NONE, text, why, self._wall_ms)
                )
        return len(staged.poison)

    def _put_fact(self, fact: StoredFact, receipt: int) -> None:
        self._sql.execute(
            "INSERT INTO lamplighter.fact VALUES(%s,%s,%s,%s,%s,%s,%s::jsonb,%s,%s)"
            " ON CONFLICT DO NOTHING",
            (self._store, fact.n, fact.kind, fact.key, fact.batch, fact.wall_ms, fact.body,
             receipt, fact.hash),
        )  # fmt: skip

    def _one(self, query: str, values: tuple[Any, ...] = ()) -> int:
        row = self._sql.execute(query.encode(), values).fetchone()
        return int(row[0]) if row else 0

    # ------------------------------------------------------------ what is set aside
    def _message_poison(
        self, batch: StoredBatch, message: MessageRecord, names: StoreNames, why: str, place: int
    ) -> Poison:
        return Poison(
            0, "message", batch.number, names.sources.get(message.source, "?"), message.epoch,
            message.seq, NONE, f"a message with {message.points} points", why, self._wall_ms,
        )  # fmt: skip

    def _point_poison(self, staged: _Staged, place: int, names: StoreNames, why: str) -> Poison:
        points = staged.points
        batch, message = staged.messages[int(points.message[place])]
        stream = names.datastreams.get(int(points.datastream[place]))
        text = (
            f"{stream.key if stream else '?'} = {float(points.value[place])!r}"
            f" at {_moment(int(points.time_ms[place]))}"
        )
        return Poison(
            0, "observation", batch.number, names.sources.get(message.source, "?"),
            message.epoch, message.seq, int(points.place[place]), text[:300], why, self._wall_ms,
        )  # fmt: skip


def _moment(ms: int) -> str:
    """ISO 8601, or the number where it is no moment."""
    try:
        return iso(ms)
    except (ValueError, OverflowError, OSError):
        return str(ms)


def _message_columns(
    rows: Sequence[tuple[int, int, MessageRecord, StoredBatch]],
) -> dict[str, columns.Array]:
    made = np.array(
        [
            (i, s, m.epoch, m.seq, m.hash64, m.received_ms, m.points, b.number, b.wall_ms)
            for i, s, m, b in rows
        ],
        np.int64,
    )
    return {name: made[:, at] for at, (name, _) in enumerate(columns.MESSAGE)}


def _point_columns(
    staged: _Staged,
    usable: npt.NDArray[np.intp],
    sources: npt.NDArray[np.int64],
    streams: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
) -> dict[str, columns.Array]:
    points = staged.points
    epochs = np.array([m.epoch for _, m in staged.messages], np.int64)
    seqs = np.array([m.seq for _, m in staged.messages], np.int64)
    owner = points.message[usable]
    return {
        "place": usable,
        "time_ms": points.time_ms[usable],
        "source": sources[usable],
        "epoch": epochs[owner],
        "seq": seqs[owner],
        "n": points.place[usable],
        "datastream": streams[usable],
        "value": values[usable],
        "quality": points.quality[usable].astype(np.int16),
    }
