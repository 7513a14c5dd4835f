"""The moments of a replay: asked for one at a time, and only the newest wish counts.

While the hand is still moving, the recorder is asked again only when its last answer is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from PySide6.QtCore import QObject, QTimer

from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.ui.time_model import Mode

if TYPE_CHECKING:
    from lamplighter.ui.desk import Desk

Work: TypeAlias = tuple[tuple[Prognosis, ...], tuple[WorkOrder, ...]]
"""forecasts and orders"""
WARM_MS: Final = 60_000
WARM_AFTER_MS: Final = 15_000


class Moments(QObject):
    """Follows the time of one desk."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.shown: wire.Moment | None = None
        self.seek_ms: int | None = None
        """how long the last moment took from the question to its values"""
        self._asking = False
        self._want_ms: int | None = None
        self._asked_at_ms = 0
        self._warmed = False
        self._told_work: Work = ((), ())
        self._warm_later = QTimer(self, interval=WARM_AFTER_MS, singleShot=True)
        self._warm_later.timeout.connect(self.warm)
        self._ask_later = QTimer(self, interval=0, singleShot=True)
        self._ask_later.timeout.connect(self._ask)
        desk.time.changed.connect(self._time_moved)

    @property
    def on_its_way(self) -> bool:
        """Whether a moment was asked for and is not there yet."""
        return self._asking or self._want_ms is not None

    def connected(self) -> None:
        """A recorder is there. What the one before was asked for may never have come."""
        self._warmed = False
        self._warm_later.start()
        if self._desk.time.mode is Mode.REPLAY:
            self._time_moved()

    def lost(self) -> None:
        """The recorder went away, and its answer with it."""
        self._asking = False

    def warm(self) -> None:
        """Lets the recorder look up a moment that is not shown, so that the first one that is
        shown finds files, names and key-frames at hand.
        """
        session, time = self._desk.session, self._desk.time
        if session is not None and not self._warmed and time.mode is Mode.LIVE:
            self._warmed = True
            session.ask(wire.GetMoment(time.wall_ms - WARM_MS), lambda _: None)

    def _time_moved(self) -> None:
        desk = self._desk
        if desk.time.mode is Mode.REPLAY:
            self._want_ms = desk.time.now_ms
            if not self._asking:
                self._ask()  # before the window paints itself anew for the other mode
        else:
            before, self.shown = self.shown, None
            self._want_ms = None
            for key in [k for k in desk.problems if k.startswith("U-808")]:
                desk.dismiss(key)  # what it says is over
            desk.moment_changed.emit()
            desk.alarms_changed.emit()
            if before is not None:
                self._tell_work(desk.live_work)

    def _tell_work(self, work: Work) -> None:
        """Tells of forecasts and orders only when they differ from what was shown last."""
        told, self._told_work = self._told_work, work
        if work[0] != told[0]:
            self._desk.prognosis_changed.emit()
        if work[1] != told[1]:
            self._desk.orders_changed.emit()

    def _ask(self) -> None:
        desk = self._desk
        if self._want_ms is None or desk.session is None or self._asking:
            return
        self._asking = True
        self._asked_at_ms = desk.clock.monotonic_ms()
        wanted, self._want_ms = self._want_ms, None
        desk.session.ask(wire.GetMoment(wanted, as_known=desk.time.as_known), self._got)

    def _got(self, reply: wire.Reply) -> None:
        desk = self._desk
        self._asking = False
        if desk.time.mode is not Mode.REPLAY:
            return
        if isinstance(reply, wire.Moment):
            if self.shown is None:
                self._told_work = desk.live_work
            self.shown = reply
            self.seek_ms = desk.clock.monotonic_ms() - self._asked_at_ms
            desk.moment_changed.emit()
            desk.alarms_changed.emit()
            self._tell_work((reply.prognoses, reply.orders))
        elif isinstance(reply, wire.Refused):
            desk.raise_problem(reply.problem)
        if self._want_ms is not None:
            self._ask_later.start()
