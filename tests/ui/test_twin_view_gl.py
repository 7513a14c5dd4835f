"""The 3D widget in a real window: it draws, picks, follows keys, flies and closes."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage

from lamplighter.domain.city import Asset
from lamplighter.domain.layers import Layer, LayerView, TileInfo
from lamplighter.domain.tile_file import write_tile
from lamplighter.domain.wire import City
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_picture import gl_capable
from lamplighter.ui.twin_view import TwinView
from tests.kit.synthetic_district import district

_SCREEN = sys.platform != "linux" or bool(os.environ.get("DISPLAY"))
_WRONG = os.environ.get("QT_QPA_PLATFORM", "xcb") not in ("xcb", "wayland", "windows", "cocoa")
pytestmark = [
    pytest.mark.gl,
    pytest.mark.skipif(not _SCREEN or _WRONG, reason="3D needs an X server (run under xvfb-run)"),
]
PUMP = Asset("P1", "Pump", "P-14", "water", x=0.0, y=0.0, z=60.0)
PIPE = Asset("M1", "Main", "", "water", path=((-200, -30, 0), (200, -30, 0)))


@pytest.fixture
def city(tmp_path: Path) -> City:
    paths = tuple(str(tmp_path / write_tile(t, tmp_path)) for t in district(200, per_tile=100))
    return City((PUMP, PIPE), (), (), paths, None)


@pytest.fixture
def view(qtbot, city: City):
    made = TwinView()
    qtbot.addWidget(made, before_close_func=lambda w: w.close())
    made.resize(640, 400)
    made.reduced_motion = True
    made.show()
    qtbot.waitExposed(made)
    made.start()
    with qtbot.waitSignal(made.loaded, timeout=20_000):
        made.set_city(city)
    settle(qtbot, made)
    return made


def settle(qtbot, view: TwinView) -> None:
    """Until no more frames come."""
    last = -1
    while view.frames != last:
        last = view.frames
        qtbot.wait(250)


def pixels(view: TwinView) -> np.ndarray:
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def test_grab_shows_the_city_with_its_marks_over_it(qtbot, view: TwinView) -> None:
    quiet = pixels(view)
    assert len(np.unique(quiet.reshape(-1, 3), axis=0)) > 60
    view.set_states(StateTable({"P1": AssetLook(Mark.ABNORMAL, 1)}))
    view.fly_to("P1")
    settle(qtbot, view)
    plain = pixels(view)
    hued = plain.max(axis=2) - plain.min(axis=2) > 60
    assert hued.sum() > 50
    view.set_badges([Badge("P1", 1, "UNACK", "P-14 Mill Lane", "Stopped, no supply")])
    settle(qtbot, view)
    marked = pixels(view)
    assert (np.abs(marked - plain).max(axis=2) > 20).sum() > 800
    assert [p.badge.asset for p in view.overlay.placed if p.label] == ["P1"]


def test_a_click_says_which_asset_and_a_drag_says_nothing(qtbot, view: TwinView) -> None:
    middle = QPoint(view.width() // 2, view.height() // 2 + 20)
    wanted = view.pick(QPointF(middle))
    said: list[str] = []
    view.asset_clicked.connect(said.append)
    gl = view._gl
    qtbot.mouseClick(gl, Qt.MouseButton.LeftButton, pos=middle)
    assert said == [wanted]
    before = view.scene.pose
    qtbot.mousePress(gl, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(gl, middle + QPoint(60, 10))
    qtbot.mouseRelease(gl, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 10))
    assert said == [wanted]
    assert view.scene.pose.heading != before.heading


def test_keys_orbit_pan_zoom_and_step(qtbot, view: TwinView) -> None:
    start = view.scene.pose
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.scene.pose.heading != start.heading
    qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert view.scene.pose.focus != start.focus
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.scene.pose.distance < start.distance
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.scene.pose.distance == pytest.approx(view.scene.home_pose().distance)
    with qtbot.waitSignal(view.next_abnormal, timeout=20_000):
        qtbot.keyClick(view, Qt.Key.Key_N)
    with qtbot.waitSignal(view.previous_abnormal, timeout=20_000):
        qtbot.keyClick(view, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)


def test_selecting_flies_only_when_the_asset_is_off_the_middle(qtbot, view: TwinView) -> None:
    view.fly_to("P1")
    here = view.scene.pose
    view.select("P1")
    assert view.scene.pose == here
    view.go_home()
    far = max(view.scene.tiles[0].assets, key=lambda a: abs(view.scene.anchor(a)[0]))
    view.fly_to("P1")
    view.select(far)
    assert view.scene.pose != here and view._in_middle(view.scene.anchor(far))
    assert view.fly_to("nobody") is False


def test_states_that_do_not_change_cost_no_frame(qtbot, view: TwinView) -> None:
    table = {"B5": AssetLook(Mark.LOSES_SERVICE)}
    view.set_states(StateTable(dict(table)))
    settle(qtbot, view)
    drawn = view.frames
    view.set_states(StateTable(dict(table)))
    qtbot.wait(150)
    assert view.frames == drawn


def test_hover_outlines_without_a_3d_frame(qtbot, view: TwinView) -> None:
    drawn = view.frames
    said: list[str] = []
    view.asset_hovered.connect(said.append)
    at = QPointF(view.width() / 2, view.height() / 2 + 20)
    view._hands.pointer = at
    view._hands.hover()
    qtbot.wait(80)
    assert said == [view.pick(at)] and view.overlay.hull is not None
    assert view.frames == drawn


def test_a_damaged_tile_is_named_and_the_rest_is_shown(qtbot, view: TwinView, city: City) -> None:
    broken, missing = city.tiles[0] + "-broken", city.tiles[1] + "x"
    Path(broken).write_bytes(b"no tile")
    told: list[object] = []
    view.fault.connect(told.append)
    with qtbot.waitSignal(view.loaded, timeout=20_000):
        view.set_city(City((), (), (), (*city.tiles, broken, missing), None))
    assert [p.code for p in told] == ["I-503", "I-503"]
    assert len([t for t in view.scene.tiles if t.assets]) == 2


def test_it_can_be_closed_while_tiles_are_loading(qtbot, city: City) -> None:
    made = TwinView()
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.show()
    made.start()
    made.set_city(city)
    made.close()
    assert made.scene is None and gl_capable()
    qtbot.wait(100)


def test_levels_and_layers_follow_the_eye_and_the_panel(qtbot, tmp_path: Path) -> None:
    fine, rough = district(200, per_tile=200)[0], district(200, per_tile=200, seed=8)[0]
    rough = replace(rough, name="rough")
    infos = []
    for rank, tile in enumerate((fine, rough)):
        write_tile(tile, tmp_path)
        low, high = tile.points.min(axis=0).tolist(), tile.points.max(axis=0).tolist()
        infos.append(
            TileInfo(tile.name, "model", 2.0 - rank, rank, (0, 0), low, high,
                     len(tile.triangles), len(tile.points), error=4.0 * rank)
        )  # fmt: skip
    layer = Layer("L", "town", "model", tiles=tuple(infos))
    view = TwinView()
    qtbot.addWidget(view, before_close_func=lambda w: w.close())
    view.resize(640, 400)
    view.reduced_motion = True
    view.show()
    qtbot.waitExposed(view)
    view.start()
    with qtbot.waitSignal(view.loaded, timeout=20_000):
        view.set_city(City((), (), (), (str(tmp_path / fine.name),), None, (layer,)))
    settle(qtbot, view)
    assert view.scene.triangles == len(fine.triangles)
    assert "of 4" in view.cost.text() and view.cost.toolTip()
    view.show_layers(LayerView(lod={"L": 1.0}))
    qtbot.waitUntil(lambda: view.scene.triangles == len(rough.triangles), timeout=10_000)
    view.show_layers(LayerView(hidden=frozenset({"L"})))
    settle(qtbot, view)
    assert view.scene.triangles == 0
    view.show_layers(LayerView())
    qtbot.waitUntil(lambda: view.scene.triangles == len(fine.triangles), timeout=10_000)


def test_shadows_fall_in_the_window_and_go_again(qtbot, view: TwinView) -> None:
    view.budget.fixed = True  # a busy machine must not leave out edges between the pictures
    view.fit_all()
    settle(qtbot, view)
    plain = pixels(view).mean(axis=2)
    view.scene.set_shadows((0.3, -0.5, 0.4))
    view.repaint_all()
    settle(qtbot, view)
    shaded = pixels(view).mean(axis=2)
    assert 0.1 < (shaded < plain - 6).mean() < 0.9
    assert (shaded > plain + 6).mean() < 0.25 * (shaded < plain - 6).mean()
    view.scene.set_shadows(None)
    view.repaint_all()
    settle(qtbot, view)
    assert (np.abs(pixels(view).mean(axis=2) - plain) > 6).mean() < 0.01
