"""What the window knows of the control room beside the alarms: the horn all consoles share, planned
works, whom to call, and news of rules and trials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from lamplighter.domain import wire
from lamplighter.domain.alarm_design import PlannedWork
from lamplighter.domain.alarm_report import Annunciator

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk


class AlarmRoom(QObject):
    """Follows the desk's session from its beginning; views read it and listen to its signals."""

    horn_changed = Signal()
    design_changed = Signal()
    rules_changed = Signal()
    trial_done = Signal(object)
    """a `wire.TrialDone`"""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.horn = Annunciator()
        self.design = wire.AlarmDesign((), (), (), ())

    def ask(self) -> None:
        """Everything anew, with a new session."""
        self._desk.ask(wire.GetAnnunciator(), self.take)
        self._desk.ask(wire.GetAlarmDesign(), self.take)

    def take(self, news: wire.Reply | wire.Event) -> None:
        """An answer or an event of these things; others are left alone."""
        match news:
            case wire.AnnunciatorState():
                if news.state != self.horn:
                    self.horn = news.state
                    self.horn_changed.emit()
            case wire.AlarmDesign():
                self.design = news
                self.design_changed.emit()
            case wire.RulesChanged():
                self.rules_changed.emit()
            case wire.TrialDone():
                self.trial_done.emit(news)
            case _:
                pass

    def silence(self) -> None:
        """Quiet on every console until the next alarm."""
        self._desk.ask(wire.SilenceHorn())

    def works(self, now_ms: int) -> list[PlannedWork]:
        """Works that run now or are still to come, the next one first."""
        return sorted(
            (w for w in self.design.works if w.to_ms > now_ms), key=lambda w: (w.from_ms, w.id)
        )
