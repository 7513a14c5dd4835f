"""What the pool promises its callers: one end per task, progress, cancel, order, a clean stop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.workers.pool_kit import HOSTILE, PoolKit

from lamplighter.domain.problems import Problem
from lamplighter.domain.task import TaskState


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[PoolKit]:
    made = PoolKit(tmp_path / "cache")
    yield made
    assert made.pool.stop(10.0)


def test_progress_arrives_in_order_and_ends_complete(kit: PoolKit) -> None:
    running = kit.hostile("count", steps=5)

    assert running.end() == 5
    assert running.heard == sorted(running.heard)
    assert running.heard[-1] == (5, 5, "step 5")
    assert [c.state for c in kit.changes if c.id == running.id][-1] is TaskState.DONE


def test_cancel_ends_a_running_task(kit: PoolKit) -> None:
    running = kit.hostile("count", steps=1000)
    assert running.moved.wait(60)

    kit.pool.cancel(running.id)
    problem = running.end(30)

    assert isinstance(problem, Problem)
    assert problem.code == "P-607"
    assert kit.task(running).state is TaskState.CANCELLED
    assert TaskState.STOPPING in [c.state for c in kit.changes if c.id == running.id]


def test_a_waiting_task_is_cancelled_without_ever_starting(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path, limit=1)
    first = kit.hostile("count", steps=8)
    second = kit.hostile("fine", a=1, b=2)

    kit.pool.cancel(second.id)

    assert second.end().code == "P-607"
    assert first.end() == 8
    assert TaskState.RUNNING not in [c.state for c in kit.changes if c.id == second.id]
    assert kit.pool.stop(10)


def test_cancelling_what_has_ended_changes_nothing(kit: PoolKit) -> None:
    running = kit.hostile("fine", a=1, b=2)
    assert running.end() == {"sum": 3}

    kit.pool.cancel(running.id)
    kit.pool.cancel(12345)

    assert kit.hostile("fine", a=2, b=2).end() == {"sum": 4}
    assert kit.task(running).state is TaskState.DONE
    assert len(running.ends) == 1


@pytest.mark.parametrize(
    "task",
    [
        "os:system",
        "lamplighter.store.writer:anything",
        "lamplighter.runtime.plugin_task:_hidden",
        "lamplighter.runtime.plugin_task",
        "lamplighter.spatial_other.x:run",
    ],
)
def test_only_allowed_rooms_are_run(kit: PoolKit, task: str) -> None:
    problem = kit.run(task, {}).end()

    assert isinstance(problem, Problem)
    assert problem.code == "P-606"


def test_stop_ends_running_tasks_and_leaves_nothing(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path)
    running = kit.hostile("hangs")
    waiting = [kit.hostile("hangs") for _ in range(3)]
    while kit.task(running).state is not TaskState.RUNNING:
        time.sleep(0.01)

    assert kit.pool.stop(10)

    assert {r.end(1).code for r in [running, *waiting]} == {"P-607"}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_task_that_comes_after_the_stop_ends_as_cancelled(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path)
    assert kit.pool.stop(10)
    assert kit.hostile("fine", a=1, b=1).end(5).code == "P-607"


def test_a_program_that_is_not_there_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path, command=[str(tmp_path / "nothing")])

    problem = kit.hostile("fine", a=1, b=1).end()

    assert isinstance(problem, Problem)
    assert "could not be started" in problem.text
    assert kit.pool.stop(10)


def test_a_program_that_ends_at_once_is_a_problem(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path, command=[sys.executable, "-c", "print('no frames')"])

    problem = kit.hostile("fine", a=1, b=1).end()

    assert isinstance(problem, Problem)
    assert kit.pool.stop(10)


def test_an_input_that_cannot_cross_is_a_problem(kit: PoolKit) -> None:
    problem = kit.run("lamplighter.runtime.plugin_task:call", object()).end()

    assert isinstance(problem, Problem)
    assert "cannot cross" in problem.text


def test_an_input_of_the_wrong_shape_is_a_problem(kit: PoolKit) -> None:
    problem = kit.run("lamplighter.runtime.plugin_task:call", {"plugin": 3}).end()

    assert isinstance(problem, Problem)
    assert "ValidationError" in problem.text


def test_an_answer_of_the_wrong_shape_is_a_problem(kit: PoolKit) -> None:

    from lamplighter.runtime.plugin_task import PluginCall

    call = PluginCall("x", str(HOSTILE), "fine", {"a": 1, "b": 2})
    task = "lamplighter.runtime.plugin_task:call"
    problem = kit.run(task, call, reads=[HOSTILE], result=PluginCall).end()

    assert isinstance(problem, Problem)
    assert "its answer cannot be read" in problem.text


def test_the_caller_chooses_how_a_failure_is_worded(kit: PoolKit) -> None:

    from lamplighter.runtime.plugin_task import PluginCall

    call = PluginCall("x", str(HOSTILE), "raises")
    task = "lamplighter.runtime.plugin_task:call"
    problem = kit.run(task, call, reads=[HOSTILE], name="city.gml", code="I-508").end()

    assert str(problem).startswith("Import of city.gml was stopped: ValueError")


def test_a_file_that_cannot_be_read_is_named_without_its_folder(kit: PoolKit) -> None:
    from lamplighter.runtime.plugin_task import PluginCall

    missing = HOSTILE.parent / "gone" / "model.skops"
    call = PluginCall("x", str(HOSTILE), "opens", {"file": str(missing)})
    task = "lamplighter.runtime.plugin_task:call"
    problem = kit.run(task, call, reads=[HOSTILE.parent], name="the fleet", code="P-604").end()

    assert "model.skops: No such file or directory" in str(problem)
    assert "Error" not in str(problem) and "gone" not in str(problem)


def test_a_listener_that_fails_disturbs_nobody(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path)

    def fails(value: object) -> None:
        raise ValueError("the listener's own fault")

    task = "lamplighter.runtime.plugin_task:call"
    bad = kit.pool.submit(task, {}, name="bad", on_end=fails)

    assert kit.hostile("fine", a=1, b=2).end() == {"sum": 3}
    while next(t for t in kit.pool.tasks() if t.id == bad).state is not TaskState.FAILED:
        time.sleep(0.01)
    assert kit.pool.stop(10)


def test_a_warm_worker_waits_for_the_next_task(tmp_path: Path) -> None:
    kit = PoolKit(tmp_path, keep_warm=True, warm=["plugin"])

    assert kit.hostile("fine", a=1, b=2).end() == {"sum": 3}
    assert kit.hostile("fine", a=2, b=2).end() == {"sum": 4}

    assert kit.pool.stop(10)
    assert list((tmp_path / "work").iterdir()) == []


ANSWERS = """
import sys
from lamplighter.workers.frames import Done, Ready, pack, read_begin
def say(frame):
    sys.stdout.buffer.write(pack(frame))
    sys.stdout.buffer.flush()
