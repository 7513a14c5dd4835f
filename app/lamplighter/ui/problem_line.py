"""Faults in place: one line that counts its repeats and never has to be closed."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from lamplighter.domain.problems import CATALOGUE
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.parts import Elided, Text, button
from lamplighter.ui.theme import theme
from lamplighter.ui.words import beginning, tr


class ProblemLine(QFrame):
    """The newest fault; clicking its code copies the whole text."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._desk = desk
        self._key = ""
        self._mark = QLabel()
        self._text = Elided("", "body")
        self._count = Text("", "caption", "secondary")
        self._code = button("", self._copy, kind="flat", tip=tr("Copy this message"))
        self._close = button(tr("Hide"), self._hide, kind="flat")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 2, 12, 2)
        for widget in (self._mark, self._text, self._count, self._code, self._close):
            layout.addWidget(widget, 1 if widget is self._text else 0)
        desk.problems_changed.connect(self.refresh)
        theme().changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        problems = self._desk.problems
        self.setVisible(bool(problems))
        if not problems:
            return
        self._key = next(reversed(problems))
        event = problems[self._key]
        ink = theme().colour("text.primary")
        self._mark.setPixmap(icon_pixmap("warning", 16, ink, 2.0))
        text = event.problem.text
        if CATALOGUE.get(event.problem.code, "").startswith("{what}"):
            text = beginning(text)  # the sentence is what somebody found wrong
        self._text.set_full(text)
        self._code.setFont(theme().font("mono"))
        self._code.setText(f"[{event.problem.code}]")
        words = [tr("× {n}", n=event.count)] if event.count > 1 else []
        if len(problems) > 1:
            words.append(tr("and {n} more", n=len(problems) - 1))
        self._count.setText("  ".join(words))

    def _copy(self) -> None:
        event = self._desk.problems.get(self._key)
        if event is not None:
            QGuiApplication.clipboard().setText(str(event.problem))

    def _hide(self) -> None:
        self._desk.dismiss(self._key)
