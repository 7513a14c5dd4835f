"""A small form in a window of its own that asks the recorder for one thing."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.ui.drafts import Typing
from lamplighter.ui.parts import Text


class SentForm(QWidget):
    """It closes when what it asked for was taken, and says why when it was not: what was typed
    stays then. A subclass keeps what is being typed in `_typing`; closing ends that.
    """

    _typing: Typing

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._say = Text("", "body", "secondary", wrap=True)

    def _sent(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self.close()
        else:
            self._say.setText(str(getattr(reply, "problem", "")))

    def closeEvent(self, event: QCloseEvent) -> None:
        self._typing.end()
        super().closeEvent(event)
