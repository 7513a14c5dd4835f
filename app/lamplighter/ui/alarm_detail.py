"""Beside the list: what the alarm means, what to do, and the checklist that gates its closing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Step
from lamplighter.ui import numbers
from lamplighter.ui.alarm_filter import ASKING, QUIET
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import glyph_pixmap
from lamplighter.ui.parts import Elided, Panel, Scroller, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr
from lamplighter.ui.wrapped_box import WrappedBox


class StepBox(WrappedBox):
    """One line of a checklist; who ticked it and when stands beside it."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.show_step(step)

    def show_step(self, step: Step) -> None:
        text = step.text if step.required else tr("{step} (may stay open)", step=step.text)
        if step.done_by:
            at = numbers.clock_short(step.done_ms)
            text = tr("{step} · {who}, {t}", step=text, who=step.done_by, t=at)
        self.set_full(text)
        self.setChecked(bool(step.done_by))


class AlarmDetail(Panel):
    """One alarm; `shelve` and `aside` carry its keys."""

    shelve = Signal(tuple)
    aside = Signal(tuple)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.key = ""
        self._glyph = QLabel()
        self._name, self._text = Elided("", "bodyStrong"), Elided("", "caption", "secondary")
        self._time = Text("", "caption", wrap=True)
        self._why = Text("", "body", "secondary", wrap=True)
        self._grid = QGridLayout()
        self._grid.setColumnMinimumWidth(0, theme().px(72))
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(4)
        self._facts: list[tuple[Text, Text]] = []
        for at, word in enumerate((tr("Aim"), tr("Cause"), tr("If nothing"), tr("Owner"))):
            pair = Text(word, "caption", "secondary"), Text("", "body", wrap=True)
            for column, widget in enumerate(pair):
                self._grid.addWidget(widget, at, column, Qt.AlignmentFlag.AlignTop)
            self._facts.append(pair)
        self._todo = Text("", "body", wrap=True)
        self._list_word = Text("", "caption", "secondary", wrap=True)
        self._steps = QVBoxLayout()
        self._steps.setSpacing(2)
        self.boxes: list[StepBox] = []
        self.ack = button(tr("Acknowledge"), lambda: self._act("ack"), kind="primary")
        self.reset = button(tr("Reset"), lambda: self._act("reset"))
        self.shelve_it = button(tr("Shelve…"), lambda: self.shelve.emit((self.key,)))
        self.back = button(tr("Show again"), self._back)
        self.out = button(tr("Out of service…"), lambda: self.aside.emit((self.key,)))
        content = Panel()
        box = QVBoxLayout(content)
        box.setContentsMargins(12, 8, 12, 8)
        box.setSpacing(6)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._name)
        names.addWidget(self._text)
        head = row(self._glyph)
        head.addLayout(names, 1)
        box.addLayout(head)
        box.addWidget(self._time)
        box.addLayout(row(self.ack, self.reset, self.back, self.shelve_it, None, spacing=4))
        box.addWidget(self._why)
        box.addWidget(self._list_word)
        box.addLayout(self._steps)
        box.addWidget(self._todo)
        box.addLayout(self._grid)
        box.addLayout(row(self.out, None))
        box.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scroller(content))
        desk.alarms_changed.connect(self.refresh)
        desk.time.changed.connect(self.refresh)
        desk.status_changed.connect(self._tick_time)
        self.show_key("")

    def show_key(self, key: str) -> None:
        """The alarm of this key; empty for none."""
        self.key = key
        self.refresh()

    @property
    def record(self) -> AlarmRecord | None:
        """The shown alarm, as it stands."""
        return self._desk.alarms.get(self.key)

    def refresh(self) -> None:
        """After the choice, the alarm or the time changed."""
        record = self.record
        if record is None:
            self.key = ""
            self._show_none()
            return
        self._glyph.show()
        look = theme()
        self._glyph.setPixmap(
            glyph_pixmap(record.priority, record.state, look.px(18), self.devicePixelRatioF())
        )
        self._name.set_full(self._desk.city.name(record.asset) or tr("The console"))
        self._text.set_full(record.text)
        facts = (record.action, record.cause, record.consequence, record.owner)
        for (word, label), text in zip(self._facts, facts, strict=True):
            word.setVisible(bool(text))
            label.setVisible(bool(text))
            label.setText(text)
        lines = [f"{n}. {s}" for n, s in enumerate(record.guidance, 1)]
        self._todo.setText("\n".join(lines))
        self._todo.setVisible(bool(lines))
        self._why.setText(aside_words(record))
        self._why.setVisible(bool(self._why.text()))
        self._show_steps(record)
        self._show_buttons(record)
        self._tick_time()

    def _show_none(self) -> None:
        self._glyph.hide()
        self._name.set_full(tr("No alarm chosen"))
        self._text.set_full("")
        self._why.setText(tr("Choose one row: what it means and what to do stands here."))
        self._why.show()
        for pair in self._facts:
            for widget in pair:
                widget.hide()
        made = (self.ack, self.reset, self.back, self.shelve_it, self.out)
        for part in (self._time, self._todo, self._list_word, *made):
            part.hide()
        self._show_boxes(())

    def _show_steps(self, record: AlarmRecord) -> None:
        self._show_boxes(record.steps)
        left = record.open_steps
        self._list_word.setVisible(bool(record.steps))
        if left:
            words = tr("Checklist: {n} to do before it can be closed", n=len(left))
        else:
            words = tr("Checklist: done, it may be closed")
        self._list_word.setText(words)

    def _show_boxes(self, steps: tuple[Step, ...]) -> None:
        while len(self.boxes) < len(steps):
            made = StepBox(steps[len(self.boxes)])
            made.clicked.connect(lambda on, at=len(self.boxes): self._tick(at, on))
            self._steps.addWidget(made)
            self.boxes.append(made)
        locked = self._desk.time.commands_locked
        for at, shown in enumerate(self.boxes):
            shown.setVisible(at < len(steps))
            if at < len(steps):
                shown.show_step(steps[at])
                shown.setEnabled(not locked)

    def _show_buttons(self, record: AlarmRecord) -> None:
        locked = self._desk.time.commands_locked
        quiet = record.state in QUIET
        waits = record.state in ASKING and not (
            record.state is AlarmState.LATCHED and record.acked_ms
        )
        self.ack.setVisible(waits and not locked)
        self.reset.setVisible(record.state is AlarmState.LATCHED and not waits and not locked)
        left = record.open_steps
        self.reset.setEnabled(not left)
        self.reset.setToolTip(tr("First: {steps}", steps="; ".join(left)) if left else "")
        self.shelve_it.setVisible(not quiet and not locked)
        by_person = quiet and not record.aside_by
        self.back.setVisible(by_person and not locked)
        self.out.setVisible(not quiet and not locked)

    def _tick_time(self) -> None:
        record = self.record
        if record is None:
            return
        spent = (self._desk.time.now_ms - record.since_ms) / 1000
        parts = [tr("for {t}", t=numbers.age(spent))]
        if record.state is AlarmState.UNACK:
            rest = record.respond_within_s - spent
            total = numbers.age(record.respond_within_s)
            over = tr("respond within {t}, the time is over", t=total)
            left = tr("respond within {t}, {r} left", t=total, r=numbers.age(max(rest, 0.0)))
            parts.append(left if rest > 0 else over)
        elif record.acked_by:
            parts.append(tr("acknowledged by {who}", who=record.acked_by))
        if record.people:
            parts.append(tr("{n} people", n=f"{record.people:,}"))
        self._time.setText(", ".join(parts))
        self._time.show()

    # ---------------------------------------------------------------- doing
    def _tick(self, at: int, done: bool) -> None:
        self._desk.ask(wire.TickStep(self.key, at, done), lambda _: self.refresh())

    def _act(self, action: str) -> None:
        self._desk.ask(wire.AlarmAction(action, (self.key,)))

    def _back(self) -> None:
        record = self.record
        if record is not None:
            out = record.state is AlarmState.OUT_OF_SERVICE
            self._act("enable" if out else "unshelve")


def aside_words(record: AlarmRecord) -> str:
    """Why and until when it is set aside; empty when it is not."""
    why = record.reason or tr("no reason given")
    match record.state:
        case AlarmState.SHELVED:
            until = f"{numbers.day(record.shelved_until_ms)} "
            until += numbers.clock_short(record.shelved_until_ms)
            return tr("Shelved until {t}: {why}", t=until, why=why)
        case AlarmState.SUPPRESSED:
            kind = tr("planned works") if record.aside_by.startswith("works:") else tr("by design")
            return tr("Suppressed, {kind}: {why}", kind=kind, why=why)
        case AlarmState.OUT_OF_SERVICE:
            return tr("Out of service: {why}", why=why)
    return ""
