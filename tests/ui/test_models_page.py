"""The Models page: what is in use, what it is worth, and what only a person decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QTableWidget

from lamplighter.domain import wire
from lamplighter.domain.models import (
    Drift,
    Figure,
    ModelCard,
    ModelRecord,
    ModelState,
    ScoreRow,
    VerdictRow,
)
from lamplighter.domain.problems import problem
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.models_page import ModelsPage, record_of
from tests.ui.fake_session import FakeSession
from tests.ui.pages import asked, seated, shown

CARD = ModelCard(
    "maintenance", "Failure of bearings within 30 days", "bearing hazard 1",
    "history, 12 failures", 0, 90 * 86_400_000, 16, 2_896, (0,), "whole assets", "training rows",
    (Figure("Brier score", 0.08, 0.27, n=16),), "the rate of the past", 0.9, 0.88, 12, 31.0, "days",
    version=1, made_ms=1_000, owner="automatic", hash="abc",
)  # fmt: skip
USED = ModelRecord(CARD, ModelState.IN_USE)
WAITS = ModelRecord(replace(CARD, version=2, owner="anna"), ModelState.CANDIDATE)
FEW = ScoreRow("Pump", 16, 3, 2, 1, 0, 0, 1.0, None, None, None, None, 0.9, None, 1)
MANY = ScoreRow("Fan", 16, 30, 20, 5, 5, 1, 10.0, 0.8, 0.8, 0.5, 6.0, 0.9, 0.88, 14)

PUMPS = VerdictRow("class", "Pump", 40, 20, 5, 5, 10.0, 0.8, 0.8, 0.5, 6.0, 14)
DRIFTS = VerdictRow("detector", "drift", 9, 4, 1, None, 10.0, None, None, None, None, 2)
FLOW = wire.ForecastRecord("figure/flow", "Flow", 300, 4.5, 3.1, 0.86, True, "the naive rule was "
                           "nearer", looked_back=600, back_mae=4.0, back_naive_mae=3.0,
                           back_coverage=0.91, unit="L/s")  # fmt: skip
LEVEL = wire.ForecastRecord("stream/level", "Level", 0, None, None, None, False)


class _Session(FakeSession):
    records: tuple[ModelRecord, ...] = (USED, WAITS)

    def _reply(self, request: wire.Request) -> wire.Reply:
        match request:
            case wire.GetModels():
                return wire.Models(self.records)
            case wire.GetScoreboard():
                return wire.Scoreboard((FEW, MANY), (PUMPS, DRIFTS), (FLOW, LEVEL))
            case wire.PromoteModel(version=9):
                return wire.Refused(problem("P-609", name="maintenance", what="no such version"))
            case wire.PromoteModel(version=version):
                return wire.Ok(f"maintenance/{version or 1}")
            case wire.TrainModel():
                return wire.TaskStarted(5)
            case wire.ImportModel():
                return wire.Refused(problem("P-610", name="m.zip", what="it is not signed"))
        return super()._reply(request)


@pytest.fixture
def session(desk: Desk) -> _Session:
    return seated(desk, _Session)


@pytest.fixture
def page(qtbot: object, desk: Desk, session: _Session) -> Iterator[ModelsPage]:
    with shown(ModelsPage(desk), 1200, 300) as made:
        yield made


def cells(page: ModelsPage, line: int) -> list[str]:
    table = page.versions
    return [table.item(line, c).text() for c in range(table.columnCount())]  # type: ignore[union-attr]


def card_text(page: ModelsPage) -> str:
    return "\n".join(f"{n.text()}: {t.text()}" for n, t in page._lines if t.isVisibleTo(page))


def test_versions_stand_with_their_figure_and_the_naive_rules(page: ModelsPage) -> None:
    assert cells(page, 0)[:5] == [
        "maintenance/2",
        "candidate",
        "history, 12 failures",
        "0.08",
        "0.27",
    ]
    assert cells(page, 1)[1] == "in use"
    assert page.state.full == "1 in use. 1 wait for a person."


def test_the_card_of_the_one_in_use_is_shown_until_another_is_chosen(page: ModelsPage) -> None:
    assert "maintenance/1" in card_text(page)
    assert "88% of stated 90%, n = 12" in card_text(page)

    page.versions.selectRow(0)

    assert "maintenance/2" in card_text(page) and "anna" in card_text(page)


def test_promoting_needs_a_reason(page: ModelsPage, session: _Session) -> None:
    page.versions.selectRow(0)
    assert not page.promote.isEnabled()

    page.reason.setText("better on the spring")
    page.promote.click()

    assert asked(session, wire.PromoteModel) == [
        wire.PromoteModel("maintenance", 2, "better on the spring")
    ]
    assert page.reason.text() == "" and "maintenance/2" in page.told.text()


def test_there_is_nothing_to_go_back_to_until_another_was_in_use(
    page: ModelsPage, desk: Desk, session: _Session
) -> None:
    page.reason.setText("x")
    assert not page.back.isEnabled()

    desk.take_event(wire.ModelChanged(replace(USED, state=ModelState.EARLIER)))
    desk.take_event(wire.ModelChanged(replace(WAITS, state=ModelState.IN_USE)))
    page.back.click()

    assert asked(session, wire.PromoteModel) == [wire.PromoteModel("maintenance", 0, "x")]


def test_a_frozen_model_and_moved_inputs_are_said_at_once(page: ModelsPage, desk: Desk) -> None:
    drift = Drift(5, 900, "vibration_rms", 0.6, 0.2, ("vibration_rms",))
    desk.take_event(wire.ModelChanged(replace(USED, frozen="worse than naive", drift=drift)))

    assert "maintenance/1 is FROZEN: worse than naive" in page.state.full
    assert "moved away from training: vibration rms" in page.state.full
    assert cells(page, 1)[1] == "frozen" and cells(page, 1)[5] == "moved"


def test_the_track_record_needs_twenty_cases(page: ModelsPage, desk: Desk) -> None:
    def line(at: int) -> list[str]:
        return [page.scores.item(at, c).text() for c in range(page.scores.columnCount())]  # type: ignore[union-attr]

    assert line(0)[:6] == ["Pump", "3 / 20", "2", "1", "0", "no record yet"]
    assert line(1)[5:] == ["80\u202f%", "0.5", "6", "88% / 90%", "14"]
    assert record_of(desk, "Pump") == "no record yet: 3 of 20 closed cases"
    assert "0.5 false alarms a month" in record_of(desk, "Fan")
    assert record_of(desk, "Bridge") == "no record yet"


def test_a_closed_order_asks_for_the_track_record_anew(desk: Desk, session: _Session) -> None:
    before = len(asked(session, wire.GetScoreboard))

    desk.orders_changed.emit()

    assert len(asked(session, wire.GetScoreboard)) == before + 1


def test_a_model_from_a_file_that_is_refused_says_why(page: ModelsPage) -> None:
    page.take_in(Path("m.zip"))

    assert "it is not signed" in page.told.text() and "[P-610]" in page.told.text()


def test_training_is_asked_for_and_seen_among_the_tasks(
    page: ModelsPage, session: _Session
) -> None:
    page.train.click()

    assert asked(session, wire.TrainModel) == [wire.TrainModel("maintenance")]
    assert "Tasks" in page.told.text()


def test_without_a_model_the_page_says_so(page: ModelsPage, desk: Desk) -> None:
    desk.models.take(wire.Models(()))

    assert "No model was trained yet" in page.state.full
    assert card_text(page) == ""
    assert not page.promote.isEnabled() and page.train.isEnabled()


def test_two_hundred_versions_are_listed(page: ModelsPage, desk: Desk) -> None:
    flood = tuple(replace(WAITS, card=replace(CARD, version=n)) for n in range(2, 202))
    desk.models.take(wire.Models((USED, *flood)))

    assert page.versions.rowCount() == 201 and cells(page, 0)[0] == "maintenance/201"


def test_every_record_has_its_table_and_what_is_frozen_says_so(page: ModelsPage) -> None:
    def line(table: QTableWidget, at: int) -> list[str]:
        return [table.item(at, c).text() for c in range(table.columnCount())]  # type: ignore[union-attr]

    page.board.setCurrentText("How forecasts of the next hours fared")
    assert page.hours.isVisible() and not page.scores.isVisible()
    assert line(page.hours, 0)[:6] == ["Flow", "FROZEN", "4.5 L/s", "3.1", "86% / 90%", "300"]
    assert line(page.hours, 0)[6:] == ["4 / 3, held 91%", "the naive rule was nearer"]
    assert line(page.hours, 1)[1:5] == ["shown, too young to be judged", "—", "—", "—"]

    page.board.setCurrentText("What people made of anomalies and suspicions")
    assert page.verdicts.isVisible()
    assert line(page.verdicts, 0)[:6] == [
        "Pump", "40", "20", "5", "5", numbers.percent(0.8),
    ]  # fmt: skip
    assert line(page.verdicts, 1)[:6] == ["found as: drift", "9", "4", "1", "—", "no record yet"]


def test_low_down_one_table_is_shown_at_a_time_and_the_versions_come_first(
    page: ModelsPage,
) -> None:
    assert page.versions.isVisible() and not page.scores.isVisible()
    assert page.board.currentText() == "Versions"

    page.resize(1200, 600)

    assert page.versions.isVisible() and page.scores.isVisible()
    assert page.board.findText("Versions") < 0


def test_an_empty_record_says_what_it_waits_for(desk: Desk, qtbot: object) -> None:
    with shown(ModelsPage(desk), 1200, 600) as empty:
        assert empty._empty.text().startswith("No record yet: 0 of 20 closed cases.")
        empty.board.setCurrentIndex(2)
        assert empty._empty.text().startswith("No record yet: 0 of 20 verdicts.")
