"""Repair now, in two weeks or never: cost and risk as bands, with the amounts behind them."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QDoubleSpinBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.waiting import Choice, Waiting, WaitingCosts
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Canvas, Elided, Panel, Scroller, Text, button, row, rule
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

LINE: Final = 52
NAMES: Final = {"now": "Repair now", "in two weeks": "In two weeks", "never": "Never"}


class Bands(Canvas):
    """One line for each choice: the band of its cost, its middle, and the chance of a failure."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Waiting | None = None

    def sizeHint(self) -> QSize:
        return QSize(theme().px(240), theme().px(3 * LINE + 20))

    def show_found(self, found: Waiting) -> None:
        self._found = found
        self.setMinimumHeight(self.sizeHint().height())
        lines = [_line(c, found.costs.currency) for c in found.choices]
        self.setAccessibleDescription("; ".join(lines))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        found = self._found
        if found is None or not found.choices:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = max(c.cost_high for c in found.choices) or 1.0
        best = min(found.choices, key=lambda c: c.cost)
        for number, choice in enumerate(found.choices):
            self._paint_choice(painter, number, choice, top, choice is best, found.costs.currency)
        painter.end()

    def _paint_choice(
        self, painter: QPainter, number: int, choice: Choice, top: float, best: bool, unit: str
    ) -> None:
        look = theme()
        y = number * look.px(LINE)
        painter.setFont(look.font("bodyStrong" if best else "body"))
        painter.setPen(look.colour("text.primary"))
        whole = QRectF(0, y, self.width(), look.px(20))
        painter.drawText(whole, Qt.AlignmentFlag.AlignLeft, tr(NAMES[choice.name]))
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.secondary"))
        chance = numbers.percent_range(choice.fails_low, choice.fails_high)
        fails = tr("fails {chance}", chance=chance)
        painter.drawText(whole, Qt.AlignmentFlag.AlignRight, fails)
        bar = QRectF(0, y + look.px(20), self.width(), look.px(10))
        painter.fillRect(bar, look.colour("chart.plot"))
        scale = bar.width() / top
        left, middle, right = choice.cost_low * scale, choice.cost * scale, choice.cost_high * scale
        band = look.colour("chart.band")
        painter.fillRect(QRectF(left, bar.top(), max(right - left, 2), bar.height()), band)
        painter.setPen(QPen(look.colour("chart.trace1"), 2))
        painter.drawLine(QPointF(middle, bar.top() - 2), QPointF(middle, bar.bottom() + 2))
        painter.setPen(look.colour("text.secondary"))
        text = f"{choice.cost_low:,.0f}–{choice.cost_high:,.0f}{numbers.THIN}{unit}"
        painter.drawText(QRectF(0, bar.bottom() + 1, self.width(), look.px(18)),
                         Qt.AlignmentFlag.AlignLeft, text)  # fmt: skip


def _line(choice: Choice, unit: str) -> str:
    return (
        f"{tr(NAMES[choice.name])}: {choice.cost_low:,.0f} to {choice.cost_high:,.0f} {unit}, "
        f"fails {numbers.percent_range(choice.fails_low, choice.fails_high)}, "
        f"{choice.hours_low:,.0f} to {choice.hours_high:,.0f} person-hours"
    )


