"""Opens the windows about feeds, one of each, beside the city."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk
from lamplighter.ui.feed_dialog import FeedDialog
from lamplighter.ui.feed_pages import FeedPages
from lamplighter.ui.parts import centre_over


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
            centre_over(self._window, self.dialog)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _gone(self) -> None:
        self.dialog = None
