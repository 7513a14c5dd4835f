"""One project on the page of all projects: its picture, alarms and figures, painted as a whole."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
)
from PySide6.QtWidgets import QWidget

from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.portfolio import ProjectCard
from lamplighter.ui import numbers
from lamplighter.ui.glyphs import glyph_pixmap
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

CARD: Final = QSize(392, 348)
PICTURE_H: Final = 196
_STATES: Final = {
    "closed": "closed",
    "open": "recording now",
    "moved": "not found",
    "faulty": "cannot be read",
}


class CardView(Canvas):
    """One project, painted as a whole; a click or Enter opens it."""

    opened = Signal(str)
    forgotten = Signal(str)
    moved = Signal(int, int)
    """columns and rows the focus shall go"""

    def __init__(self, card: ProjectCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self.loading = True
        self._picture = QPixmap()
        self.setFixedSize(CARD)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._say()

    def show_card(self, card: ProjectCard) -> None:
        """Show what was read."""
        self.card, self.loading = card, False
        self._picture = QPixmap(card.thumbnail) if card.thumbnail else QPixmap()
        self._say()
        self.update()

    def _say(self) -> None:
        card = self.card
        words = [card.name, tr(_STATES[card.state])]
        if card.problem:
            words.append(card.problem)
        else:
            alarms = [f"{n} of priority {p}" for p, n in enumerate(card.alarms, 1) if n]
            words += [*(alarms or [tr("no alarms")]), *self.figures()]
        self.setAccessibleName(", ".join(words))
        self.setToolTip(card.problem or card.path)

    def figures(self) -> list[str]:
        """The strip of figures, as words."""
        card = self.card
        people = numbers.number(card.people, 1)
        return [
            tr("{n} without service", n=people),
            tr("{n} likely failures", n=card.forecasts),
            tr("{n} open orders", n=card.orders),
        ]

    # ---------------------------------------------------------------- acting
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.opened.emit(self.card.path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ways = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = event.key()
        if key in ways:
            self.moved.emit(*ways[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self.card.path)
        elif key == Qt.Key.Key_Delete:
            self.forgotten.emit(self.card.path)
        else:
            super().keyPressEvent(event)

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look, card = theme(), self.card
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        edge = QPen(look.colour("line.strong" if self.underMouse() else "line.subtle"), 1)
        if self.hasFocus():
            edge = QPen(look.colour("action.focus"), look.stroke("focus"))
        painter.setPen(edge)
        painter.setBrush(look.colour("bg.panel"))
        painter.drawRoundedRect(frame, 4, 4)
        self._paint_picture(painter, QRectF(8, 8, self.width() - 16, PICTURE_H))
        left, wide = 16.0, self.width() - 32.0
        self._line(painter, QRectF(left, 212, wide, 24), card.name, "title", "text.primary")
        self._paint_alarms(painter, left, 242.0)
        if card.problem:
            self._wrapped(painter, QRectF(left, 268, wide, 64), card.problem)
        else:
            text = tr("Reading") if self.loading else " · ".join(self.figures())
            self._line(painter, QRectF(left, 272, wide, 20), text, "caption", "text.primary")
            self._line(
                painter, QRectF(left, 294, wide, 20), self._facts(), "caption", "text.secondary"
            )
            self._line(
                painter, QRectF(left, 314, wide, 20), self._age(), "caption", "text.secondary"
            )
        painter.end()

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        look = theme()
        painter.save()
        if self._picture.isNull():
            painter.fillRect(box, look.colour("bg.inset"))
            painter.setFont(look.font("caption"))
            painter.setPen(look.colour("text.muted"))
            words = tr("No picture yet") if self.card.assets else tr("Nothing imported yet")
            if self.card.problem:
                words = tr(_STATES[self.card.state]).capitalize()
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "" if self.loading else words)
        else:
            source = QRectF(self._picture.rect())
            shape = box.width() / box.height()
            tall = min(source.height(), source.width() / shape)
            source = QRectF(0, (source.height() - tall) / 2, tall * shape, tall)
            painter.drawPixmap(box, self._picture, source)
            if self.card.thumbnail_old:
                self._chip(painter, box, tr("older picture"))
        painter.restore()

    def _chip(self, painter: QPainter, box: QRectF, words: str) -> None:
        look = theme()
        font = look.font("tick", 600)
        wide = QFontMetricsF(font).horizontalAdvance(words) + 12
        plate = QRectF(box.right() - wide - 8, box.top() + 8, wide, 20)
        painter.setPen(QPen(look.colour("line.strong"), 1))
        painter.setBrush(look.colour("scene.plate"))
        painter.drawRoundedRect(plate, 2, 2)
        painter.setFont(font)
        painter.setPen(look.colour("text.primary"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_alarms(self, painter: QPainter, left: float, top: float) -> None:
        look = theme()
        painter.setFont(look.font("bodyStrong"))
        ratio = self.devicePixelRatioF()
        for priority, count in enumerate(self.card.alarms, 1):
            if self.card.problem:
                break  # nothing is known of them
            glyph = glyph_pixmap(priority, AlarmState.ACKED, 16, ratio, hollow=not count)
            painter.drawPixmap(QPointF(left, top), glyph)
            painter.setPen(look.colour("text.primary" if count else "text.muted"))
            box = QRectF(left + 20, top - 2, 40, 20)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, str(count))
            left += 56
        words = tr(_STATES[self.card.state])
        box = QRectF(self.width() - 176, top - 2, 160, 20)
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.secondary"))
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, align, words)

    def _line(self, painter: QPainter, box: QRectF, text: str, role: str, ink: str) -> None:
        painter.setFont(theme().font(role))
        painter.setPen(theme().colour(ink))
        metrics = QFontMetricsF(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)

    def _wrapped(self, painter: QPainter, box: QRectF, text: str) -> None:
        painter.setFont(theme().font("caption"))
        painter.setPen(theme().colour("text.primary"))
        painter.drawText(box, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, text)

    def _facts(self) -> str:
        card = self.card
        if self.loading:
            return ""
        size = card.bytes / 1e6
        words = f"{size:,.0f} MB" if size < 1000 else f"{size / 1000:,.1f} GB"
        assets, streams = f"{card.assets:,}", f"{card.datastreams:,}"
        return tr("{a} assets · {d} datastreams · {s}", a=assets, d=streams, s=words)

    def _age(self) -> str:
        card = self.card
        if self.loading:
            return ""
        if not card.last_ms:
            return tr("nothing recorded yet")
        seconds = max(0.0, time.time() - card.last_ms / 1000)
        return tr("recorded {age} ago", age=numbers.age(seconds))
