"""The trends panel: charts side by side on one time axis, with one shared cursor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QMenu, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream, Limits
from lamplighter.ui.asset_tree import ASSET_MIME
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Elided, Panel, Text, row
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.value_model import ValueModel, blank
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.trend_plot import TrendPlot

SPANS: Final = ((600, "10 min"), (1800, "30 min"), (14_400, "4 h"), (86_400, "24 h"))
FIT_S: Final = (120, 300, 600, 1800, 7200, 21_600)
"""spans a chart takes while there is less data than its window"""
MAX_CHARTS: Final = 6


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
        self._model = blank("")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(2)
        heading = row(self.title, self.value)
        heading.setStretch(0, 1)
        layout.addLayout(heading)
        layout.addWidget(self.plot, 1)
        names = ", ".join(s.label or s.name for s in streams)
        self.title.set_full(names)
        self.plot.setAccessibleName(tr("Trend of {names}", names=names))

    @property
    def value_model(self) -> ValueModel:
        return self._model

    def show_value(self, model: ValueModel) -> None:
        self._model = model
        extra = "" if model.live else f"  {tr('not live')}, {model.age_text}"
        self.value.setText(model.text_with_unit + extra)
        self.value.set_tone("primary" if model.live else "secondary")
        self.setAccessibleDescription(model.describe())
        self.value.setToolTip(model.describe())


class Trends(Panel):
    """Follows the selection until something is pinned by a drag or the menu."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.traces: dict[int, Trace] = {}
        self.charts: list[Chart] = []
        self._pinned: list[list[int]] = []
        self._span_s = 1800
        self._asked: dict[int, tuple[int, int]] = {}
        self._beats = 0
        self._ready = False
        self.setAcceptDrops(True)
        self._note = Text("", "caption", "muted")
        self._empty = Text(
            tr("No trend yet. Select an asset, or drag one here from the tree."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._spans = QComboBox()
        self._spans.setAccessibleName(tr("Time span"))
        for seconds, word in SPANS:
            self._spans.addItem(word, seconds)
        self._spans.setCurrentIndex(1)
        self._spans.currentIndexChanged.connect(self._span_changed)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(4)
        layout.addLayout(row(self._note, None, self._spans))
        layout.addWidget(self._empty)
        layout.addLayout(self._grid, 1)
        desk.selection.changed.connect(self._follow)
        desk.city_changed.connect(self._city)
        desk.time.changed.connect(self._time_moved)
        desk.alarms_changed.connect(self._marks)

    def ready(self) -> None:
        """pyqtgraph may be imported now (after the first paint)."""
        self._ready = True
        self._city()

    # ---------------------------------------------------------------- what is shown
    def pin(self, streams: list[int]) -> None:
        """Adds a chart that stays whatever is selected."""
        known = [s for s in streams if s in self._desk.city.streams]
        if known and known not in self._pinned:
            self._pinned = [*self._pinned, known][-MAX_CHARTS:]
            self._rebuild()

    def pin_asset(self, asset: str) -> None:
        for stream in self._desk.city.of_asset.get(asset, [])[:3]:
            self.pin([stream.id])

    def unpin_all(self) -> None:
        self._pinned = []
        self._rebuild()

    def shown_streams(self) -> list[int]:
        return [s.id for c in self.charts for s in c.streams]

    def _city(self) -> None:
        if not self._desk.city_known or not self._ready:
            return
        self._pinned = [p for p in self._pinned if all(i in self._desk.city.streams for i in p)]
        self._rebuild()

    def _follow(self) -> None:
        if self._ready and not self._pinned:
            self._rebuild()

    def _wanted(self) -> list[list[int]]:
        if self._pinned:
            return self._pinned
        chosen = [
            [s.id]
            for asset in self._desk.selection.assets[-3:]
            for s in self._desk.city.of_asset.get(asset, [])[:3]
        ][:3]
        return chosen or self._defaults()

    def _defaults(self) -> list[list[int]]:
        """Something to look at before anything was chosen: one of each of three kinds."""
        found = []
        for kind in ("pressure", "power", "load", "noise", "flow", "speed", "voltage", "level"):
            ids = self._desk.city.by_kind.get(kind)
            if ids is not None and len(ids):
                found.append([self._first_of(ids.tolist())])
        others = (int(ids[0]) for ids in self._desk.city.by_kind.values() if len(ids))
        found += [[i] for i in others if [i] not in found]
        return found[:3]

    def _first_of(self, ids: list[int]) -> int:
        """Rather one with alarm limits: they say what the line means."""
        streams = self._desk.city.streams
        blank_limits = Limits()
        return next((i for i in ids if streams[i].limits != blank_limits), ids[0])

    def _rebuild(self) -> None:
        wanted = self._wanted()
        if wanted == [[s.id for s in c.streams] for c in self.charts]:
            return
        for chart in self.charts:
            self._grid.removeWidget(chart)
            chart.plot.close()
            chart.deleteLater()
        self.charts = []
        streams = self._desk.city.streams
        for number, ids in enumerate(wanted):
            for ident in ids:
                self.traces.setdefault(ident, Trace())
            chart = Chart([streams[i] for i in ids], self.traces)
            chart.plot.cursor_moved.connect(self._cursor)
            columns = 3 if len(wanted) != 4 else 2
            self._grid.addWidget(chart, number // columns, number % columns)
            self.charts.append(chart)
        self._empty.setVisible(not self.charts)
        self._marks()
        self._ask(force=True)
        self._redraw()

    # ---------------------------------------------------------------- data
    def window_ms(self) -> tuple[int, int]:
        now = self._desk.time.now_ms
        return now - self._span_s * 1000, now

    def _ask(self, *, force: bool = False) -> None:
        if self._desk.session is None:
            return
        first, last = self.window_ms()
        wanted = []
        for ident in self.shown_streams():
            known = self._asked.get(ident)
            if force or known is None or first < known[0] or last > known[1] + 60_000:
                wanted.append(ident)
                self._asked[ident] = (first, last)
        if wanted:
            replay = self._desk.time.mode is Mode.REPLAY
            known_at = last if replay and self._desk.time.as_known else None
            request = wire.GetHistory(tuple(wanted), first, last + 1, 900, known_at)
            self._desk.ask(request, self._got)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.History):
            for series in reply.series:
                trace = self.traces.setdefault(series.datastream, Trace())
                if self._desk.time.mode is Mode.REPLAY:
                    expected = trace.expected
                    trace = self.traces[series.datastream] = Trace(expected=expected)
                trace.take_history(series)
            for chart in self.charts:
                chart.plot.traces = self.traces
            self._redraw()

    def show_frame(self, shown: Shown) -> None:
        """Adds the newest points; redraws twice a second."""
        values = self._desk.live_values
        if values is not None and shown.mode is not Mode.REPLAY:
            for ident in self.shown_streams():
                if ident < len(values) and values.time_ms[ident]:
                    at = int(values.time_ms[ident])
                    trace = self.traces[ident]
                    trace.add(at, float(values.value[ident]), int(values.quality[ident]))
                    trace.add_expected(
                        at, float(values.expected[ident]), float(values.spread[ident])
                    )
        self._beats += 1
        if self._beats % 5 == 1:
            self._redraw()

    def _redraw(self) -> None:
        if not self._ready:
            return
        first, last = self.window_ms()
        replay = self._desk.time.mode is Mode.REPLAY
        if not replay:
            first = self._fitted(first, last)
        ahead = (last - first) // (12 if replay else 60)
        for chart in self.charts:
            chart.plot.no_data_word = tr("not yet known") if replay else tr("no data")
            chart.plot.redraw(first, last + ahead, last + ahead if replay else last)
            chart.show_value(self._desk.value(chart.streams[0]))
        word = self._spans.currentText()
        known = tr("as known then") if self._desk.time.as_known else tr("truth now")
        mode = known if replay else tr("live")
        self._note.setText(f"{word} · {mode}" + (f" · {tr('pinned')}" if self._pinned else ""))

    def _fitted(self, first: int, last: int) -> int:
        """The window's start, or that of the data while there is less than a window of it.

        In steps, so that the axis does not crawl; at least two minutes.
        """
        starts = [
            int(t.time_ms[0]) for i in self.shown_streams() if len((t := self.traces[i]).time_ms)
        ]
        if not starts or min(starts) <= first:
            return first
        for span in FIT_S:
            if span < self._span_s and last - min(starts) <= span * 1000:
                return last - span * 1000
        return first

    def _time_moved(self) -> None:
        if self._ready and self.charts:
            if self._desk.time.mode is not Mode.REPLAY:
                self.traces = {i: Trace() for i in self.shown_streams()}
                for chart in self.charts:
                    chart.plot.traces = self.traces
            self._asked.clear()
            self._ask(force=True)
            self._redraw()

    def _span_changed(self) -> None:
        self._span_s = int(self._spans.currentData())
        self._asked.clear()
        self._ask(force=True)
        self._redraw()

    def _marks(self) -> None:
        alarms = self._desk.standing()
        for chart in self.charts:
            ids = {s.id for s in chart.streams}
            chart.plot.marks = tuple(
                (a.since_ms, a.priority) for a in alarms if a.datastream in ids
            )

    def _cursor(self, ms: int | None) -> None:
        for chart in self.charts:
            chart.plot.set_cursor(ms)

    # ---------------------------------------------------------------- drag, menu
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(ASSET_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        raw = bytes(event.mimeData().data(ASSET_MIME).data()).decode()
        for asset in raw.split("\n"):
            self.pin_asset(asset)
        event.acceptProposedAction()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        for asset in self._desk.selection.assets:
            name = self._desk.city.name(asset)
            menu.addAction(tr("Add {name}", name=name), lambda a=asset: self.pin_asset(a))
        if self.charts:
            ids = self.shown_streams()
            menu.addAction(tr("Show all in one chart"), lambda: self._together(ids))
            menu.addAction(tr("Keep these charts"), self._keep)
        if self._pinned:
            menu.addAction(tr("Follow the selection again"), self.unpin_all)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def _keep(self) -> None:
        self._pinned = [[s.id for s in c.streams] for c in self.charts]
        self._redraw()

    def _together(self, ids: list[int]) -> None:
        self._pinned = [ids[n : n + 4] for n in range(0, len(ids), 4)]
        self._rebuild()

    def state(self) -> str:
        """The pinned charts, to be kept between runs."""
        return json.dumps(self._pinned)
