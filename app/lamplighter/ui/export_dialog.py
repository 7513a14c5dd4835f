"""Asks what to write the city into, and says in place what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.words import tr

FORMATS: Final = (
    ("cityjson", "CityJSON 2.0", "city.json"),
    ("geopackage", "GeoPackage", "gpkg"),
    ("gltf", "glTF", "glb"),
    ("csv", "CSV", "csv"),
    ("parquet", "Parquet", "parquet"),
)


class ExportQuestion(QFileDialog):
    """A non-modal question for file and format; the writing goes through the task drawer."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent, tr("Export the city"))
        self._desk = desk
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        self.setNameFilters([f"{title} (*.{ending})" for _, title, ending in FORMATS])
        project = desk.session.welcome.project if desk.session is not None else "city"
        self.selectFile(f"{project}.{FORMATS[0][2]}".replace("/", "-"))
        self.filterSelected.connect(self._filter)
        self.fileSelected.connect(self.write)

    def _filter(self, words: str) -> None:
        """The chosen format's ending replaces the one that stands in the name."""
        chosen = next((f for f in FORMATS if words.startswith(f[1])), FORMATS[0])
        names = self.selectedFiles()
        if names:
            name = Path(names[0]).name
            for _, _, ending in FORMATS:
                name = name.removesuffix(f".{ending}")
            self.selectFile(f"{name}.{chosen[2]}")

    def write(self, file: str) -> None:
        """Ask the recorder to write; the format is that of the filter, else of the name."""
        words = self.selectedNameFilter()
        by_name = [f for f in FORMATS if file.lower().endswith(f".{f[2]}")]
        by_filter = [f for f in FORMATS if words.startswith(f[1])]
        chosen = (by_name or by_filter or [FORMATS[0]])[0]
        path = file if file.lower().endswith(f".{chosen[2]}") else f"{file}.{chosen[2]}"
        self._desk.ask(wire.ExportCity(chosen[0], path))


def outcome(done: wire.ExportDone) -> str:
    """One line for the task drawer's place: what was written, and what could not be."""
    if done.problem:
        return done.problem
    words = tr("{n} objects written to {file}", n=f"{done.objects:,}", file=Path(done.out).name)
    if done.warnings:
        words += tr("; {n} things could not be taken along: ", n=len(done.warnings))
        words += done.warnings[0]
    return words
