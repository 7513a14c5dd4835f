"""The last cell of the KPI strip: how many districts are not measured; it opens the Coverage page.

Grey whatever the number: a gap in what is measured is no trouble. It looks seldom, and never asks
about the past by itself: going through the past costs nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen

from lamplighter.domain.coverage import NOT_MEASURED, THIN
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from lamplighter.ui.desk import Desk

WIDE_W: Final = 104
FOLDED_W: Final = 128
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class GapCell(Canvas):
    """`chosen` when it is clicked or taken by Enter."""

    chosen = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.folded = False
        self.head, self.below, self.brief = "", "", ""
        """two lines, or one where the strip is folded"""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr("Districts not measured"))
        desk.coverage.changed.connect(self.refresh)
        desk.time.changed.connect(self.refresh)
        desk.coverage.glance("kpis")
        self.refresh()

    def refresh(self) -> None:
        """The words for what is known of the shown time."""
        head, below, brief, tip = self._words()
        if (head, below) != (self.head, self.below) or tip != self.toolTip():
            self.head, self.below, self.brief = head, below, brief
            self.setToolTip(tip)
            self.setAccessibleDescription(tip)
            self.update()

    def _words(self) -> tuple[str, str, str, str]:
        room = self._desk.coverage
        found = room.found
        opens = tr("Click: the Coverage page (Ctrl+Shift+C)")
        past = self._desk.time.mode is Mode.REPLAY
        if found is None or not len(found.ids) or past != room.past:
            return tr("Coverage"), tr("by district"), tr("Coverage"), opens
        verdict = found.verdict[:, 0]
        gaps = int(np.count_nonzero(verdict == NOT_MEASURED))
        thin = int(np.count_nonzero(verdict == THIN))
        many = len(found.ids)
        words = tr("{n} of {m} districts are not measured: no live sensor of any kind. {t} are "
                   "thinly measured.", n=f"{gaps:,}", m=f"{many:,}", t=f"{thin:,}")  # fmt: skip
        if not gaps:
            said = tr("{n} thin", n=f"{thin:,}") if thin else tr("all measured")
            what = tr("district") if many == 1 else tr("districts")
            return f"{many:,} {what}", said, said, f"{words}\n{opens}"
        what = tr("district") if gaps == 1 else tr("districts")
        brief = tr("{n} not measured", n=f"{gaps:,}")
        return f"{gaps:,} {what}", tr("not measured"), brief, f"{words}\n{opens}"

    # ------------------------------------------------------------------ hands
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------------ painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("bg.panel"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        box = QRectF(10, 0, self.width() - 14, self.height())
        painter.setPen(look.colour("text.secondary"))
        if self.folded:
            painter.setFont(look.font("caption"))
            painter.drawText(box, _LEFT, painter.fontMetrics().elidedText(
                self.brief, Qt.TextElideMode.ElideRight, int(box.width())))  # fmt: skip
        else:
            line, middle = look.px(18), self.height() / 2
            painter.setFont(look.font("bodyStrong"))
            painter.drawText(QRectF(box.left(), middle - line, box.width(), line), _LEFT, self.head)
            painter.setFont(look.font("caption"))
            painter.drawText(QRectF(box.left(), middle, box.width(), line), _LEFT, self.below)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("action.focus"), look.stroke("focus")))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()
