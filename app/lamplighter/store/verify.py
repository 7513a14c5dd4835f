"""Reads everything and checks every hash: a changed byte is found and located, never repaired."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from lamplighter.domain.city import Datastream
from lamplighter.store import blob, facts, sealed
from lamplighter.store.batches import last_number
from lamplighter.store.commit import MESSAGES_PER_BATCH
from lamplighter.store.registry import RegistryEntry
from lamplighter.store.verify_sealed import Check, Found, check_segments
from lamplighter.store.witness import BATCHES, FACTS, last_seen

GONE: Final = "missing"


class VerifyReport(Struct, frozen=True):
    """`rows`: points that were checked and are as they were written."""

    ok: bool
    rows: int
    first_bad: str | None = None
    """where the first damage lies, in words; None when all is well"""
    findings: tuple[str, ...] = ()
    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0
    expired: tuple[str, ...] = ()
    """what is gone by the project's own rule, in words"""
    bad_batches: tuple[int, ...] = ()
    """batches whose points are not what was written"""


def verify(
    history: sqlite3.Connection,
    city: sqlite3.Connection,
    folder: Path,
    check: Check | None = None,
) -> VerifyReport:
    """`check` tells whether this console signed something; without it signatures are not looked
    at.
    """
    found = Found()
    findings = found.findings
    sums: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    with _finding(findings, "segments"):
        check_segments(history, found, check)
    with contextlib.ExitStack() as stack:
        with _finding(findings, "batches"):
            while True:
                check_segments(history, found, check)
                history.execute("BEGIN")
                if sealed.border(history) <= found.last:
                    stack.callback(history.execute, "COMMIT")
                    break
                history.execute("COMMIT")
        _batches(history, found)
        with _finding(findings, "names"):
            _names(history, city, findings)
        with _finding(findings, "history.db"):
            rows = history.execute("SELECT value FROM about WHERE key LIKE 'missing%'")
            findings += [text for (text,) in rows]
            findings += missing(history, city, folder)
            found.bad.update(range(last_number(history) + 1, last_seen(folder, BATCHES) + 1))
            _structure(history, "history.db", findings)
        with _finding(findings, "accounts"):
            sums = history.execute(
                "SELECT coalesce(sum(received),0), coalesce(sum(stored),0),"
                " coalesce(sum(duplicate),0), coalesce(sum(quarantined),0),"
                " coalesce(sum(refused),0) FROM account"
            ).fetchone()
            if sums[0] != sum(sums[1:]):
                findings.append("accounts: the sums do not add up")
            if not findings and sums[1] != found.stored:
                text = f"{sums[1]} points counted as stored, {found.stored} are there"
                findings.append(f"accounts: {text}")
    with _finding(findings, "city.db"):
        _facts(city, findings)
        _structure(city, "city.db", findings)
    first = findings[0] if findings else None
    return VerifyReport(
        not findings,
        found.rows,
        first,
        tuple(findings),
        *sums,
        expired=tuple(found.expired),
        bad_batches=tuple(sorted(found.bad)),
    )


@contextlib.contextmanager
def _finding(findings: list[str], where: str):  # type: ignore[no-untyped-def]
    try:
        yield
    except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
        findings.append(f"{where}: {error}")


def _structure(sql: sqlite3.Connection, name: str, findings: list[str]) -> None:
    for (text,) in sql.execute("PRAGMA integrity_check(5)"):
        if text != "ok":
            findings.append(f"{name}: {text}")


def _batches(sql: sqlite3.Connection, found: Found) -> None:
    """The hot batches after the sealed ones."""
    findings = found.findings
    last = found.last
    with _finding(findings, "batches"):
        last = int(sql.execute("SELECT coalesce(max(number),0) FROM batch").fetchone()[0])
    previous = found.head
    passed = 0
    for number in range(found.last + 1, last + 1):
        if number <= passed:
            continue
        before = len(findings)
        with _finding(findings, f"batch {number}"):
            count, hash_, why = _batch(sql, number, previous)
            previous = hash_
            found.stored += count
            if why == GONE:
                passed = _end_of_hole(sql, number)
                found.bad.update(range(number, passed + 1))
                why += f", up to batch {passed}" if passed > number else ""
            if why:
                findings.append(f"batch {number}: {why}")
            elif len(findings) == before:
                found.rows += count
        if len(findings) > before:
            found.bad.add(number)
            previous = None


