"""Checks sealed segments byte by byte and locates damage down to the batches it touches."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import msgspec
import numpy as np

from lamplighter.store import blob, catalogue, merkle, sealed
from lamplighter.store.catalogue import ExpiryNote, Part
from lamplighter.store.segment import (
    Segment,
    SegmentAbout,
    SliceRow,
    chunk_hash,
    segment_hash,
    slice_hash,
)
from lamplighter.store.slices import Heads, Letters, decode_heads, decode_letters, decode_origin

Check = Callable[[bytes, bytes], bool]
"""(what was signed, signature) -> whether this console signed it"""
_NAMED: Final = 100_000


@dataclass(slots=True)
class Found:
    """What a check has found so far. `bad` are batches whose points are not what was written."""

    findings: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    rows: int = 0
    """points that are as they were written"""
    stored: int = 0
    """points that the heads speak of, and those that expired"""
    last: int = 0
    """the last batch looked at"""
    head: bytes | None = blob.NO_HASH
    """its hash; None when that is not known"""

    def damage(self, first: int, last: int, text: str) -> None:
        self.findings.append(f"batch {first}: {text}")
        self.bad.update(range(first, min(last, first + _NAMED) + 1))


def check_segments(sql: sqlite3.Connection, found: Found, check: Check | None) -> None:
    """Every segment after `found.last`, in recorded order, until the hot batches begin."""
    while (about := _covering(sql, found.last + 1)) is not None:
        before = len(found.findings), set(found.bad), found.rows
        size = _one(sql, about, found, check)
        now = _covering(sql, about.from_batch)
        if now is not None and now.name != about.name:
            # it was merged into a larger one while it was read: that one is looked at instead
            del found.findings[before[0] :]
            found.bad, found.rows = before[1], before[2]
            continue
        found.stored += size
        found.last, found.head = about.to_batch, about.head


def _covering(sql: sqlite3.Connection, number: int) -> SegmentAbout | None:
    rows = catalogue.rows(sql, "state<>'merged' AND to_batch>=? LIMIT 1", (number,))
    return rows[0] if rows else None


def _one(sql: sqlite3.Connection, about: SegmentAbout, found: Found, check: Check | None) -> int:
    """Says how many points the segment held when it was sealed."""
    if about.from_batch != found.last + 1:
        found.damage(found.last + 1, about.from_batch - 1, "missing from the sealed history")
    elif found.head is not None and about.previous != found.head:
        found.findings.append(
            f"batch {about.from_batch}: segment {about.name} does not follow what is before it"
        )
    if about.state == "expired":
        return _expired(about, found, check)
    held = about.points
    if about.state == "thinned":
        held = _expired(about, found, check)
    elif (
        check is not None
        and about.signature
        and not check(catalogue.statement(about), about.signature)
    ):
        found.findings.append(f"batch {about.from_batch}: the signature of {about.name} is wrong")
    try:
        segment = sealed.open_segment(sql, about.name)
        _segment(segment, about, found)
    except sealed.DAMAGED as error:
        found.damage(about.from_batch, about.to_batch, f"segment {about.name}: {error}")
    return held


def _expired(about: SegmentAbout, found: Found, check: Check | None) -> int:
    where = f"batch {about.from_batch}: segment {about.name}"
    try:
        note = msgspec.msgpack.decode(about.note, type=ExpiryNote)
    except msgspec.MsgspecError:
        found.findings.append(f"{where} has expired without a note")
        return 0
    same = (note.from_batch, note.to_batch, note.head) == (
        about.from_batch, about.to_batch, about.head,
    )  # fmt: skip
    same &= note.kept_hash == (about.hash if about.state == "thinned" else b"")
    signed = check is None or not about.signature or check(about.note, about.signature)
    if not same or not signed or note.names != blake2b(about.names, digest_size=16).digest():
        found.findings.append(f"{where}: its note of expiry is not what was written")
    found.expired.append(
        f"batches {note.from_batch} to {note.to_batch} expired ({note.policy}), {note.kept} of"
        f" {note.points} points kept"
    )
    return note.points


def _segment(segment: Segment, about: SegmentAbout, found: Found) -> None:
    before = len(found.findings)
    hashes: list[bytes] = []
    heads: list[Heads] = []
    next_batch = about.from_batch
    for row in segment.slices():
        if row.from_batch != next_batch:
            found.damage(next_batch, row.from_batch - 1, f"segment {about.name}: missing")
        hashes.append(_slice(segment, about, row, found, heads))
        next_batch = row.to_batch + 1
    if next_batch != about.to_batch + 1:
        found.damage(next_batch, about.to_batch, f"segment {about.name}: missing")
    if len(found.findings) > before:
        return
    where = f"batch {about.from_batch}: segment {about.name}"
    if segment_hash(about.previous, hashes) != about.hash:
        found.damage(about.from_batch, about.to_batch, f"segment {about.name}: not what was sealed")
        return
    every = Heads.join(heads)
    names = [(e.number, e.registry) for e in every.extras if e.registry is not None]
    if msgspec.msgpack.encode(names) != about.names:
        found.findings.append(f"{where}: its names are not what was written")
    if roots_of(every) != about.roots or every.hash_of(every.last) != about.head:
        found.findings.append(f"{where}: its roots are not those of its batches")
    if about.note and about.state == "sealed":
        _parts(about, every, found)
    for text in segment.check_structure():
        found.damage(about.from_batch, about.to_batch, f"segment {about.name}: {text}")


def _parts(about: SegmentAbout, heads: Heads, found: Found) -> None:
    """Roots of what was merged into this segment must be those of the same batches here."""
    for part in msgspec.msgpack.decode(about.note, type=list[Part]):
        if roots_of(heads, part.from_batch, part.to_batch) != part.roots:
            found.findings.append(
                f"batch {part.from_batch}: the roots of {part.name} are not those of its batches"
            )


def leaves_of(heads: Heads, first: int, last: int) -> dict[str, list[bytes]]:
    """owner -> the hashes of its batches in [first, last]; "" is this console."""
    owners = {e.number: e.origin_store for e in heads.extras if e.origin_store}
    leaves: dict[str, list[bytes]] = {}
    for number in range(max(first, heads.first), min(last, heads.last) + 1):
        leaves.setdefault(owners.get(number) or "", []).append(heads.hash_of(number))
    return leaves


def roots_of(heads: Heads, first: int = 0, last: int = 1 << 62) -> bytes:
    """msgpack: owner -> Merkle root over the hashes of its batches."""
    return msgspec.msgpack.encode(
        {owner: merkle.root(mine) for owner, mine in sorted(leaves_of(heads, first, last).items())}
    )


def _slice(
    segment: Segment, about: SegmentAbout, row: SliceRow, found: Found, every: list[Heads]
) -> bytes:
    """The slice's hash over what lies there."""
    before = len(found.findings)
    where, raw_heads, raw_letters, stored = segment.stored_slice(row.n)
    heads: Heads | None = None
    letters: Letters | None = None
    with contextlib.suppress(*sealed.DAMAGED, msgspec.MsgspecError):
        heads = decode_heads(raw_heads)
    with contextlib.suppress(*sealed.DAMAGED):
        letters = decode_letters(raw_letters)
    chunks: list[bytes] = []
    sound = 0
    for place, body, origin, hash_ in segment.stored(row.n):
        actual = chunk_hash(place, body, origin)
        chunks.append(actual)
        if actual != hash_:
            _chunk(about, row, place, origin, letters, found)
        else:
            sound += place[3]
    digest = slice_hash(where, raw_heads, raw_letters, chunks)
    whole = heads is not None and letters is not None
    if len(found.findings) == before and (digest != stored or not whole or sound != row.points):
        text = f"segment {about.name}, up to batch {row.to_batch}: its heads or messages are not"
        found.damage(row.from_batch, row.to_batch, f"{text} what was written")
        sound = 0
    found.rows += sound
    if heads is not None:
        every.append(heads)
        for extra in heads.extras:
            if extra.damaged is not None:
                text = "it was damaged before it was sealed and is kept as it was found"
                found.damage(extra.number, extra.number, text)
    return digest


def _chunk(
    about: SegmentAbout,
    row: SliceRow,
    place: tuple[int, ...],
    origin: bytes,
    letters: Letters | None,
    found: Found,
) -> None:
    """Name the batches whose points lie in a damaged chunk: its origin mostly still tells them."""
    batches = np.arange(row.from_batch, row.to_batch + 1)
    with contextlib.suppress(*sealed.DAMAGED):
        letter, _ = decode_origin(origin)
        if letters is not None and letter.shape[0] == place[3]:
            batches = np.unique(letters.batch[letter])
    first, last = int(batches[0]), int(batches[-1])
    found.findings.append(
        f"batch {first}: segment {about.name}, {batches.shape[0]} batches up to {last}, points of"
        f" datastreams {place[1]} to {place[2]} are not what was written"
    )
    found.bad.update(batches.tolist())
