"""Lets a replay run: the moment follows the steady clock, as often as the window can show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer

from lamplighter.ui.time_model import Mode, TimeModel

TICK_MS: Final = 100
LONGEST_REST_MS: Final = 500


class Player(QObject):
    """Moves the moment while `TimeModel.running`.

    `busy` says that the last moment is still on its way: the next one waits, as long again as that
    took, and then makes up for the time that passed. So the speed holds, only the number of
    pictures falls, and half of the window's time stays free for hands.
    """

    def __init__(self, time: TimeModel, busy: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._time = time
        self._busy = busy
        self._from_ms = 0
        self._since_ms = 0
        self._put_ms = -1
        self._asked_at_ms = 0
        self._next_at_ms = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self.tick)
        time.pace_changed.connect(self._pace)

    def _pace(self) -> None:
        self._anchor()
        self._timer.start() if self._time.running else self._timer.stop()

    def _anchor(self) -> None:
        self._from_ms = self._put_ms = self._time.now_ms
        self._since_ms = self._asked_at_ms = self._time.monotonic_ms
        self._next_at_ms = self._since_ms

    def tick(self) -> None:
        """One step of the replay; goes live when it has caught up with the clock."""
        time = self._time
        if time.mode is not Mode.REPLAY or not time.running:
            return
        if time.now_ms != self._put_ms:  # somebody moved it meanwhile
            self._anchor()
            return
        now = time.monotonic_ms
        if self._busy():
            self._next_at_ms = 0
            return
        if not self._next_at_ms:  # it is there: as long as it took, the window is left to others
            took = now - self._asked_at_ms - TICK_MS
            self._next_at_ms = now + min(max(took, 0), LONGEST_REST_MS)
        if now < self._next_at_ms:
            return
        at = self._from_ms + (time.monotonic_ms - self._since_ms) * time.speed
        if at >= time.wall_ms:
            time.live()
            return
        self._put_ms = at
        self._asked_at_ms, self._next_at_ms = now, 0
        time.replay(at)
        self._put_ms = time.now_ms
