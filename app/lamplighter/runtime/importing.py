"""Files into the project: each read in a limited worker, then kept in one transaction.

The first file that says where it lies founds the project's frame; city models therefore go first,
then networks, then tables.
"""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil
from msgspec.structs import replace

from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.domain.layers import Layer
from lamplighter.domain.merging import merged
from lamplighter.domain.problems import Problem, fault
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.project import opened
from lamplighter.runtime.resources import own_command
from lamplighter.store import Store, WriteAccess
from lamplighter.workers import WorkerPool

TASK: Final = "lamplighter.spatial.task:import_files"
TIMEOUT_S: Final = 900.0
MEMORY_MB: Final = 4_096
_LAST: Final = {".inp": 1, ".csv": 2}
"""city models first, then networks, then tables that speak of both"""
Say = Callable[[str], None]
Progress = Callable[[int, int, str], None]


class Importer:
    """Imports into one open store. One at a time; `cancel` from any thread."""

    def __init__(self, store: Store, plugins: LoadedPlugins, pool: WorkerPool) -> None:
        self._store = store
        self._plugins = plugins
        self._pool = pool
        self._cancelled = threading.Event()
        self._task: int | None = None
        self._points = ("", False)

    def cancel(self) -> None:
        """Stop; what was imported until now stays."""
        self._cancelled.set()
        task = self._task
        if task is not None:
            self._pool.cancel(task)

    def run(
        self,
        paths: Sequence[Path],
        *,
        crs: str = "",
        fit: bool = False,
        two_points: str = "",
        fixed_scale: bool = False,
        progress: Progress,
    ) -> list[FileReport]:
        """Import files and folders; every file gets its report, also a refused one."""
        override = parse_epsg(crs)
        self._points = parse_points(two_points), fixed_scale
        reports: list[FileReport] = []
        files = self._expanded(paths)
        homeless: list[Path] = []
        for number, file in enumerate(files):
            if self._cancelled.is_set():
                break
            progress(number, len(files), file.name)
            for imported in self._read(file, override, fit):
                report = imported.report
                if report.error is None and not report.placed and report.unplaced:
                    homeless.append(file)
                    continue
                self._take(imported, reports)
        for file in homeless:
            # its neighbours lie now, so where it belongs may show
            for imported in self._read(file, override, fit):
                self._take(imported, reports)
        progress(len(reports), len(files), "done")
        return reports

    def _take(self, imported: ImportedFile, reports: list[FileReport]) -> None:
        if imported.report.error is None:
            self._keep(imported)
        reports.append(imported.report)

    def _expanded(self, paths: Sequence[Path]) -> list[Path]:
        from lamplighter.spatial import expand

        endings = tuple(self._plugins.importers())
        found = expand([p.resolve() for p in paths], endings)
        return sorted(found, key=lambda f: _LAST.get(f.suffix.lower(), 0))

    def _read(self, file: Path, override: int | None, fit: bool) -> list[ImportedFile]:
        from lamplighter.spatial import ImportAnswer, ImportOrder, take

        tiles = self._store.folder / "cache" / "tiles"
        tiles.mkdir(parents=True, exist_ok=True)
        importers = sorted(set(self._plugins.importers().values()))
        known = tiles / f"known-{secrets.token_hex(4)}"
        assets = self._store.assets()
        known.write_bytes(msgspec.msgpack.encode({a.id: a.source_file for a in assets}))
        order = ImportOrder(
            paths=(str(file),),
            tiles_folder=str(tiles),
            frame=self._store.frame(),
            epsg=override,
            importers=tuple(importers),
            fit=fit,
            two_points=self._points[0],
            fixed_scale=self._points[1],
            placement=self._placement(file),
            city_box=_box(assets) if fit else None,
            known=str(known),
        )
        done: Future[Any] = Future()
        self._task = self._pool.submit(
            TASK,
            order,
            name=f"Read {file.name}",
            timeout_s=TIMEOUT_S,
            on_end=done.set_result,
            result=ImportAnswer,
            reads=[file.parent, *importers],
            memory_mb=MEMORY_MB,
            code="I-508",
        )
        outcome = done.result()
        self._task = None
        known.unlink(missing_ok=True)
        if isinstance(outcome, Problem):
            return [ImportedFile(FileReport(file=str(file), error=str(outcome)))]
        assert isinstance(outcome, ImportAnswer)
        if self._store.frame() is None and outcome.frame is not None:
            frame = outcome.frame
            self._store.writer.call(lambda access: access.put_frame(frame)).result()
        return take(outcome)

    def _placement(self, file: Path) -> tuple[float, ...]:
        """How this file was placed by points when it was imported before."""
        layers = self._store.layers()
        return next((one.placement for one in layers if one.source_file == str(file)), ())

    def _keep(self, imported: ImportedFile) -> None:
        streams = self._plugins.described(imported.datastreams)

        layer = self._layer(imported)
        imported.report.layer = layer.id
        imported.assets = [replace(a, layer=layer.id) for a in imported.assets]
        known = {a.id: a for a in self._store.assets()}
        assets = [merged(known[a.id], a) if a.id in known else a for a in imported.assets]

        def put(access: WriteAccess) -> None:
            access.put_assets(assets)
            access.put_edges(imported.edges)
            access.put_tiles(imported.tiles)
            access.put_layer(layer)
            if streams:
                access.put_datastream_meta(streams)
            access.record_import(imported.report, imported.content_hash)

        keep_original(self._store.folder, Path(imported.report.file), imported.content_hash)
        self._store.writer.call(put).result()

    def _layer(self, imported: ImportedFile) -> Layer:
        """The layer with its id: the one of the same file before, else a new one."""
        found = imported.layer or Layer("", Path(imported.report.file).stem, "table")
        taken = {one.id: one.source_file for one in self._store.layers()}
        name, number = found.name, 1
        while taken.get(name, found.source_file) != found.source_file:
            number += 1
            name = f"{found.name}-{number}"
        return replace(
            found,
            id=name,
            content_hash=imported.content_hash,
            imported_ms=SystemClock().wall_ms(),
        )


