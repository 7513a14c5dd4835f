"""Records that people work on together, as this window knows them: their edits, what it saw.

A form shows fields and remembers the heads of each as it showed them. What it sends names those
heads, so a change that somebody else made meanwhile becomes a conflict and is never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict, Edits, Value
from lamplighter.domain.maintenance import JobTemplate

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk

Heads = dict[str, tuple[str, ...]]
"""field -> ids of the edits that were shown"""


class Records(QObject):
    """Edits of the objects that are open in this window, conflicts of all, checklists."""

    changed = Signal(str)
    """name of an object whose edits are new here"""
    conflicts_changed = Signal()
    jobs_changed = Signal()
    attached = Signal(object)
    """an `Attachment` that was added or described anew"""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._of: dict[str, Edits] = {}
        self._wanted: dict[str, int] = {}
        self.conflicts: tuple[Conflict, ...] = ()
        self.jobs: tuple[JobTemplate, ...] = ()

    def ask(self) -> None:
        """At the beginning of a session, and again for what is open after a new one."""
        self._desk.ask(wire.GetConflicts(), self.take)
        self._desk.ask(wire.GetJobs(), self.take)
        for object in self._wanted:
            self.look(object)

    # ---------------------------------------------------------------- reading
    def open(self, object: str) -> None:
        """A form shows this object: follow it."""
        self._wanted[object] = self._wanted.get(object, 0) + 1
        self.look(object)

    def leave(self, object: str) -> None:
        """A form let go of it."""
        left = self._wanted.get(object, 0) - 1
        if left > 0:
            self._wanted[object] = left
        else:
            self._wanted.pop(object, None)
            self._of.pop(object, None)

    def look(self, object: str) -> None:
        """Ask for an object's edits."""
        self._desk.ask(wire.GetEdits(object), self.take)

    def edits(self, object: str) -> Edits:
        """What is known of it here; empty until the answer came."""
        return self._of.get(object) or Edits()

    def heads(self, object: str, fields: Iterable[str]) -> Heads:
        """What a form that shows these fields now has seen; empty for a record without edits."""
        edits = self._of.get(object)
        if edits is None or not len(edits):
            return {}
        return {f: tuple(sorted(h.id for h in edits.heads(object, f))) for f in fields}

    # ---------------------------------------------------------------- changing
    def change(
        self,
        object: str,
        changes: Mapping[str, Value],
        *,
        reason: str = "",
        seen: Heads | None = None,
        done: Callable[[wire.Reply], None] | None = None,
        second: str = "",
    ) -> None:
        """Send changes of fields with what was seen of them."""
        asked = wire.EditFields(object, dict(changes), reason, dict(seen or {}), second)
        self._desk.ask(asked, done)

    # ---------------------------------------------------------------- news
    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of these things; others are left alone."""
        match news:
            case wire.EditHistory(object, edits):
                if object in self._wanted:
                    self._of[object] = Edits(edits)
                    self.changed.emit(object)
            case wire.Edited(object):
                if object in self._wanted:
                    self.look(object)
            case wire.Conflicts(items):
                if items != self.conflicts:
                    self.conflicts = items
                    self.conflicts_changed.emit()
            case wire.Jobs(items):
                self.jobs = items
                self.jobs_changed.emit()
            case wire.AttachmentChanged(item):
                self.attached.emit(item)
            case _:
                pass
