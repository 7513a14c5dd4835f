"""A training job on a Dask cluster of two processes: the same model, and every loss is one line.

The job is trained here and there and compared to the last bit; then it is cancelled, its machine is
killed under it, all machines are, and the scheduler is. What is usual is learned here and there
too, and a recorder whose cluster dies under it learns it itself. Where Dask is not installed
nothing is run.

Run it: `python -m tests.faults.part_cluster`
"""

from __future__ import annotations

import importlib.util
import queue
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import psutil
import pytest
from tests.kit.dask_cluster import DaskCluster
from tests.kit.usual_past import UsualPast
from tests.unit.analytics import fleet_kit

from lamplighter.analytics.expecting import TABLE, USED, ExpectedReport, HourlyHistory
from lamplighter.analytics.maintenance import TrainReport, TrainRequest
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.codec import Codec
from lamplighter.domain.models import EXPECTED
from lamplighter.domain.problems import Problem
from lamplighter.runtime.recorder import Recorder
from lamplighter.workers import WorkerPool, program

TIER: Final = "N3"
SHORT: Final = {"cluster rounds": 1}
LONG: Final = {"cluster rounds": 3}
PATIENCE_S: Final = 120.0
MANY_FOLDS: Final = 120
"""a training that lasts long enough to be disturbed"""
Row = dict[str, Any]


@dataclass(slots=True)
class Outcome:
    same: list[bool] = field(default_factory=list)
    cancel_s: float = 0.0
    stopped_there_s: float = 0.0
    lines: dict[str, str] = field(default_factory=dict)
    """what was said of each loss"""
    carried_on: bool = False
    """after its machine was killed the job ended on the other, with the same model"""
    usual_same: bool = False
    """expected values learned there are those learned here"""
    fell_back: bool = False
    """a recorder whose cluster died under it had learned what is usual in the end"""

    @property
    def held(self) -> bool:
        said = [
            self.lines.get(k, "") for k in ("cancelled", "all machines", "scheduler", "nowhere")
        ]
        one_line = all(s and "\n" not in s and s.endswith("]") for s in said)
        usual = self.usual_same and self.fell_back
        return all(self.same) and bool(self.same) and self.carried_on and one_line and usual


class Job:
    """One training, here or there."""

    def __init__(self, pool: WorkerPool, folder: Path, folds: int) -> None:
        self.pool, self.ends = pool, queue.SimpleQueue[Any]()
        self.heard: queue.SimpleQueue[tuple[int, int, str]] = queue.SimpleQueue()
        history = fleet_kit.make(1, failures=6, sound=3, every_h=6).history
        self.number = pool.submit(
            "lamplighter.analytics.maintenance:train",
            TrainRequest(history, str(folder), 0, folds),
            name="Train on the cluster",
            timeout_s=PATIENCE_S,
            on_progress=lambda *step: self.heard.put(step),
            on_end=self.ends.put,
            result=TrainReport,
            code="P-604",
            afar=True,
        )

    def begun(self) -> None:
        """Until progress was heard."""
        self.heard.get(timeout=PATIENCE_S)

    def end(self) -> Any:
        return self.ends.get(timeout=PATIENCE_S)


@contextmanager
def pool_of(cache: Path, cluster: str) -> Iterator[WorkerPool]:
    pool = WorkerPool(program(), cache, SystemClock(), keep_warm=False, cluster=cluster)
    try:
        yield pool
    finally:
        pool.stop(10.0)


def trained(cache: Path, cluster: str, folds: int = 3) -> Any:
    """The report of one training, or its problem."""
    with pool_of(cache, cluster) as pool:
        return Job(pool, cache / "out", folds).end()


def same(folder: Path, cluster: str) -> bool:
    """Whether here and there the same files come out, byte for byte, in the folder asked for."""
    here, there = trained(folder / "here", ""), trained(folder / "there", cluster)
    if isinstance(here, Problem) or isinstance(there, Problem):
        raise RuntimeError(f"{here} / {there}")
    both = [folder / name / "out" for name in ("here", "there")]
    files = [{f.name: f.read_bytes() for f in place.iterdir()} for place in both]
    named = there.folder == str(both[1])
    return here.files == there.files and files[0] == files[1] and named


