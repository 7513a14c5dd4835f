"""Planned works, calls and figures in the window about alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.alarm import Condition
from lamplighter.domain.alarm_design import Escalation, When
from lamplighter.ui.alarm_list import PAGES as OFFERED
from lamplighter.ui.alarm_windows import (
    CALLS,
    DESIGN,
    FIGURES,
    PAGES,
    WORKS,
    AlarmWindows,
    AlarmWork,
)
from lamplighter.ui.desk import Desk
from lamplighter.ui.kpi_alarm_figures import figures
from lamplighter.ui.time_track import Track
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked


@pytest.fixture
def work(qtbot: Any, desk: Desk) -> Iterator[AlarmWork]:
    from PySide6.QtWidgets import QWidget

    parent = QWidget()
    qtbot.addWidget(parent)
    made = AlarmWindows(desk, parent).open(WORKS)
    yield made
    made.close()


def test_works_are_planned_on_the_selection_and_ended(desk: Desk, work: AlarmWork) -> None:
    page = work.works
    assert len(OFFERED) == len(PAGES)
    desk.selection.select("P-17")
    assert page.where.text() == "P-17" and not page.plan_it.isEnabled()
    page.text.setText("New valve")
    page.reason.setText("leak")
    page.where.setText("P-17, nowhere")
    assert "nowhere" in page.plan_it.toolTip()
    page.where.setText("P-17, SS-04")
    page.plan_it.click()
    (sent,) = asked(desk, wire.PutWork)
    assert sent.work.assets == ("P-17", "SS-04") and sent.work.reason == "leak"
    assert sent.work.to_ms - sent.work.from_ms == 2 * 3_600_000
    assert page.table.item(0, 0).text() == "runs"
    track = Track(desk)
    track.resize(800, 50)
    place = track.x_of(sent.work.from_ms + 1_800_000)
    assert "Planned works: New valve" in track._words_at(place)
    page.table.selectRow(0)
    assert page.end.text() == "End it now"
    page.end.click()
    assert asked(desk, wire.DropWork) and not page.works


def test_works_around_a_place_take_its_coordinates(desk: Desk, work: AlarmWork) -> None:
    page = work.works
    page.text.setText("Road works")
    page.where.setText("P-17")
    page.around.setChecked(True)
    page.plan()
    area = asked(desk, wire.PutWork)[-1].work.area
    place = desk.city.assets["P-17"]
    assert area == (place.lon, place.lat, 200.0)


def test_a_way_is_written_tested_and_used_by_a_step(desk: Desk, work: AlarmWork) -> None:
    work.show_page(CALLS)
    page = work.calls
    page.table.selectRow(1)
    assert page.way() == page.ways[1]
    page.call_now()
    assert asked(desk, wire.TryWay) == [wire.TryWay("pager")]
    assert "it worked" in page.say.text()
    session = desk.session
    assert isinstance(session, FakeSession)
    session.refuse_all = True
    page.call_now()
    assert "it did not work" in page.say.text()
    session.refuse_all = False
    page._clear()
    page.kind.setCurrentIndex(page.kind.findData("mqtt"))
    page.id.setText("board")
    assert "Server" in page.keep.toolTip()
    page.fields["host"].setText("broker.example.org")
    page.fields["topic"].setText("town/alarms")
    page.keep.click()
    way = asked(desk, wire.PutWay)[-1].way
    assert (way.id, way.kind, way.topic, way.tls) == ("board", "mqtt", "town/alarms", "tls")
    page.who.setText("board, nobody")
    assert not page.add_step.isEnabled()
    page.who.setText("board")
    page.levels.setText("1")
    page.add_step.click()
    assert page.steps[-1] == Escalation(("board",), (1,))
    page.plan.selectRow(0)
    page.drop_step.click()
    assert page.steps == (Escalation(("board",), (1,)),)


def test_figures_tell_what_is_beyond_the_recommendation(desk: Desk, work: AlarmWork) -> None:
    work.show_page(FIGURES)
    page = work.figures
    rows = {f.name: f for f in page.rows}
    assert len(rows) == 16
    assert rows["New alarms in a day"].over and rows["New alarms in a day"].mark == "beyond"
    assert rows["Share of the ten most frequent"].value.startswith("62.0")
    assert not rows["Fleeting"].over and rows["Shelved"].mark == ""
    assert f"{sum(f.over for f in page.rows)} figures are beyond" in page.say.text()
    assert page.kpis is not None
    calm = replace(
        page.kpis, per_10_min=0.1, per_hour=1.0, per_day=20.0, flood_share=0.0, over_10_share=0.0,
        peak_10_min=4, top_10_share=0.0, chattering=(), unacknowledged=0,
    )  # fmt: skip
    assert not any(f.over for f in figures(calm))
    page.period.setCurrentIndex(1)
    page.look()
    last = asked(desk, wire.GetAlarmKpis)[-1]
    assert last.to_ms - last.from_ms == 7 * 86_400_000


def test_the_journal_is_filtered_and_exported(desk: Desk, work: AlarmWork, tmp_path: Any) -> None:
    work.show_page(FIGURES)
    page = work.figures
    every = len(page.events)
    page.level.setCurrentIndex(1)
    page.words.setText("supply lost")
    page.read()
    assert 0 < len(page.events) < every
    assert {e.record.priority for e in page.events} == {1}
    page.write(str(tmp_path / "journal.csv"))
    (sent,) = asked(desk, wire.WriteAlarmJournal)
    assert sent.filter.priorities == (1,) and sent.filter.text == "supply lost"
    assert "44 entries" in page.say.text()
    page.top.selectRow(0)
    page._show_top()
    assert page.filter.rules == ("water.pressure-low",) and page.filter.assets == ("J-01",)


def test_a_suppression_by_design_is_made_changed_and_removed(desk: Desk, work: AlarmWork) -> None:
    work.show_page(DESIGN)
    page = work.design
    desk.selection.select("P-17")
    assert page.where.text() == "P-17" and not page.keep_it.isEnabled()
    page.text.setText("Line 3 is off!")
    assert "has to hold" in page.keep_it.toolTip()
    page.what.setText("gw-4/line-3")
    page.condition.setCurrentIndex(page.condition.findData("below"))
    page.add.click()
    assert not page.parts and "number or state" in page.say.text()
    page.threshold.setText("2,5")
    page.add.click()
    page.what.setText("project.dry-run@P-17")
    page.negate.setChecked(True)
    page.add.click()
    page.where.setText("P-17, nowhere")
    assert "nowhere" in page.keep_it.toolTip()
    page.where.setText("P-17")
    page.keep_it.click()
    (sent,) = asked(desk, wire.PutSuppression)
    assert sent.suppression.id == "line-3-is-off" and sent.suppression.assets == ("P-17",)
    assert sent.suppression.when == (
        When("gw-4/line-3", condition=Condition.BELOW, threshold=2.5),
        When(rule="project.dry-run", asset="P-17", negate=True),
    )
    assert page.table.item(0, 1).text() == "gw-4/line-3 below 2.5 and not project.dry-run@P-17"
    page.table.selectRow(0)
    page.list.selectRow(1)
    page.less.click()
    page.downstream.setChecked(True)
    page.keep_it.click()
    changed = asked(desk, wire.PutSuppression)[-1].suppression
    assert changed.id == "line-3-is-off" and len(changed.when) == 1 and changed.downstream
    assert page.table.rowCount() == 1
    page.table.selectRow(0)
    page.drop.click()
    assert asked(desk, wire.DropSuppression) and page.table.rowCount() == 0
