"""The checklist of an order: lines to tick, readings with their limits, parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import Part, Step, WorkOrder
from lamplighter.domain.order_rules import out_of_limits
from lamplighter.ui.bound_fields import Bound
from lamplighter.ui.order_words import limits_words
from lamplighter.ui.parts import Text, button, row, tag
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

Send = Callable[[str, Value, tuple[str, ...] | None], None]
Seen = Callable[[str], tuple[str, ...] | None]
_MIDDLE: Final = Qt.AlignmentFlag.AlignVCenter


class Words(Text):
    """A line's words; a click on them is a click on its box."""

    def __init__(self, words: str, box: QCheckBox | None) -> None:
        super().__init__(words, "body", wrap=True)
        self._box = box

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._box is not None and self._box.isEnabled():
            self._box.click()


class StepRow:
    """The widgets of one line."""

    def __init__(self, step: Step, send: Send, grid: QGridLayout, line: int) -> None:
        self.step = step
        prefix = f"step.{step.id}"
        self.bound: list[Bound] = []
        self.mark = tag(tr("OUTSIDE"), filled=True)
        self.note = QLineEdit()
        self.note.setMinimumWidth(theme().px(150))
        self.note.setAccessibleName(tr("Note on {what}", what=step.text))
        words = step.text if step.required else tr("{what} (if possible)", what=step.text)
        self.box: QCheckBox | None = None
        self.reading: QLineEdit | None = None
        self.by = Text("", "caption", "secondary")
        if step.reads:
            self.reading = QLineEdit()
            self.reading.setFixedWidth(theme().px(76))
            self.reading.setAlignment(Qt.AlignmentFlag.AlignRight)
            self.reading.setAccessibleName(f"{step.text}, {limits_words(step)}")
            self.bound.append(Bound(f"{prefix}.reading", self.reading, send, number=True))
            self.by.setText(limits_words(step))
            grid.addWidget(self.reading, line, 2, _MIDDLE)
        else:
            self.box = QCheckBox()
            self.box.setAccessibleName(words)
            self.bound.append(Bound(f"{prefix}.done", self.box, send))
            grid.addWidget(self.box, line, 0, _MIDDLE)
        self.bound.append(Bound(f"{prefix}.note", self.note, send))
        grid.addWidget(Words(words, self.box), line, 1, _MIDDLE)
        grid.addWidget(self.by, line, 3, _MIDDLE)
        grid.addWidget(self.mark, line, 4, _MIDDLE)
        grid.addWidget(self.note, line, 5, _MIDDLE)

    def show(self, step: Step, seen: Seen, locked: bool) -> None:
        """What stands."""
        self.step = step
        values: dict[str, Value] = {
            "note": step.note, "reading": step.reading, "done": step.done
        }  # fmt: skip
        for bound in self.bound:
            bound.show(values[bound.name.rpartition(".")[2]], seen(bound.name))
            bound.widget.setEnabled(not locked)
        outside = out_of_limits(step)
        self.mark.setVisible(outside)
        self.note.setPlaceholderText(tr("say what you saw") if outside else tr("note"))
        if self.box is not None:
            self.by.setText(step.done_by if step.done else "")


