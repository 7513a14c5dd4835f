"""The place of the 3D view: the real one where OpenGL works, else a calm statement."""

from __future__ import annotations

import os
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Text
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

_WITH_GL = ("xcb", "wayland", "windows", "cocoa")


def gl_possible() -> bool:
    """A platform that can show OpenGL inside a window, and not switched off."""
    if os.environ.get("LAMPLIGHTER_NO_3D"):
        return False
    return QGuiApplication.platformName() in _WITH_GL


class TwinDock(Panel):
    """Holds the 3D view; `first_frame` is emitted once when it has drawn (or cannot)."""

    first_frame = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.view: QWidget | None = None
        self._told = False
        self._heading = Text(tr("The city appears here"), "heading")
        self._text = Text(tr("Loading the 3D view"), "body", "secondary", wrap=True)
        for label in (self._heading, self._text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(24, 24, 24, 24)
        self._layout.addStretch(1)
        self._layout.addWidget(self._heading)
        self._layout.addWidget(self._text)
        self._layout.addStretch(1)
        self.setMinimumSize(theme().px(320), theme().px(150))

    def load(self, make: Callable[[Desk, QWidget], QWidget] | None) -> None:
        """Puts the 3D view in place; without one, says why and that everything else works."""
        if make is None or not gl_possible():
            self._explain(tr("3D is not available here: no graphics driver was found."))
            return
        try:
            view = make(self._desk, self)
        except Exception as error:  # any driver fault must leave the rest of the window working
            self._explain(tr("3D is not available here: {why}.", why=error))
            return
        self._heading.hide()
        self._text.hide()
        while self._layout.count():
            self._layout.takeAt(0)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(view)
        self.view = view
        signal = getattr(view, "first_frame", None)
        if signal is not None:
            signal.connect(self._tell)
        else:
            QTimer.singleShot(0, self._tell)

    def leave_out(self) -> None:
        """In safe mode: no 3D view, until `load` is called."""
        self._explain(tr("Safe mode leaves it out."))

    def show_frame(self, shown: Shown) -> None:
        show = getattr(self.view, "show_frame", None)
        if show is not None:
            show(shown)

    def show_states_now(self) -> None:
        """See `TwinPicture.show_states_now`."""
        show = getattr(self.view, "show_states_now", None)
        if show is not None:
            show()

    @property
    def frame_ms(self) -> float:
        """How long the last 3D frame took; 0 without one."""
        return float(getattr(self.view, "frame_ms", 0.0))

    def _explain(self, why: str) -> None:
        self._heading.setText(tr("No 3D view"))
        self._text.setText(
            why + " " + tr("Lists, trends, alarms and commands all work. Use the asset tree.")
        )
        QTimer.singleShot(0, self._tell)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self.first_frame.emit()
