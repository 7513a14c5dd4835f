"""The tables of a project, as numbered steps: a schema change happens whole or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

HISTORY_STEPS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE about(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE source(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE datastream(
        id INTEGER PRIMARY KEY, source INTEGER NOT NULL, name TEXT NOT NULL,
        text INTEGER NOT NULL, batch INTEGER NOT NULL, unit TEXT NOT NULL);
    CREATE TABLE state_word(
        datastream INTEGER NOT NULL, code INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY(datastream, code)) WITHOUT ROWID;
    CREATE TABLE batch(
        number INTEGER PRIMARY KEY, wall_ms INTEGER NOT NULL, monotonic_ns INTEGER NOT NULL,
        previous BLOB NOT NULL, hash BLOB NOT NULL, count INTEGER NOT NULL,
        messages INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        registry BLOB, origin_store TEXT, origin_batch INTEGER, origin_wall_ms INTEGER);
    CREATE TABLE setback(batch INTEGER PRIMARY KEY);
    CREATE INDEX batch_by_time ON batch(last_ms, first_ms);
    CREATE TABLE body(number INTEGER PRIMARY KEY, points BLOB NOT NULL);
    CREATE TABLE message(
        id INTEGER PRIMARY KEY, source INTEGER NOT NULL, epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL, hash64 INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        points INTEGER NOT NULL);
    CREATE UNIQUE INDEX message_key ON message(source, epoch, seq);
    CREATE TABLE key_span(
        source INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL,
        last INTEGER NOT NULL, PRIMARY KEY(source, epoch, first)) WITHOUT ROWID;
    CREATE TABLE account(
        source INTEGER PRIMARY KEY, received INTEGER NOT NULL, stored INTEGER NOT NULL,
        duplicate INTEGER NOT NULL, quarantined INTEGER NOT NULL, refused INTEGER NOT NULL);
    CREATE TABLE gap(
        source INTEGER NOT NULL, epoch INTEGER NOT NULL, first INTEGER NOT NULL,
        last INTEGER NOT NULL, found_ms INTEGER NOT NULL, after_ms INTEGER NOT NULL,
        before_ms INTEGER NOT NULL, state TEXT NOT NULL, batch INTEGER NOT NULL,
        PRIMARY KEY(source, epoch, first, last)) WITHOUT ROWID;
    CREATE TABLE life(
        source INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, first_seq INTEGER NOT NULL,
        next_seq INTEGER NOT NULL, heartbeat_s REAL NOT NULL, retains INTEGER NOT NULL,
        offline INTEGER NOT NULL, heard_ms INTEGER NOT NULL, batch INTEGER NOT NULL);
    CREATE TABLE quarantine(
        n INTEGER PRIMARY KEY, batch INTEGER NOT NULL, source INTEGER NOT NULL,
        topic TEXT NOT NULL, received_ms INTEGER NOT NULL, code TEXT NOT NULL,
        reason TEXT NOT NULL, points INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE quarantine_total(
        code TEXT PRIMARY KEY, entries INTEGER NOT NULL, points INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE flush(
        n INTEGER PRIMARY KEY, tier INTEGER NOT NULL, from_batch INTEGER NOT NULL,
        to_batch INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        merged INTEGER NOT NULL);
    CREATE INDEX flush_by_tier ON flush(tier, to_batch);
    CREATE TABLE cells(
        flush INTEGER NOT NULL, kind INTEGER NOT NULL, part INTEGER NOT NULL,
        body BLOB NOT NULL, PRIMARY KEY(flush, kind, part)) WITHOUT ROWID;
    CREATE TABLE snapshot(
        batch INTEGER PRIMARY KEY, cut_ms INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE INDEX snapshot_by_cut ON snapshot(cut_ms, batch);
    CREATE TABLE segment(
        name TEXT PRIMARY KEY, from_batch INTEGER NOT NULL, to_batch INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, hash BLOB NOT NULL,
        head BLOB NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE segment ADD COLUMN tier INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN first_wall_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN last_wall_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN points INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN previous BLOB NOT NULL DEFAULT x'';
    ALTER TABLE segment ADD COLUMN names BLOB NOT NULL DEFAULT x'';
    ALTER TABLE segment ADD COLUMN roots BLOB NOT NULL DEFAULT x'';
    ALTER TABLE segment ADD COLUMN signature BLOB NOT NULL DEFAULT x'';
    ALTER TABLE segment ADD COLUMN note BLOB NOT NULL DEFAULT x'';
    """,
    """
    CREATE TABLE origin(
        batch INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        store TEXT NOT NULL, origin_batch INTEGER NOT NULL, origin_wall_ms INTEGER NOT NULL,
        PRIMARY KEY(batch, first)) WITHOUT ROWID;
    """,
    """
    CREATE TABLE day(
        day INTEGER NOT NULL, source INTEGER NOT NULL, points INTEGER NOT NULL DEFAULT 0,
        late INTEGER NOT NULL DEFAULT 0, uncertain INTEGER NOT NULL DEFAULT 0,
        bad INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0,
        spans BLOB, PRIMARY KEY(day, source)) WITHOUT ROWID;
    """,
)
"""Batch bodies lie apart from their heads, so that looking over the heads reads no points.
`setback` names the batches whose wall time lies before that of the batch before them. `segment` is
the catalogue of the sealed files: batches up to the last one it names are read from there.
`origin`: messages first..last (their places in the batch) were recorded by another store first.
"""

CITY_STEPS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE fact(
        n INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, batch INTEGER NOT NULL,
        wall_ms INTEGER NOT NULL, body BLOB, hash BLOB NOT NULL);
    CREATE INDEX fact_by_key ON fact(kind, key, n);
    """,
)
"""Everything about the city is a fact with the batch it was learned at; no body = removed."""


class NewerSchemaError(Exception):
    """The file was written by a newer version; it was not touched."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"schema {found}, this version knows {known}")


def check_version(connection: sqlite3.Connection, steps: Sequence[str]) -> int:
    """The file's schema number. Raises NewerSchemaError, having changed nothing."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(steps):
        raise NewerSchemaError(found, len(steps))
    return found


def migrate(connection: sqlite3.Connection, steps: Sequence[str]) -> None:
    """Bring an open file (isolation_level None) to the last step; one transaction for all steps.

    Raises NewerSchemaError, or sqlite3.Error with the file as it was.
    """
    found = check_version(connection, steps)
    if found == len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[found:]:
            for statement in _statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(step: str) -> list[str]:
    """Split by semicolons that end a statement (`executescript` would commit by itself)."""
    found: list[str] = []
    text = ""
    for piece in step.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            if text.strip(" \n\t;"):
                found.append(text)
            text = ""
    return found
