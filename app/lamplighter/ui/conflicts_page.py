"""Conflicts, one question at a time: both sides large, who, when, where and why; nothing is lost.

A field about safety is never chosen beforehand, and its choices stay locked until two people are
named.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict, Edit, Value
from lamplighter.domain.kit import KitReport
from lamplighter.ui.conflict_choice import Choice
from lamplighter.ui.conflict_list import ConflictList, Key
from lamplighter.ui.conflict_words import history_row, like, merged_words, side
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Elided, Text, button, row, rule, window_of_its_own
from lamplighter.ui.record_words import (
    asset_of,
    field_name,
    record_name,
    value_words,
    waiting_words,
    when,
)
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr


class ConflictsPage(QWidget):
    """A window of its own: the list at the left, the question at the right, actions below."""

    gone = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Changes to decide"))
        self._desk = desk
        self._current: Key | None = None
        self._later: set[Key] = set()
        self._shown: tuple[Conflict, ...] = ()
        self._told: KitReport | None = None
        self.choices: list[Choice] = []
        self.picked: Choice | None = None
        self._build()
        desk.kits.changed.connect(self.refresh)
        self.resize(1180, 660)
        self.refresh()

    # ---------------------------------------------------------------- building
    def _build(self) -> None:
        self.title, self._where = Text(tr("Changes to decide"), "heading"), Elided("", "body")
        self._state = Elided("", "body", "secondary")
        self.list = ConflictList(self._desk)
        self.list.moved.connect(self._moved)
        self._detail = QWidget()
        self._detail.setProperty("role", "panel")
        self._detail.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._box = QVBoxLayout(self._detail)
        self._box.setContentsMargins(24, 16, 24, 16)
        self._box.setSpacing(10)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._detail)
        self._fill_detail()
        top = row(self.title, self._where)
        top.setStretchFactor(self._where, 1)
        top.setContentsMargins(16, 10, 16, 10)
        state = row(self._state)
        state.setContentsMargins(16, 4, 16, 8)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        for widget in (self.list, rule(vertical=True), area):
            middle.addWidget(widget)
        middle.setStretchFactor(area, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(top)
        box.addLayout(state)
        box.addWidget(rule())
        box.addLayout(middle, 1)
        box.addWidget(rule())
        box.addWidget(self._bottom())
        self._keys()

    def _fill_detail(self) -> None:
        self._count = Text("", "body", "secondary", wrap=True)
        self.question = Text("", "heading", wrap=True)
        self._said = Text("", "body", "secondary", wrap=True)
        self.history = button(tr("Show history"), self._ask_history)
        head = row(self.question, self.history)
        head.setStretchFactor(self.question, 1)
        self._sides = QHBoxLayout()
        self._sides.setSpacing(16)
        self._before = Text("", "body", wrap=True)
        self.other = QLineEdit()
        self.other.setPlaceholderText(tr("Neither: write what is right (N)"))
        self.other.setAccessibleName(tr("Another value"))
        self.other.textEdited.connect(self._typed)
        self.reason, self.second = QLineEdit(), QLineEdit()
        self.reason.setPlaceholderText(tr("Why (kept in the history)"))
        self.reason.setAccessibleName(tr("Reason"))
        self.second.setPlaceholderText(tr("The second person who decides with you"))
        self.second.setAccessibleName(tr("Second person"))
        for field in (self.reason, self.second):
            field.textChanged.connect(lambda _: self._enable())
        self.safety = QFrame()
        self.safety.setProperty("role", "locked")
        inner = QVBoxLayout(self.safety)
        inner.addWidget(Text(tr("Safety fields are never merged by themselves."), "bodyStrong"))
        self._locked = Text("", "body", wrap=True)
        inner.addWidget(self._locked)
        inner.addWidget(self.second)
        self._merged = Text("", "body", "secondary", wrap=True)
        self.past = Text("", "caption", "secondary", wrap=True)
        self.past.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._box.addWidget(self._count)
        self._box.addLayout(head)
        self._box.addWidget(self._said)
        self._box.addWidget(self.safety)
        self._box.addLayout(self._sides)
        for widget in (self._before, self.other, self.reason, self._merged, self.past):
            self._box.addWidget(widget)
        self._box.addStretch(1)

    def _bottom(self) -> QWidget:
        self.back = button(tr("Close"), self.close)
        self.wait = button(tr("Decide later"), self.later, tip=tr("L"))
        self.notes = button(tr("Keep both as notes"), self.keep_both, tip=tr("B"))
        self.theirs = button(tr("Take theirs"), lambda: self.take_side(mine=False), tip=tr("T"))
        self.primary = button(tr("Keep mine"), self.decide, kind="primary", tip=tr("Enter"))
        for one in (self.back, self.wait, self.theirs, self.notes, self.primary):
            one.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        line = row(self.back, self.wait, None, self.theirs, self.notes, self.primary)
        line.setContentsMargins(16, 10, 16, 10)
        bar = QWidget()
        bar.setLayout(line)
        bar.setFixedHeight(theme().row + 20)
        return bar

    def _keys(self) -> None:
        table: Mapping[str, Callable[[], object]] = {
            "Return": self.decide, "Enter": self.decide, "L": self.later, "B": self.keep_both,
            "T": lambda: self.take_side(mine=False), "M": lambda: self.take_side(mine=True),
            "H": self._ask_history, "N": self.other.setFocus, "Esc": self.close,
            "1": lambda: self.pick(0), "2": lambda: self.pick(1), "3": lambda: self.pick(2),
            "4": lambda: self.pick(3),
        }  # fmt: skip
        for key, work in table.items():
            made = QShortcut(QKeySequence(key), self)
            made.activated.connect(lambda k=key, w=work: self._key(k, w))

    def _key(self, key: str, work: Callable[[], object]) -> None:
        """Letters belong to a line edit that has the focus."""
        if isinstance(self.focusWidget(), QLineEdit) and key not in ("Return", "Enter", "Esc"):
            line = self.focusWidget()
            assert isinstance(line, QLineEdit)
            line.insert(key.lower())
            line.textEdited.emit(line.text())
            return
        work()

    # ---------------------------------------------------------------- showing
    def refresh(self) -> None:
        """After a merge, an edit or a decision, here or elsewhere."""
        kits = self._desk.kits
        origin = kits.state.origin
        name = self._desk.session.welcome.project if self._desk.session is not None else ""
        self._where.set_full(name)
        words = []
        if origin is not None:
            words.append(tr("Field kit of {name}, taken {at}; {back}.", name=origin.name,
                            at=when(origin.made_ms),
                            back=waiting_words(kits.state.waiting)))  # fmt: skip
        if kits.merged is not None:
            words.append(tr("{n} new records came from {name} at {at}.", n=kits.merged.records,
                            name=kits.merged.name, at=when(kits.merged_ms)))  # fmt: skip
        self._state.set_full(" ".join(words) or tr("Nothing is lost: both sides stay in history."))
        if kits.conflicts != self._shown or kits.merged is not self._told or not self.list.count():
            self._shown, self._told = kits.conflicts, kits.merged
            self._fill_list()
        self._show_detail()

    def _fill_list(self) -> None:
        self.list.show_rows(self._ordered(), self._quiet(), self._current)
        self._current = self.list.key

    def _ordered(self) -> list[Conflict]:
        """Those put off last."""
        return sorted(self._shown, key=lambda c: (c.object, c.field) in self._later)

    def _quiet(self) -> list[str]:
        """Records the last merge changed without a question."""
        merged = self._desk.kits.merged
        asked = {c.object for c in self._shown}
        return [o for o in merged.objects if o not in asked] if merged is not None else []

    def _moved(self, key: Key) -> None:
        if key != self._current:
            self._current = key
            self._clear_fields()
            self._show_detail()

    def _clear_fields(self) -> None:
        for field in (self.other, self.reason, self.second):
            field.clear()
        self.past.setText("")

    @property
    def conflict(self) -> Conflict | None:
        """The one that is asked now."""
        found = (c for c in self._shown if (c.object, c.field) == self._current)
        return next(found, None)

    def _show_detail(self) -> None:
        one = self.conflict
        ids = [c.edit.id for c in self.choices]
        if one is None:
            self._show_none()
        elif ids != [h.id for h in self._sorted(one)]:
            self._show_sides(one)
        asked = one is not None
        for widget in (self.history, self._before, self.other, self.reason):
            widget.setVisible(asked)
        self.safety.setVisible(one is not None and one.safety)
        self._enable()

    def _show_none(self) -> None:
        self._take_sides_away()
        object = self._current[0] if self._current is not None else ""
        self._count.setText("")
        self.question.setText(
            record_name(self._desk, object) if object else tr("Nothing waits for a decision")
        )
        self._said.setText(
            tr("Merged without a question.") if object else
            tr("When two consoles change the same field without knowing of each other, both sides "
               "are shown here.")
        )  # fmt: skip
        self._merged.setText(merged_words(self._desk, object))

    def _show_sides(self, one: Conflict) -> None:
        self._take_sides_away()
        desk = self._desk
        places = [(c.object, c.field) for c in self._ordered()]
        at = places.index((one.object, one.field)) + 1
        self._count.setText(
            tr("Decision {n} of {all}: {what}", n=at, all=len(places),
               what=record_name(desk, one.object))
        )  # fmt: skip
        self.question.setText(tr("{field}: which is right?",
                                 field=field_name(desk, one.object, one.field)))  # fmt: skip
        self._said.setText(
            tr("The same field was changed in {n} places. Nothing is lost: all of it stays in the "
               "history.", n=len(one.heads))
        )  # fmt: skip
        for number, edit in enumerate(self._sorted(one), 1):
            choice = Choice(edit, side(self._desk, edit), str(number))
            choice.chosen.connect(lambda c=choice: self._pick(c))
            self.choices.append(choice)
            self._sides.addWidget(choice)
        agreed = value_words(one.field, one.agreed)
        shown = value_words(one.field, one.shown)
        self._before.setText(
            tr("Before all of them: {agreed}. Until you decide, {shown} is shown.",
               agreed=agreed, shown=shown)
        )  # fmt: skip
        self._locked.setText(
            tr("{what} needs two people: name the second one, and say why.",
               what=field_name(desk, one.object, one.field))
        )  # fmt: skip
        self._merged.setText(merged_words(self._desk, one.object))
        if not one.safety and self.choices:
            self._pick(self.choices[0])

    def _take_sides_away(self) -> None:
        for choice in self.choices:
            self._sides.removeWidget(choice)
            choice.deleteLater()
        self.choices, self.picked = [], None

    def _sorted(self, one: Conflict) -> list[Edit]:
        """Mine first, then the latest."""
        mine = self._desk.kits.mine
        return sorted(one.heads, key=lambda e: (e.origin != mine, -e.made_ms, e.id))

    # ---------------------------------------------------------------- choosing
    def pick(self, number: int) -> None:
        """Choose the n-th side."""
        if number < len(self.choices) and self.choices[number].isEnabled():
            self._pick(self.choices[number])

    def _pick(self, choice: Choice) -> None:
        self.other.clear()
        self._mark(choice)

    def _mark(self, choice: Choice | None) -> None:
        self.picked = choice
        for one in self.choices:
            one.mark(one is choice)
        self._enable()

    def _typed(self, text: str) -> None:
        if text.strip():
            self._mark(None)
        self._enable()

    @property
    def unlocked(self) -> bool:
        """Whether this may be decided: safety needs a second person and a reason."""
        one = self.conflict
        if one is None:
            return False
        named = self.second.text().strip() and self.reason.text().strip()
        return not one.safety or bool(named)

    def _enable(self) -> None:
        free = self.unlocked
        for choice in self.choices:
            choice.setEnabled(free)
        if not free and self.picked is not None and self.conflict and self.conflict.safety:
            self.picked.mark(False)
            self.picked = None
        self.other.setEnabled(free)
        written = bool(self.other.text().strip())
        self.primary.setEnabled(free and (self.picked is not None or written))
        sides = {c.edit.origin == self._desk.kits.mine for c in self.choices}
        self.theirs.setEnabled(free and False in sides)
        self.notes.setEnabled(free)
        self.wait.setEnabled(len(self._shown) > 1)
        mine = self.picked is not None and self.picked.edit.origin == self._desk.kits.mine
        words = tr("Keep mine") if mine or not self.choices else tr("Take the chosen one")
        self.primary.setText(tr("Write this") if written else words)

    # ---------------------------------------------------------------- deciding
    def decide(self) -> None:
        """Take the chosen side or what was written."""
        one = self.conflict
        if one is None or not self.primary.isEnabled():
            return
        text = self.other.text().strip()
        if text:
            self._settle(one, like(one, text))
        elif self.picked is not None:
            self._settle(one, self.picked.edit.value)

    def take_side(self, *, mine: bool) -> None:
        """Take the newest of my sides or of theirs."""
        one = self.conflict
        if one is None or not self.unlocked:
            return
        here = self._desk.kits.mine
        side = next((e for e in self._sorted(one) if (e.origin == here) == mine), None)
        if side is not None:
            self._settle(one, side.value)

    def keep_both(self) -> None:
        """Both sides into a note, and the field back to what both last agreed on."""
        one = self.conflict
        if one is None or not self.unlocked:
            return
        lines = [
            f"{side(self._desk, e)}, {e.author}, {when(e.made_ms)}: {value_words(e.field, e.value)}"
            for e in self._sorted(one)
        ]
        name = field_name(self._desk, one.object, one.field)
        fields: dict[str, Value] = {
            "text": f"{record_name(self._desk, one.object)}, {name}:\n" + "\n".join(lines)
        }
        asset = asset_of(self._desk, one.object)
        if asset:
            fields["asset"] = asset
        if one.object.startswith("order/"):
            fields["order"] = one.object.partition("/")[2]
        self._desk.ask(wire.EditFields(f"note/{secrets.token_hex(6)}", fields, self._why()))
        self._settle(one, one.agreed)

    def _settle(self, one: Conflict, value: Value) -> None:
        seen = {one.field: tuple(sorted(h.id for h in one.heads))}
        self._later.discard((one.object, one.field))
        self._desk.ask(
            wire.EditFields(
                one.object, {one.field: value}, self._why(), seen, self.second.text().strip()
            )
        )
        self._clear_fields()

    def _why(self) -> str:
        return self.reason.text().strip() or tr("decided between the sides of a merge")

    def later(self) -> None:
        """Put this one off and ask the next."""
        if self._current is None or not self.wait.isEnabled():
            return
        self._later.add(self._current)
        rest = [(c.object, c.field) for c in self._ordered()]
        self._current = rest[0]
        self._clear_fields()
        self._fill_list()
        self._show_detail()

    # ---------------------------------------------------------------- history
    def _ask_history(self) -> None:
        one = self.conflict
        if one is not None:
            self._desk.ask(wire.GetEdits(one.object), self._got_history)

    def _got_history(self, reply: wire.Reply) -> None:
        one = self.conflict
        if isinstance(reply, wire.EditHistory) and one is not None and reply.object == one.object:
            rows = [e for e in reply.edits if e.field == one.field]
            self.past.setText("\n".join(history_row(self._desk, e) for e in rows))

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)
