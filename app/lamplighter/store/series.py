"""The history of datastreams over any span, by reading a few thousand cells at most of each.

What lies where depends on the span alone, so those that are asked together look it up once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from lamplighter.domain.observation import PointColumns
from lamplighter.domain.wire import Series
from lamplighter.store import batches, cells, sealed
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.cells import PART, STEPS_MS, Cells

FAR_LONGER: Final = 4
RAW_FLUSHES: Final = 1_500
"""runs read at most for the points themselves; beyond, cells answer"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Question:
    sql: sqlite3.Connection
    decoded: DecodedBatches
    datastream: int
    from_ms: int
    to_ms: int
    until: int
    """the last batch that counts"""
    whole: tuple[int, int]
    """the span that was asked for, of which [from_ms, to_ms) may be a part"""
    together: npt.NDArray[np.bool_]
    """datastream id -> whether it is asked for; what is beyond the end is not"""
    looked_up: dict[Hashable, Any]
    """what holds for all datastreams that are asked together, and each one's own tail"""

    def once(self, look: Callable[..., T], *key: Hashable) -> T:
        """What `look(self, *key)` finds, looked up once for all datastreams."""
        place = (look, *key)
        if place not in self.looked_up:
            self.looked_up[place] = look(self, *key)
        return cast("T", self.looked_up[place])


def read_series(
    sql: sqlite3.Connection,
    decoded: DecodedBatches,
    datastreams: Sequence[int],
    from_ms: int,
    to_ms: int,
    points: int,
    as_known_at_ms: int | None,
) -> list[Series]:
    """See `Store.curves`. All reads stand in one snapshot of the file."""
    together = _chosen(datastreams)
    looked_up: dict[Hashable, Any] = {}
    sql.execute("BEGIN")
    try:
        until = (
            batches.last_number(sql)
            if as_known_at_ms is None
            else batches.known_at(sql, as_known_at_ms)
        )
        span = (from_ms, to_ms)
        return [
            _one(_Question(sql, decoded, one, *span, until, span, together, looked_up), points)
            for one in datastreams
        ]
    finally:
        sql.execute("COMMIT")


def _chosen(datastreams: Sequence[int]) -> npt.NDArray[np.bool_]:
    """See `_Question.together`."""
    mask = np.zeros(max(datastreams, default=0) + 2, np.bool_)
    mask[list(datastreams)] = True
    return mask


def _one(ask: _Question, points: int) -> Series:
    found, reduced = _answer(ask, max(points, 1))
    gaps = _gaps(ask)
    if not reduced:
        return Series(
            ask.datastream, found.first_ms, found.low, found.worst, found.low, found.high, False,
            gaps,
        )  # fmt: skip
    textual = ask.sql.execute(
        "SELECT 1 FROM state_word WHERE datastream=? LIMIT 1", (ask.datastream,)
    ).fetchone()
    mean = found.last if textual else found.total / np.maximum(found.count, 1)
    return Series(
        ask.datastream, found.first_ms, mean, found.worst, found.low, found.high, True, gaps
    )


