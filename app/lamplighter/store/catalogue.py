"""The catalogue of sealed segments in `history.db`: what is where, and what became of it.

A row's state is `sealed`, `thinned` (expired but for the surroundings of alarms), `expired` (file
gone; hash and signed note stay) or `merged` (a larger segment took its place; the file goes next).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Final

import msgspec

from lamplighter.store.segment import (
    ENDING,
    Segment,
    SegmentAbout,
    chunk_hash,
    segment_hash,
    slice_hash,
)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_COLUMNS: Final = (
    "name, from_batch, to_batch, first_ms, last_ms, first_wall_ms, last_wall_ms, points, bytes,"
    " tier, hash, previous, head, names, roots, state, signature, note"
)


class Tier(IntEnum):
    """How long a stretch a segment holds."""

    HOUR = 0
    DAY = 1
    MONTH = 2


def segment_name(wall_ms: int, tier: Tier) -> str:
    """The hour, day or month of a moment, as the segment of it is called."""
    form = {Tier.HOUR: "%Y-%m-%dT%H", Tier.DAY: "%Y-%m-%d", Tier.MONTH: "%Y-%m"}[tier]
    try:
        return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime(form)
    except (OverflowError, ValueError, OSError):
        return f"at-{wall_ms}"


class Part(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of a segment that was merged into a larger one: its roots stay provable."""

    name: str
    from_batch: int
    to_batch: int
    hash: bytes
    roots: bytes
    signature: bytes


class ExpiryNote(msgspec.Struct, frozen=True):
    """Why points are gone, signed by the console that took them away."""

    name: str
    from_batch: int
    to_batch: int
    hash: bytes
    head: bytes
    points: int
    """points the segment held"""
    kept: int
    """of those, points around alarms that stay"""
    kept_hash: bytes
    """hash of the segment that holds them; empty when there is none"""
    expired_ms: int
    policy: str
    names: bytes
    """hash of the names its batches brought, which stay in the catalogue"""


def rows(sql: sqlite3.Connection, where: str = "1", values: tuple[object, ...] = ()) \
        -> list[SegmentAbout]:  # fmt: skip
    """Entries in recorded order; `where` may end with a LIMIT."""
    where, limit, most = where.partition(" LIMIT ")
    return [
        SegmentAbout(*row)
        for row in sql.execute(
            f"SELECT {_COLUMNS} FROM segment WHERE {where} ORDER BY from_batch{limit}{most}", values
        )
    ]


def aged(sql: sqlite3.Connection, states: str, before_ms: int, now_ms: int) -> list[SegmentAbout]:
    """Segments in one of these states (quoted, joined by commas) that were recorded before a
    moment, and so was all before them: a clock that was set back makes nothing old.
    """
    row = sql.execute(
        "SELECT min(from_batch) FROM segment WHERE state<>'merged' AND last_wall_ms>=?"
        " AND last_wall_ms<=?",
        (before_ms, now_ms),
    ).fetchone()
    where = f"state IN ({states}) AND last_wall_ms<? AND (? IS NULL OR to_batch<?)"
    return rows(sql, where, (before_ms, row[0], row[0]))


def enter(sql: sqlite3.Connection, about: SegmentAbout, replaced: Sequence[str] = ()) -> None:
    """Add a segment; with `replaced` in their place. Raises ValueError when it does not follow."""
    if not replaced:
        last = int(sql.execute("SELECT coalesce(max(to_batch), 0) FROM segment").fetchone()[0])
        if about.from_batch != last + 1:
            raise ValueError(f"segment {about.name} does not follow batch {last}")
    sql.executemany("UPDATE segment SET state='merged' WHERE name=?", [(n,) for n in replaced])
    _insert(sql, about)


def expire(sql: sqlite3.Connection, name: str, note: bytes, signature: bytes) -> None:
    sql.execute(
        "UPDATE segment SET state='expired', note=?, signature=?, points=0, bytes=0 WHERE name=?",
        (note, signature, name),
    )


