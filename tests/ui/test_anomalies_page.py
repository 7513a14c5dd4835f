"""The anomalies as a person meets them: told, explained, judged, turned into work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Asset
from lamplighter.domain.maintenance import SimilarCase
from lamplighter.ui.anomalies_page import AnomaliesPage
from lamplighter.ui.desk import Desk
from lamplighter.ui.faceplate import Faceplate
from lamplighter.ui.residual_strip import ResidualStrip, residuals
from lamplighter.ui.series import Trace
from lamplighter.ui.usual_lines import UsualLines
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, shown

HOUR = 3_600_000


class _Session(FakeSession):
    found: tuple[Anomaly, ...] = ()

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetAnomalies():
                return wire.Anomalies(self.found[::-1], 1, 2)
            case wire.GetExpectedState():
                card = wire.ExpectedCard(5, 0, 6 * 24 * HOUR, 1.0, 7, 8,
                                         {"used": 7, "worse than a naive rule": 1})  # fmt: skip
                return wire.ExpectedState(card)
            case wire.GetExpected(datastream=ident):
                return wire.Expected(ident, "history", "Measured 3.2, expected 3.9 ± 0.2.")
            case wire.JudgeAnomaly() | wire.PutWorkOrder():
                return wire.Ok("WO-1")
            case wire.TrainExpected():
                return wire.TaskStarted(4)
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    made = _Session(directly, buildings=5)
    now = desk.clock.wall_ms()
    drift = Anomaly(
        "AN-1", "drift", "P01", 0, now - 9 * HOUR, now - HOUR, "It has drifted.",
        value=4.4, expected=4.1, spread=0.05, score=2.0, reaches_ms=now + 5 * HOUR + 60_000,
        limit=5.2, curve=(1.0, 2.0),
        similar=(SimilarCase("P02", now - 90 * HOUR, "called real", 0.1),),
    )  # fmt: skip
    old = Anomaly("AN-0", "point", "P02", 1, now - 90 * HOUR, now - 90 * HOUR, "It was odd.",
                  until_ms=now - 89 * HOUR, verdict="real", verdict_by="anna")  # fmt: skip
    made.found = (old, drift)
    return made


@pytest.fixture
def page(qtbot: object, desk: Desk, session: _Session) -> Iterator[AnomaliesPage]:
    desk.connect_session(session)
    with shown(AnomaliesPage(desk), 1100, 420) as made:
        yield made


def row(page: AnomaliesPage, number: int) -> list[str]:
    cells = (page.table.item(number, c) for c in range(page.table.columnCount()))
    return [cell.text() if cell is not None else "" for cell in cells]


def test_what_stands_comes_first_with_its_reason_and_lead_time(page: AnomaliesPage) -> None:
    first = row(page, 0)
    assert (first[1], *first[3:5]) == ("slow drift", "It has drifted.", "5 hours")
    assert row(page, 1)[5] == "real"
    assert "1 stand now" in page.words.text()
    assert "called 1 real and 2 false" in page.words.text()
    assert "1 not: worse than a naive rule" in page.words.text()
    assert "called real" in page._cases.text()


def test_a_person_judges_it_with_a_note(page: AnomaliesPage, session: _Session) -> None:
    page.note.setText("air in the line")
    page.real.click()

    assert asked(session, wire.JudgeAnomaly) == [
        wire.JudgeAnomaly("AN-1", "real", "air in the line")
    ]
    assert page.note.text() == ""


def test_news_change_the_list_and_the_choice_stays(
    page: AnomaliesPage, session: _Session, desk: Desk
) -> None:
    page.table.selectRow(1)
    fresh = replace(session.found[1], id="AN-2", found_ms=session.found[1].found_ms + 1)
    desk.take_event(wire.AnomaliesChanged((fresh, replace(session.found[1], verdict="false"))))

    assert page.chosen is not None and page.chosen.id == "AN-0"
    assert page.table.rowCount() == 3
    assert desk.unusual.false == 3


def test_it_becomes_a_work_order_that_it_is_tied_to(page: AnomaliesPage, session: _Session) -> None:
    page.order.click()

    made = asked(session, wire.PutWorkOrder)[0]
    assert isinstance(made, wire.PutWorkOrder)
    assert (made.order.asset, made.order.note, made.order.origin) == (
        "P01", "It has drifted.", "anomaly",
    )  # fmt: skip
    assert made.order.due_ms == session.found[1].reaches_ms
    assert asked(session, wire.JudgeAnomaly) == [wire.JudgeAnomaly("AN-1", "", order="WO-1")]


def test_sentences_can_be_turned_off(page: AnomaliesPage, desk: Desk) -> None:
    lines = UsualLines(desk)
    asset = next(iter(desk.city.assets.values()))
    desk.take_event(wire.AnomaliesChanged((replace(page.rows[0], asset=asset.id),)))
    lines.show_stream(desk.city.streams[0], asset)
    assert "expected 3.9" in lines.said.text()
    assert lines.odd.text().startswith("Slow drift, limit in 5 hours")

    desk.unusual.set_reasons(False)

    assert "It has drifted" not in " ".join(row(page, 0))
    assert "expected" in row(page, 0)[3]
    assert lines.said.isHidden() and lines.reason.isHidden() and not lines.odd.isHidden()
    lines.deleteLater()


def test_signals_at_odds_show_the_one_that_is_farthest_off_and_all_of_them_in_trends(
    page: AnomaliesPage, desk: Desk
) -> None:
    now = desk.clock.wall_ms()
    odd = Anomaly(
        "AN-t", "together", "T1", -1, now - 9, now, "Flow is low for this current.", value=4.0,
        expected=5.0, spread=0.1, score=2.0, signals=(1, 2),
    )  # fmt: skip
    desk.unusual.take(wire.AnomaliesChanged((odd,)))
    page.table.selectRow([a.id for a in page.rows].index("AN-t"))
    drawn: list[list[int]] = []
    page.to_trends.connect(drawn.append)
    page.trend.click()
    assert drawn == [[1, 2]]


def test_the_card_says_how_an_assets_signals_go_together(desk: Desk, session: _Session) -> None:
    lines = UsualLines(desk)
    lines._asset = Asset("T1", "Tank", "T1", "water")
    lines._got_together(wire.Relation("T1", 0.4, 1, "", (1, 2, 3)))
    assert lines.together.text() == "Signals go together as usual: 3 judged, 0.40 of the limit."
    lines._got_together(wire.Relation("T1", None, 1, "Flow is suspect"))
    assert lines.together.text() == "Signals not judged together: Flow is suspect."
    lines._got_together(wire.Relation("T9", None, 1, "of another"))
    assert "Flow" in lines.together.text()
    lines._got_together(wire.Relation("T1"))
    assert lines.together.text() == ""


def test_an_asset_without_datastreams_is_not_asked_about_with_every_alarm(desk: Desk) -> None:
    lines = UsualLines(desk)
    asset = next(iter(desk.city.assets.values()))
    for _ in range(3):
        lines.show_stream(None, asset)
    assert not asked(desk, wire.GetRelation)
    for _ in range(3):
        lines.show_stream(desk.city.streams[0], asset)
    assert asked(desk, wire.GetRelation) == [wire.GetRelation(asset.id)]
    lines.deleteLater()


def test_learning_can_be_asked_for(page: AnomaliesPage, session: _Session) -> None:
    page.learn.click()
    assert len(asked(session, wire.TrainExpected)) == 1


def test_the_distance_needs_a_value_that_is_not_too_old() -> None:
    trace = Trace(
        np.array([1_000, 2_000, 20_000]), np.array([5.0, 5.2, 9.0]), np.array([5.0, 5.2, 9.0]),
        np.array([5.0, 5.2, 9.0]),
        expected=[(1_500, 5.0, 0.1), (2_500, 5.0, 0.1), (12_000, 5.0, 0.1), (20_500, 5.0, 0.5)],
    )  # fmt: skip
    at, away = residuals(trace, 0, 30_000, hole_ms=2_000)

    assert at.tolist() == [1_500, 2_500, 20_500]
    assert away == pytest.approx([0.0, 2.0, 8.0])


def test_the_strip_says_its_newest_figure(qtbot: object) -> None:
    strip = ResidualStrip()
    trace = Trace(np.array([1_000]), np.array([5.2]), np.array([5.2]), np.array([5.2]),
                  expected=[(1_000, 5.0, 0.1)])  # fmt: skip
    strip.show_trace(trace, 0, 2_000, 1_000.0)
    assert "+2.0 spreads" in strip.accessibleDescription()
    strip.resize(300, 34)
    strip.grab()
    strip.show_trace(Trace(), 0, 2_000, 1_000.0)
    assert strip.newest is None
    strip.deleteLater()


def test_an_alarm_tells_its_cause_in_one_sentence_unless_that_is_off(
    qtbot: object, desk: Desk, session: _Session
) -> None:
    desk.connect_session(session)
    plate = Faceplate(desk)
    asset = next(i for i, s in desk.city.of_asset.items() if s)
    stream = desk.city.of_asset[asset][0]
    alarm = AlarmRecord("r", asset, stream.id, AlarmState.UNACK, 3, "Off the expected value",
                        True, 1_000, 1_000)  # fmt: skip
    desk.take_event(wire.AlarmsChanged((alarm,), ()))
    told = replace(session.found[1], asset=asset, datastream=stream.id)
    desk.take_event(wire.AnomaliesChanged((told,)))
    desk.selection.select(asset)
    plate.refresh()
    assert plate._cause.text() == "It has drifted."

    desk.unusual.set_reasons(False)
    plate.refresh()

    assert plate._cause.isHidden()
    plate.deleteLater()
