"""Watched files while the recorder is killed: every line is stored, and no line twice.

A writer appends numbered lines to a file, half lines now and then, and renames it as a log rotation
does; meanwhile the recorder is killed again and again. What was written is known, what is stored
is exported; both must be the same. The control run forgets its place at each start and must store
lines twice, or the kills proved nothing.
"""

from __future__ import annotations

import csv
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.kit.program import Recording, json_of, verb

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"file_kills": 8}
LONG: Final = {"file_kills": 100}
RATE: Final = 500.0
PATIENCE_S: Final = 120.0


class Writer:
    """Appends the numbers 0, 1, 2 ... as lines; use it as a context manager."""

    def __init__(self, file: Path, rate: float, *, rotations: bool = False) -> None:
        self.count = 0
        self._file, self._rate, self._rotations = file, rate, rotations
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        choose = random.Random(1)
        while not self._stop.is_set():
            rotate = self._rotations and choose.random() < 0.01 and self._file.exists()
            if rotate:
                self._file.rename(self._file.with_name(f"old-{self.count}.csv"))
            head = b"" if self._file.exists() else b"n\n"
            lines = head + b"".join(b"%d\n" % n for n in range(self.count, self.count + 10))
            cut = choose.randrange(len(lines) + 1)
            with self._file.open("ab", buffering=0) as out:
                out.write(lines[:cut])
                time.sleep(5 / self._rate)
                out.write(lines[cut:])
            self.count += 10
            self._stop.wait(5 / self._rate)


def values_of(project: Path) -> list[int]:
    """All values that are stored, from the program's own export."""
    out = project.parent / f"{project.name}.csv"
    done = verb("export", project, "--observations", out)
    if done.returncode or not out.exists():
        return []
    with out.open(newline="") as rows:
        return [int(float(row["value"])) for row in csv.DictReader(rows)]


def _killed(kills: int, folder: Path, *, forgetful: bool) -> tuple[int, list[int]]:
    """(lines written, values stored) of one run."""
    project, data = folder / "p", folder / "data"
    data.mkdir(parents=True)
    (folder / "m.toml").write_text('format = "csv"\n[[values]]\nvalue = "n"\n')
    verb("new", project)
    json_of("feed", "add", project, f"folder:{data}?interval=0.05&source=log&pattern=*.csv",
            "--map", folder / "m.toml")  # fmt: skip
    choose = random.Random(kills)
    with Writer(data / "a.csv", RATE, rotations=True) as writer:
        for _ in range(kills):
            with Recording(project) as recording:
                recording.ready()
                time.sleep(choose.uniform(0.2, 1.5))
                recording.kill()
            if forgetful:
                shutil.rmtree(project / "feeds", ignore_errors=True)
    with Recording(project) as recording:
        recording.ready()
        end = time.monotonic() + PATIENCE_S
        while len(set(values_of(project))) < writer.count and time.monotonic() < end:
            time.sleep(0.5)
        recording.end()
    return writer.count, values_of(project)


def watched(size: dict[str, int], folder: Path) -> Row:
    """The promise, and the control run that must break it."""
    written, stored = _killed(size["file_kills"], folder / "real", forgetful=False)
    lost = written - len(set(stored))
    twice = len(stored) - len(set(stored))
    _, control = _killed(3, folder / "control", forgetful=True)
    doubled = len(control) - len(set(control))
    return {
        "promise": "Every line of a watched file is stored once while the recorder is killed",
        "trials": f"{size['file_kills']} kills at random moments, {RATE:,.0f} lines/s, half lines, "
        "rotations",
        "result": f"{lost} of {written:,} lines lost, {twice} stored twice; control that forgets "
        f"its place: {doubled:,} twice",
        "not_shown": "kill -9 is not power loss; a file that shrinks and grows between two looks "
        "to the same first bytes is not told from one that only grew",
        "bound": "",
        "passed": lost == 0 and twice == 0 and doubled > 0,
        "figures": {"written": written, "lost": lost, "twice": twice, "control_twice": doubled},
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"watched": watched}
