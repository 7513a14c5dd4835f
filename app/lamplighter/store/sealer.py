"""Moves closed hours of the hot file into sealed segments, and hours into days and months.

One thread at a time calls it. It reads and writes files by itself; what changes in `history.db` is
done by the writer's thread in steps of a few milliseconds. Order: write the file, force it to
disk, name it, enter it in the catalogue (from then on it is what is read), take the hot rows away.
A crash in between leaves the old state or the new one, and the next call goes on from there.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

import msgspec
import numpy as np

from lamplighter.domain.clock import Clock
from lamplighter.domain.observation import PointColumns
from lamplighter.store import blob, catalogue
from lamplighter.store.batches import last_number
from lamplighter.store.catalogue import DAY_MS, HOUR_MS, Tier, segment_name
from lamplighter.store.connections import open_reading
from lamplighter.store.folder import HISTORY
from lamplighter.store.growth import keep_sample, measure, take_sample
from lamplighter.store.replay import hash_at, message_rows
from lamplighter.store.sealed import border, snapshot, wall_ms
from lamplighter.store.segment import ENDING, Segment, SegmentAbout, SegmentWriter
from lamplighter.store.slices import (
    SLICE_BATCHES,
    SLICE_LETTERS,
    SLICE_POINTS,
    HeadExtra,
    Letters,
    Slice,
    SlicePoints,
    heads_of_columns,
    joined,
    sorted_slice,
)

T = TypeVar("T")
Sign = Callable[[bytes], bytes]
STEP_S: Final = 0.02
"""how long a step may keep the writer, about"""
_FIRST_STEP: Final = 40
_WAIT_S: Final = 120.0
_VACUUMED: Final = 200
SPARE_BYTES: Final = 64 << 20
HOT_BYTES: Final = 30.0
"""a point of a hot batch with all that belongs to it, about"""
MERGE_AFTER_MS: Final = {Tier.DAY: 7 * DAY_MS, Tier.MONTH: 91 * DAY_MS}
_SWEPT: Final = "runs swept"


class Chores(Protocol):
    """What of the writer is needed: work on its thread between batches."""

    def chore(self, work: Callable[[sqlite3.Connection], T], wait_s: float) -> T: ...

    def flush(self, wait_s: float) -> None: ...


@dataclass(slots=True)
class SealReport:
    """What a call did."""

    sealed: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    points: int = 0
    bytes: int = 0
    longest_step_ms: float = 0.0
    """the longest time the writer was kept"""


class Sealer:
    """See the module. `reached` is called with the name of each step before the next begins."""

    def __init__(
        self,
        folder: Path,
        writer: Chores,
        clock: Clock,
        *,
        sign: Sign | None = None,
        reached: Callable[[str], None] = lambda _: None,
        pause_s: float = 0.0,
    ) -> None:
        """`pause_s`: a breath between slices, for whoever shares the machine."""
        self.folder = folder / "segments"
        self.sql = open_reading(folder / HISTORY)
        self._writer = writer
        self.clock = clock
        self._sign = sign
        self.reached = reached
        self._pause_s = pause_s
        self.stopping = False
        self.report = SealReport()

    def close(self) -> None:
        self.sql.close()

    # ------------------------------------------------------------ hours
    def seal(self) -> SealReport:
        """Seal every hour that is over; says what was done."""
        self.folder.mkdir(exist_ok=True)
        self.remove_replaced()
        self.sweep()
        while not self.stopping and (span := self._next()) is not None:
            self._seal(*span)
            self.sweep()
            self.note_size()
            self.give_back()
        return self.report

    def _next(self) -> tuple[int, int] | None:
        """The batches of the oldest closed hour. The last batch of all always stays hot."""
        found = self._closed()
        if found is None:
            return None
        if found[1] > self._flushed():
            self._writer.flush(_WAIT_S)
        last = min(found[1], self._flushed())
        return (found[0], last) if last >= found[0] else None

    def _closed(self) -> tuple[int, int] | None:
        with snapshot(self.sql):
            first, last = border(self.sql) + 1, last_number(self.sql) - 1
            row = self.sql.execute("SELECT wall_ms FROM batch WHERE number=?", (first,)).fetchone()
            if row is None or last < first:
                return None
            hour = row[0] // HOUR_MS
            other = self.sql.execute(
                "SELECT min(number) FROM batch WHERE number>? AND number<=?"
                " AND (wall_ms<? OR wall_ms>=?)",
                (first, last + 1, hour * HOUR_MS, (hour + 1) * HOUR_MS),
            ).fetchone()[0]
        if other is None and self.clock.wall_ms() // HOUR_MS <= hour:
            return None
        return first, last if other is None else other - 1

    def _flushed(self) -> int:
        row = self.sql.execute("SELECT max(to_batch) FROM flush WHERE tier=1").fetchone()
        return int(row[0] or 0)

    def _seal(self, first: int, last: int) -> None:
        wall = self.sql.execute("SELECT wall_ms FROM batch WHERE number=?", (first,)).fetchone()[0]
        previous = hash_at(self.sql, first - 1) if first > 1 else blob.NO_HASH
        name = self.free_name(segment_name(wall, Tier.HOUR), first)
        about = self.write(name, Tier.HOUR, previous or blob.NO_HASH, self._hot_slices(first, last))
        self.enter(about, ())
        self.report.sealed.append(name)
        self.report.points += about.points
        self.report.bytes += about.size

    def _hot_slices(self, first: int, last: int) -> Iterator[Slice]:
        gathered: list[_HotBatch] = []
        points = letters = 0
        for number in range(first, last + 1):
            gathered.append(_checked(self.sql, number))
            points += gathered[-1].count
            letters += len(gathered[-1].messages)
            full = points >= SLICE_POINTS or letters >= SLICE_LETTERS
            if full or len(gathered) >= SLICE_BATCHES:
                yield _slice(gathered)
                gathered, points, letters = [], 0, 0
        if gathered:
            yield _slice(gathered)

    # ------------------------------------------------------------ days and months
    def merge(self) -> SealReport:
        """Hours older than a week become days, days older than a quarter months."""
        for tier, age_ms in MERGE_AFTER_MS.items():
            before = self.clock.wall_ms() - age_ms
            for group in catalogue.groups(self.sql, tier, before):
                if self.stopping:
                    return self.report
                self._merge(tier, group)
        return self.report

    def _merge(self, tier: Tier, group: Sequence[SegmentAbout]) -> None:
        name = self.free_name(segment_name(group[0].first_wall_ms, tier), group[0].from_batch)
        try:
            pieces = self._joined_slices(group)
            about = self.write(name, tier, group[0].previous, pieces)
        except (ValueError, sqlite3.Error):
            return  # damaged: it stays as it is, where `verify` locates it
        about = msgspec.structs.replace(about, note=catalogue.parts_note(group))
        self.enter(about, [g.name for g in group])
        self.report.merged.append(name)

    def _joined_slices(self, group: Sequence[SegmentAbout]) -> Iterator[Slice]:
        gathered: list[Slice] = []
        points = batches = 0
        for about in group:
            segment = Segment(self.folder / f"{about.name}{ENDING}")
            try:
                catalogue.expect_sound(segment, about)
                for row in segment.slices():
                    size = row.to_batch - row.from_batch + 1
                    full = points + row.points > SLICE_POINTS or batches + size > SLICE_BATCHES
                    if gathered and full:
                        yield joined(gathered)
                        gathered, points, batches = [], 0, 0
                    gathered.append(segment.whole(row.n))
                    points, batches = points + row.points, batches + size
            finally:
                segment.close()
        if gathered:
            yield joined(gathered)

    # ------------------------------------------------------------ shared steps
    def free_name(self, name: str, first: int) -> str:
        """`name`, or with a number behind it when something else is called so. A file that a crash
        left before it was entered is written anew under its name.
        """
        wall = wall_ms(self.sql, first)
        tried = name
        for number in itertools.count(first):
            row = self.sql.execute("SELECT 1 FROM segment WHERE name=?", (tried,)).fetchone()
            if row is None and _left_over(self.folder / f"{tried}{ENDING}", first, wall):
                return tried
            tried = f"{name}-{number}"
        raise AssertionError

    def write(
        self, name: str, tier: Tier, previous: bytes, pieces: Iterator[Slice]
    ) -> SegmentAbout:
        """The file on disk under its name, not yet in the catalogue."""
        out = SegmentWriter(self.folder, name, int(tier), previous)
        try:
            for piece in pieces:
                out.add(piece)
                self.reached("slice")
                if self.stopping:
                    raise CancelledError("asked to stop")
                if self._pause_s:
                    time.sleep(self._pause_s)
            about = out.finish(reached=self.reached)
        except BaseException:
            out.abandon()
            raise
        self.reached("named")
        return about

    def enter(self, about: SegmentAbout, replaced: Sequence[str]) -> None:
        """Into the catalogue, signed; `replaced` ones are out of it in the same moment."""
        if self._sign is not None:
            signed = self._sign(catalogue.statement(about))
            about = msgspec.structs.replace(about, signature=signed)
        self.chore(lambda sql: catalogue.enter(sql, about, replaced))
        self.reached("entered")

    def give_back(self) -> None:
        """Shorten history.db where far more is free in it than the next hours need, as after years
        of history were brought in. Files of older versions keep their size.
        """
        if self.sql.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
            return
        page = int(self.sql.execute("PRAGMA page_size").fetchone()[0])
        growth = measure(self.sql, self.clock.wall_ms())
        spare = SPARE_BYTES + 2 * growth.points_per_day / 24 * HOT_BYTES
        pages = _VACUUMED
        while not self.stopping:
            free = int(self.sql.execute("PRAGMA freelist_count").fetchone()[0])
            if free * page <= spare:
                return
            begun = time.monotonic()
            self.chore(partial(_vacuum, pages=pages))
            took = max(time.monotonic() - begun, 1e-4)
            pages = int(min(max(pages * min(STEP_S / took, 2.0), 8), 4_000))
            self.reached("given back")

    def note_size(self) -> None:
        """Write down what the folder takes after this round, for the estimate of days left."""
        sample = take_sample(self.sql, self.folder.parent, self.clock.wall_ms())
        self.chore(partial(keep_sample, sample=sample))

    def sign(self, data: bytes) -> bytes:
        return self._sign(data) if self._sign is not None else b""

    def sweep(self) -> None:
        """Take away hot rows of what is sealed, a few at a time."""
        last = border(self.sql)
        if not last:
            return
        for step in (_sweep_batches, _sweep_runs):
            size = _FIRST_STEP
            while True:
                begun = time.monotonic()
                gone = self.chore(partial(step, last=last, size=size))
                if not gone:
                    break
                took = max(time.monotonic() - begun, 1e-4)
                size = int(min(max(size * min(STEP_S / took, 2.0), 1), 4_000))
                self.reached("swept")

    def remove_replaced(self) -> None:
        """Files whose place others took in an earlier call. Who still reads one keeps it."""
        for name in catalogue.replaced(self.sql):
            (self.folder / f"{name}{ENDING}").unlink(missing_ok=True)
            self.reached("removed")
            self.chore(partial(catalogue.forget, name=name))

    def chore(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def timed(sql: sqlite3.Connection) -> T:
            begun = time.monotonic()
            sql.execute("BEGIN IMMEDIATE")
            try:
                done = work(sql)
                sql.execute("COMMIT")
            except BaseException:
                if sql.in_transaction:
                    sql.execute("ROLLBACK")
                raise
            took = (time.monotonic() - begun) * 1000
            self.report.longest_step_ms = max(self.report.longest_step_ms, took)
            return done

        return self._writer.chore(timed, _WAIT_S)


def _left_over(file: Path, first: int, wall: int) -> bool:
    """Whether a file of this name is free to be written: none there, or one of the
    same batches from an earlier attempt.
    """
    if not file.exists():
        return True
    try:
        segment = Segment(file)
        try:
            about = segment.about()
        finally:
            segment.close()
    except (ValueError, IndexError, sqlite3.Error):
        return False
    return (about.from_batch, about.first_wall_ms) == (first, wall)


# ---------------------------------------------------------------- what is hot
@dataclass(frozen=True, slots=True)
class _HotBatch:
    number: int
    head: tuple[int, ...]
    """wall_ms, monotonic_ns, count, messages, first_ms, last_ms"""
    hash: bytes
    messages: list[tuple[int, int, int, int, int, int]]
    points: PointColumns
    extra: HeadExtra | None

    @property
    def count(self) -> int:
        return len(self.points)


def _checked(sql: sqlite3.Connection, number: int) -> _HotBatch:
    """A batch whose hash was checked. One that is not what was written goes along as it is found,
    marked as damaged.
    """
    row = sql.execute(
        "SELECT wall_ms, monotonic_ns, count, messages, first_ms, last_ms, previous, hash,"
        " registry, origin_store, origin_batch, origin_wall_ms FROM batch WHERE number=?",
        (number,),
    ).fetchone()
    if row is None:
        raise ValueError(f"batch {number} is missing")
    found = sql.execute("SELECT points FROM body WHERE number=?", (number,)).fetchone()
    body = found[0] if found else b""
    messages = message_rows(sql, number)
    digest = blob.chain(row[6], (number, *row[:6]), blob.message_bytes(messages), body, row[8])
    damaged: bytes | None = None
    points = PointColumns.empty()
    try:
        points = blob.decode(body) if body else points
        if digest != row[7] or len(points) != row[2]:
            damaged = body
        if len(points) and int(points.message.max()) >= len(messages):
            raise ValueError("points without a message")
    except ValueError:
        damaged, points = body, PointColumns.empty()
    origin = sql.execute(
        "SELECT store, origin_batch, origin_wall_ms FROM origin WHERE batch=? LIMIT 1", (number,)
    ).fetchone() or (row[9], row[10], row[11])
    extra = HeadExtra(number, row[8], origin[0], origin[1], origin[2], damaged)
    plain = extra == HeadExtra(number)
    return _HotBatch(number, row[:6], row[7], messages, points, None if plain else extra)


def _slice(gathered: list[_HotBatch]) -> Slice:
    heads = np.array([b.head for b in gathered], np.int64)
    extras = tuple(b.extra for b in gathered if b.extra is not None)
    made = heads_of_columns(gathered[0].number, heads, b"".join(b.hash for b in gathered), extras)
    rows = [(*row, b.number, index) for b in gathered for index, row in enumerate(b.messages)]
    table = np.array(rows, np.int64).reshape(-1, 8)
    letters = Letters(*(np.ascontiguousarray(table[:, k]) for k in range(8)))
    offsets = np.cumsum([0, *(len(b.messages) for b in gathered)])
    joined_points = [
        SlicePoints(
            b.points.datastream.astype(np.int64), b.points.time_ms, b.points.value,
            b.points.quality, b.points.message + np.int64(offset),
            b.points.place.astype(np.int64),
        )
        for b, offset in zip(gathered, offsets, strict=False)
    ]  # fmt: skip
    return sorted_slice(made, letters, SlicePoints.join(joined_points))


def _vacuum(sql: sqlite3.Connection, pages: int) -> None:
    sql.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()


def _sweep_batches(sql: sqlite3.Connection, last: int, size: int) -> int:
    from lamplighter.store.commit import MESSAGES_PER_BATCH

    first = sql.execute("SELECT min(number) FROM batch").fetchone()[0]
    if first is None or first > last:
        return 0
    stop = min(first + size - 1, last)
    sql.execute("DELETE FROM body WHERE number<=?", (stop,))
    sql.execute("DELETE FROM message WHERE id<?", ((stop + 1) * MESSAGES_PER_BATCH,))
    return int(sql.execute("DELETE FROM batch WHERE number<=?", (stop,)).rowcount)


def _sweep_runs(sql: sqlite3.Connection, last: int, size: int) -> int:
    """Sorted runs of what is sealed: the segments hold the same points."""
    row = sql.execute("SELECT value FROM about WHERE key=?", (_SWEPT,)).fetchone()
    flushes = sql.execute(
        "SELECT n FROM flush WHERE tier=1 AND to_batch<=? AND n>? ORDER BY n LIMIT ?",
        (last, int(row[0]) if row else 0, max(size // 20, 1)),
    ).fetchall()
    sql.executemany("DELETE FROM cells WHERE flush=? AND kind=0", flushes)
    if flushes:
        sql.execute("INSERT OR REPLACE INTO about VALUES(?, ?)", (_SWEPT, str(flushes[-1][0])))
    return len(flushes)
