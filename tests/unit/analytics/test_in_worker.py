"""Training and scoring where they belong: in a worker, with arrays crossing by files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.unit.analytics import fleet_kit
from tests.unit.workers.pool_kit import PoolKit

from lamplighter.analytics import ExpectedTable
from lamplighter.analytics.maintenance import TrainReport, TrainRequest
from lamplighter.analytics.scoring import ScoreRequest
from lamplighter.analytics.train import HistoryColumns
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.problems import Problem


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[PoolKit]:
    made = PoolKit(tmp_path / "cache")
    yield made
    assert made.pool.stop(10.0)


def test_a_fleet_is_trained_and_scored_in_a_worker(kit: PoolKit) -> None:
    history = fleet_kit.make(1).history
    folder = kit.cache / "models" / "maintenance"
    request = TrainRequest(history, str(folder), folds=2)

    trained = kit.run("lamplighter.analytics.maintenance:train", request, result=TrainReport)
    report = trained.end(110)
    assert isinstance(report, TrainReport), report
    assert trained.heard[-1][0] == trained.heard[-1][1]

    now = fleet_kit.END_MS
    scoring = ScoreRequest(str(folder), report.files, history, now, now)
    task = "lamplighter.analytics.scoring:score"
    items = kit.run(task, scoring, result=tuple[Prognosis, ...]).end()
    assert len(items) == len(history.assets)
    assert any(p.probability_30d is not None for p in items)

    (folder / "model.skops").write_bytes(b"changed")
    again = ScoreRequest(str(folder), {**report.files, "model.skops": "0"}, history, now, now)
    problem = kit.run(task, again, result=tuple[Prognosis, ...]).end()
    assert isinstance(problem, Problem)
    assert problem.code == "P-604"


def test_tables_are_trained_in_a_worker(kit: PoolKit) -> None:
    rng = np.random.default_rng(0)
    count = 60_000
    columns = HistoryColumns(
        rng.integers(0, 3, count),
        1_795_305_600_000 + rng.integers(0, 5 * 86_400_000, count),
        rng.normal(20, 1, count),
        np.zeros(count, np.uint8),
    )

    task = "lamplighter.analytics.train:train_tables"
    table = kit.run(task, columns, result=ExpectedTable).end()

    assert isinstance(table, ExpectedTable), table
    assert table.rows == 3
