"""Opens the windows about feeds, one of each, beside the city."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_dialog import FeedDialog
from lamplighter.ui.feed_pages import FeedPages


class FeedWindows:
    """The dialog that adds a feed, and the pages of the dock."""

    def __init__(self, desk: Desk, window: QWidget) -> None:
        self._desk, self._window = desk, window
        self.dialog: FeedDialog | None = None
        self.pages = FeedPages(desk)
        self.pages.add.connect(self.add)

    def add(self) -> None:
        """The dialog that adds a feed."""
        if self.dialog is None:
            self.dialog = FeedDialog(self._desk, self._window)
            self.dialog.gone.connect(self._gone)
            centre = self._window.geometry().center()
            place = self.dialog.rect()
            self.dialog.move(
                max(0, centre.x() - place.width() // 2), max(0, centre.y() - place.height() // 2)
            )
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _gone(self) -> None:
        self.dialog = None
