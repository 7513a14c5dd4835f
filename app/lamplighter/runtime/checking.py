"""The check of a project and its repairs: findings in a worker, fixes as facts, layers read anew.

A fix never changes a file. It is a fact of the store; the layer is read again with it, and again
without it when it is taken back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.findings import CheckResult, Finding, Repair
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.layers import Layer, LayerContents
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.runtime.keeping import Keeper
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.project import opened
from lamplighter.runtime.reading import Reading, next_batch
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.sources import kept_source
from lamplighter.runtime.tile_cache import how_to_read
from lamplighter.store import Store
from lamplighter.workers import WorkerPool

TASK: Final = "lamplighter.spatial.checking.task:check_project"
TIMEOUT_S: Final = 1_800.0
MEMORY_MB: Final = 4_096
Progress = Callable[[int, int, str], None]


class Checker:
    """Checks and mends one open store. One at a time; `cancel` from any thread."""

    def __init__(
        self, store: Store, plugins: LoadedPlugins, pool: WorkerPool, clock: Clock | None = None
    ) -> None:
        self._store, self._plugins, self._pool = store, plugins, pool
        self._clock = clock or SystemClock()
        self._cancelled = False
        self._task: int | None = None

    def cancel(self) -> None:
        """Stop; fixes that were made stay."""
        self._cancelled = True
        if self._task is not None:
            self._pool.cancel(self._task)

    def run(self, ask: wire.RunCheck, progress: Progress) -> CheckResult:
        """Findings after the wished fixes; what was mended is among them, marked as fixed.

        Raises LamplighterError when the check itself cannot be done.
        """
        if ask.undo:
            self._undo(ask.codes, progress)
            return self._check(progress)
        before = self._check(progress)
        if not ask.fix or self._cancelled:
            return before
        wanted = [f for f in before.findings if _wished(f, ask)]
        repairs = self._repairs_for(wanted)
        if not repairs:
            return before
        self._put(repairs, progress)
        after = self._check(progress)
        left = {f.key for f in after.findings}
        mended = [replace(f, fixed=True) for f in wanted if f.key not in left]
        after.findings.extend(mended)
        return after

    # ------------------------------------------------------------------ looking
    def _check(self, progress: Progress) -> CheckResult:
        from lamplighter.spatial.checking.task import CheckAnswer, CheckOrder, CityToCheck

        store = self._store
        layers, contents = store.layers(), store.layer_contents()
        sources: dict[str, str] = {}
        for layer in layers:
            known = contents.get(layer.id, LayerContents())
            path = kept_source(store.folder, layer.content_hash, known.main)
            if path is not None and path.is_file():
                sources[layer.id] = str(path)
        folder = store.folder / "cache" / "tiles"
        folder.mkdir(parents=True, exist_ok=True)
        city = CityToCheck(
            layers=layers,
            sources=sources,
            epsg={name: known.epsg for name, known in contents.items() if known.epsg},
            assets=store.assets(),
            datastreams=store.datastreams(),
            edges=store.edges(),
            repairs=store.repairs(),
            frame=store.frame(),
            tiles_folder=str(folder),
        )
        begins = folder / f"check-{secrets.token_hex(6)}"
        order = CheckOrder(str(begins.with_suffix(".city")), str(begins.with_suffix(".result")))
        Path(order.city).write_bytes(msgspec.msgpack.encode(city))
        done: Future[Any] = Future()
        try:
            self._task = self._pool.submit(
                TASK,
                order,
                name="Check the city",
                timeout_s=TIMEOUT_S,
                on_progress=progress,
                on_end=done.set_result,
                result=CheckAnswer,
                reads=[folder, *{str(Path(path).parent) for path in sources.values()}],
                memory_mb=MEMORY_MB,
            )
            answer = done.result()
            if isinstance(answer, Problem):
                raise LamplighterError(answer)
            return msgspec.msgpack.decode(Path(order.result).read_bytes(), type=CheckResult)
        finally:
            self._task = None
            for name in (order.city, order.result):
                Path(name).unlink(missing_ok=True)

    # ------------------------------------------------------------------ mending
    def _repairs_for(self, findings: Iterable[Finding]) -> list[Repair]:
        from lamplighter.spatial.checking.codes import FIXES

        hashes = {layer.id: layer.content_hash for layer in self._store.layers()}
        now = self._clock.wall_ms()
        found: dict[str, Repair] = {}
        for finding in findings:
            if finding.layer not in hashes:
                continue
            one = Repair(
                layer=finding.layer,
                content_hash=hashes[finding.layer],
                object=finding.object,
                action=FIXES[finding.code],
                code=finding.code,
                value=finding.value,
                made_ms=now,
            )
            found.setdefault(one.key, one)
        standing = {r.key for r in self._store.repairs()}
        return [r for key, r in found.items() if key not in standing]

    def _put(self, repairs: Sequence[Repair], progress: Progress) -> None:
        self._store.writer.call(lambda access: access.put_repairs(repairs)).result()
        problems = self._read_again({r.layer for r in repairs}, progress)
        if problems:
            self._store.writer.call(lambda access: access.remove_repairs(repairs)).result()
            raise fault("P-606", name="Fix", what="; ".join(problems[:3]))

    def _undo(self, codes: Sequence[str], progress: Progress) -> None:
        """Take back the repairs of these codes; without codes those made last."""
        standing = self._store.repairs()
        newest = max((r.made_ms for r in standing), default=0)
        gone = [r for r in standing if (r.code in codes if codes else r.made_ms == newest)]
        if not gone:
            return
        self._store.writer.call(lambda access: access.remove_repairs(gone)).result()
        problems = self._read_again({r.layer for r in gone}, progress)
        if problems:
            raise fault("P-606", name="Undo", what="; ".join(problems[:3]))

    def _read_again(self, wanted: set[str], progress: Progress) -> list[str]:
        """Read the layers with the repairs that stand; returns a line for each that failed."""
        from lamplighter.spatial import FileWish, known_tiles
        from lamplighter.spatial.scout import FoundFile

        store = self._store
        keeper = Keeper(store, self._clock, self._plugins.described)
        standing = store.repairs()
        problems: list[str] = []
        files: dict[str, tuple[FoundFile, Layer]] = {}
        wishes: dict[str, FileWish] = {}
        for layer in (one for one in store.layers() if one.id in wanted):
            known = keeper.contents.get(layer.id, LayerContents())
            path = kept_source(store.folder, layer.content_hash, known.main)
            if path is None:
                problems.append(f"{layer.name}: its original is not kept; import it again")
                continue
            mine = tuple(
                r for r in standing if r.layer == layer.id and r.content_hash == layer.content_hash
            )
            declared = next((r.value for r in mine if r.action == "crs"), "")
            size = path.stat().st_size if path.is_file() else 0
            files[str(path)] = (FoundFile(str(path), size, layer.content_hash), layer)
            wishes[str(path)] = FileWish(
                digest=layer.content_hash,
                epsg=int(declared.removeprefix("EPSG:")) if declared else known.epsg,
                placement=layer.placement,
                fit=known.fit,
                repairs=mine,
            )
        reading = Reading(self._pool, how_to_read(store, self._plugins))
        ground = [tile for layer in store.layers() for tile in known_tiles(layer)]
        queue = [file for file, _ in files.values()]
        while queue and not self._cancelled:
            batch = reading.start(next_batch(queue), store.frame(), None, wishes, ground, progress)
            found, rest, _ = batch.outcome()
            queue[:0] = rest
            for item in found:
                layer = files[item.report.file][1]
                if item.report.error:
                    problems.append(item.report.error)
                    continue
                _keep(keeper, item, layer)
            if not found:
                break
        keeper.write()
        return problems


def _keep(keeper: Keeper, item: ImportedFile, layer: Layer) -> None:
    """The layer as it was, with the objects and tiles that were read now."""
    from lamplighter.spatial import settle

    item.report.file = layer.source_file
    if item.layer is not None:
        item.layer = replace(
            item.layer,
            name=layer.name,
            source_file=layer.source_file,
            licence=layer.licence,
            attribution=layer.attribution,
            terms_from=layer.terms_from,
            date=layer.date,
        )
    settle(item, layer.id, keeper.others(layer.id), ())
    known = keeper.contents.get(layer.id, LayerContents())
    keeper.take(item, layer.id, known)


def _wished(finding: Finding, ask: wire.RunCheck) -> bool:
    if not finding.fixable:
        return False
    if ask.keys:
        return finding.key in ask.keys
    return not ask.codes or finding.code in ask.codes


def check_project(project: Path, ask: wire.RunCheck, say: Callable[[str], None]) -> CheckResult:
    """Check a project nobody records; fixes are written, a plain check changes nothing."""
    with opened(project, write=True) as store:
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock(), keep_warm=False)
        told = [""]

        def progress(done: int, total: int, text: str) -> None:
            name = text.partition(":")[0]
            if name != told[0]:
                told[0] = name
                say(name)

        try:
            return Checker(store, load_plugins(), pool).run(ask, progress)
        finally:
            pool.stop()


def known_codes() -> set[str]:
    """All codes a finding can have."""
    from lamplighter.spatial.checking.codes import FIXES, NAMES, SEVERITY

    return {*NAMES, *SEVERITY, *FIXES}
