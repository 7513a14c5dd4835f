"""Alarms, incidents and quality become the looks of the 3D city."""

from __future__ import annotations

import numpy as np

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.newest_block import NewestValues
from lamplighter.scene.states import AssetLook, Mark
from lamplighter.ui.city_index import build
from lamplighter.ui.twin_states import AlarmLooks, TrustOf, alarm_looks, downstream, merged_states


def _city():
    assets = (
        Asset("S", "Substation", "SS-04", "power"),
        Asset("P", "Pump", "P-14", "water"),
        Asset("B1", "Building", "", "buildings"),
        Asset("B2", "Building", "General hospital", "buildings"),
        Asset("X", "Tank", "", "water"),
    )
    edges = (
        Edge("S", "feeds", "P", "t"),
        Edge("P", "serves", "B1", "t"),
        Edge("S", "serves", "B2", "t"),
        Edge("B1", "feeds", "S", "t"),
    )
    streams = (
        Datastream(0, "a", "p", asset="P"),
        Datastream(1, "a", "q", asset="P"),
        Datastream(2, "a", "x", asset="X"),
    )
    return build(wire.City(assets, edges, streams, (), None))


def _alarm(
    asset: str, priority: int, state: AlarmState, active: bool = True, **more
) -> AlarmRecord:
    return AlarmRecord(
        rule="r", asset=asset, datastream=0, state=state, priority=priority, text="stopped",
        active=active, since_ms=1, changed_ms=1, **more,
    )  # fmt: skip


def _values(trust, times=(1, 1, 1)) -> NewestValues:
    zero = np.zeros(3)
    return NewestValues(
        1, 10, np.array(times), zero, zero, zero, np.array(trust, np.float32), zero.astype(np.uint8)
    )


def test_everything_fed_by_the_cause_is_downstream_even_in_a_ring() -> None:
    assert downstream(_city(), "S") == {"P", "B1", "B2"}
    assert downstream(_city(), "X") == set()


def test_the_houses_of_a_block_lose_service_with_it() -> None:
    assets = [Asset(n, "ServiceArea" if n == "A" else "Building", "", "b") for n in "SAHK"]
    edges = (Edge("S", "serves", "A", "t"), Edge("A", "contains", "H", "t"))
    ended = Edge("A", "contains", "K", "t", valid_to_ms=5)
    city = build(wire.City(tuple(assets), (*edges, ended), (), (), None))
    assert downstream(city, "S") == {"A", "H"}


def test_an_incident_marks_its_cause_its_alarms_and_who_loses_service() -> None:
    incident = Incident("i", "r@S", "S", "Bus B tripped", 1, 0, ("r@P",), 3412)
    alarms = [
        _alarm("S", 1, AlarmState.UNACK),
        _alarm("P", 2, AlarmState.ACKED, incident="i"),
    ]
    found = alarm_looks(_city(), alarms, (incident,))
    marks = {name: look.mark for name, look in found.looks.items()}
    assert marks == {
        "S": Mark.CAUSE, "P": Mark.ABNORMAL, "B1": Mark.LOSES_SERVICE, "B2": Mark.LOSES_SERVICE,
    }  # fmt: skip
    first, folded, letter = found.badges
    assert first.title == "SS-04" and "3,412" in first.text
    assert folded.asset == "P" and not folded.title
    assert letter.letter == "H"


def test_shelved_alarms_colour_nothing_and_returned_ones_keep_a_badge_only() -> None:
    alarms = [_alarm("P", 1, AlarmState.SHELVED), _alarm("X", 2, AlarmState.RTN_UNACK, False)]
    found = alarm_looks(_city(), alarms, ())
    assert dict(found.looks) == {}
    assert [(b.asset, b.state) for b in found.badges] == [("X", "RTN_UNACK")]


def test_an_active_alarm_outweighs_a_more_important_one_that_returned() -> None:
    alarms = [_alarm("P", 1, AlarmState.RTN_UNACK, False), _alarm("P", 3, AlarmState.UNACK)]
    found = alarm_looks(_city(), alarms, ())
    assert found.looks["P"] == AssetLook(Mark.ABNORMAL, 3)


def test_trust_levels_follow_the_worst_stream_and_what_is_stale() -> None:
    trust = TrustOf(_city())
    fresh, none = np.zeros(3, bool), np.ones(3, bool)
    level = dict(zip(trust.assets, trust.levels(_values([1, 0.6, 0.1]), fresh), strict=True))
    assert level == {"P": 1, "X": 3}
    half = np.array([True, False, False])
    level = dict(zip(trust.assets, trust.levels(_values([1, 1, 1]), half), strict=True))
    assert level == {"P": 2, "X": 0}
    assert set(trust.levels(_values([1, 1, 1]), none).tolist()) == {3}
    assert set(trust.levels(_values([1, 1, 1], (0, 0, 0)), none).tolist()) == {4}
    assert set(trust.levels(None, none).tolist()) == {0}


def test_a_stale_alarm_keeps_its_alarm_and_becomes_hatched() -> None:
    looks = AlarmLooks({"P": AssetLook(Mark.ABNORMAL, 1)}, (), True)
    table = merged_states(looks, ["P", "X"], np.array([3, 0], np.int8), {"X": 0.5})
    assert table.looks["P"] == AssetLook(Mark.ABNORMAL, 1, trust=0.0)
    assert table.looks["X"].tint == 0.5 and table.hide_tint
