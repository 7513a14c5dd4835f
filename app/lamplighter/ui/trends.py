"""The trends panel: charts side by side on one time axis, with shared cursors.

Follows the selection until something is kept, and the clock until a stretch is looked at; both
can be had back. All hands have a key: see `Stage`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.city import Limits
from lamplighter.domain.forecast import Forecast
from lamplighter.ui.asset_tree import ASSET_MIME
from lamplighter.ui.beat import Shown
from lamplighter.ui.desk import Desk
from lamplighter.ui.forecast_room import AHEAD_MS, brief, whole
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.series import Trace
from lamplighter.ui.time_model import Mode
from lamplighter.ui.trend_chart import Chart
from lamplighter.ui.trend_feed import TrendFeed, Wanted
from lamplighter.ui.trend_gaps import hole_of
from lamplighter.ui.trend_keys import Stage
from lamplighter.ui.trend_readout import Readout, between
from lamplighter.ui.trend_view import TrendView
from lamplighter.ui.trend_words import against, fitted, marks_of, note
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.trend_menu import TrendMenu

DAY_S: Final = 86_400
SPANS: Final = (
    (600, "10 min"), (1800, "30 min"), (14_400, "4 h"), (DAY_S, "24 h"), (7 * DAY_S, "7 d"),
    (30 * DAY_S, "30 d"), (365 * DAY_S, "1 year"), (3_653 * DAY_S, "10 years"),
)  # fmt: skip
MAX_CHARTS: Final = 10
POINTS: Final = 900
GHOST_AGAIN_MS: Final = 60_000
AHEAD_SHARE: Final = 4
"""the next hours take this part of a chart at most, six hours at most"""


class Trends(Panel):
    """Follows the selection until something is pinned by a drag or the menu."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.stage = Stage(self)
        self.feed = TrendFeed(desk, self)
        self.view = TrendView(1800)
        self.charts: list[Chart] = []
        self.normalised = False
        self.presets: tuple[wire.TrendPreset, ...] = ()
        self._pinned: list[list[int]] = []
        self.cursors: list[int | None] = [None, None]
        self._beats = 0
        self._ready = False
        self._menu: TrendMenu | None = None
        self._ghost_asked_ms = 0
        self.setAcceptDrops(True)
        self._note = Text("", "caption", "muted")
        self._empty = Text(
            tr("No trend yet. Select an asset, or drag one here from the tree."),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self._lay_out()
        desk.selection.changed.connect(self._follow)
        desk.city_changed.connect(self._city)
        desk.time.changed.connect(self._time_moved)
        desk.time.ghost_changed.connect(self.ask)
        desk.alarms_changed.connect(self._alarms)
        desk.presets_changed.connect(self._take_presets)
        desk.welcomed.connect(self._welcomed)
        desk.ahead.changed.connect(self._redraw)
        self.feed.arrived.connect(self._redraw)
        self.feed.marked.connect(self._marks)

    def _lay_out(self) -> None:
        self._back = button("\u2190", self.go_back, kind="flat",
                            tip=tr("What was shown before (Backspace)"))  # fmt: skip
        self._ahead = button("\u2192", self.go_ahead, kind="flat",
                             tip=tr("What was shown after (Shift+Backspace)"))  # fmt: skip
        self._hold = button(tr("Hold"), self.hold_or_follow, kind="flat",
                            tip=tr("Hold what is shown, or follow the clock (Space)"))  # fmt: skip
        self._more = button(tr("Charts…"), self.open_menu, kind="flat",
                            tip=tr("Scales, comparison, kept charts, export"))  # fmt: skip
        self._spans = QComboBox()
        self._spans.setAccessibleName(tr("Time span"))
        for seconds, word in SPANS:
            self._spans.addItem(tr(word), seconds)
        self._spans.setCurrentIndex(1)
        self._spans.activated.connect(self._span_changed)
        self._grid = QGridLayout(self.stage)
        self._grid.setContentsMargins(2, 2, 2, 2)
        self._grid.setSpacing(8)
        self.readout = Readout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 6, 12, 8)
        layout.setSpacing(4)
        layout.addLayout(
            row(self._note, None, self._back, self._ahead, self._hold, self._more, self._spans)
        )
        layout.addWidget(self._empty)
        layout.addWidget(self.stage, 1)
        layout.addWidget(self.readout)

    @property
    def traces(self) -> dict[int, Trace]:
        """Datastream id -> its curve."""
        return self.feed.traces

    def ready(self) -> None:
        """pyqtgraph may be imported now (after the first paint)."""
        self._ready = True
        self._city()

    # ---------------------------------------------------------------- what is shown
    def pin(self, streams: list[int]) -> None:
        """Adds a chart that stays whatever is selected."""
        known = [s for s in streams if s in self._desk.city.streams]
        if known and known not in self._pinned:
            self.set_charts([*self._pinned, known][-MAX_CHARTS:])

    def pin_asset(self, asset: str) -> None:
        """A chart for each of the first three datastreams of an asset."""
        for stream in self._desk.city.of_asset.get(asset, [])[:3]:
            self.pin([stream.id])

    def add_to(self, chart: Chart, asset: str) -> None:
        """The first datastream of an asset into a chart that is there."""
        streams = self._desk.city.of_asset.get(asset, [])
        ids = [s.id for s in chart.streams]
        if streams and streams[0].id not in ids:
            charts = [[s.id for s in c.streams] for c in self.charts]
            charts[charts.index(ids)] = [*ids, streams[0].id]
            self.set_charts(charts)

    def set_charts(self, charts: list[list[int]]) -> None:
        """Exactly these, until something else is wished."""
        self._pinned = charts
        self._rebuild()

    def unpin_all(self) -> None:
        self.set_charts([])

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
        if not self._ready or wanted == [[s.id for s in c.streams] for c in self.charts]:
            return
        for chart in self.charts:
            self._grid.removeWidget(chart)
            chart.plot.close()
            chart.hide()
            chart.deleteLater()
        self.charts = []
        streams = self._desk.city.streams
        self.feed.keep_only({i for ids in wanted for i in ids})
        for number, ids in enumerate(wanted):
            for ident in ids:
                self.traces.setdefault(ident, Trace())
            chart = Chart([streams[i] for i in ids], self.traces)
            self._wire(chart)
            columns = {1: 1, 2: 2, 4: 2}.get(len(wanted), 3 if len(wanted) < 7 else 4)
            self._grid.addWidget(chart, number // columns, number % columns)
            self.charts.append(chart)
        self._empty.setVisible(not self.charts)
        self._desk.ahead.watch(self.shown_streams())
        self.ask()
        self._redraw()

    def _wire(self, chart: Chart) -> None:
        plot = chart.plot
        plot.cursor_moved.connect(self._cursor)
        plot.span_chosen.connect(self.look)
        plot.panned.connect(self.pan)
        plot.zoomed.connect(self.zoom)
        plot.picked.connect(lambda ms, second: self.put_cursor(int(second), ms))
        plot.stepped_back.connect(self.go_back)

    # ---------------------------------------------------------------- the shown stretch
    def window_ms(self) -> tuple[int, int]:
        return self.view.window(self._desk.time.now_ms)

    def _moved(self) -> None:
        self.ask()
        self._redraw()

    def look(self, first_ms: int, last_ms: int) -> None:
        self.view.look(first_ms, last_ms)
        self._moved()

    def pan(self, by_ms: int) -> None:
        self.view.pan(by_ms, self._desk.time.now_ms)
        self._moved()

    def zoom(self, factor: float, about_ms: int) -> None:
        self.view.zoom(factor, about_ms, self._desk.time.now_ms)
        self._moved()

    def go_back(self) -> None:
        """What was shown before."""
        if self.view.back():
            self._moved()

    def go_ahead(self) -> None:
        """What was shown after."""
        if self.view.ahead():
            self._moved()

    def hold_or_follow(self) -> None:
        """Pause, or go on with the clock."""
        if self.view.following:
            self.view.hold(self._desk.time.now_ms)
        else:
            self.view.follow()
        self._moved()

    def show_span(self, seconds: int) -> None:
        """A moving window of another length."""
        at = self._spans.findData(seconds)
        if at >= 0:
            self._spans.setCurrentIndex(at)
        self.view.set_span(seconds)
        self._moved()

    def _span_changed(self) -> None:
        self.show_span(int(self._spans.currentData()))

    # ---------------------------------------------------------------- data
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.ask()  # what came while nobody looked is recorded, and was not added here

    def ask(self) -> None:
        """Ask for everything that is shown."""
        if not self._ready or self._desk.session is None:
            return
        time = self._desk.time
        first, last = self.window_ms()
        replay = time.mode is Mode.REPLAY
        if replay:
            last = min(last, time.now_ms)  # what came after the moment is not shown in it
        wide = max((c.plot.width() for c in self.charts), default=POINTS)
        self._ghost_asked_ms = time.monotonic_ms
        self.feed.want(
            Wanted(tuple(self.shown_streams()), first, max(last, first),
                   min(max(wide, 300), 2 * POINTS), time.known_ms, time.ghost_ms,
                   replay or not self.view.following)
        )  # fmt: skip

    def show_frame(self, shown: Shown) -> None:
        """Adds the newest points; redraws twice a second."""
        values = self._desk.live_values
        if values is not None and shown.mode is not Mode.REPLAY and self.view.following:
            self.feed.add_live(values, self.shown_streams())
        time = self._desk.time
        if time.ghost_ms and time.monotonic_ms - self._ghost_asked_ms > GHOST_AGAIN_MS:
            self.ask()
        self._beats += 1
        if shown.mode is Mode.REPLAY or not self.view.following:
            self._values()  # the curves stand still until others were asked for
        elif self._beats % 5 == 1:
            self._redraw()

    def _time_moved(self) -> None:
        if self._ready and self.charts:
            replay = self._desk.time.mode is Mode.REPLAY
            if not replay:
                self.feed.forget()
            self.ask()
            if not (replay and self.feed.busy):  # else it is drawn once, with its curves
                self._redraw()

    def _redraw(self) -> None:
        if not self._ready:
            return
        time = self._desk.time
        first, last = self.window_ms()
        replay = time.mode is Mode.REPLAY
        if not replay and self.view.following:
            shown = (self.traces[i] for i in self.shown_streams())
            first = fitted(shown, first, last, self.view.span_s)
        ahead = 0
        if self.view.following and time.known_ms is not None:
            ahead = (last - first) // 12  # room for what nobody knew yet
        elif self.view.following and not replay:
            ahead = (last - first) // 60
        aheads = self._next_hours()
        if aheads:
            ahead = max(ahead, min(AHEAD_MS, (last - first) // AHEAD_SHARE))
        for chart in self.charts:
            plot = chart.plot
            plot.traces, plot.ghosts, plot.ghost_ms = self.traces, self.feed.ghosts, time.ghost_ms
            plot.normalised, plot.thresholds = self.normalised, self.feed.thresholds
            plot.no_data_word = tr("not yet known") if time.known_ms else tr("no data")
            plot.aheads = aheads
            plot.pin(*self.cursors)
            self._mark(chart)
            unknown = replay and chart.streams[0].id not in aheads
            plot.redraw(first, last + ahead, last + ahead if unknown else min(last, time.now_ms))
            chart.show_distance(first, last + ahead)
        self._values(again=True)
        self._show_readout()
        self._words(replay)

    def _next_hours(self) -> dict[int, Forecast]:
        """What is forecast of the shown curves, where the charts end at the present."""
        room = self._desk.ahead
        if not self.view.following or not room.shown:
            return {}
        shown = (s for c in self.charts for s in c.streams[:1])
        found = {s.id: room.of_stream(s) for s in shown}
        return {i: f for i, f in found.items() if f is not None and f.value}

    def _values(self, *, again: bool = False) -> None:
        """The figures in the headings, for they may change while the curves stand still."""
        values = self._desk.values
        shown = (values.batch if values is not None else -1, self._desk.time.now_ms // 1000)
        for chart in self.charts:
            if again or chart.shown != shown:
                chart.shown = shown
                models = [self._desk.value(s) for s in chart.streams]
                chart.show_values(models, self._against(chart), *self._ahead_words(chart))

    def _marks(self) -> None:
        for chart in self.charts:
            self._mark(chart)
            chart.plot.marks_changed()

    def _words(self, replay: bool) -> None:
        span, pinned = self._spans.currentText(), bool(self._pinned)
        self._note.setText(note(self._desk, self.view, span, replay=replay, pinned=pinned))
        self._back.setEnabled(self.view.can_back)
        self._ahead.setEnabled(self.view.can_ahead)
        self._hold.setText(tr("Hold") if self.view.following else tr("Follow"))

    def _against(self, chart: Chart) -> str:
        stream = chart.streams[0]
        ghost, trace = self.feed.ghosts.get(stream.id), self.traces.get(stream.id)
        return against(stream, trace, ghost, self._desk.time.ghost_ms)

    def _ahead_words(self, chart: Chart) -> tuple[str, str]:
        """The sixth hour from now in short for the heading, and all about it."""
        stream, now = chart.streams[0], self._desk.time.now_ms
        item = self._desk.ahead.of_stream(stream)
        value = self._desk.ahead.measured(stream)
        short = brief(item, now, stream.resolution, converted=True, now=value)
        return short, whole(item, now, stream.resolution, value)

    def units_changed(self) -> None:
        """Axes, values and figures between the cursors in the units that are wanted now."""
        for chart in self.charts:
            chart.plot.restyle()
        self._values(again=True)
        self._show_readout()

    def show_ahead(self) -> None:
        """The next hours in the charts, or charts that end at now."""
        self._desk.ahead.show(not self._desk.ahead.shown)

    def _alarms(self) -> None:
        if self._ready and self.isVisible() and self._desk.time.mode is not Mode.REPLAY:
            self.feed.want_signs()

    def _mark(self, chart: Chart) -> None:
        chart.plot.marks, chart.plot.notes = marks_of(self._desk, chart.streams, self.feed.signs)

    # ---------------------------------------------------------------- cursors
    def _cursor(self, ms: int | None) -> None:
        for chart in self.charts:
            chart.plot.set_cursor(ms)

    def put_cursor(self, which: int, ms: int | None) -> None:
        """Cursor A (0) or B (1); what stands between them is told below the charts."""
        self.cursors[which] = ms
        self._redraw()

    def _show_readout(self) -> None:
        a, b = self.cursors
        self.readout.setVisible(a is not None and b is not None and bool(self.charts))
        if a is None or b is None:
            return
        rows = []
        for chart in self.charts:
            for stream in chart.streams:
                trace = self.traces[stream.id]
                found = between(trace, a, b, hole_of(stream, trace))
                rows.append((stream, found, trace.reduced))
        self.readout.show_rows(rows, a, b)

    # ---------------------------------------------------------------- drag, menu
    def clear_cursors(self) -> None:
        """No cursors; the table below goes."""
        self.cursors = [None, None]
        self._redraw()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(ASSET_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """On a chart: into it; beside the charts: as charts of their own."""
        raw = bytes(event.mimeData().data(ASSET_MIME).data()).decode()
        under = self._chart_at(event.position().toPoint())
        for asset in raw.split("\n"):
            if under is not None and self._pinned:
                self.add_to(under, asset)
                under = self._chart_at(event.position().toPoint())
            else:
                self.pin_asset(asset)
        event.acceptProposedAction()

    def _chart_at(self, at: QPoint) -> Chart | None:
        inside = self.stage.mapFrom(self, at)
        return next((c for c in self.charts if c.geometry().contains(inside)), None)

    def menu(self) -> TrendMenu:
        """Scales, comparison, kept charts, export."""
        from lamplighter.ui.trend_menu import TrendMenu

        if self._menu is None:
            self._menu = TrendMenu(self._desk, self)
        return self._menu

    def open_menu(self) -> None:
        self.menu().popup(self._more.mapToGlobal(QPoint(0, self._more.height())))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu().popup(event.globalPos())

    def _welcomed(self) -> None:
        self._desk.ask(wire.GetTrendPresets(), self._take_presets)
        self.ask()  # what was asked of the recorder before may never have come

    def _take_presets(self, reply: object) -> None:
        if isinstance(reply, wire.TrendPresets):
            self.presets = reply.items

    def state(self) -> str:
        """The pinned charts, to be kept between runs."""
        return json.dumps(self._pinned)

    @property
    def kept(self) -> list[list[int]]:
        """The charts that stay whatever is selected."""
        return [list(ids) for ids in self._pinned]
