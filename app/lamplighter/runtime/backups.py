"""Backups as the verbs and the recorder take them, and restores that prove what they bring back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.governance.audit import verify as verify_audit_file
from lamplighter.governance.keys import earlier_keys, retire, signing_key
from lamplighter.runtime import offline_audit
from lamplighter.runtime.feeds import stored_feeds
from lamplighter.runtime.project import opened
from lamplighter.sources.feed import MASK
from lamplighter.store import Store
from lamplighter.store.backup import Steps, discard, take_backup, unpack_backup
from lamplighter.store.folder import FolderLock

TAKE: Final = "take backup"
RESTORE: Final = "restore backup"
PLAIN: Final = (
    "The file is not encrypted: the console's private key was left out, and whoever has the file "
    "can read everything else in it."
)
PASSWORDS: Final = (
    "The secrets of {n} feed address(es) are not in it; give them again after a restore."
)
LAST: Final = "cache/last-backup.json"
NEW_KEY: Final = (
    "The backup holds no private key: this console has a new one. Give devices its new public key "
    "(keys/console.pub), or they refuse its commands."
)


def backup(store: Store, file: Path, passphrase: str, steps: Steps) -> dict[str, Any]:
    """Take a backup of an open project; what `backup --json` prints."""
    begun = time.monotonic()
    taken = take_backup(store.folder, file, passphrase=passphrase, clock=SystemClock(), steps=steps)
    _remember(store.folder, file, taken.bytes, bool(passphrase))
    warnings = list(taken.warnings)
    if not passphrase:
        warnings.append(PLAIN)
        secret = sum(1 for feed in stored_feeds(store) if MASK in feed.url)
        if secret:
            warnings.append(PASSWORDS.format(n=secret))
    return {
        "out": str(file.absolute()),
        "bytes": taken.bytes,
        "seconds": round(time.monotonic() - begun, 3),
        "ok": True,
        "files": len(taken.manifest.files),
        "batch": taken.manifest.last_batch,
        "encrypted": bool(passphrase),
        "warnings": warnings,
    }


def _remember(project: Path, file: Path, size: int, encrypted: bool) -> None:
    """For the figures of storage; a project that cannot be written is backed up all the same."""
    note = wire.LastBackup(SystemClock().wall_ms(), str(file.absolute()), size, encrypted)
    with contextlib.suppress(OSError):
        (project / LAST).write_bytes(msgspec.json.encode(note))


def last_backup(project: Path) -> wire.LastBackup | None:
    """The newest backup taken on this machine; a restored project has none yet."""
    try:
        return msgspec.json.decode((project / LAST).read_bytes(), type=wire.LastBackup)
    except (OSError, msgspec.MsgspecError):
        return None


def backup_alone(project: Path, file: Path, passphrase: str, steps: Steps) -> dict[str, Any]:
    """The backup of a project nobody records; noted in its audit record like any other."""
    with opened(project) as store, _auditing(store) as note:
        result = backup(store, file, passphrase, steps)
        note(TAKE, result["out"], "encrypted" if passphrase else "not encrypted")
        return result


@contextlib.contextmanager
def _auditing(store: Store) -> Iterator[Callable[[str, str, str], None]]:
    """Writes one entry when it is asked to; a folder that cannot be written is still backed up."""
    lock: FolderLock | None = None
    with contextlib.suppress(LamplighterError, OSError):
        lock = FolderLock(store.folder, SystemClock())

    def note(action: str, object: str, result: str) -> None:
        if lock is not None:
            with contextlib.suppress(LamplighterError, OSError, sqlite3.Error):
                offline_audit.note(store.folder, action, object, result=result)

    try:
        yield note
    finally:
        if lock is not None:
            lock.release()


# ---------------------------------------------------------------------- bringing it back
def restore(file: Path, project: Path, passphrase: str, steps: Steps) -> dict[str, Any]:
    """Unpack a backup beside `project`, prove it whole, then give it its name.

    Every database's structure, every batch's hash and the audit record's chain and signatures are
    checked. Raises LamplighterError: A-407, A-406, A-409; nothing is left of a refused restore.
    A backup of a project that was damaged already is restored with `ok` false and its findings.
    """
    begun = time.monotonic()
    project = project.absolute()
    if project.exists() and (not project.is_dir() or any(project.iterdir())):
        raise fault("A-407", name=project.name)
    new = project.with_name(f".{project.name}.restoring")
    discard(new, keep=False)
    done = False
    try:
        manifest = unpack_backup(file, new, passphrase=passphrase, steps=steps)
        steps(0, 0, "checking every batch")
        found = drill(new)
        warnings = [NEW_KEY] if found.pop("new_key") else []
        whole = "whole" if found["ok"] else "with damage"
        offline_audit.note(new, RESTORE, str(file.absolute()), result=whole)
        if project.exists():
            project.rmdir()
        new.replace(project)
        done = True
    except OSError as error:
        raise fault("A-409", name=file.name, what=error.strerror or str(error)) from error
    finally:
        if not done:
            discard(new, keep=False)
    return {
        "project": str(project),
        "bytes": file.stat().st_size,
        "seconds": round(time.monotonic() - begun, 3),
        "made_ms": manifest.made_ms,
        "batch": manifest.last_batch,
        "warnings": [*warnings, *found.pop("findings")],
        **found,
    }


def drill(folder: Path) -> dict[str, Any]:
    """Whether a project just unpacked is whole: structure, batch hashes, facts, audit record."""
    keys = folder / "keys"
    new_key = retire(keys)
    with opened(folder) as store:
        history = store.verify()
    audit = verify_audit_file(folder / "audit.db", signing_key(keys), earlier_keys(keys))
    findings = [*history.findings]
    if not audit.ok:
        findings.append(f"audit record: entry {audit.first_bad}: {audit.why}")
    return {
        "ok": history.ok and audit.ok,
        "rows": history.rows,
        "audit_rows": msgspec.to_builtins(audit)["rows"],
        "findings": findings,
        "new_key": new_key,
    }
