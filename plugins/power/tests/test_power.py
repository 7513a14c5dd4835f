"""What operators of a grid rely on."""

from __future__ import annotations

from pathlib import Path

from lamplighter.plugin_api import load_folder

PLUGIN = load_folder(Path(__file__).parents[1])
RULES = {r.id: r for r in PLUGIN.rules.rule}


def test_a_trip_is_critical_and_can_explain_what_follows() -> None:
    trip = RULES["bus-tripped"]
    assert (trip.priority, trip.is_cause, trip.on_delay_s) == (1, True, 0.0)


def test_only_the_trip_itself_and_imminent_damage_are_critical() -> None:
    critical = {r.id for r in RULES.values() if r.priority == 1}
    assert critical == {"bus-tripped", "transformer-overheated"}


def test_a_tripped_breaker_is_not_closed_before_it_is_reset() -> None:
    (lock,) = PLUGIN.rules.interlock
    assert (lock.action, lock.kind, lock.threshold) == ("close", "breaker_state", "tripped")


def test_voltages_come_in_volts_or_kilovolts() -> None:
    kinds = PLUGIN.catalogue.kinds()
    assert kinds["voltage"].factor("kV") == 1000.0
    assert kinds["bus_voltage"].factor("V") == 0.001
