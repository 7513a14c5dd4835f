"""Repaints of the window wait for each other, so that several become one.

Beside a 3D widget every repaint, however small, composes the whole window anew. Clock, blink,
figures and charts ask for theirs on their own; the gate lets one through at once and holds back
what follows until `APART_MS` after it, when all of it is painted together. Who knows that more is
to come for the same picture may close it until that is there.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

APART_MS: Final = 90


class PaintGate(QObject):
    """An event filter of one top-level window."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._open)
        self._opened = False
        self._closed = QTimer(self)
        self._closed.setSingleShot(True)
        self._closed.timeout.connect(self._open)
        self.held = 0
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.UpdateRequest or watched is not self._window:
            return False
        if self._closed.isActive():
            self.held += 1
            return True
        if self._opened or not self._since.isValid() or self._since.elapsed() >= APART_MS:
            self._opened = False
            self._since.start()
            QTimer.singleShot(0, self._since.start)  # again after the paint itself
            return False
        self.held += 1
        if not self._timer.isActive():
            self._timer.start(max(1, APART_MS - self._since.elapsed()))
        return True

    def close(self, most_ms: int) -> None:
        """Hold every repaint until `open`, at most so long; a closed gate keeps its end."""
        if not self._closed.isActive():
            self._closed.start(most_ms)

    def open(self) -> None:
        """What was held back is painted now, all at once."""
        if self._closed.isActive():
            self._closed.stop()
            self._timer.stop()
            self._open()

    def let_next(self) -> None:
        """The next repaint is a data frame: it passes at once and takes along what waits."""
        if self._closed.isActive():
            return
        self._opened = True
        if self._timer.isActive():
            self._timer.stop()
            self._open()

    def _open(self) -> None:
        self._opened = True
        QCoreApplication.postEvent(self._window, QEvent(QEvent.Type.UpdateRequest))
