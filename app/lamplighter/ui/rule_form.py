"""Writes a rule: what it looks at, its threshold on the last day's trend, why it is an alarm."""

from __future__ import annotations

import re
from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import ChecklistStep, RuleDefinition
from lamplighter.domain.city import Datastream
from lamplighter.domain.units import conversion
from lamplighter.ui.design_page import part_words
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Scroller, Text, button, row, window_of_its_own
from lamplighter.ui.rule_pictures import ThresholdTrend
from lamplighter.ui.sent_form import SentForm
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

CONDITIONS: Final = (
    (Condition.ABOVE, "above"),
    (Condition.BELOW, "below"),
    (Condition.EQUALS, "equals a state"),
    (Condition.RATE, "changes faster than, per second"),
    (Condition.RESIDUAL, "off the expected value by, in spreads"),
    (Condition.STALE, "is stale"),
    (Condition.COMBINED, "only its further parts"),
)
LIMITS: Final = ("low_low", "low", "high", "high_high")
OPTIONAL: Final = "?"
"""ends a line of the checklist that may stay open"""
DAY_MS: Final = 86_400_000
FINE: Final = 1000


class RuleForm(SentForm):
    """One rule of the project. After it is kept it is a draft, until it is tried or waived."""

    def __init__(self, desk: Desk, rule: RuleDefinition | None, parent: QWidget) -> None:
        super().__init__(parent)
        window_of_its_own(self, tr("Alarm rule"))
        self._desk = desk
        self._known = rule
        self._quiet = False
        self.id, self.text = _line(tr("Short name")), _line(tr("What happened"))
        self.stream = _line(tr("Datastream"))
        self.stream.setPlaceholderText(tr("source/name, or a kind with “every”"))
        self.every = QCheckBox(tr("Every datastream of this kind"))
        self.condition = QComboBox()
        self.condition.setAccessibleName(tr("Condition"))
        for kind, words in CONDITIONS:
            self.condition.addItem(tr(words), kind.value)
        self.threshold = QComboBox()
        self.threshold.setEditable(True)
        self.threshold.setAccessibleName(tr("Threshold"))
        self.threshold.addItems(["0", *LIMITS])
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, FINE)
        self.slider.setAccessibleName(tr("Threshold on the last day"))
        self.trend = ThresholdTrend()
        self.share = Text("", "caption", "secondary")
        self.priority = QComboBox()
        self.priority.setAccessibleName(tr("Priority"))
        for level, words in enumerate(("1 critical", "2 high", "3 medium", "4 low"), 1):
            self.priority.addItem(tr(words), level)
        self.numbers: dict[str, QDoubleSpinBox] = {}
        self.respond = QSpinBox()
        self.respond.setRange(1, 1440)
        self.respond.setSuffix(tr(" min"))
        self.respond.setAccessibleName(tr("Respond within"))
        self.count = QSpinBox()
        self.count.setRange(1, 999)
        self.count.setAccessibleName(tr("Times"))
        self.latching = QCheckBox(tr("Waits for a reset after it is over"))
        self.is_cause = QCheckBox(tr("Can explain alarms downstream"))
        self.lines: dict[str, QLineEdit] = {}
        self.guidance, self.checklist = _lines(tr("Steps")), _lines(tr("Checklist"))
        self.guidance.setPlaceholderText(tr("one step a line"))
        self.checklist.setPlaceholderText(tr("one a line; with ? at its end it may stay open"))
        self.primary = button(tr("Keep as draft"), self.keep, kind="primary")
        self._build()
        self._follow()
        self._show(rule or self._proposed())
        self._typing = desk.drafts.watch(
            "rule", rule.id if rule is not None else "",
            tr("alarm rule {name}", name=rule.id if rule is not None else tr("(new)")),
            {"id": self.id, "text": self.text, "stream": self.stream, "threshold": self.threshold,
             "condition": self.condition, "priority": self.priority, "guidance": self.guidance,
             "checklist": self.checklist, **self.lines},
        )  # fmt: skip
        self.resize(theme().px(940), theme().px(640))

    # ---------------------------------------------------------------- building
    def _build(self) -> None:
        left, right = QFormLayout(), QFormLayout()
        for form in (left, right):
            form.setVerticalSpacing(6)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        left.addRow(tr("Short name"), self.id)
        left.addRow(tr("What happened"), self.text)
        left.addRow(tr("Datastream"), self.stream)
        left.addRow("", self.every)
        left.addRow(tr("Condition"), self.condition)
        left.addRow(tr("Threshold"), self.threshold)
        left.addRow(self.trend)
        left.addRow(self.slider)
        left.addRow(self.share)
        left.addRow(tr("Deadband"), self._number("deadband", ""))
        left.addRow(tr("On and off delay"), _pair(self._number("on_delay_s", " s"),
                                                  self._number("off_delay_s", " s")))  # fmt: skip
        left.addRow(tr("Times, within"), _pair(self.count, self._number("count_window_s", " s")))
        left.addRow(tr("Rate over"), self._number("rate_window_s", " s"))
        left.addRow(tr("Rings again after"), self._number("realarm_s", " s"))
        left.addRow("", self.latching)
        left.addRow("", self.is_cause)
        right.addRow(tr("Priority"), self.priority)
        right.addRow(tr("Respond within"), self.respond)
        for name, words in (
            ("justification", tr("Because")), ("cause", tr("Cause")),
            ("consequence", tr("If nothing")), ("action", tr("Aim")),
        ):  # fmt: skip
            right.addRow(words, self._text_line(name, words))
        right.addRow(tr("Steps"), self.guidance)
        right.addRow(tr("Checklist"), self.checklist)
        for name, words in (
            ("owner", tr("Owner")), ("reviewed_on", tr("Reviewed on")),
            ("reviewed_by", tr("Reviewed by")),
        ):  # fmt: skip
            right.addRow(words, self._text_line(name, words))
        content = Panel()
        columns = QHBoxLayout(content)
        columns.setContentsMargins(0, 0, 12, 0)
        columns.setSpacing(24)
        columns.addLayout(left, 1)
        columns.addLayout(right, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 12, 16, 12)
        box.addWidget(Scroller(content), 1)
        box.addWidget(self._say)
        box.addLayout(row(None, button(tr("Cancel"), self.close), self.primary))

    def _number(self, name: str, suffix: str) -> QDoubleSpinBox:
        made = self.numbers[name] = QDoubleSpinBox()
        made.setRange(0, 1_000_000)
        made.setDecimals(3 if name == "deadband" else 0)
        made.setSuffix(suffix)
        made.setAccessibleName(name.removesuffix("_s").replace("_", " "))
        return made

    def _text_line(self, name: str, words: str) -> QLineEdit:
        made = self.lines[name] = _line(words)
        return made

    def _follow(self) -> None:
        keys = [s.key for s in self._desk.city.streams.values()][:20_000]
        completer = QCompleter(keys, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.stream.setCompleter(completer)
        self.stream.textChanged.connect(lambda _: self._another())
        self.every.toggled.connect(self._every)
        self.threshold.editTextChanged.connect(lambda _: self._typed())
        self.slider.valueChanged.connect(self._slid)
        self.trend.moved.connect(self._dragged)
        self.condition.currentIndexChanged.connect(lambda _: self._typed())
        for field in (self.id, self.text):
            field.textChanged.connect(lambda _: self._enable())
        self.text.textEdited.connect(lambda _: self._name_it())

    # ---------------------------------------------------------------- showing
    def _proposed(self) -> RuleDefinition:
        """A new rule on the first datastream of the selection."""
        streams = self._desk.city.of_asset.get(self._desk.selection.current, [])
        first = next((s for s in streams if not s.states), None)
        at: float | str = 0.0
        if first is not None and first.limits.high is not None:
            at = "high"
        user = self._desk.session.welcome.user if self._desk.session is not None else ""
        key = first.key if first is not None else ""
        return RuleDefinition("", "", datastream=key, threshold=at, reviewed_by=user)

    def _show(self, rule: RuleDefinition) -> None:
        self._quiet = True
        self.id.setText(rule.id)
        self.id.setReadOnly(self._known is not None)
        self.text.setText(rule.text)
        self.every.setChecked(bool(rule.kind))
        self.stream.setText(rule.kind or rule.datastream)
        self.condition.setCurrentIndex(self.condition.findData(rule.condition.value))
        at = rule.threshold
        self.threshold.setEditText(at if isinstance(at, str) else f"{at:.6g}")
        self.priority.setCurrentIndex(rule.priority - 1)
        self.respond.setValue(max(1, round(rule.respond_within_s / 60)))
        self.count.setValue(rule.count)
        for name, spin in self.numbers.items():
            spin.setValue(float(getattr(rule, name)))
        for name, line in self.lines.items():
            line.setText(str(getattr(rule, name)))
        self.latching.setChecked(rule.latching)
        self.is_cause.setChecked(rule.is_cause)
        self.guidance.setPlainText("\n".join(rule.guidance))
        steps = (s.text if s.required else f"{s.text} {OPTIONAL}" for s in rule.checklist)
        self.checklist.setPlainText("\n".join(steps))
        self._quiet = False
        if rule.when:
            joined = f" {tr('or') if rule.combine == 'any' else tr('and')} "
            parts = joined.join(part_words(part) for part in rule.when)
            self._say.setText(tr("Further parts, kept as they are: {parts}.", parts=parts))
        self._another()
        self._enable()

    def _name_it(self) -> None:
        if self._known is None:
            slug = re.sub(r"[^a-z0-9]+", "-", self.text.text().casefold()).strip("-")
            self.id.setText(slug[:40].strip("-"))

    def _every(self, on: bool) -> None:
        if self._quiet:
            return
        stream = self._stream()
        if on and stream is not None:
            self.stream.setText(stream.kind)
        elif not on and self._desk.selection.current:
            self.stream.setText(self._proposed().datastream)

    def _stream(self) -> Datastream | None:
        """The datastream that is judged, or the first of the kind."""
        text, city = self.stream.text().strip(), self._desk.city
        ids = city.by_kind.get(text) if self.every.isChecked() else None
        if ids is not None:
            return city.streams.get(int(ids[0]))
        return next((s for s in city.streams.values() if s.key == text), None)

    def _own_unit(self) -> str:
        """The unit of the rule's numbers where it was given one and still judges the same."""
        rule = self._known
        same = rule is not None and self.stream.text().strip() == (rule.kind or rule.datastream)
        return rule.unit if rule is not None and same else ""

    def _way(self, stream: Datastream) -> tuple[float, float]:
        """(scale, offset) from the datastream's unit to that of the rule's numbers."""
        return conversion(stream.unit, self._own_unit() or stream.unit) or (1.0, 0.0)

    def _another(self) -> None:
        stream = self._stream()
        self._enable()
        if stream is None or self._quiet:
            return
        now = self._desk.time.now_ms
        asked = wire.GetHistory((stream.id,), now - DAY_MS, now + 1, 600)
        self._desk.ask(asked, lambda reply: self._got(reply, stream, now))

    def _got(self, reply: wire.Reply, stream: Datastream, now: int) -> None:
        if isinstance(reply, wire.History) and reply.series and self._stream() is stream:
            trace = Trace()
            trace.take_history(reply.series[0])
            scale, offset = self._way(stream)
            for name in ("value", "low", "high"):
                setattr(trace, name, getattr(trace, name) * scale + offset)
            unit = self._own_unit() or stream.unit
            self.trend.show_trace(trace, now - DAY_MS, now, unit)
            self._typed()

    # ---------------------------------------------------------------- the threshold
    def _number_of(self) -> float | None:
        text = self.threshold.currentText().strip().replace(",", ".")
        stream = self._stream()
        if text in LIMITS and stream is not None:
            limit: float | None = getattr(stream.limits, text)
            scale, offset = self._way(stream)
            return None if limit is None else limit * scale + offset
        try:
            return float(text)
        except ValueError:
            return None

    def _typed(self) -> None:
        plain = self.condition.currentData() in {Condition.ABOVE.value, Condition.BELOW.value}
        at = self._number_of() if plain else None
        self.trend.show_threshold(at)
        self.slider.setEnabled(plain)
        low, high = self.trend.limits
        if at is not None:
            self.slider.blockSignals(True)
            self.slider.setValue(round(FINE * (at - low) / (high - low)))
            self.slider.blockSignals(False)
        self._tell_share(at)
        self._enable()

    def _tell_share(self, at: float | None) -> None:
        values = self.trend.trace.value
        known = values[values == values]  # not NaN
        if at is None or not len(known):
            self.share.setText("")
            return
        above = self.condition.currentData() == Condition.ABOVE.value
        beyond = float((known > at).mean() if above else (known < at).mean())
        self.share.setText(
            tr("{p} of the last day's values are beyond it", p=f"{100 * beyond:.1f} %")
        )

    def _slid(self, place: int) -> None:
        low, high = self.trend.limits
        self.threshold.setEditText(f"{low + (high - low) * place / FINE:.4g}")

    def _dragged(self, value: float) -> None:
        if self.slider.isEnabled():
            self.threshold.setEditText(f"{value:.4g}")

    # ---------------------------------------------------------------- keeping
    def _enable(self) -> None:
        why = ""
        if not self.text.text().strip():
            why = tr("Say what happened first")
        elif not self.id.text().strip():
            why = tr("It needs a short name")
        elif self._stream() is None and self.condition.currentData() != Condition.COMBINED.value:
            why = tr("Choose a datastream first")
        self.primary.setEnabled(not why)
        self.primary.setToolTip(why)

    def definition(self) -> RuleDefinition:
        """The rule as the fields say it; parts the form does not show stay."""
        base = self._known or RuleDefinition("", "")
        every, what = self.every.isChecked(), self.stream.text().strip()
        text = self.threshold.currentText().strip()
        try:
            threshold: float | str = float(text.replace(",", "."))
        except ValueError:
            threshold = text
        stream = self._stream()
        unit = self._own_unit() or (stream.unit if every and stream is not None else "")
        steps = [s.strip() for s in self.checklist.toPlainText().splitlines() if s.strip()]
        return replace(
            base,
            id=self.id.text().strip(),
            text=self.text.text().strip(),
            datastream="" if every else what,
            kind=what if every else "",
            condition=Condition(self.condition.currentData()),
            threshold=threshold,
            unit=unit,
            priority=int(self.priority.currentData()),
            respond_within_s=self.respond.value() * 60,
            count=self.count.value(),
            latching=self.latching.isChecked(),
            is_cause=self.is_cause.isChecked(),
            guidance=tuple(
                s.strip() for s in self.guidance.toPlainText().splitlines() if s.strip()
            ),
            checklist=tuple(
                ChecklistStep(s.removesuffix(OPTIONAL).strip(), not s.endswith(OPTIONAL))
                for s in steps
            ),
            **{name: spin.value() for name, spin in self.numbers.items()},
            **{name: line.text().strip() for name, line in self.lines.items()},
        )

    def keep(self) -> None:
        """Send it; the form closes when it was taken, and says why when it was not."""
        self._desk.ask(wire.PutRule(self.definition()), self._sent)


def _line(name: str) -> QLineEdit:
    made = QLineEdit()
    made.setAccessibleName(name)
    return made


def _lines(name: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setAccessibleName(name)
    made.setTabChangesFocus(True)
    made.setFixedHeight(theme().px(72))
    return made


def _pair(first: QWidget, second: QWidget) -> QHBoxLayout:
    return row(first, second)
