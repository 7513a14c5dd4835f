"""The faceplate: one asset with its values, what it should read, why, and what to do."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.domain.city import Asset, Datastream
from lamplighter.ui import numbers
from lamplighter.ui.beat import Shown
from lamplighter.ui.by_hand import HandPanel
from lamplighter.ui.command_panel import CommandPanel
from lamplighter.ui.desk import Desk
from lamplighter.ui.flow import Flow
from lamplighter.ui.forecast_room import brief, whole
from lamplighter.ui.glyphs import glyph_pixmap
from lamplighter.ui.parts import Elided, Panel, Scroller, Text, button, row, rule, tag
from lamplighter.ui.quiet_face import QuietFace
from lamplighter.ui.residual_strip import ResidualStrip
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.trend_gaps import hole_of
from lamplighter.ui.usual_lines import UsualLines
from lamplighter.ui.value_model import ValueModel
from lamplighter.ui.value_widgets import BigValue, Provenance, ValueBar, ValueLine
from lamplighter.ui.words import tr


class Faceplate(Panel):
    """Order from the top is always the same: name, value, bar, trend, provenance, what to do."""

    to_trend = Signal(str)
    to_order = Signal(str)
    to_view = Signal(str)
    """orders, files or life: more of the shown asset"""
    shelve = Signal(tuple)
    to_anomalies = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._stream: Datastream | None = None
        self._beats = 0
        self._plot: QWidget | None = None
        self.usual = UsualLines(desk)
        self.usual.to_anomalies.connect(self.to_anomalies)
        self.commands = CommandPanel(desk)
        content = Panel()
        self._layout = QVBoxLayout(content)
        self._layout.setContentsMargins(12, 12, 12, 12)
        self._layout.setSpacing(8)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scroller(content))
        self.quiet = QuietFace(desk)
        self._layout.addWidget(self.quiet)
        self._build_head()
        self._build_advice()
        self._layout.addWidget(self.commands)
        self._layout.addStretch(1)
        desk.selection.changed.connect(self.refresh)
        desk.alarms_changed.connect(self.refresh)
        desk.city_changed.connect(self.refresh)
        desk.time.changed.connect(self._time_moved)
        desk.orders_changed.connect(self.refresh)
        desk.prognosis_changed.connect(self.refresh)
        desk.status_changed.connect(self._tell_quiet)
        self.refresh()

    # ---------------------------------------------------------------- building
    def _build_head(self) -> None:
        self._body = QWidget()
        box = QVBoxLayout(self._body)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        self._glyph = QLabel()
        self._name = Elided("", "heading")
        self._path = Elided("", "caption", "secondary")
        self._mode = tag("")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._name)
        names.addWidget(self._path)
        head = row(self._glyph)
        head.addLayout(names, 1)
        head.addWidget(self._mode)
        box.addLayout(head)
        self.value, self.bar, self.provenance = BigValue(), ValueBar(), Provenance()
        self._what = Elided("", "caption", "secondary")
        box.addWidget(self._what)
        box.addWidget(self.value)
        box.addWidget(self.bar)
        self._plot_place = QVBoxLayout()
        box.addLayout(self._plot_place)
        self.ahead = Elided("", "caption", "secondary")
        self.ahead.hide()
        box.addWidget(self.ahead)
        box.addWidget(self.usual)
        box.addWidget(self.provenance)
        self.hand = HandPanel(self._desk)
        box.addWidget(self.hand)
        self._others = QVBoxLayout()
        self._others.setSpacing(0)
        box.addLayout(self._others)
        self.lines: list[ValueLine] = []
        self._no_stream = Text(
            tr("Not measured: no datastream is bound to this asset."),
            "body",
            "secondary",
            wrap=True,
        )
        box.addWidget(self._no_stream)
        self._layout.addWidget(self._body)

    def _build_advice(self) -> None:
        self._advice = QWidget()
        box = QVBoxLayout(self._advice)
        box.setContentsMargins(0, 4, 0, 0)
        box.setSpacing(4)
        self._todo = Text(tr("What to do"), "bodyStrong")
        self._time_left = Text("", "caption")
        box.addLayout(row(self._todo, None, self._time_left))
        grid = QGridLayout()
        grid.setColumnMinimumWidth(0, theme().px(72))
        grid.setColumnStretch(1, 1)
        self._cause_word = Text(tr("Cause"), "caption", "secondary")
        self._cause = Text("", "body", wrap=True)
        self._else_word = Text(tr("If nothing"), "caption", "secondary")
        self._else = Text("", "body", wrap=True)
        top = Qt.AlignmentFlag.AlignTop
        grid.addWidget(self._cause_word, 0, 0, top)
        grid.addWidget(self._cause, 0, 1)
        grid.addWidget(self._else_word, 1, 0, top)
        grid.addWidget(self._else, 1, 1)
        box.addLayout(grid)
        self._steps = Text("", "body", wrap=True)
        box.addWidget(self._steps)
        self._ack = button(tr("Acknowledge"), self._acknowledge, kind="primary")
        self._order = button(tr("Work order"), lambda: self.to_order.emit(self._asset_id()))
        self._shelve = button(tr("Shelve…"), lambda: self.shelve.emit(self._keys()))
        box.addLayout(Flow(self._ack, self._order, self._shelve))
        self.more = [
            button(words, partial(self.to_view.emit, name), kind="flat")
            for name, words in (
                ("life", tr("Life line")), ("orders", tr("Work orders")), ("files", tr("Files")),
            )
        ]  # fmt: skip
        box.addLayout(Flow(*self.more))
        self._lock_text = Text("", "caption", "secondary", wrap=True)
        box.addWidget(self._lock_text)
        self._layout.addWidget(rule())
        self._layout.addWidget(self._advice)

    def attach_plot(self) -> None:
        """Adds the 30 minute trend; called when pyqtgraph may be imported."""
        from lamplighter.ui.series import Trace
        from lamplighter.ui.trend_plot import TrendPlot

        self.trace = Trace()
        self._plot = TrendPlot()
        self._plot.setFixedHeight(theme().px(136))
        self._plot_place.addWidget(self._plot)
        self.strip = ResidualStrip()
        self.strip.hide()
        self._plot_place.addWidget(self.strip)
        self.refresh()

    # ---------------------------------------------------------------- content
    def _asset_id(self) -> str:
        return self._desk.selection.current

    def _keys(self) -> tuple[str, ...]:
        return tuple(a.key for a in self._desk.standing() if a.asset == self._asset_id())

    def refresh(self) -> None:
        """After the selection, the alarms or the city changed."""
        asset = self._desk.city.assets.get(self._asset_id())
        self.quiet.setVisible(asset is None)
        self._body.setVisible(asset is not None)
        self.commands.show_asset(asset)
        if asset is None:
            self._advice.hide()
            self._stream = None
            self.quiet.tell()
            return
        alarm = self._desk.worst_of(asset.id)
        self._show_head(asset, alarm)
        self._show_advice(alarm)
        streams = self._ordered(asset.id, alarm)
        first = streams[0] if streams else None
        if first is not self._stream:
            self._stream = first
            self._ask_trend()
        self._no_stream.setVisible(first is None)
        self.hand.show_stream(first)
        self.usual.show_stream(first, asset)
        for widget in (self.value, self.bar, self.provenance, self._what, self._plot):
            if widget is not None:
                widget.setVisible(first is not None)
        self._show_lines(streams[1:9])
        self._show_values()

    def _ordered(self, asset: str, alarm: AlarmRecord | None) -> list[Datastream]:
        """The alarmed datastream first, then those with limits, then the rest."""
        streams = self._desk.city.of_asset.get(asset, [])
        wanted = alarm.datastream if alarm is not None else -1
        return sorted(
            streams,
            key=lambda s: (s.id != wanted, bool(s.states), s.limits.high is None, s.id),
        )

    def _show_head(self, asset: Asset, alarm: AlarmRecord | None) -> None:
        self._name.set_full(asset.name or asset.id)
        self._path.set_full(self._desk.city.path(asset.id))
        self._glyph.setVisible(alarm is not None)
        if alarm is not None:
            self._glyph.setPixmap(
                glyph_pixmap(alarm.priority, alarm.state, theme().px(18), self.devicePixelRatioF())
            )
            self._glyph.setAccessibleName(tr("Priority {p}, {s}", p=alarm.priority, s=alarm.state))
        twin = asset.mode == "twin"
        self._mode.setText(tr("TWIN: may act") if twin else tr("SHADOW: read-only"))

    def _show_lines(self, streams: list[Datastream]) -> None:
        while len(self.lines) < len(streams):
            line = ValueLine()
            self._others.addWidget(line)
            self.lines.append(line)
        for number, line in enumerate(self.lines):
            line.setVisible(number < len(streams))
            if number < len(streams):
                line.setProperty("stream", streams[number].id)

    def _show_values(self) -> None:
        if self._stream is None:
            return
        model = self._desk.value(self._stream)
        alarm = self._desk.worst_of(self._asset_id())
        bad = alarm.priority if alarm is not None and alarm.active else model.breach
        self._what.set_full(self._short(model))
        for widget in (self.value, self.bar, self.provenance):
            widget.show_value(model, bad)
        self._show_ahead(self._stream)
        for line in self.lines:
            if line.isVisible():
                stream = self._desk.city.streams.get(int(line.property("stream")))
                if stream is not None:
                    line.show_value(self._desk.value(stream))

    def _show_ahead(self, stream: Datastream) -> None:
        """What it will be in six hours, where there is a basis; all about it in the tip."""
        item, now = self._desk.ahead.of_stream(stream), self._desk.time.now_ms
        value = self._desk.ahead.measured(stream)
        text = brief(item, now, stream.resolution, converted=True, now=value)
        self.ahead.set_full(text[:1].upper() + text[1:])
        self.ahead.setToolTip(whole(item, now, stream.resolution, value))
        self.ahead.setVisible(bool(text))

    @staticmethod
    def _short(model: ValueModel) -> str:
        return model.name

    def _show_advice(self, alarm: AlarmRecord | None) -> None:
        self._advice.show()
        has = alarm is not None
        self._todo.setText(tr("What to do") if has else tr("No alarm stands here"))
        for word, label, text in (
            (self._cause_word, self._cause, self._cause_text(alarm)),
            (self._else_word, self._else, alarm.consequence if alarm else ""),
        ):
            word.setVisible(bool(text))
            label.setVisible(bool(text))
            label.setText(text)
        steps = alarm.guidance if alarm else ()
        self._steps.setText("\n".join(f"{n}. {s}" for n, s in enumerate(steps, 1)))
        self._steps.setVisible(bool(steps))
        left = ""
        if alarm is not None and alarm.state is AlarmState.UNACK:
            spent = (self._desk.time.now_ms - alarm.since_ms) / 1000
            rest = alarm.respond_within_s - spent
            total = numbers.age(alarm.respond_within_s)
            left = tr("respond within {t}", t=total) + (
                tr(", {r} left", r=numbers.age(rest)) if rest > 0 else tr(", time is over")
            )
        self._time_left.setText(left)
        locked = self._desk.time.commands_locked
        unacked = [k for k in self._keys() if self._desk.alarms[k].state is AlarmState.UNACK]
        self._ack.setVisible(bool(unacked) and not locked)
        self._shelve.setVisible(has and not locked)
        self._lock_text.setVisible(locked)
        self._lock_text.setText(
            tr("Acknowledge, shelve and send are off outside live. Press L to go back.")
        )

    def _cause_text(self, alarm: AlarmRecord | None) -> str:
        """One sentence; a person may turn it off."""
        if alarm is None or not self._desk.unusual.reasons:
            return ""
        for incident in self._desk.incidents:
            if alarm.key in incident.folded:
                name = self._desk.city.name(incident.asset)
                at = numbers.clock(incident.since_ms)
                return tr(
                    "Probable cause: {name} {what}, {at}", name=name, what=incident.text, at=at
                )
        told = self._desk.unusual.standing_at(alarm.asset)
        mine = [a for a in told if a.datastream == alarm.datastream]
        return alarm.cause or (mine[0].reason if mine else alarm.text)

    def _acknowledge(self) -> None:
        keys = tuple(k for k in self._keys() if self._desk.alarms[k].state is AlarmState.UNACK)
        if keys:
            from lamplighter.domain import wire

            self._desk.ask(wire.AlarmAction("ack", keys))

    def _tell_quiet(self) -> None:
        if self.quiet.isVisibleTo(self):
            self.quiet.tell()

    # ---------------------------------------------------------------- trend
    def _time_moved(self) -> None:
        before = self._stream
        self.refresh()
        if self._stream is before:
            self._ask_trend()

    def _ask_trend(self) -> None:
        if self._plot is None or self._stream is None:
            return
        from lamplighter.domain import wire
        from lamplighter.ui.series import Trace

        self.trace = Trace()
        stream, time = self._stream, self._desk.time
        self._desk.ahead.watch([stream.id])
        if self._plot.streams == [stream]:  # type: ignore[attr-defined]
            self._plot.traces = {stream.id: self.trace}  # type: ignore[attr-defined]
        else:
            self._plot.set_streams([stream], {stream.id: self.trace})  # type: ignore[attr-defined]
        now = time.now_ms
        known_at = now if time.mode is Mode.REPLAY and time.as_known else None
        request = wire.GetHistory((stream.id,), now - 1_800_000, now + 1, 400, known_at)
        self._desk.ask(request, self._got_trend)
        usual = wire.GetExpectedCurve((stream.id,), now - 1_800_000, now, 90)
        self._desk.ask(usual, self._got_usual)
        self._redraw()

    def _got_trend(self, reply: object) -> None:
        series = getattr(reply, "series", ())
        if series and self._stream is not None and series[0].datastream == self._stream.id:
            self.trace.take_history(series[0])
            self._redraw()

    def _got_usual(self, reply: object) -> None:
        items = getattr(reply, "items", ())
        if items and self._stream is not None and items[0].datastream == self._stream.id:
            self.trace.take_expected(reply)  # type: ignore[arg-type]
            self._redraw()

    def _redraw(self) -> None:
        if self._plot is None or self._stream is None:
            return
        now = self._desk.time.now_ms
        alarms = self._desk.standing()
        self._plot.marks = tuple(  # type: ignore[attr-defined]
            (a.since_ms, a.priority) for a in alarms if a.datastream == self._stream.id
        )
        self._plot.redraw(now - 1_800_000, now)  # type: ignore[attr-defined]
        self.strip.inset = self._plot.insets()  # type: ignore[attr-defined]
        hole = hole_of(self._stream, self.trace)
        self.strip.show_trace(self.trace, now - 1_800_000, now, hole)

    def show_frame(self, shown: Shown) -> None:
        """Values at most four times a second, the trend once a second."""
        self._beats += 1
        stream = self._stream
        values = self._desk.live_values
        if stream is not None and self._plot is not None and values is not None:
            if stream.id < len(values) and shown.mode != "replay" and values.time_ms[stream.id]:
                at = int(values.time_ms[stream.id])
                self.trace.add(at, float(values.value[stream.id]), int(values.quality[stream.id]))
                self.trace.add_expected(
                    at, float(values.expected[stream.id]), float(values.spread[stream.id])
                )
            if self._beats % 10 == 2:
                self._redraw()
        if self._beats % 3 == 2:
            self._show_values()
        if self._beats % 50 == 10:
            self.usual.look()
