"""What the window knows of suspect sensors and withheld datastreams; follows the desk's session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.suspicion import Suspect, Withheld

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk


class SuspicionRoom(QObject):
    """`lane` as it was told last; views listen to `changed`."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.lane = wire.Suspects((), ())

    def ask(self) -> None:
        """Everything anew, with a new session."""
        self._desk.ask(wire.GetSuspects(), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of the lane; others are left alone."""
        if isinstance(news, wire.Suspects):
            self.lane = news
            self.changed.emit()

    def withheld(self, key: str) -> Withheld | None:
        """Whether this datastream is withheld, and by whom."""
        return next((w for w in self.lane.withheld if w.key == key), None)

    def standing(self) -> list[Suspect]:
        """Suspicions that are seen now."""
        return [s for s in self.lane.items if s.standing]
