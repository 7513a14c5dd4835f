"""The city as facts: what stands now, what was known then, and nothing overwritten."""

from __future__ import annotations

import msgspec
import pytest
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Datastream, Edge, Frame, Limits
from lamplighter.domain.command import Command, CommandState, Outcome
from lamplighter.domain.importing import FileReport
from lamplighter.domain.maintenance import Prognosis, WorkOrder

PUMP = Asset("p1", "Pump", "Pump 1", "water", 4.47, 51.9, attributes={"kw": 7.5, "on": True})
LIMITS = Limits(low=1.0, high=6.5)


def test_everything_about_the_city_survives_reopening(bench: Bench) -> None:
    edge = Edge("s1", "feeds", "p1", "project", 5, None)
    report = FileReport("net.inp", "INP", objects={"Pump": 1})
    given = Datastream(-1, "dev-9", "flow", "l/s", "flow", "p1", "Flow", 500, 0.1, LIMITS)
    bench.store.writer.call(
        lambda a: (
            a.put_assets([PUMP]),
            a.put_edges([edge]),
            a.put_datastream_meta([given]),
            a.put_tiles(["b.npz", "a.npz"]),
            a.put_frame(Frame(28992, 90000.0, 430000.0)),
            a.put_setting("feed.1", "mqtt://x"),
            a.put_setting("other", "y"),
            a.put_work_order(WorkOrder("w1", "p1", "Bearing")),
            a.put_prognoses([Prognosis("p1", 1, 30.0, 0.4, 0.2, 0.6)]),
            a.put_incidents([Incident("i1", "k", "p1", "Trip", 1, 5, ("k",), 40)]),
            a.record_import(report, "h"),
        )
    ).result(10)
    store = bench.reopen()
    assert store.assets() == [PUMP]
    assert store.edges() == [edge]
    assert store.datastreams() == [msgspec.structs.replace(given, id=0)]
    assert store.tiles() == ["b.npz", "a.npz"]
    assert store.frame() == Frame(28992, 90000.0, 430000.0)
    assert store.settings("feed.") == {"feed.1": "mqtt://x"}
    assert (store.setting("other"), store.setting("none")) == ("y", None)
    assert [w.id for w in store.work_orders()] == ["w1"]
    assert [p.probability_30d for p in store.prognoses()] == [0.4]
    assert [i.people_affected for i in store.incidents()] == [40]
    assert store.imports()[0].objects == {"Pump": 1}
    assert store.verify().ok


def test_the_journals_of_one_asset_hold_nothing_of_others(bench: Bench) -> None:
    def event(asset: str, at: int) -> AlarmEvent:
        record = AlarmRecord("r", asset, 1, AlarmState.UNACK, 1, "High", True, at, at)
        return AlarmEvent("r", asset, 0, at, "raised", AlarmState.NORM, AlarmState.UNACK, record)

    told = [Prognosis(p, n, 30.0, 0.4, 0.2, 0.6, what="x") for n, p in enumerate(("p1", "p12"), 1)]
    bench.store.writer.call(
        lambda a: (
            a.put_alarm_events([event("p1", 1), event("xp1", 2), event("p1", 3)]),
            a.put_prognoses(told),
        )
    ).result(10)
    store = bench.store
    assert [e.time_ms for e in store.alarm_journal(asset="p1")] == [1, 3]
    assert [t.made_ms for t in store.prognosis_journal(asset="p1")] == [1]
    assert len(list(store.alarm_journal())) == 3 and len(list(store.prognosis_journal())) == 2


def test_edges_of_two_owners_stand_side_by_side(bench: Bench) -> None:
    mine, theirs = (Edge("a", "feeds", "b", owner) for owner in ("project", "plugin.water"))
    bench.store.writer.call(lambda a: a.put_edges([mine, theirs])).result(10)
    bench.store.writer.call(lambda a: a.remove_edges([theirs])).result(10)
    assert bench.store.edges() == [mine]


def test_the_same_again_adds_nothing_and_a_removal_can_be_undone(bench: Bench) -> None:
    call = bench.store.writer.call
    assert call(lambda a: a.put_assets([PUMP])).result(10) == 1
    assert call(lambda a: a.put_assets([PUMP])).result(10) == 0
    assert call(lambda a: a.remove_assets(["p1", "unknown"])).result(10) == 1
    assert bench.store.assets() == []
    assert call(lambda a: a.put_assets([PUMP])).result(10) == 1
    assert bench.store.assets() == [PUMP]


def test_what_was_known_then_is_still_answered(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    bench.store.writer.call(lambda a: a.put_assets([PUMP])).result(10)
    bench.clock.advance(60_000)
    bench.commit(simple(1, [(0, t, 1.0)]))
    renamed = msgspec.structs.replace(PUMP, name="Pump One")
    bench.store.writer.call(lambda a: a.put_assets([renamed])).result(10)
    assert bench.store.assets() == [renamed]
    assert bench.store.assets(t + 30_000) == [PUMP]
    assert bench.store.assets(t - 1) == []


@pytest.fixture
def record() -> AlarmRecord:
    return AlarmRecord("r1", "p1", 0, AlarmState.UNACK, 1, "Pump stopped", True, 5, 5)


def test_alarms_are_kept_as_transitions_and_as_they_stand(
    bench: Bench, record: AlarmRecord
) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    gone = msgspec.structs.replace(record, state=AlarmState.NORM, active=False)
    raised = AlarmEvent("r1", "p1", 1, t, "raised", AlarmState.NORM, AlarmState.UNACK, record)
    bench.store.writer.call(lambda a: a.put_alarm_events([raised])).result(10)
    assert bench.store.alarms() == [record]
    bench.clock.advance(1000)
    bench.commit(simple(1, [(0, t, 1.0)]))
    cleared = AlarmEvent("r1", "p1", 2, t, "cleared", AlarmState.UNACK, AlarmState.NORM, gone)
    bench.store.writer.call(lambda a: a.put_alarm_events([cleared])).result(10)
    assert bench.reopen().alarms() == []
    assert bench.store.alarms(t) == [record]
    assert [e.event for e in bench.store.alarm_events()] == ["raised", "cleared"]
    assert [e.event for e in bench.store.alarm_events(limit=1)] == ["cleared"]


def test_a_command_shows_its_last_state(bench: Bench) -> None:
    command = Command("c1", "me", "operator", "z", "v1", "dev", "close", None, "", 0, 1, 1, "why")
    for outcome in (Outcome.REQUESTED, Outcome.SENT, Outcome.EXECUTED):
        state = CommandState(command, outcome, 1)
        bench.store.writer.call(lambda a, s=state: a.put_command_state(s)).result(10)
    assert [c.outcome for c in bench.store.commands()] == [Outcome.EXECUTED]
