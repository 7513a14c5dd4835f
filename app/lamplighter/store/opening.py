"""Making the files of a project, and looking at them before anything is written to them."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path
from typing import Final

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LEFT_DAMAGED, fault
from lamplighter.store.connections import is_full, open_writing
from lamplighter.store.folder import AUDIT, CITY, FOLDERS, HISTORY, is_empty, refuse_remote
from lamplighter.store.schema import CITY_STEPS, HISTORY_STEPS, check_version, migrate

_STEPS: Final = {HISTORY: HISTORY_STEPS, CITY: CITY_STEPS}


def make_project(folder: Path, *, name: str, demo: bool, clock: Clock) -> None:
    """Make an empty project. Raises A-407 (folder not empty), A-406 (remote disk)."""
    if not is_empty(folder):
        raise fault("A-407", name=folder.name)
    refuse_remote(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for sub in FOLDERS:
        (folder / sub).mkdir()
    for file in _STEPS:
        _migrate(folder / file)
    _write_about(folder / HISTORY, name, demo, clock)
    (folder / AUDIT).touch(mode=0o600)


def prepare(folder: Path, *, write: bool) -> None:
    """Look at both files; bring them to this version when they will be written.

    Raises A-404 (not ours), NewerSchemaError (a newer version made it), sqlite3.Error.
    """
    for file in _STEPS:
        _check(folder / file)
    if write:
        for file in _STEPS:
            _migrate(folder / file)


def opening_fault(error: Exception, folder: Path) -> Exception:
    """What to tell when the files could not be opened: A-401, U-804 or A-402."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if isinstance(error, sqlite3.Error) and is_full(error):
        return fault("A-401", what="it was opened")
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY):
        return fault("U-804", name=folder.name, what=str(error))
    return fault("A-402", what=str(error), still=LEFT_DAMAGED)


def _write_about(file: Path, name: str, demo: bool, clock: Clock) -> None:
    sql = open_writing(file)
    try:
        sql.execute("BEGIN IMMEDIATE")
        sql.executemany(
            "INSERT INTO about VALUES(?,?)",
            [
                ("store_id", uuid.uuid4().hex),
                ("name", name),
                ("demo", "1" if demo else "0"),
                ("created_ms", str(clock.wall_ms())),
            ],
        )
        sql.execute("COMMIT")
    finally:
        sql.close()


def _check(file: Path) -> None:
    sql = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        if check_version(sql, _STEPS[file.name]) == 0:
            raise fault("A-404", name=file.parent.name, what=f"{file.name} is not ours")
    finally:
        sql.close()


def _migrate(file: Path) -> None:
    sql = open_writing(file)
    try:
        migrate(sql, _STEPS[file.name])
    finally:
        sql.close()
