"""A pool whose tasks can be waited for; shared by the tests of workers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.task import Task
from lamplighter.runtime.plugin_task import PluginCall
from lamplighter.workers import WorkerPool, program

HOSTILE = Path(__file__).parents[2] / "faults" / "hostile_functions.py"


class Running:
    """One submitted task: what was heard of it and how it ended."""

    def __init__(self) -> None:
        self.id = 0
        self.heard: list[tuple[int, int, str]] = []
        self.moved = threading.Event()
        self._ended = threading.Event()
        self.ends: list[Any] = []

    def on_progress(self, done: int, total: int, text: str) -> None:
        self.heard.append((done, total, text))
        self.moved.set()

    def on_end(self, value: Any) -> None:
        self.ends.append(value)
        self._ended.set()

    def end(self, wait_s: float = 60.0) -> Any:
        """The task's value or problem; fails when it never ends."""
        assert self._ended.wait(wait_s), "the task never ended"
        return self.ends[0]


class PoolKit:
    def __init__(self, cache: Path, **options: Any) -> None:
        self.changes: list[Task] = []
        self.lines: list[str] = []
        self.cache = cache
        self.pool = WorkerPool(
            options.pop("command", program()),
            cache,
            SystemClock(),
            keep_warm=options.pop("keep_warm", False),
            on_change=self.changes.append,
            log=self.lines.append,
            **options,
        )

    def run(self, task: str, payload: object, **options: Any) -> Running:
        running = Running()
        running.id = self.pool.submit(
            task,
            payload,
            name=options.pop("name", task),
            on_progress=running.on_progress,
            on_end=running.on_end,
            **options,
        )
        return running

    def hostile(
        self,
        function: str,
        *,
        reads: Sequence[Path] = (),
        timeout_s: float = 30.0,
        **arguments: Any,
    ) -> Running:
        call = PluginCall("hostile", str(HOSTILE), function, arguments)
        return self.run(
            "lamplighter.runtime.plugin_task:call",
            call,
            name=function,
            timeout_s=timeout_s,
            reads=[HOSTILE, *reads],
        )

    def task(self, running: Running) -> Task:
        return next(t for t in self.pool.tasks() if t.id == running.id)
