"""The tools of the 3D view in a real window: mouse and keys, one in front, Esc ends it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication

from lamplighter.domain.city import Frame
from lamplighter.domain.tile_file import write_tile
from lamplighter.scene.camera import Pose
from lamplighter.ui.desk import Desk
from lamplighter.ui.twin_desk import DeskTwin
from lamplighter.ui.twin_measure import MeasureTool, Shape
from tests.kit.synthetic_district import district
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession

_SCREEN = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
_WRONG = os.environ.get("QT_QPA_PLATFORM", "xcb") not in ("xcb", "wayland", "windows", "cocoa")
pytestmark = [
    pytest.mark.gl,
    pytest.mark.skipif(not _SCREEN or _WRONG, reason="3D needs an X server (run under xvfb-run)"),
]


@pytest.fixture
def view(qtbot, themed: None, tmp_path: Path):
    """The desk's 3D view over 200 buildings, drawn and at rest."""
    desk = Desk()
    session = FakeSession(directly, buildings=20)
    tiles = tuple(str(tmp_path / write_tile(t, tmp_path)) for t in district(200, per_tile=100))
    session.city = msgspec.structs.replace(
        session.city, tiles=tiles, frame=Frame(28992, 92_000.0, 437_000.0)
    )
    made = DeskTwin(desk)
    qtbot.addWidget(made, before_close_func=lambda w: w.close())
    made.resize(900, 600)
    made.reduced_motion = True
    made.show()
    qtbot.waitExposed(made)
    made.start()
    with qtbot.waitSignal(made.loaded, timeout=20_000):
        desk.connect_session(session)
    settle(qtbot, made)
    return made


def settle(qtbot, view: DeskTwin) -> None:
    """Until no more frames come."""
    last = -1
    while view.frames != last:
        last = view.frames
        qtbot.wait(200)


def click(qtbot, view: DeskTwin, x: int, y: int) -> None:
    qtbot.mouseClick(view._gl, Qt.MouseButton.LeftButton, pos=QPoint(x, y))


def measure_of(view: DeskTwin) -> MeasureTool:
    tool = view.belt["measure"]
    assert isinstance(tool, MeasureTool)
    return tool


def test_two_clicks_measure_a_distance_that_stays_and_is_copied(qtbot, view: DeskTwin) -> None:
    view.belt.start("measure")
    said: list[str] = []
    view.asset_clicked.connect(said.append)
    click(qtbot, view, 400, 330)
    click(qtbot, view, 560, 380)
    tool = measure_of(view)
    assert len(tool.kept) == 1 and said == []
    places = np.array(tool.kept[0].places)
    assert tool.kept[0].figures.length == pytest.approx(np.linalg.norm(places[1] - places[0]))
    tool.copy()
    head, row, *_ = QGuiApplication.clipboard().text().splitlines()
    assert head.startswith("kind\tlength_m")
    assert float(row.split("\t")[1]) == pytest.approx(tool.kept[0].figures.length, abs=1e-3)
    view.belt.escape()
    assert tool.kept == [] and view.belt.front is None


def test_the_keyboard_alone_measures_an_area(qtbot, view: DeskTwin) -> None:
    view.belt.start("measure")
    view.setFocus()
    tool = measure_of(view)
    qtbot.keyClick(view, Qt.Key.Key_3)
    assert tool.shape is Shape.AREA
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left):
        qtbot.keyClick(view, Qt.Key.Key_Return)
        qtbot.keyClick(view, key, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert [k.shape for k in tool.kept] == [Shape.AREA]
    assert tool.kept[0].figures.area > 1.0 and len(tool.kept[0].places) == 4
    qtbot.keyClick(view, Qt.Key.Key_Delete)
    assert tool.kept == []


def test_a_drag_still_moves_the_camera_while_measuring(qtbot, view: DeskTwin) -> None:
    view.belt.start("measure")
    before = view.scene.pose
    gl = view._gl
    qtbot.mousePress(gl, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    qtbot.mouseMove(gl, QPoint(380, 300))
    qtbot.mouseRelease(gl, Qt.MouseButton.LeftButton, pos=QPoint(380, 300))
    assert view.scene.pose.heading != before.heading
    assert measure_of(view).points == []


def test_the_sky_cannot_be_measured_and_says_so(qtbot, view: DeskTwin) -> None:
    view.belt.start("measure")
    east = view.scene.extent.high
    view.go(Pose((east[0], east[1], east[2]), 20.0, heading=45.0, tilt=84.0))
    click(qtbot, view, 450, 3)
    tool = measure_of(view)
    assert tool.points == [] and "sky" in tool.strip.hint.text()


def test_the_column_shows_what_runs_and_the_menu_lists_every_tool(qtbot, view: DeskTwin) -> None:
    column = view.belt.column
    column.open_menu()
    words = [a.text() for a in column.menu.actions()]
    column.menu.close()
    for tool in view.belt.tools:
        assert any(w.startswith(tool.title) for w in words)
    view.belt.start("measure")
    checked = [b.accessibleName() for n, b in column._buttons if b.isChecked()]
    assert checked == ["Measure (M)"]
    assert view.belt["measure"].strip.isVisible()


def test_badges_keep_clear_of_strip_and_column(qtbot, view: DeskTwin) -> None:
    view.belt.start("measure")
    boxes = view.overlay.reserved()
    strip = view.belt["measure"].strip.geometry()
    assert any(abs(b[0] - strip.x()) < 1 and abs(b[2] - strip.width()) < 1 for b in boxes)