def _answer(ask: _Question, points: int) -> tuple[Cells, bool]:
    """Cells in order of time, and whether they stand for more points than they are."""
    coarse = _gather(ask, len(STEPS_MS))
    if not len(coarse):
        return coarse, False
    first, last = int(coarse.first_ms.min()), int(coarse.last_ms.max())
    span = max(last - first + 1, 1)
    total = int(coarse.count.sum())
    expired = ask.once(_expired, *_span(ask))
    if total == len(coarse) <= points and not expired:
        return _ordered(coarse), False
    ask = replace(ask, from_ms=max(ask.from_ms, first), to_ms=min(ask.to_ms, last + 1))
    if total <= points and not expired and ask.once(_pieces, *_span(ask)) <= RAW_FLUSHES:
        return _exact(ask), False
    width = max(span // points, 1)
    tier = max((t for t, step in enumerate(STEPS_MS, 1) if step <= 2 * width), default=0)
    tier = max(tier, int(expired))
    found = _exact(ask) if tier == 0 else _gather(ask, tier)
    return cells.merge(found, -(-span // points), first), True


def _exact(ask: _Question) -> Cells:
    return _ordered(_points(ask))


def _span(ask: _Question) -> tuple[int, int]:
    return ask.from_ms, ask.to_ms


def _expired(ask: _Question, from_ms: int, to_ms: int) -> bool:
    """Whether points of the span are gone by the project's rule: then cells answer alone."""
    row = ask.sql.execute(
        "SELECT 1 FROM flush WHERE tier=1 AND last_ms>=? AND first_ms<? AND from_batch<"
        " (SELECT max(to_batch) FROM segment WHERE state IN ('expired', 'thinned')) LIMIT 1",
        (from_ms, to_ms),
    ).fetchone()
    return row is not None


def _pieces(ask: _Question, from_ms: int, to_ms: int) -> int:
    """Places in which the points themselves lie."""
    hot = ask.once(_flushes, 1, ask.once(_border), from_ms, to_ms)
    return len(hot) + sealed.sealed_slices(ask.sql, from_ms, to_ms)


def _border(ask: _Question) -> int:
    return sealed.border(ask.sql)


def _points(ask: _Question) -> Cells:
    """The points: sealed ones, runs of what is hot and flushed, batches of the rest."""
    last = ask.once(_border)
    parts = sealed.sealed_stream(
        ask.sql, ask.datastream, ask.from_ms, ask.to_ms, 0, min(last, ask.until)
    )
    found = [cells.of_points(PointColumns.join(parts, [0] * len(parts)))]
    first, covered = ask.once(_hot_runs, last)
    found.append(_rest(ask, last, min(first, ask.until)))
    for number in ask.once(_flushes, 1, last, *_span(ask)):
        found += _part(ask, number, 0)
    found.append(_rest(ask, covered, ask.until))
    return _inside(ask, found)


def _hot_runs(ask: _Question, last: int) -> tuple[int, int]:
    """The batches (a, b] that runs hold which lie wholly after `last`; (last, last] when none."""
    row = ask.sql.execute(
        "SELECT min(from_batch), max(to_batch) FROM flush WHERE tier=1 AND from_batch>=?"
        " AND to_batch<=?",
        (last, ask.until),
    ).fetchone()
    return (last, last) if row[0] is None else (int(row[0]), int(row[1]))


def _rest(ask: _Question, after: int, until: int) -> Cells:
    """The datastream's points in hot batches that no such run holds."""
    return cells.of_points(_mine(ask, ask.once(_hot_points, *_span(ask), after, until)))


def _hot_points(ask: _Question, from_ms: int, to_ms: int, after: int, until: int) -> PointColumns:
    """Points of hot batches of all datastreams that are asked together, sorted by them."""
    numbers = batches.overlapping(ask.sql, from_ms, to_ms, after, until)
    beyond = len(ask.together) - 1
    parts = [
        p.take(np.flatnonzero(ask.together[np.minimum(p.datastream, beyond)]))
        for p in ask.decoded.get(ask.sql, numbers)
    ]
    every = PointColumns.join(parts, [0] * len(parts))
    return every.take(np.argsort(every.datastream, kind="stable"))


def _mine(ask: _Question, points: PointColumns) -> PointColumns:
    """The datastream's own of points that are sorted by datastream."""
    ends = np.searchsorted(points.datastream, (ask.datastream, ask.datastream + 1))
    return points.take(np.arange(*ends))


def _ordered(found: Cells) -> Cells:
    return found.take(np.argsort(found.first_ms, kind="stable"))


def _gather(ask: _Question, tier: int) -> Cells:
    """Cells of the tier inside the span; at its two edges finer ones, and at last the points, so
    that nothing outside the span is ever counted.
    """
    if tier == 0:
        return _points(ask)
    step = STEPS_MS[tier - 1]
    low, high = -(-ask.from_ms // step) * step, ask.to_ms // step * step
    if low >= high:
        return _gather(ask, tier - 1)
    found = [_of_tier(replace(ask, from_ms=low, to_ms=high), tier)]
    if ask.from_ms < low:
        found.append(_gather(replace(ask, to_ms=low), tier - 1))
    if high < ask.to_ms:
        found.append(_gather(replace(ask, from_ms=high), tier - 1))
    return Cells.join(found)


def _of_tier(ask: _Question, tier: int) -> Cells:
    """Stored cells of the tier, finer ones for what was not merged yet, and points for the batches
    that were not flushed yet.
    """
    found: list[Cells] = []
    covered = 0
    for level in range(tier, 0, -1):
        if level > 1 and ask.once(_far_longer, level, covered, *_span(ask)):
            continue
        for number in ask.once(_flushes, level, covered, *_span(ask)):
            found += _coarsest(ask, number, level, tier)
        covered = max(covered, ask.once(_covered, level))
    return _inside(ask, [*found, ask.once(_tail, ask.datastream, covered)])


def _coarsest(ask: _Question, flush: int, level: int, tier: int) -> list[Cells]:
    """The flush's cells of the tier where it has some, else its own finer ones."""
    for kind in range(tier, level, -1):
        found = _part(ask, flush, kind)
        if found:
            return found
    return _part(ask, flush, level)


def _inside(ask: _Question, found: list[Cells]) -> Cells:
    every = Cells.join(found)
    inside = (every.last_ms >= ask.from_ms) & (every.first_ms < ask.to_ms)
    return every if bool(inside.all()) else every.take(inside)


def _flushes(ask: _Question, tier: int, after: int, from_ms: int, to_ms: int) -> list[int]:
    """Flushes of batches after `after` that touch the span, in recorded order."""
    rows = ask.sql.execute(
        "SELECT n FROM flush WHERE tier=? AND to_batch>? AND from_batch>=? AND to_batch<=?"
        " AND last_ms>=? AND first_ms<? ORDER BY to_batch",
        (tier, after, after, ask.until, from_ms, to_ms),
    )
    return [row[0] for row in rows]


def _far_longer(ask: _Question, tier: int, after: int, from_ms: int, to_ms: int) -> bool:
    """Whether a flush of the tier that touches the span is far longer than it: the flushes that
    were merged into it say the same about the span in fewer cells.
    """
    row = ask.sql.execute(
        "SELECT max(last_ms - first_ms) FROM flush WHERE tier=? AND to_batch>? AND from_batch>=?"
        " AND to_batch<=? AND last_ms>=? AND first_ms<?",
        (tier, after, after, ask.until, from_ms, to_ms),
    ).fetchone()
    return row[0] is not None and row[0] > FAR_LONGER * (to_ms - from_ms)


def _covered(ask: _Question, tier: int) -> int:
    """The last batch that flushes of the tier hold, of those that count."""
    row = ask.sql.execute(
        "SELECT max(to_batch) FROM flush WHERE tier=? AND to_batch<=?", (tier, ask.until)
    ).fetchone()
    return int(row[0] or 0)


def _tail(ask: _Question, datastream: int, covered: int) -> Cells:
    """The datastream's points in batches that were not flushed yet."""
    key = (*ask.whole, covered, ask.until)
    found = sealed.sealed_stream(ask.sql, datastream, *key)
    found.append(_mine(ask, ask.once(_hot_points, *key)))
    return cells.of_points(PointColumns.join(found, [0] * len(found)))


def _part(ask: _Question, flush: int, kind: int) -> list[Cells]:
    # what a flush wrote never changes and its number is never used again
    key = (flush, kind, ask.datastream // PART)
    try:
        made = ask.decoded.part(key, partial(_stored_part, ask.sql, key))
    except LookupError:
        return []
    except ValueError:
        return _from_batches(ask, flush)
    rows = np.searchsorted(made.datastream, (ask.datastream, ask.datastream + 1))
    return [made.take(slice(*rows.tolist()))]


def _stored_part(sql: sqlite3.Connection, key: tuple[int, int, int]) -> Cells:
    """All datastreams of a part, sorted by them. Raises ValueError when damaged, LookupError when
    none of them has points there.
    """
    row = sql.execute("SELECT body FROM cells WHERE flush=? AND kind=? AND part=?", key).fetchone()
    if row is None:
        raise LookupError(key)
    return cells.of_points(cells.decode_run(row[0])) if key[1] == 0 else cells.decode_cells(row[0])


def _from_batches(ask: _Question, flush: int) -> list[Cells]:
    """A damaged run or cell is derived data: the batches it came from answer instead."""
    low, high = ask.sql.execute(
        "SELECT from_batch, to_batch FROM flush WHERE n=?", (flush,)
    ).fetchone()
    parts = batches.stream_between(
        ask.sql, ask.decoded, ask.datastream, ask.from_ms, ask.to_ms, low, high
    )
    return [cells.of_points(p) for p in parts]


def _gaps(ask: _Question) -> tuple[tuple[int, int], ...]:
    """Holes in the datastream's source that touch the span, clipped to it."""
    rows = ask.sql.execute(
        "SELECT after_ms, before_ms FROM gap JOIN datastream ON datastream.source = gap.source"
        " WHERE datastream.id=:id AND state<>'filled' AND gap.batch<=:until AND after_ms<:to"
        " AND (before_ms=0 OR before_ms>=:from) ORDER BY after_ms",
        {"id": ask.datastream, "until": ask.until, "to": ask.to_ms, "from": ask.from_ms},
    )
    return tuple(
        (max(after, ask.from_ms), min(before or ask.to_ms, ask.to_ms)) for after, before in rows
    )


def read_points(
    sql: sqlite3.Connection, decoded: DecodedBatches, datastream: int, from_ms: int, to_ms: int
) -> Cells:
    """Every point of a datastream in [from_ms, to_ms), each a cell of its own, by time; points of
    one moment in recorded order.
    """
    with sealed.snapshot(sql):
        until = batches.last_number(sql)
        span, alone = (from_ms, to_ms), _chosen((datastream,))
        return _exact(_Question(sql, decoded, datastream, *span, until, span, alone, {}))
