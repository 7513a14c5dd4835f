"""Then and now: what was not known at the moment that is shown, beside what is known today."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QFrame,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.maintenance import Prognosis
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

ASK_MS: Final = 400
LOW: Final = 300
"""A panel lower than this (px at 100 %) leaves out what the frame around the window says too."""
NAMED: Final = 200


class ThenAndNow(Panel):
    """Asks for the difference once the moment rests; `chosen` carries an asset to look at."""

    chosen = Signal(str)
    share = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.found: wire.Difference | None = None
        self._asking = False
        self._head = Text("", "title", wrap=True)
        self._lead = Text("", "body", "secondary", wrap=True)
        self._then = button(tr("As known then"), lambda: desk.time.set_as_known(True),
                            kind="segment")  # fmt: skip
        self._now = button(tr("Truth now"), lambda: desk.time.set_as_known(False), kind="segment")
        group = QButtonGroup(self)
        for each in (self._then, self._now):
            each.setCheckable(True)
            each.setProperty("mode", "replay")
            group.addButton(each)
        self.table = QTreeWidget()
        self.table.setColumnCount(3)
        self.table.setHeaderLabels(["", tr("Known then"), tr("Truth now")])
        self.table.setRootIsDecorated(True)
        self.table.setIndentation(12)
        self.table.setUniformRowHeights(True)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName(tr("What changed between then and now"))
        self.table.itemActivated.connect(self._go)
        self.table.itemClicked.connect(self._go)
        self._late_row: QTreeWidgetItem | None = None
        self._filled_as: bool | None = None
        self._late = Text("", "body", "secondary", wrap=True)
        self._late_head = Text(tr("Late data"), "caption", "secondary")
        self._lock = self._locked_box()
        self._share = button(tr("Share this moment"), self.share.emit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(8)
        layout.addWidget(self._head)
        layout.addWidget(self._lead)
        layout.addLayout(row(self._then, self._now, spacing=0))
        layout.addWidget(self.table, 1)
        layout.addWidget(self._late_head)
        layout.addWidget(self._late)
        layout.addWidget(self._lock)
        layout.addLayout(row(self._share, None))
        layout.addStretch()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(ASK_MS)
        self._later.timeout.connect(self._ask)
        desk.time.changed.connect(self.refresh)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def _locked_box(self) -> QFrame:
        box = QFrame()
        box.setProperty("role", "locked")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(12, 8, 12, 8)
        inside.setSpacing(2)
        inside.addWidget(Text(tr("Commands are locked"), "bodyStrong"))
        words = tr("Acknowledge, shelve and send are off in replay. Notes carry today's date.")
        inside.addWidget(Text(words, "caption", "secondary", wrap=True))
        return box

    def _restyle(self) -> None:
        self.table.setFont(theme().font("body"))
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)

    # ---------------------------------------------------------------- following
    def refresh(self) -> None:
        """After the moment or the mode changed."""
        time = self._desk.time
        replay = time.mode is Mode.REPLAY
        for widget in (self._then, self._now, self._share, self.table):
            widget.setVisible(replay)
        self._make_room()
        if not replay:
            self.found = None
            self._head.setText(tr("Then and now"))
            self._lead.setText(
                tr("Go to a moment of the past to see what was not known then: drag the time bar, "
                   "or press Ctrl G.")
            )  # fmt: skip
            self._forget()
            return
        (self._then if time.as_known else self._now).setChecked(True)
        at = numbers.clock_short(time.now_ms)
        self._head.setText(tr("What was not known at {t}", t=at))
        self._lead.setText(
            tr("Press T for Truth now, with what came late and what was corrected.")
            if time.as_known
            else tr("Everything known today. Press T for what was known then.")
        )
        if self.found is None or self.found.at_ms != time.now_ms:
            self._later.start()
        elif self._filled_as is not time.as_known:
            self._fill(self.found)

    def _forget(self) -> None:
        """Nothing of a moment that is left stands beside the next one."""
        self._late_row = None
        self.table.clear()
        self._late.setText("")
        self._late.hide()
        self._late_head.hide()

    def _make_room(self) -> None:
        """In a low panel the rows have the room of the words that the frame says too."""
        replay = self._desk.time.mode is Mode.REPLAY
        low = self.height() < theme().px(LOW)
        self._lock.setVisible(replay and not low)
        self._lead.setVisible(not replay or not low)
        late = bool(self._late.text()) and replay and not low
        self._late.setVisible(late)
        self._late_head.setVisible(late)
        if self._late_row is not None:
            self._late_row.setHidden(not low)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def _ask(self) -> None:
        time = self._desk.time
        if time.mode is Mode.REPLAY and self.isVisible() and not self._asking and not time.running:
            self._asking = True
            self._desk.ask(wire.GetDifference(time.now_ms, NAMED), self._got)

    def _got(self, reply: wire.Reply) -> None:
        self._asking = False
        if not isinstance(reply, wire.Difference) or self._desk.time.mode is not Mode.REPLAY:
            return
        self.found = reply
        self._fill(reply)
        if reply.at_ms != self._desk.time.now_ms:
            self._later.start()

    # ---------------------------------------------------------------- the table
    def _fill(self, found: wire.Difference) -> None:
        table = self.table
        self._late_row = None
        table.clear()
        self._filled_as = self._desk.time.as_known
        whole = f"{found.datastreams:,}"
        self._row(tr("Live streams"), f"{found.live_then:,}", f"{found.live_now:,}", whole)
        values = self._row(tr("Late values"), "0", f"{found.late_values:,}")
        fixed = self._row(tr("Corrected values"), "0", f"{found.corrected_values:,}")
        for change in found.changed:
            self._value(fixed if change.corrected else values, change)
        alarms = self._row(tr("Alarms"), str(found.alarms_then), str(found.alarms_now))
        for alarm in found.alarms_later:
            name = f"{self._desk.city.name(alarm.asset)}: {alarm.text}"
            since = numbers.clock_short(alarm.since_ms)
            self._row(name, tr("not known"), tr("since {t}", t=since), asset=alarm.asset, to=alarms)
        self._causes(found)
        self._forecasts(found)
        for order in found.orders_later:
            self._row(order.title, tr("not yet"), order.finding or order.note or order.state,
                      asset=order.asset)  # fmt: skip
        alarms.setExpanded(True)
        self._late_words(found)

    def _causes(self, found: wire.Difference) -> None:
        then = [i.text for i in found.causes_then]
        now = [i.text for i in found.causes_now]
        if then != now:
            asset = found.causes_now[0].asset if found.causes_now else ""
            self._row(tr("Probable cause"), ", ".join(then) or tr("none named"),
                      ", ".join(now) or tr("none named"), asset=asset)  # fmt: skip

    def _forecasts(self, found: wire.Difference) -> None:
        known = {(p.asset, p.what): p for p in found.prognoses_then}
        for item in found.prognoses_now[:20]:
            name = tr("Forecast, {name} fails", name=self._desk.city.name(item.asset))
            before = known.get((item.asset, item.what))
            self._row(name, _range(before), _range(item), asset=item.asset)

    def _value(self, to: QTreeWidgetItem, change: wire.ValueChange) -> None:
        stream = self._desk.city.streams.get(change.datastream)
        if stream is None:
            return
        then = tr("nothing")
        if change.then_ms:
            then = numbers.with_unit(change.then, stream.unit, stream.resolution)
        now = numbers.with_unit(change.now, stream.unit, stream.resolution)
        name = stream.label or stream.name
        item = self._row(name, then, now, asset=stream.asset, to=to)
        if change.then_ms and not change.corrected:
            a, b = numbers.clock_short(change.then_ms), numbers.clock_short(change.now_ms)
            item.setToolTip(0, tr("{name}: {then} of {a}, now {now} of {b}", name=name, then=then,
                                  a=a, now=now, b=b))  # fmt: skip

    def _row(
        self,
        name: str,
        then: str,
        now: str,
        tip: str = "",
        *,
        asset: str = "",
        to: QTreeWidgetItem | None = None,
    ) -> QTreeWidgetItem:
        item = QTreeWidgetItem([name, then, now])
        item.setData(0, 256, asset)
        item.setToolTip(0, tr("{a} of {b}", a=then, b=tip) if tip else f"{name}: {then} → {now}")
        item.setSizeHint(0, QSize(0, theme().row))
        strong, role = theme().font("body", 600), 1 if self._desk.time.as_known else 2
        item.setFont(role, strong)
        if to is None:
            self.table.addTopLevelItem(item)
        else:
            to.addChild(item)
        return item

    def _late_words(self, found: wire.Difference) -> None:
        lines = []
        hidden = self._desk.time.as_known
        for late in found.late[:3]:
            rows = f"{late.points:,}"
            if not found.late_complete:
                rows = tr("at least {n}", n=rows)
            lines.append(
                tr("{source}: {rows} rows about {a} to {b} arrived until {t}{end}.",
                   source=late.source, rows=rows, a=numbers.clock_short(late.first_ms),
                   b=numbers.clock_short(late.last_ms), t=numbers.clock_short(late.arrived_ms),
                   end=tr(" and are hidden in this mode") if hidden else "")
            )  # fmt: skip
        if len(found.late) > 3:
            lines.append(tr("And {n} more sources.", n=len(found.late) - 3))
        self._late.setText("\n".join(lines))
        if lines:
            self._late_row = self._row(tr("Late data"), "", "")
            for words in lines:
                self._row(words, "", "", to=self._late_row).setToolTip(0, words)
            self._late_row.setToolTip(0, "\n".join(lines))
        self._make_room()

    def _go(self, item: QTreeWidgetItem) -> None:
        asset = item.data(0, 256)
        if asset:
            self._desk.selection.select(str(asset))
            self.chosen.emit(str(asset))


def _range(item: Prognosis | None) -> str:
    """A forecast's interval, or that there was none."""
    if item is None or item.low is None or item.high is None or math.isnan(item.low):
        return tr("none yet")
    return numbers.percent_range(item.low, item.high)
