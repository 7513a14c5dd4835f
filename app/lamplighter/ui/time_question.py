"""The question for a moment to go to, as a small window that reads while it is typed."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QVBoxLayout, QWidget

from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text
from lamplighter.ui.time_words import EXAMPLES, moment
from lamplighter.ui.words import tr


class GoToTime(QFrame):
    """Return goes there, Esc closes; what is not understood says so and stays."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("palette")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk = desk
        self.field = QLineEdit()
        self.field.setPlaceholderText(tr("Local time, for example 03:42"))
        self.field.setAccessibleName(tr("Go to time"))
        self.field.textChanged.connect(self._read)
        self.field.returnPressed.connect(self._go)
        self.said = Text("", "caption", "secondary", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(Text(tr("Go to time"), "bodyStrong"))
        layout.addWidget(self.field)
        layout.addWidget(self.said)
        self.setMinimumWidth(440)
        self._read("")

    def open_at(self, below: QWidget) -> None:
        """Above a widget, with the focus."""
        self.adjustSize()
        corner = below.mapToGlobal(QPoint(below.width() // 2, 0))
        self.move(corner - QPoint(self.width() // 2, self.height() + 8))
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _moment(self) -> int | None:
        time = self._desk.time
        return moment(self.field.text(), time.now_ms, time.wall_ms)

    def _read(self, text: str) -> None:
        at = self._moment()
        if not text.strip():
            self.said.setText(EXAMPLES)
        elif at is None:
            self.said.setText(tr("Not understood. For example: {words}", words=EXAMPLES))
        else:
            time = self._desk.time
            words = f"{numbers.day(at)} {numbers.clock(at)} {numbers.offset(at)}"
            if at > time.wall_ms:
                words += tr(", which is still to come")
            elif time.first_ms and at < time.first_ms:
                words += tr(", before the record begins")
            self.said.setText(words)

    def _go(self) -> None:
        at = self._moment()
        if at is not None:
            self._desk.time.replay(at)
            self.close()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
