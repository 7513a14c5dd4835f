"""A tank with a pump by level: rules and balance are learned, attacks on them stand out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lamplighter.analytics.anomaly import Columns, plant
from lamplighter.analytics.anomaly.evaluate_attacks import AttacksRequest, judge_attacks
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent

Floats = npt.NDArray[np.float64]
NAMES = ("L_T1", "F_PU1", "S_PU1", "P_J1", "F_PU2")
START = 1_400_000_000_000
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tank needs fewer features than a town; the tests stay short."""
    monkeypatch.setattr(plant, "FEATURES", 120)


def hours(rows: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    values = np.zeros((rows, 5))
    level, on = 3.0, 1.0
    for row in range(rows):
        use = 20 + 10 * np.sin(2 * np.pi * row / 24) + rng.normal(0, 1.0)
        on = 1.0 if level < 2.0 else 0.0 if level > 4.0 else on
        flow = on * (45 - 2 * level)
        level += (flow - use) / 60
        values[row] = (level, flow + on * rng.normal(0, 0.3), on, 20 + level + 5 * on
                       + rng.normal(0, 0.1), 0.0)  # fmt: skip
    return Columns(NAMES, START + np.arange(rows, dtype=np.int64) * HOUR, values)


@cache
def fitted() -> plant.PlantModel:
    model = plant.fit(hours(1_500, 1))
    assert model is not None
    return model


def attacked(replayed: bool = False) -> Columns:
    columns = hours(600, 2)
    values = columns.values.copy()
    if replayed:
        values[300:340, 0] = values[260:300, 0]
    else:
        values[300:340, 0] -= 0.8
    return Columns(NAMES, columns.time_ms, values)


def test_calm_hours_are_calm_and_a_changed_or_replayed_level_is_found_at_once() -> None:
    calm = plant.judge(fitted(), hours(600, 2))
    assert calm.alarm.mean() < 0.05
    for columns in (attacked(), attacked(replayed=True)):
        judged = plant.judge(fitted(), columns)
        assert judged.alarm[300:303].any()
        assert plant.shares(fitted(), judged, 300)[0].signal == "L_T1"
        found = plant.findings(fitted(), columns, judged, int(columns.time_ms[300]))
        assert found[0].reason.startswith("L_T1 is ")
        assert "what the row before and the switches say" in found[0].reason
        assert len(found[0].similar) == 3


def test_a_pump_that_never_ran_before_is_found_when_it_starts() -> None:
    columns = hours(600, 2)
    values = columns.values.copy()
    values[400:, 4] = 30.0
    judged = plant.judge(fitted(), Columns(NAMES, columns.time_ms, values))
    assert judged.alarm[400]
    assert not judged.alarm[480:].all()
    pumped = Columns(NAMES, columns.time_ms, values)
    found = plant.findings(fitted(), pumped, judged, int(columns.time_ms[400]))
    assert found[0].reason == "F_PU2 moves, which it never did before."


def test_no_hour_is_judged_by_a_later_one() -> None:
    columns = attacked()
    whole = plant.judge(fitted(), columns)
    for cut in (120, 301, 420):
        values = columns.values.copy()
        np.random.default_rng(cut).shuffle(values[cut:])
        other = plant.judge(fitted(), Columns(NAMES, columns.time_ms, values))
        assert np.array_equal(other.score[:cut], whole.score[:cut])
        assert np.array_equal(other.alarm[:cut], whole.alarm[:cut])


def test_the_order_and_the_scale_of_signals_do_not_matter() -> None:
    columns, test = hours(1_500, 1), attacked()
    order = [3, 0, 4, 2, 1]
    names = tuple(NAMES[k] for k in order)
    factor = np.array([1, 10.0, 1, 1, 0.001])
    model = plant.fit(Columns(names, columns.time_ms, columns.values[:, order] * factor))
    assert model is not None
    again = plant.judge(model, Columns(names, test.time_ms, test.values[:, order] * factor))
    assert np.allclose(again.score, plant.judge(fitted(), test).score, rtol=1e-4, atol=1e-6)


def test_the_limit_holds_its_share_of_calm_hours_and_needs_enough_of_them() -> None:
    calm = np.random.default_rng(0).exponential(1.0, 5_000)
    for share in (0.01, 0.05):
        limit = plant.limit_of(calm, share, 12)
        assert plant.held(calm, limit, 12).mean() <= share
        assert plant.held(calm, limit * 0.9, 12).mean() > share
    assert plant.fit(hours(100, 1)) is None


def test_an_alarm_is_kept_up_by_weaker_rows_and_ends_after_calm_ones() -> None:
    score = np.array([0.7, 0, 0, 1.1, 0, 0.7, 0, 0, 0.5, 0.7, 0])
    expected = [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]
    assert plant.held(score, 1.0, 3).tolist() == [bool(x) for x in expected]
    assert not plant.held(score[:3], 1.0, 3).any()


def written(path: Path, columns: Columns, label: npt.NDArray[np.bool_]) -> str:
    lines = ["DATETIME," + ",".join(NAMES) + ",ATT_FLAG"]
    stamps = columns.time_ms.astype("datetime64[ms]").astype("datetime64[h]").astype(str)
    for stamp, row, flag in zip(stamps, columns.values, label, strict=True):
        day, hour = stamp.split("T")
        year, month, date = day.split("-")
        cells = ",".join(f"{v:.4f}" for v in row)
        lines.append(f"{date}/{month}/{year[2:]} {hour},{cells},{int(flag)}")
    path.write_text("\n".join(lines))
    return str(path)


def test_attacks_are_scored_without_labels_and_with_settings_of_labelled_hours(
    tmp_path: Path,
) -> None:
    label = np.zeros(600, np.bool_)
    label[300:340] = True
    train = written(tmp_path / "train.csv", hours(1_500, 1), np.zeros(1_500, np.bool_))
    test = written(tmp_path / "test.csv", attacked(), label)
    tune = written(tmp_path / "tune.csv", attacked(replayed=True), label)
    report = judge_attacks(AttacksRequest(train, test), silent)
    assert report.attacks_found == report.attacks == 1
    assert report.s > 0.85
    assert (report.always_alarm_s, report.never_alarm_s) == (0.75, 0.25)
    assert report.left_out_s is None
    assert "judged unseen" in report.threshold
    tuned = judge_attacks(AttacksRequest(train, test, tune), silent)
    assert "tune.csv" in tuned.threshold
    blind = judge_attacks(AttacksRequest(train, tune), silent)
    flipped = written(tmp_path / "flipped.csv", attacked(replayed=True), ~label)
    assert judge_attacks(AttacksRequest(train, flipped), silent).threshold == blind.threshold
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(LamplighterError, match="it is empty"):
        judge_attacks(AttacksRequest(train, str(tmp_path / "empty.csv")), silent)
    with pytest.raises(LamplighterError, match="no column 'ATT_FLAG'"):
        path = tmp_path / "bare.csv"
        path.write_text(Path(test).read_text().replace("ATT_FLAG", "OTHER"))
        judge_attacks(AttacksRequest(train, str(path)), silent)
