"""Plugins' models in the recorder: asked in limited workers, checked, and greyed when they fail.

A plugin may offer `model.py`. It is asked at the start and then about halfway through the
validity of its last answer, never per tick; its columns are checked before the core's expectation
uses them. Whatever such code does (raise, hang, exit, eat memory, answer nonsense), the plugin's
layer turns grey with one line that says why, and everything else goes on: its own data and alarm
rules too.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from lamplighter.analytics.expected import ExpectedTable
from lamplighter.domain import wire
from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import Problem, problem
from lamplighter.plugin_api import MODEL_SECONDS, ExpectedColumns, ModelInputs, Plugin
from lamplighter.plugin_host import Found, PluginState
from lamplighter.runtime.core_loop import CoreLoop
from lamplighter.runtime.model_columns import Samples, checked
from lamplighter.runtime.plugin_task import ModelCall
from lamplighter.runtime.plugins import LoadedPlugins
from lamplighter.runtime.resources import own_command
from lamplighter.workers import WorkerPool

log = structlog.get_logger(__name__)
RESTART_AFTER_MS: Final = (1_000, 2_000, 4_000)
SOONEST_MS: Final = 60_000
"""between two answers of a model"""
MEMORY_MB: Final = 512
REPLY_BYTES: Final = 32_000_000
AT_ONCE: Final = 2
"""models asked at the same time; one that hangs keeps the others from nothing"""
TASK: Final = "lamplighter.runtime.plugin_task:expected"
SAFE: Final = "The console was started safe: no code of plugins runs. Start it without --safe."


@dataclass(slots=True)
class _Model:
    """One plugin's model and what became of it."""

    plugin: Plugin
    samples: Samples = field(default_factory=Samples)
    due_ms: int = 0
    busy: bool = False
    off: bool = False
    table: ExpectedTable | None = None
    shown: Problem | None = None


