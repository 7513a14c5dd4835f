"""Keeping a project safe: backups taken while it is recorded."""

from __future__ import annotations

from lamplighter.domain.problems import Problem
from lamplighter.domain.wire.message import Message


class TakeBackup(Message, frozen=True):
    """Copy the project into one file; a task, ended by a `BackupDone` event."""

    file: str
    passphrase: str = ""
    """encrypts the file and lets the console's private key into it"""


class BackupDone(Message, frozen=True):
    """How a backup ended; there is no `problem` when it was made and read back."""

    task: int
    out: str
    bytes: int = 0
    seconds: float = 0.0
    files: int = 0
    batch: int = 0
    encrypted: bool = False
    warnings: tuple[str, ...] = ()
    problem: Problem | None = None


Request = TakeBackup
Event = BackupDone
