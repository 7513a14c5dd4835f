"""Expected values: right where inputs are, silent where they are not, never taught by faults."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.analytics import Expectation, ExpectedTable, OnlineLearner
from lamplighter.analytics.expected import DAY_MS, WEEK_MS, residual
from lamplighter.analytics.train import HistoryColumns, train_tables
from lamplighter.domain.codec import Codec
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import Quality
from lamplighter.domain.task import silent

NOW = 1_795_305_600_000 // DAY_MS * DAY_MS + 12 * 3_600_000


def newest(values: list[float] | np.ndarray, now_ms: int, quality: int = 0) -> NewestValues:
    found = blank(len(values))
    found.value[:] = values
    found.time_ms[:] = now_ms
    found.quality[:] = quality
    return found


def table(**changes: object) -> ExpectedTable:
    season = np.tile(np.arange(24.0), (2, 1))
    columns: dict[str, object] = {
        "datastream": np.array([0, 1]),
        "period_ms": DAY_MS,
        "season": season,
        "neighbour": np.array([[1], [-1]]),
        "weight": np.array([[0.5], [0.0]]),
        "spread": np.array([0.2, 0.3]),
        "stale_ms": np.array([2000, 2000]),
        "valid_from_ms": NOW - DAY_MS,
        "valid_to_ms": NOW + DAY_MS,
    }
    return ExpectedTable(**(columns | changes))  # type: ignore[arg-type]


HALF_PAST = NOW + 1_800_000


def test_expected_is_the_season_plus_what_the_neighbour_departs() -> None:
    expected, spread = table().evaluate(newest([0.0, 14.0], HALF_PAST), HALF_PAST)

    assert expected == pytest.approx([12.0 + 0.5 * 2.0, 12.0])
    assert spread == pytest.approx([0.2, 0.3])


def test_the_season_runs_smoothly_from_slot_to_slot() -> None:
    smooth = table(weight=np.zeros((2, 1)))
    values = newest([0.0, 0.0], NOW)

    assert smooth.evaluate(values, NOW)[0][1] == pytest.approx(11.5)
    assert smooth.evaluate(values, NOW + 900_000)[0][1] == pytest.approx(11.75)


@pytest.mark.parametrize(
    "case", ["bad neighbour", "stale neighbour", "old neighbour", "missing neighbour", "nan"]
)
def test_the_model_abstains_when_an_input_is_poor(case: str) -> None:
    values = newest([12.0, 14.0], HALF_PAST)
    if case == "bad neighbour":
        values.quality[1] = int(Quality.BAD)
    elif case == "stale neighbour":
        values.quality[1] = int(Quality.STALE)
    elif case == "old neighbour":
        values.time_ms[1] = HALF_PAST - 2001
    elif case == "missing neighbour":
        values.time_ms[1] = 0
    else:
        values.value[1] = np.nan

    expected, spread = table().evaluate(values, HALF_PAST)

    assert np.isnan(expected[0])
    assert np.isnan(spread[0])
    assert expected[1] == pytest.approx(12.0)


def test_the_model_abstains_outside_its_window_and_for_strangers() -> None:
    values = newest([1.0, 1.0, 1.0], HALF_PAST)

    assert np.isnan(table(valid_to_ms=HALF_PAST).evaluate(values, HALF_PAST)[0]).all()
    assert np.isnan(table(valid_from_ms=HALF_PAST + 1).evaluate(values, HALF_PAST)[0]).all()
    assert np.isnan(table().evaluate(values, HALF_PAST)[0][2])


def test_a_table_may_know_datastreams_that_are_not_there_yet() -> None:
    expected, _ = table().evaluate(newest([1.0], HALF_PAST), HALF_PAST)

    assert expected.shape == (1,)
    assert np.isnan(expected[0])


def test_a_table_crosses_to_another_process_unchanged() -> None:
    codec = Codec()
    again = codec.decode(codec.encode(table()), ExpectedTable)

    values = newest([1.0, 14.0], HALF_PAST)
    assert np.array_equal(again.evaluate(values, NOW), table().evaluate(values, NOW))


# ------------------------------------------------------------------------------------- learner
def run(
    learner: OnlineLearner, seconds: int, start: int = NOW, **shape: object
) -> list[np.ndarray]:
    """Feeds one value a second to three datastreams; returns expected per second."""
    rng = np.random.default_rng(3)
    out = []
    for second in range(seconds):
        now = start + 1000 * second
        values = newest(np.array([10.0, 50.0, 0.0]) + rng.normal(0, 0.1, 3), now)
        out.append(learner.evaluate(values, now)[0])
        learner.learn(values, now)
    return out


def test_a_fresh_city_has_bands_within_fifteen_seconds() -> None:
    learner = OnlineLearner()
    series = run(learner, 15)

    assert np.isnan(series[9]).all()
    assert series[14] == pytest.approx([10.0, 50.0, 0.0], abs=0.2)
    _, spread = learner.evaluate(newest([10.0, 50.0, 0.0], NOW + 15_000), NOW + 15_000)
    assert (spread > 0.05).all() and (spread < 0.5).all()


def test_an_intruder_does_not_teach_the_model() -> None:
    learner = OnlineLearner()
    run(learner, 60)
    for second in range(60, 120):
        now = NOW + 1000 * second
        values = newest([30.0, 50.0, 0.0], now)
        expected, spread = learner.evaluate(values, now)
        learner.learn(values, now)

    assert expected[0] == pytest.approx(10.0, abs=0.2)
    assert abs(residual(values, expected, spread)[0]) > 50
    assert learner.frozen.tolist() == [True, False, False]


def test_a_change_that_stays_is_believed_in_the_end() -> None:
    learner = OnlineLearner()
    run(learner, 60)
    for second in range(60, 60 + 1900):
        now = NOW + 1000 * second
        learner.learn(newest([30.0, 50.0, 0.0], now), now)

    expected, _ = learner.evaluate(newest([30.0, 50.0, 0.0], NOW), NOW)
    assert expected[0] == pytest.approx(30.0, abs=0.2)


@pytest.mark.parametrize("quality", [Quality.UNCERTAIN, Quality.BAD, Quality.STALE])
def test_only_good_values_teach(quality: Quality) -> None:
    learner = OnlineLearner()
    for second in range(30):
        now = NOW + 1000 * second
        learner.learn(newest([5.0], now, int(quality)), now)

    assert np.isnan(learner.evaluate(newest([5.0], NOW), NOW)[0]).all()


def test_a_value_heard_once_teaches_once() -> None:
    learner = OnlineLearner()
    values = newest([5.0], NOW)
    for second in range(30):
        learner.learn(values, NOW + 1000 * second)

    assert np.isnan(learner.evaluate(values, NOW)[0]).all()


def test_datastreams_of_words_are_left_alone() -> None:
    learner = OnlineLearner()
    learner.describe(np.array([0, 1]), np.array([0.1, 0.1]), np.array([True, False]))
    for second in range(30):
        now = NOW + 1000 * second
        learner.learn(newest([5.0, 1.0], now), now)

    expected, _ = learner.evaluate(newest([5.0, 1.0], NOW), NOW)
    assert np.isnan(expected).tolist() == [False, True]


def test_the_spread_is_never_finer_than_the_sensor() -> None:
    learner = OnlineLearner()
    learner.describe(np.array([0]), np.array([0.25]))
    for second in range(500):
        now = NOW + 1000 * second
        learner.learn(newest([5.0], now), now)

    assert learner.evaluate(newest([5.0], NOW), NOW)[1][0] >= 0.25


def test_the_shape_of_yesterday_is_expected_today() -> None:
    errors: dict[int, list[float]] = {0: [], 2: []}
    learner = OnlineLearner()
    for minute in range(3 * 1440):
        now = NOW + 60_000 * minute
        true = 10.0 + 5.0 * np.sin((now % DAY_MS) / DAY_MS * 4 * np.pi)
        values = newest([true + 0.2 * np.sin(minute)], now)
        expected, _ = learner.evaluate(values, now)
        learner.learn(values, now)
        if minute // 1440 in errors and minute % 1440 > 30:
            errors[minute // 1440].append(abs(float(expected[0]) - true))

    assert np.mean(errors[2]) < 0.7 * np.mean(errors[0])


def test_a_tick_is_judged_before_it_is_learned() -> None:
    one, other = Expectation(), Expectation()
    for second in range(40):
        now = NOW + 1000 * second
        for each in (one, other):
            each.tick(newest([10.0 + second % 3], now), now)
    now = NOW + 40_000

    assert one.tick(newest([10.0], now), now)[0] == other.tick(newest([99.0], now), now)[0]


def test_a_trained_table_goes_before_what_was_learned() -> None:
    expectation = Expectation()
    for second in range(30):
        now = HALF_PAST + 1000 * second
        expectation.tick(newest([99.0, 99.0, 99.0], now), now)
    expectation.use((table(weight=np.zeros((2, 1))),))

    expected, _ = expectation.tick(newest([99.0, 99.0, 99.0], HALF_PAST), HALF_PAST)

    assert expected == pytest.approx([12.0, 12.0, 99.0])


# ------------------------------------------------------------------------------------- training
def history(days: int, seed: int = 0) -> HistoryColumns:
    """Three datastreams each ten minutes: 0 and 1 move together, 2 for itself."""
    rng = np.random.default_rng(seed)
    times = NOW - days * DAY_MS + 600_000 * np.arange(days * 144, dtype=np.int64)
    hour = times % DAY_MS / 3_600_000
    common = np.repeat(rng.normal(0, 1.0, days * 24), 6)
    base = 20 + 4 * np.sin(hour / 24 * 2 * np.pi)
    series = [
        base + common + rng.normal(0, 0.05, times.size),
        2 * base + 2 * common + rng.normal(0, 0.05, times.size),
        base + np.repeat(rng.normal(0, 1.0, days * 24), 6),
    ]
    return HistoryColumns(
        np.repeat(np.arange(3), times.size),
        np.tile(times, 3),
        np.concatenate(series),
        np.zeros(3 * times.size, np.uint8),
    )


@pytest.mark.parametrize(("days", "period"), [(5, DAY_MS), (21, WEEK_MS)])
def test_training_finds_season_and_neighbours(days: int, period: int) -> None:
    found = train_tables(history(days), silent)

    assert found.period_ms == period
    assert found.datastream.tolist() == [0, 1, 2]
    assert found.neighbour[0, 0] == 1
    assert found.spread[0] < 0.3 * found.spread[2]
    assert (found.weight[2] == 0).all()
    values = newest([0.0, 2 * (20.0 + 3.0), 0.0], NOW + 3_600_000 // 2)
    expected, _ = found.evaluate(values, NOW + 3_600_000 // 2)
    assert expected[0] == pytest.approx(20.0 - 4 * np.sin(2 * np.pi / 48) + 3.3, abs=1.5)


def test_training_abstains_where_history_is_too_short() -> None:
    assert train_tables(history(1), silent).rows == 0
    none = np.zeros(0)
    empty = HistoryColumns(none.astype(int), none.astype(int), none, none.astype(np.uint8))
    assert train_tables(empty, silent).rows == 0


def test_bad_values_do_not_train() -> None:
    given = history(5)
    spoiled = given.value.copy()
    quality = given.quality.copy()
    spoiled[::3] = 1e6
    quality[::3] = int(Quality.BAD)
    columns = HistoryColumns(given.datastream, given.time_ms, spoiled, quality)

    assert np.nanmax(train_tables(columns, silent).season) < 100
