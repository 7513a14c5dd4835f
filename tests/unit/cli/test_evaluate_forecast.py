"""The verb end to end: one document, every judged row on request, one line for what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.program import json_of, verb
from tests.unit.analytics.forecasting.series_kit import course, write


def test_it_prints_figures_beside_both_naive_rules_and_writes_every_forecast(
    tmp_path: Path,
) -> None:
    value = course(10)
    file = write(tmp_path / "a.csv", value, layout="%d.%m.%Y %H:%M", separator=";", decimal=",")
    rows = tmp_path / "rows.csv"
    found = json_of(
        "evaluate", "forecast", "--csv", file, "--time", "when", "--target", "cars",
        "--horizon", "6h", "--test-from", "2026-01-13", "--predictions", rows,
    )  # fmt: skip
    table = np.genfromtxt(rows, delimiter=",", names=True)
    assert found["naive_mae"] == min(found["naive_day_mae"], found["naive_week_mae"])
    assert (found["step_s"], found["horizon_s"], found["decimal"]) == (3600.0, 21_600.0, ",")
    assert found["hours_judged"] == found["judged"] == len(table) == 48
    error = np.abs(table["forecast"] - table["outcome"]).mean()
    assert found["mae"] == pytest.approx(error, abs=1e-6)
    inside = (table["outcome"] >= table["low"]) & (table["outcome"] <= table["high"])
    assert found["coverage_90"] == pytest.approx(inside.mean())


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (("--time", "x", "--target", "cars"), 3, "no column x"),
        (("--time", "when", "--target", "cars", "--horizon", "soon"), 2, "no horizon"),
        (("--time", "when", "--target", "cars", "--test-from", "2031-01-01"), 3, "nothing was"),
    ],
)
def test_what_cannot_be_judged_ends_with_one_line(
    tmp_path: Path, options: tuple[str, ...], code: int, word: str
) -> None:
    file = write(tmp_path / "a.csv", course(4))
    done = verb("evaluate", "forecast", "--csv", file, *options)
    assert done.returncode == code
    assert word in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
