"""Bookmarks, tours and view files as the window handles them, without a 3D picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from lamplighter.domain.city import Frame
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.views import Eye, SavedView, Tour
from lamplighter.ui import view_files
from lamplighter.ui.bookmarks import Views, facts
from lamplighter.ui.desk import Desk
from lamplighter.ui.tours import TourPlayer
from tests.ui.conftest import Open

VIEWS = [
    SavedView(Eye((0.0, 0.0, 0.0), 100.0), id=f"b{n}", name=f"View {n}", made_ms=n)
    for n in range(3)
]


def kept(desk: Desk) -> None:
    from lamplighter.domain import wire

    for view in VIEWS:
        desk.ask(wire.PutBookmark(view))


def test_the_panel_lists_bookmarks_and_renames_them(desk: Desk, qtbot: Any) -> None:
    panel = Views(desk)
    qtbot.addWidget(panel)
    assert not panel._empty.isHidden() and "Shift B" in panel._empty.text()
    kept(desk)
    assert [panel.list.item(n).text() for n in range(3)] == ["View 0", "View 1", "View 2"]
    panel.list.item(1).setText("Quay")
    assert [v.name for v in desk.shelf.bookmarks] == ["View 0", "View 2", "Quay"]


def test_notes_are_kept_with_the_bookmark(desk: Desk, qtbot: Any) -> None:
    panel = Views(desk)
    qtbot.addWidget(panel)
    kept(desk)
    panel.list.setCurrentRow(0)
    panel.notes.setPlainText("crane in the way\n")
    panel._note()
    assert {v.id: v.notes for v in desk.shelf.bookmarks}["b0"] == "crane in the way"


def test_deleting_asks_the_recorder_and_the_row_goes(desk: Desk, qtbot: Any) -> None:
    panel = Views(desk)
    qtbot.addWidget(panel)
    kept(desk)
    panel.list.setCurrentRow(2)
    panel._delete()
    assert [v.id for v in desk.shelf.bookmarks] == ["b0", "b1"]
    assert panel.list.count() == 2


def test_without_a_picture_nothing_is_kept_and_it_says_why(desk: Desk, qtbot: Any) -> None:
    panel = Views(desk)
    qtbot.addWidget(panel)
    assert panel.keep() == "" and desk.shelf.bookmarks == ()
    assert any(p.problem.code == "U-804" for p in desk.problems.values())


def test_a_tour_flies_from_stop_to_stop_and_ends(qtbot: Any) -> None:
    seen: list[str] = []
    player = TourPlayer(lambda view, _: seen.append(view.id), lambda: False)
    by_id = {v.id: v for v in VIEWS}
    assert player.play(Tour("t", "Round", ("b0", "gone", "b2"), dwell_s=1.0), by_id)
    player._next()
    assert seen == ["b0", "b2"] and player.playing
    player._next()
    assert not player.playing and player.tour is None


def test_a_tour_over_again_begins_anew(qtbot: Any) -> None:
    seen: list[str] = []
    player = TourPlayer(lambda view, _: seen.append(view.id), lambda: False)
    player.play(Tour("t", "Round", ("b0", "b1"), 1.0, again=True), {v.id: v for v in VIEWS})
    player._next()
    player._next()
    assert seen == ["b0", "b1", "b0"]


def test_a_hand_on_the_camera_pauses_the_tour_and_it_goes_on(qtbot: Any) -> None:
    flying = True
    seen: list[str] = []
    player = TourPlayer(lambda view, _: seen.append(view.id), lambda: flying)
    player.play(Tour("t", "Round", ("b0", "b1"), 5.0), {v.id: v for v in VIEWS})
    player.moved()
    assert player.playing, "the tour's own flight is no hand"
    flying = False
    player.moved()
    assert not player.playing and player.tour is not None
    player.resume()
    assert seen == ["b0", "b0"] and player.playing


def test_a_tour_of_bookmarks_that_are_gone_does_not_begin(qtbot: Any) -> None:
    player = TourPlayer(lambda *_: None, lambda: False)
    assert not player.play(Tour("t", "Round", ("x",)), {})


def test_a_file_opens_as_it_was_saved(desk: Desk, tmp_path: Path) -> None:
    asset = next(iter(desk.city.assets))
    view = msgspec.structs.replace(VIEWS[0], selection=(asset,), notes="look here")
    target = view_files.save(view, tmp_path / "quay", desk)
    assert target.name == "quay.lamplighter-view"
    found, missing = view_files.load(target, desk)
    assert found == view and missing is None


def test_a_file_of_another_city_and_one_that_is_not_there_are_refused(
    desk: Desk, tmp_path: Path
) -> None:
    target = view_files.save(VIEWS[0], tmp_path / "quay", desk)
    desk.city.frame = Frame(3879, 1.0, 2.0)
    for path in (target, tmp_path / "nothing.lamplighter-view"):
        with pytest.raises(LamplighterError) as caught:
            view_files.load(path, desk)
        assert caught.value.problem.code == "U-821"


def test_what_is_missing_is_told_beside_the_view(desk: Desk, tmp_path: Path) -> None:
    view = msgspec.structs.replace(VIEWS[0], selection=("never heard of",))
    found, missing = view_files.load(view_files.save(view, tmp_path / "q", desk), desk)
    assert found.selection == () and missing is not None
    assert "never heard of" in missing.text


def test_a_place_that_cannot_be_written_is_one_line(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(LamplighterError) as caught:
        view_files.save(VIEWS[0], tmp_path / "no folder" / "q", desk)
    assert caught.value.problem.code == "U-821"


def test_facts_of_a_bookmark_name_time_cut_and_shadows() -> None:
    view = msgspec.structs.replace(
        VIEWS[0], mode="replay", at_ms=1_700_000_000_000, sun_ms=1, section=(0, 0, 0, 1, 1, 1)
    )
    words = facts(view)
    assert "section" in words and "shadows" in words and ":" in words


def test_the_wall_hides_all_but_city_and_alarms_and_gives_it_back(
    open_window: Open, qtbot: Any
) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    before = sorted(furniture.docks.visible())
    furniture.wall_view()
    qtbot.wait(50)
    assert furniture.docks.visible() == ["city"] and window.strip.isVisible()
    loose = [d.objectName() for d in furniture.docks.docks.values() if d.isWindow()]
    assert [n for n in loose if furniture.docks.docks[n].isVisible()] == [], "no stray windows"
    assert not window.kpis.isVisible() and not window.top.isVisible()
    furniture.escape()
    qtbot.wait(50)
    assert sorted(furniture.docks.visible()) == before
    assert window.kpis.isVisible() and window.time_bar.isVisible()


def test_tools_without_3d_say_why(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    window.furnish().errands.tool("measure")
    assert any("no 3D view" in p.problem.text for p in window.desk.problems.values())


def test_every_view_action_has_a_line_in_the_palette(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    names = {e.name for e in window.furnish().actions.entries()}
    wanted = {
        "Measure", "Section box", "Sun and shadows", "Walk", "Isolate the selection", "Show all",
        "Keep this view", "Play or pause the tour", "Share this view as a file", "Video wall",
        "Map or 3D",
    }  # fmt: skip
    assert wanted <= names
