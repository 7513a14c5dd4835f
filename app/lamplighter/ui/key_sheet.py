"""The `?` sheet: every key, made from the one table of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from lamplighter.ui.parts import Scroller, Text, key_hint
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

MOST_COLUMNS: Final = 5
EDGE: Final = 48
"""of the window that stays free above and below"""


class KeySheet(QFrame):
    """Columns of key and meaning over the window; Esc or ? closes it."""

    def __init__(self, rows: Sequence[tuple[str, str]], parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("keySheet")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 16, 12, 16)
        box.addWidget(Text(tr("Keys"), "heading"))
        self._cells = [(key_hint(keys), Text(meaning, "body")) for keys, meaning in rows]
        self._table = QWidget()
        self._table.setObjectName("keyTable")
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 12, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self.area = Scroller(self._table)
        box.addWidget(self.area)
        self.hide()

    def _lay_out(self, columns: int) -> QSize:
        """The keys in so many columns; returns the room they need."""
        tall = -(-len(self._cells) // columns)
        for number, (keys, meaning) in enumerate(self._cells):
            line, side = number % tall, number // tall
            for widget in (keys, meaning):
                self._grid.removeWidget(widget)
            self._grid.addWidget(keys, line, side * 2, Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(meaning, line, side * 2 + 1)
        self._grid.activate()
        return self._grid.minimumSize()

    def _fit(self) -> None:
        """As many columns as the window is wide; what is too tall then is scrolled."""
        room = QSize(self._over.width() - 64, self._over.height() - 2 * EDGE - 80)
        for columns in range(MOST_COLUMNS, 0, -1):
            needed = self._lay_out(columns)
            if needed.width() <= room.width():
                break
        look = theme()
        self.area.setFixedSize(
            min(needed.width(), room.width()) + look.px(16), min(needed.height(), room.height())
        )
        self.adjustSize()

    def toggle(self) -> None:
        if self.isVisible():
            self.hide()
            return
        self._fit()
        parent = self._over
        self.move(
            (parent.width() - self.width()) // 2, max(EDGE, (parent.height() - self.height()) // 2)
        )
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Question):
            self.hide()
            return
        bar = self.area.verticalScrollBar()
        steps = {
            Qt.Key.Key_Down: bar.singleStep(), Qt.Key.Key_Up: -bar.singleStep(),
            Qt.Key.Key_PageDown: bar.pageStep(), Qt.Key.Key_PageUp: -bar.pageStep(),
        }  # fmt: skip
        if event.key() in steps:
            bar.setValue(bar.value() + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)