def _box(assets: Sequence[Asset]) -> tuple[float, float, float, float] | None:
    """West, south, east, north of what stands in the city, in local metres."""
    placed = [(a.x, a.y) for a in assets if a.x is not None and a.y is not None]
    if not placed:
        return None
    east, north = [p[0] for p in placed], [p[1] for p in placed]
    return min(east), min(north), max(east), max(north)


def keep_original(project: Path, file: Path, content_hash: str) -> Path:
    """A copy of what was imported, by content: the cache can be made anew from it."""
    folder = project / "media" / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{content_hash}{file.suffix.lower()}"
    if not target.exists():
        part = target.with_suffix(".part")
        shutil.copyfile(file, part)
        part.replace(target)
    return target


def parse_epsg(crs: str) -> int | None:
    """The number in `EPSG:n`; None for an empty text. Raises LamplighterError (U-801)."""
    if not crs:
        return None
    number = crs.upper().removeprefix("EPSG:")
    if not number.isdigit():
        raise fault("U-801", what=f"--crs {crs} is not EPSG:n", name="import")
    return int(number)


def parse_points(text: str) -> str:
    """The text, when it names two points or more. Raises LamplighterError (U-801)."""
    from lamplighter.spatial.placement import BadPoints, parse_pairs

    if text:
        try:
            parse_pairs(text)
        except BadPoints as bad:
            raise fault("U-801", what=f"--two-points: {bad}", name="import") from None
    return text


def import_into(
    project: Path,
    paths: Sequence[Path],
    *,
    crs: str = "",
    fit: bool = False,
    two_points: str = "",
    fixed_scale: bool = False,
    mapping: Path | None = None,
    say: Say,
) -> dict[str, Any]:
    """Import into a project nobody records; the result as `import --json` prints it."""
    begun = time.monotonic()
    if mapping is not None:
        raise fault(
            "U-804", name="Import of past observations with a mapping", what="it is not built yet"
        )
    with opened(project, write=True) as store:
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock())
        try:
            importer = Importer(store, load_plugins(), pool)
            reports = importer.run(
                paths,
                crs=crs,
                fit=fit,
                two_points=two_points,
                fixed_scale=fixed_scale,
                progress=lambda done, total, text: (
                    say(f"{done + 1} of {total}: {text}") if done < total else None
                ),
            )
        finally:
            pool.stop()
    return summary(reports, time.monotonic() - begun)


def summary(reports: Sequence[FileReport], seconds: float) -> dict[str, Any]:
    """Files and totals."""
    objects: dict[str, int] = {}
    for report in reports:
        for kind, count in report.objects.items():
            objects[kind] = objects.get(kind, 0) + count
    return {
        "files": [msgspec.to_builtins(r) for r in reports],
        "objects": objects,
        "seconds": round(seconds, 3),
        "peak_rss_mb": round(psutil.Process().memory_info().rss / 1e6, 1),
    }
