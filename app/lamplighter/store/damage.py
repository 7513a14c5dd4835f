"""A damaged database is set aside whole, and a new one goes on with everything that can be read.

Nothing is deleted and nothing is repaired in place. The new file is finished and forced to disk
before the old one is renamed, so a kill in between leaves one or the other; `finish` completes a
rename that was cut off. What is lost is named in the new file, where `verify` finds it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import iso
from lamplighter.store import catalogue, facts
from lamplighter.store.connections import is_damaged
from lamplighter.store.folder import CITY, HISTORY
from lamplighter.store.rebuild import regain_keys
from lamplighter.store.registry import RegistryEntry
from lamplighter.store.schema import CITY_STEPS, HISTORY_STEPS, NewerSchemaError, migrate
from lamplighter.store.segment import ENDING, Segment
from lamplighter.store.witness import BATCHES, FACTS, last_seen

STEPS: Final = {HISTORY: HISTORY_STEPS, CITY: CITY_STEPS}
PARTS: Final = ("", "-wal", "-shm")
NOTED: Final = 20
"""lost stretches named one by one; further ones are only counted"""
SMALL: Final = 64 << 20
"""files up to this size are looked through as a whole before they are trusted"""
_NEW: Final = ".new"
_ROWS: Final = 2_000
_LEAPS: Final = 62
_NEAR: Final = 4_096


@dataclass(frozen=True, slots=True)
class SetAside:
    """What became of a damaged file."""

    file: str
    kept: str
    """the name under which the damaged file was kept"""
    lost: str
    """what could not be read, in words; empty when nothing is known to be lost"""


def damaged_files(folder: Path, *, thorough: bool = False) -> list[str]:
    """The databases of a project that cannot be read. Files of a newer version are left alone.

    `thorough`: look through large files too, which takes seconds a gigabyte.
    """
    return [name for name in (HISTORY, CITY) if _is_broken(folder / name, thorough)]


def words_of(found: Sequence[SetAside]) -> tuple[str, str]:
    """`what` and `still` of the message A-402 for files that were set aside."""
    what = "; ".join(f"{s.file}: {s.lost or 'no record is known to be lost'}" for s in found)
    kept = ", ".join(s.kept for s in found)
    return what, (
        f"It was kept as {kept}; recording goes on in a new one with all that could be read. "
        "Nothing was deleted: see 'lamplighter verify', and restore a backup for the rest."
    )


def _is_broken(file: Path, thorough: bool) -> bool:
    try:
        if not file.exists() or not file.stat().st_size:
            return True
        sql = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    except (OSError, sqlite3.Error):
        return False
    try:
        found = int(sql.execute("PRAGMA user_version").fetchone()[0])
        if found > len(STEPS[file.name]):
            return False
        if not found:
            return False  # somebody else's file
        if thorough or file.stat().st_size <= SMALL:
            return str(sql.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok"
        for name, key in (("batch", "number"), ("fact", "n")):
            if sql.execute("SELECT 1 FROM sqlite_master WHERE name=?", (name,)).fetchone():
                sql.execute(f"SELECT * FROM {name} ORDER BY {key} DESC LIMIT 1").fetchone()
        return False
    except sqlite3.Error as error:
        return is_damaged(error)
    finally:
        sql.close()


def set_aside(folder: Path, name: str) -> SetAside:
    """Keep the damaged file and put a new one in its place. Nobody may have it open for writing.

    Raises sqlite3.Error or OSError when there is no room; the damaged file is then untouched.
    """
    file, new = folder / name, folder / (name + _NEW)
    _remove(new)
    kept = _free_name(file)
    lost = _carry_over(file, new, folder, kept.name)
    for part in PARTS:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{file}{part}").replace(f"{kept}{part}")
    finish(folder)
    return SetAside(name, kept.name, lost)


def finish(folder: Path) -> None:
    """Complete a renaming that was cut off between its two steps."""
    for name in STEPS:
        file, new = folder / name, folder / (name + _NEW)
        if new.exists() and not file.exists():
            new.replace(file)
        elif new.exists():
            _remove(new)
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _free_name(file: Path) -> Path:
    number = 1
    while (kept := file.with_name(f"{file.stem}.damaged-{number}")).exists():
        number += 1
    return kept


def _remove(file: Path) -> None:
    for part in PARTS:
        Path(f"{file}{part}").unlink(missing_ok=True)


# ---------------------------------------------------------------------- carrying over
def _carry_over(file: Path, new: Path, folder: Path, kept: str) -> str:
    out = sqlite3.connect(new, isolation_level=None)
    try:
        out.execute("PRAGMA journal_mode=DELETE")
        out.execute("PRAGMA synchronous=FULL")
        migrate(out, STEPS[file.name])
        out.execute("BEGIN IMMEDIATE")
        with contextlib.suppress(sqlite3.DatabaseError, NewerSchemaError), _old(file) as old:
            for table in _tables(out):
                _copy_table(old, out, table)
        if file.name == HISTORY:
            _regain_segments(out, folder / "segments")
            _name_again(out, folder)
        lost = _lost_batches(out, folder) if file.name == HISTORY else _lost_facts(out, folder)
        if file.name == HISTORY:
            _note(out, folder, lost, kept)
        out.execute("COMMIT")
        return "; ".join(lost)
    finally:
        out.close()


@contextlib.contextmanager
def _old(file: Path) -> Iterator[sqlite3.Connection]:
    sql = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        sql.text_factory = lambda raw: raw.decode("utf-8", "replace")
        sql.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield sql
    finally:
        sql.close()


def _tables(sql: sqlite3.Connection) -> list[str]:
    rows = sql.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY rowid")
    return [row[0] for row in rows if not row[0].startswith("sqlite_")]


def _copy_table(old: sqlite3.Connection, out: sqlite3.Connection, table: str) -> None:
    """Every row that can be read; values of a damaged row are found by their hashes later."""
    columns = [row[1] for row in out.execute(f"PRAGMA table_info({table})")]
    key = _integer_key(out, table)
    marks = ",".join("?" * len(columns))
    put = f"INSERT OR IGNORE INTO {table}({','.join(columns)}) VALUES({marks})"
    known = _columns_of(old, table)
    given = ",".join(c if c in known else "NULL" for c in columns)
    if not known or not set(columns) <= known:
        columns_here = [c for c in columns if c in known]
        if not columns_here:
            return
        given = ",".join(columns_here)
        put = f"INSERT OR IGNORE INTO {table}({given}) VALUES({','.join('?' * len(columns_here))})"
    rows = _by_number(old, table, given, key) if key else _both_ways(old, table, given)
    held: list[Sequence[Any]] = []
    for row in rows:
        held.append(row)
        if len(held) >= _ROWS:
            _put(out, put, held)
    _put(out, put, held)


def _put(out: sqlite3.Connection, put: str, held: list[Sequence[Any]]) -> None:
    try:
        out.executemany(put, held)
    except sqlite3.IntegrityError:  # a value that its column does not take: row by row then
        for row in held:
            with contextlib.suppress(sqlite3.IntegrityError):
                out.execute(put, row)
    held.clear()


def _columns_of(sql: sqlite3.Connection, table: str) -> set[str]:
    try:
        return {row[1] for row in sql.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError:
        return set()


def _integer_key(sql: sqlite3.Connection, table: str) -> str:
    """Name of the row number, empty for a table that has none."""
    words = sql.execute("SELECT sql FROM sqlite_master WHERE name=?", (table,)).fetchone()[0]
    if "WITHOUT ROWID" in words.upper():
        return ""
    keys = [r for r in sql.execute(f"PRAGMA table_info({table})") if r[5]]
    return keys[0][1] if len(keys) == 1 and keys[0][2].upper() == "INTEGER" else ""


def _by_number(
    sql: sqlite3.Connection, table: str, columns: str, key: str
) -> Iterator[Sequence[Any]]:
    """All rows in order of their numbers, leaping over what cannot be read."""
    last = -(2**62)
    while True:
        try:
            for row in sql.execute(
                f"SELECT {key}, {columns} FROM {table} WHERE {key}>? ORDER BY {key}", (last,)
            ):
                last = row[0]
                yield row[1:]
            return
        except sqlite3.DatabaseError:
            found = _leap(sql, table, key, last)
            if found is None:
                return
            yield from _single(sql, table, columns, key, last + 1, found)
            last = found - 1


def _leap(sql: sqlite3.Connection, table: str, key: str, last: int) -> int | None:
    """The number of a readable row after `last`, reached in growing leaps."""
    last = max(last, -1)
    for power in range(_LEAPS):
        try:
            row = sql.execute(
                f"SELECT {key} FROM {table} WHERE {key}>? ORDER BY {key} LIMIT 1",
                (last + (1 << power),),
            ).fetchone()
        except (sqlite3.DatabaseError, OverflowError):
            continue
        if row is None:
            return None
        return int(row[0])
    return None


def _single(
    sql: sqlite3.Connection, table: str, columns: str, key: str, first: int, end: int
) -> Iterator[Sequence[Any]]:
    """Rows leapt over that can be had one by one."""
    for number in range(max(first, 0), min(end, max(first, 0) + _NEAR)):
        with contextlib.suppress(sqlite3.DatabaseError):
            row = sql.execute(f"SELECT {columns} FROM {table} WHERE {key}=?", (number,)).fetchone()
            if row is not None:
                yield row


def _both_ways(sql: sqlite3.Connection, table: str, columns: str) -> Iterator[Sequence[Any]]:
    """From the front up to the damage, then from the end up to it."""
    with contextlib.suppress(sqlite3.DatabaseError):
        yield from sql.execute(f"SELECT {columns} FROM {table}")
        return
    with contextlib.suppress(sqlite3.DatabaseError):
        info = sql.execute(f"PRAGMA table_info({table})").fetchall()
        keys = [row[1] for row in sorted(info, key=lambda r: r[5]) if row[5]]
        back = ",".join(f"{key} DESC" for key in keys)
        yield from sql.execute(f"SELECT {columns} FROM {table} ORDER BY {back}")


def _regain_segments(out: sqlite3.Connection, folder: Path) -> None:
    """Sealed history the catalogue has lost, and the keys of its messages."""
    names = catalogue.regain(out, folder)
    with contextlib.ExitStack() as stack:
        segments = [Segment(folder / f"{name}{ENDING}") for name in names]
        for segment in segments:
            stack.callback(segment.close)
        if segments:
            regain_keys(out, segments)


def _name_again(out: sqlite3.Connection, folder: Path) -> None:
    """Names that did not come over stand in the batches that brought them, and in the city; what
    has none left gets a made-up one, so that its numbers can still be read and used.
    """
    sources = "INSERT OR IGNORE INTO source VALUES(?,?)"
    streams = "INSERT OR IGNORE INTO datastream VALUES(?,?,?,?,?,?)"
    bodies = out.execute("SELECT number, registry FROM batch WHERE registry IS NOT NULL").fetchall()
    for (stored,) in out.execute("SELECT names FROM segment").fetchall():
        with contextlib.suppress(msgspec.MsgspecError):
            bodies += msgspec.msgpack.decode(stored, type=list[tuple[int, bytes]])
    for number, body in bodies:
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, TypeError):
            entry = msgspec.msgpack.decode(body, type=RegistryEntry)
            out.executemany(sources, entry.sources)
            out.executemany(
                streams,
                [(d.id, d.source, d.name, int(d.text), number, d.unit) for d in entry.datastreams],
            )
            out.executemany(
                "INSERT OR IGNORE INTO state_word VALUES(?,?,?)",
                [(s.datastream, s.code, s.text) for s in entry.states],
            )
    known = {name: number for number, name in out.execute("SELECT id, name FROM source")}
    with contextlib.suppress(sqlite3.DatabaseError), _old(folder / CITY) as city:
        for meta in facts.current(city, facts.META, Datastream).values():
            if meta.source in known:
                row = (meta.id, known[meta.source], meta.name, int(bool(meta.states)), 0, meta.unit)
                out.execute(streams, row)
    for table in ("message", "account", "life", "key_span", "datastream"):
        out.execute(
            f"INSERT OR IGNORE INTO source SELECT DISTINCT source, 'lost-' || source FROM {table}"
            " WHERE source >= 0"
        )


# ---------------------------------------------------------------------- what is lost
def _lost_batches(out: sqlite3.Connection, folder: Path) -> list[str]:
    """Stretches of batches whose head or points did not come over."""
    heads = {
        n: (wall, count)
        for n, wall, count in out.execute("SELECT number, wall_ms, count FROM batch")
    }
    bodies = {n for (n,) in out.execute("SELECT number FROM body")}
    sealed = int(out.execute("SELECT coalesce(max(to_batch),0) FROM segment").fetchone()[0])
    last = max([*heads, last_seen(folder, BATCHES)], default=0)
    bad = [
        n
        for n in range(sealed + 1, last + 1)
        if n not in heads or (heads[n][1] > 0 and n not in bodies)
    ]
    return [_words(first, end, heads) for first, end in _stretches(bad)]


def _words(first: int, last: int, heads: dict[int, tuple[int, int]]) -> str:
    near = max((n for n in heads if n <= last), default=None)
    when = f", recorded about {iso(heads[near][0])[:16]}Z" if near is not None else ""
    which = f"batch {first}" if first == last else f"batches {first} to {last}"
    return which + when


def _stretches(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = previous = None
    for number in numbers:
        if first is None or previous is None:
            first = number
        elif number != previous + 1:
            yield first, previous
            first = number
        previous = number
    if first is not None and previous is not None:
        yield first, previous


def _lost_facts(out: sqlite3.Connection, folder: Path) -> list[str]:
    found = {n for (n,) in out.execute("SELECT n FROM fact")}
    last = max([*found, last_seen(folder, FACTS)], default=0)
    bad = [n for n in range(1, last + 1) if n not in found]
    return [
        f"fact {a}" if a == b else f"facts {a} to {b}" for a, b in list(_stretches(bad))[:NOTED]
    ]


def _note(out: sqlite3.Connection, folder: Path, lost: list[str], kept: str) -> None:
    """Where `verify` looks."""
    shown = lost[:NOTED]
    if len(lost) > NOTED:
        shown.append(f"{len(lost) - NOTED} further stretches")
    for text in shown or ["no batch is known to be lost"]:
        words = f"{text}: damaged; the file was kept as {kept}"
        out.execute("INSERT OR IGNORE INTO about VALUES(?, ?)", (f"missing {words}", words))
