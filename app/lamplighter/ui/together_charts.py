"""Pictures of how two kinds of values go together: by lag, as a cloud of hours, on a small map."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.neighbourhood import Place
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

Floats = npt.NDArray[np.float64]
MOST_DOTS: Final = 3_000
KEY_STEPS: Final = 40
_MIDDLE: Final = Qt.AlignmentFlag.AlignCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Chart(Canvas):
    """A plot with a title line above and room for axes."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self.found: wire.Together | None = None
        self.setMinimumSize(QSize(theme().px(150), theme().px(92)))
        self.setAccessibleName(title)

    def show_found(self, found: wire.Together | None) -> None:
        self.found = found
        self.update()

    def _begin(self) -> tuple[QPainter, QRectF]:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        head = look.px(20)
        painter.setFont(look.font("caption", 600))
        painter.setPen(look.colour("text.secondary"))
        painter.drawText(QRectF(0, 0, self.width(), head), _LEFT, self.title)
        left, low = look.px(44), look.px(34)
        box = QRectF(left, head, self.width() - left - look.px(18), self.height() - head - low)
        painter.fillRect(box, look.colour("chart.plot"))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawRect(box)
        painter.setFont(look.font("tick"))
        return painter, box

    def _nothing(self, painter: QPainter, box: QRectF, words: str) -> None:
        painter.setPen(theme().colour("text.muted"))
        flags = _MIDDLE | Qt.TextFlag.TextWordWrap
        painter.drawText(box.adjusted(8, 0, -8, 0), int(flags), words)
        painter.end()

    def _left_label(self, painter: QPainter, box: QRectF, y: float, text: str) -> None:
        painter.setPen(theme().colour("text.muted"))
        y = min(max(y, box.top() + 6), box.bottom() - 6)
        painter.drawText(QRectF(0, y - 8, box.left() - 4, 16), _RIGHT, text)

    def _below(self, painter: QPainter, box: QRectF, x: float, text: str) -> None:
        painter.setPen(theme().colour("text.muted"))
        painter.drawText(QRectF(x - 40, box.bottom() + 1, 80, 16), _MIDDLE, text)

    def _foot(self, painter: QPainter, box: QRectF, text: str) -> None:
        painter.setPen(theme().colour("text.secondary"))
        painter.drawText(QRectF(box.left(), box.bottom() + 17, box.width(), 16), _MIDDLE, text)


