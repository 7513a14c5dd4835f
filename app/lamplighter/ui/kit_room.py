"""What the window knows of field kits: its origin, what waits, conflicts, the last merge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict
from lamplighter.domain.kit import KitReport, KitState

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk


class KitRoom(QObject):
    """Views read it and listen to its signals."""

    changed = Signal()
    """conflicts or the state"""
    done = Signal(object)
    """a `wire.KitDone`"""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.conflicts: tuple[Conflict, ...] = ()
        self.state = KitState()
        self.merged: KitReport | None = None
        """the last merge of this sitting"""
        self.merged_ms = 0

    def ask(self) -> None:
        """Everything anew, with a new session."""
        self._desk.ask(wire.GetConflicts(), self.take)
        self.ask_state()

    def ask_state(self) -> None:
        self._desk.ask(wire.GetKitState(), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of these things; others are left alone."""
        match news:
            case wire.Conflicts():
                self.conflicts = news.items
                if self.state.origin is not None:
                    self.ask_state()  # a change was made, and one more waits to go back
                self.changed.emit()
            case wire.KitIs():
                self.state = news.state
                self.changed.emit()
            case wire.KitDone():
                if news.report is not None and news.report.action == "merge":
                    self.merged, self.merged_ms = news.report, self._desk.clock.wall_ms()
                self.ask_state()
                self.done.emit(news)
            case _:
                pass

    def place(self, origin: str) -> str:
        """What a console calls itself; empty for a record's first state."""
        return self.state.places.get(origin, "")

    @property
    def mine(self) -> str:
        """Id of this console's store."""
        return self.state.store
