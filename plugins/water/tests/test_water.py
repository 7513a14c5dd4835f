"""What operators of a water network rely on."""

from __future__ import annotations

from pathlib import Path

from tests.kit.plugin_suite import one_stream_of_each

from lamplighter.domain.alarm import Condition
from lamplighter.plugin_api import load_folder

PLUGIN = load_folder(Path(__file__).parents[1])
RULES = {r.id: r for r in PLUGIN.rules.rule}
KINDS = PLUGIN.catalogue.kinds()


def test_everything_a_pump_station_measures_has_a_kind() -> None:
    _, streams = one_stream_of_each(PLUGIN)
    of_pump = {s.kind for s in streams if s.asset == "Pump-1"}
    assert of_pump >= {
        "pump_state",
        "pump_speed",
        "vibration_rms",
        "vibration_kurtosis",
        "bearing_temperature",
        "motor_current",
    }


def test_a_pump_without_supply_can_be_the_cause_of_low_pressure() -> None:
    assert RULES["pump-supply-lost"].is_cause and RULES["pump-stopped"].is_cause
    assert not RULES["pressure-very-low"].is_cause


def test_ten_metres_of_water_are_about_one_bar() -> None:
    factor = KINDS["pressure"].factor("mH2O")
    assert factor is not None and abs(10 * factor - 0.981) < 0.001


def test_a_valve_is_not_closed_on_a_zone_that_is_already_short_of_pressure() -> None:
    lock = next(i for i in PLUGIN.rules.interlock if i.id == "valve-keeps-pressure")
    assert (lock.action, lock.where, lock.condition) == ("close", "downstream", Condition.BELOW)


def test_a_dangerous_vibration_is_latched_until_somebody_looked() -> None:
    assert RULES["vibration-dangerous"].latching and not RULES["vibration-high"].latching
