"""Opens a project for recording whatever state its disk and its files are in."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.reserve import RESERVE, Reserve
from lamplighter.governance.roles import local_identity
from lamplighter.store import Store
from lamplighter.store.damage import PARTS, SetAside, damaged_files, finish, set_aside, words_of
from lamplighter.store.folder import AUDIT, CITY, HISTORY, FolderLock

log = structlog.get_logger(__name__)
DAMAGED: Final = "A-402"


def open_store(project: Path, clock: Clock) -> tuple[Store, list[Problem]]:
    """The store, for writing, and what has to be told about it.

    Damaged files are set aside and a new one goes on with what could be read; on a full disk the
    reserve gives the little room that this takes. Raises LamplighterError as `Store.open` does.
    """
    told: list[Problem] = []
    if any((project / f"{name}.new").exists() for name in (HISTORY, CITY)):
        finish(project)
    if _is_ours(project) and damaged_files(project):
        told.append(set_damaged_aside(project, clock))
    try:
        return Store.open(project, write=True, clock=clock), told
    except LamplighterError as error:
        if error.problem.code == DAMAGED:
            told.append(set_damaged_aside(project, clock, thorough=True))
        elif error.problem.code != "A-401" or not _give_room(project):
            raise
        return Store.open(project, write=True, clock=clock), told


def set_damaged_aside(project: Path, clock: Clock, *, thorough: bool = False) -> Problem:
    """Keep what is damaged, go on with the rest. Raises LamplighterError: A-403 when somebody else
    writes, A-402 when the files cannot be replaced.
    """
    lock = FolderLock(project, clock)
    try:
        found = [set_aside(project, name) for name in damaged_files(project, thorough=thorough)]
    except (OSError, sqlite3.Error) as error:
        still = f"It could not be set aside ({error}). Free space and record again."
        raise fault(DAMAGED, what=project.name, still=still) from error
    finally:
        lock.release()
    return problem_of(found)


def problem_of(found: list[SetAside]) -> Problem:
    """The message about files that were set aside."""
    what, still = words_of(found)
    return problem(DAMAGED, what=what, still=still)


def _is_ours(project: Path) -> bool:
    """At least one of the two databases is there and is, or was, one of ours: an empty file beside
    a sound one is damage, two empty files are no project.
    """
    files = [project / HISTORY, project / CITY]
    return all(f.exists() for f in files) and any(f.stat().st_size for f in files)


def _give_room(project: Path) -> bool:
    file = project / RESERVE
    with contextlib.suppress(OSError):
        held = file.stat().st_size
        if held:
            os.truncate(file, held // 2)
            return True
    return False


def open_audit(
    project: Path, key: Ed25519PrivateKey, clock: Clock, host: str, reserve: Reserve
) -> tuple[AuditFile, list[Problem]]:
    """The audit record. One that cannot be read is kept, and a new one begins by saying so."""
    file = project / AUDIT
    try:
        return AuditFile(file, key, clock, host, reserve), []
    except sqlite3.OperationalError as error:
        if not reserve.release():
            raise fault("A-401", what="it was opened") from error
        return AuditFile(file, key, clock, host, reserve), []
    except sqlite3.DatabaseError as error:
        number = 1
        while (kept := project / f"audit.damaged-{number}").exists():
            number += 1
        for part in PARTS:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{file}{part}").replace(f"{kept}{part}")
        log.error("audit record damaged", kept=kept.name, why=str(error))
        audit = AuditFile(file, key, clock, host, reserve)
        who = local_identity()
        audit.record(
            actor=who.user,
            role=who.role.value,
            action="begin a new audit record",
            object=AUDIT,
            reason=f"the one before is damaged ({error}) and was kept as {kept.name}",
            result="done",
        )
        found = SetAside(AUDIT, kept.name, "its entries are in the kept file alone")
        return audit, [problem_of([found])]
