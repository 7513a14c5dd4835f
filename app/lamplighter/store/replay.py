"""Batches again as they were recorded, in their order, wherever they lie now.

For whoever needs whole messages: the export, a historian, a field kit. Each call reads in short
transactions, so a long walk holds up neither the writer nor the sealer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from lamplighter.domain.observation import MessageRecord, PointColumns
from lamplighter.store import sealed
from lamplighter.store.batches import last_number, read_points
from lamplighter.store.commit import MESSAGES_PER_BATCH
from lamplighter.store.segment import Segment
from lamplighter.store.slices import Heads, Letters

_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """A stored batch. `damaged`: its points could not be read and are left out."""

    number: int
    wall_ms: int
    hash: bytes
    messages: tuple[MessageRecord, ...]
    """`points.message` indexes into these"""
    points: PointColumns
    origin_store: str | None = None
    origin_batch: int | None = None
    origin_wall_ms: int | None = None
    damaged: bool = False


def recorded(
    sql: sqlite3.Connection,
    after: int = 0,
    until: int | None = None,
    *,
    from_ms: int = -sealed.EVER,
    to_ms: int = sealed.EVER,
) -> Iterator[RecordedBatch]:
    """Batches in (after, until] in recorded order. Those without a point in [from_ms, to_ms) may
    be left out, and so are expired ones. Of a sealed file that cannot be read each batch is
    `damaged`.
    """
    end = last_number(sql) if until is None else until
    at = after + 1
    while at <= end:
        covering = sealed.segment_of(sql, at)
        if covering is not None:
            name, _, last, state = covering
            if state != "expired":
                try:
                    for one in _sealed(sql, name, at, min(last, end), (from_ms, to_ms)):
                        yield one
                        at = one.number + 1
                except sealed.DAMAGED:
                    if sealed.segment_of(sql, at) != covering:
                        continue  # merged or expired meanwhile: it lies elsewhere
                    for number in range(at, min(last, end) + 1):
                        yield RecordedBatch(number, 0, b"", (), PointColumns.empty(), damaged=True)
            at = last + 1
            continue
        with sealed.snapshot(sql):
            if sealed.border(sql) >= at:
                continue
            stop = min(at + _AT_ONCE - 1, end)
            found = [
                batch
                for number in range(at, stop + 1)
                if (batch := hot(sql, number, (from_ms, to_ms))) is not None
            ]
        yield from found
        at = stop + 1


def hot(
    sql: sqlite3.Connection, number: int, span: tuple[int, int] = (-sealed.EVER, sealed.EVER)
) -> RecordedBatch | None:
    """One batch of the hot file; None when it is not there or lies outside the span."""
    head = sql.execute(
        "SELECT wall_ms, hash, count, first_ms, last_ms, origin_store, origin_batch,"
        " origin_wall_ms FROM batch WHERE number=?",
        (number,),
    ).fetchone()
    if head is None or (head[2] and not (head[4] >= span[0] and head[3] < span[1])):
        return None
    damaged = False
    points: PointColumns | None = None
    try:
        points = read_points(sql, number)
    except ValueError:
        damaged = True
    return RecordedBatch(
        number,
        head[0],
        head[1],
        tuple(MessageRecord(*row) for row in message_rows(sql, number)),
        points if points is not None else PointColumns.empty(),
        head[5],
        head[6],
        head[7],
        damaged or (points is None and bool(head[2])),
    )


def message_rows(sql: sqlite3.Connection, number: int) -> list[tuple[int, int, int, int, int, int]]:
    """(source, epoch, seq, hash64, received_ms, points) of a hot batch's messages in order."""
    base = number * MESSAGES_PER_BATCH
    return sql.execute(
        "SELECT source, epoch, seq, hash64, received_ms, points FROM message"
        " WHERE id>=? AND id<? ORDER BY id",
        (base, base + MESSAGES_PER_BATCH),
    ).fetchall()


def _sealed(
    sql: sqlite3.Connection, name: str, first: int, last: int, span: tuple[int, int]
) -> Iterator[RecordedBatch]:
    segment = sealed.open_segment(sql, name)
    for row in segment.slices():
        outside = row.points and not (row.last_ms >= span[0] and row.first_ms < span[1])
        if row.to_batch >= first and row.from_batch <= last and not outside:
            for batch in unsliced(segment, row.n):
                if first <= batch.number <= last:
                    yield batch


def unsliced(segment: Segment, n: int) -> Iterator[RecordedBatch]:
    """The batches of a slice in recorded order, each with its messages and points in order."""
    heads, letters = segment.heads(n), segment.letters(n)
    points = segment.sound_points(n)
    order = np.lexsort((points.place, letters.index[points.letter], letters.batch[points.letter]))
    batch = letters.batch[points.letter][order]
    columns = points.take(order).columns(letters.index)
    extras = {e.number: e for e in heads.extras}
    by_batch = np.lexsort((letters.index, letters.batch))
    kept = letters.take(by_batch)
    for at, number in enumerate(range(heads.first, heads.last + 1)):
        low, high = np.searchsorted(batch, [number, number + 1])
        first, last = np.searchsorted(kept.batch, [number, number + 1])
        extra = extras.get(number)
        mine = columns.take(np.arange(low, high))
        yield RecordedBatch(
            number,
            int(heads.wall_ms[at]),
            heads.hash_of(number),
            _records(kept, int(first), int(last)),
            mine,
            extra.origin_store if extra else None,
            extra.origin_batch if extra else None,
            extra.origin_wall_ms if extra else None,
            len(mine) != int(heads.count[at]),
        )


def _records(letters: Letters, first: int, last: int) -> tuple[MessageRecord, ...]:
    rows = slice(first, last)
    return tuple(
        MessageRecord(*row)
        for row in zip(
            letters.source[rows].tolist(),
            letters.epoch[rows].tolist(),
            letters.seq[rows].tolist(),
            letters.hash64[rows].tolist(),
            letters.received_ms[rows].tolist(),
            letters.points[rows].tolist(),
            strict=True,
        )
    )


def hash_at(sql: sqlite3.Connection, number: int) -> bytes | None:
    """The hash of a batch, hot or sealed; None when it is not known any more."""
    row = sql.execute("SELECT hash FROM batch WHERE number=?", (number,)).fetchone()
    if row is not None:
        return bytes(row[0])
    covering = sealed.segment_of(sql, number)
    if covering is None:
        return None
    head = sql.execute("SELECT head FROM segment WHERE name=?", (covering[0],)).fetchone()
    if number == covering[2]:
        return bytes(head[0])
    heads: Heads = sealed.heads_of(sql, covering[0], number)
    return heads.hash_of(number)