class WaitingCard(Panel):
    """For the selected asset. Amounts are kept for its whole class when *Keep* is pressed."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.found: Waiting | None = None
        self._name = Elided("", "heading")
        self._none = Text("", "body", "secondary", wrap=True)
        self.bands = Bands()
        self.advice = Text("", "bodyStrong", wrap=True)
        self.turning = Text("", "body", "secondary", wrap=True)
        self.basis = Text("", "caption", "secondary", wrap=True)
        self.amounts: dict[str, QDoubleSpinBox] = {}
        self.currency = QLineEdit()
        self.currency.setMaxLength(8)
        self.currency.setAccessibleName(tr("Currency"))
        self.keep = button(tr("Keep for this class"), self._keep)
        self.say = Text("", "caption", "secondary", wrap=True)
        content = Panel()
        box = QVBoxLayout(content)
        box.setContentsMargins(16, 12, 16, 12)
        box.setSpacing(8)
        for part in (self._name, self._none, self.bands, self.advice, self.turning, self.basis):
            box.addWidget(part)
        box.addWidget(rule())
        self._form = QWidget()
        self._form.setLayout(self._fields())
        box.addWidget(self._form)
        box.addLayout(row(self.keep, None))
        box.addWidget(self.say)
        box.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(Scroller(content))
        desk.selection.changed.connect(self.look)
        desk.prognosis_changed.connect(self.look)
        self._show(None)

    def _fields(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(4)
        words = (
            ("planned", tr("Planned repair")), ("failure", tr("Repair after a failure")),
            ("hours_out", tr("Hours without service")), ("person_hour", tr("Per person and hour")),
        )  # fmt: skip
        for name, word in words:
            field = QDoubleSpinBox()
            field.setRange(0, 1e9)
            field.setDecimals(2 if name == "person_hour" else 0)
            field.setGroupSeparatorShown(True)
            field.setAccessibleName(word)
            self.amounts[name] = field
            form.addRow(word, field)
        form.addRow(tr("Currency"), self.currency)
        return form

    # ------------------------------------------------------------------ looking
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def look(self) -> None:
        """Ask for the selected asset."""
        current = self._desk.selection.current
        if not self.isVisible():
            return
        if current in self._desk.city.assets:
            self._desk.ask(wire.GetWaiting(current), self._got)
        else:
            self._show(None)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.WaitingFor):
            if reply.waiting.asset == self._desk.selection.current:
                self._show(reply.waiting)
        elif isinstance(reply, wire.Refused):
            self._show(None)
            self._none.setText(str(reply.problem))

    def _show(self, found: Waiting | None) -> None:
        other = found is None or self.found is None or found.asset_class != self.found.asset_class
        self.found = found
        has = found is not None and bool(found.choices)
        for part in (self.bands, self.advice, self.turning, self._form, self.keep, self.say):
            part.setVisible(has)
        self._none.setVisible(not has)
        self.basis.setVisible(has)
        if found is None:
            self._name.set_full("")
            self._none.setText(tr("Select an asset with a forecast."))
            return
        self._name.set_full(self._desk.city.name(found.asset))
        why = found.basis[:1].upper() + found.basis[1:]
        self._none.setText(
            "" if has else tr("What waiting costs is not said here. {why}.", why=why)
        )
        if not has:
            return
        self.bands.show_found(found)
        self.advice.setText(found.advice)
        self.turning.setText(found.turning)
        note = tr("Over {n} days, from the forecast's own band; {b}.",
                  n=f"{found.horizon_days:.0f}", b=found.basis)  # fmt: skip
        if not found.costs.own:
            note += " " + tr("The amounts below are examples: give your own.")
        self.basis.setText(note)
        if other or not self._form.isAncestorOf(self._form.focusWidget() or self):
            self._fill(found.costs)

    def _fill(self, costs: WaitingCosts) -> None:
        for name, field in self.amounts.items():
            field.setValue(getattr(costs, name))
        self.currency.setText(costs.currency)

    # ------------------------------------------------------------------ doing
    def _keep(self) -> None:
        if self.found is None:
            return
        costs = replace(
            self.found.costs,
            currency=self.currency.text().strip() or self.found.costs.currency,
            **{name: field.value() for name, field in self.amounts.items()},
        )
        self._desk.ask(wire.SetWaitingCosts(self.found.asset_class, costs), self._kept)

    def _kept(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Refused):
            self.say.setText(str(reply.problem))
            return
        kind = self.found.asset_class if self.found is not None else ""
        self.say.setText(tr("Kept for all of type {kind}.", kind=kind))
        self.look()
