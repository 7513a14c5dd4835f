"""A training job on a Dask cluster of two processes: the same model, and every loss is one line.

The job is trained here and there and compared to the last bit; then it is cancelled, its machine is
killed under it, all machines are, and the scheduler is. Where Dask is not installed nothing is run.

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

import psutil
from tests.kit.dask_cluster import DaskCluster
from tests.unit.analytics import fleet_kit

from lamplighter.analytics.maintenance import TrainReport, TrainRequest
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import Problem
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

    @property
    def held(self) -> bool:
        said = [
            self.lines.get(k, "") for k in ("cancelled", "all machines", "scheduler", "nowhere")
        ]
        one_line = all(s and "\n" not in s and s.endswith("]") for s in said)
        return all(self.same) and bool(self.same) and self.carried_on and one_line


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
        _cancelled(folder, cluster, outcome)
        _one_lost(folder, cluster, outcome)
        _all_lost(folder, cluster, outcome)
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
        f"{len(found.lines)} losses with one line each",
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
