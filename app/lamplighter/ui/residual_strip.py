"""Value minus expected value over time, in spreads: grey while it is usual, coloured where not."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF

from lamplighter.ui.parts import Canvas
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

Floats = npt.NDArray[np.float64]
HIGH: Final = 34
USUAL: Final = 3.0
"""spreads within which nothing is coloured"""
MOST: Final = 8.0
SIGN: Final = "Δ / ±"
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def residuals(trace: Trace, first: int, last: int, hole_ms: float) -> tuple[Floats, Floats]:
    """(times in ms, distance in spreads) where a value and an expected one are both there."""
    none = np.zeros(0)
    rows = [r for r in trace.expected if first <= r[0] <= last and r[2] > 0]
    if not rows or not len(trace.time_ms):
        return none, none
    found = np.array(rows)
    at = found[:, 0]
    place = np.searchsorted(trace.time_ms, at, side="right") - 1
    near = (place >= 0) & (at - trace.time_ms[np.maximum(place, 0)] <= hole_ms)
    middle = (trace.low + trace.high) / 2
    value = np.where(near, middle[np.maximum(place, 0)], np.nan)
    away = (value - found[:, 1]) / found[:, 2]
    known = np.isfinite(away)
    return at[known], away[known]


class ResidualStrip(Canvas):
    """A low strip under a chart; `inset` are the widths of its axes."""

    def __init__(self) -> None:
        super().__init__()
        self._times, self._away = np.zeros(0), np.zeros(0)
        self._span = (0, 1)
        self.inset = (0.0, 0.0)
        self.setFixedHeight(theme().px(HIGH))
        self.setAccessibleName(tr("Distance from the expected value, in spreads"))

    def show_trace(self, trace: Trace, first: int, last: int, hole_ms: float) -> None:
        """Draw what lies in [first, last] ms."""
        self._times, self._away = residuals(trace, first, last, hole_ms)
        self._span = (first, max(last, first + 1))
        said = tr("nothing to compare with")
        if self._away.size:
            said = tr("now {z} spreads from the expected value", z=f"{self._away[-1]:+.1f}")
        self.setAccessibleDescription(said)
        self.setToolTip(tr("Value minus expected value, in spreads: {what}", what=said))
        self.setVisible(bool(self._away.size))
        self.update()

    @property
    def newest(self) -> float | None:
        """The last distance that is drawn."""
        return float(self._away[-1]) if self._away.size else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, look = QPainter(self), theme()
        left, right = self.inset
        box = QRectF(left, 1, max(1.0, self.width() - left - right), self.height() - 2.0)
        painter.fillRect(box, look.colour("chart.plot"))
        scale = max(USUAL + 1.0, min(MOST, float(np.max(np.abs(self._away), initial=0.0))))
        middle = box.center().y()
        unit = (box.height() / 2 - 1) / scale
        band = QRectF(box.left(), middle - USUAL * unit, box.width(), 2 * USUAL * unit)
        shade = look.colour("chart.band")
        shade.setAlphaF(look.number("chart.bandAlpha") + 0.04)
        painter.fillRect(band, shade)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        first, last = self._span
        x = box.left() + (self._times - first) / (last - first) * box.width()
        y = middle - np.clip(self._away, -scale, scale) * unit
        self._draw(painter, x, y)
        painter.setPen(look.colour("text.muted"))
        painter.setFont(look.font("tick"))
        if left - 4 >= painter.fontMetrics().horizontalAdvance(SIGN):
            painter.drawText(QRectF(0, box.top(), left - 4, box.height()), _RIGHT, SIGN)
        painter.end()

    def _draw(self, painter: QPainter, x: Floats, y: Floats) -> None:
        """Stretches of one kind each; beyond the usual in the colour of a medium alarm."""
        look = theme()
        odd = np.abs(self._away) > USUAL
        hole = 3.0 * float(np.median(np.diff(self._times))) if x.size > 2 else 0.0
        begin = 0
        for at in range(1, x.size + 1):
            apart = at < x.size and hole and self._times[at] - self._times[at - 1] > hole
            if at < x.size and odd[at] == odd[begin] and not apart:
                continue
            end = at + 1 if at < x.size and not apart else at
            points = [QPointF(float(a), float(b)) for a, b in zip(x[begin:end], y[begin:end],
                                                                  strict=True)]  # fmt: skip
            colour = look.colour("state.medium" if odd[begin] else "text.secondary")
            painter.setPen(QPen(colour, 1.5 if odd[begin] else 1.0))
            painter.drawPolyline(QPolygonF(points))
            begin = at

    def sizeHint(self) -> QSize:
        return QSize(200, theme().px(HIGH))
