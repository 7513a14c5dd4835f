"""Little room cuts no words: what does not fit goes as a whole, or into the next line."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QPushButton, QScrollArea, QTreeWidgetItem, QWidget

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Step
from lamplighter.ui.alarm_detail import AlarmDetail
from lamplighter.ui.alarm_strip import AlarmStrip
from lamplighter.ui.asset_tree import AssetTree
from lamplighter.ui.attributes_panel import Attributes
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from lamplighter.ui.flow import Flow
from lamplighter.ui.kpi_alarm_figures import name_of
from lamplighter.ui.plain_table import fill, plain_table
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_overlay import crumbs

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk West 12"


@pytest.mark.parametrize("wide", [1920, 1280, 1024])
def test_the_strip_leaves_out_whole_words_before_it_cuts_one(
    qtbot: Any, desk: Desk, wide: int
) -> None:
    strip = AlarmStrip(desk, Blink())
    qtbot.addWidget(strip)
    one = AlarmRecord(
        "r", "P-17", 0, AlarmState.UNACK, 1, f"{LONG}: pressure too high", True, 1, 2, people=3412.0
    )
    desk._alarms = {one.key: one}
    strip.resize(wide, theme().px(40))
    strip.show()
    strip.refresh()
    qtbot.wait(20)
    said = strip._detail
    assert said.text() == said.full and said.full and "\u2026" not in said.text()
    assert said.geometry().right() <= strip.width()
    desk._alarms = {one.key: replace(one, text="Low")}
    strip.refresh()
    qtbot.wait(20)
    assert strip._headline.text() == strip._headline.full
    assert "3,412 people" in said.text()


def test_words_of_the_marks_come_back_with_the_room(qtbot: Any, desk: Desk) -> None:
    strip = AlarmStrip(desk, Blink())
    qtbot.addWidget(strip)
    one = AlarmRecord("r", "P-17", 0, AlarmState.UNACK, 1, LONG, True, 1, 2, people=3412.0)
    desk._alarms = {one.key: one}
    for wide, words in ((1000, "0"), (2400, "0 shelved"), (1000, "0")):
        strip.resize(wide, theme().px(40))
        strip.refresh()
        assert strip._shelved._shown == words
        assert strip._shelved.toolTip() == "0 shelved"


def test_a_path_of_long_names_stays_in_its_room_and_keeps_its_end(qapp: Any) -> None:
    metrics = QFontMetricsF(theme().font("body"))
    path = ("City", "Water", LONG, "Pump", "P-14 Mill Lane")
    for room in (420.0, 600.0):
        words = crumbs(path, metrics, room)
        assert metrics.horizontalAdvance(words) <= room
        assert words.endswith("P-14 Mill Lane") and words.startswith("City")
    assert crumbs(("City", "Water"), metrics, 600.0) == "City \u203a Water"


def test_buttons_go_on_in_the_next_line(qtbot: Any) -> None:
    box = QWidget()
    qtbot.addWidget(box)
    buttons = [QPushButton(words) for words in ("By hand", "Maintenance", "Original", "End")]
    flow = Flow(*buttons)
    box.setLayout(flow)
    buttons[3].hide()
    one = flow.heightForWidth(2000)
    narrow = max(b.sizeHint().width() for b in buttons) + 4
    assert flow.minimumSize().width() <= narrow
    assert flow.heightForWidth(narrow) == 3 * one + 2 * flow.spacing()
    box.resize(narrow, 400)
    box.show()
    assert all(b.geometry().right() < narrow for b in buttons[:3])
    assert len({b.y() for b in buttons[:3]}) == 3


def test_a_section_of_the_attributes_shows_its_whole_title(qtbot: Any, desk: Desk) -> None:
    panel = Attributes(desk)
    qtbot.addWidget(panel)
    top = panel._section("A title that is longer than the column of names", [("a", "b")])
    assert isinstance(top, QTreeWidgetItem) and top.isFirstColumnSpanned()


def test_the_most_frequent_alarms_are_named_by_what_the_rule_says(desk: Desk) -> None:
    city = desk.city
    asset = next(iter(city.assets))
    said = name_of(f"water.low@{asset}", city, {"water.low": "Pressure low"})
    assert said == f"{city.name(asset)}: Pressure low"
    assert name_of(f"water.low@{asset}", city, {}).endswith(": low")


def test_rows_of_a_table_stay_legible_in_another_theme(qtbot: Any) -> None:
    table = plain_table("rows", ("One", "Two"), 1)
    qtbot.addWidget(table)
    fill(table, [("a", "b"), ("c", "d")], [False, True])
    try:
        for name in ("light", "dark"):
            theme().set(name)
            plain, muted = table.item(0, 0), table.item(1, 0)
            assert plain is not None and muted is not None
            assert plain.data(Qt.ItemDataRole.ForegroundRole) is None
            assert muted.foreground().color() == theme().colour("text.muted")
    finally:
        theme().set("dark")


def test_a_checklist_goes_on_in_the_next_line(qtbot: Any, desk: Desk) -> None:
    detail = AlarmDetail(desk)
    qtbot.addWidget(detail)
    words = "Tank level and hours of reserve read before anything else is switched"
    one = AlarmRecord(
        "r", "P-17", 0, AlarmState.UNACK, 2, "Low", True, 1, 2,
        steps=(Step(words), Step("Crew is told")), guidance=("Look above",),
    )  # fmt: skip
    desk._alarms = {one.key: one}
    detail.resize(280, 170)
    detail.show()
    detail.show_key(one.key)
    qtbot.wait(50)
    scroll = detail.findChild(QScrollArea)
    assert scroll is not None
    assert scroll.widget().width() <= scroll.viewport().width()
    long, short = detail.boxes
    assert long.text().split() == words.split() and "\n" in long.text()
    assert long.toolTip() == words
    assert long.height() >= long.heightForWidth(long.width()) > short.height()
    assert short.height() >= short.heightForWidth(short.width())


def test_an_empty_tree_says_what_to_do_and_a_filter_without_a_hit_says_so(
    qtbot: Any, desk: Desk
) -> None:
    new = Desk()
    empty = AssetTree(new)
    qtbot.addWidget(empty)
    assert not empty.empty.text(), "nobody knows yet whether there are any"
    new.city_known = True
    new.city_changed.emit()
    assert "Ctrl I" in empty.empty.text() and not empty.tree.isVisibleTo(empty)
    full = AssetTree(desk)
    qtbot.addWidget(full)
    assert full.tree.isVisibleTo(full) and not full.empty.isVisibleTo(full)
    full.filter.setText("no such thing")
    qtbot.waitUntil(lambda: full.empty.isVisibleTo(full), timeout=10_000)
    assert "no such thing" in full.empty.text()
    full.filter.clear()
    qtbot.waitUntil(lambda: full.tree.isVisibleTo(full), timeout=10_000)