say(Ready("analytics"))
while (order := read_begin(sys.stdin.buffer)) is not None:
    say(Done(order.id, order.payload))
"""
"""a worker that answers with what it was asked"""


def test_workers_kept_for_inputs_nobody_asks_of_again_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.workers.pool.KEPT_IDLE", 2)
    kit = PoolKit(tmp_path, command=[sys.executable, "-c", ANSWERS])
    for version in range(5):  # each may be opened by no worker of another one
        running = kit.run("lamplighter.analytics.x:y", version, reads=[tmp_path / str(version)])
        assert running.end() == version
    deadline = time.monotonic() + 30
    while (left := len(list((tmp_path / "work").iterdir()))) > 2 and time.monotonic() < deadline:
        time.sleep(0.02)

    assert left == 2
    assert kit.run("lamplighter.analytics.x:y", 9, reads=[tmp_path / "4"]).end() == 9
    assert len(list((tmp_path / "work").iterdir())) == 2, "the newest one is used again"
    assert kit.pool.stop(10)


def test_folders_of_a_killed_program_are_cleared_and_those_of_a_living_one_kept(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, mine = tmp_path / "work" / f"{gone.pid}-plugin-x", tmp_path / "work" / f"{os.getpid()}-y"
    for folder in (left, mine):
        folder.mkdir(parents=True)
        (folder / "big.array").write_bytes(b"x")

    kit = PoolKit(tmp_path)

    assert not left.exists()
    assert mine.exists()
    assert kit.pool.stop(10)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends with its pipe")
def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from lamplighter.domain.clock import SystemClock
from lamplighter.runtime.plugin_task import PluginCall
from lamplighter.workers import WorkerPool, program
pool = WorkerPool(program(), Path({str(tmp_path)!r}), SystemClock(), keep_warm=False)
call = PluginCall("x", {str(HOSTILE)!r}, "tell_pid_and_hang")
pool.submit("lamplighter.runtime.plugin_task:call", call, name="x", reads=[{str(HOSTILE)!r}],
    on_progress=lambda done, total, text: print(done, flush=True))
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 20
    while runs(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not runs(worker)


def runs(pid: int) -> bool:
    """Whether the process is there and not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
