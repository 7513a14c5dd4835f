"""One chart of the trends panel: heading with the present value, legend, plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain.city import Datastream
from lamplighter.ui.parts import Canvas, Elided, Text, row
from lamplighter.ui.residual_strip import ResidualStrip
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.trend_gaps import hole_of
from lamplighter.ui.value_model import ValueModel, blank
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.trend_plot import TrendPlot


LEAST_HIGH: Final = 150
"""a lower chart keeps its room for the curve"""


class Legend(Canvas):
    """Which line is which, with the newest values; for charts of several curves."""

    def __init__(self, streams: list[Datastream]) -> None:
        super().__init__()
        self._streams = streams
        self._models: list[ValueModel] = []
        self.setFixedHeight(theme().px(16))
        self.setAccessibleName(tr("Curves"))

    def show_values(self, models: list[ValueModel]) -> None:
        self._models = models
        words = (f"{s.label or s.name} {m.text_with_unit}"
                 for s, m in zip(self._streams, models, strict=True))  # fmt: skip
        self.setAccessibleDescription(", ".join(words))
        self.setToolTip("\n".join(m.describe() for m in models))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        from lamplighter.ui.trend_plot import ink_of

        painter = QPainter(self)
        painter.setFont(theme().font("tick"))
        metrics = painter.fontMetrics()
        room = self.width() / max(1, len(self._streams))
        for number, (stream, model) in enumerate(zip(self._streams, self._models, strict=False)):
            x, y = number * room, self.height() / 2
            painter.setPen(QPen(ink_of(number), 2))
            painter.drawLine(QPointF(x, y), QPointF(x + 12, y))
            painter.setPen(theme().colour("text.primary" if model.live else "text.secondary"))
            text = f"{model.text_with_unit}  {stream.label or stream.name}"
            short = metrics.elidedText(text, Qt.TextElideMode.ElideRight, round(room - 24))
            box = QRectF(x + 16, 0, room - 20, self.height())
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, short)
        painter.end()

    def sizeHint(self) -> QSize:
        return QSize(200, theme().px(16))


class Chart(QWidget):
    """Heading with the value at the right, and the plot under it."""

    def __init__(self, streams: list[Datastream], traces: dict[int, Trace]) -> None:
        super().__init__()
        from lamplighter.ui.trend_plot import TrendPlot

        self.streams = streams
        self.title = Elided("", "caption")
        self.title.setFont(theme().font("caption", 600))
        self.value = Text("", "caption")
        self.plot: TrendPlot = TrendPlot()
        self.plot.set_streams(streams, traces)
        self.legend = Legend(streams) if len(streams) > 1 else None
        self._model = blank("")
        self.shown: tuple[int, int] | None = None
        """batch and second of the figures in the heading"""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(2)
        heading = row(self.title, self.value)
        heading.setStretch(0, 1)
        layout.addLayout(heading)
        if self.legend is not None:
            layout.addWidget(self.legend)
            self.value.hide()
        layout.addWidget(self.plot, 1)
        self.strip = ResidualStrip()
        self.strip.hide()
        layout.addWidget(self.strip)
        names = ", ".join(s.label or s.name for s in streams)
        self.title.set_full(names)
        self.plot.setAccessibleName(tr("Trend of {names}", names=names))

    def show_distance(self, first: int, last: int) -> None:
        """Draw the distance from the expected value below, where there is room for it."""
        stream = self.streams[0]
        trace = self.plot.traces.get(stream.id)
        if trace is None or len(self.streams) > 1 or self.height() < theme().px(LEAST_HIGH):
            self.strip.hide()
            return
        self.strip.inset = self.plot.insets()
        self.strip.show_trace(trace, first, last, hole_of(stream, trace))

    @property
    def value_model(self) -> ValueModel:
        return self._model

    def show_values(
        self, models: list[ValueModel], against: str = "", ahead: str = "", told: str = ""
    ) -> None:
        """The newest values; `against` words the difference to the compared day, `ahead` the next
        hours in short and `told` all about them.
        """
        model = self._model = models[0]
        extra = "" if model.live else f"  {tr('not live')}, {model.age_text}"
        next_ = f"   {ahead}" if ahead else ""
        self.value.setText(model.text_with_unit + extra + against + next_)
        self.value.set_tone("primary" if model.live else "secondary")
        words = "\n".join(t for t in (model.describe() + against, told) if t)
        self.setAccessibleDescription(words)
        self.value.setToolTip(words)
        if self.legend is not None:
            self.legend.show_values(models)
