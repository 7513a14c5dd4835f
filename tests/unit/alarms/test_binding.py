"""The project's rules on its datastreams: names become numbers, and what cannot be says why."""

from __future__ import annotations

import pytest

from lamplighter.alarms import AlarmEngine
from lamplighter.alarms.binding import bind, bound_terms
from lamplighter.domain.alarm import AlarmRule, Arming, Condition
from lamplighter.domain.alarm_design import RuleDefinition, When
from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.twin import DependencyGraph

ASSETS = {a: Asset(a, t, a, "water") for a, t in (("P1", "Pump"), ("P2", "Pump"), ("T1", "Tank"))}
STREAMS = [
    Datastream(0, "gw", "p1", "bar", "pressure", "P1", limits=Limits(low=2.0)),
    Datastream(1, "gw", "p2", "bar", "pressure", "P2"),
    Datastream(2, "gw", "s1", "", "pump_state", "P1", states=("stopped", "running")),
    Datastream(3, "gw", "t1", "bar", "pressure", "T1", limits=Limits(low=1.0)),
    Datastream(4, "gw", "t1b", "bar", "pressure", "T1", limits=Limits(low=1.0)),
    Datastream(5, "gx", "t1b", "bar", "pressure", "T1", limits=Limits(low=1.0)),
    Datastream(6, "gy", "t1b", "bar", "pressure", "T1", limits=Limits(low=1.0)),
]


def _bind(*rules: RuleDefinition, others: tuple[AlarmRule, ...] = ()) -> dict[str, AlarmRule]:
    bound = bind([(r, Arming.ARMED) for r in rules], ASSETS, STREAMS, others)
    assert bound.problems == {}
    return {f"{r.id}@{r.asset}": r for r in bound.rules}


def _problem(*rules: RuleDefinition) -> dict[str, str]:
    return bind([(r, Arming.ARMED) for r in rules], ASSETS, STREAMS).problems


def test_a_kind_is_bound_where_its_limit_is_and_each_key_is_its_own() -> None:
    rule = RuleDefinition("low", "Low", Condition.BELOW, kind="pressure", threshold="low")
    found = _bind(rule)
    assert list(found) == [
        "project.low@P1", "project.low@T1", "project.low#t1b@T1", "project.low#gx/t1b@T1",
        "project.low#gy/t1b@T1",
    ]  # fmt: skip
    assert found["project.low@P1"].threshold == 2.0
    AlarmEngine(list(found.values()), DependencyGraph([], []))


def test_each_sensor_of_an_asset_is_quiet_only_for_its_own_worse_limit() -> None:
    low = RuleDefinition(
        "low", "Low", Condition.BELOW, kind="pressure", threshold="low", unless="lost"
    )
    lost = RuleDefinition("lost", "Lost", Condition.BELOW, kind="pressure", threshold=0.1)
    named = RuleDefinition("lost", "Lost", Condition.BELOW, datastream="gw/t1", threshold=0.1)
    found = _bind(low, lost)
    assert {k: r.unless for k, r in found.items() if r.unless} == {
        "project.low@P1": "project.lost", "project.low@T1": "project.lost",
        "project.low#t1b@T1": "project.lost#t1b", "project.low#gx/t1b@T1": "project.lost#gx/t1b",
        "project.low#gy/t1b@T1": "project.lost#gy/t1b",
    }  # fmt: skip
    for rule in found.values():
        other = found.get(f"{rule.unless}@{rule.asset}")
        assert other is None or other.datastream == rule.datastream
    # one that a person named for the whole asset quiets all of its sensors
    assert {r.unless for r in _bind(low, named).values() if "low" in r.id} == {"project.lost"}


def test_asset_types_states_and_terms_by_kind_on_the_same_asset() -> None:
    running = When(kind="pump_state", condition=Condition.EQUALS, threshold="running")
    rule = RuleDefinition(
        "dry", "Dry run", Condition.BELOW, kind="pressure", asset_types=("Pump",), threshold=1.0,
        when=(running,), count=2, count_window_s=60, realarm_s=5,
    )  # fmt: skip
    (found,) = _bind(rule).values()  # the other pump has no state to look at
    assert found.asset == "P1" and found.terms[0].datastream == 2
    assert (found.terms[0].threshold, found.count_window_ms, found.realarm_ms) == (
        1.0,
        60_000,
        5000,
    )


def test_rules_of_plugins_and_of_the_project_may_be_parts() -> None:
    other = AlarmRule("water.low", 0, "P1", Condition.BELOW, 1.0, 3, "Low")
    mine = RuleDefinition("mine", "Mine", datastream="gw/p1", threshold=9.0)
    both = RuleDefinition(
        "both", "Both", Condition.COMBINED, asset="P1", combine="any",
        when=(When(rule="water.low"), When(rule="mine", negate=True)),
    )  # fmt: skip
    found = _bind(mine, both, others=(other,))["project.both@P1"]
    assert [t.rule for t in found.terms] == ["water.low", "project.mine"]
    assert found.datastream == -1


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (RuleDefinition("x", "x"), "names neither a datastream nor a kind"),
        (RuleDefinition("x", "x", Condition.COMBINED, when=(When(rule="y"),)), "names no asset"),
        (RuleDefinition("x", "x", datastream="t1b"), "stands for several"),
        (RuleDefinition("x", "x", datastream="gw/p2", threshold="low"), "has no limit 'low'"),
        (
            RuleDefinition("x", "x", Condition.EQUALS, datastream="s1", threshold="mad"),
            "has no state 'mad'",
        ),
        (
            RuleDefinition("x", "x", datastream="p1", when=(When(kind="flow"),)),
            "of the kind 'flow'",
        ),
    ],
)
def test_what_cannot_be_bound_says_why(rule: RuleDefinition, says: str) -> None:
    assert says in _problem(rule)["x"]


