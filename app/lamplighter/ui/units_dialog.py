"""Choosing display units: one line for each unit the city's values have."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget

from lamplighter.domain.units import spelled
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Panel, Scroller, Text, button, row, window_of_its_own
from lamplighter.ui.theme import theme
from lamplighter.ui.units import CHOICES, display
from lamplighter.ui.words import tr

GROUP = "units"


def restore(settings: QSettings | None) -> None:
    """What this person chose before."""
    if settings is None:
        return
    settings.beginGroup(GROUP)
    kept = {str(key): str(settings.value(key)) for key in settings.childKeys()}
    settings.endGroup()
    display.take({key.replace("|", "/"): value for key, value in kept.items()})


class UnitsDialog(QWidget):
    """Changes show at once and are kept for this person."""

    changed = Signal()

    def __init__(self, desk: Desk, settings: QSettings | None, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        window_of_its_own(self, tr("Display units"))
        self._settings = settings
        used = {s.unit for s in desk.city.streams.values() if s.unit}
        used |= {spelled(unit) for unit in used}
        self.boxes: dict[str, QComboBox] = {}
        inner = Panel()
        form = QFormLayout(inner)
        for unit in [u for u in CHOICES if u in used] or list(CHOICES):
            box = QComboBox()
            box.setAccessibleName(tr("Show {unit} as", unit=unit))
            box.addItem(tr("{unit}, as stored", unit=unit), unit)
            for found in CHOICES[unit]:
                box.addItem(found.unit, found.unit)
            chosen = display.of(unit)
            box.setCurrentIndex(max(0, box.findData(chosen.unit if chosen else unit)))
            box.activated.connect(lambda _, u=unit: self._choose(u))
            self.boxes[unit] = box
            form.addRow(unit, box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.addWidget(
            Text(tr("Values, limits and expectations of the faceplate, lists, labels and trends. "
                    "Alarms, commands and exported tables keep the stored unit."),
                 "caption", "secondary", wrap=True)
        )  # fmt: skip
        layout.addWidget(Scroller(inner), 1)
        layout.addLayout(row(None, button(tr("Close"), self.close)))
        self.resize(theme().px(380), theme().px(420))

    def _choose(self, unit: str) -> None:
        display.choose(unit, str(self.boxes[unit].currentData()))
        if self._settings is not None:
            self._settings.remove(GROUP)
            self._settings.beginGroup(GROUP)
            for stored, shown in display.as_text().items():
                self._settings.setValue(stored.replace("/", "|"), shown)
            self._settings.endGroup()
            self._settings.sync()
        self.changed.emit()
