"""The task drawer's work: imports and what-ifs in workers, with progress and cancel."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from lamplighter.domain import wire
from lamplighter.domain.findings import CheckResult
from lamplighter.domain.layers import Layer, LayerRemoval
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.domain.task import Progress, Task, TaskState
from lamplighter.runtime.checking import Checker
from lamplighter.runtime.exporting import Exporter
from lamplighter.runtime.importing import Importer, ImportResult
from lamplighter.runtime.job_threads import JobThreads
from lamplighter.runtime.layers import take_back
from lamplighter.runtime.register import RegisterDesk
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.settings import explain
from lamplighter.runtime.tile_cache import incomplete, rebuild
from lamplighter.runtime.whatif import water_network
from lamplighter.scenarios import WaterOutcome, water_request
from lamplighter.workers import WorkerPool
from lamplighter.workers.bridge import scheduler_address

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
OWN_TASKS: Final = 1_000_000
"""tasks of this module are numbered from here, the pool's own from 1"""
ROWS: Final = 200
KEPT_TASKS: Final = 200
"""ended ones that are still listed; a recorder runs for months"""
CANCELLED: Final = "P-607"
POOL_S: Final = 3.0
"""of the time a stop has, what its workers may take"""
QUIET: Final = frozenset(
    {
        "Score the fleet",
        "Learn what is usual (worker)",
        "Load what is usual",
        "Judge the signals",
        "Compare sensors",
        "Learn how sensors go together",
        "Learn the next hours",
        "Load the next hours",
        "Learn how signals go together (worker)",
        "Load how signals go together",
    }
)
"""work that runs often by itself, or has a row of its own, and would only crowd the drawer"""


