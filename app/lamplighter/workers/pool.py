"""The parent's end of the workers: takes tasks, hands each to a child, and outlives them all.

One supervisor thread owns all state; every public call and everything heard from a child is an
entry in its queue, so callbacks come one after the other, from that thread. A task ends exactly
once: with its result or with a `Problem`.
"""

from __future__ import annotations

import itertools
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.clock import Clock
from lamplighter.domain.codec import Codec
from lamplighter.domain.problems import CATALOGUE, Problem, problem
from lamplighter.domain.task import Task, TaskState
from lamplighter.workers.child import Child, Ended, Heard, clear_leftovers
from lamplighter.workers.frames import (
    SCHEMA,
    Begin,
    Done,
    Failed,
    FrameError,
    Progress,
    Ready,
    one_line,
)

START_S: Final = 120.0
GRACE_S: Final = 0.3
"""from the polite to the final signal"""
KEPT_TASKS: Final = 50
REPLY_BYTES: Final = 1_500_000_000
CLUSTER: Final = "cluster"
"""the kind of child that hands a task on to a Dask cluster"""
REUSED_KINDS: Final = frozenset({"analytics", "scenarios"})
KEPT_IDLE: Final = 6
"""used workers that wait for another task on the same inputs; those used longest ago end"""

OnProgress = Callable[[int, int, str], None]
OnEnd = Callable[[Any], None]


