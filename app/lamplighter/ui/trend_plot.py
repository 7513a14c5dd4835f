"""One chart: up to eight datastreams with an axis per unit, quality, gaps, marks and cursors.

The data given to pyqtgraph is O(pixels): a min/max envelope, so spikes survive. It is drawn
between 0 and 1; `trend_axes.Scale` says what that means in each unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.domain.forecast import Forecast
from lamplighter.ui.series import DOUBTFUL, HAND, Trace, flagged_envelope
from lamplighter.ui.theme import theme
from lamplighter.ui.trend_axes import MOST_AXES, Floats, Scale, TimeAxis, ValueAxis
from lamplighter.ui.trend_gaps import hole_of, holes
from lamplighter.ui.trend_hands import HandledPlot
from lamplighter.ui.trend_limits import limits, reached
from lamplighter.ui.trend_overlay import Overlay
from lamplighter.ui.trend_readout import value_at, word_of
from lamplighter.ui.units import shown_unit
from lamplighter.ui.words import tr

LABEL_PX: Final = 20.0
MOST_CURVES: Final = 8
_NONE: Final = np.zeros(0)
TRACES: Final = ("chart.trace1", "chart.trace2", "chart.trace3", "chart.trace4")


@dataclass(slots=True)
class _Curve:
    """The drawn parts of one datastream."""

    solid: Any
    dashed: Any
    hand: Any
    ghost: Any

    def parts(self) -> tuple[Any, ...]:
        return self.solid, self.dashed, self.hand, self.ghost


def ink_of(number: int) -> QColor:
    """The colour of the n-th curve of a chart."""
    return theme().colour(TRACES[number % len(TRACES)])


def _put(item: Any, x: Floats, y: Floats) -> None:
    """New points; nothing where nothing stays nothing, for each item costs its share of a frame."""
    if len(x) or getattr(item, "filled", True):
        item.filled = bool(len(x))
        item.setData(x, y)


class TrendPlot(HandledPlot):
    """Shows traces in [from, to]; `cursor_moved` carries the time under the pointer or None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.streams: list[Datastream] = []
        self.traces: dict[int, Trace] = {}
        self.ghosts: dict[int, Trace] = {}
        self.ghost_ms = 0
        """how far the ghosts are moved to the right"""
        self.span = (0, 1)
        self.marks: tuple[tuple[int, int], ...] = ()
        self.notes: tuple[int, ...] = ()
        self.cursor_ms: int | None = None
        self.pinned: tuple[int | None, int | None] = (None, None)
        self.no_data_word = tr("no data")
        self.normalised = False
        self.thresholds: Mapping[int, tuple[wire.Threshold, ...]] = {}
        """datastream id -> where its alarm rules fire"""
        self.scales: dict[int, Scale] = {}
        """what 0..1 means for each datastream"""
        self._known_to = 1
        self._shut = False
        axes = {"bottom": TimeAxis("bottom"), "left": ValueAxis("left"),
                "right": ValueAxis("right")}  # fmt: skip
        super().__init__(parent, axes)
        self._axes: list[ValueAxis] = [self.getAxis("left"), self.getAxis("right")]
        for column in (3, 4):
            axis = ValueAxis("right")
            self.getPlotItem().layout.addItem(axis, 2, column)
            axis.linkToView(self.getViewBox())
            self._axes.append(axis)
        self._bands: dict[int, tuple[Any, Any, Any, Any]] = {}
        """edges, shade and middle of what was expected of the first curve"""
        self.aheads: Mapping[int, Forecast] = {}
        """datastream id -> its next hours"""
        self._next: tuple[Any, ...] = ()
        """edges, shade, middle and naive rule of the next hours of the first curve"""
        self._curves: dict[int, _Curve] = {}
        self._overlay = Overlay(self)
        self.addItem(self._overlay, ignoreBounds=True)
        self.setYRange(0, 1, padding=0)
        theme().changed.connect(self.restyle)
        self.restyle()

    # ---------------------------------------------------------------- what is drawn
    def set_streams(self, streams: list[Datastream], traces: dict[int, Trace]) -> None:
        """What to draw; the traces are shared with their owner."""
        self.streams, self.traces = streams[:MOST_CURVES], traces
        for curve in self._curves.values():
            for part in curve.parts():
                self.removeItem(part)
        for band in self._bands.values():
            for part in band:
                self.removeItem(part)
        for part in self._next:
            self.removeItem(part)
        self._curves, self._bands, self._next = {}, {}, ()
        for number, stream in enumerate(self.streams):
            self._add(number, stream)

    def _add(self, number: int, stream: Datastream) -> None:
        look = theme()
        ink = ink_of(number)
        style = Qt.PenStyle.SolidLine if number < len(TRACES) else Qt.PenStyle.DashDotLine
        solid = pg.mkPen(ink, width=1, cosmetic=True, style=style)
        dashed = pg.mkPen(ink, width=1, cosmetic=True, style=Qt.PenStyle.DashLine)
        ghost = pg.mkPen(look.colour("chart.ghost"), width=1, cosmetic=True,
                         style=Qt.PenStyle.DotLine)  # fmt: skip
        if number == 0:
            self._bands[stream.id] = self._band_items()
            self._next = self._next_items()
        options = {"connect": "finite", "skipFiniteCheck": False}
        curve = _Curve(
            pg.PlotDataItem(pen=solid, **options),
            pg.PlotDataItem(pen=dashed, **options),
            pg.ScatterPlotItem(symbol="s", size=6, pen=pg.mkPen(ink), brush=None),
            pg.PlotDataItem(pen=ghost, **options),
        )
        curve.ghost.setZValue(-5)
        for part in curve.parts():
            self.addItem(part)
        self._curves[stream.id] = curve

    def insets(self) -> tuple[float, float]:
        """Pixels that the axes take at the left and at the right of what is drawn."""
        box = self.getViewBox().sceneBoundingRect()
        return float(box.left()), float(max(self.width() - box.right(), 0.0))

    def _band_items(self) -> tuple[Any, Any, Any, Any]:
        look = theme()
        shade = QColor(look.colour("chart.band"))
        shade.setAlphaF(look.number("chart.bandAlpha") + 0.04)
        edge_a, edge_b = pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None)
        band = pg.FillBetweenItem(edge_a, edge_b, brush=pg.mkBrush(shade))
        band.setZValue(-10)
        pen = pg.mkPen(look.colour("chart.ghost"), width=1, cosmetic=True,
                       style=Qt.PenStyle.DashLine)  # fmt: skip
        middle = pg.PlotCurveItem(pen=pen)
        middle.setZValue(-9)
        for item in (edge_a, edge_b, band, middle):
            self.addItem(item)
        return edge_a, edge_b, band, middle

    def _next_items(self) -> tuple[Any, ...]:
        look = theme()
        shade = QColor(look.colour("chart.forecast"))
        shade.setAlphaF(look.number("chart.bandAlpha"))
        edge_a, edge_b = pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None)
        band = pg.FillBetweenItem(edge_a, edge_b, brush=pg.mkBrush(shade))
        middle, naive = (
            pg.PlotCurveItem(pen=pg.mkPen(look.colour(ink), width=1.5, cosmetic=True, style=style))
            for ink, style in (
                ("chart.forecast", Qt.PenStyle.DashLine),
                ("chart.ghost", Qt.PenStyle.DotLine),
            )
        )
        items = (edge_a, edge_b, band, middle, naive)
        for height, item in zip((-8, -8, -8, -6, -7), items, strict=True):
            item.setZValue(height)
            self.addItem(item)
        return items

    def _ahead_rows(self, last: int) -> Floats | None:
        """(n, 5) time, value, low, high, naive of the first curve's next hours within the span."""
        item = self.aheads.get(self.streams[0].id) if self.streams else None
        if item is None or not item.time_ms or self.normalised:
            return None
        begin = max(self._known_to, self.span[0], item.time_ms[0] - item.step_ms // 2)
        times = [begin, *(t for t in item.time_ms if begin < t < last), last]
        found = [(t, *at) for t in times if t <= last and (at := item.at(t)) is not None]
        return np.array(found, np.float64) if len(found) > 1 else None

    def _draw_next(self, stream: Datastream, last: int) -> None:
        rows = self._ahead_rows(last)
        if not self._next or stream.id not in self.scales:
            return
        edge_a, edge_b, _, middle, naive = self._next
        if rows is None:
            for item in (edge_a, edge_b, middle, naive):
                _put(item, _NONE, _NONE)
            return
        scale, at = self.scales[stream.id], rows[:, 0] / 1000
        _put(edge_a, at, scale.place(rows[:, 2]))
        _put(edge_b, at, scale.place(rows[:, 3]))
        _put(middle, at, scale.place(rows[:, 1]))
        _put(naive, at, scale.place(rows[:, 4]))

    def redraw(self, first: int, last: int, known_to: int | None = None) -> None:
        """Draws the traces in [first, last] ms; at most one cell per two pixels.

        Up to `known_to` (else `last`) missing points are a gap; after it is only the future.
        """
        self.span = (first, last)
        self._known_to = last if known_to is None else known_to
        cells = max(50, int(self.getViewBox().width() or 300) // 2)
        drawn = {}
        for stream in self.streams:
            trace = self.traces.get(stream.id)
            if trace is not None:
                drawn[stream.id] = self._cells(stream, trace, first, last, cells)
        self._scale(drawn)
        for stream in self.streams:
            if stream.id in drawn:
                self._draw(stream, drawn[stream.id])
            self._draw_ghost(stream, first, last, cells)
        for stream in self.streams[:1]:
            if stream.id in self.traces:
                self._band(stream, self.traces[stream.id], first, last)
                self._draw_next(stream, last)
        self.setXRange(first / 1000, last / 1000, padding=0)
        self._overlay.prepareGeometryChange()
        self._overlay.update()

    @staticmethod
    def _cells(
        stream: Datastream, trace: Trace, first: int, last: int, cells: int
    ) -> tuple[Any, Any, Any, Any]:
        hole = hole_of(stream, trace)
        return flagged_envelope(
            trace.time_ms, trace.low, trace.high, trace.flags(), first, last, cells, hole
        )

    def _draw(self, stream: Datastream, cells: tuple[Any, Any, Any, Any]) -> None:
        t, low, high, flags = cells
        curve, scale = self._curves[stream.id], self.scales[stream.id]
        lo, hi = scale.place(low), scale.place(high)
        # a cell's column as one line: minimum and maximum alternate
        if len(t) and bool(np.nanmax(hi - lo, initial=0.0) > 0):
            zig = np.empty(2 * len(t))
            zig[0::2], zig[1::2] = lo, hi
            t, lo, flags = np.repeat(t, 2), zig, np.repeat(flags, 2)
        elif stream.states and len(t):  # a state holds until the next one is told
            t, lo, flags = np.repeat(t, 2)[1:], np.repeat(lo, 2)[:-1], np.repeat(flags, 2)[:-1]
        doubtful = (flags & DOUBTFUL) != 0
        if doubtful.any():
            near = doubtful | np.append(doubtful[1:], False) | np.append(False, doubtful[:-1])
            _put(curve.dashed, t, np.where(near, lo, np.nan))
            _put(curve.solid, t, np.where(doubtful, np.nan, lo))
        else:
            _put(curve.dashed, _NONE, _NONE)
            _put(curve.solid, t, lo)
        hand = (flags & HAND) != 0
        _put(curve.hand, t[hand], lo[hand])

    def _draw_ghost(self, stream: Datastream, first: int, last: int, cells: int) -> None:
        curve, trace = self._curves[stream.id], self.ghosts.get(stream.id)
        if trace is None or not self.ghost_ms:
            _put(curve.ghost, _NONE, _NONE)
            return
        back = self.ghost_ms
        t, low, high, _ = self._cells(stream, trace, first - back, last - back, cells)
        middle = self.scales[stream.id].place((low + high) / 2) if stream.id in self.scales else low
        _put(curve.ghost, t + back / 1000, middle)

    def _band(self, stream: Datastream, trace: Trace, first: int, last: int) -> None:
        parts = self._bands.get(stream.id)
        if parts is None:
            return
        rows = self._expected(trace, first, last)
        if rows is None:
            _put(parts[0], _NONE, _NONE)
            _put(parts[1], _NONE, _NONE)
            _put(parts[3], _NONE, _NONE)
            return
        scale = self.scales[stream.id]
        _put(parts[0], rows[:, 0] / 1000, scale.place(rows[:, 1] - rows[:, 2]))
        _put(parts[1], rows[:, 0] / 1000, scale.place(rows[:, 1] + rows[:, 2]))
        _put(parts[3], rows[:, 0] / 1000, scale.place(rows[:, 1]))

    @staticmethod
    def _expected(trace: Trace, first: int, last: int) -> Floats | None:
        rows = [r for r in trace.expected if first <= r[0] <= last]
        rows = rows[:: max(1, len(rows) // 200)]
        return np.array(rows) if rows else None

    # ---------------------------------------------------------------- scales
    def units(self) -> list[str]:
        """The units of the curves, in the order of their axes."""
        return list(dict.fromkeys(s.unit for s in self.streams))

    def _scale(self, drawn: dict[int, tuple[Any, Any, Any, Any]]) -> None:
        """A scale for each unit, or for each curve where there are too many units."""
        units = self.units()
        alone = self.normalised or len(units) > MOST_AXES
        groups = (
            [[s] for s in self.streams]
            if alone
            else [[s for s in self.streams if s.unit == unit] for unit in units]
        )
        self.scales = {}
        for group in groups:
            scale = self._scale_of(group, drawn)
            self.scales |= {s.id: scale for s in group}
        shown = [Scale("%", 0, 100)] if alone else [self.scales[g[0].id] for g in groups if g]
        for number, axis in enumerate(self._axes):
            mine = shown[number] if number < len(shown) else None
            on = mine is not None or number == 0
            named = mine.unit if mine is not None and (len(shown) > 1 or alone) else ""
            named = named if alone else shown_unit(named)
            ink = self._axis_ink(mine.unit if mine is not None else "", single=len(shown) < 2)
            wide = theme().px(40 if len(shown) < 2 else 50) if on else 0
            axis.dress(on, wide, named, ink)
            if mine is not None:
                axis.percent = alone
                axis.set_scale(mine)

    def _axis_ink(self, unit: str, *, single: bool) -> QColor:
        """The colour of the only curve on an axis, else that of all axes."""
        mine = [n for n, s in enumerate(self.streams) if s.unit == unit]
        return theme().colour("text.muted") if single or len(mine) != 1 else ink_of(mine[0])

    def _scale_of(self, group: list[Datastream], drawn: dict[int, Any]) -> Scale:
        low, high = np.inf, -np.inf
        for stream in group:
            if stream.id in drawn:
                _, lo, hi, _ = drawn[stream.id]
                if np.isfinite(lo).any():
                    low, high = min(low, float(np.nanmin(lo))), max(high, float(np.nanmax(hi)))
            ghost = self.ghosts.get(stream.id)
            if ghost is not None and self.ghost_ms and np.isfinite(ghost.low).any():
                low, high = min(low, np.nanmin(ghost.low)), max(high, np.nanmax(ghost.high))
            rows = None
            if stream is self.streams[0] and stream.id in self.traces:
                rows = self._expected(self.traces[stream.id], *self.span)
            if rows is not None:
                low = min(low, float((rows[:, 1] - rows[:, 2]).min()))
                high = max(high, float((rows[:, 1] + rows[:, 2]).max()))
            ahead = self._ahead_rows(self.span[1]) if stream is self.streams[0] else None
            if ahead is not None:
                low, high = min(low, float(ahead[:, 2].min())), max(high, float(ahead[:, 3].max()))
        if self.streams and group and group[0] is self.streams[0] and not self.normalised:
            low, high = reached(low, high, (value for _, value, _ in self.limits()))
        if not np.isfinite(low):
            low, high = 0.0, 1.0
        margin = (high - low) * 0.14 or abs(high) * 0.05 or 0.5
        tall = max(60.0, float(self.getViewBox().height()))
        label = (high - low) * LABEL_PX / (tall - LABEL_PX)  # the top limit's name fits above it
        unit = group[0].unit if group else ""
        words = group[0].states if len(group) == 1 else ()
        return Scale(unit, float(low - margin), float(high + max(margin, label)), words)

    def limits(self) -> list[tuple[str, float, bool]]:
        """Name with number, value, solid: the first curve's limits, and where its rules fire."""
        if not self.streams:
            return []
        return limits(self.streams[0], self.thresholds.get(self.streams[0].id, ()))

    def limit_places(self) -> list[tuple[str, float, bool]]:
        """The limits as heights in the plot."""
        if not self.streams or self.normalised or self.streams[0].id not in self.scales:
            return []
        scale = self.scales[self.streams[0].id]
        return [(word, scale.at(value), solid) for word, value, solid in self.limits()]

    # ---------------------------------------------------------------- gaps and cursors
    def holes(self) -> list[tuple[int, int, str]]:
        """Gaps of the first datastream, and the stretch without data at the live edge."""
        trace = self.traces.get(self.streams[0].id) if self.streams else None
        if trace is None:
            return []
        return holes(self.streams[0], trace, self.span, self._known_to, self.no_data_word)

    def cursor_words(self) -> list[str]:
        """Each curve's value under the pointer."""
        if self.cursor_ms is None or len(self.streams) > 4:
            return []
        found = []
        for stream in self.streams:
            trace = self.traces.get(stream.id)
            if trace is None:
                continue
            value = value_at(trace, self.cursor_ms, hole_of(stream, trace))
            found.append(word_of(stream, value) or tr("no data"))
        return found

    def set_cursor(self, ms: int | None) -> None:
        if ms != self.cursor_ms:
            self.cursor_ms = ms
            self._overlay.update()

    def pin(self, a_ms: int | None, b_ms: int | None) -> None:
        """The two cursors that stay."""
        if (a_ms, b_ms) != self.pinned:
            self.pinned = (a_ms, b_ms)
            self._overlay.update()

    def marks_changed(self) -> None:
        """Paints `marks` and `notes` anew."""
        self._overlay.update()

    def rubber_changed(self) -> None:
        self._overlay.update()

    # ---------------------------------------------------------------- looks
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
        for axis in (self.getAxis("bottom"), *self._axes):
            axis.setPen(pg.mkPen(look.colour("line.subtle")))
            axis.setTextPen(pg.mkPen(look.colour("text.muted")))
            axis.setStyle(tickFont=look.font("tick"), tickLength=0)
        for axis in self._axes[1:]:
            axis.dress(False, 0, "", look.colour("text.muted"))
            axis.setGrid(False)
        grid = QColor(look.colour("chart.axis"))
        self.showGrid(x=True, y=True, alpha=grid.alphaF() * 0.14)
        if self.streams:
            self.set_streams(self.streams, self.traces)
            self.redraw(*self.span, self._known_to)
