"""One work order in a window of its own: the work, its files, its history, and closing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict, Value
from lamplighter.domain.maintenance import JobTemplate, WorkOrder
from lamplighter.domain.order_fields import changes_between, fields_of, object_of
from lamplighter.domain.order_rules import is_standing, progress, template_for, with_template
from lamplighter.ui.attachment_list import AttachmentList
from lamplighter.ui.bound_fields import Bound, date_field
from lamplighter.ui.desk import Desk
from lamplighter.ui.order_close import ClosePage
from lamplighter.ui.order_history import HistoryPage
from lamplighter.ui.order_steps import LineAdder, StepsPanel
from lamplighter.ui.order_words import PRIORITY_WORDS, STATE_WORDS, due_words, when
from lamplighter.ui.parts import Elided, Panel, Scroller, Text, button, row, rule, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

PAGES: Final = ("Work", "Files", "History", "Sign off")
WORK, FILES, HISTORY, CLOSE = range(4)


class OrderDialog(QWidget):
    """Each change is kept at once, with what its author had seen; never modal."""

    gone = Signal(str)
    show_asset = Signal(str)

    def __init__(self, desk: Desk, order_id: str, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._desk, self.order_id = desk, order_id
        self._object = object_of(order_id)
        self._shut = False
        self.setWindowTitle(tr("Work order {n}", n=order_id))
        self.bound: list[Bound] = []
        self.steps = StepsPanel(self._send)
        self.files = AttachmentList(desk, order=order_id)
        self.history = HistoryPage(self._decide)
        self.closing = ClosePage(self._close, self._set_state)
        self._say = Text("", "body", "secondary", wrap=True)
        self._build()
        self._keys()
        self._tell("")
        self.resize(theme().px(1040), theme().px(660))
        desk.records.changed.connect(self._news)
        desk.orders_changed.connect(self.refresh)
        desk.records.jobs_changed.connect(self._fill_jobs)
        desk.time.changed.connect(self.refresh)
        desk.records.open(self._object)
        self._fill_jobs()
        self.show_page(WORK)
        self.refresh()

    # ---------------------------------------------------------------- building
    def _build(self) -> None:
        self._title = Elided("", "heading")
        self._about = Elided("", "caption", "secondary")
        self._state = tag("")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._title)
        names.addWidget(self._about)
        head = row()
        head.addLayout(names, 1)
        head.addWidget(self._state)
        self._stack, self._tabs = QStackedWidget(), QButtonGroup(self)
        switch = row(spacing=0)
        pages = (self._work_page(), self.files, self.history, Scroller(self._padded(self.closing)))
        for number, (words, page) in enumerate(zip(PAGES, pages, strict=True)):
            made = button(tr(words), kind="segment", tip=f"Alt+{number + 1}")
            made.setCheckable(True)
            self._tabs.addButton(made, number)
            switch.addWidget(made)
            self._stack.addWidget(page)
        self._tabs.idClicked.connect(self.show_page)
        switch.addStretch(1)
        self.asset_button = button(tr("Show asset"), self._show_asset)
        switch.addWidget(self.asset_button)
        switch.addSpacing(8)
        switch.addWidget(button(tr("Close window"), self.close))
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(8)
        box.addLayout(head)
        box.addLayout(switch)
        box.addWidget(self._say)
        box.addWidget(self._stack, 1)

    @staticmethod
    def _padded(inner: QWidget) -> Panel:
        made = Panel()
        box = QVBoxLayout(made)
        box.setContentsMargins(0, 0, 8, 0)
        box.addWidget(inner)
        return made

    def _work_page(self) -> QWidget:
        page = QWidget()
        box = row(spacing=16)
        page.setLayout(box)
        left = QWidget()
        left.setFixedWidth(theme().px(340))
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(self._form())
        inner.addStretch(1)
        box.addWidget(left)
        box.addWidget(rule(vertical=True))
        right = Panel()
        lines = QVBoxLayout(right)
        lines.setContentsMargins(0, 0, 8, 0)
        self._done = Text("", "caption", "secondary")
        lines.addWidget(self._done)
        lines.addWidget(self.steps)
        self.jobs = QComboBox()
        self.jobs.setAccessibleName(tr("Checklist"))
        self.take_job = button(tr("Add checklist"), self.add_checklist)
        self.keep_job = button(
            tr("Keep as checklist"), self.keep_checklist,
            tip=tr("These lines become a checklist for this type of asset"),
        )  # fmt: skip
        lines.addLayout(row(self.jobs, self.take_job, None, self.keep_job))
        self.adder = LineAdder(self._add, self._next_id)
        lines.addWidget(self.adder)
        lines.addStretch(1)
        box.addWidget(Scroller(right), 1)
        return page

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(6)
        self.job, self.crew, self.skill = QLineEdit(), QLineEdit(), QLineEdit()
        self.note, self.isolation = QPlainTextEdit(), QPlainTextEdit()
        for text in (self.note, self.isolation):
            text.setTabChangesFocus(True)
            text.setFixedHeight(theme().px(72))
        self.state, self.priority = QComboBox(), QComboBox()
        for name in ("open", "planned"):
            self.state.addItem(tr(STATE_WORDS[name]), name)
        for number, words in PRIORITY_WORDS.items():
            self.priority.addItem(tr(words), number)
        self.due, self.planned = date_field(tr("Due")), date_field(tr("Planned for"))
        self.minutes = QSpinBox()
        self.minutes.setRange(1, 100_000)
        self.minutes.setSuffix(tr(" min"))
        fields: tuple[tuple[str, str, QWidget], ...] = (
            ("title", tr("Job"), self.job),
            ("state", tr("State"), self.state),
            ("priority", tr("Priority"), self.priority),
            ("due_ms", tr("Due"), self.due),
            ("crew", tr("Crew"), self.crew),
            ("planned_ms", tr("Planned for"), self.planned),
            ("minutes", tr("Takes"), self.minutes),
            ("skill", tr("Skill"), self.skill),
            ("isolation", tr("Made safe by"), self.isolation),
            ("note", tr("Note"), self.note),
        )
        for name, words, widget in fields:
            widget.setAccessibleName(words)
            form.addRow(words, widget)
            self.bound.append(Bound(name, widget, self._send))  # type: ignore[arg-type]
        self.reason = QLineEdit()
        self.reason.setAccessibleName(tr("Why"))
        self.reason.setPlaceholderText(tr("why you change it; goes into the history"))
        form.addRow(tr("Why"), self.reason)
        self._came = Text("", "caption", "secondary", wrap=True)
        form.addRow("", self._came)
        return form

    def _keys(self) -> None:
        for number in range(len(PAGES)):
            QShortcut(QKeySequence(f"Alt+{number + 1}"), self, lambda n=number: self.show_page(n))
        QShortcut(QKeySequence("Esc"), self, self.close)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self, self._sign)

    def _sign(self) -> None:
        if self._stack.currentIndex() == CLOSE:
            self.closing.send()
        else:
            self.show_page(CLOSE)

    def show_page(self, number: int) -> None:
        """One of `PAGES`."""
        self._stack.setCurrentIndex(number)
        known = self._tabs.button(number)
        if known is not None:
            known.setChecked(True)
        if number == FILES:
            self.files.look()

    def _tell(self, words: str) -> None:
        self._say.setText(words)
        self._say.setVisible(bool(words))

    # ---------------------------------------------------------------- what stands
    @property
    def order(self) -> WorkOrder | None:
        """As the recorder says; None when it is not known here."""
        return self._desk.orders.get(self.order_id)

    def _news(self, object: str) -> None:
        if object == self._object:
            self.refresh()

    def _seen(self, field: str) -> tuple[str, ...] | None:
        return self._desk.records.heads(self._object, (field,)).get(field)

    def refresh(self) -> None:
        """After the order, its history or the time changed."""
        order = self.order
        if order is None:
            self._tell(tr("This order is not known at this moment."))
            return
        locked = self._desk.time.commands_locked
        city, standing = self._desk.city, is_standing(order)
        name = city.name(order.asset) or order.asset
        self._title.set_full(f"{name}: {order.title}")
        due = due_words(order, self._desk.time.now_ms)
        path = city.path(order.asset) if order.asset in city.assets else order.asset
        self._about.set_full(f"{order.id} · {path} · " + tr("due {d}", d=due))
        self._state.setText(tr(STATE_WORDS.get(order.state, order.state)).upper())
        values: dict[str, Value] = {n: getattr(order, n) for n in order.__struct_fields__
                                    if n not in ("steps", "parts")}  # fmt: skip
        fixed = locked or not standing
        for bound in self.bound:
            bound.show(values[bound.name], self._seen(bound.name))
            bound.widget.setEnabled(not fixed)
        self.steps.show_order(order, self._seen, fixed)
        done, every = progress(order)
        self._done.setText(
            tr("Checklist, {d} of {n} answered", d=done, n=every) if every
            else tr("No checklist yet. Add one for this type of asset, or single lines.")
        )  # fmt: skip
        for widget in (self.adder, self.take_job, self.jobs, self.keep_job):
            widget.setEnabled(not fixed)
        self._came.setText(self._origin(order))
        edits = self._desk.records.edits(self._object)
        here = self._desk.session.welcome.user if self._desk.session else ""
        seen = self._desk.records.heads(self._object, ("state", "finding", "signature"))
        conflicts = edits.conflicts([self._object])
        self.closing.show_order(order, here, seen, len(conflicts), locked)
        self.history.show_record(edits, self._object, order, self._here(), locked)
        tab = self._tabs.button(HISTORY)
        tab.setText(tr("History, {n} to decide", n=len(conflicts)) if conflicts else tr("History"))
        self.files.lock(locked)

    def _here(self) -> str:
        """The origin of edits made on this console."""
        return self._desk.session.welcome.console if self._desk.session else ""

    def _origin(self, order: WorkOrder) -> str:
        words = {
            "forecast": tr("From a forecast"), "alarm": tr("From an alarm"),
            "hand": tr("Made by hand"),
        }.get(order.origin, order.origin)  # fmt: skip
        key = order.forecast or order.alarm
        by = tr("{w}{key}, {who}, {t}", w=words, key=f" ({key})" if key else "",
                who=order.created_by or "—", t=when(order.created_ms))  # fmt: skip
        return by

    def _fill_jobs(self) -> None:
        order = self.order
        asset = self._desk.city.assets.get(order.asset) if order is not None else None
        found = template_for(self._desk.records.jobs, asset.type if asset is not None else "")
        self.jobs.clear()
        for job in found:
            self.jobs.addItem(job.name, job.id)
        self.jobs.setVisible(bool(found))
        self.take_job.setVisible(bool(found))

    # ---------------------------------------------------------------- changing
    def _send(self, name: str, value: Value, seen: tuple[str, ...] | None) -> None:
        changes: dict[str, Value] = {name: value}
        heads = {name: seen} if seen is not None else {}
        if name.startswith("step.") and name.endswith(".done"):
            user = self._desk.session.welcome.user if self._desk.session else ""
            prefix = name.removesuffix("done")
            changes[f"{prefix}done_by"] = user if value else ""
            changes[f"{prefix}done_ms"] = self._desk.clock.wall_ms() if value else 0
        self._change(changes, heads)

    def _change(
        self,
        changes: Mapping[str, Value],
        heads: dict[str, tuple[str, ...]],
        reason: str = "",
        second: str = "",
    ) -> None:
        self._desk.records.change(
            self._object, changes, reason=reason or self.reason.text().strip(), seen=heads,
            done=self._answered, second=second,
        )  # fmt: skip

    def _answered(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self._tell(str(reply.problem))
            self._desk.records.look(self._object)
        else:
            self._tell("")

    def _add(self, fields: dict[str, Value]) -> None:
        self._change(fields, {})

    def _next_id(self, kind: str) -> str:
        order = self.order
        items = () if order is None else order.steps if kind == "step" else order.parts
        used = {i.id for i in items}
        number = len(used) + 1
        while f"{kind[0]}{number}" in used:
            number += 1
        return f"{kind[0]}{number}"

    def add_checklist(self) -> None:
        """The chosen checklist's lines and parts, beside what is there."""
        order = self.order
        job = next((j for j in self._desk.records.jobs if j.id == self.jobs.currentData()), None)
        if order is not None and job is not None:
            changes = changes_between(order, with_template(order, job))
            known = fields_of(order)
            heads = self._desk.records.heads(self._object, [f for f in changes if f in known])
            self._change(changes, heads, tr("checklist {n}", n=job.name))

    def keep_checklist(self) -> None:
        """These lines as the project's own checklist for this type of asset."""
        order = self.order
        asset = self._desk.city.assets.get(order.asset) if order is not None else None
        if order is None or not order.steps:
            self._tell(tr("There is no line to keep."))
            return
        types = (asset.type,) if asset is not None and asset.type else ()
        job = JobTemplate("", order.title, types, order.skill, order.minutes, order.isolation,
                          order.steps, order.parts)  # fmt: skip
        self._desk.ask(wire.PutJob(job), self._kept)

    def _kept(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self._tell(tr("Kept. New orders of this type of asset can take it."))

    def _set_state(self, state: str, reason: str) -> None:
        order = self.order
        if order is None:
            return
        changes: dict[str, Value] = {"state": state}
        if state == "open":
            cleared = replace(order, closed_ms=0, closed_by="", finding="", signature="")
            changes |= changes_between(order, replace(cleared, state="open"))
        self._change(changes, self._desk.records.heads(self._object, changes), reason)

    def _close(self, ask: wire.CloseOrder) -> None:
        self._desk.ask(ask, self._answered)

    def _decide(self, conflict: Conflict, value: Value, reason: str, second: str) -> None:
        heads = {conflict.field: tuple(h.id for h in conflict.heads)}
        why = reason or tr("decided between two places")
        self._change({conflict.field: value}, heads, why, second)

    def _show_asset(self) -> None:
        if self.order is not None:
            self.show_asset.emit(self.order.asset)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._shut:
            super().closeEvent(event)
            return
        self._shut = True
        for bound in self.bound:
            bound.keep()
        self._desk.records.changed.disconnect(self._news)
        self._desk.orders_changed.disconnect(self.refresh)
        self._desk.records.jobs_changed.disconnect(self._fill_jobs)
        self._desk.time.changed.disconnect(self.refresh)
        self._desk.records.leave(self._object)
        self.files.shut()
        super().closeEvent(event)
        self.gone.emit(self.order_id)