class StepsPanel(QWidget):
    """Steps and parts of one order; each change is sent at once."""

    def __init__(self, send: Send, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._send = send
        self.rows: dict[str, StepRow] = {}
        self.parts: dict[str, Bound] = {}
        self._shape: tuple[object, ...] = ()
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._inside = QWidget()
        self._box.addWidget(self._inside)
        self._box.addStretch(1)

    def show_order(self, order: WorkOrder, seen: Seen, locked: bool) -> None:
        """Builds the lines anew only when there are others."""
        shape = (
            tuple((s.id, s.text, s.reads, s.unit, s.low, s.high, s.required) for s in order.steps),
            tuple((p.id, p.name, p.number, p.quantity) for p in order.parts),
        )
        if shape != self._shape:
            self._shape = shape
            self._build(order)
        for step in order.steps:
            self.rows[step.id].show(step, seen, locked)
        for part in order.parts:
            bound = self.parts[part.id]
            bound.show(part.used, seen(bound.name))
            bound.widget.setEnabled(not locked)

    def _build(self, order: WorkOrder) -> None:
        old, self._inside = self._inside, QWidget()
        self._box.replaceWidget(old, self._inside)
        old.deleteLater()
        self.rows, self.parts = {}, {}
        grid = QGridLayout(self._inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 3)
        grid.setColumnStretch(5, 2)
        line = 0
        for step in order.steps:
            self.rows[step.id] = StepRow(step, self._send, grid, line)
            line += 1
        if order.parts:
            heading = Text(tr("Parts; tick what was used"), "caption", "secondary")
            grid.addWidget(heading, line, 0, 1, 6)
            line += 1
        for part in order.parts:
            self._part(part, grid, line)
            line += 1

    def _part(self, part: Part, grid: QGridLayout, line: int) -> None:
        number = f", {part.number}" if part.number and part.number not in part.name else ""
        box = QCheckBox(f"{part.quantity:g} × {part.name}{number}")
        box.setAccessibleName(tr("Used: {what}", what=part.name))
        self.parts[part.id] = Bound(f"part.{part.id}.used", box, self._send)
        grid.addWidget(box, line, 0, 1, 6)


class LineAdder(QWidget):
    """One more line for the checklist, or one more part."""

    def __init__(
        self, add: Callable[[dict[str, Value]], None], next_id: Callable[[str], str]
    ) -> None:
        super().__init__()
        self._add, self._next_id = add, next_id
        self.text, self.unit = QLineEdit(), QLineEdit()
        self.low, self.high = QLineEdit(), QLineEdit()
        for field, name, width in (
            (self.text, tr("What is to be done or read"), 0),
            (self.unit, tr("unit"), 64),
            (self.low, tr("from"), 56),
            (self.high, tr("to"), 56),
        ):
            field.setPlaceholderText(name)
            field.setAccessibleName(name)
            if width:
                field.setFixedWidth(theme().px(width))
        self.step = button(tr("Add line"), self.add_step)
        self.reading = button(tr("Add reading"), self.add_reading)
        self.part = button(tr("Add part"), self.add_part)
        self.text.returnPressed.connect(self.add_step)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        first = row(self.text, self.unit, self.low, self.high)
        first.setStretch(0, 1)
        box.addLayout(first)
        box.addLayout(row(self.step, self.reading, self.part, None))

    def _place(self, prefix: str) -> int:
        digits = "".join(c for c in prefix if c.isdigit())
        return 1_000 + int(digits[:6] or 0)

    def add_step(self) -> None:
        """Something to tick."""
        text = self.text.text().strip()
        if text:
            ident = self._next_id("step")
            self._add({f"step.{ident}.text": text, f"step.{ident}.place": self._place(ident),
                       f"step.{ident}.required": True})  # fmt: skip
            self._clear()

    def add_reading(self) -> None:
        """A value to read, with its unit and limits when they are given."""
        text = self.text.text().strip()
        limits: dict[str, float | None] = {}
        for name, field in (("low", self.low), ("high", self.high)):
            words = field.text().strip().replace(",", ".")
            try:
                limits[name] = float(words) if words else None
            except ValueError:
                field.setFocus()
                return
        if not text:
            return
        ident = self._next_id("step")
        fields: dict[str, Value] = {
            f"step.{ident}.text": text, f"step.{ident}.place": self._place(ident),
            f"step.{ident}.required": True, f"step.{ident}.reads": True,
            f"step.{ident}.unit": self.unit.text().strip(),
        }  # fmt: skip
        fields |= {f"step.{ident}.{n}": v for n, v in limits.items() if v is not None}
        self._add(fields)
        self._clear()

    def add_part(self) -> None:
        """A part that is needed."""
        text = self.text.text().strip()
        if text:
            ident = self._next_id("part")
            self._add({f"part.{ident}.name": text, f"part.{ident}.place": self._place(ident),
                       f"part.{ident}.quantity": 1.0})  # fmt: skip
            self._clear()

    def _clear(self) -> None:
        for field in (self.text, self.unit, self.low, self.high):
            field.clear()
        self.text.setFocus()