class Jobs:
    """All long work of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.pool = WorkerPool(
            own_command(),
            recorder.project / "cache",
            recorder.clock,
            cluster=cluster(),
            on_change=self._changed,
            log=lambda text: log.info("worker", text=text),
        )
        self._numbers = itertools.count(OWN_TASKS)
        self._lock = threading.Lock()
        self._own: dict[int, Task] = {}
        self._importers: dict[int, Importer | Checker | RegisterDesk | OwnTask] = {}
        self._threads = JobThreads()
        self._shut = threading.Event()
        self._importing = threading.Lock()
        self.last_check: CheckResult | None = None
        self.rebuilding: frozenset[str] = frozenset()
        """layers whose tiles are being made anew"""

    def tasks(self) -> tuple[Task, ...]:
        """Newest first."""
        with self._lock:
            own = list(self._own.values())
        shown = [t for t in self.pool.tasks() if t.name not in QUIET]
        return tuple(sorted([*own, *shown], key=lambda t: -t.started_ms))

    def cancel(self, task: int) -> None:
        """Stop a task; it answers within a second."""
        with self._lock:
            importer = self._importers.get(task)
        if importer is not None:
            self._stopping(task)  # first: it may end before `cancel` returns
            importer.cancel()
        else:
            self.pool.cancel(task)

    def _stopping(self, number: int) -> None:
        with self._lock:
            known = self._own.get(number)
        if known is not None and not known.ended_ms:
            self._show(msgspec.structs.replace(known, state=TaskState.STOPPING))

    def stop(self, deadline_s: float) -> None:
        """Cancel everything and wait for it, while the queue and the writer still take what is on
        its way. What does not end within the deadline is told in the log; it finds the store
        closed.
        """
        end = time.monotonic() + deadline_s
        self._shut.set()
        with self._lock:
            importers = list(self._importers.values())
        for importer in importers:
            importer.cancel()
        self.pool.stop(min(POOL_S, deadline_s))
        self._threads.join(max(end - time.monotonic(), 0.0))

    def thread(self, name: str, work: Callable[[], None]) -> None:
        """Do long work on a thread that the stop waits for."""
        self._threads.start(name, work)

    def _cancellable(self, number: int, work: Importer | Checker | RegisterDesk | OwnTask) -> None:
        """From here on the task can be cancelled; at the stop it is at once."""
        with self._lock:
            self._importers[number] = work
        if self._shut.is_set():
            work.cancel()

    def _changed(self, task: Task) -> None:
        if task.name in QUIET:
            return
        self._recorder.server.emit(wire.TaskChanged(task))

    def _show(self, task: Task) -> None:
        with self._lock:
            self._own[task.id] = task
            ended = [n for n, t in self._own.items() if t.ended_ms]
            for number in ended[: max(0, len(ended) - KEPT_TASKS)]:
                del self._own[number]
        self._changed(task)

    def own(self, name: str) -> OwnTask:
        """A row for work that runs on a thread of the recorder."""
        return OwnTask(self, next(self._numbers), name)

    # ------------------------------------------------------------------ imports
    def import_files(self, ask: wire.ImportFiles) -> int:
        """Start an import; `ImportDone` carries its reports."""
        paths = ask.paths
        number = next(self._numbers)
        name = Path(paths[0]).name if len(paths) == 1 else f"{len(paths)} paths"
        task = Task(
            number, f"Import {name}", TaskState.RUNNING, started_ms=self._recorder.clock.wall_ms()
        )
        self._show(task)
        importer = Importer(
            self._recorder.store, self._recorder.plugins, self.pool, self._recorder.clock
        )
        self._cancellable(number, importer)
        self.thread("import", lambda: self._import(task, importer, ask))
        return number

    def _import(self, task: Task, importer: Importer, ask: wire.ImportFiles) -> None:
        result = ImportResult()

        def work(progress: Progress) -> tuple[TaskState, str]:
            nonlocal result
            result = importer.run(ask, progress)
            if not result.cancelled:
                return TaskState.DONE, ""
            stays = (
                f"What was taken until then stays; {result.unread} files were not read. "
                "The same import goes on from there."
            )
            return TaskState.CANCELLED, "" if ask.preview else stays

        state, words = self._done(task, work)
        cancelled = state is TaskState.CANCELLED
        self._recorder.server.emit(
            wire.ImportDone(
                tuple(result.reports),
                task.id,
                "" if cancelled else words,
                ask.preview,
                cancelled,
                result.unread,
                tuple(result.passed_over),
                result.peak_mb,
            )
        )
        if not ask.preview:
            self._city_changed()

    def _done(
        self, task: Task, work: Callable[[Progress], tuple[TaskState, str]]
    ) -> tuple[TaskState, str]:
        """Do what a task is for, one import or check at a time, and show how it goes and how it
        ended: its state, and what there is to say of that. Never raises.
        """
        shown = task

        def progress(done: int, total: int = 0, text: str = "") -> None:
            nonlocal shown
            shown = msgspec.structs.replace(shown, done=done, total=total, text=text)
            self._show(shown)

        try:
            with self._importing:
                state, words = work(progress)
        except LamplighterError as error:
            cancelled = error.problem.code == CANCELLED
            state, words = TaskState.CANCELLED if cancelled else TaskState.FAILED, str(error)
        except Exception as error:
            if self._shut.is_set():
                state, words = TaskState.CANCELLED, ""
            else:
                log.exception("a task failed", task=task.name)
                state, words = TaskState.FAILED, str(error)
        finally:
            with self._lock:
                self._importers.pop(task.id, None)
        ended = self._recorder.clock.wall_ms()
        self._show(msgspec.structs.replace(shown, state=state, problem=words, ended_ms=ended))
        return state, words

    # ------------------------------------------------------------------ the check
    def check(self, ask: wire.RunCheck) -> int:
        """Start a check, with its fixes; `CheckDone` carries what it found."""
        number = next(self._numbers)
        name = "Mend the city" if ask.fix else "Take fixes back" if ask.undo else "Check the city"
        begun = self._recorder.clock.wall_ms()
        task = Task(number, name, TaskState.RUNNING, started_ms=begun)
        self._show(task)
        recorder = self._recorder
        checker = Checker(recorder.store, recorder.plugins, self.pool, recorder.clock)
        self._cancellable(number, checker)
        self.thread("check", lambda: self._check(task, checker, ask))
        return number

    def _check(self, task: Task, checker: Checker, ask: wire.RunCheck) -> None:
        result = CheckResult()

        def work(progress: Progress) -> tuple[TaskState, str]:
            nonlocal result
            result = self.last_check = checker.run(ask, progress)
            return TaskState.DONE, ""

        _, words = self._done(task, work)
        self._recorder.server.emit(wire.CheckDone(result, task.id, words))
        if ask.fix or ask.undo:
            self._city_changed()

    def _city_changed(self) -> None:
        if self._shut.is_set():
            return  # the next start reads it
        self._recorder.adopt_streams()
        self._recorder.core.city_changed()

    def remove_layer(self, ask: wire.RemoveLayer) -> LayerRemoval:
        """Take back an import, or count what would go. Raises LamplighterError (U-801)."""
        with self._importing:
            found = take_back(
                self._recorder.store, ask.layer, preview=ask.preview, plugins=self._recorder.plugins
            )
        if not ask.preview:
            self._city_changed()
        return found

    def register(self, ask: wire.RegisterAssets) -> int:
        """Plan or apply an asset register; `RegisterDone` carries the report."""
        number = next(self._numbers)
        name = f"Register {Path(ask.path).name}"
        now = self._recorder.clock.wall_ms()
        task = Task(number, name, TaskState.RUNNING, started_ms=now)
        self._show(task)
        recorder = self._recorder
        desk = RegisterDesk(recorder.store, recorder.plugins, self.pool, recorder.clock)
        self._cancellable(number, desk)
        self.thread("register", lambda: self._register(task, desk, ask))
        return number

    def _register(self, task: Task, desk: RegisterDesk, ask: wire.RegisterAssets) -> None:
        report = None

        def work(progress: Progress) -> tuple[TaskState, str]:
            nonlocal report
            report = desk.run(
                Path(ask.path), ask.mapping, ask.crs, preview=ask.preview, progress=progress
            )
            return TaskState.DONE, ""

        _, words = self._done(task, work)
        self._recorder.server.emit(wire.RegisterDone(task.id, report, words))
        if report is not None and report.applied:
            self._city_changed()

    # ------------------------------------------------------------------ the drawing cache
    def rebuild_tiles(self) -> None:
        """Cut tiles that are missing again, beside everything else; the city follows then."""
        missing = incomplete(self._recorder.store)
        if missing:
            self.rebuilding = frozenset(layer.id for layer in missing)
            self.thread("tiles", lambda: self._rebuild(missing))

    def _rebuild(self, layers: list[Layer]) -> None:
        recorder = self._recorder
        number = next(self._numbers)
        shown = Task(
            number,
            f"Make the 3D tiles of {len(layers)} layers anew",
            TaskState.RUNNING,
            started_ms=recorder.clock.wall_ms(),
        )
        self._show(shown)

        def progress(done: int, total: int = 0, text: str = "") -> None:
            nonlocal shown
            shown = msgspec.structs.replace(shown, done=done, total=total, text=text)
            self._show(shown)

        state, words = TaskState.DONE, ""
        try:
            with self._importing:
                problems = rebuild(recorder.store, recorder.plugins, self.pool, layers, progress)
            if self._shut.is_set():
                state = TaskState.CANCELLED  # the next start makes the rest
            elif problems:
                state, words = TaskState.FAILED, "; ".join(problems[:5])
        except Exception as error:
            log.exception("tiles not made")
            state, words = TaskState.FAILED, str(error)
        self.rebuilding = frozenset()
        ended = recorder.clock.wall_ms()
        self._show(msgspec.structs.replace(shown, state=state, problem=words, ended_ms=ended))
        if not self._shut.is_set():
            recorder.core.city_changed()

    # ------------------------------------------------------------------ exports
    def export_city(self, format: str, out: Path) -> int:
        """Start an export; `ExportDone` says how it ended. Raises LamplighterError (I-507)."""

        def end(value: dict[str, Any] | Problem) -> None:
            if isinstance(value, Problem):
                self._recorder.server.emit(wire.ExportDone(str(out), problem=str(value)))
                if value.code != CANCELLED:
                    self._recorder.tell(value)
                return
            warnings = tuple(value["warnings"])
            done = wire.ExportDone(value["out"], value["objects"], value["licence"], warnings)
            self._recorder.server.emit(done)

        exporter = Exporter(self._recorder.store, self._recorder.plugins, self.pool)
        return exporter.start(format, out, on_end=end)

    # ------------------------------------------------------------------ what-ifs
    def run_scenario(self, name: str, settings: dict[str, str]) -> int:
        """Start a what-if; `ScenarioDone` carries its result. Raises LamplighterError (U-801)."""
        inp = water_network(self._recorder.project, self._recorder.store.imports())
        request = water_request(name, settings, inp)

        def end(value: Any) -> None:
            if isinstance(value, Problem):
                if value.code != CANCELLED:  # asked for; the task's own row says it
                    self._recorder.tell(value)
                return
            assert isinstance(value, WaterOutcome)
            done = wire.ScenarioDone(name, settings, value.rows(ROWS), value.summary, value.basis)
            self._recorder.server.emit(done)

        return self.pool.submit(
            "lamplighter.scenarios.water:run_water",
            request,
            name=f"What-if: {name}",
            timeout_s=300.0,
            on_end=end,
            result=WaterOutcome,
            reads=[inp],
        )


def cluster() -> str:
    """The scheduler that the setting `workers` names; empty for this machine alone."""
    setting = str(explain("workers")["value"])
    try:
        return scheduler_address(setting)
    except ValueError as error:
        log.warning("no cluster is used", why=str(error))
        return ""


class OwnTask:
    """One row of the task drawer, for work that tells its steps and may be asked to stop."""

    def __init__(self, jobs: Jobs, number: int, name: str) -> None:
        self._jobs, self.number = jobs, number
        now = jobs._recorder.clock.wall_ms()
        self._task = Task(number, name, TaskState.RUNNING, started_ms=now)
        self.cancelled = False
        self.on_cancel: Callable[[], None] = lambda: None
        """ends what the work waits for between two steps"""
        jobs._show(self._task)
        jobs._cancellable(number, self)

    def cancel(self) -> None:
        """The next step ends the work."""
        self.cancelled = True
        self.on_cancel()

    def step(self, done: int, total: int, text: str) -> None:
        """Show where it stands. Raises LamplighterError (P-607) once it was cancelled."""
        if self.cancelled:
            raise fault(CANCELLED, name=self._task.name)
        self._task = msgspec.structs.replace(self._task, done=done, total=total, text=text)
        self._jobs._show(self._task)

    def end(self, state: TaskState, problem: str = "") -> None:
        """The row's last state."""
        with self._jobs._lock:
            self._jobs._importers.pop(self.number, None)
        now = self._jobs._recorder.clock.wall_ms()
        done = msgspec.structs.replace(self._task, state=state, problem=problem, ended_ms=now)
        self._jobs._show(done)
