"""The little curve of one anomaly: measured over the expected band, and the distance below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Limits
from lamplighter.ui.desk import Desk
from lamplighter.ui.residual_strip import ResidualStrip
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.trend_gaps import hole_of

if TYPE_CHECKING:
    from lamplighter.ui.trend_plot import TrendPlot

HIGH: Final = 132
BEFORE_MS: Final = 6 * 3_600_000
AFTER_MS: Final = 2 * 3_600_000
POINTS: Final = 240


class AnomalyCurve(QWidget):
    """From some hours before it began until it was over, or now."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._plot: TrendPlot | None = None
        self.strip = ResidualStrip()
        self._shown: tuple[str, int] = ("", 0)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(2)
        self._box.addWidget(self.strip)
        self.hide()

    def ready(self) -> None:
        """pyqtgraph may be imported now."""
        from lamplighter.ui.trend_plot import TrendPlot

        self._plot = TrendPlot()
        self._plot.setFixedHeight(theme().px(HIGH))
        self._box.insertWidget(0, self._plot)

    def show_anomaly(self, a: Anomaly | None) -> None:
        """Ask for its curve when it is another one or a minute went by."""
        stream = self._desk.city.streams.get(a.shown[0]) if a is not None and a.shown else None
        self.setVisible(stream is not None and self._plot is not None)
        if a is None or stream is None or self._plot is None:
            self._shown = ("", 0)
            return
        now = self._desk.clock.wall_ms()
        key = (a.id, a.until_ms or now // 60_000)
        if key == self._shown:
            return
        again = self._shown[0] == a.id
        self._shown = key
        if not again:
            self.trace = Trace()
            shown = stream if a.limit is not None else replace(stream, limits=Limits())
            self._plot.set_streams([shown], {stream.id: self.trace})
        first = min(a.since_ms, a.found_ms) - BEFORE_MS
        last = min(a.until_ms + AFTER_MS, now) if a.until_ms else now
        self._plot.marks = ((a.found_ms, 3),)
        asked = (stream.id,)

        def curve(reply: wire.Reply) -> None:
            if self._shown == key and isinstance(reply, wire.ExpectedCurves):
                self.trace.take_expected(reply)
                self._draw(first, last)

        def history(reply: wire.Reply) -> None:
            if self._shown == key and isinstance(reply, wire.History):
                self.trace.take_history(reply.series[0])
                self._draw(first, last)

        self._desk.ask(wire.GetHistory(asked, first, last + 1, POINTS), history)
        self._desk.ask(wire.GetExpectedCurve(asked, first, last, POINTS), curve)

    def _draw(self, first: int, last: int) -> None:
        plot = self._plot
        if plot is None or not plot.streams:
            return
        plot.redraw(first, last)
        self.strip.inset = plot.insets()
        self.strip.show_trace(self.trace, first, last, hole_of(plot.streams[0], self.trace))
