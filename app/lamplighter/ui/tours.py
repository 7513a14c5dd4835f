"""Tours: bookmarks flown one after the other, with time to look at each; any input pauses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from lamplighter.domain.views import SavedView, Tour

FLIGHT_MS: Final = 1_800


class TourPlayer(QObject):
    """Plays one tour. `show` puts a view on the screen; `moved` is told by the view itself."""

    changed = Signal()

    def __init__(
        self,
        show: Callable[[SavedView, int], None],
        flying: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._show = show
        self._flying = flying
        self._showing = False
        self.tour: Tour | None = None
        self.stops: tuple[SavedView, ...] = ()
        self.at = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._next)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def play(self, tour: Tour, bookmarks: dict[str, SavedView]) -> bool:
        """Begin a tour at its first stop; False when none of its bookmarks is there any more."""
        stops = tuple(bookmarks[i] for i in tour.stops if i in bookmarks)
        if not stops:
            return False
        self.tour, self.stops, self.at = tour, stops, 0
        self._go()
        return True

    def pause(self) -> None:
        """Stay where it is; `resume` goes on."""
        if self._timer.isActive():
            self._timer.stop()
            self.changed.emit()

    def resume(self) -> None:
        """Go on with the present stop."""
        if self.tour is not None and not self.playing:
            self._go()

    def stop(self) -> None:
        """The tour is over."""
        self._timer.stop()
        self.tour, self.stops, self.at = None, (), 0
        self.changed.emit()

    def step(self, by: int) -> None:
        """To another stop, the first after the last."""
        if self.stops:
            self.at = (self.at + by) % len(self.stops)
            self._go()

    def moved(self) -> None:
        """The camera moved: when a person did it, the tour waits."""
        if self.playing and not self._showing and not self._flying():
            self.pause()

    def _go(self) -> None:
        assert self.tour is not None
        self._showing = True
        try:
            self._show(self.stops[self.at], FLIGHT_MS)
        finally:
            self._showing = False
        self._timer.start(round(self.tour.dwell_s * 1000) + FLIGHT_MS)
        self.changed.emit()

    def _next(self) -> None:
        if self.tour is None:
            return
        last = self.at == len(self.stops) - 1
        if last and not self.tour.again:
            self.stop()
            return
        self.step(1)
