"""Leaks from pressures: a lasting fall near one sensor, told from flows and the other sensors."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.anomaly import Columns, Event, network

Floats = npt.NDArray[np.float64]
STEPS = 48
SENSORS = tuple(f"P_{k}" for k in range(6))
NAMES = (*SENSORS, "F_in")
DAY = 86_400_000


def pressures(days: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    rows = days * STEPS
    flow = 100 + 30 * np.sin(2 * np.pi * np.arange(rows) / STEPS) + rng.normal(0, 3, rows)
    head = np.linspace(60, 40, 6)[None] - np.linspace(0.5, 2, 6)[None] * (flow[:, None] / 100) ** 2
    values = np.column_stack([head + rng.normal(0, 0.05, (rows, 6)), flow])
    return Columns(
        NAMES, 1_400_025_600_000 + np.arange(rows, dtype=np.int64) * DAY // STEPS, values
    )


@cache
def fitted() -> network.NetworkModel:
    return network.fit(pressures(60, 1), SENSORS, ("F_in",))


def leaking(begin: int, end: int) -> Columns:
    columns = pressures(60, 2)
    values = columns.values.copy()
    values[begin * STEPS : end * STEPS, 3] -= 0.2
    values[begin * STEPS : end * STEPS, 2] -= 0.08
    return Columns(NAMES, columns.time_ms, values)


def test_a_leak_is_one_alarm_at_its_nearest_sensor_within_days() -> None:
    columns = leaking(30, 60)
    alarms = network.judge(fitted(), columns)
    assert [a.signal for a in alarms] == ["P_3"]
    day = (alarms[0].day_ms - int(columns.time_ms[0])) // DAY
    assert 30 <= day <= 33
    assert alarms[0].reason.startswith("P_3 has been lower for 2 days")


def test_days_without_a_leak_and_a_rise_after_a_repair_raise_nothing() -> None:
    assert network.judge(fitted(), pressures(60, 3)) == ()
    columns = leaking(0, 30)
    end = int(columns.time_ms[30 * STEPS])
    assert network.judge(fitted(), columns, (Event(end, end),)) == ()


def test_no_alarm_changes_with_what_comes_after_its_day() -> None:
    columns = leaking(30, 60)
    alarms = network.judge(fitted(), columns)
    for cut in (34, 45):
        assert network.judge(fitted(), columns.part(0, cut * STEPS)) == alarms
        values = columns.values.copy()
        np.random.default_rng(1).shuffle(values[cut * STEPS :])
        later = network.judge(fitted(), Columns(NAMES, columns.time_ms, values))
        assert later[:1] == alarms


def test_the_limit_comes_from_the_weeks_without_leaks() -> None:
    model = fitted()
    assert model.limit == network.MARGIN * model.largest_calm > 0
    assert model.days == 60
