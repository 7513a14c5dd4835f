"""A page that nobody sees asks for nothing; one that is seen shows what is newest."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from lamplighter.ui.desk import Desk


class Glance(QObject):
    """Calls `look` when `page` comes into sight and then every `every` seconds until it goes."""

    def __init__(self, page: QWidget, desk: Desk, look: Callable[[], None], every: int) -> None:
        super().__init__(page)
        self._page, self._look, self._every = page, look, every
        self._seconds = 0
        page.installEventFilter(self)
        desk.status_changed.connect(self._second)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            self._look()
        return False

    def _second(self) -> None:
        self._seconds += 1
        if self._page.isVisible() and self._seconds % self._every == 0:
            self._look()
