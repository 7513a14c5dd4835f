"""Public series: without trees already never worse than the naive rule, and bands that hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.testdata import prognostics_data
from tests.perf.bench_forecast import DAY_MS, SERIES, Series, _csv

from lamplighter.analytics.association import lagged, without_course
from lamplighter.analytics.forecasting.judge import JudgeRequest, judge_file
from lamplighter.domain.task import silent

SOME = [s for s in SERIES if s.name in ("bicycle hire", "pedestrians, sensor 13", "roadside NO2")]


@pytest.mark.data
@pytest.mark.parametrize("series", SOME, ids=lambda s: s.name)
def test_a_day_ahead_is_no_worse_than_the_better_naive_rule_and_its_band_holds(
    series: Series, tmp_path: Path
) -> None:
    prognostics_data(series.file.split("/")[0])
    file = _csv(series, tmp_path)
    assert file is not None
    ask = JudgeRequest(str(file), series.time, series.target, DAY_MS, boosted=False)
    found = judge_file(ask, silent)
    assert found.mae <= found.naive_mae
    assert 0.86 <= found.coverage_90 <= 0.94
    assert found.step_s == 3600.0


@pytest.mark.data
def test_wind_carries_dust_away_in_the_same_hours_and_the_ones_after() -> None:
    import pyarrow.parquet

    file = sorted(prognostics_data("beijing_prsa").glob("*.parquet"))[0]
    table = pyarrow.parquet.read_table(file, columns=["WSPM", "PM2.5"]).slice(0, 24 * 120)
    wind, dust = (
        np.array(table[n].to_numpy(zero_copy_only=False), np.float64) for n in table.column_names
    )
    found = lagged(without_course(wind, 0), without_course(dust, 0), 12)
    at = found.strongest()
    assert at is not None
    assert found.high[at] < 0.0
    assert found.lag_h[at] >= 0
    assert found.worth[at] < 0.5 * found.hours[at]
