"""The maintenance forecast: no look-ahead, bands that hold, silence without a basis."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.unit.analytics import fleet_kit
from tests.unit.analytics.fleet_kit import DAYS, END_MS, Fleet

from lamplighter.analytics import calibration, fleet
from lamplighter.analytics.fleet import DAY_MS, FleetHistory, Points, Renewal
from lamplighter.analytics.maintenance import TrainReport, TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent


@dataclass
class Trained:
    fleet: Fleet
    report: TrainReport
    folder: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    made = fleet_kit.make(1)
    folder = tmp_path_factory.mktemp("model")
    return Trained(made, train(TrainRequest(made.history, str(folder)), silent), folder)


def moment(day: float) -> int:
    return END_MS - DAYS * DAY_MS + int(day * DAY_MS)


def forecast(trained: Trained, history: FleetHistory, now_ms: int) -> dict[str, Prognosis]:
    files = trained.report.files
    request = ScoreRequest(str(trained.folder), files, history, now_ms, now_ms)
    return {p.asset: p for p in score(request, silent)}


def worn_moment(made: Fleet, asset: int, days_before: float) -> tuple[FleetHistory, int]:
    now = moment(float(made.life_end_days[asset]) - days_before)
    return fleet_kit.until(made.history, now), now


# -------------------------------------------------------------------------------- no look-ahead
def test_features_of_the_past_do_not_change_when_the_future_does() -> None:
    history = fleet_kit.make(3).history
    cut = moment(33.3)
    rng = np.random.default_rng(0)
    later = history.time_ms > cut
    shuffled = history.values.copy()
    shuffled[later] = rng.permutation(shuffled[later])
    changed = msgspec.structs.replace(history, values=shuffled)

    def past(given: FleetHistory) -> np.ndarray:
        rows = fleet.order(given)
        return fleet.features(rows, ("motor_current",))[rows.time_ms <= cut]

    whole = past(history)
    assert np.array_equal(whole, past(changed), equal_nan=True)
    assert np.array_equal(whole, past(fleet_kit.until(history, cut)), equal_nan=True)
    assert not np.array_equal(
        fleet.features(fleet.order(history), ()),
        fleet.features(fleet.order(changed), ()),
        equal_nan=True,
    )


def test_a_forecast_made_then_is_not_changed_by_what_came_after(trained: Trained) -> None:
    made = fleet_kit.make(7)
    now = moment(30)
    then = fleet_kit.until(made.history, now)
    rng = np.random.default_rng(0)
    shuffled = msgspec.structs.replace(
        made.history, values=rng.permutation(made.history.values, axis=0)
    )
    later = fleet_kit.until(shuffled, now)
    same = msgspec.structs.replace(later, values=then.values)

    assert forecast(trained, then, now) == forecast(trained, same, now)


def test_the_order_of_rows_and_assets_does_not_matter(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(7), 0, 8)
    mixed = np.random.default_rng(0).permutation(len(history.time_ms))
    again = msgspec.structs.replace(
        history,
        asset=history.asset[mixed],
        time_ms=history.time_ms[mixed],
        values=history.values[mixed],
    )

    assert forecast(trained, history, now) == forecast(trained, again, now)


# ------------------------------------------------------------------------------------- training
def test_training_writes_a_card_that_stands_beside_a_naive_rate(trained: Trained) -> None:
    report = trained.report

    assert report.failures == 12
    assert report.basis == "simulated history, 12 failures"
    assert report.brier < 0.7 * report.naive_brier
    assert not report.frozen
    assert "vibration_rms" in report.useful
    assert "motor_current" not in report.useful
    assert report.coverage_90 >= 0.85
    assert report.seconds > 0


def test_the_same_past_gives_the_same_forecasts(trained: Trained, tmp_path: Path) -> None:
    again = train(TrainRequest(trained.fleet.history, str(tmp_path)), silent)
    history, now = worn_moment(fleet_kit.make(5), 2, 10)

    one = forecast(trained, history, now)
    other = forecast(Trained(trained.fleet, again, tmp_path), history, now)

    assert one == other


def test_too_few_failures_are_no_basis(tmp_path: Path) -> None:
    made = fleet_kit.make(1, failures=3)

    with pytest.raises(LamplighterError, match=r"3 failures on record.*\[P-604\]"):
        train(TrainRequest(made.history, str(tmp_path)), silent)


def test_failures_from_before_the_first_value_are_no_failures_of_what_was_measured(
    trained: Trained, tmp_path: Path
) -> None:
    history = trained.fleet.history
    old = np.arange(80)  # a register that reaches back for years
    longer = msgspec.structs.replace(
        history,
        renewal_asset=np.concatenate([old % 24, history.renewal_asset]),
        renewal_ms=np.concatenate([moment(-3) - old * 20 * DAY_MS, history.renewal_ms]),
        renewal_failed=np.concatenate([np.ones(80, np.bool_), history.renewal_failed]),
    )

    report = train(TrainRequest(longer, str(tmp_path)), silent)

    assert report.failures == trained.report.failures
    assert report.basis == trained.report.basis
    assert report.naive_probability == trained.report.naive_probability
    assert report.brier == trained.report.brier


def test_a_model_of_noise_is_frozen(tmp_path: Path) -> None:
    made = fleet_kit.make(2)
    rng = np.random.default_rng(0)
    values = made.history.values.copy()
    values[:, :3] = rng.normal(size=(len(values), 3))
    noise = msgspec.structs.replace(made.history, values=values)
    report = train(TrainRequest(noise, str(tmp_path), folds=3), silent)
    if not report.frozen:  # a lucky draw must at least not look convincing
        assert report.brier > 0.85 * report.naive_brier
        return

    items = forecast(Trained(made, report, tmp_path), noise, END_MS)

    assert all(p.probability_30d is None and "frozen" in p.basis for p in items.values())


# -------------------------------------------------------------------------------------- scoring
def test_a_worn_bearing_leads_the_list_with_its_evidence(trained: Trained) -> None:
    made = fleet_kit.make(11)
    history, now = worn_moment(made, 4, 6)

    worn = forecast(trained, history, now)["P-05"]

    assert worn.probability_30d is not None and worn.probability_30d > 0.7
    assert worn.low is not None and worn.high is not None
    assert worn.low <= worn.probability_30d <= worn.high
    assert worn.days_low is not None and worn.days_high is not None
    assert worn.days_low <= 6 <= worn.days_high
    assert worn.reasons[0].signal == "vibration_rms"
    assert "usually" in worn.reasons[0].text
    assert sum(r.share for r in worn.reasons) <= 1.01
    assert len(worn.similar) == 3
    assert len({(c.asset, c.outcome) for c in worn.similar}) == 3
    assert "failed" in worn.similar[0].outcome
    assert worn.naive_probability == pytest.approx(trained.report.naive_probability, abs=1e-4)
    assert worn.basis == "simulated history, 12 failures"


def test_a_young_bearing_is_not_accused(trained: Trained) -> None:
    made = fleet_kit.make(11)
    history = fleet_kit.until(made.history, moment(59))
    young = [n for n, end in enumerate(made.life_end_days) if 30 < end < 50]

    items = forecast(trained, history, moment(59))

    chances = [items[f"P-{n + 1:02}"].probability_30d for n in young]
    assert chances
    assert max(c for c in chances if c is not None) < 0.25


def test_age_alone_moves_nothing(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)
    older = history.values.copy()
    older[:, history.signals.index("service_hours")] += 5000.0

    changed = msgspec.structs.replace(history, values=older)
    assert forecast(trained, history, now) == forecast(trained, changed, now)


def without(history: FleetHistory, signal: str, since_ms: int = 0) -> FleetHistory:
    values = history.values.copy()
    values[history.time_ms >= since_ms, history.signals.index(signal)] = np.nan
    return msgspec.structs.replace(history, values=values)


def test_without_its_useful_sensor_a_forecast_has_no_basis(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)

    gone = forecast(trained, without(history, "vibration_rms"), now)["P-05"]
    old = forecast(trained, without(history, "vibration_rms", now - 4 * DAY_MS), now)["P-05"]
    spare = forecast(trained, without(history, "motor_current"), now)["P-05"]

    for item in (gone, old):
        assert item.probability_30d is None and item.low is None and item.days_low is None
        assert not item.reasons
    assert gone.basis == "no basis: vibration rms is missing"
    assert old.basis == "no basis: vibration rms is 4 days old"
    assert spare.probability_30d is not None


def test_a_sensor_that_went_silent_has_no_basis(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)

    items = forecast(trained, history, now + 3 * DAY_MS)

    assert all("days old" in p.basis for p in items.values())


def test_what_is_unlike_training_has_no_basis(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)
    values = history.values.copy()
    values[history.asset == 4, 0] *= 20
    items = forecast(trained, msgspec.structs.replace(history, values=values), now)

    assert "unlike anything seen" in items["P-05"].basis
    assert items["P-05"].probability_30d is None
    assert any(p.probability_30d is not None for p in items.values())


def test_an_asset_nothing_was_heard_of_is_listed_without_a_number(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)
    more = msgspec.structs.replace(history, assets=(*history.assets, "P-99"))

    assert forecast(trained, more, now)["P-99"].basis == "no basis: nothing was heard of it"


def test_assets_are_ranked_and_the_fleet_equals_its_members(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)
    request = ScoreRequest(str(trained.folder), trained.report.files, history, now, now)
    items = score(request, silent)
    chances = [p.probability_30d or 0.0 for p in items]
    assert chances == sorted(chances, reverse=True)

    for item in items[:3]:
        place = history.assets.index(item.asset)
        mine, known = history.asset == place, history.renewal_asset == place
        alone = msgspec.structs.replace(
            history,
            asset=history.asset[mine],
            time_ms=history.time_ms[mine],
            values=history.values[mine],
            renewal_asset=history.renewal_asset[known],
            renewal_ms=history.renewal_ms[known],
            renewal_failed=history.renewal_failed[known],
        )
        assert forecast(trained, alone, now)[item.asset] == item


def test_bands_hold_on_fleets_the_model_has_not_seen(tmp_path: Path) -> None:
    inside: list[bool] = []
    for seed in range(3):
        folder = tmp_path / str(seed)
        request = TrainRequest(fleet_kit.make(seed).history, str(folder), seed, folds=3)
        report = train(request, silent)
        model = Trained(fleet_kit.make(seed), report, folder)
        new = fleet_kit.make(seed + 1000)
        rng = np.random.default_rng(seed)
        for asset in range(12):
            end = float(new.life_end_days[asset])
            before = rng.uniform(0, min(30.0, end - 2.0))
            history, now = worn_moment(new, asset, before)
            item = forecast(model, history, now)[f"P-{asset + 1:02}"]
            if item.days_low is not None and item.days_high is not None:
                inside.append(item.days_low - 0.1 <= before <= item.days_high + 0.1)

    assert len(inside) >= 30
    assert np.mean(inside) >= 0.8


# ---------------------------------------------------------------------------------- calibration
def test_a_quantile_is_by_asset_not_by_row() -> None:
    score_ = np.concatenate([np.full(1000, 0.1), np.arange(1.0, 10.0)])
    asset = np.concatenate([np.zeros(1000, int), np.arange(1, 10)])

    assert calibration.score_quantile(score_, asset) >= 8.0
    assert np.quantile(score_, 0.9) < 1.0


def test_too_few_assets_give_no_band() -> None:
    assert calibration.score_quantile(np.ones(50), np.repeat(np.arange(2), 25)) == np.inf


def test_wilson_is_the_known_interval() -> None:
    low, high = calibration.wilson(0.5, 10)
    assert (round(low, 2), round(high, 2)) == (0.27, 0.73)


# ---------------------------------------------------------------------------------------- points
def test_points_become_rows_of_means() -> None:
    points = Points(
        np.array([7, 7, 8, 9, 7, 99]),
        np.array([1000, 2000, 1500, 1600, 3_700_000, 1000]),
        np.array([1.0, 3.0, 9.0, 4.0, np.nan, 5.0]),
        np.array([0, 0, 0, 2, 0, 0], np.uint8),
        {7: ("A", "v"), 8: ("A", "t"), 9: ("B", "v")},
    )
    renewals = (Renewal("A", 5, True), Renewal("X", 5, True))
    rows = fleet.from_points(points, renewals, step_ms=3_600_000)

    assert rows.assets == ("A", "B")
    assert rows.signals == ("t", "v")
    assert rows.values.tolist() == [[9.0, 2.0]]
    assert rows.time_ms.tolist() == [2000]
    assert rows.renewal_asset.tolist() == [0]


def test_signals_stamped_in_different_seconds_stand_in_one_row() -> None:
    nan = np.nan
    history = FleetHistory(
        ("a", "b"), ("x", "y"), np.array([0, 0, 0, 1]), np.array([1_000, 2_000, 30_000, 31_000]),
        np.array([[1.0, nan], [nan, 2.0], [nan, 3.0], [nan, 4.0]]), np.zeros(0, np.int64),
        np.zeros(0, np.int64), np.zeros(0, np.bool_),
    )  # fmt: skip
    filled = fleet.with_neighbours(history, 10_000).values
    np.testing.assert_array_equal(
        filled, [[1.0, nan], [1.0, 2.0], [nan, 3.0], [nan, 4.0]]
    )  # nothing later, nothing old, nothing of another asset


def test_wear_runs_by_hours_in_service() -> None:
    history = FleetHistory(
        ("A", "B"),
        ("v", "service_hours"),
        np.array([0, 0, 0, 0, 1, 1]),
        np.array([0, 3_600_000, 3_601_000, 3_602_000, 0, 3_600_000]),
        np.array([[1, 10], [1, 11], [1, 35], [1, 2], [1, 5], [1, 5]], float),
        np.array([0, 0, 1]),
        np.array([3_602_000, 3_605_000, 9_000_000]),
        np.array([True, False, False]),
    )

    duty = fleet.by_duty(history)

    hour = 3_600_000
    assert duty.time_ms.tolist() == [0, hour, 25 * hour, 25 * hour + 1, 0, 1]
    assert duty.renewal_ms.tolist() == [25 * hour + 1, 25 * hour + 3_001, 5_400_001]


def test_a_life_that_runs_on_is_not_credited_with_days_it_did_not_serve() -> None:
    hour, rows = 3_600_000, 101
    often, seldom = np.arange(rows) * 1.0, np.arange(rows) * 0.25
    history = FleetHistory(
        ("A", "B"),
        ("v", "service_hours"),
        np.repeat([0, 1], rows),
        np.tile(np.arange(rows) * hour, 2),
        np.column_stack([np.ones(2 * rows), np.concatenate([often, seldom])]),
        np.zeros(0, np.int64),
        np.zeros(0, np.int64),
        np.zeros(0, np.bool_),
    )

    found = fleet.order(fleet.by_duty(history))

    assert found.days_left[0] == pytest.approx(100 / 24)
    assert found.days_left[rows] == pytest.approx(25 / 24)


def test_past_cases_are_told_by_the_clock_where_machines_run_at_times(tmp_path: Path) -> None:
    made = fleet_kit.make(1)
    values = made.history.values.copy()
    values[:, 3] *= 0.8  # hours in service
    history = msgspec.structs.replace(made.history, values=values)
    seldom = Trained(made, train(TrainRequest(history, str(tmp_path)), silent), tmp_path)
    now = moment(float(made.life_end_days[4]) - 4)
    told = forecast(seldom, fleet_kit.until(history, now), now)
    measured = set(history.time_ms.tolist())

    cases = [case for item in told.values() for case in item.similar]
    assert cases and all(case.when_ms in measured for case in cases)
    assert seldom.report.to_ms == int(history.time_ms.max())


def test_a_day_a_second_is_the_same_wear_as_a_day_a_day(trained: Trained) -> None:
    history, now = worn_moment(fleet_kit.make(11), 4, 6)
    began = now - 30 * DAY_MS
    fast = history.time_ms > began
    hurried = np.where(fast, began + (history.time_ms - began) // 86_400, history.time_ms)
    quick = msgspec.structs.replace(history, time_ms=hurried)
    soon = int(hurried.max())

    slow, live = forecast(trained, history, now)["P-05"], forecast(trained, quick, soon)["P-05"]

    assert slow.probability_30d is not None and live.probability_30d is not None
    assert live.probability_30d == pytest.approx(slow.probability_30d, abs=0.05)
    assert live.days_high == pytest.approx(slow.days_high, rel=0.3)
