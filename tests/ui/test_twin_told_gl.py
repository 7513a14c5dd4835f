"""What the 3D view tells: place under the pointer, attribution, pictures that are documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage

from lamplighter.domain.layers import Layer, LayerView
from lamplighter.ui.beat import Shown
from lamplighter.ui.twin_desk import DeskTwin
from tests.ui.test_twin_tools_gl import pytestmark as pytestmark
from tests.ui.test_twin_tools_gl import settle
from tests.ui.test_twin_tools_gl import shared as shared
from tests.ui.test_twin_tools_gl import view as view


def told(view: DeskTwin) -> DeskTwin:
    """The view with one licensed layer."""
    desk = view._desk
    layer = Layer("town", "town", "model", source_file="town.json", attribution="City of Delft")
    desk.show_layers(LayerView())
    desk.city.imported = {"town": layer}
    desk.city_changed.emit()
    return view


def test_the_pointer_has_coordinates_and_the_sky_has_none(qtbot, view: DeskTwin) -> None:
    middle = view.place_line.words_at(QPointF(view.width() / 2, view.height() / 2))
    assert middle.endswith("m")
    view.fly(replace_pose(view, tilt=88.0))
    settle(qtbot, view)
    top = [view.place_line.words_at(QPointF(x, 2.0)) for x in range(2, view.width(), 40)]
    assert "" in top, "between the houses there is sky"


def replace_pose(view: DeskTwin, **changes: float):
    import dataclasses

    assert view.scene is not None
    return dataclasses.replace(view.scene.pose, **changes)


def test_every_picture_carries_title_time_and_attribution(
    qtbot, view: DeskTwin, tmp_path: Path
) -> None:
    picture = told(view).picture
    assert "City of Delft" in picture.foot_words() and picture.time_words().startswith("LIVE")
    out = tmp_path / "city.png"
    assert picture.write(str(out))
    image = QImage(str(out)).convertToFormat(QImage.Format.Format_Grayscale8)
    assert image.height() > view.height() * view.devicePixelRatioF()
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    head, foot = rows[:60], rows[-36:]
    assert np.ptp(head) > 100 and np.ptp(foot) > 100, "there are words above and below"
    assert view.belt.column.isVisible(), "the tools are back"


def test_a_document_is_a_pdf_and_a_bad_path_is_one_line(
    qtbot, view: DeskTwin, tmp_path: Path
) -> None:
    assert view.picture.write(str(tmp_path / "city.pdf"))
    assert (tmp_path / "city.pdf").read_bytes().startswith(b"%PDF")
    assert not view.picture.write(str(tmp_path / "no" / "city.pdf"))
    assert not view.picture.write(str(tmp_path / "no" / "city.png"))
    assert any("I-507" in key for key in view._desk.problems)


def test_hidden_layers_are_not_attributed(qtbot, view: DeskTwin) -> None:
    told(view)
    desk = view._desk
    assert view.place_line.attribution == "© City of Delft"
    desk.show_layers(replace(desk.layer_view, hidden=frozenset({"town"})))
    assert view.place_line.attribution == ""


@pytest.mark.parametrize("id", ["age", "trust"])
def test_a_colour_without_values_says_that_nothing_is_measured(
    qtbot, view: DeskTwin, id: str
) -> None:
    from lamplighter.ui.colour_by import Choice, Key

    view.colour.choose(Choice(id, id))
    view.colour.key = Key(id, "", 0.0, 1.0, 0)
    view.colour.changed.emit()
    assert view.colour_key.isVisible()
    assert view.colour_key.words(view.colour.key) == "nothing is measured now"
    view.colour.choose(None)
    assert not view.colour_key.isVisible()


def test_a_frame_that_comes_late_is_judged_by_its_own_moment(
    qtbot, view: DeskTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = view._desk
    desk.session.tick()
    desk.take_newest()
    desk.status = None  # nobody says what is stale: the age decides
    shown = Shown(desk.values, desk.time.now_ms, desk.time.mode, 1)
    view.show_frame(shown)
    before, levels = view._silent, view._levels.copy()
    later = property(lambda time: shown.now_ms + 600_000)
    monkeypatch.setattr(type(desk.time), "now_ms", later)  # the window stood still meanwhile
    assert desk.stale_mask().all()
    view.show_frame(shown)
    assert view._silent == before and (view._levels == levels).all()
