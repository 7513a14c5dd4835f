"""Suppression by design: which alarms say nothing new while something else holds, and the form."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import Suppression, When
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Text, button, list_and_form, row
from lamplighter.ui.plain_table import fill, plain_table, row_of
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

CONDITIONS: Final = (
    (Condition.ABOVE, "above"),
    (Condition.BELOW, "below"),
    (Condition.EQUALS, "equals"),
    (Condition.STALE, "is stale"),
)


class DesignPage(QWidget):
    """The list at the left, the form at the right; a row that is chosen fills the form."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.items: tuple[Suppression, ...] = ()
        self.parts: list[When] = []
        self._id = ""
        """of the one that is being changed; empty for a new one"""
        titles = (tr("Says"), tr("While"), tr("Where"), tr("Rules"))
        self.table = plain_table(tr("Suppressed by design"), titles, 1)
        self.table.itemSelectionChanged.connect(self._picked)
        self.drop = button(tr("Remove"), self._drop)
        self.fresh = button(tr("New"), self._fresh)
        self.text = _line(tr("Says"), tr("why they are quiet, as the list shall say it"))
        self.where = _line(tr("Assets"), tr("assets, by comma; the selection is taken"))
        self.downstream = QCheckBox(tr("Also what depends on them"))
        self.rules = _line(tr("Only rules"), tr("by comma; empty for all"))
        self.what = _line(tr("Datastream or rule"), tr("source/name, or rule@asset"))
        self.condition = QComboBox()
        self.condition.setAccessibleName(tr("Condition"))
        for kind, words in CONDITIONS:
            self.condition.addItem(tr(words), kind.value)
        self.threshold = _line(tr("Threshold"), tr("number or state"))
        self.negate = QCheckBox(tr("not"))
        self.add = button(tr("Add part"), self._add)
        self.less = button(tr("Remove part"), self._less)
        self.list = plain_table(tr("While all of these hold"), (tr("While all of these hold"),), 0)
        self.list.setFixedHeight(theme().px(112))
        self.keep_it = button(tr("Keep"), self.keep, kind="primary")
        self.say = Text("", "caption", "secondary", wrap=True)
        for line in (self.text, self.where, self.rules, self.what, self.threshold):
            line.textChanged.connect(lambda _: self._enable())
        self.condition.currentIndexChanged.connect(lambda _: self._enable())
        self.list.itemSelectionChanged.connect(self._enable)
        self.what.returnPressed.connect(self._add)
        self.threshold.returnPressed.connect(self._add)
        self._build()
        desk.room.design_changed.connect(self.look)
        desk.selection.changed.connect(self._take_selection)
        self.look()

    def _build(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.table, 1)
        left.addLayout(row(self.drop, None))
        form = QFormLayout()
        form.setVerticalSpacing(6)
        form.addRow(tr("Says"), self.text)
        form.addRow(tr("On"), self.where)
        form.addRow("", self.downstream)
        form.addRow(tr("Only rules"), self.rules)
        form.addRow(tr("While"), self.what)
        form.addRow("", row(self.negate, self.condition, self.threshold))
        form.addRow("", row(self.add, self.less, None))
        right = QVBoxLayout()
        right.addWidget(Text(tr("Suppress by design"), "bodyStrong"))
        about = tr(
            "While all parts hold, alarms of these assets are suppressed and say why. Priority 1 "
            "is never covered. What still stands afterwards shows again."
        )
        right.addWidget(Text(about, "caption", "secondary", wrap=True))
        right.addLayout(form)
        right.addWidget(self.list)
        right.addLayout(row(None, self.fresh, self.keep_it))
        right.addWidget(self.say)
        right.addStretch(1)
        list_and_form(self, left, right)

    # ---------------------------------------------------------------- looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._take_selection()
        self.look()

    def look(self) -> None:
        """The suppressions as they stand."""
        self.items = self._desk.room.design.suppressions
        name = self._desk.city.name
        fill(self.table, [
            (s.text, tr(" and ").join(part_words(w) for w in s.when) or tr("always"),
             ", ".join(name(a) for a in s.assets) + (tr(" and below") if s.downstream else ""),
             ", ".join(s.rules) or tr("all"))
            for s in self.items
        ])  # fmt: skip
        if not self.items and not self.say.text():
            self.say.setText(tr("Nothing is suppressed by design."))
        self._enable()

    def _take_selection(self) -> None:
        chosen = self._desk.selection.assets
        if chosen and self.isVisible() and not self._id and not self.where.isModified():
            self.where.setText(", ".join(list(chosen)[:50]))

    def _picked(self) -> None:
        one = row_of(self.table, self.items)
        if one is not None:
            self._id, self.parts = one.id, list(one.when)
            self.text.setText(one.text)
            self.where.setText(", ".join(one.assets))
            self.downstream.setChecked(one.downstream)
            self.rules.setText(", ".join(one.rules))
            self._show_parts()
        self._enable()

    def _show_parts(self) -> None:
        fill(self.list, [(part_words(w),) for w in self.parts])
        self._enable()

    def _fresh(self) -> None:
        """An empty form."""
        self._id, self.parts = "", []
        self.table.clearSelection()
        for line in (self.text, self.where, self.rules, self.what, self.threshold):
            line.clear()
        self.where.setModified(False)
        self.downstream.setChecked(False)
        self._show_parts()
        self._take_selection()
        self.text.setFocus()

    def _enable(self) -> None:
        self.drop.setEnabled(bool(self.table.selectedItems()))
        self.less.setEnabled(bool(self.list.selectedItems()))
        rule = "@" in self.what.text()
        kind = Condition(self.condition.currentData())
        self.condition.setEnabled(not rule)
        self.threshold.setEnabled(not rule and kind is not Condition.STALE)
        self.add.setEnabled(bool(self.what.text().strip()))
        why, known = "", self._desk.city.assets
        missing = [a for a in _names(self.where.text()) if a not in known]
        if not self.text.text().strip():
            why = tr("Say why they are quiet first")
        elif not _names(self.where.text()):
            why = tr("Choose assets first")
        elif missing:
            why = tr("There is no asset {name}", name=missing[0])
        elif not self.parts:
            why = tr("Add what has to hold first")
        self.keep_it.setEnabled(not why)
        self.keep_it.setToolTip(why)

    # ---------------------------------------------------------------- doing
    def _add(self) -> None:
        """The typed part joins the others; a number that is none is said."""
        what, given = self.what.text().strip(), self.threshold.text().strip()
        if not what:
            return
        kind, rule, asset = Condition(self.condition.currentData()), "", ""
        if "@" in what:
            rule, _, asset = what.partition("@")
            part = When(rule=rule, asset=asset, negate=self.negate.isChecked())
        else:
            value: float | str = given
            if kind is Condition.STALE:
                value = 0.0
            elif kind is not Condition.EQUALS and re.fullmatch(r"[-+]?[\d.,]+", given):
                try:
                    value = float(given.replace(",", "."))
                except ValueError:
                    value = given
            if value == "":
                self.say.setText(tr("Say which number or state."))
                self.threshold.setFocus()
                return
            part = When(what, condition=kind, threshold=value, negate=self.negate.isChecked())
        self.parts.append(part)
        self.what.clear()
        self.threshold.clear()
        self.negate.setChecked(False)
        self.say.setText("")
        self._show_parts()

    def _less(self) -> None:
        at = self.list.currentRow()
        if 0 <= at < len(self.parts):
            del self.parts[at]
            self._show_parts()

    def keep(self) -> None:
        """Send what the form says."""
        text = self.text.text().strip()
        one = Suppression(
            self._id or self._free_id(text), text, tuple(_names(self.where.text())),
            tuple(self.parts), self.downstream.isChecked(), tuple(_names(self.rules.text())),
        )  # fmt: skip
        self._desk.ask(wire.PutSuppression(one), self._kept)

    def _free_id(self, text: str) -> str:
        """A short name made of what it says, that no other has."""
        short = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:56] or "design"
        taken, made, n = {s.id for s in self.items}, short, 2
        while made in taken:
            made, n = f"{short}-{n}", n + 1
        return made

    def _kept(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ok):
            self._fresh()
            self.say.setText(tr("Kept as {name}.", name=reply.text))
        else:
            self.say.setText(str(getattr(reply, "problem", "")))

    def _drop(self) -> None:
        one = row_of(self.table, self.items)
        if one is not None:
            self._desk.ask(wire.DropSuppression(one.id))
            self._fresh()


def part_words(part: When) -> str:
    """A part of a condition as a person says it."""
    no = tr("not ") if part.negate else ""
    if part.rule:
        return f"{no}{part.rule}@{part.asset}" if part.asset else f"{no}{part.rule}"
    words = tr(dict(CONDITIONS).get(part.condition, part.condition.value))
    value = part.threshold if isinstance(part.threshold, str) else f"{part.threshold:g}"
    what = part.datastream or part.kind
    unit = f" {part.unit}" if part.unit and not isinstance(part.threshold, str) else ""
    shown = "" if part.condition is Condition.STALE else f" {value}{unit}"
    return f"{no}{what} {words}{shown}"


def _names(text: str) -> list[str]:
    return [p.strip() for p in text.split(",") if p.strip()]


def _line(name: str, hint: str) -> QLineEdit:
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(hint)
    return made
