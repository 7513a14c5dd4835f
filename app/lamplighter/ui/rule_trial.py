"""A rule tried on the past: what it would have done at each tried threshold, and arming it."""

from __future__ import annotations

import math

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.alarm import Arming
from lamplighter.domain.alarm_design import RuleDefinition, RuleView
from lamplighter.domain.alarm_trial import Outcome, Trial
from lamplighter.domain.task import TaskState
from lamplighter.domain.units import conversion
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.restarts import Restarts
from lamplighter.ui.rule_pictures import FiringLine, SweepBars
from lamplighter.ui.tasks import BUSY, TaskBar
from lamplighter.ui.words import tr

DAYS = (1, 7, 30, 90, 365)


class TrialPanel(QWidget):
    """`said` carries one line about what was done."""

    said = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.view: RuleView | None = None
        self.trial: Trial | None = None
        self._task = 0
        self._restarts = Restarts(desk)
        self._sent: RuleView | None = None
        self._kept: dict[str, tuple[RuleDefinition | None, Trial]] = {}
        """by rule: what was tried, and what came of it"""
        self.days = QComboBox()
        self.days.setAccessibleName(tr("How far back"))
        for days in DAYS:
            self.days.addItem(tr("last {n} days", n=days) if days > 1 else tr("last day"), days)
        self.days.setCurrentIndex(DAYS.index(90))
        self.go = button(tr("Try on the past"), self.try_it, kind="primary",
                         tip=tr("What this rule would have done; nothing is raised"))  # fmt: skip
        self.bar, self.stop = TaskBar(), button(tr("Cancel"), self._cancel)
        self._step = Text("", "caption", "secondary")
        self.problem = Text("", "body", wrap=True)
        self._note = Text("", "caption", "secondary", wrap=True)
        self.figures: dict[str, Text] = {}
        self._grid = QGridLayout()
        self._build_figures()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Threshold"))
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(lambda _: self._moved())
        self.sweep, self.line = SweepBars(), FiringLine()
        self.sweep.picked.connect(self.slider.setValue)
        self._threshold = Text("", "bodyStrong", wrap=True)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(tr("why it may raise alarms without a trial"))
        self.reason.setAccessibleName(tr("Reason of the waiver"))
        self.reason.textChanged.connect(lambda _: self._enable())
        self.arm = button(tr("Arm after this trial"), self.arm_tried, kind="primary")
        self.waive = button(tr("Arm with a waiver"), self.arm_waived)
        self._build()
        desk.room.trial_done.connect(self._done)
        desk.tasks_changed.connect(self._stepped)
        desk.welcomed.connect(self._welcomed)
        self.show_rule(None)

    def _build_figures(self) -> None:
        names = (
            ("fired", tr("raised")), ("caught", tr("failures caught")),
            ("lead", tr("warned before")), ("chattering", tr("chattering")),
            ("worst", tr("on its worst day")), ("stood", tr("stood")),
        )  # fmt: skip
        for at, (name, words) in enumerate(names):
            made = self.figures[name] = Text("", "bodyStrong")
            made.setAccessibleName(words)
            self._grid.addWidget(made, 0, at)
            self._grid.addWidget(Text(words, "caption", "secondary"), 1, at)
            self._grid.setColumnStretch(at, 1)

    def _build(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(row(Text(tr("On the past"), "bodyStrong"), None, self.days, self.go))
        wait = row(self.bar)
        wait.addWidget(self._step, 1)
        wait.addWidget(self.stop)
        box.addLayout(wait)
        box.addWidget(self.problem)
        self._found = QWidget()
        inner = QVBoxLayout(self._found)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(6)
        inner.addLayout(self._grid)
        inner.addWidget(self.line)
        inner.addWidget(self._threshold)
        inner.addWidget(self.sweep)
        inner.addWidget(self.slider)
        inner.addWidget(self._note)
        box.addWidget(self._found)
        box.addStretch(1)
        waiver = row()
        waiver.addWidget(self.reason, 1)
        waiver.addWidget(self.waive)
        waiver.addWidget(self.arm)
        box.addLayout(waiver)

    # ---------------------------------------------------------------- showing
    def show_rule(self, view: RuleView | None) -> None:
        """Another rule, or the same one after a change; its last trial comes back with it."""
        same = view is not None and self.view is not None and view.id == self.view.id
        self.view = view
        if not same:
            self.reason.clear()
            self.problem.setText("")
        self._show_trial(self._trial_of(view))

    def _trial_of(self, view: RuleView | None) -> Trial | None:
        """The trial of these very words; a rule that was changed otherwise has none."""
        if view is None or view.id not in self._kept:
            return None
        tried, trial = self._kept[view.id]
        return trial if _same_but_threshold(tried, view.definition) else None

    def _show_trial(self, trial: Trial | None) -> None:
        self.trial = trial
        self._found.setVisible(trial is not None)
        steps = trial.sweep if trial is not None else ()
        movable = trial is not None and trial.plain and len(steps) > 1
        self.slider.setVisible(movable)
        self.sweep.setVisible(movable)
        if trial is not None:
            self.line.show_trial(trial)
            self.sweep.show_steps(steps)
            self.slider.blockSignals(True)
            self.slider.setRange(0, max(len(steps) - 1, 0))
            self.slider.setValue(_nearest(trial))
            self.slider.blockSignals(False)
            seen = tr("{p} values of {a} assets, {r} had to be looked at, {s} s.",
                      p=f"{trial.points:,}", a=f"{trial.assets:,}", r=f"{trial.points_read:,}",
                      s=trial.seconds)  # fmt: skip
            if trial.outcome.fired > len(trial.firings):
                seen += " " + tr("Drawn: {n} raisings.", n=len(trial.firings))
            self._note.setText(f"{seen} {trial.note}".strip())
        self._moved()

    @property
    def threshold(self) -> float | None:
        """Where the slider stands; None without a trial."""
        if self.trial is None:
            return None
        steps = self.trial.sweep
        if not self.trial.plain or len(steps) < 2:
            return self.trial.threshold
        return steps[self.slider.value()].threshold

    @property
    def outcome(self) -> Outcome | None:
        """What was found at that threshold; None where it was not read."""
        trial, at = self.trial, self.threshold
        if trial is None or at == trial.threshold:
            return trial.outcome if trial is not None else None
        return trial.sweep[self.slider.value()].outcome

    def _moved(self) -> None:
        trial, out, at = self.trial, self.outcome, self.threshold
        if trial is not None and at is not None:
            own = at == trial.threshold
            self.sweep.show_at(self.slider.value())
            self.line.set_own(own)
            words = tr("Threshold {t} {u}", t=f"{at:.6g}", u=trial.unit).strip()
            if not trial.plain:
                words = tr("This rule has no single threshold to move")
            elif own:
                words += tr(", as tried")
            elif out is None:
                words += tr(": too much to read, not known")
            self._threshold.setText(words)
            self._show_figures(out)
        self._enable()

    def _show_figures(self, out: Outcome | None) -> None:
        lead = None if out is None else out.lead_time_median_min
        texts = {
            "fired": "—" if out is None else tr("{n} times", n=f"{out.fired:,}"),
            "caught": _caught(out),
            "lead": "—" if lead is None else numbers.age(lead * 60),
            "chattering": "—" if out is None else f"{out.chattering:,}",
            "worst": "—" if out is None else f"{out.worst_day:,}",
            "stood": "—" if out is None else numbers.age(out.standing_h * 3600),
        }
        for name, text in texts.items():
            self.figures[name].setText(text)

    def _enable(self) -> None:
        view = self.view
        own = view is not None and view.definition is not None
        self.go.setEnabled(view is not None and not self._task and not view.problem)
        self.go.setToolTip("" if view is None else view.problem)
        self.bar.setVisible(bool(self._task))
        self._step.setVisible(bool(self._task))
        self.stop.setVisible(bool(self._task))
        self.arm.setVisible(own)
        self.arm.setEnabled(own and self.outcome is not None)
        at = self.threshold
        moved = self.trial is not None and at != self._own_threshold()
        if moved and self.trial is not None and at is not None:
            self.arm.setText(tr("Arm with {t} {u}", t=f"{at:.6g}", u=self.trial.unit).strip())
        else:
            self.arm.setText(tr("Arm after this trial"))
        draft = own and view is not None and view.arming is Arming.DRAFT
        for widget in (self.reason, self.waive):
            widget.setVisible(draft)
        self.waive.setEnabled(bool(self.reason.text().strip()))
        self.waive.setToolTip("" if self.waive.isEnabled() else tr("Say why first; it is signed"))

    def _own_threshold(self) -> float | None:
        definition = self.view.definition if self.view is not None else None
        if definition is None or isinstance(definition.threshold, str):
            return self.trial.threshold if self.trial is not None else None
        tried = self._kept.get(self.view.id) if self.view is not None else None
        if tried is not None and self.trial is tried[1] and _same_number(tried[0], definition):
            return tried[1].threshold  # in the unit the trial shows
        return definition.threshold

    @property
    def busy(self) -> bool:
        """Whether a trial was asked for and has not ended."""
        return bool(self._task)

    # ---------------------------------------------------------------- doing
    def try_it(self) -> None:
        """Ask for a trial of the shown rule."""
        if self.view is None or self._task:
            return
        self._sent = self.view
        self.problem.setText("")
        self._task = -1
        self._restarts.note()
        self._enable()
        days = int(self.days.currentData())
        self._desk.ask(wire.TryRule(self.view.id, days), self._started)

    def _started(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.TaskStarted):
            if self._task:  # it may be over already
                self._task = reply.task
        else:
            self._task = 0
            self.problem.setText(str(getattr(reply, "problem", "")))
        self._stepped()
        self._enable()

    def _stepped(self) -> None:
        task = self._desk.tasks.get(self._task)
        if task is None:
            return
        self.bar.show_task(task)
        self._step.setText(task.text)
        if task.state not in BUSY and task.state is not TaskState.DONE:
            self._task = 0
            self._enable()

    def _welcomed(self) -> None:
        """A recorder that began anew knows nothing of the trial of the one before."""
        if self._task > 0 and self._restarts.happened():
            self._task = 0
            words = tr("The recorder was restarted before the trial was done. Try the rule again.")
            self.problem.setText(words)
            self._enable()

    def _cancel(self) -> None:
        if self._task > 0:
            self._desk.ask(wire.CancelTask(self._task))

    def _done(self, done: wire.TrialDone) -> None:
        if self._task not in (-1, done.task):
            return
        self._task = 0
        if done.trial is None:
            self.problem.setText(done.problem)
        elif self._sent is not None:
            self._kept[self._sent.id] = self._sent.definition, done.trial
            self._show_trial(self._trial_of(self.view))
        self._enable()

    def arm_tried(self) -> None:
        """Arm the rule, with the threshold of the slider, on the grounds of the trial."""
        view, trial, out, at = self.view, self.trial, self.outcome, self.threshold
        if view is None or view.definition is None or trial is None or out is None:
            return
        words = in_words(trial, out, at)
        name = view.definition.id
        if at is not None and at != self._own_threshold():
            changed = _with(view, at, trial)
            self._desk.ask(wire.PutRule(changed), lambda reply: self._arm_on(reply, name, words))
        else:
            self._desk.ask(wire.ArmRule(name, trial=words), self._armed)

    def _arm_on(self, reply: wire.Reply, name: str, words: str) -> None:
        if isinstance(reply, wire.Ok):
            self._desk.ask(wire.ArmRule(name, trial=words), self._armed)
        else:
            self._armed(reply)

    def arm_waived(self) -> None:
        """Arm the rule without a trial; the reason is signed with the project's key."""
        why = self.reason.text().strip()
        if self.view is not None and self.view.definition is not None and why:
            self._desk.ask(wire.ArmRule(self.view.definition.id, waiver=why), self._armed)

    def _armed(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self.problem.setText("")
            self.reason.clear()
            self.said.emit(tr("It may raise alarms now. That is signed and in the audit record."))
        else:
            self.problem.setText(str(getattr(reply, "problem", "")))


def in_words(trial: Trial, out: Outcome, threshold: float | None) -> str:
    """One line for the record of why the rule was armed."""
    at = (
        f" at {threshold:.6g} {trial.unit}".rstrip()
        if trial.plain and threshold is not None
        else ""
    )
    assets = "asset" if trial.assets == 1 else "assets"
    return (
        f"tried on {trial.days} days of {trial.assets} {assets}{at}: "
        f"raised {out.fired} times, "
        f"caught {out.caught} of {out.repairs} failures, {out.chattering} alarms chattering"
    )


def _with(view: RuleView, threshold: float, trial: Trial) -> RuleDefinition:
    assert view.definition is not None
    rule = view.definition
    unit = trial.unit if rule.kind or rule.unit else ""
    scale, _ = conversion(rule.unit or unit, unit) or (1.0, 0.0)
    return replace(rule, threshold=threshold, unit=unit, deadband=rule.deadband * scale)


def _same_number(one: RuleDefinition | None, other: RuleDefinition) -> bool:
    return one is not None and (one.threshold, one.unit) == (other.threshold, other.unit)


def _same_but_threshold(one: RuleDefinition | None, other: RuleDefinition | None) -> bool:
    if one is None or other is None:
        return one is other
    scale, _ = conversion(one.unit or other.unit, other.unit or one.unit) or (1.0, 0.0)
    near = math.isclose(one.deadband * scale, other.deadband)
    return near and _bare(one) == _bare(other)


def _bare(rule: RuleDefinition) -> RuleDefinition:
    return replace(rule, threshold=0.0, unit="", deadband=0.0, enabled=True)


def _caught(out: Outcome | None) -> str:
    if out is None:
        return "—"
    if not out.repairs:
        return tr("none known")
    return tr("{a} of {b}", a=out.caught, b=out.repairs)


def _nearest(trial: Trial) -> int:
    """The step of the sweep that stands for the tried threshold."""
    far = [abs(s.threshold - trial.threshold) for s in trial.sweep]
    return far.index(min(far)) if far else 0
