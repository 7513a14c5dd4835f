"""Which tab comes up with a mode of time and goes with it: then and now, and the scenario."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.docks import Docks
from lamplighter.ui.time_model import Mode

THEN_MS: Final = 500


class ModeDocks:
    """`narrow` and `on_wall` say whether there is no room beside the city, or none at all."""

    def __init__(
        self,
        desk: Desk,
        docks: Docks,
        window: QWidget,
        narrow: Callable[[], bool],
        on_wall: Callable[[], bool],
    ) -> None:
        self._desk, self._docks = desk, docks
        self._narrow, self._on_wall = narrow, on_wall
        self._due = QTimer(window)
        self._due.setSingleShot(True)
        self._due.setInterval(THEN_MS)
        self._due.timeout.connect(self._enter)
        self._before: str | None = None
        """the dock that was in front where then and now came up; None outside of replay"""
        desk.time.changed.connect(self._changed)
        desk.scenario_changed.connect(lambda: docks.show("scenario"))

    def stop(self) -> None:
        """Nothing comes up any more."""
        self._due.stop()

    def _changed(self) -> None:
        mode = self._desk.time.mode
        if mode is Mode.SCENARIO:
            self._docks.show("scenario")
        replay = mode is Mode.REPLAY
        if replay == (self._before is not None):
            self._due.stop()
        elif replay and not self._due.isActive():
            self._due.start()  # the first picture of the past does not wait for the tabs
        elif not replay:
            self._leave()

    def _enter(self) -> None:
        """Then and now gets its tab, and comes to the front where there is room for it."""
        self._before = self._docks.beside("asset")
        self._docks.leave_out("scenario")
        if not self._narrow() and not self._on_wall():
            self._docks.show("then")

    def _leave(self) -> None:
        """The tab that was in front before the replay, unless another was chosen meanwhile."""
        before, self._before = self._before, None
        was_front = self._docks.beside("then") == "then"
        self._docks.leave_out("then")
        if before and not self._on_wall() and was_front:
            self._docks.show(before)
