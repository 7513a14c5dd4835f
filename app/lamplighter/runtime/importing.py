"""Files into the project: looked at, read in limited workers, kept in transactions.

The first file that says where it lies founds the project's frame; city models therefore go first,
then terrain, meshes, networks, vectors and tables. What is in already and unchanged is not read
again, so that an import that was stopped is finished by giving the same command once more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Frame
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.importing import FileReport, ImportedFile, PassedOver
from lamplighter.domain.layers import LayerContents
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.runtime.difference import words
from lamplighter.runtime.keeping import Keeper
from lamplighter.runtime.memory import PeakMemory
from lamplighter.runtime.plugins import LoadedPlugins
from lamplighter.runtime.reading import Batch, Box, HowToRead, Reading, next_batch
from lamplighter.runtime.sources import keep_sources
from lamplighter.store import Store
from lamplighter.workers import WorkerPool

if TYPE_CHECKING:
    from lamplighter.spatial import FileWish
    from lamplighter.spatial.scout import FoundFile

AT_ONCE: Final = 2
NAMELESS: Final = frozenset({"tileset", "doc", "index", "scene", "root"})
"""file names that say nothing: their layers are called like the folder"""
CANCELLED: Final = "P-607"
Progress = Callable[[int, int, str], None]


@dataclass(slots=True)
class ImportResult:
    """What an import did."""

    reports: list[FileReport] = field(default_factory=list)
    passed_over: list[PassedOver] = field(default_factory=list)
    cancelled: bool = False
    unread: int = 0
    peak_mb: float = 0.0


class Importer:
    """Imports into one open store. One at a time; `cancel` from any thread."""

    def __init__(
        self, store: Store, plugins: LoadedPlugins, pool: WorkerPool, clock: Clock | None = None
    ) -> None:
        self._store = store
        self._plugins = plugins
        self._pool = pool
        self._clock = clock or SystemClock()
        self._cancelled = threading.Event()
        self._reading: Reading | None = None

    def cancel(self) -> None:
        """Stop; what was imported until now stays."""
        self._cancelled.set()
        if self._reading is not None:
            self._reading.cancel()

    def run(self, ask: wire.ImportFiles, progress: Progress) -> ImportResult:
        """Import files and folders; every file gets its report, also a refused one.

        Raises LamplighterError (U-801) for a wish that cannot be met.
        """
        tiles = (self._store.folder / "cache" / "tiles").resolve()
        tiles.mkdir(parents=True, exist_ok=True)
        importers = self._plugins.importers()
        paths = [Path(p).resolve() for p in ask.paths]
        how = HowToRead(
            tiles_folder=tiles,
            importers=tuple(sorted(set(importers.values()))),
            endings=tuple(importers),
            roots=tuple(str(p) for p in paths if p.is_dir()),
            epsg=parse_epsg(ask.crs),
            fit=ask.fit,
            two_points=parse_points(ask.two_points),
            fixed_scale=ask.fixed_scale,
        )
        reading = self._reading = Reading(self._pool, how)
        with PeakMemory() as peak:
            one = _OneImport(self, ask, how, reading, progress)
            one.run(paths)
        result = one.result
        result.cancelled = self._cancelled.is_set()
        result.peak_mb = peak.megabytes(one.worker_mb)
        return result

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def keeper(self) -> Keeper:
        """The layers of the store as they are now."""
        return Keeper(self._store, self._clock, self._plugins.described)

    def put_frame(self, frame: Frame) -> None:
        self._store.writer.call(lambda access: access.put_frame(frame)).result()

    @property
    def store(self) -> Store:
        return self._store


class _OneImport:
    """The steps of one import; they share the city as it grows."""

    def __init__(
        self,
        importer: Importer,
        ask: wire.ImportFiles,
        how: HowToRead,
        reading: Reading,
        progress: Progress,
    ) -> None:
        self._importer, self._ask, self._how, self._reading = importer, ask, how, reading
        self._tell = progress
        self._keeper = importer.keeper()
        self._frame = importer.store.frame()
        self._repairs = importer.store.repairs()
        self._place: dict[str, int] = {}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._homeless: list[FoundFile] = []
        self._homeless_found: dict[str, ImportedFile] = {}
        self._rows: dict[str, FileReport] = {}
        self._wishes: dict[str, FileWish] = {}
        self.result = ImportResult()
        self.worker_mb = 0.0

    def run(self, paths: Sequence[Path]) -> None:
        try:
            scouted = self._reading.scout(
                paths, lambda done, total, text: self._tell(0, 0, f"looking at {text}")
            )
        except LamplighterError as error:
            if error.problem.code == CANCELLED:
                return
            raise
        self.result.passed_over = [PassedOver(*one) for one in scouted.passed]
        files = list(scouted.files)
        self._check_replace(files)
        self._place = {f.path: number for number, f in enumerate(files)}
        self._parts = {f.path: f.parts for f in files}
        self._read(self._unknown(files))
        if self._homeless and not self._importer.cancelled:
            self._settle_homeless()
        for found in self._homeless_found.values():
            self._take([found])
        self.result.unread = sum(f.path not in self._rows for f in files)
        for file in files:
            if file.path in self._rows:
                self.result.reports.append(self._rows[file.path])
                self.result.reports += [_part(part, file.path) for part in file.parts]
        if not self._importer.cancelled:
            self._tell(len(files) * 1000, len(files) * 1000, "done")

    def _check_replace(self, files: Sequence[FoundFile]) -> None:
        wanted = self._ask.replace
        if not wanted:
            return
        if wanted not in self._keeper.layers:
            raise fault("U-801", what=f"there is no layer {wanted}", name="layers")
        if len(files) != 1:
            raise fault("U-801", what="one file alone can replace a layer", name="import")

    def _unknown(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        """The files that are not in yet, or changed; the others get their row."""
        todo: list[FoundFile] = []
        for file in files:
            report = None if self._ask.again else self._already(file)
            if report is None:
                self._wishes[file.path] = self._wish(file)
                todo.append(file)
            else:
                report.already = True
                report.seconds = 0.0
                report.difference = None
                report.warnings = [*report.warnings, "already in, unchanged; not read again"]
                self._rows[file.path] = report
        return todo

    def _already(self, file: FoundFile) -> FileReport | None:
        layer = self._keeper.layer_of(file.path)
        if layer is None or layer.content_hash != file.digest or self._ask.two_points:
            return None
        contents = self._keeper.contents.get(layer.id, LayerContents())
        epsg = self._epsg(file.path)
        if (epsg and epsg != contents.epsg) or self._ask.replace not in ("", layer.id):
            return None
        report = self._importer.store.import_report(file.path, file.digest)
        if report is None or (report.unplaced and not report.placed):
            return None
        return report

    def _epsg(self, path: str) -> int | None:
        return parse_epsg(self._ask.crs_of.get(path, "")) or self._how.epsg

    def _wish(self, file: FoundFile) -> FileWish:
        """What is known of a file: also how the same file was placed before."""
        from lamplighter.spatial import FileWish

        before = self._keeper.layers.get(self._ask.replace) or self._keeper.layer_of(file.path)
        contents = LayerContents()
        if before is not None:
            contents = self._keeper.contents.get(before.id, contents)
        repairs = tuple(r for r in self._repairs if r.content_hash == file.digest)
        declared = next((parse_epsg(r.value) for r in repairs if r.action == "crs"), None)
        return FileWish(
            digest=file.digest,
            parts=file.parts,
            epsg=self._epsg(file.path) or declared or contents.epsg,
            placement=before.placement if before is not None else (),
            fit=contents.fit,
            repairs=repairs,
        )

    def _read(self, queue: list[FoundFile], *, last: bool = False) -> None:
        """Read all of `queue`, and keep what was read in its order."""
        flying: list[Batch] = []
        while (queue or flying) and not self._importer.cancelled:
            at_once = AT_ONCE if self._frame is not None else 1
            while queue and len(flying) < at_once and not self._waits(queue[0], flying):
                flying.append(self._start(next_batch(queue)))
            batch = flying.pop(0)
            found, rest, peak = batch.outcome()
            self.worker_mb = max(self.worker_mb, peak)
            queue[:0] = rest
            homed = []
            for item in found:
                if not last and self._is_homeless(item, batch):
                    self._homeless_found[item.report.file] = item
                    self._homeless += [f for f in batch.files if f.path == item.report.file]
                else:
                    homed.append(item)
                self._found_frame(item)
            self._take(homed)
        for batch in flying:
            batch.future.result()

    def _waits(self, file: FoundFile, flying: Sequence[Batch]) -> bool:
        """What is laid on the ground waits for those that bring ground."""
        from lamplighter.spatial import lies_on_ground

        return lies_on_ground(file.path) and any(
            not lies_on_ground(other.path) for batch in flying for other in batch.files
        )

    def _start(self, files: list[FoundFile]) -> Batch:
        from lamplighter.spatial import known_tiles

        count = max(len(self._place), 1)

        def tell(done: int, total: int, text: str) -> None:
            at = min(done // 1000, len(files) - 1)
            place = self._place.get(files[at].path, 0)
            step = min(done - at * 1000, 1000)
            self._tell(
                place * 1000 + step,
                count * 1000,
                f"file {place + 1} of {count} · {step // 10} % · {text}",
            )

        box = _box(self._keeper.assets.values()) if self._how.fit else None
        ground = [t for layer in self._keeper.layers.values() for t in known_tiles(layer)]
        return self._reading.start(files, self._frame, box, self._wishes, ground, tell)

    def _is_homeless(self, item: ImportedFile, batch: Batch) -> bool:
        """Its neighbours were not known when it was read; they may tell where it belongs."""
        report = item.report
        alone = batch.frame is None or (self._how.fit and batch.box is None)
        return alone and report.error is None and not report.placed and bool(report.unplaced)

    def _settle_homeless(self) -> None:
        if self._frame is None:
            return
        files, self._homeless = self._homeless, []
        self._homeless_found.clear()
        self._read(files, last=True)

    def _found_frame(self, item: ImportedFile) -> None:
        from lamplighter.spatial import choose_frame

        if self._frame is None:
            self._frame = choose_frame([item])
            if self._frame is not None and not self._ask.preview:
                self._importer.put_frame(self._frame)

    def _take(self, found: Sequence[ImportedFile]) -> None:
        """Rows for all of them; what can be kept is kept in one transaction."""
        for item in found:
            self._rows[item.report.file] = item.report
            if item.report.error is None and not self._ask.preview:
                self._keep(item)
        self._keeper.write()

    def _keep(self, item: ImportedFile) -> None:
        from lamplighter.spatial import settle

        file, keeper = item.report.file, self._keeper
        before = keeper.layer_of(file)
        name = item.layer.name if item.layer is not None else Path(file).stem
        if name.lower() in NAMELESS and item.layer is not None:
            name = Path(file).parent.name or name
            item.layer = msgspec.structs.replace(item.layer, name=name)
        layer = self._ask.replace or (before.id if before else keeper.new_id(name, file))
        settle(item, layer, keeper.others(layer), ())
        parts = self._parts.get(file, ())
        main = keep_sources(
            self._importer.store.folder,
            Path(file),
            [Path(part) for part in parts],
            item.content_hash,
        )
        wish = self._wishes[file]
        fitted = self._how.fit and "fitted by request" in item.report.crs_evidence
        contents = LayerContents(
            main=main,
            parts=parts,
            epsg=wish.epsg,
            fit=wish.fit or (_box(keeper.assets.values()) if fitted else None),
        )
        keeper.take(item, layer, contents)
        if item.report.difference is not None:
            line = words(item.report.difference)
            item.report.warnings.append(f"newer version of layer {layer}: {line}")


def _part(file: str, main: str) -> FileReport:
    return FileReport(file=file, format=f"part of {Path(main).name}", part_of=main)


def _box(assets: Iterable[Asset]) -> Box | None:
    """West, south, east, north of what stands in the city, in local metres."""
    placed = [(a.x, a.y) for a in assets if a.x is not None and a.y is not None]
    if len(placed) < 2:
        return None
    east, north = [p[0] for p in placed], [p[1] for p in placed]
    return min(east), min(north), max(east), max(north)


def parse_epsg(crs: str) -> int | None:
    """The number in `EPSG:n`; None for an empty text. Raises LamplighterError (U-801)."""
    if not crs:
        return None
    number = crs.upper().removeprefix("EPSG:")
    if not number.isdigit():
        raise fault("U-801", what=f"--crs {crs} is not EPSG:n", name="import")
    from lamplighter.spatial.crs import system

    if system(int(number)) is None:
        what = f"--crs {crs} is not a coordinate system that is known"
        raise fault("U-801", what=what, name="import")
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
