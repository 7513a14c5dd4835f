"""A sealed file: some hours, days or a month of history that never change again.

It is an SQLite file with slices (see `slices`), written beside, forced to disk and renamed. Its
hash is over every byte that is stored and over the heads of its batches; chunks and slices have
hashes of their own, so that damage is located.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.store import merkle
from lamplighter.store.blob import HASH_BYTES
from lamplighter.store.slices import (
    Heads,
    Letters,
    Slice,
    SlicePoints,
    chunks,
    decode_chunk,
    decode_heads,
    decode_letters,
    encode_heads,
    encode_letters,
)

ENDING: Final = ".seg"
PART: Final = ".part"
FORMAT: Final = 1
_TABLES: Final = (
    "CREATE TABLE about(key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE slice(n INTEGER PRIMARY KEY, from_batch INTEGER, to_batch INTEGER,"
    " first_ms INTEGER, last_ms INTEGER, points INTEGER, heads BLOB, letters BLOB, hash BLOB)",
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY, slice INTEGER, first INTEGER, last INTEGER,"
    " points INTEGER, body BLOB, origin BLOB, hash BLOB)",
    "CREATE INDEX chunk_by_stream ON chunk(first, last, slice)",
)


class SegmentAbout(msgspec.Struct, frozen=True):
    """What the catalogue says of a segment."""

    name: str
    from_batch: int
    to_batch: int
    first_ms: int
    last_ms: int
    first_wall_ms: int
    last_wall_ms: int
    points: int
    size: int
    """bytes on disk"""
    tier: int
    hash: bytes
    previous: bytes
    """hash of the batch before its first"""
    head: bytes
    """hash of its last batch"""
    names: bytes
    """msgpack: [(batch, registry)] of the batches that brought names"""
    roots: bytes
    """msgpack: owner -> Merkle root over the hashes of its batches"""
    state: str = "sealed"
    signature: bytes = b""
    note: bytes = b""


@dataclass(frozen=True, slots=True)
class SliceRow:
    """Where a slice lies, without its contents."""

    n: int
    from_batch: int
    to_batch: int
    first_ms: int
    last_ms: int
    points: int


def slice_hash(row: tuple[int, ...], heads: bytes, letters: bytes, chunk_hashes: Iterable[bytes]) \
        -> bytes:  # fmt: skip
    digest = blake2b(np.asarray(row, "<i8").tobytes(), digest_size=HASH_BYTES)
    for part in (heads, letters, *chunk_hashes):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def chunk_hash(row: tuple[int, ...], body: bytes, origin: bytes) -> bytes:
    digest = blake2b(np.asarray(row, "<i8").tobytes(), digest_size=HASH_BYTES)
    for part in (body, origin):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def segment_hash(previous: bytes, slices: Iterable[bytes]) -> bytes:
    digest = blake2b(previous, digest_size=HASH_BYTES)
    for found in slices:
        digest.update(found)
    return digest.digest()


class SegmentWriter:
    """Writes `name` in `folder`: `add` slices in order, then `finish`."""

    def __init__(self, folder: Path, name: str, tier: int, previous: bytes) -> None:
        self._file = folder / f"{name}{ENDING}"
        self._part = folder / f"{name}{PART}"
        self._part.unlink(missing_ok=True)
        self._name, self._tier, self._previous = name, tier, previous
        self._sql = sqlite3.connect(self._part, isolation_level=None, check_same_thread=False)
        self._sql.execute("PRAGMA journal_mode=OFF")
        self._sql.execute("PRAGMA synchronous=OFF")
        self._sql.execute("BEGIN")
        for statement in _TABLES:
            self._sql.execute(statement)
        self._hashes: list[bytes] = []
        self._points = 0
        self._span: list[int] = []
        self._walls: list[int] = []
        self._range: list[int] = []
        self._names: list[tuple[int, bytes]] = []
        self._leaves: dict[str, list[bytes]] = {}
        self._head = previous

    def add(self, piece: Slice) -> None:
        """Raises ValueError when what was written would not read back the same."""
        n, heads, points = len(self._hashes), piece.heads, piece.points
        hashes = []
        for chunk in chunks(points):
            row = (n, chunk.first, chunk.last, chunk.points)
            hashes.append(chunk_hash(row, chunk.body, chunk.origin))
            self._sql.execute(
                "INSERT INTO chunk(slice, first, last, points, body, origin, hash)"
                " VALUES(?,?,?,?,?,?,?)",
                (*row, chunk.body, chunk.origin, hashes[-1]),
            )
        count = len(points)
        span = (int(points.time_ms.min()), int(points.time_ms.max())) if count else (0, -1)
        where = (n, heads.first, heads.last, *span, count)
        packed = encode_heads(heads), encode_letters(piece.letters)
        self._hashes.append(slice_hash(where, *packed, hashes))
        self._sql.execute(
            "INSERT INTO slice VALUES(?,?,?,?,?,?,?,?,?)", (*where, *packed, self._hashes[-1])
        )
        self._note(heads, span if count else None, count)

    def _note(self, heads: Heads, span: tuple[int, int] | None, count: int) -> None:
        self._points += count
        self._span += span or ()
        self._walls += [int(heads.wall_ms[0]), int(heads.wall_ms[-1])]
        self._range += [heads.first, heads.last]
        self._names += [(e.number, e.registry) for e in heads.extras if e.registry is not None]
        owners = {e.number: e.origin_store for e in heads.extras if e.origin_store}
        for number in range(heads.first, heads.last + 1):
            mine = self._leaves.setdefault(owners.get(number, ""), [])
            mine.append(heads.hash_of(number))
        self._head = heads.hash_of(heads.last)

    def finish(self, reached: Callable[[str], None] = lambda _: None) -> SegmentAbout:
        """Force the file to disk and give it its name. An older file of that name is replaced.

        `reached` is told "written" between the two.
        """
        about = SegmentAbout(
            name=self._name,
            from_batch=self._range[0],
            to_batch=self._range[-1],
            first_ms=min(self._span, default=0),
            last_ms=max(self._span, default=-1),
            first_wall_ms=self._walls[0],
            last_wall_ms=self._walls[-1],
            points=self._points,
            size=0,
            tier=self._tier,
            hash=segment_hash(self._previous, self._hashes),
            previous=self._previous,
            head=self._head,
            names=msgspec.msgpack.encode(self._names),
            roots=msgspec.msgpack.encode(
                {owner: merkle.root(leaves) for owner, leaves in sorted(self._leaves.items())}
            ),
        )
        self._sql.execute("INSERT INTO about VALUES('format', ?)", (FORMAT,))
        self._sql.execute("INSERT INTO about VALUES('about', ?)", (msgspec.msgpack.encode(about),))
        self._sql.execute("COMMIT")
        self._sql.close()
        force(self._part)
        size = self._part.stat().st_size
        reached("written")
        self._part.replace(self._file)
        force(self._file.parent)
        return msgspec.structs.replace(about, size=size)

    def abandon(self) -> None:
        self._sql.close()
        self._part.unlink(missing_ok=True)


def force(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Segment:
    """The reading end of one file; safe from any thread.

    Raises ValueError or sqlite3.Error when what it reads is damaged.
    """

    def __init__(self, file: Path) -> None:
        self.name = file.name.removesuffix(ENDING)
        if not file.is_file():
            raise ValueError(f"{file.name} is missing")
        uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
        self._sql = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._rows: list[SliceRow] | None = None

    def _all(self, statement: str, values: tuple[int, ...] = ()) -> list[tuple[object, ...]]:
        with self._lock:
            return self._sql.execute(statement, values).fetchall()

    def slices(self) -> list[SliceRow]:
        if self._rows is None:
            self._rows = [
                SliceRow(*row)  # type: ignore[arg-type]
                for row in self._all(
                    "SELECT n, from_batch, to_batch, first_ms, last_ms, points FROM slice"
                    " ORDER BY n"
                )
            ]
        return self._rows

    def about(self) -> SegmentAbout:
        """What the file says of itself."""
        body: Any = self._all("SELECT value FROM about WHERE key='about'")[0][0]
        return msgspec.msgpack.decode(body, type=SegmentAbout)

    def heads(self, n: int) -> Heads:
        return decode_heads(self._slice("heads", n))

    def letters(self, n: int) -> Letters:
        return decode_letters(self._slice("letters", n))

    def _slice(self, column: str, n: int) -> bytes:
        rows = self._all(f"SELECT {column} FROM slice WHERE n=?", (n,))
        if not rows:
            raise ValueError(f"slice {n} is missing")
        return rows[0][0]  # type: ignore[return-value]

    def points(self, n: int, *, origin: bool) -> SlicePoints:
        """All points of a slice; without `origin` letter and place read as 0."""
        what = "body, origin" if origin else "body, NULL"
        rows = self._all(f"SELECT {what} FROM chunk WHERE slice=? ORDER BY id", (n,))
        return SlicePoints.join([decode_chunk(*row) for row in rows])  # type: ignore[arg-type]

    def sound_points(self, n: int) -> SlicePoints:
        """Points of a slice with their origin, without those whose bytes are damaged."""
        parts = []
        for _, body, origin, _ in self.stored(n):
            with contextlib.suppress(ValueError, TypeError):
                parts.append(decode_chunk(body, origin))
        return SlicePoints.join(parts)

    def stream(self, stream: int, n: int, *, origin: bool) -> SlicePoints:
        """One datastream's points of a slice."""
        what = "body, origin" if origin else "body, NULL"
        rows = self._all(
            f"SELECT {what} FROM chunk WHERE first<=? AND last>=? AND slice=?", (stream, stream, n)
        )
        parts = [decode_chunk(*row) for row in rows]  # type: ignore[arg-type]
        return SlicePoints.join([p.take(p.datastream == stream) for p in parts])

    def whole(self, n: int) -> Slice:
        return Slice(self.heads(n), self.letters(n), self.points(n, origin=True))

    def stored(self, n: int) -> Iterator[tuple[tuple[int, ...], bytes, bytes, bytes]]:
        """((slice, first, last, points), body, origin, hash) of each chunk as it lies there."""
        for row in self._all(
            "SELECT slice, first, last, points, body, origin, hash FROM chunk WHERE slice=?"
            " ORDER BY id",
            (n,),
        ):
            yield row[:4], row[4], row[5], row[6]  # type: ignore[misc]

    def stored_slice(self, n: int) -> tuple[tuple[int, ...], bytes, bytes, bytes]:
        """(row, heads, letters, hash) as they lie there."""
        row = self._all("SELECT * FROM slice WHERE n=?", (n,))[0]
        return row[:6], row[6], row[7], row[8]  # type: ignore[return-value]

    def check_structure(self) -> list[str]:
        """What is wrong with the file as a database, and with the words of its tables."""
        with self._lock:
            found = self._sql.execute("PRAGMA integrity_check(5)").fetchall()
            words = self._sql.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
            tables = sorted(str(text) for (text,) in words.fetchall())
        wrong = [str(text) for (text,) in found if text != "ok"]
        if tables != sorted(_TABLES):
            wrong.append("its tables are not what was written")
        return wrong

    def close(self) -> None:
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._sql.close()


class SegmentFiles:
    """The segments of a project that somebody looked at last."""

    def __init__(self, folder: Path, kept: int = 24) -> None:
        self.folder = folder
        self._kept: OrderedDict[str, Segment] = OrderedDict()
        self._limit = kept
        self._lock = threading.Lock()

    def get(self, name: str) -> Segment:
        """Raises ValueError (missing) or sqlite3.Error."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                found = self._kept[name] = Segment(self.folder / f"{name}{ENDING}")
                while len(self._kept) > self._limit:
                    # somebody may still read it: it closes when they let go of it
                    self._kept.popitem(last=False)
            self._kept.move_to_end(name)
            return found

    def forget(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)

    def close(self) -> None:
        with self._lock:
            for found in self._kept.values():
                found.close()
            self._kept.clear()