def hours(folder: Path) -> HourlyHistory:
    """Three weeks of eight datastreams that breathe with the day, four of them together."""
    rng, at, count = np.random.default_rng(4), np.arange(21 * 24), 8
    shared = rng.normal(0.0, 0.2, (count // 4, at.size)).repeat(4, axis=0)
    mean = 3.0 + np.sin(at / 24 * 2 * np.pi) + shared + rng.normal(0.0, 0.05, (count, at.size))
    return HourlyHistory(
        np.arange(count), 470_000 * 3_600_000, mean, np.full(mean.shape, 0.02),
        np.full(count, 0.01), np.full(count, 600_000), np.arange(count) // 4,
        np.zeros((0, 2), np.int64), folder=str(folder),
    )  # fmt: skip


def usual(cache: Path, cluster: str) -> Any:
    """What came of learning what is usual, here or there."""
    ends: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with pool_of(cache, cluster) as pool:
        pool.submit(
            "lamplighter.analytics.expecting:learn",
            hours(cache / "out"),
            name="Learn on the cluster",
            timeout_s=PATIENCE_S,
            on_end=ends.put,
            result=ExpectedReport,
            code="P-604",
            afar=True,
        )
        return ends.get(timeout=PATIENCE_S)


def usual_same(folder: Path, cluster: str) -> bool:
    """Whether the same expected values are learned here and there: report and file, bit by bit."""
    here, there = usual(folder / "here", ""), usual(folder / "there", cluster)
    if isinstance(here, Problem) or isinstance(there, Problem):
        raise RuntimeError(f"{here} / {there}")
    both = [Codec().encode(msgspec.structs.replace(r, seconds=0.0)) for r in (here, there)]
    kept = [(folder / name / "out" / TABLE).read_bytes() for name in ("here", "there")]
    return both[0] == both[1] and kept[0] == kept[1] and bool(np.any(here.why == USED))


def fell_back(folder: Path, cluster: DaskCluster) -> bool:
    """A recorder learns what is usual on a cluster whose machines are all killed under it."""
    past = UsualPast(folder / "town", SystemClock(), streams=4, days=4)
    past.write(every_min=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMPLIGHTER_WORKERS", cluster.setting)
        recorder = Recorder(past.folder, SystemClock(), plugin_code=False)
    try:
        recorder.start()
        _until(lambda: bool(workers_of(cluster)))
        for child in cluster.workers:
            child.kill()
        _until(lambda: not recorder.usual._busy)
        return bool(recorder.models.records(EXPECTED))
    finally:
        recorder.stop()


def workers_of(cluster: DaskCluster) -> list[int]:
    """Which machines of the cluster have a task of ours running, by their place."""
    return [
        place
        for place, child in enumerate(cluster.workers)
        if child.poll() is None and psutil.Process(child.pid).children(recursive=True)
    ]


def _until(true: Callable[[], bool], seconds: float = PATIENCE_S) -> float:
    """How long it took; raises when it never came."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > seconds:
            raise RuntimeError("it never came")
        time.sleep(0.05)
    return time.monotonic() - begun


def run(folder: Path, rounds: int = 1) -> Outcome:
    outcome = Outcome()
    cluster = DaskCluster(folder / "cluster")
    try:
        for number in range(rounds):
            outcome.same.append(same(folder / f"same{number}", cluster.address))
        outcome.usual_same = usual_same(folder / "usual", cluster.address)
        _cancelled(folder, cluster, outcome)
        _one_lost(folder, cluster, outcome)
        _all_lost(folder, cluster, outcome)
        cluster.add_worker()
        cluster.wait_for(len(cluster.workers))
        outcome.fell_back = fell_back(folder / "recorder", cluster)
        cluster.add_worker()
        cluster.wait_for(len(cluster.workers))
        _scheduler_lost(folder, cluster, outcome)
    finally:
        cluster.close()
    outcome.lines["nowhere"] = str(trained(folder / "nowhere", cluster.address))
    return outcome


def _cancelled(folder: Path, cluster: DaskCluster, outcome: Outcome) -> None:
    with pool_of(folder / "cancel", cluster.address) as pool:
        job = Job(pool, folder / "cancel" / "out", MANY_FOLDS)
        job.begun()
        begun = time.monotonic()
        pool.cancel(job.number)
        outcome.lines["cancelled"] = str(job.end())
        outcome.cancel_s = time.monotonic() - begun
    outcome.stopped_there_s = _until(lambda: not workers_of(cluster))


def _one_lost(folder: Path, cluster: DaskCluster, outcome: Outcome) -> None:
    whole = trained(folder / "whole", "", 12)
    with pool_of(folder / "lost", cluster.address) as pool:
        job = Job(pool, folder / "lost" / "out", 12)
        job.begun()
        cluster.workers[workers_of(cluster)[0]].kill()
        found = job.end()
    outcome.carried_on = isinstance(found, TrainReport) and found.files == whole.files
    if not outcome.carried_on:
        outcome.lines["one machine"] = str(found)


def _all_lost(folder: Path, cluster: DaskCluster, outcome: Outcome) -> None:
    with pool_of(folder / "all", cluster.address) as pool:
        job = Job(pool, folder / "all" / "out", MANY_FOLDS)
        job.begun()
        for child in cluster.workers:
            child.kill()
        outcome.lines["all machines"] = str(job.end())


def _scheduler_lost(folder: Path, cluster: DaskCluster, outcome: Outcome) -> None:
    with pool_of(folder / "scheduler", cluster.address) as pool:
        job = Job(pool, folder / "scheduler" / "out", MANY_FOLDS)
        job.begun()
        cluster.scheduler.kill()
        outcome.lines["scheduler"] = str(job.end())


def training(size: dict[str, int], folder: Path) -> Row:
    base = {
        "promise": "A training job gives the same model on a cluster, and its loss is one line",
        "not_shown": "a cluster of other machines: other processors may round differently",
        "bound": "",
    }
    if importlib.util.find_spec("distributed") is None:
        return base | {
            "trials": "none", "result": "not run: Dask is not installed", "passed": True,
            "figures": {},
        }  # fmt: skip
    found = run(folder, size["cluster rounds"])
    return base | {
        "trials": f"{len(found.same)} trainings here and there, one cancelled, one whose machine "
        "was killed, one without any machine left, one without its scheduler, one without a "
        "cluster",
        "result": f"{sum(found.same)} of {len(found.same)} the same to the last byte; cancelled in "
        f"{found.cancel_s:.1f} s and stopped there {found.stopped_there_s:.1f} s later; "
        f"{'carried on' if found.carried_on else 'NOT carried on'} by the other machine; "
        f"{len(found.lines)} losses with one line each; expected values "
        f"{'the same' if found.usual_same else 'NOT the same'} there, and "
        f"{'learned here' if found.fell_back else 'NOT learned'} when the cluster died under them",
        "passed": found.held,
        "figures": {"cancel_s": found.cancel_s, "stopped_there_s": found.stopped_there_s,
                    "lines": found.lines},
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"training cluster": training}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        found = run(Path(folder))
    print(found)
    return 0 if found.held else 1


if __name__ == "__main__":
    raise SystemExit(main())
