"""A stream judged from its first value on: by its own past, never by what comes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lamplighter.analytics.anomaly import stream
from lamplighter.analytics.anomaly.evaluate_streams import StreamsRequest, judge_streams
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent

Floats = npt.NDArray[np.float64]
STEP = 300_000
DAY = 288
ROWS = 8 * DAY
AT = 6 * DAY + 100


def times(rows: int = ROWS) -> npt.NDArray[np.int64]:
    return 1_400_000_000_000 + np.arange(rows, dtype=np.int64) * STEP


def daily(seed: int = 2) -> Floats:
    rng = np.random.default_rng(seed)
    day = np.sin(2 * np.pi * np.arange(ROWS) / DAY)
    return 50 + 20 * day + rng.normal(0, 1.0, ROWS)


def test_a_jump_and_a_missing_peak_are_seen_and_a_calm_day_is_not() -> None:
    calm = stream.judge(times(), daily())
    assert not stream.alarms(calm.score, begin=3 * DAY).size
    jump = daily()
    jump[AT] += 120
    assert stream.alarms(stream.judge(times(), jump).score, begin=3 * DAY)[0] == AT
    flat = daily()
    flat[AT : AT + 200] = 50
    first = stream.alarms(stream.judge(times(), flat).score, begin=3 * DAY)
    assert AT <= first[0] < AT + 60


def test_nothing_that_comes_changes_a_score_by_one_bit() -> None:
    values = daily()
    values[AT:] += 30
    whole = stream.judge(times(), values).score
    for cut in (700, AT, AT + 33):
        other = values.copy()
        np.random.default_rng(cut).shuffle(other[cut:])
        assert np.array_equal(stream.judge(times(), other).score[:cut], whole[:cut])
        assert np.array_equal(stream.judge(times(cut), values[:cut]).score, whole[:cut])


def test_unit_and_zero_of_the_scale_do_not_matter() -> None:
    values = daily()
    values[AT:] += 30
    one = stream.judge(times(), values).score
    other = stream.judge(times(), 1_000 * values - 7_000).score
    assert np.allclose(one, other, rtol=1e-5, atol=1e-6)


def test_alarms_keep_apart_and_leave_the_begin_alone() -> None:
    score = np.array([9.0, 0, 9, 9, 9, 0, 9, 9])
    assert stream.alarms(score, 1.4, spacing=2, begin=1).tolist() == [2, 6]
    assert stream.alarms(score, 10.0).size == 0


def test_constant_and_empty_streams_raise_nothing() -> None:
    assert not stream.alarms(stream.judge(times(), np.full(ROWS, 3.0)).score).size
    assert np.isnan(stream.judge(times(4), np.full(4, np.nan)).score).all()


def written(folder: Path, group: str, values: Floats, windows: list[list[str]]) -> dict[str, str]:
    from datetime import UTC, datetime

    path = folder / group / "a.csv"
    path.parent.mkdir(parents=True)
    lines = ["timestamp,value"] + [
        f"{datetime.fromtimestamp(t / 1000, UTC):%Y-%m-%d %H:%M:%S},{v}"
        for t, v in zip(times().tolist(), values.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines))
    return {f"{group}/a.csv": str(path)}


def test_streams_are_scored_with_one_threshold_beside_the_naive_figures(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    values = daily()
    values[AT] += 120
    at = [
        datetime.fromtimestamp(times()[k] / 1000, UTC).isoformat(" ")[:19]
        for k in (AT - 5, AT + 50)
    ]
    files = written(tmp_path, "one", values, [at]) | written(tmp_path, "two", daily(5), [])
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"one/a.csv": [at], "two/a.csv": []}))
    report = judge_streams(StreamsRequest(files, str(labels)), silent)
    assert report.standard > 90
    assert report.naive_standard < 50
    assert (report.streams, report.windows) == (2, 1)
    none = judge_streams(StreamsRequest(files, str(labels), 1_000.0), silent)
    assert none.standard == pytest.approx(0.0)
    labels.write_text("[]")
    with pytest.raises(LamplighterError, match=r"labels\.json cannot be judged"):
        judge_streams(StreamsRequest(files, str(labels)), silent)
