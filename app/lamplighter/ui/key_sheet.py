"""The `?` sheet: every key, made from the one table of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from lamplighter.ui.parts import Text, key_hint
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

LINES: Final = 22
"""more rows than these in a column do not fit the smallest window"""


class KeySheet(QFrame):
    """Columns of key and meaning over the window; Esc or ? closes it."""

    def __init__(self, rows: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("keySheet")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 16, 24, 24)
        box.addWidget(Text(tr("Keys"), "heading"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        columns = max(2, -(-len(rows) // LINES))
        tall = -(-len(rows) // columns)
        for number, (keys, meaning) in enumerate(rows):
            line, side = number % tall, number // tall
            grid.addWidget(key_hint(keys), line, side * 2, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(Text(meaning, "body"), line, side * 2 + 1)
        for side in range(columns):
            grid.setColumnMinimumWidth(2 * side + 1, theme().px(200))
        box.addLayout(grid)
        self.hide()

    def toggle(self) -> None:
        if self.isVisible():
            self.hide()
            return
        self.adjustSize()
        parent = self._over
        self.move(
            (parent.width() - self.width()) // 2, max(48, (parent.height() - self.height()) // 2)
        )
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Question):
            self.hide()
        else:
            super().keyPressEvent(event)
