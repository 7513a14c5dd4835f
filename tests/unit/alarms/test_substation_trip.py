"""The demonstration case: one substation trip is one incident, not fourteen rows."""

from __future__ import annotations

import numpy as np

from lamplighter.alarms import AlarmEngine
from lamplighter.domain.alarm import AlarmEvent, AlarmRule, AlarmState, Condition
from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.twin import DependencyGraph

PUMPS = ("P-1", "P-2")
SIGNALS = tuple(f"TS-{n}" for n in range(201, 212))
CAUSE = "power.bus-tripped@SS-1"


def _rule(stream: int, rule: str, asset: str, priority: int, **more: object) -> AlarmRule:
    settings = {"condition": Condition.EQUALS, "threshold": 1.0, "text": rule} | more
    return AlarmRule(id=rule, datastream=stream, asset=asset, priority=priority, **settings)  # type: ignore[arg-type]


def _city() -> tuple[list[AlarmRule], DependencyGraph]:
    assets = [
        Asset("SS-1", "Substation", "Substation West", "power"),
        Asset("B-1", "Building", "Hospital", "buildings", people=400),
        *(Asset(p, "Pump", f"Pump {p}", "water", people=0) for p in PUMPS),
        *(Asset(s, "TrafficSignal", s, "mobility", people=10) for s in SIGNALS),
    ]
    edges = [Edge("SS-1", "feeds", a, "project") for a in (*PUMPS, *SIGNALS)]
    edges += [Edge(p, "serves", "B-1", "project") for p in PUMPS]
    rules = [_rule(0, "power.bus-tripped", "SS-1", 1, is_cause=True)]
    rules += [_rule(1 + i, "water.pump-stopped", p, 2) for i, p in enumerate(PUMPS)]
    rules += [_rule(3 + i, "mobility.signal-dark", s, 3) for i, s in enumerate(SIGNALS)]
    return rules, DependencyGraph(assets, edges)


def _values(time_ms: int, on: range | tuple[int, ...]) -> NewestValues:
    values = blank(14)
    values.time_ms[:] = time_ms
    values.value[:] = 0.0
    values.value[list(on)] = 1.0
    return values


def _fresh() -> np.ndarray:
    return np.zeros(14, np.bool_)


def _words(events: list[AlarmEvent]) -> list[str]:
    return [e.event for e in events]


def test_a_trip_with_its_pumps_and_signals_is_one_incident() -> None:
    rules, graph = _city()
    engine = AlarmEngine(rules, graph, name_of=graph.name)
    assert engine.step(1, 1_000, _values(1_000, ()), _fresh()) == []
    engine.step(2, 2_000, _values(2_000, (0,)), _fresh())
    events = engine.step(3, 3_000, _values(3_000, range(14)), _fresh())

    assert _words(events).count("raised") == 13
    (incident,) = engine.incidents()
    assert incident.cause == CAUSE
    assert len(incident.folded) == 13
    assert incident.people_affected == 400 + 11 * 10
    assert "Substation West" in incident.reason and "13 alarms" in incident.reason
    assert {r.incident for r in engine.records() if r.key != CAUSE} == {incident.id}


def test_consequences_seen_before_their_cause_are_folded_when_it_comes() -> None:
    rules, graph = _city()
    engine = AlarmEngine(rules, graph)
    engine.step(1, 1_000, _values(1_000, range(1, 14)), _fresh())
    assert engine.incidents() == []
    engine.step(2, 3_000, _values(3_000, range(14)), _fresh())
    assert [len(i.folded) for i in engine.incidents()] == [13]


def test_alarms_unfold_when_the_cause_returns_to_normal() -> None:
    rules, graph = _city()
    engine = AlarmEngine(rules, graph)
    engine.step(1, 1_000, _values(1_000, range(14)), _fresh())
    events = engine.step(2, 2_000, _values(2_000, range(1, 14)), _fresh())
    assert engine.incidents() == []
    assert _words(events).count("unfolded") == 13
    assert {r.incident for r in engine.records()} == {""}
    assert sum(r.state is AlarmState.UNACK for r in engine.records()) == 13


def test_a_restart_raises_nothing_twice_and_keeps_the_incident() -> None:
    rules, graph = _city()
    first = AlarmEngine(rules, graph)
    first.step(1, 1_000, _values(1_000, range(14)), _fresh())
    (before,) = first.incidents()

    again = AlarmEngine(rules, graph, restored=first.records())
    assert again.incidents() == [before]
    assert again.step(1, 1_000, _values(1_000, range(14)), _fresh()) == []
    assert again.incidents() == [before]


def test_a_return_to_normal_during_the_outage_is_seen_after_the_restart() -> None:
    rules, graph = _city()
    first = AlarmEngine(rules, graph)
    first.step(1, 1_000, _values(1_000, (1,)), _fresh())
    again = AlarmEngine(rules, graph, restored=first.records())
    assert again.step(1, 9_000, _values(1_000, (1,)), np.ones(14, np.bool_)) == []
    (event,) = again.step(2, 10_000, _values(10_000, ()), _fresh())
    assert (event.event, event.after) == ("cleared", AlarmState.RTN_UNACK)
