"""Values arrive in the unit of their datastream, whatever unit their device speaks."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import Batch
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.domain.units import SPELLINGS, UNITS, conversion, spelled
from lamplighter.pipeline import Pipeline, Registry
from lamplighter.pipeline.units import converter


def _take(unit: str, own: str, value: float, kind: str = "") -> tuple[float, int, Pipeline]:
    clock = FakeClock()
    registry = Registry([Datastream(0, "dev-88", "P-17", own, kind)])
    pipeline = Pipeline(clock=clock, registry=registry)
    pipeline.set_kind_units({"no2": {"ppb": 1.88}})
    batch = _message(pipeline, clock, unit, value)
    quality = int(batch.points.quality[0]) & CLASS_MASK
    return float(batch.points.value[0]), quality, pipeline


def _message(pipeline: Pipeline, clock: FakeClock, unit: str, value: float, seq: int = 0) -> Batch:
    from msgspec.structs import replace

    raw = FeedBuilder(clock, "dev-88").message(seq, [("P-17", clock.wall_ms(), value)])
    return pipeline.take([replace(raw, units={"P-17": unit})])


@pytest.mark.parametrize(
    ("unit", "own", "value", "wanted"),
    [
        ("kPa", "bar", 250.0, 2.5),
        ("°F", "°C", 212.0, 100.0),
        ("degC", "°C", 21.5, 21.5),
        ("l/s", "m³/h", 10.0, 36.0),
        ("mph", "km/h", 100.0, 160.9344),
        ("%", "1", 50.0, 0.5),
        ("furlong", "m", 1.0, 201.168),
        ("torr", "hPa", 760.0, 1013.25),
    ],
)
def test_values_are_turned_into_the_unit_of_their_datastream(
    unit: str, own: str, value: float, wanted: float
) -> None:
    found, quality, _ = _take(unit, own, value)
    assert found == pytest.approx(wanted, rel=1e-5) and quality == Quality.GOOD


def test_what_only_a_kind_knows_is_asked_of_the_kind() -> None:
    assert _take("ppb", "µg/m³", 10.0, "no2")[0] == pytest.approx(18.8)


@pytest.mark.parametrize(("unit", "own"), [("m", "bar"), ("blips", "bar"), ("kWh", "kW")])
def test_a_unit_nobody_can_convert_keeps_the_value_and_doubts_it(unit: str, own: str) -> None:
    found, quality, pipeline = _take(unit, own, 3.5)
    assert found == 3.5 and quality == Quality.UNCERTAIN
    ((problem, _),) = pipeline.notices()
    assert problem.code == "D-115" and unit in problem.text and own in problem.text


def test_the_first_unit_of_a_datastream_nobody_described_stays_its_unit() -> None:
    clock = FakeClock()
    pipeline = Pipeline(clock=clock)
    first = _message(pipeline, clock, "blips", 4.0)
    assert [(d.name, d.unit) for d in first.new_datastreams] == [("P-17", "blips")]
    assert first.points.value[0] == 4.0
    pipeline = Pipeline(clock=clock)
    _message(pipeline, clock, "kPa", 100.0)
    assert _message(pipeline, clock, "bar", 1.0, 1).points.value[0] == pytest.approx(100.0)


def test_the_table_needs_no_library() -> None:
    converter.cache_clear()
    before = set(sys.modules)
    assert converter("kPa", "bar") == pytest.approx((0.01, 0.0))
    assert "pint" not in set(sys.modules) - before
    assert converter("m", "bar") is None


@settings(deadline=None)
@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_there_and_back_gives_the_same_value(unit: str, to: str, value: float) -> None:
    there, back = conversion(unit, to), conversion(to, unit)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        turned = (value * there[0] + there[1]) * back[0] + back[1]
        assert turned == pytest.approx(value, rel=1e-9, abs=1e-6)


def test_every_spelling_leads_to_a_unit_that_is_known() -> None:
    odd = {s for s in SPELLINGS.values() if s not in UNITS}
    assert odd <= {"varh"} and spelled(" kWh ") == "kWh" and spelled("blips") == "blips"


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_no_unit_can_stop_the_reading(unit: str, own: str) -> None:
    assert converter("9**9**9**9", "m") is None
    found = converter(unit, own)
    assert found is None or len(json.dumps(found)) > 0
