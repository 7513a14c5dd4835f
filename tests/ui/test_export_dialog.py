"""The export question: format and ending agree, and the outcome is said in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.export_dialog import ExportQuestion, outcome
from lamplighter.ui.tasks import TaskDrawer
from tests.ui.fake_session import FakeSession
from tests.ui.pages import another, seated


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


def test_an_export_that_went_with_its_recorder_is_named_and_its_row_goes(qtbot: QtBot) -> None:
    desk = Desk()
    session = seated(desk, FakeSession)
    drawer = TaskDrawer(desk)
    qtbot.addWidget(drawer)
    desk.take_event(wire.TaskChanged(Task(3, "Export town.gpkg", TaskState.RUNNING, 1, 9)))
    desk.take_event(wire.TaskChanged(Task(4, "Read a.gml", TaskState.DONE)))
    desk.connect_session(session)  # the line alone was cut
    assert set(drawer._rows) == {3, 4}
    desk.connect_session(another(session))
    assert not drawer._rows and not desk.tasks
    assert "Export town.gpkg" in drawer.said.text() and "a.gml" not in drawer.said.text()
    desk.take_event(wire.TaskChanged(Task(3, "Another", TaskState.RUNNING)))
    assert drawer._rows[3].task.name == "Another"
