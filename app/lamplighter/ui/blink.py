"""One timer for every blinking glyph, all in phase; it rests when nothing is unacknowledged."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

PERIOD_MS: Final = 1250
ON_SHARE: Final = 0.6


class Blink(QObject):
    """`on` says whether blinking glyphs are drawn now; `phase` is emitted at each change."""

    phase = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.on = True
        self.reduced = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._turn)

    @property
    def running(self) -> bool:
        return self._timer.isActive()

    def need(self, needed: bool) -> None:
        """Starts with the first unacknowledged alarm, stops with the last."""
        if needed and not self.reduced and not self._timer.isActive():
            self.on = True
            self._timer.start(round(PERIOD_MS * ON_SHARE))
        elif (not needed or self.reduced) and self._timer.isActive():
            self._timer.stop()
            self.on = True
            self.phase.emit()

    def rest(self) -> None:
        """Shows every glyph, for a picture of the window."""
        self._timer.stop()
        self.on = True
        self.phase.emit()

    def _turn(self) -> None:
        self.on = not self.on
        share = ON_SHARE if self.on else 1 - ON_SHARE
        self._timer.start(round(PERIOD_MS * share))
        self.phase.emit()
