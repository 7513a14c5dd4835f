"""Next-day forecasts of public series, judged by the verb's own code walking forward.

Beside every figure stand the better of both seasonal naive rules on the same rows, and a plain
recipe fitted once on the first four fifths: boosted trees under absolute error on lags, means and
the calendar. Series that are absent are named as left out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the limited workers

import numpy as np
import pytest
from tests.kit.testdata import prognostics_data
from tests.perf.row import Row, row

from lamplighter.analytics.forecasting.features import lag, trailing_mean
from lamplighter.analytics.forecasting.grid import Grid
from lamplighter.analytics.forecasting.judge import Judged, JudgeRequest, _prepared, judge_file
from lamplighter.analytics.forecasting.table import read_recording
from lamplighter.domain.task import silent

DAY_MS = 86_400_000
LAGS = (24, 25, 26, 30, 36, 48, 72, 168, 336)


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    file: str
    time: str
    target: str


SERIES = (
    Series("I-94 traffic", "metro_traffic/traffic_hourly.csv.gz", "datetime", "traffic_volume"),
    Series("pedestrians, sensor 2", "melbourne_pedestrians/*.parquet", "t", "s2"),
    Series("pedestrians, sensor 13", "melbourne_pedestrians/*.parquet", "t", "s13"),
    Series("bicycle hire", "bike_hour/hour.csv.gz", "dteday", "cnt"),
    Series("Beijing NO2", "beijing_prsa/*Aotizhongxin*.parquet", "year+month+day+hour", "NO2"),
    Series("Beijing PM2.5", "beijing_prsa/*Aotizhongxin*.parquet", "year+month+day+hour", "PM2.5"),
    Series("roadside NO2", "uci_airquality/AirQualityUCI.csv.gz", "Date", "NO2(GT)"),
)


def rows() -> list[Row]:
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for series in SERIES:
            file = _csv(series, Path(folder))
            if file is None:
                found.append(_plain(f"{series.name}: left out, the data is absent", 0, ""))
                continue
            found += _judged(series, file)
    return found


def _judged(series: Series, file: Path) -> Iterator[Row]:
    ask = JudgeRequest(str(file), series.time, series.target, DAY_MS, rows=True)
    one = judge_file(ask, silent)
    recipe = _recipe(series, file, one)
    name = f"{series.name}, a day ahead, mean absolute error"
    yield row(name, one.mae, "", "the better naive rule", one.naive_mae)
    yield row("the same", one.mae, "", "plain recipe, fitted once", recipe)
    yield _plain("its 90 % band holds", one.coverage_90, f"of {one.judged:,} hours")
    yield row("its width", one.width_90, "", "before its correction", one.raw_width_90)
    yield _plain("frozen", one.frozen_share, "of the hours")
    yield _plain("took", one.fit_seconds, f"s, {one.fits} fits")


def _plain(name: str, figure: float, unit: str) -> Row:
    return {"name": name, "figure": round(figure, 3), "unit": unit, "against": "", "ratio": None}


def _csv(series: Series, folder: Path) -> Path | None:
    """The series as the CSV that the verb takes; Parquet is turned into one first."""
    try:
        place = prognostics_data(series.file.split("/")[0])
    except pytest.skip.Exception:
        return None
    found = sorted(place.glob(series.file.split("/")[1]))
    if not found:
        return None
    if found[0].suffix != ".parquet":
        return found[0]
    import pyarrow.csv
    import pyarrow.parquet

    made = folder / f"{found[0].stem}.csv"
    if not made.exists():
        pyarrow.csv.write_csv(pyarrow.parquet.read_table(found[0]), made)
    return made


def _recipe(series: Series, file: Path, judged: Judged) -> float:
    """Mean absolute error of the plain recipe on the very same hours."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    ask = JudgeRequest(str(file), series.time, series.target, DAY_MS)
    grid, cut, _ = _prepared(read_recording(file, series.time, series.target), ask, file.name)
    inputs = _inputs(grid)
    fit = np.isfinite(grid.value) & (np.arange(grid.steps) <= cut - 24)
    fit[: max(LAGS)] = False
    model: Any = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=250, early_stopping=False, random_state=0
    )
    model.fit(inputs[fit], grid.value[fit])
    at = (judged.time_ms - grid.first_ms) // grid.step_ms
    return float(np.abs(model.predict(inputs[at]) - judged.outcome).mean())


def _inputs(grid: Grid) -> np.ndarray:
    y, wall = grid.value, grid.wall_ms()
    columns = [lag(y, k) for k in LAGS]
    columns += [lag(trailing_mean(y, k), 24) for k in (24, 168)]
    days = wall / DAY_MS
    columns += [(wall % DAY_MS) / 3_600_000, np.floor(days + 3) % 7, days % 365.2425]
    return np.stack(columns, axis=1)
