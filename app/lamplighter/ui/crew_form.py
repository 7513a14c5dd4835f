"""Adding and dropping crews, in one line above the board."""

from __future__ import annotations

from PySide6.QtCore import QTime, Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QTimeEdit, QVBoxLayout, QWidget

from lamplighter.domain.crew_plan import Crew
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.words import tr


class CrewForm(QWidget):
    """`kept` with a crew to keep, `dropped` with the id of one to forget."""

    kept = Signal(object)
    dropped = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._crews: tuple[Crew, ...] = ()
        self.which = QComboBox()
        self.which.setAccessibleName(tr("Crew"))
        self.which.currentIndexChanged.connect(lambda _: self._fill())
        self.name, self.skills = QLineEdit(), QLineEdit()
        self.name.setAccessibleName(tr("Name"))
        self.name.setPlaceholderText(tr("name"))
        self.skills.setAccessibleName(tr("Skills"))
        self.skills.setPlaceholderText(tr("skills, by comma"))
        self.base = QLineEdit()
        self.base.setAccessibleName(tr("Base"))
        self.base.setPlaceholderText(tr("base: longitude, latitude"))
        self.begin, self.end = QTimeEdit(QTime(7, 0)), QTimeEdit(QTime(15, 0))
        for field, name in ((self.begin, tr("Shift begins")), (self.end, tr("Shift ends"))):
            field.setDisplayFormat("HH:mm")
            field.setAccessibleName(name)
        self.people = QSpinBox()
        self.people.setRange(1, 50)
        self.people.setValue(2)
        self.people.setSuffix(tr(" people"))
        self.people.setAccessibleName(tr("People"))
        self.keep = button(tr("Keep"), self._keep)
        self.drop = button(tr("Drop"), self._drop)
        self.say = Text("", "caption", "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        box.addLayout(row(self.which, self.name, self.skills, self.begin, self.end))
        box.addLayout(row(self.base, self.people, self.keep, self.drop, self.say, None))

    def show_crews(self, crews: tuple[Crew, ...]) -> None:
        """The crews there are; the first entry makes a new one."""
        chosen = self.which.currentData()
        self._crews = crews
        self.which.blockSignals(True)
        self.which.clear()
        self.which.addItem(tr("New crew"), "")
        for crew in crews:
            self.which.addItem(crew.name, crew.id)
        self.which.setCurrentIndex(max(self.which.findData(chosen), 0))
        self.which.blockSignals(False)
        self._fill()

    def _fill(self) -> None:
        crew = next((c for c in self._crews if c.id == self.which.currentData()), None)
        self.drop.setEnabled(crew is not None)
        self.say.setText("")
        crew = crew or Crew("", "")
        self.name.setText(crew.name)
        self.skills.setText(", ".join(crew.skills))
        self.begin.setTime(QTime(crew.begin // 60 % 24, crew.begin % 60))
        self.end.setTime(QTime(min(crew.end, 1439) // 60, min(crew.end, 1439) % 60))
        self.people.setValue(crew.people)
        known = crew.lon is not None and crew.lat is not None
        self.base.setText(f"{crew.lon:.5f}, {crew.lat:.5f}" if known else "")

    def _keep(self) -> None:
        name = self.name.text().strip()
        begin, end = self.begin.time(), self.end.time()
        minutes = begin.hour() * 60 + begin.minute(), end.hour() * 60 + end.minute()
        lon, lat, fits = _place(self.base.text())
        if not name:
            self.say.setText(tr("A crew needs a name."))
        elif minutes[0] >= minutes[1]:
            self.say.setText(tr("The shift ends before it begins."))
        elif not fits:
            self.say.setText(tr("Give the base as longitude, latitude."))
        else:
            skills = tuple(s.strip() for s in self.skills.text().split(",") if s.strip())
            crew_id = str(self.which.currentData() or "")
            self.kept.emit(Crew(crew_id, name, skills, *minutes, lon, lat, self.people.value()))

    def _drop(self) -> None:
        self.dropped.emit(str(self.which.currentData()))


def _place(text: str) -> tuple[float | None, float | None, bool]:
    if not text.strip():
        return None, None, True
    try:
        lon, lat = (float(t) for t in text.split(","))
    except ValueError:
        return None, None, False
    return lon, lat, -180 <= lon <= 180 and -90 <= lat <= 90
