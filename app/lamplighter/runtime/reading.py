"""Files read in limited workers: looked at first, then read in batches, two workers at a time.

A batch of small files shares a worker, since starting one takes longer than reading most files.
A file that kills its worker is refused alone: what was read before it counts, what comes after it
is read by the next worker.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.domain.layers import TileInfo
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.workers import WorkerPool

if TYPE_CHECKING:
    from lamplighter.spatial import FileWish, Scouted
    from lamplighter.spatial.scout import FoundFile

TASK: Final = "lamplighter.spatial.task:import_files"
SCOUT: Final = "lamplighter.spatial.task:scout_paths"
MEMORY_MB: Final = 4_096
BATCH_FILES: Final = 100
BATCH_BYTES: Final = 6_000_000
FILE_S: Final = 45.0
SECONDS_PER_MB: Final = 12.0
LONGEST_S: Final = 3_600.0
SECOND_TRY: Final = (".ifc", ".ifczip")
"""formats that a reader can read with less effort after they ended a worker"""
Box = tuple[float, float, float, float]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class HowToRead:
    """What holds for all files of one import."""

    tiles_folder: Path
    importers: tuple[str, ...]
    """paths of plugin importers"""
    endings: tuple[str, ...]
    roots: tuple[str, ...]
    epsg: int | None = None
    fit: bool = False
    two_points: str = ""
    fixed_scale: bool = False


@dataclass(slots=True)
class Batch:
    """Files one worker reads."""

    files: list[FoundFile]
    frame: Frame | None
    box: Box | None
    task: int
    future: Future[Any]
    begins: str
    name: str
    again: set[str]
    """paths that ended a worker once and are read with less effort the next time"""
    cancelled: bool = False

    def outcome(self) -> tuple[list[ImportedFile], list[FoundFile], float]:
        """Waits. What was read, the files that were not, and the worker's peak in megabytes.

        The file that ended the worker counts as read: its report says so. Where its format has a
        way with less effort it is among the rest once more.
        """
        from lamplighter.spatial import result_file, take_one

        answer = self.future.result()
        found: list[ImportedFile] = []
        for number, file in enumerate(self.files):
            path = result_file(self.begins, number)
            if not path.exists():
                break
            try:
                found.append(take_one(path))
            except LamplighterError as error:
                found.append(_refused(file, str(error)))
        rest = self.files[len(found) :]
        if isinstance(answer, Problem):
            self.cancelled = answer.code == "P-607"
            if rest and not self.cancelled and self._second_try(rest[0].path):
                self.again.add(rest[0].path)
            elif rest and not self.cancelled:
                text = str(answer).replace(self.name, Path(rest[0].path).name)
                found.append(_refused(rest.pop(0), text))
            return found, rest, 0.0
        return found, rest, float(answer.peak_mb)

    def _second_try(self, path: str) -> bool:
        return path.lower().endswith(SECOND_TRY) and path not in self.again


def _refused(file: FoundFile, text: str) -> ImportedFile:
    return ImportedFile(FileReport(file=file.path, error=text))


class Reading:
    """Starts workers for one import; `cancel` from any thread."""

    def __init__(self, pool: WorkerPool, how: HowToRead) -> None:
        self._pool = pool
        self._how = how
        self._tasks: set[int] = set()
        self._again: set[str] = set()

    def cancel(self) -> None:
        """Stop what is being read; a worker ends well within a second."""
        for task in list(self._tasks):
            self._pool.cancel(task)

    def scout(self, paths: Sequence[Path], progress: Progress) -> Scouted:
        """What lies in the paths. Raises LamplighterError (I-508) when that cannot be told."""
        from lamplighter.spatial import ScoutAnswer, ScoutOrder, take_scouted

        order = ScoutOrder(
            tuple(str(p) for p in paths), self._how.endings, str(self._how.tiles_folder)
        )
        done: Future[Any] = Future()
        names = ", ".join(p.name for p in paths[:3])
        task = self._pool.submit(
            SCOUT,
            order,
            name=f"Look at {names}",
            timeout_s=600.0,
            on_progress=progress,
            on_end=done.set_result,
            result=ScoutAnswer,
            reads=[*paths, *{p.parent for p in paths if not p.is_dir()}],
            memory_mb=MEMORY_MB,
            code="I-508",
        )
        self._tasks.add(task)
        answer = done.result()
        self._tasks.discard(task)
        if isinstance(answer, Problem):
            raise LamplighterError(answer)
        return take_scouted(answer)

    def start(
        self,
        files: list[FoundFile],
        frame: Frame | None,
        box: Box | None,
        wishes: dict[str, FileWish],
        ground: Sequence[TileInfo],
        progress: Progress,
    ) -> Batch:
        """Begin to read; `progress` counts thousandths of files of this batch.

        GIS data without heights is laid on the `ground` tiles and on what the batch itself brings.
        """
        from lamplighter.spatial import ImportAnswer, ImportOrder, save_known

        how = self._how
        begins = str(how.tiles_folder / f"import-{secrets.token_hex(6)}")
        known = Path(f"{begins}.ground")
        save_known(ground, known)
        order = ImportOrder(
            paths=tuple(f.path for f in files),
            tiles_folder=str(how.tiles_folder),
            frame=frame,
            epsg=how.epsg,
            importers=how.importers,
            fit=how.fit,
            city_box=box,
            two_points=how.two_points,
            fixed_scale=how.fixed_scale,
            wishes=self._wished(files, wishes),
            roots=how.roots,
            result=begins,
            ground=str(known),
        )
        done: Future[Any] = Future()
        name = f"Read {Path(files[0].path).name}" if len(files) == 1 else f"Read {len(files)} files"
        task = self._pool.submit(
            TASK,
            order,
            name=name,
            timeout_s=_patience(files),
            on_progress=progress,
            on_end=done.set_result,
            result=ImportAnswer,
            reads=[*_folders(files), *how.roots, *how.importers],
            memory_mb=MEMORY_MB,
            code="I-508",
        )
        self._tasks.add(task)
        done.add_done_callback(lambda _: self._tasks.discard(task))
        done.add_done_callback(lambda _: known.unlink(missing_ok=True))
        return Batch(files, frame, box, task, done, begins, name, self._again)

    def _wished(
        self, files: Sequence[FoundFile], wishes: dict[str, FileWish]
    ) -> dict[str, FileWish]:
        """The wishes for these files; what ended a worker before is read with less effort."""
        from lamplighter.spatial import FileWish

        found = {f.path: wishes[f.path] for f in files if f.path in wishes}
        for file in files:
            if file.path in self._again:
                found[file.path] = replace(found.get(file.path, FileWish()), again=True)
        return found


def _folders(files: Sequence[FoundFile]) -> list[str]:
    """What the worker may read: the folders of the files and of their parts."""
    found: dict[str, None] = {}
    for file in files:
        for path in (file.path, *file.parts):
            found[str(Path(path).parent)] = None
        if Path(file.path).is_dir():
            found[file.path] = None
    return list(found)


def _patience(files: Sequence[FoundFile]) -> float:
    """Seconds a batch may take, by its size."""
    size = sum(f.size for f in files) / 1e6
    several = min(len(files), 10)
    return min(FILE_S * several + 2.0 * len(files) + SECONDS_PER_MB * size, LONGEST_S)


def next_batch(queue: list[FoundFile]) -> list[FoundFile]:
    """Take the files from the front of `queue` that one worker reads."""
    batch = [queue.pop(0)]
    size = batch[0].size
    while queue and len(batch) < BATCH_FILES and size + queue[0].size <= BATCH_BYTES:
        size += queue[0].size
        batch.append(queue.pop(0))
    return batch
