"""Which cause explains which alarms, on ten cascades and in the awkward cases."""

from __future__ import annotations

import pytest

from lamplighter.alarms import fold, sorted_records
from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.city import Asset, Edge
from lamplighter.twin import DependencyGraph

EDGES = (
    ("GRID", "SS-1"), ("GRID", "SS-2"), ("SS-1", "F-1"), ("F-1", "TR-1"), ("TR-1", "P-1"),
    ("TR-1", "TS-1"), ("TR-1", "TS-2"), ("SS-2", "F-2"), ("F-2", "TR-2"), ("TR-2", "P-2"),
    ("P-1", "TK-1"), ("P-2", "TK-1"), ("TK-1", "J-1"), ("J-1", "J-2"), ("J-2", "J-1"),
    ("J-2", "H-1"), ("BR-1", "S-1"),
)  # fmt: skip
ASSETS = sorted({name for edge in EDGES for name in edge})
GRAPH = DependencyGraph(
    [Asset(a, "T", a, "d", people=100 if a == "H-1" else 0) for a in ASSETS],
    [Edge(a, "feeds", b, "project") for a, b in EDGES],
)


def _alarm(
    asset: str,
    at_s: float,
    *,
    cause: bool = False,
    priority: int = 3,
    state: AlarmState = AlarmState.UNACK,
    rule: str = "rule",
    active: bool = True,
) -> AlarmRecord:
    since = int(1_000_000 + at_s * 1000)
    return AlarmRecord(
        rule, asset, 0, state, priority, f"{asset} fails", active, since, since, is_cause=cause
    )


def _causes(*alarms: AlarmRecord) -> dict[str, set[str]]:
    return {
        i.asset: {key.split("@")[1] for key in i.folded} for i in fold(alarms, GRAPH, GRAPH.name)
    }


