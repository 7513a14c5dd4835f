"""Planned works: what is planned, what runs, and planning them on assets or around a place."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QDateTime
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.alarm_design import PlannedWork
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, list_and_form, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.words import tr

SPANS: Final = ((2, "2 hours"), (8, "8 hours"), (24, "1 day"), (120, "5 days"))


class WorksPage(QWidget):
    """The list at the left, planning at the right."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.works: list[PlannedWork] = []
        titles = (tr("State"), tr("From"), tr("To"), tr("Works"), tr("Where"), tr("By"))
        self.table = plain_table(tr("Planned works"), titles, 3)
        self.table.itemSelectionChanged.connect(self._enable)
        self.say = Text("", "caption", "secondary", wrap=True)
        self.end = button(tr("End or take back"), self._end)
        self.text, self.reason = QLineEdit(), QLineEdit()
        self.text.setAccessibleName(tr("Works"))
        self.text.setPlaceholderText(tr("what is done, as the list shall say it"))
        self.reason.setAccessibleName(tr("Reason"))
        self.where = QLineEdit()
        self.where.setAccessibleName(tr("Assets"))
        self.where.setPlaceholderText(tr("assets, by comma; the selection is taken"))
        self.around = QCheckBox(tr("All around the first, within"))
        self.radius = QSpinBox()
        self.radius.setRange(10, 50_000)
        self.radius.setValue(200)
        self.radius.setSuffix(" m")
        self.radius.setAccessibleName(tr("Radius"))
        self.downstream = QCheckBox(tr("Also what depends on them"))
        self.begins, self.ends = QDateTimeEdit(), QDateTimeEdit()
        for field, name in ((self.begins, tr("From")), (self.ends, tr("To"))):
            field.setDisplayFormat("yyyy-MM-dd HH:mm")
            field.setCalendarPopup(True)
            field.setAccessibleName(name)
        self.span = QComboBox()
        self.span.setAccessibleName(tr("How long"))
        for hours, words in SPANS:
            self.span.addItem(tr(words), hours)
        self.span.activated.connect(lambda _: self._last())
        self.plan_it = button(tr("Plan"), self.plan, kind="primary")
        for line in (self.text, self.where):
            line.textChanged.connect(lambda _: self._enable())
        for field in (self.begins, self.ends):
            field.dateTimeChanged.connect(lambda _: self._enable())
        self._build()
        desk.room.design_changed.connect(self.look)
        desk.selection.changed.connect(self._take_selection)
        self._fresh()
        self.look()

    def _build(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.table, 1)
        left.addLayout(row(self.end, None))
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.addRow(tr("Works"), self.text)
        form.addRow(tr("On"), self.where)
        form.addRow("", row(self.around, self.radius, None))
        form.addRow("", self.downstream)
        form.addRow(tr("From"), self.begins)
        form.addRow(tr("To"), row(self.ends, self.span, None))
        form.addRow(tr("Reason"), self.reason)
        right = QVBoxLayout()
        right.addWidget(Text(tr("Plan works"), "bodyStrong"))
        about = tr(
            "Alarms of these assets are suppressed for this time and say so. Priority 1 is never "
            "covered. They end by themselves; what still stands then shows again."
        )
        right.addWidget(Text(about, "caption", "secondary", wrap=True))
        right.addLayout(form)
        right.addLayout(row(None, self.plan_it))
        right.addWidget(self.say)
        right.addStretch(1)
        list_and_form(self, left, right)

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._take_selection()
        self.look()

    def look(self) -> None:
        """The works as they stand, the next one first, then what is over."""
        now = self._desk.clock.wall_ms()
        coming = self._desk.room.works(now)
        over = [w for w in self._desk.room.design.works if w.to_ms <= now]
        self.works = [*coming, *sorted(over, key=lambda w: -w.to_ms)]
        rows = [
            (self._state(w, now), _when(w.from_ms), _when(w.to_ms),
             f"{w.text}: {w.reason}" if w.reason else w.text, self._place(w), w.by)
            for w in self.works
        ]  # fmt: skip
        fill(self.table, rows, [w.to_ms <= now for w in self.works])
        if not self.works and not self.say.text():
            self.say.setText(tr("No works are planned."))
        self._enable()

    def _state(self, work: PlannedWork, now: int) -> str:
        if work.to_ms <= now:
            return tr("over")
        if work.from_ms > now:
            return tr("planned")
        mark = f"works:{work.id}"
        held = sum(a.aside_by == mark and a.state is AlarmState.SUPPRESSED
                   for a in self._desk.live_alarms.values())  # fmt: skip
        return tr("runs, {n} alarms", n=held) if held else tr("runs")

    def _place(self, work: PlannedWork) -> str:
        names = [self._desk.city.name(a) for a in work.assets]
        if work.area is not None:
            names.append(tr("{r} m around a place", r=f"{work.area[2]:.0f}"))
        return ", ".join(names)

    def _take_selection(self) -> None:
        chosen = self._desk.selection.assets
        if chosen and self.isVisible() and not self.where.isModified():
            self.where.setText(", ".join(list(chosen)[:50]))

    def _fresh(self) -> None:
        now = QDateTime.fromMSecsSinceEpoch(self._desk.clock.wall_ms())
        self.begins.setDateTime(now)
        self.text.clear()
        self.reason.clear()
        self.where.setModified(False)
        self._last()

    def _last(self) -> None:
        hours = int(self.span.currentData())
        self.ends.setDateTime(self.begins.dateTime().addSecs(hours * 3600))

    def _ids(self) -> tuple[str, ...]:
        """Assets of the field, by id or by name."""
        city = self._desk.city
        names = {a.name: i for i, a in city.assets.items() if a.name}
        parts = [p.strip() for p in self.where.text().split(",") if p.strip()]
        return tuple(p if p in city.assets else names.get(p, p) for p in parts)

    def _enable(self) -> None:
        at = self.table.currentRow()
        now = self._desk.clock.wall_ms()
        picked = bool(self.table.selectedItems()) and 0 <= at < len(self.works)
        self.end.setEnabled(picked)
        running = picked and self.works[at].from_ms <= now < self.works[at].to_ms
        self.end.setText(tr("End it now") if running else tr("Take it back"))
        why, ids = "", self._ids()
        missing = [i for i in ids if i not in self._desk.city.assets]
        if not self.text.text().strip():
            why = tr("Say what is done first")
        elif not ids:
            why = tr("Choose assets first")
        elif missing:
            why = tr("There is no asset {name}", name=missing[0])
        elif self.ends.dateTime() <= self.begins.dateTime():
            why = tr("It ends before it begins")
        self.plan_it.setEnabled(not why)
        self.plan_it.setToolTip(why)

    # ---------------------------------------------------------------- doing
    def plan(self) -> None:
        """Plan what the fields say."""
        ids = self._ids()
        area = None
        first = self._desk.city.assets.get(ids[0]) if ids else None
        if self.around.isChecked() and first is not None:
            if first.lon is None or first.lat is None:
                self.say.setText(tr("{name} has no place", name=ids[0]))
                return
            area = (first.lon, first.lat, float(self.radius.value()))
            ids = ids[1:]
        work = PlannedWork(
            "", self.text.text().strip(), self.begins.dateTime().toMSecsSinceEpoch(),
            self.ends.dateTime().toMSecsSinceEpoch(), ids, area, self.downstream.isChecked(),
            self.reason.text().strip(),
        )  # fmt: skip
        self._desk.ask(wire.PutWork(work), self._planned)

    def _planned(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self.say.setText(tr("Planned as {name}.", name=reply.text))
            self._fresh()
        else:
            self.say.setText(str(getattr(reply, "problem", "")))

    def _end(self) -> None:
        at = self.table.currentRow()
        if 0 <= at < len(self.works):
            self._desk.ask(wire.DropWork(self.works[at].id))


def _when(ms: int) -> str:
    return f"{numbers.day(ms)} {numbers.clock_short(ms)}"
