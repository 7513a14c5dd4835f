"""What one field of a message or column of a table means: its meaning, name and unit, edited."""

from __future__ import annotations

from typing import Final, Protocol

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from lamplighter.ui.parts import row
from lamplighter.ui.words import tr

UNITS: Final = (
    "", "°C", "%", "bar", "mbar", "hPa", "kPa", "m³/h", "l/s", "m³", "m", "cm", "mm", "m/s", "km/h",
    "V", "kV", "A", "kW", "MW", "W", "kWh", "Hz", "µg/m³", "ppm", "ppb", "dB(A)", "lx", "°",
)  # fmt: skip


class Meant(Protocol):
    """A field or a column."""

    @property
    def role(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def unit(self) -> str: ...


class MeaningEditor(QWidget):
    """`edited` with what a person changed of the shown one, as a dict. What is being typed stays
    when the same one is shown anew.
    """

    edited = Signal(object)

    def __init__(self, name: str, hint: str, unit_hint: str = "") -> None:
        """`name`: what the field for the name is called; a hint stands in an empty field."""
        super().__init__()
        self._shown: Meant | None = None
        self.role, self.label, self.unit = QComboBox(), QLineEdit(), QComboBox()
        self.role.setAccessibleName(tr("Meaning"))
        self.role.activated.connect(lambda _: self._edit(role=self.role.currentData()))
        self.label.setAccessibleName(name)
        self.label.setPlaceholderText(hint)
        self.label.editingFinished.connect(lambda: self._edit(label=self.label.text().strip()))
        self.unit.setEditable(True)
        self.unit.setAccessibleName(tr("Unit"))
        self.unit.addItems(list(UNITS))
        self.unit.activated.connect(lambda _: self._edit(unit=self.unit.currentText().strip()))
        line = self.unit.lineEdit()
        if line is not None:
            line.setPlaceholderText(unit_hint)
            line.editingFinished.connect(lambda: self._edit(unit=self.unit.currentText().strip()))
        self.setLayout(row(self.role, self.label, self.unit))

    def offer(self, roles: dict[str, str]) -> None:
        """The meanings there are: role -> words."""
        self.role.clear()
        for role, words in roles.items():
            self.role.addItem(tr(words), role)

    def show_one(self, shown: Meant | None, *, named: bool) -> None:
        """Show it; `named`: it has a name and a unit of its own."""
        self._shown = shown
        self.role.setEnabled(shown is not None)
        for field in (self.label, self.unit):
            field.setEnabled(named)
        if shown is None:
            return
        self.role.setCurrentIndex(self.role.findData(shown.role))
        if not self.label.hasFocus():
            self.label.setText(shown.label)
        if not self.unit.hasFocus():
            self.unit.setCurrentText(shown.unit)

    def _edit(self, **changes: object) -> None:
        shown = self._shown
        fresh = {k: v for k, v in changes.items() if shown is not None and getattr(shown, k) != v}
        if fresh:
            self.edited.emit(fresh)
