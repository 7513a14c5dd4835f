"""The comparison of sensors stands in the registry and outlives the recorder that learned it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lamplighter.analytics.model_files import TABLES
from lamplighter.analytics.suspicion.fit import LEAST
from lamplighter.analytics.suspicion.keeping import load, save
from lamplighter.analytics.suspicion.model import SuspicionModel
from lamplighter.analytics.suspicion.training import Learning, learn
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.models import SENSORS, ModelState
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.domain.task import silent
from lamplighter.runtime.learned_model import LearnedModel
from lamplighter.runtime.own_cards import SENSORS_CRAFT
from lamplighter.runtime.project import create
from lamplighter.runtime.recorder import Recorder

COLUMNS = 6


def until(holds: Callable[[], object], patience_s: float = 120.0) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to hold")


def clean() -> Learning:
    """Six sensors that share what happens."""
    rng = np.random.default_rng(5)
    shared = np.cumsum(rng.normal(0, 1, LEAST + 40))
    values = shared[:, None] + rng.normal(0, 0.1, (shared.size, COLUMNS)) + np.arange(COLUMNS)
    times = 1_700_000_000_000 + 60_000 * np.arange(shared.size, dtype=np.int64)
    return Learning(np.arange(COLUMNS), times, values, np.zeros(COLUMNS, np.int64))


def same(one: SuspicionModel, other: SuspicionModel) -> bool:
    return all(
        np.array_equal(getattr(one, f), getattr(other, f), equal_nan=True)
        for f in one.__struct_fields__
    )


def test_what_was_learned_comes_back_from_its_file_to_the_last_bit(tmp_path: Path) -> None:
    learned = learn(clean(), silent)
    files = save(tmp_path / "a", learned)

    again = load(tmp_path / "a")

    assert (again.watched, again.abstained) == (learned.watched, learned.abstained)
    assert learned.watched == COLUMNS and len(again.items) == 1
    assert same(again.items[0], learned.items[0])
    assert save(tmp_path / "b", again) == files


def test_who_waits_for_a_model_that_cannot_be_registered_is_told() -> None:
    ends: list[Callable[[object], None]] = []

    def submit(task: str, payload: object, **options: Any) -> int:
        ends.append(options["on_end"])
        return 1

    def full(answer: object) -> None:
        raise fault("A-401", what="2026-11-28")

    pool = SimpleNamespace(cluster="", submit=submit)
    room: Any = SimpleNamespace(project=Path(), jobs=SimpleNamespace(pool=pool))
    failed: list[bool] = []
    kept = LearnedModel(room, SENSORS_CRAFT)
    kept.learn(None, lambda value, card: None, lambda: failed.append(True), told=full)
    ends[0](object())

    assert failed == [True]


def started(folder: Path, told: list[str]) -> Recorder:
    made = Recorder(folder, SystemClock(), plugin_code=False)
    made.tell = lambda problem: told.append(str(problem))  # type: ignore[method-assign]
    made.start()
    return made


def test_it_has_a_card_is_loaded_at_the_next_start_and_refused_when_changed(
    tmp_path: Path,
) -> None:
    folder, told = tmp_path / "town", list[str]()
    create(folder)
    recorder = started(folder, told)
    desk = recorder.suspicion
    desk.kept.learn(clean(), desk._use, lambda: told.append("failed"))
    until(lambda: desk.models or told)
    learned, made = desk.models, recorder.models.record(SENSORS).card
    recorder.stop()
    assert told == []
    assert made.figures[0].beats_naive and made.figures[0].n == COLUMNS
    assert (made.units, made.rows, made.version) == (COLUMNS, LEAST + 40, 1)

    recorder = started(folder, told)
    until(lambda: recorder.suspicion.models)
    loaded, state = recorder.suspicion.models, recorder.suspicion.state()
    tasks = [t.name for t in recorder.jobs.tasks()]
    recorder.stop()
    assert same(loaded[0], learned[0])
    assert state.trained_ms == made.made_ms and state.watched == COLUMNS
    assert "Learn how sensors go together" not in tasks

    table = recorder.models.folder(SENSORS, 1) / TABLES
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    recorder = started(folder, told)
    try:
        assert len(told) == 1 and "was changed" in told[0] and "P-604" in told[0]
        assert recorder.suspicion.models == () and not recorder.suspicion._busy
        assert recorder.suspicion.state().learned.startswith("learning")
        assert recorder.models.record(SENSORS).state is ModelState.IN_USE
        try:
            recorder.models.in_use(SENSORS)
            raise AssertionError("a changed file was taken")
        except LamplighterError as error:
            assert error.problem.code == "P-604"
    finally:
        recorder.stop()
