"""A recorder that stops in the middle of long work: it is ended, waited for, and goes on later."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.kit.patience import until
from tests.kit.recorders import running
from tests.unit.runtime.test_past_desk import Desk, table

from lamplighter.domain import wire
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import TaskState
from lamplighter.runtime import past_import
from lamplighter.runtime.job_threads import JobThreads
from lamplighter.runtime.project import opened
from lamplighter.runtime.trial_answers import _tried

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def threads() -> Iterator[tuple[JobThreads, threading.Event]]:
    made, free = JobThreads(), threading.Event()
    yield made, free
    free.set()
    assert made.join(60)


def names() -> set[str]:
    return {t.name for t in threading.enumerate()}


def test_a_stop_in_the_middle_of_the_past_keeps_what_is_in_and_the_rest_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_import, "POINTS", 10)
    file = table(tmp_path, 200)
    desk = Desk(tmp_path / "town")
    look = desk.ask(wire.LookAtPast(str(file)))
    real, fifth = past_import.PastImport._submit, threading.Event()

    def held(one: past_import.PastImport, waiting: Any, *rest: Any) -> None:
        real(one, waiting, *rest)
        if rest[2] == 4:
            fifth.set()
            assert desk.recorder.jobs._shut.wait(60)  # the stop has begun
            time.sleep(0.4)

    with monkeypatch.context() as planted:
        planted.setattr(past_import.PastImport, "_submit", held)
        desk.ask(wire.ImportPast((str(file),), look.mapping, "m"))
        assert fifth.wait(60)
        alive: list[bool] = []
        stop = desk.recorder.inlet.stop

        def stopped(deadline_s: float) -> bool:
            alive.append("the past" in names())
            return stop(deadline_s)

        planted.setattr(desk.recorder.inlet, "stop", stopped)
        desk.recorder.stop()
    assert alive == [False], "the queue takes what is on its way until the work has ended"
    assert "the past" not in names()
    (told,) = desk.done
    assert told.cancelled and told.files[0].objects == {"Observation": 50}
    with opened(desk.recorder.project) as store:
        assert sum(1 for _ in store.export_rows()) == 50
    with running(desk.recorder.project) as again:
        again._handle(wire.ImportPast((str(file),), look.mapping, "m"))
        until(lambda: "the past" not in names())
        assert sum(1 for _ in again.store.export_rows()) == 200


def test_a_register_that_is_cancelled_keeps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "register.csv"
    file.write_text("id,type,name,lon,lat\nP-1,Pump,North pump,4.4,51.9\n")
    with running(tmp_path / "town") as recorder:
        with recorder.jobs._importing:  # it waits behind another import
            begun = recorder._handle(wire.RegisterAssets(str(file), preview=False))
            assert isinstance(begun, wire.TaskStarted)
            recorder._handle(wire.CancelTask(begun.task))
        row = lambda: next(t for t in recorder.jobs.tasks() if t.id == begun.task)  # noqa: E731
        until(lambda: row().state is TaskState.CANCELLED)
        assert not recorder.store.assets() and not recorder.store.imports()


def test_work_begun_while_the_recorder_stops_is_cancelled_at_once(tmp_path: Path) -> None:
    with running(tmp_path / "town") as recorder:
        quick = recorder.jobs.own("ends before its cancelling returns")
        quick.on_cancel = lambda: quick.end(TaskState.CANCELLED)
        recorder.jobs.cancel(quick.number)
        (row,) = (t for t in recorder.jobs.tasks() if t.id == quick.number)
        assert row.state is TaskState.CANCELLED
        recorder.jobs.stop(60)
        assert recorder.jobs.own("too late").cancelled


def test_work_that_does_not_end_in_time_is_told_and_holds_nothing_up(
    threads: tuple[JobThreads, threading.Event],
) -> None:
    work, free = threads
    work.start("backup", lambda: None)
    work.start("stubborn", lambda: free.wait(60))
    with capture_logs() as told:
        assert not work.join(0.01)
    (line,) = [one for one in told if one["log_level"] == "warning"]
    assert "stubborn" in line["work"] and "in time" in line["event"]
    free.set()
    assert work.join(60)


def test_a_trial_that_says_nothing_is_ended_at_once_when_it_is_cancelled(tmp_path: Path) -> None:
    hangs = [sys.executable, "-c", "import time; time.sleep(600)"]
    refuses = [
        sys.executable,
        "-c",
        "import sys; print('There is no such rule.', file=sys.stderr); sys.exit(2)",
    ]
    with running(tmp_path / "town") as recorder:
        jobs = recorder.jobs
        task, ends = jobs.own("Try a rule"), list[BaseException]()

        def work() -> None:
            try:
                _tried(hangs, task)
            except LamplighterError as error:
                ends.append(error)

        jobs.thread("trial", work)
        jobs.cancel(task.number)
        until(lambda: ends)
        assert "P-607" in str(ends[0])
        assert jobs._threads.join(60)
        words = _tried(refuses, jobs.own("Try another"))
        assert words == "There is no such rule."