CASCADES = [
    ("a substation takes pumps and signals with it", "SS-1",
     [("SS-1", 0, True), ("P-1", 1, True), ("TS-1", 1, False), ("TS-2", 2, False)]),
    ("the supply from above takes two substations", "GRID",
     [("GRID", 0, True), ("SS-1", 1, True), ("SS-2", 1, True), ("P-1", 2, True), ("P-2", 2, True)]),
    ("a feeder fails and its substation does not", "F-1",
     [("F-1", 0, True), ("TR-1", 1, True), ("P-1", 2, True), ("TS-1", 2, False)]),
    ("a transformer fails alone", "TR-1",
     [("TR-1", 0, True), ("P-1", 1, True), ("TS-2", 1, False)]),
    ("a pump stops and pressure falls minutes later", "P-1",
     [("P-1", 0, True), ("J-1", 240, False), ("J-2", 250, False)]),
    ("a tank runs empty", "TK-1", [("TK-1", 0, True), ("J-1", 30, False), ("H-1", 60, False)]),
    ("the pump is reported before the substation", "SS-1",
     [("P-1", -2, True), ("SS-1", 0, True), ("TS-1", 1, False)]),
    ("a signal is reported before the substation", "SS-1",
     [("TS-1", -4, False), ("SS-1", 0, True)]),
    ("power and then water, far away", "SS-2",
     [("SS-2", 0, True), ("P-2", 3, True), ("TK-1", 1200, True), ("H-1", 1500, False)]),
    ("in a ring the first one is the cause", "J-1",
     [("J-1", 0, True), ("J-2", 3, True), ("H-1", 5, False)]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cause", "alarms"), CASCADES, ids=[c[0] for c in CASCADES])
def test_the_right_cause_is_named(
    name: str, cause: str, alarms: list[tuple[str, float, bool]]
) -> None:
    records = [_alarm(asset, at, cause=is_cause) for asset, at, is_cause in alarms]
    assert _causes(*records) == {cause: {a for a, _, _ in alarms} - {cause}}


def test_two_independent_failures_are_two_incidents() -> None:
    found = _causes(
        _alarm("TR-1", 0, cause=True),
        _alarm("TS-1", 1),
        _alarm("BR-1", 0, cause=True),
        _alarm("S-1", 1),
    )
    assert found == {"TR-1": {"TS-1"}, "BR-1": {"S-1"}}


def test_what_began_long_before_or_long_after_is_not_put_down_to_it() -> None:
    cause = _alarm("SS-1", 0, cause=True)
    assert _causes(cause, _alarm("TS-1", -6)) == {}
    assert _causes(cause, _alarm("TS-1", 3601)) == {}
    assert _causes(cause, _alarm("TS-1", -5), _alarm("TS-2", 3600)) == {"SS-1": {"TS-1", "TS-2"}}


def test_assets_that_do_not_depend_on_it_stay_alone() -> None:
    assert _causes(_alarm("TR-1", 0, cause=True), _alarm("S-1", 1), _alarm("SS-2", 1)) == {}


def test_a_second_alarm_on_the_same_asset_is_folded_under_the_cause() -> None:
    records = [_alarm("SS-1", 0, cause=True), _alarm("SS-1", 1, rule="voltage")]
    assert _causes(*records) == {"SS-1": {"SS-1"}}


def test_a_critical_alarm_keeps_its_own_row_and_is_mentioned() -> None:
    records = [_alarm("SS-1", 0, cause=True), _alarm("TS-1", 1), _alarm("TS-2", 1, priority=1)]
    (incident,) = fold(records, GRAPH, GRAPH.name)
    assert incident.folded == ("rule@TS-1",)
    assert incident.priority == 1
    assert "1 critical alarm kept in the list" in incident.reason


def test_only_critical_consequences_make_no_incident() -> None:
    assert _causes(_alarm("SS-1", 0, cause=True), _alarm("TS-2", 1, priority=1)) == {}


@pytest.mark.parametrize(
    "state", [AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED]
)
def test_a_cause_that_was_set_aside_hides_nothing(state: AlarmState) -> None:
    assert _causes(_alarm("SS-1", 0, cause=True, state=state), _alarm("TS-1", 1)) == {}


def test_a_cause_that_returned_explains_nothing_any_more() -> None:
    back = _alarm("SS-1", 0, cause=True, state=AlarmState.RTN_UNACK, active=False)
    assert _causes(back, _alarm("TS-1", 1)) == {}


def test_a_returned_consequence_stays_folded_until_it_is_acknowledged() -> None:
    back = _alarm("TS-1", 1, state=AlarmState.RTN_UNACK, active=False)
    assert _causes(_alarm("SS-1", 0, cause=True), back) == {"SS-1": {"TS-1"}}


def test_nothing_is_lost_and_nothing_is_counted_twice() -> None:
    records = [_alarm(a, i % 3, cause=i % 2 == 0, priority=1 + i % 4) for i, a in enumerate(ASSETS)]
    incidents = fold(records, GRAPH)
    folded = [key for i in incidents for key in i.folded]
    assert len(folded) == len(set(folded))
    assert set(folded) <= {r.key for r in records}
    assert not set(folded) & {i.cause for i in incidents}
    assert not set(folded) & {r.key for r in records if r.priority == 1}


def test_the_same_alarms_give_the_same_incident_in_any_order() -> None:
    records = [_alarm("SS-1", 0, cause=True), *(_alarm(t, 1) for t in ("TS-1", "TS-2", "P-1"))]
    assert fold(records, GRAPH) == fold(records[::-1], GRAPH)


def test_people_are_those_behind_the_cause_and_order_the_list() -> None:
    records = [
        _alarm("BR-1", 0, cause=True),
        _alarm("S-1", 1),
        _alarm("TK-1", 5, cause=True),
        _alarm("J-1", 6),
    ]
    incidents: list[Incident] = fold(records, GRAPH)
    assert [(i.asset, i.people_affected) for i in incidents] == [("TK-1", 100), ("BR-1", 0)]


def test_rows_are_ordered_by_people_times_time() -> None:
    import msgspec

    old_few = msgspec.structs.replace(_alarm("TS-1", 0), people=10)
    new_many = msgspec.structs.replace(_alarm("J-1", 90), people=50)
    nobody = _alarm("S-1", -50, priority=1)
    at = 1_000_000
    rows = [old_few, new_many, nobody]
    assert [r.asset for r in sorted_records(rows, at + 100_000)] == ["TS-1", "J-1", "S-1"]
    assert [r.asset for r in sorted_records(rows, at + 300_000)] == ["J-1", "TS-1", "S-1"]
