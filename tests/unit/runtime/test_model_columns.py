"""What a plugin's model is handed, and that nothing unsound of its answer is used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.city import Datastream
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import Quality
from lamplighter.plugin_api import ExpectedColumns
from lamplighter.runtime.model_columns import SECONDS, Samples, checked

NOW = 1_800_000_000_000
OWN = [Datastream(n, "dev", f"P-{n}", "bar", "pressure", f"J-{n}") for n in (3, 5, 8)]


def _answer(**changes: Any) -> ExpectedColumns:
    sound = ExpectedColumns(
        np.array([3, 5, 8]),
        np.array([4.0, 4.5, 5.0]),
        np.array([0.1, 0.1, 0.2]),
        300.0,
        np.array([[5], [3], [-1]]),
        np.array([[0.5], [0.25], [0.0]]),
    )
    return replace(sound, **changes)


def _newest(values: dict[int, float], at: int = NOW) -> NewestValues:
    newest = blank(10)
    for ident, value in values.items():
        newest.value[ident] = value
        newest.time_ms[ident] = at
        newest.quality[ident] = int(Quality.GOOD)
    return newest


def test_a_sound_answer_is_what_the_core_evaluates() -> None:
    table = checked(_answer(), OWN, NOW)
    expected, spread = table.evaluate(_newest({3: 4.2, 5: 4.9, 8: 1.0}), NOW)

    assert expected[[3, 5, 8]] == pytest.approx([4.2, 4.55, 5.0])
    assert spread[[3, 5, 8]] == pytest.approx([0.1, 0.1, 0.2])
    assert np.isnan(expected[[0, 4, 9]]).all()


def test_after_its_validity_it_says_nothing() -> None:
    table = checked(_answer(), OWN, NOW)
    expected, _ = table.evaluate(_newest({3: 4.2, 5: 4.9, 8: 1.0}), NOW + 300_000)
    assert np.isnan(expected).all()


def test_a_level_may_follow_the_day_and_no_neighbours_are_needed() -> None:
    day = np.tile(np.arange(24.0), (3, 1))
    table = checked(_answer(level=day, neighbour=None, weight=None), OWN, NOW)
    noon = NOW - NOW % 86_400_000 + 12 * 3_600_000
    assert table.seasonal(noon) == pytest.approx([11.5] * 3)


def test_an_answer_without_rows_abstains() -> None:
    empty = np.zeros(0)
    table = checked(ExpectedColumns(np.zeros(0, np.int64), empty, empty, 60.0), OWN, NOW)
    expected, _ = table.evaluate(_newest({3: 1.0}), NOW)
    assert np.isnan(expected).all()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"datastream": np.array([3, 5, 4])}, "not its own"),
        ({"datastream": np.array([3, 5, -1])}, "not its own"),
        ({"datastream": np.array([3, 5, 5])}, "two rows"),
        ({"datastream": np.array([3.0, 5.0, 8.0])}, "whole numbers"),
        ({"datastream": np.array(["3", "5", "8"])}, "whole numbers"),
        ({"datastream": np.array([[3, 5, 8]])}, "dimensions"),
        ({"level": np.array([4.0, np.nan, 5.0])}, "not finite"),
        ({"level": np.array([4.0, np.inf, 5.0])}, "not finite"),
        ({"level": np.array([4.0, 5.0])}, "shape"),
        ({"level": np.array(4.0)}, "shape"),
        ({"level": np.zeros((3, 0))}, "shape"),
        ({"level": np.zeros((3, 100_000))}, "shape"),
        ({"level": np.array(["a", "b", "c"])}, "no numbers"),
        ({"spread": np.array([0.1, 0.0, 0.1])}, "above 0"),
        ({"spread": np.array([0.1, -1.0, 0.1])}, "above 0"),
        ({"spread": np.array([[0.1, 0.1, 0.1]])}, "above 0"),
        ({"valid_s": 1.0}, "valid_s"),
        ({"valid_s": 1e9}, "valid_s"),
        ({"valid_s": float("nan")}, "valid_s"),
        ({"weight": None}, "together"),
        ({"weight": np.zeros((3, 2))}, "do not fit"),
        ({"weight": np.array([[np.nan], [0.0], [0.0]])}, "not finite"),
        ({"neighbour": np.array([[4], [3], [-1]])}, "row of its own"),
        ({"neighbour": np.array([[3], [3], [-1]])}, "own neighbour"),
        ({"neighbour": np.zeros((3, 40), np.int64), "weight": np.zeros((3, 40))}, "at most 16"),
    ],
)
def test_an_unsound_answer_is_refused_with_one_line(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        checked(_answer(**changes), OWN, NOW)
    assert "\n" not in str(caught.value)


def _taken(samples: Samples, seconds: int, first: int = 0) -> None:
    fresh = np.zeros(10, np.bool_)
    for second in range(first, first + seconds):
        at = NOW + second * 1000
        samples.take(_newest({3: 1.0 + second, 5: 2.0, 8: 3.0}, at), fresh, at)


def test_a_model_sees_the_last_minutes_oldest_first() -> None:
    samples = Samples()
    samples.describe(OWN)
    assert samples.inputs(NOW).value.shape == (3, 0)
    _taken(samples, SECONDS + 20)
    inputs = samples.inputs(NOW)

    assert inputs.datastream.tolist() == [3, 5, 8]
    assert inputs.value.shape == (3, SECONDS)
    assert inputs.value[0, [0, -1]].tolist() == [21.0, 20.0 + SECONDS]
    assert (np.diff(inputs.time_ms) == 1000).all()
    assert list(inputs.asset) == ["J-3", "J-5", "J-8"]


def test_stale_bad_and_missing_values_are_not_handed_over() -> None:
    samples = Samples()
    samples.describe(OWN)
    newest, stale = _newest({3: 1.0, 5: 2.0}), np.zeros(10, np.bool_)
    newest.quality[3] = int(Quality.BAD)
    samples.take(newest, stale, NOW)  # 5 alone is sound
    stale[5] = True
    samples.take(newest, stale, NOW + 1000)

    value = samples.inputs(NOW).value
    assert np.isnan(value).tolist() == [[True, True], [False, True], [True, True]]


def test_datastreams_that_come_later_do_not_move_what_is_known() -> None:
    samples = Samples()
    samples.describe(OWN)
    _taken(samples, 3)
    samples.describe([*OWN[1:], Datastream(4, "dev", "P-4", "bar", "pressure", "J-4")])
    _taken(samples, 1, first=3)

    inputs = samples.inputs(NOW)
    assert inputs.datastream.tolist() == [4, 5, 8]
    assert inputs.value[1].tolist() == [2.0] * 4
    assert np.isnan(inputs.value[0]).all()
