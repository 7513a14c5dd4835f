"""The desk keeps what the recorder says, and shows one time only."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import problem
from lamplighter.domain.quality import Quality
from lamplighter.domain.task import Task, TaskState
from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode
from tests.kit.clocks import FakeClock
from tests.ui.conftest import directly
from tests.ui.fake_session import FakeSession


def test_an_alarm_back_to_normal_leaves_the_list(desk: Desk) -> None:
    record = next(a for a in desk.standing() if a.asset == "P-17")
    import msgspec

    gone = msgspec.structs.replace(record, state=AlarmState.NORM, changed_ms=77)
    desk.take_event(wire.AlarmsChanged((gone,), ()))
    assert record.key not in desk.alarms
    assert desk.last_returned_ms == 77


def test_a_repeating_fault_is_one_line_with_a_count(desk: Desk) -> None:
    fault = problem("D-101", name="P-14")
    for _ in range(3):
        desk.raise_problem(fault)
    assert [p.count for p in desk.problems.values()] == [3]
    desk.take_event(wire.ProblemRaised(fault, 3, over=True))
    assert not desk.problems


def test_a_refusal_is_always_seen(desk: Desk) -> None:
    session = desk.session
    assert isinstance(session, FakeSession)
    session.refuse_all = True
    desk.ask(wire.GetGaps(0, 1))
    assert [p.problem.code for p in desk.problems.values()] == ["U-805"]


def test_a_slow_value_is_live_while_the_recorder_says_so_and_ages_without_it(qapp: Any) -> None:
    clock = FakeClock(wall_ms=SystemClock().wall_ms())
    desk = Desk(clock)
    session = FakeSession(directly, buildings=20)
    desk.connect_session(session)
    desk.take_event(session.status())
    desk.take_newest()
    values = desk.live_values
    assert values is not None
    stream = desk.city.streams[int((values.quality == 0).argmax())]
    values.time_ms[stream.id] = clock.wall_ms() - 40_000
    assert not desk.stale_mask()[stream.id] and desk.value(stream).quality is Quality.GOOD
    clock.advance(6_000)
    assert desk.stale_mask()[stream.id] and desk.value(stream).quality is Quality.STALE


def test_replay_shows_the_moment_and_live_comes_back(qtbot: Any, desk: Desk) -> None:
    now = desk.values
    desk.time.replay(desk.time.wall_ms - 200_000)
    qtbot.waitUntil(lambda: desk.moment is not None, timeout=20_000)
    then = desk.values
    assert now is not None and then is not None
    assert then.value[0] == pytest.approx(now.value[0] * 0.97)
    assert desk.time.commands_locked
    desk.time.live()
    assert desk.values is desk.live_values


def test_the_past_before_the_incident_has_no_incident(qtbot: Any, desk: Desk) -> None:
    desk.time.replay(desk.time.wall_ms - 3_000_000)
    qtbot.waitUntil(lambda: desk.moment is not None, timeout=20_000)
    assert desk.incidents == () and desk.live_alarms
    assert all(a.since_ms <= desk.time.now_ms for a in desk.standing())


def test_live_alarms_during_replay_do_not_change_the_past(qtbot: Any, desk: Desk) -> None:
    desk.time.replay(desk.time.wall_ms - 3_000_000)
    qtbot.waitUntil(lambda: desk.moment is not None, timeout=20_000)
    shown = len(desk.standing())
    session = desk.session
    assert isinstance(session, FakeSession)
    session.raise_alarm("P-01", 2, "Vibration high")
    assert len(desk.standing()) == shown
    assert any(a.asset == "P-01" for a in desk.live_alarms.values())


def test_the_horn_and_a_flood_are_those_of_the_recorder(qapp: Any) -> None:
    desk = Desk()
    session = FakeSession(directly, buildings=20)
    desk.connect_session(session)
    for number in range(10):
        session.raise_alarm(f"J-{number + 10}", 3, "Low pressure")
    assert desk.room.horn.horn == "sounding" and not desk.room.horn.flood_since_ms
    session.raise_alarm("J-40", 3, "Low pressure")
    assert desk.room.horn.flood_since_ms
    session.silenced_by("Maria")  # at another console
    assert desk.room.horn.by == "Maria"


def test_tasks_that_run_are_counted(desk: Desk) -> None:
    desk.take_event(wire.TaskChanged(Task(1, "Import", TaskState.RUNNING, 1, 2)))
    desk.take_event(wire.TaskChanged(Task(1, "Import", TaskState.DONE, 2, 2)))
    assert desk.tasks[1].done == 2 and desk.running_tasks() == []


def test_time_never_leaves_the_record(desk: Desk) -> None:
    desk.time.replay(0)
    assert desk.time.now_ms == desk.time.first_ms
    desk.time.replay(desk.time.wall_ms + 10_000_000)
    assert desk.time.now_ms <= desk.time.wall_ms
    assert desk.time.mode is Mode.REPLAY
