"""Flights of the camera: from where it stands to another pose, a frame at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose

FLIGHT_MS: Final = 600
FRAME_MS: Final = 16


class Flight(QObject):
    """Moves the camera by `move`, until it is there or somebody ends it where it is."""

    def __init__(self, move: Callable[[Pose], None], parent: QObject) -> None:
        super().__init__(parent)
        self._move = move
        self._way: tuple[Pose, Pose, float] | None = None
        self._lasts_ms = FLIGHT_MS
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._on)

    @property
    def under_way(self) -> bool:
        """A flight has not reached its end."""
        return self._way is not None

    def begin(self, here: Pose, there: Pose, lasts_ms: int) -> None:
        """Take off; a flight under way is given up."""
        self._way = (here, there, time.monotonic())
        self._lasts_ms = lasts_ms
        self._timer.start()

    def end(self) -> None:
        """Stay where the camera is."""
        self._way = None
        self._timer.stop()

    def _on(self) -> None:
        from lamplighter.scene.camera import between

        if self._way is None:
            self._timer.stop()
            return
        start, end, begun = self._way
        share = (time.monotonic() - begun) * 1000.0 / self._lasts_ms
        self._move(between(start, end, share))
        if share >= 1.0:
            self.end()
