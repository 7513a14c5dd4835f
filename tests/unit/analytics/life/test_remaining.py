"""Remaining life: nothing looks ahead, units are witnesses, and what is strange gets no number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures import fleets

from lamplighter.analytics import hazard
from lamplighter.analytics.life import bands, fleet_file, regimes, remaining, rul
from lamplighter.analytics.life.familiar import Familiar
from lamplighter.analytics.life.remaining import Learner, Look
from lamplighter.domain.task import silent

NAMES = tuple(f"sensor {n + 1}" for n in range(fleets.SENSORS))


@pytest.fixture(scope="module", autouse=True)
def calm() -> Iterator[None]:
    """Fewer trees: these tests ask what a model may look at, not how good it can be."""
    with hazard.one_thread(), pytest.MonkeyPatch.context() as patch:
        for settings in (remaining.TREES, remaining.WIDE_TREES):
            patch.setitem(settings, "max_iter", 30)
            patch.setitem(settings, "learning_rate", 0.2)
        yield


@pytest.fixture(scope="module")
def report() -> rul.RulReport:
    test, left = fleets.cut(fleets.table(2, units=20), 2)
    return rul.judge(fleets.lives(1), fleet_file.arrange(test), left, 80.0, 0, silent)


@pytest.fixture(scope="module")
def learner() -> Learner:
    return remaining.learner(fleets.lives(1), 80.0, Look(), 0, beside=True)


def test_features_up_to_a_cut_are_those_of_the_whole_life(learner: Learner) -> None:
    rows = fleets.table(3, units=4)
    whole = learner.features(fleet_file.arrange(rows))
    for unit, stop in ((1, 1), (2, 37), (3, 59)):
        mine = np.flatnonzero(rows[:, 0] == unit)
        short = learner.features(fleet_file.arrange(rows[mine[:stop]]))
        assert np.array_equal(short, whole[mine[:stop]])


def test_a_shuffled_future_changes_no_past_answer(learner: Learner) -> None:
    rows = fleets.table(3, units=3)
    before = learner.answer(learner.features(fleet_file.arrange(rows)))[:, 0]
    rng = np.random.default_rng(0)
    other = rows.copy()
    for unit in (1, 2, 3):
        future = np.flatnonzero((rows[:, 0] == unit) & (rows[:, 1] > 40))
        other[future, 5:] = rows[rng.permutation(future), 5:]
    after = learner.answer(learner.features(fleet_file.arrange(other)))[:, 0]
    past = rows[:, 1] <= 40
    assert np.array_equal(before[past], after[past])
    assert not np.array_equal(before[~past], after[~past])


def test_an_endless_or_absurd_reading_is_one_that_was_not_measured(tmp_path: Path) -> None:
    rows = fleets.table(3, units=3)
    rows[7, 6], rows[9, 2], rows[11, 8] = np.inf, -np.inf, 1e300
    file = tmp_path / "fleet.txt"
    np.savetxt(file, rows)

    lives = fleet_file.read(file)

    assert not np.isinf(lives.sensors).any() and not np.isinf(lives.settings).any()
    assert (np.isnan(lives.sensors).sum(), np.isnan(lives.settings).sum()) == (2, 1)
    made = remaining.learner(lives, 80.0, Look(), 0, beside=True)
    assert np.isfinite(made.answer(made.features(lives))).all()


def test_regimes_are_found_and_one_is_one() -> None:
    for many in (1, 4):
        made = fleets.lives(5, regimes=many)
        assert regimes.find(made.settings, made.sensors).count == many


def test_a_row_far_from_every_regime_belongs_to_none() -> None:
    made = fleets.lives(5, regimes=3)
    found = regimes.find(made.settings, made.sensors)
    assert found.assign(made.settings)[1].all()
    assert not found.assign(made.settings + np.array([4.0, 0.0, 0.0]))[1].any()


def test_folds_part_units_and_hold_every_length() -> None:
    length = np.array([50, 60, 70, 80, 90, 100, 110, 120, 130, 140])
    fold = remaining.folds(length)
    assert sorted(fold.tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert (np.sort(fold[length < 100]) == np.arange(5)).all()


def changed(kind: str) -> np.ndarray:
    rows = fleets.table(1)
    if kind == "numbering":
        rows[:, 0] = 1000.0 - 3 * rows[:, 0]
    elif kind == "columns":
        rows = rows[:, [0, 1, 2, 3, 4, 9, 7, 5, 8, 6]]
    elif kind == "scale":
        rows[:, 5] = 1.8 * rows[:, 5] + 32.0
        rows[:, 7] = -0.01 * rows[:, 7]
    elif kind == "constant":
        rows = np.column_stack([rows, np.full(len(rows), 7.25)])
    return rows


def test_numbering_order_scale_and_dull_columns_change_nothing_that_matters() -> None:
    plain = fleet_file.arrange(changed(""))
    model = remaining.learner(plain, 80.0, Look(), 0)
    expected = np.clip(model.answer(model.features(plain))[:, 0], 0, 80)
    for kind in ("numbering", "columns", "scale", "constant"):
        other = fleet_file.arrange(changed(kind))
        model = remaining.learner(other, 80.0, Look(), 0)
        found = np.clip(model.answer(model.features(other))[:, 0], 0, 80)
        assert np.sqrt(((found - expected) ** 2).mean()) < 1.0, kind


def test_it_stands_beside_the_rule_without_skill_and_is_far_better(report: rul.RulReport) -> None:
    assert report.rmse is not None and report.naive_rmse is not None
    assert report.rmse < 0.6 * report.naive_rmse
    assert report.rmse_no_age is not None and report.phm08 is not None
    assert not report.worse_than_naive
    assert report.units == 20 and report.abstained == 0 and report.regimes == 1
    assert report.held_out["rmse"] < report.held_out["naive_rmse"]
    assert "folds" in report.sources["band"]


def test_the_band_holds_on_units_not_learned_from(report: rul.RulReport) -> None:
    assert report.coverage_90 is not None and report.coverage_90 >= 0.75  # of 20 units
    assert report.width_90 is not None and report.width_90 < 60
    for one in report.predictions:
        assert one.low is not None and one.remaining is not None and one.high is not None
        assert 0.0 <= one.low <= one.remaining <= one.high <= 80.0


def test_units_near_their_end_are_told_in_full(report: rul.RulReport) -> None:
    case = report.cases[0]
    assert len(case.like) == 3
    assert len({like.unit for like in case.like}) == 3
    assert case.because[0].signal in NAMES[:3]
    assert "one usual spread higher" in case.would_change


def test_without_truth_there_are_predictions_and_no_figures() -> None:
    test = fleet_file.arrange(fleets.cut(fleets.table(2, units=3), 2)[0])
    found = rul.judge(fleets.lives(1, units=10), test, None, 80.0, 0, silent)
    assert found.rmse is None and found.naive_rmse is None and found.coverage_90 is None
    assert found.phm08 is None
    assert len(found.predictions) == 3


def test_what_is_strange_gets_a_reason_and_no_number(learner: Learner) -> None:
    familiar = Familiar(learner, fleets.lives(1))
    usual = fleet_file.arrange(fleets.cut(fleets.table(4, units=6), 4)[0])
    assert familiar.why_not(usual, NAMES) == [""] * 6

    def why(column: int, values: np.ndarray) -> str:
        sensors = usual.sensors.copy()
        sensors[:, column] = values
        return familiar.why_not(replace(usual, sensors=sensors), NAMES)[0]

    first = usual.sensors[:, 0]
    assert why(0, np.full(len(first), np.nan)) == "sensor 1 is missing"
    assert why(0, np.full(len(first), 501.0)) == "sensor 1 repeats one value"
    assert why(1, usual.sensors[:, 1] + 50) == "sensor 2 is unlike anything in training"
    assert why(4, np.full(len(first), 1.0)) == ""  # a column that taught nothing may do anything


def test_gaps_are_filled_from_the_past_alone(learner: Learner) -> None:
    rows = fleets.table(3, units=1)
    rows[20:25, 5] = np.nan
    with_gap = learner.features(fleet_file.arrange(rows))
    other = rows.copy()
    other[25:, 5] += 100.0
    assert np.array_equal(with_gap[:25], learner.features(fleet_file.arrange(other))[:25])
    assert np.isfinite(with_gap).all()


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_other_marks_between_names_and_empty_fields_are_read(tmp_path: Path, mark: str) -> None:
    rows = fleets.table(1, units=2)
    rows[3, 6] = np.nan
    names = mark.join(f"c{n}" for n in range(rows.shape[1]))
    empty = "nan" if mark == " " else ""
    lines = [mark.join(empty if np.isnan(v) else f"{v:.10g}" for v in row) for row in rows]
    file = tmp_path / "f.csv"
    file.write_text("\n".join([names, *lines]) + "\n")
    found = fleet_file.read(file)
    assert np.allclose(found.sensors, rows[:, 5:], rtol=1e-9, equal_nan=True)


def test_lives_of_a_few_rows_still_have_a_band_of_some_width() -> None:
    rows = fleets.table(1, units=12)
    short = np.concatenate([rows[rows[:, 0] == u][-14:] for u in np.unique(rows[:, 0])])
    made = remaining.learn(fleet_file.arrange(short), 80.0, 0, silent)
    assert made.band is not None
    low, high = made.band.around(np.array([6.0]))
    assert high[0] - low[0] > 0.5


def test_a_sensor_that_was_never_measured_is_left_out_in_silence(
    recwarn: pytest.WarningsRecorder,
) -> None:
    rows = fleets.table(1, units=6)
    rows[:, 7] = np.nan
    made = remaining.learner(fleet_file.arrange(rows), 80.0, Look(), 0)
    assert 2 not in made.kept
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_too_few_lives_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        remaining.learn(fleets.lives(1, units=9), 80.0, 0, silent)


def test_the_shortest_interval_holds_its_share() -> None:
    values = np.concatenate([np.linspace(0, 1, 90), np.linspace(5, 50, 10)])
    low, high = bands.shortest(values, np.ones(100), 0.9)
    assert low == 0.0 and high == 1.0


def test_late_costs_more_than_early() -> None:
    cost = remaining.phm08(np.array([-13.0, 0.0, 10.0]))
    assert cost.tolist() == pytest.approx([np.e - 1, 0.0, np.e - 1])
