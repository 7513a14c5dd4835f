"""Recordings in any layout: separator, times, decimal sign, marks of what was not measured."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from tests.unit.analytics.forecasting.series_kit import MONDAY_MS, course, write

from lamplighter.analytics.forecasting.grid import found_step, missing_mark, to_grid
from lamplighter.analytics.forecasting.moments import read_moments
from lamplighter.analytics.forecasting.table import read_recording
from lamplighter.domain.problems import LamplighterError


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "layout",
    ["%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M", "%m/%d/%y %H:%M", "%d.%m.%Y %H.%M.%S", "%d/%m/%y %H"],
)
def test_times_are_read_in_the_layout_they_come_in(
    tmp_path: Path, layout: str, separator: str
) -> None:
    file = write(tmp_path / "a.csv", course(40), layout=layout, separator=separator)
    found = read_recording(file, "when", "cars")
    assert found.separator == separator
    np.testing.assert_array_equal(found.moments.utc_ms, MONDAY_MS + 3_600_000 * np.arange(40 * 24))


def test_day_and_clock_in_two_columns_are_joined_by_themselves_or_by_name(tmp_path: Path) -> None:
    lines = ["day,hr,cars"]
    for at in range(24 * 30):
        when = dt.datetime(2026, 1, 5, tzinfo=dt.UTC) + dt.timedelta(hours=at)
        lines.append(f"{when.month}/{when.day}/26,{when.hour},{at}")
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines))
    alone, named = (read_recording(file, t, "cars") for t in ("day", "day+hr"))
    for found in (alone, named):
        assert found.time_columns == ("day", "hr")
        np.testing.assert_array_equal(np.diff(found.moments.utc_ms), 3_600_000)


def test_decimal_commas_are_numbers(tmp_path: Path) -> None:
    value = course(3)
    file = write(tmp_path / "a.csv", value, separator=";", decimal=",")
    found = read_recording(file, "when", "cars")
    np.testing.assert_allclose(found.columns["cars"], value, atol=1e-3)


def test_stated_offsets_keep_the_spacing_true_and_the_wall_clock_for_the_calendar() -> None:
    cells = ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"]
    found, bad = read_moments([cells])
    assert not bad.any()
    np.testing.assert_array_equal(np.diff(found.utc_ms), 3_600_000)
    made = to_grid(found, {"a": np.arange(3.0)}, "a")
    assert [int(w % 86_400_000 // 3_600_000) for w in made.wall_ms()] == [1, 3, 4]


def test_doubled_times_become_one_and_holes_stay_holes() -> None:
    hours = np.array([0, 1, 2, 2, 5, 6, 7, 8])
    cells = [f"2026-01-05T{h:02d}:00:00" for h in hours]
    found, _ = read_moments([cells])
    made = to_grid(found, {"a": hours * 1.0 + np.array([0, 0, 0, 2, 0, 0, 0, 0])}, "a")
    assert made.doubles == 1
    np.testing.assert_array_equal(made.value, [0, 1, 3, np.nan, np.nan, 5, 6, 7, 8])


@pytest.mark.parametrize("step", [60_000, 900_000, 3_600_000, 86_400_000])
def test_the_step_is_found_although_rows_are_missing_or_late(step: int) -> None:
    rng = np.random.default_rng(0)
    times = step * np.arange(500) + rng.integers(0, max(step // 500, 2), 500)
    assert found_step(times[rng.random(500) > 0.2]) == step


def test_a_number_that_stands_for_not_measured_is_found_and_a_low_value_is_not() -> None:
    value = course(20)
    assert missing_mark(value) is None
    marked = value.copy()
    marked[10:40] = -200.0
    assert missing_mark(marked) == -200.0
    below = value - 130.0  # goes below zero by itself
    assert missing_mark(below) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "names"), ("when,cars\n", "no rows"), ("when,cars\nsoon,1\nlater,2\n", "no times"),
     ("when,cars\n2026-01-05,x\n2026-01-06,y\n", "no numbers"), ("when,n\n1,1\n", "no column")],
)  # fmt: skip
def test_a_file_that_cannot_be_judged_is_refused_in_one_line(
    tmp_path: Path, text: str, word: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(LamplighterError, match=word) as told:
        read_recording(file, "when", "cars")
    assert told.value.problem.code == "P-604"
    assert "\n" not in str(told.value)
