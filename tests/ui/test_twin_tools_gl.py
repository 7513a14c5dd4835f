"""The tools of the 3D view in a real window: mouse and keys, one in front, Esc ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest

from lamplighter.domain import wire
from lamplighter.domain.city import Frame
from lamplighter.domain.tile_file import write_tile
from lamplighter.scene.camera import Pose
from lamplighter.scene.probe import ground_height
from lamplighter.scene.stage import OWN_TILE
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.sun_panel import SunTool
from lamplighter.ui.theme import start
from lamplighter.ui.twin_compare import CompareTool
from lamplighter.ui.twin_desk import DeskTwin
from lamplighter.ui.twin_focus import FocusTool
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_measure import MeasureTool, Shape
from lamplighter.ui.twin_section import SectionTool
from lamplighter.ui.twin_walk import WalkTool
from lamplighter.ui.view_state import capture, show
from tests.kit.synthetic_district import district
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession

_SCREEN = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
_WRONG = os.environ.get("QT_QPA_PLATFORM", "xcb") not in ("xcb", "wayland", "windows", "cocoa")
pytestmark = [
    pytest.mark.gl,
    pytest.mark.skipif(not _SCREEN or _WRONG, reason="3D needs an X server (run under xvfb-run)"),
]


@pytest.fixture(scope="module")
def shared(qapp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskTwin]:
    """One window over 80 buildings for all tests here: to open one takes longer than to test."""
    start("dark", 1.0)
    folder = tmp_path_factory.mktemp("tiles")
    session = FakeSession(directly, buildings=20)
    tiles = tuple(str(folder / write_tile(t, folder)) for t in district(80, per_tile=40))
    session.city = msgspec.structs.replace(
        session.city, tiles=tiles, frame=Frame(28992, 92_000.0, 437_000.0)
    )
    desk = Desk()
    made = DeskTwin(desk)
    made.resize(900, 600)
    made.reduced_motion = True
    made.show()
    made.start()
    done: list[bool] = []
    made.loaded.connect(lambda: done.append(True))
    desk.connect_session(session)
    for _ in range(400):
        if done:
            break
        QTest.qWait(50)
    assert done
    yield made
    made.close()


@pytest.fixture
def view(qtbot, shared: DeskTwin) -> DeskTwin:
    """The shared window as if it had just been opened."""
    desk = shared._desk
    shared.belt.end_all()
    desk.problems.clear()
    desk.selection.clear()
    desk.time.live()
    if any(a.lon is None for a in desk.city.assets.values() if a.type == "Pump"):
        desk.ask_city()
    shared.set_states(StateTable())
    shared.set_badges(())
    shared.show_networks(None)
    measure_of(shared).choose(Shape.DISTANCE)
    compare_of(shared).set_beside(False)
    compare_of(shared).move_divider(0.5)
    walk_of(shared).through.setChecked(False)
    shared.go_home()
    settle(qtbot, shared)
    return shared


def settle(qtbot, view: DeskTwin) -> None:
    """Until no more frames come."""
    last = -1
    while view.frames != last:
        last = view.frames
        qtbot.wait(100)


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


def section_of(view: DeskTwin) -> SectionTool:
    tool = view.belt["section"]
    assert isinstance(tool, SectionTool)
    return tool


def test_the_section_box_fits_the_selection_and_leaves_only_its_inside(
    qtbot, view: DeskTwin
) -> None:
    name = view.scene.tiles[0].assets[5]
    view._desk.selection.select(name)
    view.belt.start("section")
    tool = section_of(view)
    box = view.scene.box(name)
    low, high = tool.corners
    assert all(a < b for a, b in zip(low, box.low, strict=True))
    assert all(a > b for a, b in zip(high, box.high, strict=True))
    view.fly_to(name)
    view.go(view.scene.pose)
    settle(qtbot, view)
    seen = {view.pick(QPointF(x, y)) for x in range(20, 900, 60) for y in range(20, 600, 60)}
    near = [n for t in view.scene.tiles for n in t.assets if touches(view, n, low, high)]
    assert seen - {""} <= set(near)
    view.belt.escape()
    assert view.scene.section.box is None


def touches(view: DeskTwin, name: str, low, high) -> bool:
    box = view.scene.box(name)
    if box is None:
        return False
    sides = zip(box.low, box.high, low, high, strict=True)
    return all(a <= d and b >= c for a, b, c, d in sides)


def test_a_handle_moves_one_face_and_the_fields_say_it(qtbot, view: DeskTwin) -> None:
    view.belt.start("section")
    tool = section_of(view)
    tool.set_box((-60, -60, 0), (60, 60, 40))
    before, pose = tool.corners, view.scene.pose
    spot = view.places_on_screen(tool.handles())[1]
    at = QPoint(round(spot[0]), round(spot[1]))
    gl = view._gl
    qtbot.mousePress(gl, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(gl, at + QPoint(30, 8))
    qtbot.mouseRelease(gl, Qt.MouseButton.LeftButton, pos=at + QPoint(30, 8))
    assert view.scene.pose == pose, "the camera stays while a handle is dragged"
    assert tool.corners[0] == pytest.approx(before[0])
    assert tool.corners[1][0] != pytest.approx(before[1][0])
    assert tool.corners[1][1:] == pytest.approx(before[1][1:])
    assert tool._fields["width"].value() == pytest.approx(tool.size[0], abs=0.06)


def test_fields_and_keys_move_the_box_without_a_mouse(qtbot, view: DeskTwin) -> None:
    view.belt.start("section")
    tool = section_of(view)
    tool.set_box((-60, -60, 0), (60, 60, 40))
    tool._fields["turn"].setValue(30.0)
    assert view.scene.section.heading == 30.0
    tool._fields["turn"].setValue(0.0)
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert tool.corners[0][0] == pytest.approx(-59.0)
    qtbot.keyClick(view, Qt.Key.Key_BracketLeft)
    assert tool.corners[1][2] == pytest.approx(39.0) and tool.corners[0][2] == pytest.approx(0.0)
    assert view.scene.section.box.high[2] == pytest.approx(39.0)


def focus_of(view: DeskTwin) -> FocusTool:
    tool = view.belt["isolate"]
    assert isinstance(tool, FocusTool)
    return tool


def test_isolating_needs_a_selection_and_says_so(qtbot, view: DeskTwin) -> None:
    assert not view.belt.start("isolate")
    assert any("Select one or more assets" in p.problem.text for p in view._desk.problems.values())


def test_the_rest_is_hidden_or_a_ghost_and_comes_back(qtbot, view: DeskTwin) -> None:
    name, other = view.scene.tiles[0].assets[5:7]
    view._desk.selection.select(name)
    tool = focus_of(view)
    tool.isolate(hide_rest=True)
    assert view.scene.showing.isolated == {name} and view.scene.showing.hide_rest
    assert "Only" in tool.strip.hint.text() and tool.strip.isVisible()
    tool.isolate(hide_rest=False)
    assert not view.scene.showing.hide_rest
    view._desk.selection.select(other)
    tool.hide()
    assert view.scene.showing.hidden == {other}
    tool.show_all()
    qtbot.waitUntil(lambda: view.belt.front is None, timeout=20_000)
    assert view.scene.showing.isolated is None and view.scene.showing.hidden == frozenset()


def sun_of(view: DeskTwin) -> SunTool:
    tool = view.belt["sun"]
    assert isinstance(tool, SunTool)
    return tool


def moment(hour: int) -> int:
    return round(datetime(2026, 6, 21, hour, 0, tzinfo=UTC).timestamp() * 1000)


def test_the_sun_casts_shadows_for_a_moment_and_night_is_stated(qtbot, view: DeskTwin) -> None:
    view.belt.start("sun")
    tool = sun_of(view)
    tool.set_moment(moment(11))
    assert view.scene.shadows is not None
    assert "above the horizon" in tool._read.text()
    morning = view.scene.shadows.view.way
    tool.set_moment(moment(17))
    assert view.scene.shadows.view.way[0] < morning[0], "the sun has gone west"
    tool.set_moment(moment(0))
    assert tool._read.text().startswith("Night")
    view.belt.escape()
    assert view.scene.shadows is None


def test_the_slider_and_play_move_the_sun(qtbot, view: DeskTwin) -> None:
    view.belt.start("sun")
    tool = sun_of(view)
    tool.set_moment(moment(11))
    first = tool.ms
    tool._slider.setValue(tool._slider.value() + 30)
    assert tool.ms - first == 30 * 60_000
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: tool.ms - first >= 40 * 60_000, timeout=20_000)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert not tool._timer.isActive()


def test_a_city_without_a_place_on_earth_has_no_sun(qtbot, view: DeskTwin) -> None:
    city = view._desk.city
    city.assets = {
        i: msgspec.structs.replace(a, lon=None, lat=None) for i, a in city.assets.items()
    }
    assert not view.belt.start("sun")
    assert any("no place on Earth" in p.problem.text for p in view._desk.problems.values())


def test_tools_stay_in_effect_behind_the_one_in_front(qtbot, view: DeskTwin) -> None:
    view.belt.start("section")
    view.belt.start("measure")
    assert view.scene.section.box is not None
    assert view.belt["measure"].strip.isVisible() and not view.belt["section"].strip.isVisible()
    assert view.belt.escape() and view.belt.front is view.belt["section"]
    assert view.belt.escape() and not view.belt.escape()


def walk_of(view: DeskTwin) -> WalkTool:
    tool = view.belt["walk"]
    assert isinstance(tool, WalkTool)
    return tool


def test_walking_stands_at_eye_level_outside_and_stops_at_walls(qtbot, view: DeskTwin) -> None:
    view.belt.start("walk")
    tool = walk_of(view)
    scene = view.scene
    ground = ground_height(scene, *tool.place.tolist())
    assert scene.pose.eye()[2] == pytest.approx(ground + 1.7, abs=1e-6)
    foot = np.array([*tool.place, ground + 0.3])
    assert scene.distance(foot, np.array([0.0, 0.0, 1.0]), 500.0) == np.inf
    for turn in range(8):
        tool.heading = 45.0 * turn
        for _ in range(120):
            tool.walk(0.0, 1.0, 0.5)
        assert roof_over(view, tool.eye()) == "", "nobody walks into a house"


def roof_over(view: DeskTwin, eye: np.ndarray) -> str:
    """The house over a place; empty under the sky or under a small thing on a mast."""
    sky, down = np.array([eye[0], eye[1], 400.0]), np.array([0.0, 0.0, -1.0])
    reach = (0.0, 400.0 - float(eye[2]))
    scene = view.scene
    hit = scene._sight.hit(sky, down, reach, scene.pickable, 0.0, lambda _: True)
    houses = {n for t in scene.tiles if t.name != OWN_TILE for n in t.assets}
    return hit.asset if hit is not None and hit.asset in houses else ""


def test_keys_walk_and_turn_and_escape_leaves_above_the_place(qtbot, view: DeskTwin) -> None:
    view.belt.start("walk")
    tool = walk_of(view)
    tool.through.setChecked(True)
    view.setFocus()
    before, heading = tool.place.copy(), tool.heading
    qtbot.keyPress(view, Qt.Key.Key_W)
    qtbot.waitUntil(lambda: np.linalg.norm(tool.place - before) > 0.3, timeout=20_000)
    qtbot.keyRelease(view, Qt.Key.Key_W)
    assert not tool._timer.isActive()
    qtbot.keyPress(view, Qt.Key.Key_Right)
    qtbot.keyRelease(view, Qt.Key.Key_Right)
    assert tool.heading != heading
    place = tool.place.copy()
    view.belt.escape()
    assert not view.scene.pose.free
    assert view.scene.pose.focus[:2] == pytest.approx(place.tolist(), abs=1e-6)


def test_going_home_ends_the_walk(qtbot, view: DeskTwin) -> None:
    view.belt.start("walk")
    view.go_home()
    assert not view.belt.runs("walk")


def test_a_kept_view_comes_back_with_everything_in_it(qtbot, view: DeskTwin) -> None:
    desk = view._desk
    name = view.scene.tiles[0].assets[5]
    view.belt.start("section")
    section_of(view).set_box((-60, -60, 0), (60, 60, 40), 15.0)
    view.belt.start("sun")
    sun_of(view).set_moment(moment(11))
    desk.selection.select("P-14")
    focus_of(view).restore((), True, (name,))
    view.show_networks(("water",))
    view.go(Pose((5.0, 6.0, 2.0), 140.0, heading=77.0, tilt=33.0))
    saved = capture(view, desk)
    view.belt.end_all()
    desk.selection.clear()
    view.show_networks(None)
    view.go_home()
    show(view, desk, saved)
    again = capture(view, desk)
    same = msgspec.structs.replace(again, at_ms=saved.at_ms, made_ms=saved.made_ms)
    assert same == saved
    assert view.scene.section.heading == 15.0 and view.scene.showing.hidden == {name}


def test_a_kept_moment_of_the_past_comes_back(qtbot, view: DeskTwin) -> None:
    desk = view._desk
    desk.time.replay(desk.time.wall_ms - 3_600_000)
    saved = capture(view, desk)
    desk.time.live()
    show(view, desk, saved)
    assert desk.time.mode == "replay" and desk.time.now_ms == saved.at_ms


def test_the_map_carries_the_operators_tasks(qtbot, view: DeskTwin) -> None:
    view.toggle_plan()
    assert view.scene.pose.plan
    name = view.scene.tiles[0].assets[5]
    view.go(replace(view.scene.pose, focus=view.scene.box(name).centre, distance=300.0))
    settle(qtbot, view)
    (x, y), *_ = view.pixels_of([view.scene.anchor(name)])
    said: list[str] = []
    view.asset_clicked.connect(said.append)
    click(qtbot, view, round(x), round(y))
    assert said == [name], "a click names the asset"
    assert view._desk.selection.current == name
    assert view.overlay.heading == 0.0 and view.overlay.scale[1] > 0, "north up, with a scale"
    before = view.scene.pose
    gl = view._gl
    qtbot.mousePress(gl, Qt.MouseButton.LeftButton, pos=QPoint(300, 300))
    qtbot.mouseMove(gl, QPoint(360, 300))
    qtbot.mouseRelease(gl, Qt.MouseButton.LeftButton, pos=QPoint(360, 300))
    moved = view.scene.pose.focus[0] - before.focus[0]
    assert moved == pytest.approx(-60 * before.metres_per_pixel(view.height()), rel=1e-6)
    assert view.scene.pose.heading == before.heading
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.scene.pose.distance < before.distance
    view.set_badges([Badge(name, 1, "UNACK", "House 5", "on fire")])
    settle(qtbot, view)
    assert [p.badge.asset for p in view.overlay.placed if p.label] == [name]
    view.belt.start("measure")
    click(qtbot, view, 300, 300)
    click(qtbot, view, 420, 300)
    kept = measure_of(view).kept
    level = 120 * view.scene.pose.metres_per_pixel(view.height())
    assert len(kept) == 1 and kept[0].figures.level == pytest.approx(level, rel=0.15)
    view.toggle_plan()
    assert not view.scene.pose.plan


def compare_of(view: DeskTwin) -> CompareTool:
    tool = view.belt["compare"]
    assert isinstance(tool, CompareTool)
    return tool


def grabbed(view: DeskTwin) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def hued(picture: np.ndarray) -> int:
    return int((picture.max(axis=2) - picture.min(axis=2) > 60).sum())


def test_the_left_side_is_the_past_and_the_right_side_now(qtbot, view: DeskTwin) -> None:
    name = view.scene.tiles[0].assets[5]
    view.go(replace(view.scene.pose, focus=view.scene.box(name).centre, distance=60.0))
    view.set_states(StateTable({name: AssetLook(Mark.ABNORMAL, 1)}))
    settle(qtbot, view)
    wide = view.width()
    alone = grabbed(view)
    assert hued(alone[150:, : wide // 2]) > 500 and hued(alone[150:, wide // 2 :]) > 500
    view.belt.start("compare")
    tool = compare_of(view)
    assert tool.choose("moment") and tool._look is not None
    settle(qtbot, view)
    both = grabbed(view)
    assert hued(both[150:, : wide // 2 - 8]) < 20, "nothing was abnormal then"
    assert hued(both[150:, wide // 2 + 8 :]) > 400
    assert view.scene.states.looks.keys() == {name}, "the scene is as it was"
    tool.move_divider(0.05)
    settle(qtbot, view)
    assert hued(grabbed(view)[150:, : wide // 2]) > 300
    view.belt.escape()
    settle(qtbot, view)
    assert hued(grabbed(view)[150:]) == pytest.approx(hued(alone[150:]), rel=0.02)


def test_side_by_side_shows_and_picks_the_same_place_twice(qtbot, view: DeskTwin) -> None:
    view.belt.start("compare")
    tool = compare_of(view)
    tool.set_beside(True)
    settle(qtbot, view)
    half = view.width() // 2
    for x in range(40, half - 40, 60):
        for y in (320, 420, 500):
            left, right = view.pick(QPointF(x, y)), view.pick(QPointF(x + half, y))
            assert left == right
    picture = grabbed(view)[300:480]
    left, right = picture[:, 20 : half - 60], picture[:, half + 20 : half + half - 60]
    assert np.abs(left - right).mean() < 6.0
    view.belt.escape()
    assert view.scene.renderer.GetActiveCamera().GetWindowCenter() == (0.0, 0.0)


def test_the_divider_is_dragged_and_moved_by_keys(qtbot, view: DeskTwin) -> None:
    view.belt.start("compare")
    tool, pose, gl = compare_of(view), view.scene.pose, view._gl
    at = QPoint(round(tool.divider), 400)
    qtbot.mousePress(gl, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseMove(gl, at + QPoint(-180, 0))
    qtbot.mouseRelease(gl, Qt.MouseButton.LeftButton, pos=at + QPoint(-180, 0))
    assert tool.share == pytest.approx(0.3, abs=0.01) and view.scene.pose == pose
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert tool.share == pytest.approx(0.32, abs=0.01)
    tool.slider.setValue(80)
    assert tool.share == pytest.approx(0.8)


def test_the_same_time_last_week_stands_at_the_left(qtbot, view: DeskTwin) -> None:
    desk = view._desk
    view.belt.start("compare")
    tool = compare_of(view)
    assert tool.choose("last week")
    asked = [r for r in desk.session.asked if isinstance(r, wire.GetMoment)][-1]
    week = 7 * 86_400_000
    assert abs(desk.time.now_ms - week - asked.at_ms) < 60_000 or asked.at_ms == desk.time.first_ms
    assert tool.label.startswith(numbers.day(asked.at_ms)) and tool._look is not None


def test_replay_is_compared_with_live(qtbot, view: DeskTwin) -> None:
    desk = view._desk
    desk.time.replay(desk.time.wall_ms - 600_000)
    view.belt.start("compare")
    tool = compare_of(view)
    assert tool.choose("live") and tool.label == "Live"
    assert tool.right_label().startswith("Replay") and tool._look is not None
    assert not tool.choose("mesh"), "there is no reality mesh to compare with"
