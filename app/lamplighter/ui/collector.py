"""Cyclic garbage of the window is collected on the GUI thread alone.

Python collects in whatever thread happens to allocate. When that is a loading or indexing thread,
Qt objects that are part of a cycle die there, and their timers fire into freed memory: the program
ends without a word. So automatic collection is off while a window is open, and a timer does it.
"""

from __future__ import annotations

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

EACH_MS: Final = 1_000


class Collector(QObject):
    """Collects by the interpreter's own thresholds, between events of the GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_on = gc.isenabled()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(EACH_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """The oldest generation that is due, as the interpreter would."""
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation] > 0:
                gc.collect(generation)
                return

    def stop(self) -> None:
        """Automatic collection again, if it was on before."""
        self._timer.stop()
        if self._was_on:
            gc.enable()
