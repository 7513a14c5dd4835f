"""An import by a verb, into a project that nobody records: this process is the only writer.

It says line by line how it goes, ends at Ctrl+C, and gives the result that `--json` prints.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.importing import FileReport
from lamplighter.runtime import feeds
from lamplighter.runtime.importing import Importer, ImportResult, Progress
from lamplighter.runtime.memory import PeakMemory
from lamplighter.runtime.offline_audit import named, note
from lamplighter.runtime.plugins import load_plugins
from lamplighter.runtime.project import opened
from lamplighter.runtime.resources import own_command
from lamplighter.workers import WorkerPool

Say = Callable[[str], None]
OWN: Final = "lamplighter"
"""as a mapping: the file is our own export"""


def import_into(
    project: Path,
    paths: Sequence[Path],
    *,
    ask: wire.ImportFiles | None = None,
    mapping: Path | None = None,
    say: Say,
) -> dict[str, Any]:
    """Import into a project nobody records; the result as `import --json` prints it.

    `ask` holds the wishes, its paths are replaced by `paths`. Ctrl+C stops within a second;
    what was taken until then stays, and the result says so.
    """
    begun = time.monotonic()
    if mapping is not None:
        with PeakMemory() as peak:
            reports = bring_in(project, paths, mapping, again=bool(ask and ask.again), say=say)
            result = ImportResult(reports, peak_mb=peak.megabytes())
        return summary(result, time.monotonic() - begun)
    wanted = msgspec.structs.replace(
        ask or wire.ImportFiles(()), paths=tuple(str(p) for p in paths)
    )
    with opened(project, write=True) as store:
        if not wanted.preview:
            note(store.folder, "import files", named(wanted.paths))
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock())
        try:
            importer = Importer(store, load_plugins(), pool)
            result = _interruptible(importer, wanted, Spoken(say))
        finally:
            pool.stop()
    return summary(result, time.monotonic() - begun)


def bring_in(
    project: Path, paths: Sequence[Path], mapping: Path, *, again: bool, say: Say
) -> list[FileReport]:
    """The past through a mapping, into a project nobody records. Ctrl+C ends it between two
    pieces; the same command goes on from there.
    """
    from lamplighter.runtime.intake import StoreDoor
    from lamplighter.runtime.past_import import import_files

    clock = SystemClock()
    with opened(project, write=True) as store:
        note(store.folder, "bring in the past", named([str(p) for p in paths]))
        return import_files(
            store, StoreDoor(store), clock, list(paths), mapping_text(mapping), mapping.name,
            again=again, progress=Spoken(say),
        )  # fmt: skip


def mapping_text(mapping: Path) -> str:
    """The text of a mapping file; `lamplighter` stands for our own export."""
    if mapping.name == OWN and not mapping.exists():
        return ""
    return feeds.mapping_text(mapping)


def _interruptible(importer: Importer, ask: wire.ImportFiles, progress: Progress) -> ImportResult:
    """Run on a thread of its own, so that Ctrl+C cancels instead of breaking off."""
    ended: list[ImportResult | BaseException] = []

    def work() -> None:
        try:
            ended.append(importer.run(ask, progress))
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=work, name="import", daemon=True)
    thread.start()
    while thread.is_alive():
        try:
            thread.join(0.2)
        except KeyboardInterrupt:
            importer.cancel()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


class Spoken:
    """Progress as lines of text: one for each file, and one every two seconds within it."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._file = ""
        self._last = 0.0

    def __call__(self, done: int, total: int, text: str) -> None:
        file = text.rpartition(" · ")[2]
        now = time.monotonic()
        if (file != self._file and now - self._last > 0.2) or now - self._last > 2.0:
            self._file, self._last = file, now
            self._say(text)


def summary(result: ImportResult, seconds: float) -> dict[str, Any]:
    """Files and totals."""
    objects: dict[str, int] = {}
    for report in result.reports:
        for kind, count in report.objects.items():
            objects[kind] = objects.get(kind, 0) + count
    return {
        "files": [msgspec.to_builtins(r) for r in result.reports],
        "objects": objects,
        "seconds": round(seconds, 3),
        "peak_rss_mb": round(result.peak_mb, 1),
        "already": sum(r.already for r in result.reports),
        "cancelled": result.cancelled,
        "unread": result.unread,
        "passed_over": [msgspec.to_builtins(p) for p in result.passed_over],
    }
