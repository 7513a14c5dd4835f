"""Rules written for kinds become rules of this city's datastreams."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.domain.alarm import AlarmRule
from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.plugin_api import Plugin, load_folder
from lamplighter.plugin_host import bound_rules, described, kind_table, plausible

PLUGINS = Path(__file__).parents[3] / "plugins"


@pytest.fixture(scope="module")
def water() -> Plugin:
    return load_folder(PLUGINS / "water")


ASSETS = [Asset("P-1", "Pump", "Pump 1", "water"), Asset("J-1", "Junction", "J-1", "water")]


def _stream(number: int, kind: str, **more: object) -> Datastream:
    settings: dict[str, object] = {"asset": "J-1", "name": f"s{number}"} | more
    return Datastream(id=number, source="gw", kind=kind, **settings)  # type: ignore[arg-type]


def _bound(water: Plugin, *streams: Datastream) -> dict[str, AlarmRule]:
    return {r.id: r for r in bound_rules([water], ASSETS, streams)}


def test_a_limit_of_the_datastream_becomes_the_threshold(water: Plugin) -> None:
    rules = _bound(water, _stream(4, "pressure", limits=Limits(2.2, 3.0, 6.2, 6.8)))
    assert rules["water.pressure-very-low"].threshold == 2.2
    assert rules["water.pressure-low"].threshold == 3.0
    assert rules["water.pressure-high"].threshold == 6.8
    assert {r.datastream for r in rules.values()} == {4}
    assert rules["water.pressure-low"].guidance and rules["water.pressure-low"].owner == "water"


def test_the_limits_of_the_kind_serve_where_the_datastream_has_none(water: Plugin) -> None:
    rules = _bound(water, _stream(0, "vibration_rms", asset="P-1"))
    assert rules["water.vibration-dangerous"].threshold == 11.2


def test_numbers_follow_the_unit_of_the_datastream(water: Plugin) -> None:
    limits = Limits(200.0, 300.0, 600.0, 650.0)
    rules = _bound(water, _stream(0, "pressure", unit="kPa", limits=limits))
    assert rules["water.pressure-low"].threshold == 300.0, "its own limits are in its own unit"
    assert rules["water.pressure-low"].deadband == pytest.approx(10.0), "0.1 bar"
    grams = _bound(water, _stream(0, "chlorine", unit="ppm"))
    assert grams["water.chlorine-low"].threshold == pytest.approx(0.1)


def test_a_unit_with_another_zero_moves_limits_thresholds_and_ranges(water: Plugin) -> None:
    kind = kind_table([water])["bearing_temperature"]
    hot = _stream(0, "bearing_temperature", unit="°F", asset="P-1")
    celsius = _bound(water, _stream(0, "bearing_temperature", asset="P-1"))
    for name, rule in _bound(water, hot).items():
        own = celsius[name]
        assert rule.threshold == pytest.approx(own.threshold * 1.8 + 32)
        assert rule.deadband == pytest.approx(own.deadband * 1.8)
    assert described(hot, {kind.id: kind}).limits.high == pytest.approx(
        (kind.limits.high or 0) * 1.8 + 32
    )


def test_an_unknown_unit_binds_only_what_the_datastream_says_itself(water: Plugin) -> None:
    assert _bound(water, _stream(0, "chlorine", unit="drops")) == {}
    own = _bound(water, _stream(0, "chlorine", unit="drops", limits=Limits(low=3.0)))
    assert set(own) == {"water.chlorine-low"}


def test_a_rule_without_a_limit_is_not_bound(water: Plugin) -> None:
    assert _bound(water, _stream(0, "pressure")) == {}


def test_a_state_becomes_its_code_and_an_unknown_one_binds_nothing(water: Plugin) -> None:
    states = ("running", "no supply")
    rules = _bound(water, _stream(0, "pump_state", asset="P-1", states=states))
    assert set(rules) == {"water.pump-supply-lost"}
    assert rules["water.pump-supply-lost"].threshold == 1.0
    assert rules["water.pump-supply-lost"].is_cause


def test_several_datastreams_of_a_kind_on_one_asset_keep_apart(water: Plugin) -> None:
    limits = Limits(low=1.0)
    bound = bound_rules(
        [water],
        ASSETS,
        [_stream(2, "pressure", limits=limits), _stream(1, "pressure", limits=limits)],
    )
    low = [r for r in bound if "pressure-low" in r.id]
    assert [(r.id, r.datastream) for r in low] == [
        ("water.pressure-low", 1),
        ("water.pressure-low#s2", 2),
    ]


def test_a_sensor_without_the_worse_limit_is_not_quiet_for_another_one(water: Plugin) -> None:
    streams = [
        _stream(1, "pressure", limits=Limits(low=1.0)),
        _stream(2, "pressure", limits=Limits(low_low=0.5, low=1.0)),
    ]
    rules = {r.id: r for r in bound_rules([water], ASSETS, streams)}
    louder = next(r for r in rules.values() if r.id.startswith("water.pressure-very-low"))
    assert louder.datastream == 2
    assert rules["water.pressure-low"].unless == ""
    assert rules["water.pressure-low#s2"].unless == louder.id


def test_three_senders_that_call_it_alike_are_all_watched(water: Plugin) -> None:
    streams = [
        Datastream(n, f"gw-{n}", "p", "bar", "pressure", "J-1", limits=Limits(low=2.0))
        for n in range(3)
    ]
    rules = [r for r in bound_rules([water], [], streams) if "pressure-low" in r.id]
    assert [r.datastream for r in rules] == [0, 1, 2]
    assert len({(r.id, r.asset) for r in rules}) == 3


def test_a_rule_names_the_one_that_says_more_on_the_same_datastream(water: Plugin) -> None:
    limits = Limits(low_low=0.5, low=1.0)
    streams = [_stream(n, "pressure", limits=limits) for n in (1, 2)]
    unless = {r.id: r.unless for r in bound_rules([water], ASSETS, streams) if r.unless}
    assert unless == {
        "water.pressure-low": "water.pressure-very-low",
        "water.pressure-low#s2": "water.pressure-very-low#s2",
    }


def test_a_datastream_without_an_asset_stands_for_itself(water: Plugin) -> None:
    rules = _bound(water, _stream(0, "pressure", asset="", limits=Limits(low=1.0)))
    assert rules["water.pressure-low"].asset == "gw/s0"


def test_deviations_are_watched_only_where_limits_say_that_somebody_cares(water: Plugin) -> None:
    rules = _bound(water, _stream(0, "pressure", limits=Limits(low=1.0)))
    assert "water.pressure-unexpected" in rules


def test_what_a_kind_knows_is_added_to_a_datastream_and_never_overwrites(water: Plugin) -> None:
    kinds = kind_table([water])
    bare = described(_stream(0, "bearing_temperature"), kinds)
    assert (bare.unit, bare.limits.high_high) == ("°C", 95.0)
    own = described(_stream(0, "bearing_temperature", unit="°C", limits=Limits(high=50.0)), kinds)
    assert own.limits == Limits(high=50.0)
    assert described(_stream(0, "pump_state"), kinds).states[0] == "running"
    strange = _stream(0, "unheard_of")
    assert described(strange, kinds) is strange


def test_plausible_ranges_come_by_kind(water: Plugin) -> None:
    kinds = kind_table([water])
    streams = [_stream(0, "valve_position", unit="%"), _stream(1, "pump_state")]
    streams += [_stream(2, "pressure", unit=u) for u in ("bar", "kPa", "drops")]
    found = plausible(kinds, streams)
    assert found["valve_position", "%"] == (-1.0, 101.0)
    low, high = found["pressure", "bar"]
    assert low is not None and high is not None
    assert found["pressure", "kPa"] == (pytest.approx(100 * low), pytest.approx(100 * high))
    assert {k for k, _ in found} == {"valve_position", "pressure"}
    assert ("pressure", "drops") not in found
