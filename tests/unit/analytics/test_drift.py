"""Inputs that moved away from the training are seen; one asset that wears is not that."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.unit.analytics import fleet_kit

from lamplighter.analytics import drift
from lamplighter.analytics.fleet import FleetHistory
from lamplighter.analytics.maintenance import TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.domain.models import Drift
from lamplighter.domain.task import silent

NAMES = ("vibration", "vibration", "temperature", "temperature")


def rows(seed: int, units: int, each: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """((n, 4) inputs, asset of each): every asset around a level of its own."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(units, 4))
    inputs = np.repeat(level, each, axis=0) + rng.normal(0, 0.3, (units * each, 4))
    return inputs, np.repeat(np.arange(units), each)


def judged(inputs: np.ndarray, asset: np.ndarray, units: int = 40) -> Drift:
    seen, whose = rows(1, units)
    kept = drift.reference(seen, whose)
    return drift.judge(inputs, asset, NAMES, kept, seen.min(axis=0), seen.max(axis=0), 5)


@pytest.mark.parametrize("seed", range(2, 12))
def test_other_assets_of_the_same_kind_are_no_drift(seed: int) -> None:
    found = judged(*rows(seed, 40))

    assert found.moved == ()
    assert "as in training" in found.words


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 4.0), (8.0, 0.0), (0.0, 0.0)])
def test_a_sensor_that_all_changed_is_drift_and_named(factor: float, offset: float) -> None:
    inputs, asset = rows(3, 40)
    inputs[:, 2] = inputs[:, 2] * factor + offset

    found = judged(inputs, asset)

    assert found.moved == ("temperature",) and found.worst == "temperature"
    assert "moved away from training: temperature" in found.words


def test_one_asset_that_is_far_off_is_a_fault_and_no_drift() -> None:
    inputs, asset = rows(4, 40)
    inputs[asset == 7] += 50.0

    found = judged(inputs, asset)

    assert found.moved == ()
    assert 1 / 40 <= found.outside < 0.15


def test_unknown_values_and_constants_are_left_alone() -> None:
    inputs, asset = rows(5, 40)
    inputs[:, 0] = np.nan

    assert judged(inputs, asset).moved == ()
    seen = np.full((100, 1), 3.0)
    kept = drift.reference(seen, np.arange(100))
    assert np.isnan(drift.index(seen, np.arange(100), kept)).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("model")
    report = train(TrainRequest(fleet_kit.make(1).history, str(folder)), silent)
    return folder, report.files


def asked(trained: tuple[Path, dict[str, str]], history: FleetHistory) -> ScoreRequest:
    now = int(history.time_ms.max())
    return ScoreRequest(str(trained[0]), trained[1], history, now, now)


def test_the_fleets_inputs_are_compared_as_the_model_sees_them(
    trained: tuple[Path, dict[str, str]],
) -> None:
    history = fleet_kit.make(8).history
    place = history.signals.index("vibration_rms")
    values = history.values.copy()
    values[:, place] *= 25.4  # inches, all at once
    changed = msgspec.structs.replace(history, values=values)

    as_before = drift.fleet_drift(asked(trained, history), silent)
    moved = drift.fleet_drift(asked(trained, changed), silent)

    assert as_before.moved == ()
    assert moved.worst == "vibration_rms" and "vibration_rms" in moved.moved


def test_a_frozen_model_gives_no_number_and_says_why(
    trained: tuple[Path, dict[str, str]],
) -> None:
    request = asked(trained, fleet_kit.make(8).history)

    free = score(msgspec.structs.replace(request, model="bearing hazard 1, version 7"), silent)
    frozen = score(msgspec.structs.replace(request, frozen="worse than naive"), silent)

    assert any(p.probability_30d is not None for p in free)
    assert {p.model for p in free} == {"bearing hazard 1, version 7"}
    assert all(p.probability_30d is None for p in frozen)
    assert any("frozen: worse than naive" in p.basis for p in frozen)
