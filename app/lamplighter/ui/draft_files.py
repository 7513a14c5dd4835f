"""What is being typed, as small files: a window that crashes leaves them for the next one.

One file a draft, readable by its owner only. A file belongs to the process that wrote it as long
as that process lives, so two windows never take each other's text.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Final

import msgspec

ENDING: Final = ".draft.json"
UNREADABLE: Final = ".unreadable"


class Draft(msgspec.Struct, frozen=True):
    """Text of one form that was not sent yet."""

    id: str
    project: str
    kind: str
    """which form: order, hand, aside, feed, register"""
    subject: str
    """what the form is about, in the form's own words"""
    title: str
    """for people: `work order for P-14`"""
    fields: dict[str, str]
    changed_ms: int
    """wall time of the last change that is in it"""
    pid: int = 0
    pid_since: float = 0.0
    """start of the process, seconds of the epoch: process numbers come again"""

    @property
    def longest(self) -> str:
        """The longest of its texts, for a glance."""
        return max(self.fields.values(), key=len, default="")


def new_id() -> str:
    """A name no other draft has."""
    return uuid.uuid4().hex


class DraftFiles:
    """The drafts of one project in a folder of the user."""

    def __init__(self, folder: Path, project: str) -> None:
        self._folder, self._project = folder, project
        self._me = (os.getpid(), _since(os.getpid()))
        self.unreadable = 0
        """files that were no drafts and were set aside by `left`"""

    def put(self, draft: Draft) -> None:
        """Keep it, in the place of its older state. Raises OSError."""
        pid, since = self._me
        whole = msgspec.structs.replace(draft, project=self._project, pid=pid, pid_since=since)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = self._folder / (draft.id + ENDING)
        fresh = target.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(msgspec.json.encode(whole))
        fresh.replace(target)

    def drop(self, ident: str) -> None:
        """Forget it; nothing happens when it is not there."""
        (self._folder / (ident + ENDING)).unlink(missing_ok=True)

    def left(self) -> list[Draft]:
        """Drafts of this project whose window is gone, the oldest first."""
        found: list[Draft] = []
        for file in sorted(self._folder.glob("*" + ENDING)):
            try:
                draft = msgspec.json.decode(file.read_bytes(), type=Draft)
            except msgspec.DecodeError:
                self._set_aside(file)
                continue
            except OSError:
                continue
            if draft.project == self._project and not _lives(draft.pid, draft.pid_since):
                found.append(draft)
        return sorted(found, key=lambda d: d.changed_ms)

    def _set_aside(self, file: Path) -> None:
        self.unreadable += 1
        try:
            file.replace(file.with_name(file.name + UNREADABLE))
        except OSError:
            return


def _since(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _lives(pid: int, since: float) -> bool:
    """Whether that very process still runs."""
    return pid > 0 and abs(_since(pid) - since) < 1.0
