"""The audit record: append-only, hash-chained, its heads signed, on disk before anything is sent.

Own small file with `synchronous=FULL`. Entry hash = SHA-256(0x00 || previous || entry); a head is
an Ed25519 signature over (number, hash), made every `HEAD_EVERY` entries or `HEAD_MS`.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lamplighter.domain.clock import Clock, iso
from lamplighter.domain.command import AuditEntry
from lamplighter.domain.problems import fault
from lamplighter.governance.reserve import Reserve

HEAD_EVERY: Final = 100
HEAD_MS: Final = 60_000
_ZERO: Final = bytes(32)
_LEAF: Final = b"\x00"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
  seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS head (
  seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, signature BLOB NOT NULL, signed_ms INTEGER NOT NULL
) STRICT;
"""


class AuditVerdict(msgspec.Struct, frozen=True):
    """What `verify` found: `first_bad` is the number of the first entry that does not hold."""

    ok: bool
    rows: int
    first_bad: int | None
    why: str = ""


class AuditFile:
    """One project's audit record. Thread-safe; `record` returns after the commit."""

    def __init__(
        self,
        file: Path,
        key: Ed25519PrivateKey,
        clock: Clock,
        host: str,
        reserve: Reserve | None = None,
    ) -> None:
        """`reserve`: room given back piece by piece when the disk is full."""
        self._reserve = reserve
        self._clock = clock
        self._key = key
        self._host = host
        self._lock = threading.Lock()
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        row = self._db.execute("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq, self._hash = (int(row[0]), bytes(row[1])) if row else (0, _ZERO)
        self._head_ms = clock.monotonic_ms()

    def record(
        self,
        *,
        actor: str,
        role: str,
        action: str,
        object: str,
        before: str = "",
        after: str = "",
        reason: str = "",
        approvers: tuple[str, ...] = (),
        result: str = "",
    ) -> int:
        """Write one entry; returns its number. Raises LamplighterError (A-401) when it cannot."""
        return self._add([(actor, role, action, object, before, after, reason, approvers, result)])

    def record_many(
        self, objects: Iterable[str], *, actor: str, role: str, action: str, reason: str = ""
    ) -> int:
        """One entry per object, all of them in one commit; returns the last number.

        Raises LamplighterError (A-401) when they cannot be written; then none is.
        """
        return self._add([(actor, role, action, o, "", "", reason, (), "done") for o in objects])

    def _add(self, lines: Sequence[tuple[Any, ...]]) -> int:
        with self._lock:
            seq, digest, rows = self._seq, self._hash, []
            wall = self._clock.wall_ms()
            for line in lines:
                seq += 1
                body = msgspec.json.encode(self._entry(seq, line))
                digest = _chain(digest, body)
                rows.append((seq, body, digest))
            while not self._write(rows):
                if self._reserve is None or not self._reserve.release():
                    raise fault("A-401", what=iso(wall))
            self._seq, self._hash = seq, digest
            return seq

    def _entry(self, seq: int, line: tuple[Any, ...]) -> AuditEntry:
        actor, role, action, object, before, after, reason, approvers, result = line
        return AuditEntry(
            seq=seq,
            wall_ms=self._clock.wall_ms(),
            monotonic_ms=self._clock.monotonic_ms(),
            actor=actor,
            role=role,
            host=self._host,
            action=action,
            object=object,
            before=before,
            after=after,
            reason=reason,
            approvers=approvers,
            result=result,
        )

    def _write(self, rows: Sequence[tuple[int, bytes, bytes]]) -> bool:
        """One transaction; False when it could not be written."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for seq, body, digest in rows:
                self._db.execute("INSERT INTO entry VALUES (?,?,?)", (seq, body, digest))
                if self._head_due(seq):
                    self._sign(seq, digest)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return False
        return True

    def _head_due(self, seq: int) -> bool:
        return seq % HEAD_EVERY == 0 or self._clock.monotonic_ms() - self._head_ms >= HEAD_MS

    def _sign(self, seq: int, digest: bytes) -> None:
        signature = self._key.sign(_head_bytes(seq, digest))
        self._db.execute(
            "INSERT OR REPLACE INTO head VALUES (?,?,?,?)",
            (seq, digest, signature, self._clock.wall_ms()),
        )
        self._head_ms = self._clock.monotonic_ms()

    def close(self) -> None:
        """Sign the last entry and close."""
        with self._lock:
            if self._seq:
                # a full disk keeps the last head from being signed, never the file from closing
                with contextlib.suppress(sqlite3.Error):
                    self._sign(self._seq, self._hash)
            self._db.close()


def newest_entries(file: Path, limit: int = 1000) -> list[AuditEntry]:
    """The newest entries of an audit file, newest first; reads only."""
    if not file.exists():
        return []
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT body FROM entry ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        db.close()
    return [msgspec.json.decode(row[0], type=AuditEntry) for row in rows]


def verify(
    file: Path, key: Ed25519PrivateKey, earlier: Sequence[Ed25519PublicKey] = ()
) -> AuditVerdict:
    """Walk the chain and every signed head of an audit file; reads only.

    `earlier`: keys this console signed with before it was restored without its own.
    """
    if not file.exists():
        return AuditVerdict(True, 0, None, "no entries yet")
    db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return _walk(db, (key.public_key(), *earlier))
    except sqlite3.Error as error:
        return AuditVerdict(False, 0, 1, f"the file is damaged: {error}")
    finally:
        db.close()


def _walk(db: sqlite3.Connection, keys: Sequence[Ed25519PublicKey]) -> AuditVerdict:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name='entry'").fetchone():
        return AuditVerdict(True, 0, None, "no entries yet")
    heads = {int(r[0]): (bytes(r[1]), bytes(r[2])) for r in db.execute("SELECT * FROM head")}
    previous, count = _ZERO, 0
    for seq, body, digest in db.execute("SELECT seq, body, hash FROM entry ORDER BY seq"):
        count += 1
        if seq != count:
            return AuditVerdict(False, count, count, "an entry is missing")
        previous = _chain(previous, bytes(body))
        if previous != bytes(digest):
            return AuditVerdict(False, count, seq, "an entry was changed")
        head = heads.pop(seq, None)
        if head is not None and not _head_holds(keys, seq, previous, *head):
            return AuditVerdict(False, count, seq, "a signed head does not match")
    if heads:
        return AuditVerdict(False, count, count + 1, "entries after the last one were removed")
    return AuditVerdict(True, count, None)


def _head_holds(
    keys: Sequence[Ed25519PublicKey], seq: int, digest: bytes, stored: bytes, signature: bytes
) -> bool:
    return stored == digest and any(_signed(k, seq, digest, signature) for k in keys)


def _signed(key: Ed25519PublicKey, seq: int, digest: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, _head_bytes(seq, digest))
    except InvalidSignature:
        return False
    return True


def _chain(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(_LEAF + previous + body).digest()


def _head_bytes(seq: int, digest: bytes) -> bytes:
    return b"lamplighter audit head\x00" + seq.to_bytes(8, "big") + digest
