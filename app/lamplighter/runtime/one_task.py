"""One heavy task of a verb in a limited worker of its own, for verbs that need no project.

The worker reads the named inputs, writes nothing but a scratch folder that goes with it, and has
no network: the same limits that a recorder's tasks have.
"""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.runtime.resources import own_command
from lamplighter.workers import WorkerPool

T = TypeVar("T")
Progress = Callable[[int, int, str], None]


def in_worker(
    task: str,
    payload: object,
    result: type[T],
    *,
    name: str,
    reads: Sequence[Path] = (),
    timeout_s: float = 1_800.0,
    memory_mb: int = 4_096,
    progress: Progress | None = None,
) -> T:
    """What `module:function` answers to `payload`, decoded as `result`.

    `progress` hears (done, total, text). Raises LamplighterError with the task's own problem.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="lamplighter-") as folder:
        pool = WorkerPool(own_command(), Path(folder), SystemClock(), limit=1, keep_warm=False)
        try:
            pool.submit(
                task,
                payload,
                name=name,
                timeout_s=timeout_s,
                on_progress=progress,
                on_end=answers.put,
                result=result,
                reads=reads,
                memory_mb=memory_mb,
            )
            answer = answers.get()
        finally:
            pool.stop()
    if isinstance(answer, Problem):
        raise LamplighterError(answer)
    assert isinstance(answer, result)
    return answer
