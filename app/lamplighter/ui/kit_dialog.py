"""Take with me: a part of the city into one file, with what it holds before it is made."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain import wire
from lamplighter.domain.kit import DAYS, KitReport, KitWanted
from lamplighter.ui.desk import Desk
from lamplighter.ui.file_box import ask_save
from lamplighter.ui.parts import Text, button, row
from lamplighter.ui.task_dialog import TaskDialog
from lamplighter.ui.words import tr

ENDING: Final = ".kit"
METRES_A_DEGREE: Final = 111_320.0
AFTER_MS: Final = 400
"""how long nothing is typed before what it would hold is asked for"""
SELECTED, AROUND, DISTRICT, EVERYTHING = range(4)


class KitDialog(TaskDialog):
    """One question and its answer; the packing itself is a task of the recorder."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, tr("Take with me"), parent)
        self._asked: KitWanted | None = None
        self._why_not = ""
        self._build()
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(AFTER_MS)
        self._due.timeout.connect(self._preview)
        desk.kits.done.connect(self._done)
        desk.selection.changed.connect(self._changed)
        self.file.setText(self._proposed())
        self.what.setCurrentIndex(SELECTED if desk.selection.assets else EVERYTHING)
        self.resize(680, 460)
        self._changed()

    # ---------------------------------------------------------------- building
    def _build(self) -> None:
        self.what = QComboBox()
        self.what.addItems(
            [tr("What is selected, with its parts"), tr("Around the selection"), tr("A district"),
             tr("The whole project")]
        )  # fmt: skip
        self.what.setAccessibleName(tr("What to take"))
        self.radius, self.district = QDoubleSpinBox(), QLineEdit()
        self.radius.setRange(10, 50_000)
        self.radius.setDecimals(0)
        self.radius.setValue(500)
        self.radius.setSuffix(" m")
        self.radius.setAccessibleName(tr("Within"))
        self.district.setPlaceholderText(tr("Name of the district"))
        self.district.setAccessibleName(tr("District"))
        self.days, self.valid = QSpinBox(), QSpinBox()
        for box, value, name in (
            (self.days, int(DAYS), tr("Days of history")),
            (self.valid, 30, tr("May be begun for")),
        ):
            box.setRange(0, 3_650)
            box.setValue(value)
            box.setSuffix(tr(" days"))
            box.setAccessibleName(name)
        self.days.setSpecialValueText(tr("all of it"))
        self.valid.setSpecialValueText(tr("for ever"))
        self.purpose, self.file = QLineEdit(), QLineEdit()
        self.purpose.setPlaceholderText(tr("Crew 2, harbour pumps"))
        self.purpose.setAccessibleName(tr("For whom and for what"))
        self.file.setAccessibleName(tr("Kit file"))
        self.word, self.again = QLineEdit(), QLineEdit()
        for field, name in ((self.word, tr("Passphrase")), (self.again, tr("Passphrase again"))):
            field.setEchoMode(QLineEdit.EchoMode.Password)
            field.setAccessibleName(name)
            field.setPlaceholderText(name)
        self.holds = Text("", "body", wrap=True)
        self._meaning = Text("", "body", "secondary", wrap=True)
        self._stop = button(tr("Cancel"), self._cancel)
        self.primary = button(tr("Take with me"), self.take, kind="primary")
        self._lay_out()
        self.what.currentIndexChanged.connect(lambda _: self._changed())
        for spin in (self.days, self.valid):
            spin.valueChanged.connect(lambda _: self._changed())
        self.radius.valueChanged.connect(lambda _: self._changed())
        for field in (self.district, self.file, self.word, self.again):
            field.textChanged.connect(self._changed)
            field.returnPressed.connect(self.take)
        self.bar.hide()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setSpacing(8)
        form.addRow(tr("Take"), self.what)
        form.addRow("", row(self.radius, self.district))
        form.addRow(tr("History"), row(self.days, Text(tr("May be begun for"), "body"), self.valid))
        form.addRow(tr("For"), self.purpose)
        form.addRow(tr("File"), row(self.file, button(tr("Choose…"), self._choose)))
        form.addRow(tr("Sealed"), row(self.word, self.again))
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 16, 16, 16)
        box.setSpacing(8)
        about = tr(
            "A part of the city in one file: assets, history, documents, orders, notes, rules and "
            "models. On a laptop it works without a network; what was done there is merged back."
        )
        box.addWidget(Text(about, "body", "secondary", wrap=True))
        box.addLayout(form)
        for widget in (self.holds, self._meaning, self.bar, self.said):
            box.addWidget(widget)
        box.addStretch(1)
        box.addLayout(row(button(tr("Close"), self.close), None, self._stop, self.primary))

    def _proposed(self) -> str:
        project = self._desk.session.welcome.project if self._desk.session is not None else "city"
        day = datetime.fromtimestamp(self._desk.clock.wall_ms() / 1000, UTC).strftime("%Y-%m-%d")
        return str(Path.home() / f"{project.replace('/', '-')}-{day}{ENDING}")

    def _choose(self) -> None:
        ask_save(self, tr("Kit file"), self.file.setText, self.file.text())

    # ---------------------------------------------------------------- what is asked for
    @property
    def wanted(self) -> KitWanted | None:
        """None while something is missing; `_why_not` says what."""
        self._why_not = ""
        kind, selected = self.what.currentIndex(), self._desk.selection.assets
        days, valid = float(self.days.value()), float(self.valid.value())
        purpose = self.purpose.text().strip()
        if kind == EVERYTHING:
            return KitWanted(everything=True, days=days, valid_days=valid, purpose=purpose)
        if kind == DISTRICT:
            name = self.district.text().strip()
            if not name:
                self._why_not = tr("Name the district.")
                return None
            return KitWanted(district=name, days=days, valid_days=valid, purpose=purpose)
        if not selected:
            self._why_not = tr("Select one or more assets in the city or the tree.")
            return None
        if kind == SELECTED:
            return KitWanted(assets=selected, days=days, valid_days=valid, purpose=purpose)
        area = self._around(selected)
        if area is None:
            self._why_not = tr("The selection has no position.")
            return None
        return KitWanted(area=area, days=days, valid_days=valid, purpose=purpose)

    def _around(self, selected: tuple[str, ...]) -> tuple[float, float, float, float] | None:
        """A box around the selected assets, in degrees."""
        found = [self._desk.city.assets.get(a) for a in selected]
        places = [
            (a.lon, a.lat) for a in found if a is not None and a.lon is not None
            and a.lat is not None
        ]  # fmt: skip
        if not places:
            return None
        lons, lats = [p[0] for p in places], [p[1] for p in places]
        north = self.radius.value() / METRES_A_DEGREE
        east = north / max(math.cos(math.radians(sum(lats) / len(lats))), 0.01)
        return min(lons) - east, min(lats) - north, max(lons) + east, max(lats) + north

    def _changed(self) -> None:
        kind = self.what.currentIndex()
        self.radius.setVisible(kind == AROUND)
        self.district.setVisible(kind == DISTRICT)
        word, again = self.word.text(), self.again.text()
        if word != again:
            meaning = tr("The two passphrases are not the same yet.")
        elif word:
            meaning = tr("Sealed: nobody can open it without this passphrase.")
        else:
            meaning = tr("Without a passphrase, whoever has the file can read it. It is signed: "
                         "nobody can change it unseen.")  # fmt: skip
        wanted = self.wanted
        self._meaning.setText(self._why_not or meaning)
        busy = self._task != 0
        ready = bool(self.file.text().strip()) and word == again and wanted is not None
        self.primary.setEnabled(ready and not busy)
        self._stop.setVisible(busy)
        if wanted is not None and wanted != self._asked and not busy:
            self._due.start()

    def _preview(self) -> None:
        wanted = self.wanted
        if wanted is not None and wanted != self._asked:
            self._asked = wanted
            self._desk.ask(wire.PreviewKit(wanted), self._previewed)

    def _previewed(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.KitPreview):
            self.holds.setText(holds(reply.scope, reply.counts, reply.bytes))
        elif isinstance(reply, wire.Refused):
            self.holds.setText(str(reply.problem))

    # ---------------------------------------------------------------- taking
    def _again(self) -> str:
        return tr("The kit was not finished. Take it again.")

    def take(self) -> None:
        """Ask the recorder to begin."""
        wanted = self.wanted
        if not self.primary.isEnabled() or wanted is None:
            return
        self._start(wire.TakeKit(self.file.text().strip(), wanted, self.word.text()))

    def _done(self, done: wire.KitDone) -> None:
        if done.task != self._task:
            return
        self._task = 0
        self.bar.hide()
        if done.report is not None:
            self.said.setText(taken(done.report))
            self.word.clear()
            self.again.clear()
        else:
            self.said.setText(str(done.problem))
        self._changed()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.gone.emit()
        super().closeEvent(event)


def holds(scope: str, counts: dict[str, int], size: int) -> str:
    """What a kit would hold, in words."""
    words = {
        "assets": tr("{n} assets"), "edges": tr("{n} connections"),
        "datastreams": tr("{n} datastreams"), "orders": tr("{n} work orders"),
        "notes": tr("{n} notes"), "attachments": tr("{n} attachments"),
    }  # fmt: skip
    parts = [w.replace("{n}", f"{counts.get(k, 0):,}") for k, w in words.items() if counts.get(k)]
    files = tr("{mb} MB of 3D city", mb=f"{size / 1e6:,.1f}") if size else ""
    held = ", ".join([*parts, *([files] if files else [])])
    return f"{scope[:1].upper()}{scope[1:]}: {held or tr('nothing yet')}."


def taken(report: KitReport) -> str:
    """What became of it, in words."""
    return tr(
        "{out}: {mb} MB, {n} records, {points} points, signed by {key}, in {s} s.",
        out=report.file, mb=f"{report.bytes / 1e6:,.1f}", n=f"{report.records:,}",
        points=f"{report.counts.get('points', 0):,}", key=report.key[:16],
        s=f"{report.seconds:.1f}",
    )  # fmt: skip
