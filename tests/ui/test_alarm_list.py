"""One cause first, nothing hidden, and nothing acknowledged by accident."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QMenu

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.ui.alarm_list import AlarmList
from lamplighter.ui.alarm_model import AlarmModel, state_words
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession


def leaves(model: AlarmModel) -> list[str]:
    keys: list[str] = []
    for row in range(model.rowCount()):
        keys += model.node(model.index(row, 0)).keys
    return keys


def test_folded_and_unfolded_add_up_to_all(desk: Desk) -> None:
    model = AlarmModel(desk)
    model.rebuild()
    keys = leaves(model)
    assert sorted(keys) == sorted(a.key for a in desk.standing())
    assert model.rowCount() < 6 < len(keys)


def test_the_incident_comes_first_and_counts_its_alarms(desk: Desk) -> None:
    model = AlarmModel(desk)
    model.rebuild()
    top = model.node(model.index(0, 0))
    assert top.incident is not None
    assert (
        model.text_of(top, 4) == f"Bus B tripped: probable cause of {len(top.keys) - 1} more alarms"
    )
    assert model.text_of(top, 5) == "3,412"
    last = model.node(model.index(model.rowCount() - 1, 0))
    assert last.record.state is AlarmState.SHELVED


def test_a_flood_stays_within_fifty_rows_and_hides_nothing(qapp: Any) -> None:
    desk = Desk()
    desk.connect_session(FakeSession(directly, flood=5000, buildings=20))
    model = AlarmModel(desk)
    model.rebuild()
    assert model.rowCount() <= 50
    assert len(leaves(model)) == len(desk.standing()) == model.total


@pytest.fixture
def alarms(qtbot: Any, desk: Desk) -> AlarmList:
    made = AlarmList(desk, Blink())
    qtbot.addWidget(made)
    made.resize(1000, 400)
    made.show()
    return made


def row_of(alarms: AlarmList, asset: str) -> QModelIndex:
    top = alarms.model.index(0, 0)
    for row in range(alarms.model.rowCount(top)):
        index = alarms.model.index(row, 0, top)
        if alarms.model.node(index).record.asset == asset:
            return index
    raise AssertionError(asset)


def test_selecting_a_row_selects_everywhere_and_space_acknowledges(
    qtbot: Any, desk: Desk, alarms: AlarmList
) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    assert desk.selection.current == "P-17"
    qtbot.keyClick(alarms, Qt.Key.Key_Space)
    assert next(a for a in desk.standing() if a.asset == "P-17").state is AlarmState.ACKED


def test_nothing_is_acknowledged_in_replay(qtbot: Any, desk: Desk, alarms: AlarmList) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    desk.time.replay()
    assert not alarms.acknowledge()
    session = desk.session
    assert isinstance(session, FakeSession)
    assert not any(isinstance(r, wire.AlarmAction) for r in session.asked)


def test_shelving_always_carries_reason_and_end(desk: Desk, alarms: AlarmList) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    menu = alarms.shelve_menu()
    menu.findChildren(QMenu)[0].actions()[0].trigger()
    record = next(a for a in desk.standing() if a.asset == "P-17")
    assert record.state is AlarmState.SHELVED and record.reason
    assert record.shelved_until_ms > desk.time.wall_ms + 800_000
    assert state_words(record).startswith("Shelved to ")


def test_rows_stay_unfolded_and_selected_when_the_list_changes(
    desk: Desk, alarms: AlarmList
) -> None:
    alarms.tree.setCurrentIndex(row_of(alarms, "P-17"))
    session = desk.session
    assert isinstance(session, FakeSession)
    session.raise_alarm("NM-03", 4, "Noise")
    alarms.rebuild()
    assert alarms.selected_assets() == ("P-17",)
    assert alarms.tree.isExpanded(alarms.model.index(0, 0))


def test_blinking_stops_with_the_last_unacknowledged(qapp: Any) -> None:
    blink = Blink()
    blink.need(True)
    assert blink.running
    blink.need(False)
    assert not blink.running and blink.on
    blink.reduced = True
    blink.need(True)
    assert not blink.running
