"""One side of a conflict as a large choice: the value, who said so, when, where and why."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from lamplighter.domain.edits import Edit
from lamplighter.ui.parts import Text, row
from lamplighter.ui.record_words import value_words, when
from lamplighter.ui.words import tr


class Choice(QFrame):
    """Chosen by click, Space or Enter."""

    chosen = Signal()

    def __init__(self, edit: Edit, title: str, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = edit
        self.setProperty("role", "choice")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        value = value_words(edit.field, edit.value)
        by = ", ".join(p for p in (edit.author, edit.reason) if p) or tr("first state")
        self.setAccessibleName(f"{title}: {value}, {by}, {when(edit.made_ms)}")
        self._mark = Text("○", "heading")
        box = QVBoxLayout(self)
        box.setContentsMargins(12, 10, 12, 10)
        box.setSpacing(2)
        box.addLayout(
            row(self._mark, Text(title, "bodyStrong"), None,
                Text(when(edit.made_ms), "body", "secondary"), Text(key, "caption", "muted"))
        )  # fmt: skip
        box.addWidget(Text(value, "heading", wrap=True))
        box.addWidget(Text(by, "body", "secondary", wrap=True))
        self.mark(False)

    def mark(self, on: bool) -> None:
        """Show whether this side is the chosen one."""
        self._mark.setText("◉" if on else "○")
        self.setProperty("chosen", "yes" if on else "no")
        self.style().unpolish(self)
        self.style().polish(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self.isEnabled():
            self.chosen.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
            event.accept()
        else:
            super().keyPressEvent(event)
