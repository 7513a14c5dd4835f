"""The export question: format and ending agree, and the outcome is said in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.export_dialog import ExportQuestion, outcome
from lamplighter.ui.tasks import TaskDrawer


@pytest.fixture
def question(qtbot: QtBot) -> Iterator[tuple[ExportQuestion, list[wire.ExportCity]]]:
    desk, parent = Desk(), QWidget()
    qtbot.addWidget(parent)
    asked: list[wire.ExportCity] = []
    desk.ask = lambda request, done=None: asked.append(request)  # type: ignore[method-assign]
    yield ExportQuestion(desk, parent), asked  # the parent lives as long as the test


@pytest.mark.parametrize(
    ("typed", "filter", "format", "out"),
    [
        ("/x/town.city.json", "CityJSON 2.0 (*.city.json)", "cityjson", "/x/town.city.json"),
        ("/x/town", "GeoPackage (*.gpkg)", "geopackage", "/x/town.gpkg"),
        ("/x/town.glb", "GeoPackage (*.gpkg)", "gltf", "/x/town.glb"),
        ("/x/town.v2", "CSV (*.csv)", "csv", "/x/town.v2.csv"),
    ],
)
def test_ending_and_filter_choose_the_format(
    question: tuple[ExportQuestion, list[wire.ExportCity]],
    typed: str,
    filter: str,
    format: str,
    out: str,
) -> None:
    dialog, asked = question
    dialog.selectNameFilter(filter)
    dialog.write(typed)
    assert asked == [wire.ExportCity(format, out)]


def test_the_outcome_names_what_was_left_behind(qtbot: QtBot) -> None:
    desk = Desk()
    drawer = TaskDrawer(desk)
    qtbot.addWidget(drawer)
    desk.take_event(wire.ExportDone("/x/town.gpkg", 853, "", ("layer a is a mesh",)))
    assert "853 objects" in drawer.said.text() and "layer a is a mesh" in drawer.said.text()
    assert outcome(wire.ExportDone("/x", problem="No room. [A-401]")) == "No room. [A-401]"
