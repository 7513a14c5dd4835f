"""A new work order, filled from a forecast or an alarm, or by hand."""

from __future__ import annotations

import uuid
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.order_rules import template_for, with_template
from lamplighter.ui.bound_fields import Bound, date_field
from lamplighter.ui.desk import Desk
from lamplighter.ui.order_words import PRIORITY_WORDS
from lamplighter.ui.parts import Text, button, row, window_of_its_own
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

DAY_MS: Final = 86_400_000
URGENT_DAYS: Final = {1: 1, 2: 7, 3: 14, 4: 14}
"""days until an order is due, by the priority of its alarm"""


def draft(item: Prognosis | None, name: str) -> WorkOrder:
    """A work order filled from a forecast, or an empty one."""
    ident = f"WO-{uuid.uuid4().hex[:6].upper()}"
    if item is None:
        return WorkOrder(ident, "", "")
    due = item.made_ms + round((item.days_low or 14.0) * DAY_MS)
    parts = ", ".join(p for p in (name, item.what) if p)
    title = tr("Inspect {what}", what=parts)
    note = item.reasons[0].text if item.reasons else ""
    return WorkOrder(
        ident, item.asset, title, due_ms=due, origin="forecast", note=note, priority=2,
        forecast=f"{item.asset}: {item.what}",
    )  # fmt: skip


def from_alarm(alarm: AlarmRecord, now_ms: int) -> WorkOrder:
    """A work order filled from an alarm."""
    ident = f"WO-{uuid.uuid4().hex[:6].upper()}"
    due = now_ms + URGENT_DAYS.get(alarm.priority, 14) * DAY_MS
    return WorkOrder(
        ident, alarm.asset, alarm.text, due_ms=due, origin="alarm", note=alarm.cause,
        priority=min(3, alarm.priority), alarm=alarm.key,
    )  # fmt: skip


