"""The simulated past: twelve failures, and features that lead up to them as they do live."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.kit.demo_district import RESOURCES, Played, table

from lamplighter.field import bearing
from lamplighter.field.past import START_AGE_DAYS, WEARING, write_past
from lamplighter.field.register import Register

DAY_MS = 86_400_000


@cache
def series() -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row in table("past", "history.csv"):
        found[row["datastream"]].append((int(row["phenomenon_time_ms"]), float(row["value"])))
    return dict(found)


def test_sixty_days_of_hourly_features_of_sixteen_pumps_and_one_bridge() -> None:
    assert len(series()) == 16 * len(bearing.FEATURES) + 1
    for points in series().values():
        times = np.array([t for t, _ in points])
        assert len(times) == 60 * 24
        assert (np.diff(times) == 3_600_000).all()


def test_the_past_uses_the_live_names_and_sources() -> None:
    live = {(r["source"], r["datastream"]) for r in table("import", "datastreams.csv")}
    assert {(r["source"], r["datastream"]) for r in table("past", "history.csv")} <= live


def test_twelve_failures_each_with_its_work_order() -> None:
    failures = {(r["asset"], r["time_ms"]) for r in table("past", "failures.csv")}
    orders = {(r["asset"], r["created_ms"]) for r in table("past", "work_orders.csv")}
    assert len(failures) == 12
    assert failures <= orders
    assert WEARING not in {asset for asset, _ in failures}


def test_vibration_is_high_before_a_failure_and_low_after_the_repair() -> None:
    for row in table("past", "failures.csv"):
        when = int(row["time_ms"])
        points = series()[f"{row['asset']}.vibration_rms"]
        before = [v for t, v in points if when - 2 * DAY_MS <= t < when]
        after = [v for t, v in points if when <= t < when + 2 * DAY_MS]
        assert np.mean(before) > 1.5 * np.mean(after), row


def test_the_wearing_pump_goes_on_live_where_its_past_ends() -> None:
    last = series()[f"{WEARING}.service_hours"][-1][1]
    assert last == pytest.approx(START_AGE_DAYS * 24, abs=25)
    with Played() as city:
        assert city.value(f"{WEARING}.service_hours") == pytest.approx(START_AGE_DAYS * 24, abs=1)
        for kind in ("vibration_rms", "bearing_temperature"):
            past = np.median([v for _, v in series()[f"{WEARING}.{kind}"][-24:]])
            assert city.value(f"{WEARING}.{kind}") == pytest.approx(past, rel=0.12)


def test_features_grow_with_the_age_of_the_bearing() -> None:
    ages = np.array([5.0, 40.0, 70.0, 100.0])
    made = bearing.features(ages, np.full(4, 0.8), 11.0, np.random.default_rng(1))
    for kind in ("vibration_rms", "vibration_kurtosis", "bearing_temperature", "service_hours"):
        assert (np.diff(made[kind]) > 0).all(), kind


def thirteen_pumps() -> Register:
    from lamplighter.field.register import AssetRow, Signal, StreamRow

    register = Register()
    for k in range(13):
        name = f"P-{k}"
        register.add(AssetRow(name, "Pump", name, "water", 0, 0, attributes={"rated_kw": 11.0}))
        register.streams.append(
            StreamRow(
                "gw-1", f"{name}.vibration_rms", name, "vibration_rms", "", "", Signal("wear")
            )
        )
    return register


def test_the_end_of_the_past_can_be_moved(tmp_path: Path) -> None:
    from lamplighter.field.definition import load_definition

    register = thirteen_pumps()
    failures = write_past(load_definition(RESOURCES / "demo"), register, tmp_path, 10_000 * DAY_MS)
    last = (tmp_path / "past" / "history.csv").read_text().splitlines()[-1]
    assert failures == 12
    assert int(last.split(",")[2]) == 10_000 * DAY_MS - 3_600_000


def test_the_past_has_the_load_of_each_hour_of_the_clock_as_live_has(tmp_path: Path) -> None:
    from lamplighter.field.definition import load_definition

    definition = load_definition(RESOURCES / "demo")
    write_past(definition, thirteen_pumps(), tmp_path, 10_000 * DAY_MS + 5 * 3_600_000)
    of_hour: dict[int, list[float]] = defaultdict(list)
    for line in (tmp_path / "past" / "history.csv").read_text().splitlines()[1:]:
        _, name, when, value = line.split(",")
        if name == "P-0.motor_current":
            of_hour[int(when) // 3_600_000 % 24].append(float(value))
    past = np.array([np.median(of_hour[hour]) for hour in range(24)])
    live = bearing.day_load(np.arange(24.0), 0.0)
    assert np.corrcoef(past, live)[0, 1] > 0.99


def test_the_bridge_that_creeps_goes_on_live_where_its_past_ends() -> None:
    from lamplighter.field import strain

    name = f"{strain.BRIDGE}.{strain.KIND}"
    points = series()[name]
    days = [np.median([v for _, v in points[d : d + 24]]) for d in range(0, len(points), 24)]
    assert days[-1] - days[0] > 60
    limit = next(r for r in table("import", "datastreams.csv") if r["datastream"] == name)
    assert float(limit["high"]) > max(v for _, v in points[-48:])
    with Played() as city:
        assert city.value(name) == pytest.approx(days[-1], rel=0.12)
