"""Alarms through a real recorder: rules, works, the horn in two consoles, checklists, journal."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.alarm_room import AlarmRoom, make_project

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState, Arming, Condition, Incident
from lamplighter.domain.alarm_design import (
    ChecklistStep,
    PlannedWork,
    RuleDefinition,
    Suppression,
    When,
)
from lamplighter.domain.city import Datastream
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError
from lamplighter.governance.audit import verify
from lamplighter.runtime.rule_book import changed_alone, read_alone
from lamplighter.runtime.rule_files import changes_of_file
from lamplighter.store import Store

KEY = "project.full@T0"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[AlarmRoom]:
    with AlarmRoom(tmp_path / "town") as made:
        yield made


def _standing(room: AlarmRoom, key: str, state: AlarmState) -> bool:
    record = room.records().get(key)
    return record is not None and record.state is state


def test_works_of_a_file_have_times_that_people_write(tmp_path: Path) -> None:
    file = tmp_path / "works.toml"
    head = '[[works]]\nid = "w-1"\ntext = "cable"\nassets = ["A"]\n'
    file.write_text(head + 'from = 1970-01-01T00:00:01Z\nto = "1970-01-01T00:00:02"\n')
    assert changes_of_file(file) == [wire.PutWork(PlannedWork("w-1", "cable", 1000, 2000, ("A",)))]
    file.write_text(head + 'from = "soon"\nto_ms = 5\n')
    with pytest.raises(LamplighterError, match="soon"):
        changes_of_file(file)


def test_a_suppression_by_a_state_of_its_kind_is_in_force(tmp_path: Path) -> None:
    make_project(tmp_path / "town", 1)
    store = Store.open(tmp_path / "town", write=True, clock=SystemClock())
    pump = Datastream(0, "dev", "pump", "", "pump_state", "T0")
    store.writer.call(lambda access: access.put_datastream_meta([pump])).result(60)
    store.close()
    with AlarmRoom(tmp_path / "town") as room:
        stopped = When("dev/pump", condition=Condition.EQUALS, threshold="stopped")
        room.ask(wire.PutSuppression(Suppression("off", "T0 is off", ("T0",), (stopped,))))
        room.until(lambda: [q.id for q in room.recorder.core.city.quiets] == ["design:off"])


def test_an_incident_that_the_city_of_now_does_not_know_ends_with_the_start(
    tmp_path: Path,
) -> None:
    """The connection that made it one was taken out while nobody recorded."""
    make_project(tmp_path / "town", 1)
    old = Incident("INC-1", "project.full@T9", "T9", "Full", 2, 1, ("project.full@T0",), 700)
    store = Store.open(tmp_path / "town", write=True, clock=SystemClock())
    store.writer.call(lambda access: access.put_incidents([old], 0)).result(60)
    assert [i.id for i in store.incidents()] == ["INC-1"]
    store.close()
    with AlarmRoom(tmp_path / "town") as room:
        room.until(lambda: not room.recorder.store.incidents())


def test_a_draft_raises_nothing_until_it_is_waived_and_again_after_it_is_changed(
    room: AlarmRoom,
) -> None:
    room.rule(waive="")
    room.tell([20.0])
    room.until(lambda: room.recorder.core.newest.value[0] == 20.0)
    assert room.records() == {}
    (view,) = room.ask(wire.GetRules("project.full")).items
    assert (view.arming, view.bound, view.origin) == (Arming.DRAFT, 3, "project")
    with pytest.raises(LamplighterError, match="either the result of a trial or the reason"):
        room.ask(wire.ArmRule("full"))
    room.ask(wire.ArmRule("full", waiver="the pump is new"))
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))
    (view,) = room.ask(wire.GetRules("project.full")).items
    assert view.arming is Arming.WAIVED and view.grounds is not None
    assert view.grounds.reason == "the pump is new" and view.grounds.by
    room.rule(waive="", threshold=12.0)
    room.until(lambda: _standing(room, KEY, AlarmState.OUT_OF_SERVICE))
    (view,) = room.ask(wire.GetRules("project.full")).items
    assert view.arming is Arming.DRAFT, "what was signed was another rule"


def test_a_waiver_that_was_written_by_hand_is_no_waiver(room: AlarmRoom) -> None:
    room.rule(waive="")
    setting = room.recorder.store.setting("alarm.rule.full") or ""
    stored = json.loads(setting)
    room.rule("other", waive="for another rule")
    other = json.loads(room.recorder.store.setting("alarm.rule.other") or "")
    text = json.dumps({**stored, "grounds": other["grounds"]})
    room.recorder.store.writer.call(lambda a: a.put_setting("alarm.rule.full", text)).result(10)
    (view,) = room.ask(wire.GetRules("project.full")).items
    assert view.arming is Arming.DRAFT


def test_a_rule_that_cannot_be_is_refused_with_its_reason_and_audited(room: AlarmRoom) -> None:
    for more, words in (
        ({"priority": 7}, "priority is 1 to 4"),
        ({"kind": "no_such_kind"}, "no datastream of the kind"),
        ({"threshold": "high"}, "no datastream of its kind has what it compares with"),
        ({"when": (When(rule="nowhere"),)}, "no rule 'project.nowhere'"),
        ({"when": (When(rule="full"),)}, "refers to itself"),
        ({"count": 3}, "count needs a window"),
    ):
        with pytest.raises(LamplighterError, match=words):
            room.rule(**more)  # type: ignore[arg-type]
    assert room.ask(wire.GetRules("project.")).items == ()
    assert {e.result for e in room.audited() if e.action == "put rule"} == {"refused"}


def test_switching_a_rule_off_needs_a_reason_and_takes_its_alarm_out_of_service(
    room: AlarmRoom,
) -> None:
    room.rule()
    room.tell([20.0])
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))
    with pytest.raises(LamplighterError, match="needs a reason"):
        room.ask(wire.SwitchRule("full", False))
    room.ask(wire.SwitchRule("full", False, "sensor is replaced"))
    room.until(lambda: _standing(room, KEY, AlarmState.OUT_OF_SERVICE))
    room.ask(wire.SwitchRule("full", True))
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))


def test_planned_works_suppress_their_own_alarms_for_their_time_and_end_early(
    room: AlarmRoom,
) -> None:
    room.rule()
    now = room.clock.wall_ms()
    work = PlannedWork("", "New valve", now - 1000, now + 3_600_000, assets=("T0",))
    name = room.ask(wire.PutWork(work)).text
    room.until(lambda: room.recorder.core.city.quiets)
    room.tell([20.0, 20.0])
    room.until(lambda: _standing(room, "project.full@T1", AlarmState.UNACK))
    record = room.records()[KEY]
    assert record.state is AlarmState.SUPPRESSED
    assert name in record.reason and "New valve" in record.reason
    room.ask(wire.DropWork(name))
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))
    with pytest.raises(LamplighterError, match="no asset X"):
        room.ask(wire.PutWork(PlannedWork("", "x", 1, 2, assets=("X",))))


def test_a_suppression_by_design_covers_its_assets_while_its_condition_holds(
    room: AlarmRoom,
) -> None:
    room.rule()
    off = Suppression("t1-empty", "T1 is empty", ("T0",), (When("dev/level-1", threshold=50.0),))
    room.ask(wire.PutSuppression(off))
    room.until(lambda: room.recorder.core.city.quiets)
    room.tell([20.0, 60.0])
    room.until(lambda: _standing(room, KEY, AlarmState.SUPPRESSED))
    assert "T1 is empty" in room.records()[KEY].reason
    room.tell([20.0, 5.0])
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))


def test_a_second_console_is_silenced_by_the_acknowledgement_of_the_first(
    room: AlarmRoom,
) -> None:
    first, _ = room.console()
    _, seen = room.console()
    room.rule()
    room.tell([20.0, 20.0])
    room.until(lambda: len(room.records()) == 2)
    state = room.ask(wire.GetAnnunciator()).state
    assert (state.horn, state.unacknowledged) == ("sounding", 2)
    room.ask(wire.AlarmAction("ack", (KEY,)), first)
    horns = [e.state for e in seen if isinstance(e, wire.AnnunciatorState)]
    room.until(lambda: room.ask(wire.GetAnnunciator()).state.horn == "silenced")
    me = first.welcome.user
    told = [e for e in seen if isinstance(e, wire.AlarmsChanged) and e.action == "ack"]
    assert horns and told and told[0].by == me and told[0].at_ms > 0
    assert room.ask(wire.GetAnnunciator()).state.by == me
    room.tell([20.0, 20.0, 20.0])
    room.until(lambda: room.ask(wire.GetAnnunciator()).state.horn == "sounding")
    room.ask(wire.SilenceHorn())
    assert room.ask(wire.GetAnnunciator()).state.horn == "silenced"
    room.ask(wire.AlarmAction("ack", tuple(room.records()), partial=True))
    state = room.ask(wire.GetAnnunciator()).state
    assert (state.horn, state.unacknowledged, state.by) == ("off", 0, "")


def test_a_checklist_gates_closing_over_the_wire(room: AlarmRoom) -> None:
    room.rule(checklist=(ChecklistStep("Looked inside"),))
    room.tell([20.0])
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))
    room.ask(wire.AlarmAction("ack", (KEY,)))
    room.tell([0.0])
    room.until(lambda: _standing(room, KEY, AlarmState.LATCHED))
    with pytest.raises(LamplighterError, match="Looked inside"):
        room.ask(wire.AlarmAction("reset", (KEY,)))
    room.ask(wire.TickStep(KEY, 0))
    assert room.records()[KEY].steps[0].done_by
    room.ask(wire.AlarmAction("reset", (KEY,)))
    assert KEY not in room.records()
    ticks = [e for e in room.audited() if e.action == "tick step"]
    assert [e.reason for e in ticks] == ["Looked inside"]


def test_the_journal_is_filtered_and_written_safe_for_spreadsheets(
    room: AlarmRoom, tmp_path: Path
) -> None:
    room.rule(text="=cmd|' /C calc'!A0", priority=2)
    room.rule("low", condition="below", threshold=-5.0, text="Tank empty", priority=3)
    room.tell([20.0, -9.0])
    room.until(lambda: len(room.records()) == 2)
    room.ask(wire.AlarmAction("ack", (KEY,), note="seen"))
    full = wire.GetAlarmJournal(wire.JournalFilter(rules=("project.full",)))

    def happened() -> list[str]:
        return [e.event for e in room.ask(full).events if e.rule == "project.full"]

    room.until(lambda: happened() == ["raised", "acked"])
    only = wire.JournalFilter(text="TANK EMPTY", events=("raised",), priorities=(3,))
    assert [e.asset for e in room.ask(wire.GetAlarmJournal(only)).events] == ["T1"]
    last = room.ask(wire.GetAlarmJournal(limit=1))
    assert len(last.events) == 1 and last.left_out >= 2
    out = tmp_path / "journal.csv"
    room.ask(wire.WriteAlarmJournal(str(out)))
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert {r["event"] for r in rows} == {"raised", "acked"}
    assert {r["text"][0] for r in rows if r["rule"] == "project.full"} == {"'"}
    same = tmp_path / "journal.json"
    room.ask(wire.WriteAlarmJournal(str(same)))
    assert len(json.loads(same.read_text())["journal"]) == len(rows)
    with pytest.raises(LamplighterError, match=r"neither in .csv nor .json"):
        room.ask(wire.WriteAlarmJournal(str(tmp_path / "journal.doc")))
    found = room.ask(wire.GetAlarmKpis()).kpis
    assert (found.alarms, found.acknowledged, found.unacknowledged) == (2, 1, 1)


def test_many_alarms_are_acknowledged_at_once_and_each_is_audited(tmp_path: Path) -> None:
    with AlarmRoom(tmp_path / "town", 300) as room:
        room.rule()
        room.tell([20.0] * 300)
        room.until(lambda: len(room.records()) == 300)
        state = room.ask(wire.GetAnnunciator()).state
        assert state.flood_since_ms > 0 and state.last_10_min == 300
        groups = room.ask(wire.GetAlarmGroups(50)).items
        assert len(groups) <= 50 and sum(len(g.keys) for g in groups) == 300
        reply = room.ask(wire.AlarmAction("ack", tuple(room.records())))
        assert reply.text == "300 alarms"
        assert sum(e.action == "alarm ack" for e in room.audited()) == 300
        key = room.recorder.key
    assert verify(tmp_path / "town" / "audit.db", key).ok


def test_what_stood_and_what_was_decided_is_there_after_a_restart(tmp_path: Path) -> None:
    with AlarmRoom(tmp_path / "town") as room:
        room.rule()
        room.tell([20.0, 20.0])
        room.until(lambda: len(room.records()) == 2)
        until = room.clock.wall_ms() + 3_600_000
        room.ask(wire.AlarmAction("shelve", (KEY,), until_ms=until, reason="known"))
    with AlarmRoom(tmp_path / "town") as room:
        records = room.records()
        assert records[KEY].state is AlarmState.SHELVED and records[KEY].reason == "known"
        assert records["project.full@T1"].state is AlarmState.UNACK
        assert room.ask(wire.GetAnnunciator()).state.horn == "sounding"
        room.tell([0.0, 0.0])
        room.until(lambda: _standing(room, "project.full@T1", AlarmState.RTN_UNACK))
        assert not room.records()[KEY].active


def test_rules_written_without_a_recorder_are_there_when_it_starts(tmp_path: Path) -> None:

    make_project(tmp_path / "town", 1)
    rule = RuleDefinition("full", "Tank full", kind="tank_test_level", threshold=10.0)
    changed_alone(tmp_path / "town", wire.PutRule(rule))
    changed_alone(tmp_path / "town", wire.ArmRule("full", waiver="a test"))
    views, _ = read_alone(tmp_path / "town")
    assert [(v.id, v.arming) for v in views] == [("project.full", Arming.WAIVED)]
    with AlarmRoom(tmp_path / "town") as room:
        room.tell([20.0])
        room.until(lambda: _standing(room, KEY, AlarmState.UNACK))


@pytest.mark.parametrize(("kind", "value"), [("maintenance", ""), ("value", "99.0")])
def test_a_point_in_maintenance_or_set_by_hand_raises_nothing_until_that_ends(
    room: AlarmRoom, kind: str, value: str
) -> None:
    room.rule()
    until = room.clock.wall_ms() + 3_600_000
    room.ask(wire.SetByHand("dev/level-0", kind, until, "calibration", value))
    room.tell([20.0, 20.0])
    room.until(lambda: _standing(room, "project.full@T1", AlarmState.UNACK))
    assert KEY not in room.records()
    room.ask(wire.EndByHand("dev/level-0", kind, "done"))
    room.tell([21.0])  # what came in maintenance stays out of it for good
    room.until(lambda: _standing(room, KEY, AlarmState.UNACK))