class PluginLayers:
    """The layers of one recorder. `every_second` is called on the core's beat."""

    def __init__(
        self,
        plugins: LoadedPlugins,
        core: CoreLoop,
        clock: Clock,
        cache: Path,
        *,
        emit: Callable[[wire.Event], None],
        code: bool = True,
        pool: Callable[[], WorkerPool] | None = None,
    ) -> None:
        """Without `code` no plugin's model is asked. `cache` is the only folder it may write."""
        self._host, self._core, self._clock, self._emit = plugins.host, core, clock, emit
        self._cache = cache
        self._new_pool = pool or self._worker_pool
        self._pool: WorkerPool | None = None
        self._lock = threading.RLock()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._city: object = None
        self._kind_owner = _kind_owners(self._host.loaded())
        self._states: dict[str, wire.LayerState] = {}
        self._models: dict[str, _Model] = {}
        for found in self._host.all():
            self._begin(found, code)

    def _begin(self, found: Found, code: bool) -> None:
        state, why = _first_state(found, code)
        self._states[found.id] = wire.LayerState(found.id, state, why, found.fault)
        if found.state is PluginState.REFUSED:
            log.warning("plugin not started", plugin=found.id, why=why)
        plugin = found.plugin
        if not code or plugin is None or found.state is not PluginState.ENABLED:
            return
        if "model" in plugin.manifest.provides and plugin.code("model") is not None:
            self._models[plugin.id] = _Model(plugin)

    def _worker_pool(self) -> WorkerPool:
        shutil.rmtree(self._cache, ignore_errors=True)  # what models left there counts for nothing
        return WorkerPool(
            own_command(),
            self._cache,
            self._clock,
            limit=AT_ONCE,
            keep_warm=False,
            log=lambda text: log.info("plugin worker", text=text),
        )

    # ------------------------------------------------------------------ from other threads
    def layers(self) -> tuple[wire.LayerState, ...]:
        """Every plugin's layer as it is now, by plugin."""
        with self._lock:
            return tuple(self._states[name] for name in sorted(self._states))

    def stop(self, deadline_s: float = 3.0) -> None:
        """Cancel what runs; nothing is shown as failed by that."""
        with self._lock:
            self._stopping = True
            pool, threads = self._pool, list(self._threads)
        for thread in threads:
            thread.join(deadline_s)
        if pool is not None:
            pool.stop(deadline_s)

    # ------------------------------------------------------------------ on the core's beat
    def every_second(self) -> None:
        """Keep the last minutes of the models' datastreams; ask those whose time has come."""
        if not self._models:
            return
        core = self._core
        if core.city is not self._city:
            self._city = core.city
            for model in self._models.values():
                model.samples.describe(self._own_streams(model.plugin.id))
        now, wall = self._clock.monotonic_ms(), self._clock.wall_ms()
        for model in self._models.values():
            if model.off:
                continue
            model.samples.take(core.newest, core.mask, wall)
            if not model.busy and now >= model.due_ms:
                model.busy = True
                self._ask(model, model.samples.inputs(wall))

    def _own_streams(self, plugin: str) -> list[Any]:
        return [
            s
            for s in self._core.city.streams
            if not s.states and self._kind_owner.get(s.kind) == plugin
        ]

    def _ask(self, model: _Model, inputs: ModelInputs) -> None:
        thread = threading.Thread(
            target=self._submit, args=(model, inputs), name="plugin-model", daemon=True
        )
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()]
            if self._stopping:
                return
            thread.start()
            self._threads.append(thread)

    # ------------------------------------------------------------------ asking
    def _submit(self, model: _Model, inputs: ModelInputs) -> None:
        """The folder is checked again each time, and the worker runs exactly what was checked."""
        plugin = model.plugin
        try:
            found = self._host.examine(plugin.folder)
            file = found.plugin.code("model") if found.plugin is not None else None
            if found.state is PluginState.REFUSED or file is None:
                self._refused(model, found.fault or problem("P-602", name=plugin.id))
                return
            digest = self._host.code_hash(found, file.name)
            with self._lock:
                if self._stopping:
                    return
                if self._pool is None:
                    self._pool = self._new_pool()
                pool = self._pool
            pool.submit(
                TASK,
                ModelCall(
                    plugin.id,
                    str(file.resolve()),
                    digest,
                    plugin.manifest.engines,
                    inputs,
                ),
                name=plugin.id,
                timeout_s=MODEL_SECONDS,
                on_end=lambda value: self._ended(model, value),
                result=ExpectedColumns,
                reads=[file],
                memory_mb=MEMORY_MB,
                reply_bytes=REPLY_BYTES,
            )
        except (ValueError, KeyError):  # its signature went away just now
            self._refused(model, problem("P-602", name=plugin.id))
        except Exception as error:
            log.exception("a model could not be asked", plugin=plugin.id)
            self._failed(model, f"it could not be started ({error})")

    def _ended(self, model: _Model, value: Any) -> None:
        """On the pool's thread: the answer, or why there is none."""
        if self._stopping:
            return
        if isinstance(value, Problem) and value.code == "P-602":
            self._refused(model, value)
            return
        if isinstance(value, Problem):
            self._failed(model, _what(value, model.plugin.id))
            return
        try:
            table = checked(value, model.samples.streams, self._clock.wall_ms())
        except ValueError as error:
            self._failed(model, f"its answer is not valid: {error}")
            return
        self._answered(model, table, float(value.valid_s))

    def _answered(self, model: _Model, table: ExpectedTable, valid_s: float) -> None:
        plugin = model.plugin.id
        self._host.answered(plugin)
        with self._lock:
            model.table = table
            shown, model.shown = model.shown, None
        self._use_tables()
        self._show(wire.LayerState(plugin, "running"))
        if shown is not None:
            self._emit(wire.ProblemRaised(shown, over=True))
        # who had too little to go on is asked again as soon as anybody is
        self._again(model, max(SOONEST_MS, round(valid_s * 500) if table.rows else 0))

    def _failed(self, model: _Model, what: str) -> None:
        plugin = model.plugin.id
        found = self._host.failed(plugin, what)
        if found is None or found.fault is None:  # switched off meanwhile
            model.off = True
            return
        self._grey(model, "off" if found.gave_up else "greyed", found.fault)
        if found.gave_up:
            model.off = True
        else:
            self._again(model, RESTART_AFTER_MS[found.failures - 1])

    def _refused(self, model: _Model, why: Problem) -> None:
        model.off = True
        self._host.refused(model.plugin.id, why)
        self._grey(model, "off", why)

    def _grey(self, model: _Model, state: str, why: Problem) -> None:
        log.warning("plugin failed", plugin=model.plugin.id, why=str(why))
        with self._lock:
            shown, model.shown = model.shown, why
            model.table = None
        self._use_tables()
        self._show(wire.LayerState(model.plugin.id, state, str(why), why))
        if shown is not None:
            self._emit(wire.ProblemRaised(shown, over=True))
        self._emit(wire.ProblemRaised(why))

    def _again(self, model: _Model, after_ms: int) -> None:
        model.due_ms = self._clock.monotonic_ms() + after_ms
        model.busy = False

    def _use_tables(self) -> None:
        with self._lock:
            tables = tuple(m.table for m in self._models.values() if m.table is not None)
        self._core.on_beat(lambda: self._core.expected.use(tables))

    def _show(self, state: wire.LayerState) -> None:
        with self._lock:
            if self._states.get(state.plugin) == state:
                return
            self._states[state.plugin] = state
        self._emit(state)


def _first_state(found: Found, code: bool) -> tuple[str, str]:
    if found.state in {PluginState.DISABLED, PluginState.REFUSED}:
        return "off", str(found.fault) if found.fault else "It is switched off."
    has_code = found.plugin is not None and any(
        found.plugin.code(part) for part in ("simulator", "model", "importer")
    )
    return ("off", SAFE) if has_code and not code else ("running", "")


def _kind_owners(plugins: list[Plugin]) -> dict[str, str]:
    """Which plugin a kind belongs to: the first that names it."""
    owners: dict[str, str] = {}
    for plugin in plugins:
        for kind in plugin.catalogue.kinds():
            owners.setdefault(kind, plugin.id)
    return owners


def _what(found: Problem, name: str) -> str:
    """What happened, without the sentence around it that speaks of tasks."""
    before, _, after = problem(found.code, name=name, what="\0").text.partition("\0")
    return found.text.removeprefix(before).removesuffix(after)
