"""A moment of the past comes to the screen as one picture.

Values, 3D and curves of a moment arrive one after the other, and beside a 3D widget each repaint
composes the whole window anew. So the window's repaints wait until all of it is there, but never
longer than a hand that drags along the time bar would notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject

from lamplighter.ui.time_model import Mode

if TYPE_CHECKING:
    from lamplighter.ui.beat import Beat
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.paint_gate import PaintGate
    from lamplighter.ui.trends import Trends
    from lamplighter.ui.twin_dock import TwinDock

MOST_MS: Final = 200
"""no repaint waits longer, whatever is missing"""


class WholePicture(QObject):
    """Closes the gate with the wish for a moment, and opens it with its picture."""

    def __init__(
        self, desk: Desk, beat: Beat, gate: PaintGate, trends: Trends, twin: TwinDock
    ) -> None:
        super().__init__(gate)
        self._desk = desk
        self._beat = beat
        self._gate = gate
        self._feed = trends.feed
        self._twin = twin
        self._waiting = False
        self._answers = 0
        self._frame: int | None = None
        """the first frame with the values of the moment; None before they are there"""
        desk.time.changed.connect(self._wished)
        desk.moment_changed.connect(self._values_came)
        beat.done.connect(lambda _: self._look())
        trends.feed.arrived.connect(self._look)

    def _wished(self) -> None:
        if self._desk.time.mode is not Mode.REPLAY:
            self._waiting = False
            self._gate.open()
        elif not self._waiting:
            self._waiting, self._frame = True, None
            self._answers = self._feed.answers
            self._gate.close(MOST_MS)

    def _values_came(self) -> None:
        if self._waiting and self._frame is None and self._desk.moment is not None:
            self._frame = self._beat.number + 1

    def _look(self) -> None:
        """Opens when the frame with the values has been shown and the curves have come."""
        shown = self._frame is not None and self._beat.shown >= self._frame
        curves = self._feed.answers > self._answers or not self._feed.busy
        if self._waiting and shown and curves:
            self._waiting = False
            self._twin.show_states_now()
            self._gate.open()
