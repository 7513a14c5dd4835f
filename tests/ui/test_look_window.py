"""The window's grid and its words: edges on multiples of eight, values never cut off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel, QWidget

from lamplighter.ui.kpi import ground
from lamplighter.ui.kpi_strip import KpiTile
from lamplighter.ui.parts import Elided
from lamplighter.ui.report import collect, live_now
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import Badge, Spot, lay_out, overlap
from lamplighter.ui.twin_states import Sources, silence_badges
from lamplighter.ui.window import MainWindow
from lamplighter.ui.words import plain
from tests.ui.conftest import Open


def placed(widget: QWidget, window: MainWindow) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


@pytest.mark.parametrize("size", [(1600, 1000), (1280, 720), (1920, 1080)])
def test_strips_begin_and_end_on_the_grid(open_window: Open, size: tuple[int, int]) -> None:
    window, _ = open_window(size, incident=True)
    for strip in (window.top, window.strip, window.kpis, window.time_bar, window.status):
        box = placed(strip, window)
        assert box.x() % 8 == 0 and box.y() % 8 == 0, strip
        assert box.width() % 8 == 0 and box.height() % 8 == 0, strip
    middle = placed(window.furnish().docks.manager, window)
    assert [middle.x() % 8, middle.y() % 8, middle.width() % 8, middle.height() % 8] == [0] * 4


def test_docks_stand_eight_pixels_apart(open_window: Open) -> None:
    window, _ = open_window(incident=True)
    docks = window.furnish().docks
    areas = {a for n in docks.visible() if (a := docks.docks[n].dockAreaWidget()) is not None}
    boxes = [placed(a, window) for a in areas]
    assert len(boxes) >= 4
    for one in boxes:
        assert one.x() >= 8 and one.right() < window.width() - 7
        for two in boxes:
            if one is not two:
                assert not one.adjusted(-3, -3, 3, 3).intersects(two.adjusted(-3, -3, 3, 3))


def cut_off(window: MainWindow) -> list[str]:
    """Texts of labels that need more width than they have, and values of tiles that do."""
    found = []
    for label in window.findChildren(QLabel):
        if not label.isVisible() or isinstance(label, Elided) or label.wordWrap():
            continue
        if "ElidingLabel" in label.metaObject().className():
            continue  # a dock's tab shortens its title and tells all of it in the tooltip
        needed = QFontMetrics(label.font()).horizontalAdvance(label.text())
        if "<" not in label.text() and needed > label.width() + 1:
            found.append(f"{label.text()!r}: {needed} > {label.width()}")
    for tile in window.kpis.findChildren(KpiTile):
        if tile.isVisible():
            role = "bodyStrong" if tile.folded else "valueM"
            value = tile.state.value
            role = role if value.known else "title"
            needed = QFontMetrics(theme().font(role)).horizontalAdvance(value.text)
            if needed + 24 > tile.width():
                found.append(f"{value.name}: {value.text}")
    return found


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("size", [(1600, 1000), (1920, 1080)])
def test_no_value_is_cut_off(
    open_window: Open, qtbot: Any, size: tuple[int, int], scale: float
) -> None:
    window, _ = open_window(size, incident=True)
    theme().set("dark", scale)
    qtbot.wait(200)
    assert cut_off(window) == []


# ---------------------------------------------------------------- figures
def test_what_flows_through_a_substation_is_counted_once(open_window: Open) -> None:
    window, session = open_window()
    city, state = window.desk.city, window.kpis.board.states[2]
    window.kpis.board.update(window.desk)
    measured = [s.id for s in session.city.datastreams if s.kind == "power"]
    assert state.value.value == pytest.approx(float(np.sum(session.values.value[measured])))
    assert ground(city, state.definition).definition.unit == "MW"


def test_the_band_of_a_figure_comes_from_the_limits_of_its_datastreams(open_window: Open) -> None:
    window, _ = open_window()
    window.kpis.board.update(window.desk)
    pressure = window.kpis.board.states[1]
    assert pressure.normal == (2.8, 5.2) and pressure.value.limits.high_high == 5.8
    assert all("in 6 h" not in s.forecast for s in window.kpis.board.states)


def test_the_report_keeps_the_most_that_was_live_at_once(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    total = len(session.city.datastreams)
    qtbot.waitUntil(lambda: window.beat.most_live == total, timeout=20_000)
    session._stale[:] = True
    session.tick()
    qtbot.wait(50)
    window.desk.take_newest()
    from lamplighter.ui.report import Milestones

    found = collect(window.desk, window.meter, window.beat, Milestones(0.0))
    assert found["datastreams_live"] == total
    assert found["datastreams_live_at_end"] == live_now(window.desk) == 0


# ---------------------------------------------------------------- marks over the city
def test_a_glyph_under_the_legend_moves_out_of_it() -> None:
    legend = (300.0, 260.0, 180.0, 30.0)
    (one,) = lay_out([Spot(Badge("A", 3), 380.0, 275.0)], 500, 300, [legend])
    assert not overlap(one.box, legend) and (one.x, one.y) == (380.0, 275.0)


def test_a_district_out_of_sight_keeps_its_label_at_the_edge() -> None:
    badge = Badge("N", title="Northbank not live", text="gw-7 silent", dashed=True)
    (one,) = lay_out([Spot(badge, 900.0, -300.0, 180.0, 40.0)], 500, 300)
    assert one.label and 0 <= one.box[0] <= 320 and 0 <= one.box[1] <= 260


def test_a_silent_gateway_is_one_label_and_one_area(open_window: Open) -> None:
    window, session = open_window(incident=True)
    desk = window.desk
    mine = [d.id for d in session.city.datastreams if d.source == "gw-7"]
    stale = np.zeros(len(session.city.datastreams), np.bool_)
    sources = Sources(desk.city)
    assert sources.silent(session.values, stale) == ()
    stale[mine] = True
    (one,) = sources.silent(session.values, stale)
    assert one.source == "gw-7" and one.streams == len(mine)
    assert {session.city.datastreams[i].asset for i in mine} <= one.assets
    (badge,) = silence_badges((one,), one.since_ms + 65_000)
    assert badge.dashed and "not live" in badge.title and "gw-7 silent 60" in badge.text
    stale[mine[0]] = False
    assert sources.silent(session.values, stale) == ()


def test_type_names_are_words() -> None:
    assert plain("TrafficSignal") == "Traffic signal" and plain("TINRelief") == "TIN relief"
    assert plain("Pump") == "Pump" and plain("") == ""
