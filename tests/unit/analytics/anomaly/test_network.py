"""Leaks from pressures: a lasting fall near one sensor, told from flows and the other sensors."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lamplighter.analytics.anomaly import Columns, Event, network
from lamplighter.analytics.anomaly.evaluate_leaks import LeaksRequest, judge_leaks
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent

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


def written(path: Path, columns: Columns) -> str:
    stamps = columns.time_ms.astype("datetime64[ms]").astype("datetime64[s]").astype(str)
    lines = ["time," + ",".join(columns.names)]
    lines += [
        f"{at}," + ",".join(f"{v:.3f}" for v in row)
        for at, row in zip(stamps, columns.values, strict=True)
    ]
    path.write_text("\n".join(lines))
    return str(path)


def test_tables_of_any_network_are_judged(tmp_path: Path) -> None:
    calm = written(tmp_path / "calm.csv", pressures(30, 1))
    columns = leaking(30, 60)
    test = written(tmp_path / "test.csv", columns)
    report = judge_leaks(LeaksRequest(calm, test), silent)
    assert [a.signal for a in report.alarms] == ["P_3"]
    assert (report.sensors, report.calm_days, report.days) == (6, 30, 60)
    with pytest.raises(LamplighterError, match="no two columns that begin with 'Q_'"):
        judge_leaks(LeaksRequest(calm, test, "Q_"), silent)
    short = written(tmp_path / "short.csv", pressures(5, 1))
    with pytest.raises(LamplighterError, match="fewer than 21 days"):
        judge_leaks(LeaksRequest(short, test), silent)
