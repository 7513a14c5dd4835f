"""All alarm rules: state, the record of why each is an alarm, and its trial on the past."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLineEdit, QSplitter, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.alarm import Arming
from lamplighter.domain.alarm_design import RuleView
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Scroller, Text, button, centre_over, row
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.rule_form import RuleForm
from lamplighter.ui.rule_trial import TrialPanel
from lamplighter.ui.words import tr

STATES: Final = {
    Arming.DRAFT: "draft",
    Arming.ARMED: "armed",
    Arming.WAIVED: "waived",
}


class RulePage(QWidget):
    """The list at the left; record, trial and arming at the right."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.views: tuple[RuleView, ...] = ()
        self.shown: list[RuleView] = []
        self._wanted = self._resume = ""
        self.form: RuleForm | None = None
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("Filter rules"))
        self.filter.setAccessibleName(tr("Filter rules"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(lambda _: self._show())
        titles = (tr("State"), tr("P"), tr("What it says"), tr("Judged on"), tr("Origin"))
        self.table = plain_table(tr("Alarm rules"), titles, 2)
        self.table.itemSelectionChanged.connect(self._picked)
        self.table.itemActivated.connect(lambda _: self.edit())
        self.say = Text("", "caption", "secondary", wrap=True)
        self.add = button(tr("New rule…"), lambda: self._open(None))
        self.change = button(tr("Edit…"), self.edit)
        self.switch = button(tr("Switch off…"), self._switch)
        self.drop = button(tr("Remove…"), self._ask_drop)
        self.reason = QLineEdit()
        self.reason.setAccessibleName(tr("Reason"))
        self.reason.textChanged.connect(lambda _: self._enable())
        self._yes, self._no = button("", self._do), button(tr("Keep it"), self._close_question)
        self._asking = ""
        self.record = Text("", "body", wrap=True)
        self.record.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._head = Text("", "heading", wrap=True)
        self._state = Text("", "caption", "secondary", wrap=True)
        self.trial = TrialPanel(desk)
        self.trial.said.connect(self._tell)
        self._build()
        desk.room.rules_changed.connect(self.look)
        self._close_question()
        self._picked()

    def _build(self) -> None:
        left = QWidget()
        inner = QVBoxLayout(left)
        inner.setContentsMargins(0, 0, 8, 0)
        inner.setSpacing(6)
        inner.addLayout(row(self.filter, self.add, self.change, self.switch, self.drop, spacing=4))
        question = row(spacing=4)
        question.addWidget(self.reason, 1)
        question.addWidget(self._yes)
        question.addWidget(self._no)
        inner.addLayout(question)
        inner.addWidget(self.table, 1)
        inner.addWidget(self.say)
        content = Panel()
        right = QVBoxLayout(content)
        right.setContentsMargins(8, 0, 12, 0)
        right.setSpacing(8)
        right.addWidget(self._head)
        right.addWidget(self._state)
        right.addWidget(self.record)
        right.addWidget(self.trial, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(Scroller(content))
        split.setSizes([600, 560])
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(split, 1)

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def look(self) -> None:
        """Ask for all rules."""
        self._desk.ask(wire.GetRules(), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Rules):
            rank = {Arming.DRAFT: 0, Arming.WAIVED: 1, Arming.ARMED: 2}
            own = sorted(reply.items, key=lambda v: (v.origin != "project", rank[v.arming], v.id))
            self.views = tuple(own)
            self._show()
            wanted, self._resume = self._resume, ""
            for view in self.views if wanted else ():
                if view.definition is not None and view.definition.id == wanted:
                    self._open(view)

    def _show(self) -> None:
        chosen = self.chosen
        wanted = self._wanted or (chosen.id if chosen is not None else "")
        words = self.filter.text().casefold().split()
        self.shown = [
            v for v in self.views
            if all(w in f"{v.id} {v.text} {v.owner} {state_word(v)}".casefold() for w in words)
        ]  # fmt: skip
        rows = [
            (state_word(v), str(v.priority), f"{v.text}", f"{v.bound:,}", v.origin)
            for v in self.shown
        ]
        self.table.blockSignals(True)
        fill(self.table, rows, [not v.enabled for v in self.shown])
        at = next((n for n, v in enumerate(self.shown) if v.id == wanted), -1)
        if at < 0 and self.shown:
            at = 0
        if at >= 0:
            self.table.selectRow(at)
        self.table.blockSignals(False)
        self._wanted = ""
        drafts = sum(v.arming is Arming.DRAFT for v in self.views)
        waived = sum(v.arming is Arming.WAIVED for v in self.views)
        if not self.say.text() or self.say.property("count"):
            self.say.setProperty("count", True)
            told = tr("{n} rules. Drafts, which raise nothing: {d}. Armed by a waiver: {w}.",
                       n=f"{len(self.views):,}", d=drafts, w=waived)  # fmt: skip
            self.say.setText(told)
        self._picked()

    def _tell(self, words: str) -> None:
        self.say.setProperty("count", False)
        self.say.setText(words)

    @property
    def chosen(self) -> RuleView | None:
        """The selected rule."""
        at = self.table.currentRow()
        picked = bool(self.table.selectedItems())
        return self.shown[at] if picked and 0 <= at < len(self.shown) else None

    def choose(self, rule: str) -> None:
        """Select the rule of this id, now or when it is known."""
        self._wanted = rule
        self._show()

    def _picked(self) -> None:
        view = self.chosen
        self._close_question()
        self._head.setText(view.text if view is not None else tr("No rule chosen"))
        self._state.setText(_state_line(view) if view is not None else "")
        self.record.setText(record_words(view) if view is not None else "")
        self.trial.show_rule(view)
        self.trial.setVisible(view is not None)
        self._enable()

    def _enable(self) -> None:
        view = self.chosen
        own = view is not None and view.definition is not None
        self.change.setEnabled(own)
        self.drop.setEnabled(own)
        tip = "" if own or view is None else tr("It belongs to the plugin {name}", name=view.origin)
        self.change.setToolTip(tip)
        self.drop.setToolTip(tip)
        self.switch.setEnabled(view is not None)
        off = view is not None and not view.enabled
        self.switch.setText(tr("Switch on") if off else tr("Switch off…"))
        self._yes.setEnabled(self._asking == "drop" or bool(self.reason.text().strip()))

    # ---------------------------------------------------------------- doing
    def edit(self) -> None:
        """The form of the chosen rule of the project."""
        view = self.chosen
        if view is not None and view.definition is not None:
            self._open(view)

    def new(self) -> None:
        """The form of a new rule, on the selected asset."""
        self._open(None)

    def resume(self, rule: str) -> None:
        """The form of this rule, or of a new one for an empty id, once the rules are known."""
        if not rule:
            self._open(None)
            return
        self._resume = rule
        self.look()

    def _open(self, view: RuleView | None) -> None:
        if self.form is not None:
            self.form.close()
        rule = view.definition if view is not None else None
        self.form = RuleForm(self._desk, rule, self.window())
        self.form.destroyed.connect(self._form_gone)
        centre_over(self.window(), self.form)
        self.form.show()

    def _form_gone(self) -> None:
        self.form = None

    def _switch(self) -> None:
        view = self.chosen
        if view is None:
            return
        if not view.enabled:
            self._desk.ask(wire.SwitchRule(view.id, True), lambda _: self.look())
            return
        self._ask("off", tr("Switch off"), tr("why it is switched off, for the audit record"))

    def _ask_drop(self) -> None:
        self._ask("drop", tr("Remove it"), tr("its alarm goes out of the list"))

    def _ask(self, what: str, yes: str, hint: str) -> None:
        self._asking = what
        self._yes.setText(yes)
        self.reason.setPlaceholderText(hint)
        self.reason.setReadOnly(what == "drop")
        for widget in (self.reason, self._yes, self._no):
            widget.show()
        (self._yes if what == "drop" else self.reason).setFocus()
        self._enable()

    def _do(self) -> None:
        view = self.chosen
        if view is not None and self._asking == "off":
            why = self.reason.text().strip()
            self._desk.ask(wire.SwitchRule(view.id, False, why), lambda _: self.look())
        elif view is not None and view.definition is not None:
            self._desk.ask(wire.DropRule(view.definition.id), lambda _: self.look())
        self._close_question()

    def _close_question(self) -> None:
        self._asking = ""
        self.reason.clear()
        for widget in (self.reason, self._yes, self._no):
            widget.hide()


def state_word(view: RuleView) -> str:
    """draft, armed, waived, off or not judged."""
    if not view.enabled:
        return tr("off")
    if view.problem:
        return tr("not judged")
    return tr(STATES[view.arming])


def _state_line(view: RuleView) -> str:
    parts = [view.id, tr("priority {p}", p=view.priority)]
    if view.problem:
        parts.append(view.problem)
    elif view.definition is not None and view.grounds is None:
        parts.append(tr("a draft: it raises nothing before it is tried or waived"))
    if view.grounds is not None:
        at = f"{numbers.day(view.grounds.at_ms)} {numbers.clock_short(view.grounds.at_ms)}"
        kind = tr(STATES[view.grounds.kind])
        parts.append(tr("{kind} by {who}, {t}: {why}", kind=kind, who=view.grounds.by, t=at,
                        why=view.grounds.reason))  # fmt: skip
    return ", ".join(parts)


def record_words(view: RuleView) -> str:
    """Why it is an alarm, in lines; what nobody has written is said to be missing."""
    rows = (
        (tr("Cause"), view.cause),
        (tr("If nothing"), view.consequence),
        (tr("Aim"), view.action),
        (tr("Steps"), " / ".join(view.guidance)),
        (tr("Respond within"), numbers.age(view.respond_within_s)),
        (tr("Priority because"), view.justification),
        (tr("Owner"), view.owner),
        (tr("Reviewed"), " ".join((view.reviewed_on, view.reviewed_by)).strip()),
    )
    missing = [word for word, text in rows if not text]
    lines = [f"{word}: {text}" for word, text in rows if text]
    if missing:
        lines.append(tr("Not written: {what}", what=", ".join(missing)))
    return "\n".join(lines)
