"""Whom to call when nobody acknowledges: ways, steps, and a test that calls now."""

from __future__ import annotations

import re
import shlex
from typing import Final

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm_design import Escalation, Way
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, list_and_form, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

KINDS: Final = (("email", "E-mail"), ("mqtt", "MQTT topic"), ("program", "Program"))
FIELDS: Final = {
    "email": ("host", "port", "tls", "user", "secret", "sender", "to", "ca"),
    "mqtt": ("host", "port", "tls", "topic", "user", "secret", "ca"),
    "program": ("program",),
}
WORDS: Final = {
    "host": "Server", "port": "Port", "tls": "Protection", "user": "User",
    "secret": "Where the password is", "sender": "From", "to": "To", "topic": "Topic",
    "ca": "CA file", "program": "Program",
}  # fmt: skip
HINTS: Final = {
    "secret": "keyring:SERVICE/USER, env:NAME or file:PATH",
    "port": "0: the usual one",
    "tls": "starttls, tls or none",
    "to": "addresses, by comma",
    "program": "path and arguments; no shell",
}


class CallsPage(QWidget):
    """Ways at the left with their test, the steps below, one way at the right."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.ways: tuple[Way, ...] = ()
        self.steps: tuple[Escalation, ...] = ()
        titles = (tr("Way"), tr("Kind"), tr("To"))
        self.table = plain_table(tr("Ways to call somebody"), titles, 2)
        self.table.itemSelectionChanged.connect(self._picked)
        self.test = button(tr("Test: call now"), self.call_now)
        self.drop = button(tr("Remove the way"), self._drop)
        heads = (tr("Priorities"), tr("After"), tr("Again every"), tr("At most"), tr("Ways"))
        self.plan = plain_table(tr("When who is called"), heads, 4)
        self.plan.itemSelectionChanged.connect(self._enable)
        self.say = Text("", "body", "secondary", wrap=True)
        self.id, self.kind = QLineEdit(), QComboBox()
        self.id.setAccessibleName(tr("Name of the way"))
        self.kind.setAccessibleName(tr("Kind"))
        for kind, words in KINDS:
            self.kind.addItem(tr(words), kind)
        self.fields: dict[str, QLineEdit] = {}
        self._form = QFormLayout()
        self.keep = button(tr("Keep the way"), self._keep, kind="primary")
        self.levels, self.who = QLineEdit("1, 2"), QLineEdit()
        self.levels.setAccessibleName(tr("Priorities"))
        self.who.setAccessibleName(tr("Ways"))
        self.who.setPlaceholderText(tr("ways, by comma"))
        self.after, self.again, self.most = QSpinBox(), QSpinBox(), QSpinBox()
        for spin, most, value, end, name in (
            (self.after, 1440, 5, " min", tr("After")),
            (self.again, 1440, 15, " min", tr("Again every")),
            (self.most, 99, 4, "", tr("At most")),
        ):
            spin.setRange(1, most)
            spin.setValue(value)
            spin.setSuffix(end)
            spin.setAccessibleName(name)
        self.add_step = button(tr("Add step"), self._add_step)
        self.drop_step = button(tr("Remove step"), self._drop_step)
        self._build()
        desk.room.design_changed.connect(self.look)
        for line in (self.id, self.who, self.levels):
            line.textChanged.connect(lambda _: self._enable())
        self.kind.currentIndexChanged.connect(lambda _: self._show_fields())
        self._show_fields()
        self.look()

    def _build(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(6)
        about = tr(
            "Alarms nobody acknowledges in time call somebody. Acknowledging ends the calls. "
            "Test each way: it calls now and says whether it worked."
        )
        left.addWidget(Text(about, "caption", "secondary", wrap=True))
        left.addWidget(self.table, 2)
        left.addLayout(row(self.test, self.drop, None))
        left.addWidget(self.say)
        left.addWidget(self.plan, 1)
        step = row(spacing=4)
        for words, field in (
            (tr("Priorities"), self.levels), (tr("after"), self.after), (tr("again"), self.again),
            (tr("at most"), self.most),
        ):  # fmt: skip
            step.addWidget(Text(words, "caption", "secondary"))
            step.addWidget(field)
        step.addWidget(self.who, 1)
        left.addLayout(step)
        left.addLayout(row(self.add_step, self.drop_step, None))
        self.levels.setFixedWidth(theme().px(64))
        self._form.setVerticalSpacing(6)
        self._form.addRow(tr("Name"), self.id)
        self._form.addRow(tr("Kind"), self.kind)
        for name, words in WORDS.items():
            made = self.fields[name] = QLineEdit()
            made.setAccessibleName(tr(words))
            made.setPlaceholderText(tr(HINTS.get(name, "")) if name in HINTS else "")
            made.textChanged.connect(lambda _: self._enable())
            self._form.addRow(tr(words), made)
        right = QVBoxLayout()
        right.addWidget(Text(tr("A way to call"), "bodyStrong"))
        words = tr("The password itself is never kept here, only where it is.")
        right.addWidget(Text(words, "caption", "secondary", wrap=True))
        right.addLayout(self._form)
        right.addLayout(row(None, button(tr("New"), self._clear), self.keep))
        right.addStretch(1)
        list_and_form(self, left, right)

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def look(self) -> None:
        """Ways and steps as they stand."""
        design = self._desk.room.design
        self.ways, self.steps = design.ways, design.escalations
        fill(self.table, [(w.id, tr(dict(KINDS)[w.kind]), target(w)) for w in self.ways])
        rows = [
            (", ".join(str(p) for p in s.priorities), numbers.age(s.after_s),
             numbers.age(s.repeat_s), tr("{n} calls", n=s.most), ", ".join(s.ways))
            for s in self.steps
        ]  # fmt: skip
        fill(self.plan, rows)
        if not self.ways:
            self.say.setText(tr("Nobody is called yet. Write a way at the right, then a step."))
        elif not self.steps:
            self.say.setText(tr("There are ways and no step: nobody is called by itself."))
        self._enable()

    @property
    def chosen(self) -> Way | None:
        """The selected way."""
        at = self.table.currentRow()
        picked = bool(self.table.selectedItems())
        return self.ways[at] if picked and 0 <= at < len(self.ways) else None

    def _picked(self) -> None:
        way = self.chosen
        if way is not None:
            self.id.setText(way.id)
            self.kind.setCurrentIndex(self.kind.findData(way.kind))
            for name, line in self.fields.items():
                line.setText(_text_of(way, name))
        self._enable()

    def _clear(self) -> None:
        self.table.clearSelection()
        self.id.clear()
        for line in self.fields.values():
            line.clear()

    def _show_fields(self) -> None:
        wanted = FIELDS[str(self.kind.currentData())]
        for name, line in self.fields.items():
            self._form.setRowVisible(line, name in wanted)
        self._enable()

    def _enable(self) -> None:
        some = self.chosen is not None
        self.test.setEnabled(some)
        self.drop.setEnabled(some)
        kind = str(self.kind.currentData())
        need = {"email": ("host", "sender", "to"), "mqtt": ("host", "topic"),
                "program": ("program",)}[kind]  # fmt: skip
        missing = [WORDS[n] for n in need if not self.fields[n].text().strip()]
        ready = bool(self.id.text().strip()) and not missing
        self.keep.setEnabled(ready)
        self.keep.setToolTip(tr("Missing: {what}", what=", ".join(missing)) if missing else "")
        known = {w.id for w in self.ways}
        who = self._who()
        self.add_step.setEnabled(bool(who) and set(who) <= known and bool(self._levels()))
        self.drop_step.setEnabled(bool(self.plan.selectedItems()))

    def _who(self) -> tuple[str, ...]:
        return tuple(w.strip() for w in self.who.text().split(",") if w.strip())

    def _levels(self) -> tuple[int, ...]:
        return tuple(sorted({int(n) for n in re.findall(r"[1-4]", self.levels.text())}))

    # ---------------------------------------------------------------- doing
    def call_now(self) -> None:
        """Call by the chosen way, with words that say it is a test."""
        way = self.chosen
        if way is not None:
            self.say.setText(tr("Calling by {name} …", name=way.id))
            self._desk.ask(wire.TryWay(way.id), lambda reply: self._called(way.id, reply))

    def _called(self, name: str, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self.say.setText(f"{name}: {tr('it worked')}. {reply.text}".strip())
        else:
            problem = str(getattr(reply, "problem", ""))
            self.say.setText(f"{name}: {tr('it did not work')}. {problem}")

    def way(self) -> Way:
        """The way as the fields say it."""
        text = {n: f.text().strip() for n, f in self.fields.items()}
        kind = str(self.kind.currentData())
        keep = {n: v for n, v in text.items() if n in FIELDS[kind]}
        port = int(re.sub(r"\D", "", keep.pop("port", "")) or 0)
        to = tuple(t.strip() for t in keep.pop("to", "").split(",") if t.strip())
        program = tuple(shlex.split(keep.pop("program", "")))
        tls = keep.pop("tls", "") or ("tls" if kind == "mqtt" else "starttls")
        return Way(self.id.text().strip(), kind, port=port, to=to, program=program, tls=tls, **keep)

    def _keep(self) -> None:
        try:
            way = self.way()
        except ValueError as error:
            self.say.setText(tr("The program cannot be read: {why}", why=error))
            return
        self._desk.ask(wire.PutWay(way), lambda reply: self._told(reply, tr("Kept. Test it now.")))

    def _drop(self) -> None:
        way = self.chosen
        if way is not None:
            self._desk.ask(wire.DropWay(way.id), lambda reply: self._told(reply, tr("Removed.")))

    def _add_step(self) -> None:
        step = Escalation(self._who(), self._levels(), self.after.value() * 60.0,
                          self.again.value() * 60.0, self.most.value())  # fmt: skip
        self._put((*self.steps, step))

    def _drop_step(self) -> None:
        at = self.plan.currentRow()
        self._put(tuple(s for n, s in enumerate(self.steps) if n != at))

    def _put(self, steps: tuple[Escalation, ...]) -> None:
        asked = wire.PutEscalations(steps)
        self._desk.ask(asked, lambda reply: self._told(reply, tr("The steps are changed.")))

    def _told(self, reply: wire.Reply, words: str) -> None:
        good = isinstance(reply, wire.Ok)
        self.say.setText(words if good else str(getattr(reply, "problem", "")))


def target(way: Way) -> str:
    """Where a way leads, in a few words."""
    match way.kind:
        case "email":
            return tr("{to} by {host}", to=", ".join(way.to), host=way.host)
        case "mqtt":
            return tr("{topic} at {host}", topic=way.topic, host=way.host)
    return " ".join(way.program)


def _text_of(way: Way, name: str) -> str:
    value = getattr(way, name)
    if name == "program":
        return shlex.join(value)
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value) if value else ""