class LagChart(_Chart):
    """Correlation at each lag with its interval; the strongest one is marked."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, box = self._begin()
        found, look = self.found, theme()
        if found is None or found.at < 0 or len(found.lag_h) < 2:
            self._nothing(painter, box, found.why if found else tr("nothing compared yet"))
            return
        lag = found.lag_h.astype(np.float64)
        x = box.left() + (lag - lag[0]) / (lag[-1] - lag[0]) * box.width()

        def place(r: Floats) -> Floats:
            return box.center().y() - np.clip(r, -1, 1) * box.height() / 2

        shade = QColor(look.colour("chart.band"))
        shade.setAlphaF(look.number("chart.bandAlpha") + 0.04)
        known = np.isfinite(found.r)
        edge = [*_points(x[known], place(found.high)[known]),
                *reversed(_points(x[known], place(found.low)[known]))]  # fmt: skip
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawPolygon(QPolygonF(edge))
        painter.setPen(QPen(look.colour("line.strong"), 1))
        middle = box.center().y()
        painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
        painter.setPen(QPen(look.colour("chart.trace1"), look.stroke("trace")))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(_points(x[known], place(found.r)[known])))
        at = found.at
        here = QPointF(float(x[at]), float(place(found.r)[at]))
        painter.setPen(QPen(look.colour("chart.ghost"), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(here.x(), box.top()), QPointF(here.x(), box.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("text.primary"))
        painter.drawEllipse(here, 4, 4)
        for r in (-1.0, 0.0, 1.0):
            self._left_label(painter, box, float(place(np.array([r]))[0]), f"{r:+.0f}"
                             if r else "0")  # fmt: skip
        for k in (0, len(lag) // 2, len(lag) - 1):
            self._below(painter, box, float(x[k]), f"{int(lag[k]):+d} h" if lag[k] else "0")
        self._foot(painter, box, tr("lag; right: the second follows"))
        painter.end()


class Scatter(_Chart):
    """One dot for each hour at the strongest lag; as they were compared."""

    names = ("", "")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, box = self._begin()
        found, look = self.found, theme()
        if found is None or found.at < 0 or not len(found.first):
            self._nothing(painter, box, "" if found else tr("nothing compared yet"))
            return
        step = max(1, len(found.first) // MOST_DOTS)
        a, b = found.first[::step], found.second[::step]
        (left, right), (low, high) = _range(a), _range(b)
        x = box.left() + (a - left) / (right - left) * box.width()
        y = box.bottom() - (b - low) / (high - low) * box.height()
        ink = QColor(look.colour("chart.trace2"))
        ink.setAlphaF(0.55)
        painter.setClipRect(box)
        painter.setPen(QPen(ink, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPoints(QPolygonF(_points(x, y)))
        slope, middle = np.polyfit(a, b, 1) if a.std() > 0 else (0.0, float(b.mean()))
        ends = np.array([left, right])
        line = box.bottom() - (slope * ends + middle - low) / (high - low) * box.height()
        painter.setPen(QPen(look.colour("chart.trace1"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(box.left(), float(line[0])), QPointF(box.right(), float(line[1])))
        painter.setClipping(False)
        for value, at in ((low, box.bottom() - 6), (high, box.top() + 6)):
            self._left_label(painter, box, at, f"{value:.3g}")
        for value, at in ((left, box.left() + 16), (right, box.right() - 16)):
            self._below(painter, box, at, f"{value:.3g}")
        self._foot(painter, box, tr("{a} \u2192, {b} \u2191", a=self.names[0], b=self.names[1]))
        painter.end()


class PlaceMap(_Chart):
    """Where both kinds are measured, and the line around the neighbourhood.

    A click sets a point of the line, a double click closes it. With keys: arrows move a cross,
    Enter sets a point, Space closes, Backspace takes the last one back, Escape starts anew.
    """

    drawn = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self.all: dict[str, Place] = {}
        self.first: set[str] = set()
        self.second: set[str] = set()
        self.chosen: set[str] = set()
        self.line: list[Place] = []
        self.closed = False
        self.drawing = False
        self.cross = QPointF(0.5, 0.5)
        """where the keys' cross is, as shares of the plot"""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleDescription(
            tr("Arrows move the cross, Enter sets a point, Space closes the line.")
        )

    # ---------------------------------------------------------------- geometry
    def _frame(self) -> tuple[QRectF, float, float, float]:
        look = theme()
        head = look.px(20)
        box = QRectF(0, head, self.width() - 1, self.height() - head - look.px(18))
        if not self.all:
            return box, 1.0, 0.0, 0.0
        x, y = zip(*self.all.values(), strict=True)
        wide, high = max(x) - min(x) or 100.0, max(y) - min(y) or 100.0
        scale = min((box.width() - 24) / wide, (box.height() - 24) / high)
        return box, scale, (max(x) + min(x)) / 2, (max(y) + min(y)) / 2

    def _to(self, place: Place) -> QPointF:
        box, scale, mx, my = self._frame()
        return QPointF(
            box.center().x() + (place[0] - mx) * scale, box.center().y() - (place[1] - my) * scale
        )

    def _from(self, at: QPointF) -> Place:
        box, scale, mx, my = self._frame()
        return (at.x() - box.center().x()) / scale + mx, (box.center().y() - at.y()) / scale + my

    # ---------------------------------------------------------------- hands
    def start(self) -> None:
        """Forget the line and draw anew."""
        self.line, self.closed, self.drawing = [], False, True
        self.drawn.emit()
        self.update()

    def add(self, place: Place) -> None:
        """One more point of the line."""
        if self.closed or not self.drawing:
            self.start()
        self.line.append(place)
        self.update()

    def close_line(self) -> None:
        """The line is whole when it has three points."""
        if len(self.line) >= 3:
            self.closed, self.drawing = True, False
            self.drawn.emit()
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.add(self._from(event.position()))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.close_line()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, step = event.key(), 1.0 / KEY_STEPS
        moves = {
            Qt.Key.Key_Left: (-step, 0.0), Qt.Key.Key_Right: (step, 0.0),
            Qt.Key.Key_Up: (0.0, -step), Qt.Key.Key_Down: (0.0, step),
        }  # fmt: skip
        if key in moves:
            x, y = moves[Qt.Key(key)]
            self.cross = QPointF(
                min(max(self.cross.x() + x, 0.0), 1.0), min(max(self.cross.y() + y, 0.0), 1.0)
            )
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.add(self._from(self._cross_at()))
        elif key == Qt.Key.Key_Space:
            self.close_line()
        elif key == Qt.Key.Key_Backspace and self.line:
            self.line.pop()
            self.closed, self.drawing = False, True
        elif key == Qt.Key.Key_Escape and self.line:
            self.start()
        else:
            super().keyPressEvent(event)
            return
        self.update()

    def _cross_at(self) -> QPointF:
        box = self._frame()[0]
        return QPointF(
            box.left() + self.cross.x() * box.width(), box.top() + self.cross.y() * box.height()
        )

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look, painter = theme(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._frame()[0]
        painter.setFont(look.font("caption", 600))
        painter.setPen(look.colour("text.secondary"))
        painter.drawText(QRectF(0, 0, self.width(), look.px(20)), _LEFT, self.title)
        painter.fillRect(box, look.colour("chart.plot"))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawRect(box)
        painter.setFont(look.font("tick"))
        if not self.all:
            self._nothing(painter, box, tr("Nothing that measures has a place."))
            return
        self._paint_assets(painter)
        if self.line:
            points = [self._to(p) for p in self.line]
            painter.setPen(QPen(look.colour("action.focus"), 1.5))
            shade = QColor(look.colour("action.focus"))
            shade.setAlphaF(0.10)
            painter.setBrush(shade if self.closed else Qt.BrushStyle.NoBrush)
            if self.closed:
                painter.drawPolygon(QPolygonF(points))
            else:
                painter.drawPolyline(QPolygonF(points))
                for point in points:
                    painter.drawEllipse(point, 3, 3)
        if self.hasFocus():
            at = self._cross_at()
            painter.setPen(QPen(look.colour("chart.cursor"), 1))
            painter.drawLine(QPointF(at.x() - 6, at.y()), QPointF(at.x() + 6, at.y()))
            painter.drawLine(QPointF(at.x(), at.y() - 6), QPointF(at.x(), at.y() + 6))
        painter.setPen(look.colour("text.secondary"))
        foot = QRectF(0, box.bottom() + 1, box.width(), look.px(17))
        painter.drawText(foot, _MIDDLE, tr("\u25cf first   \u25cb second   grey: outside"))
        painter.end()

    def _paint_assets(self, painter: QPainter) -> None:
        look = theme()
        for id, place in self.all.items():
            at, inside = self._to(place), id in self.chosen
            ink = look.colour("chart.trace1" if inside else "chart.gap")
            if id in self.first:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(ink)
                painter.drawEllipse(at, 3.5, 3.5)
            if id in self.second:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(ink, 1.5))
                painter.drawEllipse(at, 5.5, 5.5)


def _points(x: Floats, y: Floats) -> list[QPointF]:
    return [QPointF(float(a), float(b)) for a, b in zip(x, y, strict=True)]


def _range(value: Floats) -> tuple[float, float]:
    low, high = float(value.min()), float(value.max())
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return low - margin, high + margin
