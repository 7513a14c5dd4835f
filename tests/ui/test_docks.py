"""The dock area keeps the window's own look through every change of theme."""

from __future__ import annotations

from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from lamplighter.domain import wire
from lamplighter.ui.desk import Desk
from lamplighter.ui.theme import theme
from tests.ui.conftest import Open


def test_tabs_keep_the_theme_after_switching_there_and_back(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    manager = window.furnish().docks.manager
    for name in ("light", "dark"):
        theme().set(name)
        qtbot.wait(50)
        assert manager.styleSheet() == ""


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 720)])
def test_a_list_opened_in_the_map_gets_the_bottom_and_leaves_the_tree_its_width(
    open_window: Open, qtbot: Any, size: tuple[int, int]
) -> None:
    window, _ = open_window(size)
    furniture = window.furnish()
    docks = furniture.docks
    furniture.workspace("Map")
    qtbot.wait(50)
    wide = docks.docks["assets"].width()
    for name in ("anomalies", "life", "tasks"):
        docks.show(name)
        qtbot.wait(20)
        dock = docks.docks[name]
        assert dock.dockAreaWidget() is docks.docks["anomalies"].dockAreaWidget()
        assert dock.y() >= 0 and docks.docks["assets"].width() == wide
        assert dock.tabWidget().isVisible() and not dock.tabWidget().isTitleElided()
        assert docks.docks["assets"].dockAreaWidget() is not dock.dockAreaWidget()
    docks.show("then")
    assert docks.docks["then"].dockAreaWidget() is docks.docks["asset"].dockAreaWidget()


def test_every_workspace_comes_back_whole_after_the_map(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    furniture = window.furnish()
    docks = furniture.docks

    def placed() -> set[str]:
        return {n for n, d in docks.docks.items() if d.dockContainer() is not None}

    first = {}
    for name in ("Overview", "Alarms", "Map"):
        furniture.workspace(name)
        first[name] = placed()
    assert "alarms" not in first["Map"]
    docks.show("life")
    for name in ("Overview", "Map", "Alarms", "Overview"):
        furniture.workspace(name)
        here = first[name] | ({"life"} if name == "Map" else set())
        assert placed() == here
    hidden = set(docks.docks) - placed()
    assert hidden and not any(docks.docks[n].isVisible() for n in hidden)


def test_what_a_layout_left_out_joins_its_own_kind(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window()
    window.resize(1600, 1000)
    furniture = window.furnish()
    docks = furniture.docks
    furniture.workspace("Overview")
    for name, kind in (("life", "trends"), ("files", "trends")):
        docks.show(name)
        assert docks.docks[name].dockAreaWidget() is docks.docks[kind].dockAreaWidget()
    furniture.workspace("Work")
    docks.show("together")
    assert docks.docks["together"].dockAreaWidget() is docks.docks["trends"].dockAreaWidget()


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 720)])
def test_the_sheet_of_keys_fits_into_the_window(
    open_window: Open, qtbot: Any, size: tuple[int, int]
) -> None:
    window, _ = open_window(size)
    sheet = window.furnish().sheet
    sheet.toggle()
    assert window.rect().contains(sheet.geometry())
    assert sheet.area.horizontalScrollBar().maximum() == 0
    bar = sheet.area.verticalScrollBar()
    qtbot.keyClick(sheet, Qt.Key.Key_PageDown)
    assert bar.value() > 0 or bar.maximum() == 0
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_every_key_means_one_thing(open_window: Open) -> None:
    window, _ = open_window()
    keys = [k for a in window.furnish().actions.table for k in a.keys]
    assert sorted(keys) == sorted(set(keys))


def test_an_answer_to_a_closed_window_reaches_nobody(desk: Desk, qtbot: Any) -> None:
    late: list[Any] = []
    desk.session.ask = lambda request, done: late.append(done)  # type: ignore[union-attr, method-assign]
    closed, open_one = QLabel(), QLabel()
    qtbot.addWidget(open_one)
    for label in (closed, open_one):
        desk.ask(wire.GetTasks(), lambda _, one=label: one.setText("late"))  # type: ignore[misc]
        desk.ask(wire.GetTasks(), label.setText)  # type: ignore[arg-type]
    shiboken6.delete(closed)
    for done in late[:3]:
        done(wire.Tasks(()))
    assert open_one.text() == "late"


def test_the_map_gives_tree_and_faceplate_the_width_they_have_elsewhere(
    open_window: Open, qtbot: Any
) -> None:
    window, _ = open_window((1920, 1080))
    furniture = window.furnish()
    wide = {}
    for name in ("Overview", "Map"):
        furniture.workspace(name)
        furniture.docks.reset()
        qtbot.wait(50)
        wide[name] = [furniture.docks.docks[n].width() for n in ("assets", "asset")]
    assert all(abs(a - b) <= 8 for a, b in zip(*wide.values(), strict=True)), wide
