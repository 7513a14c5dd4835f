"""One chart: up to four datastreams with limits, expected band, gaps, marks and a shared cursor.

The data given to pyqtgraph is O(pixels): a min/max envelope, so spikes survive.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from lamplighter.domain.city import Datastream
from lamplighter.ui import numbers
from lamplighter.ui.glyphs import draw_glyph
from lamplighter.ui.series import Trace, envelope
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

LABEL_PX: Final = 20.0
TRACES: Final = ("chart.trace1", "chart.trace2", "chart.trace3", "chart.trace4")


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Local time, without the unit on every tick."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if spacing < 60:
            return [numbers.clock(round(v * 1000)) for v in values]
        if spacing < 86_400:
            return [numbers.clock_short(round(v * 1000)) for v in values]
        return [numbers.day(round(v * 1000)) for v in values]

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        steps = (1, 5, 15, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800)
        wanted = (high - low) / max(2, min(5, size / 90))
        step = next((s for s in steps if s >= wanted), 604_800)
        return [(step, 0)]


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """Three to five numbers with a true minus."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [numbers.number(v, spacing if spacing < 1 else 1) for v in values]

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        wanted = (high - low) / 4
        if wanted <= 0:
            return [(1.0, 0)]
        power = 10 ** np.floor(np.log10(wanted))
        step = next((m * power for m in (1, 2, 5, 10) if m * power >= wanted), 10 * power)
        return [(float(step), 0)]


