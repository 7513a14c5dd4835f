"""The networks and the plan: what a trip, a burst, a command or a worn bearing does to readings."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from epanet import toolkit as en
from tests.kit.demo_district import Played, device_file, district, table


@pytest.fixture
def city() -> Iterator[Played]:
    with Played() as played:
        yield played


def outside_limits(city: Played, sides: tuple[str, ...]) -> set[str]:
    found = set()
    for row in table("import", "datastreams.csv"):
        for side in sides:
            if row[side]:
                sign = -1 if side.startswith("low") else 1
                if sign * (city.value(row["datastream"]) - float(row[side])) > 0:
                    found.add(row["datastream"])
    return found


def test_epanet_runs_the_network_for_a_day_with_sane_pressures(tmp_path: object) -> None:
    project = en.createproject()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        en.open(project, str(district() / "import" / "water.inp"), f"{tmp_path}/r.txt", "")
        en.openH(project)
        en.initH(project, 0)
        lowest, highest, steps = np.inf, -np.inf, 0
        while True:
            en.runH(project)
            steps += 1
            for k in range(1, int(en.getcount(project, en.NODECOUNT)) + 1):
                if en.getnodeid(project, k).startswith("J-"):
                    pressure = en.getnodevalue(project, k, en.PRESSURE)
                    lowest, highest = min(lowest, pressure), max(highest, pressure)
            if en.nextH(project) <= 0:
                break
        en.closeH(project)
        en.close(project)
        en.deleteproject(project)
    assert steps >= 96
    assert lowest > 30.0 and highest < 62.0


def test_nothing_is_outside_its_limits_on_a_quiet_day(city: Played) -> None:
    sides = ("low_low", "low", "high", "high_high")
    for hour in range(0, 24, 3):
        city.networks.step(hour * 3600.0, hour * 3600.0)
        city.values.step(hour * 3600.0, hour * 3600.0)
        assert outside_limits(city, sides) == set(), hour
    assert not city.said


def test_a_substation_trip_takes_what_hangs_on_it_and_nothing_else(city: Played) -> None:
    city.networks.trip("SS-04")
    city.run(2)
    words = dict(zip(city.values.names, city.values.words, strict=True))
    assert words["SS-04.breaker_state"] == "tripped"
    assert sorted(n for n, w in words.items() if w == "no supply") == [
        "P-14.pump_state",
        "P-17.pump_state",
    ]
    dark = sorted(n for n, w in words.items() if w == "dark")
    assert dark == [f"TS-{n}.signal_state" for n in range(201, 212)]
    city.run(10)
    dead = [n for n in city.values.names if n.endswith(".voltage") and city.value(n) < 20]
    assert len(dead) == 16
    assert city.value("TS-201.lamp_current") == 0.0
    assert city.value("SS-05.bus_voltage") > 9.5


def test_after_the_trip_the_pressure_of_the_zone_falls_below_its_limit(city: Played) -> None:
    before = city.value("J-141.pressure")
    city.networks.trip("SS-04")
    city.run(30)
    assert before > 4.0
    assert 2.0 < city.value("J-141.pressure") < 2.8
    assert city.value("P-14.flow") == pytest.approx(0.0, abs=0.3)
    low = {n for n in outside_limits(city, ("low",)) if n.startswith("J-")}
    assert len(low) == 10
    assert not outside_limits(city, ("low_low",)) & low


def test_a_burst_is_felt_in_its_zone_and_not_beyond(city: Played) -> None:
    near, far = f"{device_file().burst_at}.pressure", "J-141.pressure"
    before, other = city.value(near), city.value(far)
    city.networks.leak(device_file().burst_at, 60.0)
    city.run(40)
    assert city.value(near) < before - 0.8
    assert city.value("J-199.pressure") < 4.2
    assert city.value(far) == pytest.approx(other, abs=0.15)


def test_a_closed_valve_stops_its_flow_and_opens_again(city: Played) -> None:
    name = max(city.networks.valves, key=lambda v: city.value(f"{v}.flow"))
    before = city.value(f"{name}.flow")
    city.networks.set_valve(name, False)
    city.run(20)
    assert city.value(f"{name}.valve_position") == 0.0
    assert city.value(f"{name}.flow") == pytest.approx(0.0, abs=0.2)
    city.networks.set_valve(name, True)
    city.run(20)
    assert city.value(f"{name}.flow") == pytest.approx(before, abs=0.5)


def test_the_zone_link_restores_pressure_after_the_trip(city: Played) -> None:
    city.networks.trip("SS-04")
    city.run(30)
    city.networks.set_valve("V-31", True)
    city.run(30)
    assert city.value("J-141.pressure") > 3.0


def test_a_stopped_pump_says_so_and_its_standby_can_take_over(city: Played) -> None:
    assert city.word("P-15.pump_state") == "standby"
    city.networks.set_pump("P-14", False)
    city.networks.set_pump("P-15", True)
    city.run(15)
    assert city.word("P-14.pump_state") == "stopped"
    assert city.word("P-15.pump_state") == "running"
    assert city.value("P-15.flow") > 3.0
    assert city.value("P-14.vibration_rms") == pytest.approx(0.0, abs=0.1)


def test_the_bearing_reaches_its_limit_only_after_a_minute_and_a_half(city: Played) -> None:
    city.values.wear_per_s = 1.0
    city.run(59)
    assert 3.3 < city.value("P-22.vibration_rms") < 6.0
    city.run(29)
    assert city.value("P-22.vibration_rms") < 9.0
    city.run(20)
    assert city.value("P-22.vibration_rms") > 9.0
    assert outside_limits(city, ("high",)) <= {"P-22.vibration_rms", "P-22.bearing_temperature"}


def test_a_worn_pump_that_is_stopped_for_a_while_comes_back_with_a_new_bearing(
    city: Played,
) -> None:
    city.values.wear_per_s = 1.0
    city.run(70)
    worn = city.value("P-22.vibration_rms")
    city.networks.set_pump("P-22", False)
    city.run(3)
    city.networks.set_pump("P-22", True)
    city.run(5)
    assert city.value("P-22.vibration_rms") > worn, "a short stop mends nothing"
    city.networks.set_pump("P-22", False)
    city.run(12)
    assert city.value("P-22.vibration_rms") == pytest.approx(0.0, abs=0.1)
    city.networks.set_pump("P-22", True)
    city.run(30)
    assert city.value("P-22.vibration_rms") < 3.3
    assert city.value("P-22.service_hours") < 48


def test_tampered_sensors_lie_while_the_city_does_not(city: Played) -> None:
    held = city.value("AQ-05.no2")
    level, pressure = city.value("TK-2.level"), city.value("J-205.pressure")
    for stream, how, amount in (
        ("AQ-05.no2", "stuck", 0.0),
        ("TK-2.level", "drift", 0.02),
        ("J-205.pressure", "spoof", 0.62),
    ):
        city.values.tamper(stream, how, amount, city.now_s)
    readings = []
    for _ in range(50):
        city.step()
        readings.append(city.value("AQ-05.no2"))
    assert set(readings) == {held}
    assert city.value("TK-2.level") == pytest.approx(level + 1.0, abs=0.1)
    assert city.value("J-205.pressure") == pytest.approx(pressure + 0.62, abs=0.1)
    assert not outside_limits(city, ("low", "high"))


def test_readings_are_the_same_for_the_same_seed() -> None:
    rows = []
    for _ in range(2):
        with Played() as city:
            city.run(5)
            rows.append(city.values.shown.copy())
    assert (rows[0] == rows[1]).all()


def test_the_load_of_a_substation_is_what_its_transformers_draw() -> None:
    with Played() as city:
        names = city.networks.elements
        power = city.networks.power.step(43_200.0, {"open": ()})
        rows = {r.id: r for r in device_file().power}
        with (district() / "import" / "assets.csv").open(encoding="utf-8", newline="") as file:
            of = {a["id"]: a["substation"] for a in csv.DictReader(file)}
        drawn = sum(
            power["own_load"][k]
            for k, n in enumerate(names)
            if rows[n].kind == "transformer" and of[n] == "SS-05"
        )
        fed = power["through_load"][names.index("SS-05")]
        assert drawn < fed < drawn * 1.06
        voltages = power["low_voltage"][power["own_load"] > 0]
        assert voltages.min() > 207 and voltages.max() < 245
