"""What the window knows of expected values and anomalies; follows the desk's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.anomaly import Anomaly

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk

KEPT: Final = 500


class AnomalyRoom(QObject):
    """`items` by id, newest found last; views read them and listen to `changed`."""

    changed = Signal()
    state_changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.items: dict[str, Anomaly] = {}
        self.real = self.false = 0
        self.state = wire.ExpectedState()
        self.reasons = True
        """whether reasons are told in sentences; a person may turn that off"""

    def ask(self) -> None:
        """Everything anew, with a new session."""
        self._desk.ask(wire.GetAnomalies(limit=KEPT), self.take)
        self._desk.ask(wire.GetExpectedState(), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of these things; others are left alone."""
        match news:
            case wire.Anomalies():
                self.items = {a.id: a for a in reversed(news.items)}
                self.real, self.false = news.real, news.false
                self.changed.emit()
            case wire.AnomaliesChanged():
                for item in news.items:
                    before = self.items.get(item.id)
                    self._count(before, -1)
                    self._count(item, 1)
                    self.items[item.id] = item
                for name in list(self.items)[:-KEPT]:
                    del self.items[name]
                self.changed.emit()
            case wire.ExpectedState():
                self.state = news
                self.state_changed.emit()
            case _:
                pass

    def _count(self, item: Anomaly | None, by: int) -> None:
        if item is not None and item.verdict:
            if item.verdict == "real":
                self.real += by
            else:
                self.false += by

    def set_reasons(self, on: bool) -> None:
        """Tell reasons in sentences, or show the figures alone."""
        self.reasons = on
        self.changed.emit()

    def newest_first(self) -> list[Anomaly]:
        """Standing ones first, then by the time they were found."""
        return sorted(self.items.values(), key=lambda a: (not a.standing, -a.found_ms))

    def standing_at(self, asset: str) -> list[Anomaly]:
        """Those of an asset that last and that nobody has judged, the farthest off first."""
        mine = [a for a in self.items.values() if a.asset == asset and a.standing]
        return sorted(mine, key=lambda a: -a.score)