def regain(sql: sqlite3.Connection, folder: Path) -> list[str]:
    """Enter segment files that a damaged catalogue has lost; says which. Every file tells itself
    what it holds; where files overlap, the one that holds more counts.
    """
    known = [(a.from_batch, a.to_batch) for a in rows(sql, "state<>'merged'")]
    found: list[SegmentAbout] = []
    for file in sorted(folder.glob(f"*{ENDING}")):
        try:
            segment = Segment(file)
        except (ValueError, sqlite3.Error):
            continue
        try:
            about = segment.about()
            if about.name == segment.name:
                found.append(msgspec.structs.replace(about, size=file.stat().st_size))
        except (ValueError, IndexError, OSError, sqlite3.Error):
            continue
        finally:
            segment.close()
    done = []
    for about in sorted(found, key=lambda a: (a.from_batch - a.to_batch, a.from_batch)):
        if all(about.to_batch < first or last < about.from_batch for first, last in known):
            known.append((about.from_batch, about.to_batch))
            sql.execute("DELETE FROM segment WHERE name=?", (about.name,))
            _insert(sql, about)
            done.append(about.name)
    return done


def _insert(sql: sqlite3.Connection, about: SegmentAbout) -> None:
    sql.execute(
        f"INSERT INTO segment({_COLUMNS}) VALUES({','.join('?' * 18)})",
        msgspec.structs.astuple(about),
    )


def replaced(sql: sqlite3.Connection) -> list[str]:
    return [r[0] for r in sql.execute("SELECT name FROM segment WHERE state='merged'").fetchall()]


def forget(sql: sqlite3.Connection, name: str) -> None:
    sql.execute("DELETE FROM segment WHERE name=? AND state='merged'", (name,))


def groups(sql: sqlite3.Connection, tier: Tier, before_ms: int) -> list[list[SegmentAbout]]:
    """Neighbouring smaller segments of one day or month that ended before `before_ms`."""
    found: list[list[SegmentAbout]] = []
    label = ""
    for about in rows(sql, "state<>'merged'"):
        mine = segment_name(about.first_wall_ms, tier)
        fits = about.state == "sealed" and about.tier < tier
        if fits and found and found[-1] and mine == label:
            found[-1].append(about)
        else:
            found.append([about] if fits else [])
            label = mine
    return [g for g in found if len(g) > 1 and _over(g, tier, before_ms)]


def _over(group: list[SegmentAbout], tier: Tier, before_ms: int) -> bool:
    """Whether the day or month of the group had ended by `before_ms`."""
    last = max(group[0].first_wall_ms, group[-1].last_wall_ms)
    return last < before_ms and segment_name(last, tier) != segment_name(before_ms, tier)


def expect_sound(segment: Segment, about: SegmentAbout) -> None:
    """Raises ValueError when the file is not what the catalogue says."""
    hashes = []
    for row in segment.slices():
        where, heads, letters, stored = segment.stored_slice(row.n)
        chunks = []
        for place, body, origin, hash_ in segment.stored(row.n):
            if chunk_hash(place, body, origin) != hash_:
                raise ValueError(f"segment {about.name} is damaged")
            chunks.append(hash_)
        if slice_hash(where, heads, letters, chunks) != stored:
            raise ValueError(f"segment {about.name} is damaged")
        hashes.append(stored)
    if segment_hash(about.previous, hashes) != about.hash:
        raise ValueError(f"segment {about.name} is damaged")


def statement(about: SegmentAbout) -> bytes:
    """What is signed of a segment."""
    return msgspec.msgpack.encode(
        ("segment", about.from_batch, about.to_batch, about.hash, about.head, about.roots)
    )


def parts_note(group: Sequence[SegmentAbout]) -> bytes:
    """The hashes, roots and signatures of what was merged, those of earlier merges included."""
    parts: list[Part] = []
    for about in group:
        if about.note:
            parts += msgspec.msgpack.decode(about.note, type=list[Part])
        else:
            parts.append(
                Part(
                    about.name, about.from_batch, about.to_batch, about.hash, about.roots,
                    about.signature,
                )
            )  # fmt: skip
    return msgspec.msgpack.encode(parts)
