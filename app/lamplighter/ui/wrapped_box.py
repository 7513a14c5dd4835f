"""A check box whose words go on in the next line, where Qt's own would be cut in a narrow dock."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QWidget

from lamplighter.ui.theme import theme

MARK = 28
"""the box and the air beside it, in pixels"""


class WrappedBox(QCheckBox):
    """As wide as its place, as high as its words need there."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.full = ""
        self.setFont(theme().font("body"))
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.set_full(text)

    def set_full(self, text: str) -> None:
        """The words; the tip and assistive technology tell them in one line."""
        if text != self.full:
            self.full = text
            self.setToolTip(text)
            self.setAccessibleName(text)
            self._wrap()

    def _lines(self, width: int) -> list[str]:
        metrics, room = QFontMetrics(self.font()), max(40, width - MARK)
        lines: list[str] = []
        for word in self.full.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and metrics.horizontalAdvance(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines

    def _wrap(self) -> None:
        words = "\n".join(self._lines(self.width()))
        if words != self.text():
            self.setText(words)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        metrics = QFontMetrics(self.font())
        return max(theme().px(20), metrics.lineSpacing() * max(1, len(self._lines(width))) + 4)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self.font()).horizontalAdvance(self.full) + MARK
        return QSize(wide, self.heightForWidth(wide))

    def minimumSizeHint(self) -> QSize:
        return QSize(theme().px(120), self.heightForWidth(max(self.width(), theme().px(120))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._wrap()