def program() -> list[str]:
    """The command that starts this very program again, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "lamplighter"]


@dataclass(slots=True)
class _Job:
    task: Task
    function: str
    payload: object
    kind: str
    reads: tuple[str, ...]
    result: Any
    timeout_s: float
    memory_mb: int
    code: str
    on_progress: OnProgress | None
    on_end: OnEnd | None
    reply_bytes: int = REPLY_BYTES
    once: bool = False
    child: Child | None = None
    deadline_ms: int = 0
    cancelled: bool = False
    killed_for: str = ""
    kill_at_ms: int = 0


@dataclass(slots=True)
class _Pending:
    jobs: dict[int, _Job] = field(default_factory=dict)
    idle: list[Child] = field(default_factory=list)
    leaving: list[Child] = field(default_factory=list)


class WorkerPool:
    """Runs tasks in limited child processes; `limit` of them at a time."""

    def __init__(
        self,
        start_command: Sequence[str],
        cache: Path,
        clock: Clock,
        *,
        limit: int = 2,
        warm: Sequence[str] = (),
        keep_warm: bool = True,
        cluster: str = "",
        on_change: Callable[[Task], None] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """`cache` is the one folder tasks may write to; `warm` kinds are started at once.

        `cluster` is the address of a Dask scheduler, for tasks submitted with `afar`.
        """
        self._command, self._cache, self._clock = list(start_command), cache.resolve(), clock
        self._limit, self._keep_warm = limit, keep_warm
        self.cluster = cluster
        self._on_change, self._log = on_change, log or (lambda text: None)
        self._queue: queue.SimpleQueue[Callable[[], None] | Heard | Ended] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._state = _Pending()
        self._shown: dict[int, Task] = {}
        self._lock = threading.Lock()
        self._stopping = self._gone = False
        clear_leftovers(self._cache)
        self._thread = threading.Thread(target=self._supervise, name="worker-pool", daemon=True)
        self._thread.start()
        for kind in warm:
            self._queue.put(lambda kind=kind: self._warm(kind))  # type: ignore[misc]

    # ------------------------------------------------------------ what others call
    def submit(
        self,
        task: str,
        payload: object,
        *,
        name: str,
        timeout_s: float = 300.0,
        on_progress: OnProgress | None = None,
        on_end: OnEnd | None = None,
        result: Any = None,
        reads: Sequence[Path | str] = (),
        memory_mb: int = 1024,
        code: str = "P-606",
        reply_bytes: int = REPLY_BYTES,
        once: bool = False,
        afar: bool = False,
    ) -> int:
        """Run `module:function` of an allowed room with `payload`; returns the task's id.

        `on_end` gets the value (decoded as `result`, plain values without) or a `Problem`, once,
        from the pool's thread. `reads` are the inputs the task may open. `code` words a failure
        (its texts take `name` and `what`). At most `reply_bytes` of arrays are read back. The
        process that ran a task `once` runs no other: for what strangers brought. A task that may
        run `afar` goes to the cluster where there is one.
        """
        id = next(self._numbers)
        row = Task(id, name, TaskState.WAITING)
        job = _Job(
            row,
            task,
            payload,
            CLUSTER if afar and self.cluster else _kind(task),
            tuple(str(Path(p).resolve()) for p in reads),
            result,
            timeout_s,
            memory_mb,
            code,
            on_progress,
            on_end,
            reply_bytes,
            once,
        )
        with self._lock:
            self._shown[id] = row
            if not self._gone:
                self._queue.put(lambda: self._add(job))
                return id
        self._add(job)  # nobody supervises any more: it ends here, as cancelled
        return id

    def cancel(self, id: int) -> None:
        """Stop the task; its `on_end` comes with P-607 well within a second."""
        self._queue.put(lambda: self._cancel(id))

    def tasks(self) -> tuple[Task, ...]:
        """The newest tasks, waiting, running and ended."""
        with self._lock:
            return tuple(self._shown.values())

    def stop(self, deadline_s: float = 3.0) -> bool:
        """Cancel everything, end every child; True when all was done within the deadline."""
        self._queue.put(self._stop)
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    # ------------------------------------------------------------ the supervisor
    def _supervise(self) -> None:
        while not (self._stopping and not self._state.jobs and not self._state.leaving):
            try:
                entry = self._queue.get(timeout=self._patience())
            except queue.Empty:
                entry = None
            try:
                if isinstance(entry, Heard):
                    self._heard(entry.child, entry.frame)
                elif isinstance(entry, Ended):
                    self._ended(entry.child, entry.why)
                elif entry is not None:
                    entry()
                self._check_deadlines()
                self._start_waiting()
            except Exception as error:  # no fault may end the supervision
                self._log(f"workers: {type(error).__name__}: {error}")
        with self._lock:
            self._gone = True
        while not self._queue.empty():  # whoever came too late has an end of his own too
            late = self._queue.get()
            if not isinstance(late, Heard | Ended):
                late()

    def _patience(self) -> float:
        now = self._clock.monotonic_ms()
        due = [j.deadline_ms for j in self._state.jobs.values() if j.deadline_ms]
        due += [j.kill_at_ms for j in self._state.jobs.values() if j.kill_at_ms]
        return min(max((min(due) - now) / 1000, 0.01), 1.0) if due else 1.0

    def _add(self, job: _Job) -> None:
        self._state.jobs[job.task.id] = job
        self._show(job)
        if self._stopping:
            self._finish(job, problem("P-607", name=job.task.name), TaskState.CANCELLED)

    def _cancel(self, id: int) -> None:
        job = self._state.jobs.get(id)
        if job is None or job.cancelled:
            return
        job.cancelled = True
        if job.child is None:
            self._finish(job, problem("P-607", name=job.task.name), TaskState.CANCELLED)
            return
        self._set(job, state=TaskState.STOPPING)
        self._end(job, "cancelled")

    def _end(self, job: _Job, why: str) -> None:
        if job.child is not None and not job.killed_for:
            job.killed_for = why
            job.deadline_ms = 0
            job.kill_at_ms = self._clock.monotonic_ms() + int(GRACE_S * 1000)
            job.child.ask_to_end()

    def _check_deadlines(self) -> None:
        now = self._clock.monotonic_ms()
        for job in list(self._state.jobs.values()):
            if job.kill_at_ms and now >= job.kill_at_ms and job.child is not None:
                job.kill_at_ms = 0
                job.child.kill()
            elif job.deadline_ms and now >= job.deadline_ms:
                ready = job.child is not None and job.child.ready
                took = job.timeout_s if ready else START_S
                self._end(job, f"no answer within {took:g} s")

    def _start_waiting(self) -> None:
        running = sum(j.child is not None for j in self._state.jobs.values())
        for job in [j for j in self._state.jobs.values() if j.child is None]:
            if running >= self._limit:
                return
            child = self._find_idle(job) or self._start(job.kind)
            if child is None:
                what = "its process could not be started"
                self._finish(job, problem(job.code, name=job.task.name, what=what))
                continue
            running += 1
            job.child, child.task_id = child, job.task.id
            self._set(job, state=TaskState.RUNNING, started_ms=self._clock.wall_ms())
            if child.ready:
                self._begin(job)
            else:
                job.deadline_ms = child.started_ms + int(START_S * 1000)

    def _find_idle(self, job: _Job) -> Child | None:
        for child in self._state.idle:
            fits = not child.used or set(job.reads) <= set(child.reads)
            if child.kind == job.kind and fits:
                self._state.idle.remove(child)
                return child
        return None

    def _start(self, kind: str) -> Child | None:
        try:
            more = ("--cluster", self.cluster) if kind == CLUSTER else ()
            return Child(self._command, kind, self._cache, self._clock, self._queue.put, more)
        except OSError as error:
            self._log(f"workers: a {kind} worker could not be started: {error}")
            return None

    def _warm(self, kind: str) -> None:
        """Keep one idle worker of a kind in reserve."""
        if self._stopping or any(c.kind == kind for c in self._state.idle):
            return
        child = self._start(kind)
        if child is not None:
            self._state.idle.append(child)

    def _begin(self, job: _Job) -> None:
        child = job.child
        assert child is not None
        job.deadline_ms = self._clock.monotonic_ms() + int(job.timeout_s * 1000)
        try:
            payload = Codec(child.scratch).encode(job.payload)
            cpu_s = int(job.timeout_s * 2) + 2
            child.order(
                Begin(job.task.id, job.function, payload, job.reads, job.memory_mb, cpu_s, SCHEMA)
            )
        except (FrameError, TypeError, OSError) as error:
            job.killed_for = f"its input cannot cross ({one_line(str(error))})"
            child.kill()
            return
        if not child.used:
            child.used, child.reads = True, job.reads

    def _job_of(self, child: Child) -> _Job | None:
        return next((j for j in self._state.jobs.values() if j.child is child), None)

    def _heard(self, child: Child, frame: object) -> None:
        job = self._job_of(child)
        if isinstance(frame, Ready):
            child.ready = True
            if job is not None and not job.killed_for:
                self._begin(job)
            return
        if job is None or getattr(frame, "id", -1) != job.task.id:
            child.fault = "it answered for a task it was not given"
            child.kill()
            return
        if job.killed_for:
            return
        if isinstance(frame, Progress):
            self._set(job, done=frame.done, total=frame.total, text=one_line(frame.text))
            self._tell(job.on_progress, frame.done, frame.total, one_line(frame.text))
        elif isinstance(frame, Failed):
            self._release(job)
            self._finish(job, self._failure(job, frame))
        elif isinstance(frame, Done):
            value = self._decode(job, frame)
            self._release(job, sound=not isinstance(value, Problem))
            self._finish(job, value)

    def _decode(self, job: _Job, frame: Done) -> object:
        assert job.child is not None
        try:
            size = sum(p.stat().st_size for p in job.child.scratch.glob("*.array"))
            if size > job.reply_bytes:
                raise ValueError(f"{size:,} bytes of arrays")
            kind = Any if job.result is None else job.result
            return Codec(job.child.scratch).decode(frame.result, kind)
        except (msgspec.DecodeError, ValueError, TypeError, OSError) as error:
            what = f"its answer cannot be read ({one_line(str(error))})"
            return problem(job.code, name=job.task.name, what=what)

    def _failure(self, job: _Job, frame: Failed) -> Problem:
        named = frame.problem
        if named is not None and named.code in CATALOGUE:
            return Problem(named.code, one_line(named.text, 500))
        return problem(job.code, name=job.task.name, what=one_line(frame.what))

    def _release(self, job: _Job, *, sound: bool = True) -> None:
        """The child is free: kept where its kind may be used again, else ended and replaced."""
        child = job.child
        assert child is not None
        job.task = replace_task(job.task, log=tuple(child.log)[-20:])
        job.child = None
        again = child.kind in REUSED_KINDS and not job.once
        if sound and again and not self._stopping:
            self._state.idle.append(child)
            self._end_spare()
        else:
            self._state.leaving.append(child)
            child.kill()
            if self._keep_warm and child.kind != CLUSTER:
                self._warm(child.kind)

    def _end_spare(self) -> None:
        """A used worker may open its first task's inputs alone: every new version of a model would
        leave one behind for ever.
        """
        used = [c for c in self._state.idle if c.used]
        for child in used[: max(0, len(used) - KEPT_IDLE)]:
            self._state.idle.remove(child)
            self._state.leaving.append(child)
            child.kill()

    def _ended(self, child: Child, why: str) -> None:
        """The child's answers have ended: whatever it was doing has ended with it."""
        job = self._job_of(child)
        fate = child.fate()
        child.close()
        for group in (self._state.idle, self._state.leaving):
            if child in group:
                group.remove(child)
        if job is None:
            self._keep_late_log(child)
            return
        job.task = replace_task(job.task, log=tuple(child.log)[-20:])
        job.child = None
        if job.cancelled:
            self._finish(job, problem("P-607", name=job.task.name), TaskState.CANCELLED)
        else:
            what = job.killed_for or why or child.fault or fate
            self._finish(job, problem(job.code, name=job.task.name, what=what))
        wanted = self._keep_warm and child.kind != CLUSTER
        if wanted and job.task.state is not TaskState.CANCELLED:
            self._warm(child.kind)

    def _keep_late_log(self, child: Child) -> None:
        """The log comes by a pipe of its own: what came after the answer is kept with its task."""
        with self._lock:
            shown = self._shown.get(child.task_id)
            if shown is not None and child.log:
                self._shown[child.task_id] = replace_task(shown, log=tuple(child.log)[-20:])

    def _finish(self, job: _Job, value: object, state: TaskState | None = None) -> None:
        self._state.jobs.pop(job.task.id, None)
        failed = isinstance(value, Problem)
        self._set(
            job,
            state=state or (TaskState.FAILED if failed else TaskState.DONE),
            ended_ms=self._clock.wall_ms(),
            problem=str(value) if failed else "",
        )
        if failed:
            self._log(f"workers: {value}")
        self._tell(job.on_end, value)

    def _stop(self) -> None:
        self._stopping = True
        for id in list(self._state.jobs):
            self._cancel(id)
        self._state.leaving.extend(self._state.idle)
        self._state.idle.clear()
        for child in self._state.leaving:
            child.kill()
        for job in self._state.jobs.values():
            if job.child is not None:
                job.kill_at_ms = 0
                job.child.kill()

    # ------------------------------------------------------------ what the task drawer shows
    def _set(self, job: _Job, **changes: Any) -> None:
        job.task = replace_task(job.task, **changes)
        self._show(job)

    def _show(self, job: _Job) -> None:
        with self._lock:
            self._shown[job.task.id] = job.task
            while len(self._shown) > KEPT_TASKS:
                self._shown.pop(next(iter(self._shown)))
        self._tell(self._on_change, job.task)

    def _tell(self, listener: Callable[..., None] | None, *values: object) -> None:
        """Call a listener; its own fault is logged and ends nothing here."""
        try:
            if listener is not None:
                listener(*values)
        except Exception as error:
            self._log(f"workers: a listener failed: {type(error).__name__}: {error}")


def replace_task(task: Task, **changes: Any) -> Task:
    """The task with some fields changed."""
    return msgspec.structs.replace(task, **changes)


def _kind(task: str) -> str:
    """The kind of worker for `lamplighter.<room>.x:function`; plugin code has its own."""
    parts = task.partition(":")[0].split(".")
    if task.startswith("lamplighter.runtime.plugin_task:"):
        return "plugin"
    return parts[1] if len(parts) > 2 and parts[0] == "lamplighter" else "plugin"