def test_a_circle_is_found_and_stops_no_other_rule() -> None:
    one = RuleDefinition("one", "1", datastream="p1", when=(When(rule="two"),))
    two = RuleDefinition("two", "2", datastream="p1", when=(When(rule="one"),))
    sound = RuleDefinition("sound", "3", datastream="p1")
    pairs = [(r, Arming.ARMED) for r in (one, two, sound)]
    bound = bind(pairs, ASSETS, STREAMS)
    assert set(bound.problems) == {"one", "two"}
    assert [r.id for r in bound.rules] == ["project.sound"]


def test_a_rule_that_is_switched_off_is_not_bound() -> None:
    assert _bind(RuleDefinition("x", "x", datastream="p1", enabled=False)) == {}


def test_the_terms_of_a_suppression_need_names_that_are_there() -> None:
    (term,) = bound_terms([When("s1", condition=Condition.EQUALS, threshold="stopped")], ASSETS,
                          STREAMS)  # fmt: skip
    assert (term.datastream, term.threshold) == (2, 0.0)
    with pytest.raises(ValueError, match="is no datastream"):
        bound_terms([When("nothing")], ASSETS, STREAMS)


def test_the_numbers_of_a_kind_mean_one_unit_whatever_its_datastreams_are_in() -> None:
    streams = [
        Datastream(0, "gw", "a", "bar", "pressure", "P1"),
        Datastream(1, "roads", "b", "kPa", "pressure", "P2"),
        Datastream(2, "gw", "c", "drops", "pressure", "T1"),
    ]

    def bound(**more: str) -> dict[str, AlarmRule]:
        rule = RuleDefinition(
            "low", "Low", Condition.BELOW, kind="pressure", threshold=3.0, deadband=0.2, **more
        )
        return {r.asset: r for r in bind([(rule, Arming.ARMED)], ASSETS, streams).rules}

    found = bound()
    assert set(found) == {"P1", "P2"}, "nobody knows what drops are in bar"
    assert (found["P1"].threshold, found["P2"].threshold) == (3.0, pytest.approx(300.0))
    assert (found["P1"].deadband, found["P2"].deadband) == (0.2, pytest.approx(20.0))
    found = bound(unit="kPa")
    assert (found["P1"].threshold, found["P2"].threshold) == (pytest.approx(0.03), 3.0)


def test_the_unit_of_a_kind_is_that_of_the_assets_the_rule_is_for() -> None:
    streams = [
        Datastream(0, "gw", "a", "kPa", "pressure", "T1"),
        Datastream(1, "gw", "b", "bar", "pressure", "P1"),
    ]
    rule = RuleDefinition(
        "low", "Low", Condition.BELOW, kind="pressure", threshold=3.0, asset_types=("Pump",)
    )
    (bound,) = bind([(rule, Arming.ARMED)], ASSETS, streams).rules
    assert (bound.asset, bound.threshold) == ("P1", 3.0)


def test_a_rule_in_another_unit_than_its_datastream_says_so_when_nobody_can_convert() -> None:
    rule = RuleDefinition("hot", "Hot", datastream="p1", threshold=3.0, unit="°C")
    assert _problem(rule) == {"hot": "gw/p1 is in bar, which is no °C"}


def test_a_part_of_a_rule_of_a_kind_means_one_unit_whatever_its_datastreams_are_in() -> None:
    streams = [
        Datastream(0, "gw", "a", "bar", "pressure", "P1"),
        Datastream(1, "gw", "b", "kPa", "pressure", "P2"),
        Datastream(2, "gw", "c", "drops", "pressure", "T1"),
        *(Datastream(3 + n, "gw", f"f{n}", "l/s", "flow", a) for n, a in enumerate(ASSETS)),
    ]

    def terms(unit: str) -> dict[str, tuple[float, float]]:
        part = When(kind="pressure", threshold=3.0, deadband=0.2, unit=unit)
        rule = RuleDefinition("dry", "Dry", Condition.BELOW, kind="flow", when=(part,))
        bound = bind([(rule, Arming.ARMED)], ASSETS, streams).rules
        return {r.asset: (r.terms[0].threshold, r.terms[0].deadband) for r in bound}

    found = terms("bar")
    assert set(found) == {"P1", "P2"}, "nobody knows what drops are in bar"
    assert found["P1"] == (3.0, 0.2) and found["P2"] == pytest.approx((300.0, 20.0))
    assert set(terms("").values()) == {(3.0, 0.2)}, "without a unit: in the datastream's own"


def test_a_part_in_a_unit_that_nobody_can_convert_says_so() -> None:
    part = When("p1", threshold=3.0, unit="°C")
    rule = RuleDefinition("hot", "Hot", Condition.COMBINED, asset="P1", when=(part,))
    assert _problem(rule) == {"hot": "gw/p1 is in bar, which is no °C"}
