"""Replay and what-if: the switch of what was known, why actions are locked, what turns teal."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from lamplighter.domain import wire
from lamplighter.domain.problems import problem
from lamplighter.scene.states import AssetLook, Mark
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode
from lamplighter.ui.twin_scenario import scenario_assets, with_scenario
from lamplighter.ui.twin_states import AlarmLooks
from tests.ui.conftest import Open


def _done(*rows: wire.ScenarioRow, **settings: str) -> wire.ScenarioDone:
    return wire.ScenarioDone("stop-pump", settings, rows, "", "")


def _row(asset: str, low: float, high: float) -> wire.ScenarioRow:
    return wire.ScenarioRow(asset, "pressure", "m", 50.0, (low + high) / 2, low, high)


def test_a_what_if_marks_what_leaves_its_range(desk: Desk) -> None:
    moved, same, pump = list(desk.city.assets)[:3]
    done = _done(_row(moved, 40.0, 45.0), _row(same, 49.0, 51.0), pump=pump, hours="24")
    found = scenario_assets(desk.city, done)
    assert {moved, pump} <= found
    assert same not in found
    assert "24" not in found
    assert scenario_assets(desk.city, None) == frozenset()
    assert scenario_assets(CityIndex(), done) == frozenset()


def test_an_alarm_stays_visible_over_a_what_if() -> None:
    alarms = AlarmLooks({"A": AssetLook(Mark.CAUSE, 1)})
    looks = with_scenario(alarms, frozenset({"A", "B"})).looks
    assert looks["A"].mark is Mark.CAUSE
    assert looks["B"].mark is Mark.SCENARIO


def test_replay_switches_between_as_known_then_and_truth_now(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    window.desk.time.replay(window.desk.clock.wall_ms() - 30_000)
    assert window.time_bar._known.text() == "T  As known then"
    qtbot.mouseClick(window.time_bar._known, Qt.MouseButton.LeftButton)
    assert window.time_bar._known.text() == "T  Truth now"
    asked = [r for r in session.asked if isinstance(r, wire.GetMoment)]
    assert [r.as_known for r in asked][-1] is False
    window.desk.time.live()
    assert not window.time_bar._known.isVisible()


def test_a_locked_action_says_why_until_it_is_free_again(open_window: Open, qtbot: Any) -> None:
    window, _ = open_window(incident=True)
    window.desk.time.replay()
    action = next(a for a in window.furnish().actions.table if a.keys == ("F2",))
    window.furnish().actions._go(action)
    assert any(k.startswith("U-808") for k in window.desk.problems)
    window.desk.time.live()
    assert window.desk.time.mode is Mode.LIVE
    assert not window.desk.problems


def test_a_lost_recorder_is_named_once_and_forgotten_when_it_is_back(desk: Desk) -> None:
    session = desk.session
    assert session is not None
    desk.lose_session(problem("U-807", what="the connection ended"))
    assert [e.problem.code for e in desk.problems.values()] == ["U-807"]
    assert desk.status is None
    desk.connect_session(session)
    assert not desk.problems


def test_no_alarms_is_not_claimed_when_nothing_is_live(open_window: Open, qtbot: Any) -> None:
    window, session = open_window()
    session.values.time_ms[:] += 60_000  # fresh however long the window took to open
    window.strip.refresh()
    assert "No active alarms" in window.strip._quiet()
    session.values.time_ms[:] -= 120_000
    assert window.desk.nothing_live()
    assert "Nothing is live" in window.strip._quiet()
