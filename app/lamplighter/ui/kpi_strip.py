"""The KPI strip: seven tiles of value, unit, bar, trend and quality, or one line when low."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QWidget

from lamplighter.ui import numbers
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.forecast_room import whole
from lamplighter.ui.glyphs import draw_glyph, icon_pixmap
from lamplighter.ui.kpi import KpiBoard, KpiState
from lamplighter.ui.kpi_gaps import FOLDED_W, WIDE_W, GapCell
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.value_model import ValueModel
from lamplighter.ui.words import tr

TILE_MIN = 176
_BAND: Final = re.compile(r" \([^)]*\)")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class KpiTile(Canvas):
    """One figure. Hue only in edge, glyph and pointer, and only when abnormal."""

    chosen = Signal(object)

    def __init__(self, state: KpiState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.folded = False
        self.now_ms = 0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @property
    def value_model(self) -> ValueModel:
        return self.state.value

    def show_state(self) -> None:
        state, now = self.state, self.now_ms
        resolution = state.definition.resolution
        told = whole(state.ahead, now, resolution, state.measured) if now else ""
        text = "\n".join(t for t in (state.value.describe(), told) if t)
        if text != self.accessibleDescription():
            self.setAccessibleName(self.state.value.name)
            self.setAccessibleDescription(text)
            self.setToolTip(text)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.state)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(self.state)
        else:
            super().keyPressEvent(event)

    def quality_mark(self) -> tuple[str, str, str]:
        """Icon, words and colour role of the mark at the top right."""
        state = self.state
        if state.definition.fold == "live":
            return ("check", "", "text.secondary") if state.count else ("", "", "text.muted")
        share = state.live_share
        words = tr("{p} live", p=numbers.percent(int(share * 100) / 100))
        if share >= 0.9995:
            return "check", "", "text.secondary"
        if share >= 0.9:
            return "", words, "text.secondary"
        return "stale", words + (" ?" if share < 0.5 else ""), "text.primary"

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("bg.panel"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        if self.state.priority:
            painter.fillRect(QRectF(0, 0, 3, self.height()), look.state(self.state.priority))
        if self.folded:
            self._paint_folded(painter)
        else:
            self._paint_tile(painter)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("action.focus"), look.stroke("focus")))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _paint_folded(self, painter: QPainter) -> None:
        look, state = theme(), self.state
        left = 8.0
        if state.priority:
            draw_glyph(painter, QPointF(left + 8, self.height() / 2), state.priority)
            left += 22
        painter.setFont(look.font("bodyStrong"))
        value = state.value.text
        width = painter.fontMetrics().horizontalAdvance(value) + 10
        painter.setPen(look.colour("text.primary"))
        painter.drawText(QRectF(0, 0, self.width() - 8, self.height()), _RIGHT, value)
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.secondary"))
        box = QRectF(left, 0, self.width() - left - width - 8, self.height())
        name = painter.fontMetrics().elidedText(
            state.value.name, Qt.TextElideMode.ElideRight, int(box.width())
        )
        painter.drawText(box, _LEFT, name)

    def _paint_tile(self, painter: QPainter) -> None:
        look, state = theme(), self.state
        scale = look.scale
        left, right = 12.0, self.width() - 12.0
        line = QRectF(left, 8, right - left, 16 * scale)
        mark_left = self._paint_mark(painter, line)
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.secondary"))
        name_width = int(mark_left - left - 6)
        name = painter.fontMetrics().elidedText(
            state.value.name, Qt.TextElideMode.ElideRight, name_width
        )
        painter.drawText(line, _LEFT, name)
        middle = QRectF(left, 26 * scale, right - left, 28 * scale)
        spark = min(72.0, self.width() * 0.36)
        cursor = left
        if state.priority:
            size = look.px(18)
            draw_glyph(painter, QPointF(left + size / 2, middle.center().y()), state.priority,
                       size=size)  # fmt: skip
            cursor += size + 8
        cursor = self._paint_value(painter, cursor, middle, right - 8)
        room = right - cursor - 8
        if room > 30:
            wide = min(spark, room)
            box = QRectF(right - wide, middle.top() + 2, wide, middle.height() - 6)
            paint_sparkline(painter, box, state.history)
        low = QRectF(left, 60 * scale, right - left, 14 * scale)
        painter.setFont(look.font("tick"))
        needed = painter.fontMetrics().horizontalAdvance(state.forecast) + 12
        bar_width = max(48.0, min(96.0, right - left - needed))
        paint_bar(painter, QRectF(left, low.center().y() - 2.5, bar_width, 5), state)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.secondary"))
        room_text = int(right - left - bar_width - 10)
        text = fitting(painter.fontMetrics(), state.forecast, room_text)
        painter.drawText(low, _RIGHT, text)

    def _paint_mark(self, painter: QPainter, line: QRectF) -> float:
        look = theme()
        icon_name, words, role = self.quality_mark()
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour(role))
        painter.drawText(line, _RIGHT, words)
        left = line.right() - painter.fontMetrics().horizontalAdvance(words)
        if icon_name:
            size = 12
            left -= size + (4 if words else 0)
            pixmap = icon_pixmap(icon_name, size, look.colour(role), self.devicePixelRatioF())
            painter.drawPixmap(QPointF(left, line.center().y() - size / 2), pixmap)
        return left

    def _paint_value(self, painter: QPainter, left: float, box: QRectF, right: float) -> float:
        look, state = theme(), self.state
        doubtful = state.live_share < 0.5 or not state.value.known
        painter.setFont(look.font("valueM" if state.value.known else "title"))
        painter.setPen(look.colour("text.muted" if doubtful else "text.primary"))
        text = state.value.text if state.value.known else tr("not known")
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.drawText(box.translated(left - box.left(), 0), _LEFT, text)
        left += width + 6
        painter.setFont(look.font("caption"))
        unit = state.unit
        while unit and left + painter.fontMetrics().horizontalAdvance(unit) > right:
            unit = " ".join(unit.split(" ")[:-1])  # dropped from the right, never the number
        if state.value.known and unit:
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(box.translated(left - box.left(), 1), _LEFT, unit)
            left += painter.fontMetrics().horizontalAdvance(unit)
        return left


def fitting(metrics: QFontMetrics, text: str, room: int) -> str:
    """The words of a forecast as they fit: without its band, which the tip has, before they are
    cut.
    """
    if metrics.horizontalAdvance(text) > room:
        text = _BAND.sub("", text)
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)


def paint_sparkline(painter: QPainter, box: QRectF, history: object) -> None:
    """Half an hour in a neutral tone, the newest point as a dot."""
    points = list(history)  # type: ignore[call-overload]
    if len(points) < 5:
        return
    look = theme()
    low, high = min(points), max(points)
    reach = (high - low) or max(abs(high) * 0.02, 1e-9)
    middle = (high + low) / 2
    step = box.width() / max(1, len(points) - 1)
    line = QPolygonF(
        [
            QPointF(
                box.left() + i * step, box.center().y() - (v - middle) / reach * box.height() * 0.9
            )
            for i, v in enumerate(points)
        ]
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(look.colour("chart.trace2"), look.stroke("trace")))
    painter.drawPolyline(line)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.colour("text.primary"))
    painter.drawEllipse(line.last(), 2, 2)


def paint_bar(painter: QPainter, box: QRectF, state: KpiState) -> None:
    """Range, normal band and the pointer; outside the range the pointer turns into an arrow."""
    look = theme()
    low, high = state.span
    reach = (high - low) or 1.0
    painter.setPen(QPen(look.colour("line.strong"), 1))
    painter.setBrush(look.colour("bg.inset"))
    painter.drawRect(box)
    first = (max(low, state.normal[0]) - low) / reach
    last = (min(high, state.normal[1]) - low) / reach
    if last > first:
        band = QRectF(box.left() + first * box.width(), box.top() + 1, (last - first) * box.width(),
                      box.height() - 1)  # fmt: skip
        painter.fillRect(band, look.colour("line.strong"))
    value = state.value.value
    if value is None or not state.value.known:
        return
    where = (value - low) / reach
    x = box.left() + min(1.0, max(0.0, where)) * box.width()
    y = box.center().y()
    ink = look.state(state.priority) if state.priority else look.colour("text.primary")
    painter.setPen(QPen(look.colour("line.outlineState"), 1))
    painter.setBrush(ink)
    if where > 1:
        shape = [QPointF(x, y - 5), QPointF(x + 6, y), QPointF(x, y + 5)]
    elif where < 0:
        shape = [QPointF(x, y - 5), QPointF(x - 6, y), QPointF(x, y + 5)]
    else:
        shape = [QPointF(x, y - 6), QPointF(x + 4.5, y), QPointF(x, y + 6), QPointF(x - 4.5, y)]
    painter.drawPolygon(QPolygonF(shape))


class KpiStrip(QFrame):
    """8 + 80 px, or one line of 32 px when `fold` is set. Tiles drop from the right; the cell of
    districts that are not measured stays.
    """

    chosen = Signal(object)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("kpiStrip")
        self._desk = desk
        self.board = KpiBoard()
        self.tiles = [KpiTile(s, self) for s in self.board.states]
        for tile in self.tiles:
            tile.chosen.connect(self.chosen)
        self.gaps = GapCell(desk, self)
        self.gaps.chosen.connect(desk.coverage.wanted)
        self._folded = False
        self._beats = 0
        theme().changed.connect(self._restyle)
        self._restyle()

    def fold(self, folded: bool) -> None:
        self._folded = folded
        for tile in self.tiles:
            tile.folded = folded
        self.gaps.folded = folded
        self._restyle()

    def show_frame(self, shown: Shown) -> None:
        """At most four times a second; one pass over all datastreams."""
        self._beats += 1
        if self._beats % 3 != 1:
            return
        self.board.update(self._desk)
        for tile in self.tiles:
            tile.now_ms = self._desk.time.now_ms
            if tile.isVisible():
                tile.show_state()

    def _restyle(self) -> None:
        look = theme()
        rows = 2 if look.scale >= 1.75 and not self._folded else 1
        height = look.px(32) if self._folded else 8 + rows * (look.px(80) + (rows - 1) * 4)
        self.setFixedHeight(height)
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        look = theme()
        wide = look.px(FOLDED_W if self._folded else WIDE_W)
        room = self.width() - 16 - wide - 8
        rows = 2 if look.scale >= 1.75 and not self._folded else 1
        minimum = look.px(TILE_MIN if not self._folded else 150)
        fit = max(1, (room + 8) // (minimum + 8))
        per_row = min(fit, -(-len(self.tiles) // rows))
        width = (room + 8) / per_row - 8
        top = 8 if not self._folded else 4
        height = (self.height() - top - (rows - 1) * 8) / rows if not self._folded else 28
        for number, tile in enumerate(self.tiles):
            line, column = divmod(number, per_row)
            tile.setVisible(line < rows)
            if line < rows:
                left = 8 + round(column * (width + 8))
                tile.setGeometry(
                    left, round(top + line * (height + 8)), round(width), round(height)
                )
        tall = round(rows * (height + 8) - 8)
        self.gaps.setGeometry(self.width() - 8 - wide, top, wide, tall)

    def sizeHint(self) -> QSize:
        return QSize(1280, self.height())