class Overlay(pg.GraphicsObject):  # type: ignore[misc]
    """Gaps, limit names, alarm marks and the now line, painted in view coordinates."""

    def __init__(self, plot: TrendPlot) -> None:
        super().__init__()
        self._plot = plot
        self.setZValue(20)

    def boundingRect(self) -> QRectF:
        return QRectF(self._plot.getViewBox().viewRect())

    def paint(self, painter: QPainter, *_: object) -> None:
        view = self._plot.getViewBox()
        look = theme()
        painter.save()
        painter.resetTransform()
        ratio = painter.device().devicePixelRatioF()
        painter.scale(ratio, ratio)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = view.mapRectToScene(view.rect())

        def x_of(ms: float) -> float:
            return float(view.mapViewToScene(QPointF(ms / 1000, 0)).x())

        def y_of(value: float) -> float:
            return float(view.mapViewToScene(QPointF(0, value)).y())

        painter.setClipRect(box)
        painter.setFont(look.font("tick"))
        for first, last, word in self._plot.holes():
            hatch = QRectF(x_of(first), box.top(), max(2.0, x_of(last) - x_of(first)), box.height())
            ink = QColor(look.colour("chart.gap"))
            painter.fillRect(hatch, QBrush(ink, Qt.BrushStyle.BDiagPattern))
            if hatch.width() > 24:
                self._plate(painter, hatch.center().x(), box.top() + 4, word)
        named: list[tuple[float, float]] = []
        for word, value, solid in self._plot.limits():
            y = y_of(value)
            pen = QPen(look.colour("chart.limit"), 1)
            if not solid:
                pen.setDashPattern([6, 3])
            painter.setPen(pen)
            painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
            above = y - 3 - painter.fontMetrics().ascent() > box.top()
            base = y - 3 if above else y + 2 + painter.fontMetrics().ascent()
            near = [end for at, end in named if abs(at - base) < painter.fontMetrics().height()]
            start = max([box.left() + 6, *(end + 10 for end in near)])  # beside a close one
            painter.drawText(QPointF(start, base), word)
            named.append((base, start + painter.fontMetrics().horizontalAdvance(word)))
        for at, priority in self._plot.marks:
            x = x_of(at)
            if box.left() <= x <= box.right():
                painter.setPen(QPen(look.colour("text.muted"), 1))
                painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
                draw_glyph(painter, QPointF(x, box.top() + 9), priority, size=14)
        if self._plot.cursor_ms is not None:
            x = x_of(self._plot.cursor_ms)
            painter.setPen(QPen(look.colour("chart.cursor"), 1))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
            self._plate(painter, x, box.bottom() - 18, numbers.clock(self._plot.cursor_ms))
        painter.restore()

    @staticmethod
    def _plate(painter: QPainter, x: float, top: float, word: str) -> None:
        look = theme()
        width = painter.fontMetrics().horizontalAdvance(word) + 8
        clip = painter.clipBoundingRect()
        left = min(max(x - width / 2, clip.left()), clip.right() - width)
        plate = QRectF(left, top, width, 16)
        painter.fillRect(plate, look.colour("chart.plot"))
        painter.setPen(look.colour("text.secondary"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, word)


class TrendPlot(pg.PlotWidget):  # type: ignore[misc]
    """Shows traces in [from, to]; `cursor_moved` carries the time under the pointer or None."""

    cursor_moved = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.streams: list[Datastream] = []
        self.traces: dict[int, Trace] = {}
        self.span = (0, 1)
        self.marks: tuple[tuple[int, int], ...] = ()
        self.cursor_ms: int | None = None
        self.no_data_word = tr("no data")
        self._known_to = 1
        self._shut = False
        axes = {"bottom": TimeAxis("bottom"), "left": ValueAxis("left")}
        super().__init__(parent, axisItems=axes, enableMenu=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        self.getViewBox().setDefaultPadding(0.0)
        self._bands: dict[int, tuple[object, object, object]] = {}
        self._curves: dict[int, tuple[object, object]] = {}
        self._overlay = Overlay(self)
        self.addItem(self._overlay, ignoreBounds=True)
        self.scene().sigMouseMoved.connect(self._moved)
        theme().changed.connect(self.restyle)
        self.restyle()

    def set_streams(self, streams: list[Datastream], traces: dict[int, Trace]) -> None:
        """What to draw; the traces are shared with their owner."""
        self.streams, self.traces = streams[:4], traces
        for curve, fill in self._curves.values():
            self.removeItem(curve)
            self.removeItem(fill)
        for parts in self._bands.values():
            for part in parts:
                self.removeItem(part)
        self._curves, self._bands = {}, {}
        for number, stream in enumerate(self.streams):
            self._add(number, stream)

    def _add(self, number: int, stream: Datastream) -> None:
        look = theme()
        ink = look.colour(TRACES[number])
        pen = pg.mkPen(ink, width=1, cosmetic=True)
        if number == 0:
            shade = QColor(look.colour("chart.band"))
            shade.setAlphaF(look.number("chart.bandAlpha") + 0.04)
            edge_a, edge_b = pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None)
            band = pg.FillBetweenItem(edge_a, edge_b, brush=pg.mkBrush(shade))
            band.setZValue(-10)
            for item in (edge_a, edge_b, band):
                self.addItem(item)
            self._bands[stream.id] = (edge_a, edge_b, band)
        low = pg.PlotDataItem(pen=pen, connect="finite", skipFiniteCheck=False)
        high = pg.PlotDataItem(pen=pen, connect="finite", skipFiniteCheck=False)
        self.addItem(low)
        self.addItem(high)
        self._curves[stream.id] = (low, high)

    def redraw(self, first: int, last: int, known_to: int | None = None) -> None:
        """Draws the traces in [first, last] ms; at most one cell per two pixels.

        Up to `known_to` (else `last`) missing points are a gap; after it is only the future.
        """
        self.span = (first, last)
        self._known_to = last if known_to is None else known_to
        cells = max(50, int(self.getViewBox().width() or 300) // 2)
        low, high = np.inf, -np.inf
        for stream in self.streams:
            trace = self.traces.get(stream.id)
            if trace is None:
                continue
            hole = max(2.5 * stream.period_ms, 2_000.0)
            if trace.reduced and len(trace.time_ms) > 4:
                hole = max(hole, 3.0 * float(np.median(np.diff(trace.time_ms[:200]))))
            t, lo, hi = envelope(trace.time_ms, trace.low, trace.high, first, last, cells, hole)
            lower, upper = self._curves[stream.id]
            # a cell's column as one line: minimum and maximum alternate
            wide = len(t) > 0 and bool(np.nanmax(hi - lo, initial=0.0) > 0)
            if wide:
                zig = np.empty(2 * len(t))
                zig[0::2], zig[1::2] = lo, hi
                lower.setData(np.repeat(t, 2), zig)  # type: ignore[attr-defined]
            else:
                lower.setData(t, lo)  # type: ignore[attr-defined]
            upper.setData([], [])  # type: ignore[attr-defined]
            if len(t) and np.isfinite(lo).any():
                low, high = min(low, float(np.nanmin(lo))), max(high, float(np.nanmax(hi)))
            low, high = self._band(stream, trace, first, last, low, high)
        for _, value, _ in self.limits():
            low, high = min(low, value), max(high, value)
        if not np.isfinite(low):
            low, high = 0.0, 1.0
        margin = (high - low) * 0.14 or abs(high) * 0.05 or 0.5
        self.setXRange(first / 1000, last / 1000, padding=0)
        tall = max(60.0, float(self.getViewBox().height()))
        label = (high - low) * LABEL_PX / (tall - LABEL_PX)  # the top limit's name fits above it
        self.setYRange(low - margin, high + max(margin, label), padding=0)
        self._overlay.prepareGeometryChange()
        self._overlay.update()

    def _band(
        self, stream: Datastream, trace: Trace, first: int, last: int, low: float, high: float
    ) -> tuple[float, float]:
        parts = self._bands.get(stream.id)
        if parts is None:
            return low, high
        rows = [r for r in trace.expected if first <= r[0] <= last]
        rows = rows[:: max(1, len(rows) // 200)]
        if not rows:
            parts[0].setData([], [])  # type: ignore[attr-defined]
            parts[1].setData([], [])  # type: ignore[attr-defined]
            return low, high
        data = np.array(rows)
        t, under, over = data[:, 0] / 1000, data[:, 1] - data[:, 2], data[:, 1] + data[:, 2]
        parts[0].setData(t, under)  # type: ignore[attr-defined]
        parts[1].setData(t, over)  # type: ignore[attr-defined]
        return min(low, float(under.min())), max(high, float(over.max()))

    def limits(self) -> list[tuple[str, float, bool]]:
        """Name with number, value, solid; only the first datastream's."""
        if not self.streams:
            return []
        stream = self.streams[0]
        found = (
            ("LL", stream.limits.low_low, True),
            ("L", stream.limits.low, False),
            ("H", stream.limits.high, False),
            ("HH", stream.limits.high_high, True),
        )
        step = max(stream.resolution, 0.1)
        return [(f"{w} {numbers.number(v, step)}", v, s) for w, v, s in found if v is not None]

    def holes(self) -> list[tuple[int, int, str]]:
        """Gaps of the first datastream, and the stretch without data at the live edge."""
        if not self.streams:
            return []
        stream, trace = self.streams[0], self.traces.get(self.streams[0].id)
        first, last = self.span
        if trace is None:
            return []
        found = [
            (max(first, a), min(last, b), tr("gap"))
            for a, b in trace.gaps
            if b > first and a < last
        ]
        end = trace.last()
        since, known = (end[0] if end else first), self._known_to
        if known - since > max(3 * stream.period_ms, 3_000) + (last - first) // 200:
            found.append((max(first, since), known, self.no_data_word))
        return found

    def set_cursor(self, ms: int | None) -> None:
        if ms != self.cursor_ms:
            self.cursor_ms = ms
            self._overlay.update()

    def _moved(self, where: QPointF) -> None:
        view = self.getViewBox()
        if view.sceneBoundingRect().contains(where):
            self.cursor_moved.emit(round(view.mapSceneToView(where).x() * 1000))

    def leaveEvent(self, event: object) -> None:
        super().leaveEvent(event)
        self.cursor_moved.emit(None)

    def close(self) -> None:
        """pyqtgraph empties a closed plot; it must not hear of themes any more."""
        if not self._shut:
            self._shut = True
            theme().changed.disconnect(self.restyle)
            super().close()

    def restyle(self) -> None:
        if self._shut:
            return
        look = theme()
        self.setBackground(look.colour("bg.panel"))
        self.getViewBox().setBackgroundColor(look.colour("chart.plot"))
        self.getViewBox().setBorder(pg.mkPen(look.colour("line.subtle"), width=1))
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(pg.mkPen(look.colour("line.subtle")))
            axis.setTextPen(pg.mkPen(look.colour("text.muted")))
            axis.setStyle(tickFont=look.font("tick"), tickLength=0)
        self.getAxis("left").setWidth(look.px(36))
        grid = QColor(look.colour("chart.axis"))
        self.showGrid(x=True, y=True, alpha=grid.alphaF() * 0.14)
        if self.streams:
            self.set_streams(self.streams, self.traces)
