"""The video wall: only the city and the alarm strip over the whole screen, in large type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from lamplighter.ui.theme import theme

if TYPE_CHECKING:
    from lamplighter.ui.furniture import Furniture
    from lamplighter.ui.window import MainWindow

LARGE: Final = 1.6


class Wall(QObject):
    """Goes in and out; what was there before comes back as it was."""

    def __init__(self, window: MainWindow, furniture: Furniture) -> None:
        super().__init__(window)
        self._window = window
        self._furniture = furniture
        self.on = False
        self.scale_before = 1.0
        self._full = False
        self._workspace = ""

    def toggle(self) -> None:
        """Into the wall or back to the desk."""
        self.leave() if self.on else self.enter()

    def enter(self) -> None:
        """Only the 3D view and the alarm strip."""
        if self.on:
            return
        window, furniture = self._window, self._furniture
        self.on = True
        self.scale_before, self._full = theme().scale, window.isFullScreen()
        self._workspace = furniture.docks.current
        furniture.docks.save()
        for part in self._parts():
            part.hide()
        furniture.docks.alone("city")
        window.showFullScreen()
        theme().set(scale=max(self.scale_before, LARGE))
        self._tidy()

    def leave(self) -> None:
        """Back to the desk."""
        if not self.on:
            return
        window, furniture = self._window, self._furniture
        self.on = False
        theme().set(scale=self.scale_before)
        for part in self._parts():
            part.show()
        furniture.docks.arrange(self._workspace)
        furniture.docks.restore(self._workspace)
        window.showFullScreen() if self._full else window.showNormal()
        self._tidy()

    def _parts(self) -> tuple[QWidget, ...]:
        window = self._window
        return window.top, window.kpis, window.time_bar, window.status

    def _tidy(self) -> None:
        view = self._furniture.twin.view
        if view is not None:
            belt = getattr(view, "belt", None)
            if belt is not None:
                belt.column.setVisible(not self.on)
            view.setFocus()
            QTimer.singleShot(0, view.update)
