"""Coverage in the window: the list of districts, who asks when, and the shown time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.coverage import LIVE, STALE, ground, judged
from lamplighter.runtime.coverage import message
from lamplighter.ui.coverage_page import VALUE, VERDICT, CoveragePage
from lamplighter.ui.coverage_room import facts
from lamplighter.ui.desk import Desk
from lamplighter.ui.kpi_strip import KpiStrip
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import shown


def answer(version: int, at_ms: int, *live: bool) -> wire.Coverage:
    """Three squares with two sensors each; `live`: by square."""
    assets = {f"h{n}": Asset(f"h{n}", "Building", "", "buildings", x=600.0 * n + 9, y=9.0,
                             people=10 * (n + 1)) for n in range(3)}  # fmt: skip
    streams = [Datastream(n, "gw", f"m{n}", kind="no2", asset=f"h{n // 2}") for n in range(6)]
    state = np.repeat([LIVE if one else STALE for one in live], 2).astype(np.int8)
    base = ground(assets, streams)
    return message(base, judged(base, state), at_ms, version)


class _Session(FakeSession):
    found = answer(1, 5, True, False, True)

    def __init__(self) -> None:
        super().__init__(directly, buildings=5)
        self.questions: list[wire.GetCoverage] = []

    def _reply(self, request: wire.Request) -> wire.Reply:
        if isinstance(request, wire.GetCoverage):
            self.questions.append(request)
            same = request.seen == self.found.version
            return wire.Ok("the same") if same else self.found
        return super()._reply(request)


@pytest.fixture
def session() -> _Session:
    return _Session()


@pytest.fixture
def page(qtbot: object, desk: Desk, session: _Session) -> Iterator[CoveragePage]:
    desk.connect_session(session)
    with shown(CoveragePage(desk, desk.coverage), 1100, 420) as made:
        yield made


def text(page: CoveragePage, row: int, column: int) -> str:
    item = page.table.item(row, column)
    return item.text() if item is not None else ""


def test_gaps_stand_first_hatched_and_never_with_a_number(page: CoveragePage) -> None:
    assert [text(page, n, 0) for n in range(3)] == ["Square B1", "Square C1", "Square A1"]
    assert text(page, 0, VERDICT) == text(page, 0, VALUE) == "not measured"
    for cell, style in ((VERDICT, Qt.BrushStyle.FDiagPattern), (VALUE, Qt.BrushStyle.FDiagPattern)):
        item = page.table.item(0, cell)
        assert item is not None and item.background().style() is style
    last = page.table.item(2, VERDICT)
    assert last is not None and last.background().style() is Qt.BrushStyle.NoBrush
    assert "1 of 3 districts are not measured" in page.words.text()
    assert "squares of 500" in page.words.text()


def test_the_list_is_ordered_by_title_or_by_the_box(page: CoveragePage) -> None:
    page.order.setCurrentIndex(1)
    page.refresh()
    assert [text(page, n, 0) for n in range(3)] == ["Square A1", "Square B1", "Square C1"]
    page.table.horizontalHeader().sectionClicked.emit(6)
    assert text(page, 0, 0) == "Square C1"


def test_it_asks_only_while_somebody_looks_and_names_what_it_knows(
    page: CoveragePage, desk: Desk, session: _Session
) -> None:
    desk.coverage.ask()
    assert session.questions[-1].seen == 1
    page.hide()
    before = len(session.questions)
    desk.coverage.ask()
    assert len(session.questions) == before
    desk.coverage.hatch(True)
    assert len(session.questions) == before + 1


def test_a_district_is_chosen_by_place_or_row_and_told_in_numbers(
    page: CoveragePage, desk: Desk
) -> None:
    room = desk.coverage
    assert room.pick_at(610.0, 20.0) == "square B1"
    assert page.table.currentRow() == 0
    told = facts(room, room.row)
    assert told[0] == "Everything: not measured"
    assert told[1] == "sensors: 0 live, 2 stale, 0 suspect"
    assert room.pick_at(9e6, 0.0) == "" and room.row == -1
    page.table.selectRow(1)
    assert room.picked == "square C1"
    places: list[tuple[float, float]] = []
    page.to_place.connect(lambda x, y: places.append((x, y)))
    page.city.click()
    assert room.hatched and places == [(1250.0, 250.0)]


def test_in_replay_the_moment_is_asked_for_and_live_comes_back(
    page: CoveragePage, desk: Desk, session: _Session
) -> None:
    session.found = answer(7, 1_000, False, False, True)
    desk.time.replay(desk.time.now_ms - 60_000)
    desk.moment_changed.emit()
    asked, moment = session.questions[-1], desk.moment
    assert moment is not None and (asked.at_ms, asked.as_known) == (moment.at_ms, moment.as_known)
    assert "2 of 3 districts are not measured" in page.words.text()
    heads = [page.table.horizontalHeaderItem(n).text() for n in range(page.table.columnCount())]
    assert "Median then" in heads and "Median now" not in heads
    session.found = answer(8, 2_000, True, True, True)
    desk.time.live()
    assert session.questions[-1].at_ms is None
    assert "0 of 3 districts are not measured" in page.words.text()
    assert page.table.horizontalHeaderItem(2).text() == "Median now"


def test_the_kpi_strip_counts_districts_that_are_not_measured_and_opens_the_page(
    qtbot: object, desk: Desk, session: _Session
) -> None:
    wanted: list[bool] = []
    desk.coverage.wanted.connect(lambda: wanted.append(True))
    with shown(KpiStrip(desk), 1600, 88) as strip:
        assert strip.gaps.head == "Coverage"
        desk.connect_session(session)
        desk.status_changed.emit()
        for _ in range(3):
            desk.status_changed.emit()
        assert (strip.gaps.head, strip.gaps.below) == ("1 district", "not measured")
        assert "1 of 3 districts are not measured" in strip.gaps.toolTip()
        assert strip.tiles[-1].geometry().right() < strip.gaps.geometry().left()

        QTest.keyClick(strip.gaps, Qt.Key.Key_Return)

    assert wanted == [True]


def test_versions_of_a_recorder_that_began_anew_are_not_those_of_the_one_before(
    desk: Desk, page: CoveragePage
) -> None:
    other = _Session()
    other.found = answer(1, 9, True, True, True)
    desk.connect_session(other)
    assert other.questions[0].seen == 0
    assert "0 of 3 districts are not measured" in page.words.text()


def test_a_count_follows_closely_while_the_first_values_arrive_and_seldom_later(
    page: CoveragePage, desk: Desk, session: _Session
) -> None:
    page.hide()
    desk.coverage.glance("kpis")

    def asked(seconds: int) -> int:
        before = len(session.questions)
        for _ in range(seconds):
            desk.status_changed.emit()
        return len(session.questions) - before

    assert asked(60) == 20
    assert asked(60) == 2
