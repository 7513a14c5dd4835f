"""Bad files through the real import worker: nothing crashes, hangs, fetches or writes elsewhere.

Files are imported in batches by a limited worker, each batch ended by a good file that must still
load. Judged are the reports, the folders beside the target, and a listening socket that no file
may reach.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.faults.import_files import Case, by_chance, by_hand, good
from tests.unit.workers.pool_kit import PoolKit

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import FileReport
from lamplighter.domain.problems import LamplighterError, Problem
from lamplighter.runtime.plugin_task import PluginCall
from lamplighter.spatial.task import ImportAnswer, ImportOrder, result_file, take_one

TASK: Final = "lamplighter.spatial.task:import_files"
CALL: Final = "lamplighter.runtime.plugin_task:call"
PLANTED: Final = Path(__file__).with_name("planted_imports.py")
FRAME: Final = Frame(epsg=28992, east=91010.0, north=435705.0)
BATCH: Final = 150
SECONDS: Final = 120.0
"""for one batch; a file that takes them all hangs"""
MEMORY_MB: Final = 1024
_CODE: Final = re.compile(r"\[I-5\d\d\]$")


@dataclass
class Outcome:
    """What became of the files; the lists name those that broke a promise."""

    files: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    wordless: list[str] = field(default_factory=list)
    good_lost: int = 0
    good: int = 0
    escaped: list[str] = field(default_factory=list)
    fetched: int = 0
    seconds: float = 0.0


class Listener:
    """A socket that counts who knocks: a file that makes the importer fetch is found out."""

    def __init__(self) -> None:
        self.knocks = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        while True:
            try:
                self._socket.accept()[0].close()
            except OSError:
                return
            self.knocks += 1

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5.0)


def run(
    mutants: int, folder: Path, seed: int = 77, planted: str = "", hand: int = 1_000
) -> Outcome:
    """Up to `hand` files made by hand, then `mutants` made by chance from `seed`.

    `planted` names a function of `planted_imports.py` that imports with a bug put in on purpose.
    """
    listener, outcome = Listener(), Outcome()
    folder.mkdir(parents=True, exist_ok=True)
    kit = PoolKit(folder / "cache")
    begun = time.monotonic()
    chance = itertools.islice(by_chance(random.Random(seed), listener.url), mutants)
    cases = itertools.chain(by_hand(listener.url)[:hand], chance)
    try:
        for number, batch in enumerate(_batches(cases)):
            _Batch(kit, folder, number, batch, outcome, planted).run()
    finally:
        if not kit.pool.stop(10.0):
            outcome.hung.append("a worker was left behind")
        listener.close()
    outcome.fetched = listener.knocks
    outcome.seconds = round(time.monotonic() - begun, 1)
    return outcome


def _batches(cases: Iterator[Case]) -> Iterator[list[Case]]:
    while batch := list(itertools.islice(cases, BATCH)):
        yield batch


class _Batch:
    def __init__(
        self,
        kit: PoolKit,
        folder: Path,
        number: int,
        cases: list[Case],
        outcome: Outcome,
        planted: str,
    ) -> None:
        self._kit, self._folder, self._outcome, self._planted = kit, folder, outcome, planted
        self._given = folder / f"given{number}"
        self._tiles = folder / "cache" / f"tiles{number}"
        self._cases = [*cases, good()]

    def run(self) -> None:
        places = [self._write(n, case) for n, case in enumerate(self._cases)]
        before = _listing(self._folder)
        left = list(range(len(places)))
        while left:
            done, problem = self._import([places[n] for n in left])
            for n, report in zip(left, done, strict=False):
                self._judge(self._cases[n], report)
            left = left[len(done) :]
            if problem is not None and left:
                self._blame(self._cases[left.pop(0)], problem)
        self._outcome.escaped += sorted(_listing(self._folder) - before)
        shutil.rmtree(self._given, ignore_errors=True)
        shutil.rmtree(self._tiles, ignore_errors=True)

    def _write(self, number: int, case: Case) -> Path:
        place = self._given / f"{number}"
        place.mkdir(parents=True)
        for name, data in {case.name: case.data, **case.beside}.items():
            (place / name).write_bytes(data)
        return place / case.name

    def _import(self, places: list[Path]) -> tuple[list[FileReport], Problem | None]:
        """Reports as far as the worker came, and how it ended when it did not come through."""
        begins = str(self._tiles / "found")
        order = ImportOrder(
            paths=tuple(map(str, places)),
            tiles_folder=str(self._tiles),
            frame=FRAME,
            result=begins,
            roots=(str(self._given),),
        )
        self._tiles.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"timeout_s": SECONDS, "memory_mb": MEMORY_MB, "code": "I-508"}
        if self._planted:
            held = {"order": msgspec.to_builtins(order)}
            call = PluginCall("planted", str(PLANTED), self._planted, held)
            running = self._kit.run(CALL, call, reads=[PLANTED, self._given], **options)
        else:
            running = self._kit.run(
                TASK, order, result=ImportAnswer, reads=[self._given], **options
            )
        end = running.end(SECONDS + 60)
        reports = []
        for number in range(len(places)):
            try:
                reports.append(take_one(result_file(begins, number)).report)
            except LamplighterError:
                break
        return reports, end if isinstance(end, Problem) else None

    def _judge(self, case: Case, report: FileReport) -> None:
        outcome = self._outcome
        if case == self._cases[-1]:
            outcome.good += 1
            outcome.good_lost += report.error is not None or report.triangles != 12
            return
        outcome.files += 1
        told = report.error or report.unplaced or report.warnings
        if report.error is None:
            outcome.verdicts["taken with a word" if told else "taken"] += 1
        elif "reader failed" in report.error:
            outcome.broken.append(f"{case.name}: {report.error}")
        elif "memory" in report.error:
            outcome.verdicts["refused at the memory limit"] += 1
        elif _CODE.search(report.error) and "\n" not in report.error:
            outcome.verdicts["refused"] += 1
            if case.name not in report.error:
                outcome.wordless.append(f"{case.name}: {report.error}")
        else:
            outcome.wordless.append(f"{case.name}: {report.error}")
        if case.must_tell and not told:
            outcome.silent.append(case.name)

    def _blame(self, case: Case, problem: Problem) -> None:
        """The worker ended at this file: it was stopped by its limits, which the user is told."""
        self._outcome.files += 1
        if "no answer within" in problem.text:
            self._outcome.hung.append(f"{case.name}: {problem.text}")
        elif "memory" in problem.text:
            self._outcome.verdicts["refused at the memory limit"] += 1
        else:
            self._outcome.broken.append(f"{case.name}: {problem.text}")


def _listing(folder: Path) -> set[str]:
    """Everything outside of the worker's own folder, with sizes."""
    found = set()
    for top in (place for place in folder.iterdir() if place.name != "cache"):
        for path in [top, *top.rglob("*")]:
            if path.is_file():
                found.add(f"{path.relative_to(folder)} ({path.stat().st_size})")
    for name in ("escaped.json", "escaped.png"):
        for place in (folder.parent / name, folder.parent.parent / name, Path("/tmp") / name):
            if place.exists():
                found.add(str(place))
    return found


def as_row(outcome: Outcome) -> dict[str, Any]:
    """Figures for the table."""
    return {
        "files": outcome.files,
        **{name.replace(" ", "_"): count for name, count in sorted(outcome.verdicts.items())},
        "broken": outcome.broken[:20],
        "hung": outcome.hung[:20],
        "silent": outcome.silent[:20],
        "wordless": outcome.wordless[:20],
        "escaped": outcome.escaped[:20],
        "fetched": outcome.fetched,
        "good": outcome.good,
        "good_lost": outcome.good_lost,
        "seconds": outcome.seconds,
        "passed": not (
            outcome.broken or outcome.hung or outcome.silent or outcome.wordless
            or outcome.escaped or outcome.fetched or outcome.good_lost
        ) and outcome.files > 0,
    }  # fmt: skip