def _end_of_hole(sql: sqlite3.Connection, number: int) -> int:
    """The last of the missing batches that begin with `number`."""
    row = sql.execute("SELECT min(number) FROM batch WHERE number>?", (number,)).fetchone()
    return number if row[0] is None else int(row[0]) - 1


def _batch(
    sql: sqlite3.Connection, number: int, previous: bytes | None
) -> tuple[int, bytes | None, str]:
    head = sql.execute(
        "SELECT wall_ms, monotonic_ns, count, messages, first_ms, last_ms, previous, hash,"
        " registry FROM batch WHERE number=?",
        (number,),
    ).fetchone()
    if head is None:
        return 0, None, GONE
    row = sql.execute("SELECT points FROM body WHERE number=?", (number,)).fetchone()
    base = number * MESSAGES_PER_BATCH
    messages = sql.execute(
        "SELECT source, epoch, seq, hash64, received_ms, points FROM message"
        " WHERE id>=? AND id<? ORDER BY id",
        (base, base + MESSAGES_PER_BATCH),
    ).fetchall()
    body = row[0] if row else b""
    digest = blob.chain(head[6], (number, *head[:6]), blob.message_bytes(messages), body, head[8])
    if digest != head[7]:
        return head[2], head[7], "its bytes are not what was written"
    if previous is not None and head[6] != previous:
        return head[2], head[7], "it does not follow the batch before it"
    points = blob.decode(body) if body else None
    if (0 if points is None else len(points)) != head[2]:
        return head[2], head[7], "it does not hold the points it counts"
    return head[2], head[7], ""


def _facts(sql: sqlite3.Connection, findings: list[str]) -> None:
    previous = b""
    for n, kind, key, batch, wall_ms, body, hash_ in sql.execute(
        "SELECT n, kind, key, batch, wall_ms, body, hash FROM fact ORDER BY n"
    ):
        if facts.fact_hash(previous, kind, key, batch, wall_ms, body) != hash_:
            findings.append(f"city.db: fact {n} ({kind} {key}) is not what was written")
            return
        previous = hash_


def _names(sql: sqlite3.Connection, city: sqlite3.Connection, findings: list[str]) -> None:
    """Every registered name must stand in the hashed registry of a batch or in a fact."""
    streams: set[tuple[int, str]] = set()
    sources: set[str] = set()
    words: set[tuple[int, int, str]] = set()
    bodies = [b for (b,) in sql.execute("SELECT registry FROM batch WHERE registry IS NOT NULL")]
    for (stored,) in sql.execute("SELECT names FROM segment WHERE state<>'merged'"):
        bodies += [b for _, b in msgspec.msgpack.decode(stored, type=list[tuple[int, bytes]])]
    for body in bodies:
        entry = msgspec.msgpack.decode(body, type=RegistryEntry)
        sources.update(name for _, name in entry.sources)
        streams.update((d.id, d.name) for d in entry.datastreams)
        words.update((w.datastream, w.code, w.text) for w in entry.states)
    for meta in facts.current(city, facts.META, Datastream).values():
        sources.add(meta.source)
        streams.add((meta.id, meta.name))
    for number, name in sql.execute("SELECT id, name FROM source ORDER BY id"):
        if name not in sources:
            findings.append(f"names: source {number} is not what was written")
    for number, name in sql.execute("SELECT id, name FROM datastream ORDER BY id"):
        if (number, name) not in streams:
            findings.append(f"names: datastream {number} is not what was written")
    findings += [
        f"names: a word of datastream {row[0]} is not what was written"
        for row in sql.execute("SELECT datastream, code, text FROM state_word")
        if row not in words
    ]


def missing(history: sqlite3.Connection, city: sqlite3.Connection, folder: Path) -> list[str]:
    """What was stored once and is gone: the last ones leave no hole in the numbers."""
    found = []
    seen, last = last_seen(folder, BATCHES), last_number(history)
    if seen > last:
        found.append(f"batch {last + 1}: missing, up to batch {seen}")
    seen, last = last_seen(folder, FACTS), facts.last_number(city)
    if seen > last:
        found.append(f"city.db: fact {last + 1}: missing, up to fact {seen}")
    return found