class OrderForm(QWidget):
    """A small window that makes a work order; never modal."""

    made = Signal(str)
    """id of the order that was made, when it shall be opened"""

    def __init__(self, desk: Desk, asset: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Tool)
        window_of_its_own(self, tr("New work order"))
        self._desk, self._asset = desk, asset if asset in desk.city.assets else ""
        name = desk.city.name(self._asset) if self._asset else ""
        self.asset = QLineEdit()
        self._draft = self._drafted(self._asset, name)
        self._title = QLineEdit(self._draft.title)
        self._note = QLineEdit(self._draft.note)
        self.priority = QComboBox()
        for number, words in PRIORITY_WORDS.items():
            self.priority.addItem(tr(words), number)
        self.priority.setCurrentIndex(self.priority.findData(self._draft.priority))
        self.due = date_field(tr("Due"))
        self._due = Bound("due_ms", self.due, lambda name, value, seen: None)
        self._due.show(self._draft.due_ms or desk.clock.wall_ms() + 14 * DAY_MS, None)
        self.checklist = QComboBox()
        self._fill_jobs()
        self.open_it = QCheckBox(tr("Open it afterwards"))
        self._say = Text("", "caption", "secondary", wrap=True)
        self._build(name)
        about = tr("work order for {name}", name=name) if name else tr("work order")
        fields = {"job": self._title, "note": self._note}
        self._typing = desk.drafts.watch("order", asset, about, fields)

    def _drafted(self, asset: str, name: str) -> WorkOrder:
        """From a forecast when there is one, else from the alarm that stands, else empty."""
        desk = self._desk
        item = next((p for p in desk.prognoses if p.asset == asset), None)
        alarm = desk.worst_of(asset)
        if item is None and alarm is not None:
            return from_alarm(alarm, desk.clock.wall_ms())
        return draft(item, name)

    def _build(self, name: str) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 24)
        box.setSpacing(8)
        box.addWidget(Text(tr("New work order"), "heading"))
        self._about = Text(name or tr("Choose the asset it is for."), "body", "secondary")
        box.addWidget(self._about)
        if not self._asset:
            box.addWidget(self._asset_field())
        fields: tuple[tuple[str, QWidget], ...] = (
            (tr("Job"), self._title), (tr("Note"), self._note),
            (tr("Checklist"), self.checklist),
        )  # fmt: skip
        for word, field in fields:
            box.addWidget(Text(word, "caption", "secondary"))
            field.setAccessibleName(word)
            box.addWidget(field)
        self.priority.setAccessibleName(tr("Priority"))
        box.addWidget(Text(tr("Due, priority"), "caption", "secondary"))
        box.addLayout(row(self.due, self.priority))
        box.addWidget(self.open_it)
        box.addWidget(self._say)
        self._save = button(tr("Create work order"), self.save, kind="primary")
        box.addLayout(row(None, button(tr("Close"), self.close), self._save))
        self.setMinimumWidth(theme().px(440))
        self._title.returnPressed.connect(self.save)
        (self._title if self._asset else self.asset).setFocus()

    # ------------------------------------------------------------------ the asset
    def _asset_field(self) -> QLineEdit:
        """Nothing is selected: the asset is chosen here, by any part of its name or id."""
        found = self._desk.city.assets.values()
        self._named = {f"{a.name or a.id}  {a.id}": a.id for a in found}
        completer = QCompleter(sorted(self._named), self.asset)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(8)
        completer.activated.connect(self._typed_asset)
        self.asset.setCompleter(completer)
        self.asset.setAccessibleName(tr("Asset"))
        self.asset.setPlaceholderText(tr("Part of its name or id"))
        self.asset.textEdited.connect(self._typed_asset)
        self._desk.selection.changed.connect(self._selected)
        return self.asset

    def _selected(self) -> None:
        """An asset was chosen in any view meanwhile: it is meant, unless one was typed."""
        chosen = self._desk.selection.current
        if chosen in self._desk.city.assets and not self.asset.text():
            name = self._desk.city.name(chosen)
            self.asset.setText(f"{name}  {chosen}")
            self._choose(chosen)

    def _typed_asset(self, text: str) -> None:
        wanted = text.strip()
        known = self._desk.city.assets
        self._choose(self._named.get(text, wanted if wanted in known else ""))

    def _choose(self, asset: str) -> None:
        """What was drafted for it fills what nobody has typed yet."""
        if asset == self._asset:
            return
        before, self._asset = self._draft, asset
        name = self._desk.city.name(asset) if asset else ""
        self._about.setText(name or tr("Choose the asset it is for."))
        self._draft = self._drafted(asset, name)
        for field, old, new in ((self._title, before.title, self._draft.title),
                                (self._note, before.note, self._draft.note)):  # fmt: skip
            if field.text() == old:
                field.setText(new)
        self.checklist.clear()
        self._fill_jobs()
        self._say.setText("")

    def _fill_jobs(self) -> None:
        asset = self._desk.city.assets.get(self._asset)
        found = template_for(self._desk.records.jobs, asset.type if asset is not None else "")
        self.checklist.addItem(tr("none"), "")
        for job in found:
            self.checklist.addItem(job.name, job.id)
        own = asset is not None and any(asset.type in j.asset_types for j in found)
        self.checklist.setCurrentIndex(1 if own else 0)

    def save(self) -> None:
        """Sends the order; fields keep what was typed when it is refused."""
        title = self._title.text().strip()
        if not self._asset:
            self._say.setText(tr("Choose an asset of the list, or select one in the city."))
            self.asset.setFocus()
            return
        if not title:
            self._say.setText(tr("Say what is to be done, then create it."))
            return
        session = self._desk.session
        due = self._due.value()
        order = replace(
            self._draft,
            asset=self._asset,
            title=title,
            created_ms=self._desk.clock.wall_ms(),
            created_by=session.welcome.user if session else "",
            due_ms=due if isinstance(due, int) else 0,
            note=self._note.text().strip(),
            priority=int(self.priority.currentData()),
        )
        wanted = self.checklist.currentData()
        job = next((j for j in self._desk.records.jobs if j.id == wanted), None)
        if job is not None:
            order = with_template(order, job)
        self._desk.ask(wire.PutWorkOrder(order), self._answered)

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._say.setText(str(reply.problem))
            return
        if self.open_it.isChecked():
            self.made.emit(self._draft.id)
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._typing.end()
        super().closeEvent(event)
