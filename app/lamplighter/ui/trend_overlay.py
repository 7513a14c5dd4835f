"""What lies over the curves of a chart: gaps, limits, alarms, notes and cursors, in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from lamplighter.ui import numbers
from lamplighter.ui.glyphs import draw_glyph, icon_pixmap
from lamplighter.ui.theme import theme

if TYPE_CHECKING:
    from lamplighter.ui.trend_plot import TrendPlot

WORDS_PX: Final = 80.0
"""lower charts have no room for whole words at their cursors"""


class Overlay(pg.GraphicsObject):  # type: ignore[misc]
    """Painted in view coordinates, above the curves."""

    def __init__(self, plot: TrendPlot) -> None:
        super().__init__()
        self._plot = plot
        self.setZValue(20)

    def boundingRect(self) -> QRectF:
        return QRectF(self._plot.getViewBox().viewRect())

    def paint(self, painter: QPainter, *_: object) -> None:
        view = self._plot.getViewBox()
        painter.save()
        painter.resetTransform()
        ratio = painter.device().devicePixelRatioF()
        painter.scale(ratio, ratio)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = view.mapRectToScene(view.rect())
        painter.setClipRect(box)
        painter.setFont(theme().font("tick"))
        self._holes(painter, box)
        self._limits(painter, box)
        self._chosen(painter, box)
        self._marks(painter, box)
        self._cursors(painter, box)
        painter.restore()

    def _x(self, ms: float) -> float:
        view = self._plot.getViewBox()
        return float(view.mapViewToScene(QPointF(ms / 1000, 0)).x())

    def _y(self, place: float) -> float:
        return float(self._plot.getViewBox().mapViewToScene(QPointF(0, place)).y())

    # ---------------------------------------------------------------- parts
    def _holes(self, painter: QPainter, box: QRectF) -> None:
        for first, last, word in self._plot.holes():
            left, right = max(box.left(), self._x(first)), min(box.right(), self._x(last))
            if right <= left:
                continue
            hatch = QRectF(left, box.top(), max(2.0, right - left), box.height())
            ink = QColor(theme().colour("chart.gap"))
            painter.fillRect(hatch, QBrush(ink, Qt.BrushStyle.BDiagPattern))
            if hatch.width() > 24:
                self._plate(painter, hatch.center().x(), box.top() + 4, word)

    def _limits(self, painter: QPainter, box: QRectF) -> None:
        named: list[tuple[float, float]] = []
        metrics = painter.fontMetrics()
        for word, place, solid in self._plot.limit_places():
            y = self._y(place)
            if not box.top() - 1 <= y <= box.bottom() + 1:
                continue
            pen = QPen(theme().colour("chart.limit"), 1)
            if not solid:
                pen.setDashPattern([6, 3])
            painter.setPen(pen)
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            above = y - 3 - metrics.ascent() > box.top()
            base = y - 3 if above else y + 2 + metrics.ascent()
            near = [end for at, end in named if abs(at - base) < metrics.height()]
            start = max([box.left() + 6, *(end + 10 for end in near)])  # beside a close one
            painter.drawText(QPointF(start, base), word)
            named.append((base, start + metrics.horizontalAdvance(word)))

    def _chosen(self, painter: QPainter, box: QRectF) -> None:
        """The stretch that is being dragged out for a zoom."""
        span = self._plot.rubber
        if span is not None:
            left, right = sorted((self._x(span[0]), self._x(span[1])))
            shade = QColor(theme().colour("chart.cursor"))
            shade.setAlphaF(0.12)
            painter.fillRect(QRectF(left, box.top(), right - left, box.height()), shade)

    def _marks(self, painter: QPainter, box: QRectF) -> None:
        muted = theme().colour("text.muted")
        for at in self._plot.notes:
            x = self._x(at)
            if box.left() <= x <= box.right():
                painter.setPen(QPen(muted, 1, Qt.PenStyle.DotLine))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
                pixmap = icon_pixmap("note", 12, theme().colour("text.secondary"), 2.0)
                painter.drawPixmap(QPointF(x - 6, box.bottom() - 14), pixmap)
        for at, priority in self._plot.marks:
            x = self._x(at)
            if box.left() <= x <= box.right():
                painter.setPen(QPen(muted, 1))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
                draw_glyph(painter, QPointF(x, box.top() + 9), priority, size=14)

    def _cursors(self, painter: QPainter, box: QRectF) -> None:
        plot, ink = self._plot, theme().colour("chart.cursor")
        fixed = [("A", plot.pinned[0]), ("B", plot.pinned[1])]
        for name, at in fixed:
            if at is not None and box.left() <= (x := self._x(at)) <= box.right():
                painter.setPen(QPen(ink, 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
                words = f"{name} {numbers.clock(at)}" if box.height() > WORDS_PX else name
                self._plate(painter, x, box.bottom() - 18, words)
        if plot.cursor_ms is not None:
            x = self._x(plot.cursor_ms)
            painter.setPen(QPen(ink, 1))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            words = numbers.clock(plot.cursor_ms)
            if plot.span[1] - plot.span[0] > 2 * 86_400_000:
                words = f"{numbers.day(plot.cursor_ms)} {words}"
            lines = [words, *plot.cursor_words()]
            lines = lines[: max(1, int(box.height() * 0.6 / 16))]
            for number, line in enumerate(lines):
                self._plate(painter, x, box.bottom() - 18 - 16 * (len(lines) - 1 - number), line)

    @staticmethod
    def _plate(painter: QPainter, x: float, top: float, word: str) -> None:
        width = painter.fontMetrics().horizontalAdvance(word) + 8
        clip = painter.clipBoundingRect()
        left = min(max(x - width / 2, clip.left()), clip.right() - width)
        plate = QRectF(left, top, width, 16)
        painter.fillRect(plate, theme().colour("chart.plot"))
        painter.setPen(theme().colour("text.secondary"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, word)
