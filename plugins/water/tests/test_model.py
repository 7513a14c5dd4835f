"""Pressures that move together explain each other; what does not move with them is not guessed."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from lamplighter.plugin_api import ExpectedColumns, ModelInputs, load_folder, load_module

FOLDER = Path(__file__).parents[1]
SECONDS = 300
ZONE = 8


@pytest.fixture(scope="module")
def model() -> ModuleType:
    file = load_folder(FOLDER).code("model")
    assert file is not None
    return load_module("water", file, load_folder(FOLDER).manifest.engines)


def _inputs(values: npt.NDArray[np.float64], kind: str = "pressure") -> ModelInputs:
    count, seconds = values.shape
    return ModelInputs(
        now_ms=1_000_000,
        datastream=np.arange(10, 10 + count),
        kind=[kind] * count,
        asset=[f"J-{n}" for n in range(count)],
        unit=["bar"] * count,
        time_ms=1_000_000 - 1000 * np.arange(seconds)[::-1],
        value=values,
    )


def _zone(seed: int = 3, seconds: int = SECONDS) -> npt.NDArray[np.float64]:
    """A zone whose demand rises and falls within minutes, seen by sensors with noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(seconds)
    common = 0.3 * np.sin(time / 40.0) + 0.1 * np.sin(time / 11.0)
    level = rng.uniform(3.0, 5.0, ZONE)
    share = rng.uniform(0.7, 1.3, ZONE)
    noise = 0.01 * rng.normal(size=(ZONE, seconds))
    return level[:, None] + share[:, None] * common[None, :] + noise


def _guess(answer: ExpectedColumns, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    assert answer.neighbour is not None and answer.weight is not None
    level = dict(zip(answer.datastream.tolist(), answer.level, strict=True))
    return np.array(
        [
            answer.level[row]
            + sum(
                answer.weight[row, k] * (values[answer.neighbour[row, k] - 10] - level[n])
                for k, n in enumerate(answer.neighbour[row].tolist())
            )
            for row in range(len(answer.datastream))
        ]
    )


def test_a_zone_that_moves_together_explains_each_of_its_sensors(model: ModuleType) -> None:
    values = _zone(seconds=SECONDS + 30)
    answer = model.expected(_inputs(values[:, :SECONDS]))

    assert answer.datastream.tolist() == list(range(10, 10 + ZONE))
    left = np.abs(_guess(answer, values[:, -1]) - values[:, -1]) / answer.spread
    assert left.max() < 4.0
    assert answer.spread.max() < 0.05, "much closer than the quarter of a bar it swings"


def test_a_sensor_that_leaves_its_zone_stands_out(model: ModuleType) -> None:
    values = _zone(seconds=SECONDS + 30)
    answer = model.expected(_inputs(values[:, :SECONDS]))
    now = values[:, -1].copy()
    now[0] += 0.4

    left = np.abs(_guess(answer, now) - now) / answer.spread
    assert left[0] > 10.0


def test_a_whole_zone_that_falls_is_no_surprise(model: ModuleType) -> None:
    share = np.linspace(0.8, 1.2, ZONE)
    rng = np.random.default_rng(5)
    common = np.sin(np.arange(SECONDS) / 30.0)
    noise = 0.005 * rng.normal(size=(ZONE, SECONDS))
    values = 4.0 + share[:, None] * common[None, :] + noise
    answer = model.expected(_inputs(values))
    fallen = 4.0 - 1.5 * share

    assert np.abs(_guess(answer, fallen) - fallen).max() < 0.1


def test_quiet_water_is_left_to_others(model: ModuleType) -> None:
    noise = 4.0 + 0.01 * np.random.default_rng(1).normal(size=(ZONE, SECONDS))
    assert model.expected(_inputs(noise)).datastream.size == 0


def test_a_stranger_in_the_zone_gets_no_row_and_serves_nobody(model: ModuleType) -> None:
    values = _zone()
    values[2] = 4.0 + 0.2 * np.random.default_rng(9).normal(size=SECONDS)
    answer = model.expected(_inputs(values))

    assert 12 not in answer.datastream and 12 not in answer.neighbour
    assert len(answer.datastream) == ZONE - 1


@pytest.mark.parametrize("seconds", [0, 1, 100])
def test_too_little_is_known_at_first(model: ModuleType, seconds: int) -> None:
    answer = model.expected(_inputs(_zone()[:, :seconds]))
    assert answer.datastream.size == 0
    assert answer.valid_s < 300, "so that it is asked again soon"


def test_gaps_and_other_kinds_are_left_alone(model: ModuleType) -> None:
    values = _zone()
    values[4, 17] = np.nan
    assert 14 not in model.expected(_inputs(values)).datastream
    assert model.expected(_inputs(values, kind="level")).datastream.size == 0
    assert model.expected(_inputs(np.zeros((0, 200)))).datastream.size == 0
    assert model.expected(_inputs(np.full((5, 200), 3.0))).datastream.size == 0
