"""Pictures of the pages about a project: storage, the check, an import, the past, all projects.

A recorded day lies in a copy of the demo project, and a small file in which every building has one
known fault is imported into it; then the real recorder and the real window open it.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.domain.city import Frame
from lamplighter.domain.clock import SystemClock
from lamplighter.runtime.demo import prepare
from lamplighter.runtime.portfolio import LocalPortfolio, ProjectList
from lamplighter.runtime.project import opened
from lamplighter.ui.app import Post, Runner
from lamplighter.ui.portfolio import PortfolioWindow
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.fixtures import cities
from tests.fixtures.faulty_city import City, faulty
from tests.kit.past_day import PastDay, Size
from tests.kit.program import json_of

PATIENCE_S: Final = 90.0
SETTLE_S: Final = 2.5
PAST: Final = ("past-choose", "past-mapping", "past-running", "past-done")
NAMES: Final = ("storage", "check", "import-dialog", *PAST, "projects")
PAST_ROWS: Final = 400_000
"""so many that the picture of a running import is taken before its end"""
Step = tuple[Callable[[], object], Callable[[], bool], str, Callable[[], QWidget | None]]


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them."""
    chosen = [n for n in NAMES if not wanted or n in wanted]
    if not chosen:
        return []
    made: list[Path] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="harbour-") as place:
        folder = Path(place)
        project = _project(folder)
        listed = _list(folder, project)

        def window(**options: Any) -> int:
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), folder / "layouts",
                            options["on_first_frame"], False)  # fmt: skip
            play = _Play(runner, folder, listed, out, chosen, made, failed)
            runner.window.resize(1600, 1000)
            runner.window.show()
            code = app.exec()
            play.end()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        Sitting(starters, project, False, 0.0, None, None, False, "dark").run()
    if failed:
        raise RuntimeError(f"no picture of {', '.join(failed)}")
    return made


def _project(folder: Path) -> Path:
    """The demo with a day of history and one faulty file, near its houses."""
    project = prepare(lambda _: None)
    PastDay(project, Size(every_s=60, alarms=24), over=True).write()
    with opened(project) as store:
        frame = store.frame()
    assert frame is not None
    file = near(faulty(folder / "new-quarter.city.json"), frame, -160)
    json_of("import", project, file, codes=(0, 1))
    return project


def near(file: Path, frame: Frame, east_m: float) -> Path:
    """The buildings of a generated file, moved to the middle of the project."""
    document = json.loads(file.read_text())
    away = [frame.east - 85_000 + east_m, frame.north - 446_000 + 40, 0]
    document["transform"]["translate"] = away
    system = f"https://www.opengis.net/def/crs/EPSG/0/{frame.epsg}"
    document["metadata"]["referenceSystem"] = system
    file.write_text(json.dumps(document))
    return file


def _list(folder: Path, project: Path) -> ProjectList:
    """Three projects of one user; one is not where it was."""
    listed = ProjectList(folder / "projects.json")
    small = folder / "mill-quarter"
    (folder / "house.city.json").write_text(cities.cityjson_text())
    json_of("new", small)
    json_of("import", small, folder / "house.city.json")
    now = SystemClock().wall_ms()
    for place, days in ((project, 0), (small, 3), (folder / "old-harbour", 40)):
        listed.put(str(place), now - days * 86_400_000)
    return listed


def loggers_table(file: Path) -> Path:
    """A year of a logger as towns keep it: a column for each value, some lines broken."""
    heads = ("time", "P-14 pressure (bar)", "P-14 power (kW)", "P-22 pressure (psi)", "operator")
    lines = [";".join(heads)]
    for number in range(PAST_ROWS):
        day, minute = divmod(number, 1440)
        month, day = divmod(day, 28)
        moment = f"{2022 + month // 12}-{month % 12 + 1:02}-{day + 1:02}"
        turn = math.sin(number / 229.0)
        values = [f"{3.4 + turn:.2f}", f"{18 - 6 * turn:.1f}", f"{52 + 9 * turn:.1f}", "night"]
        if number % 97_001 == 3:
            values[0] = "defective"
        lines.append(";".join([f"{moment} {minute // 60:02}:{minute % 60:02}", *values]))
    file.write_text("\n".join(lines) + "\n")
    return file


class _Play(QObject):
    """The steps, each when what it shows is there."""

    def __init__(
        self,
        runner: Runner,
        folder: Path,
        listed: ProjectList,
        out: Path,
        wanted: list[str],
        made: list[Path],
        failed: list[str],
    ) -> None:
        super().__init__()
        self._window, self._desk = runner.window, runner.desk
        self._folder, self._listed, self._out = folder, listed, out
        self._wanted, self._made, self._failed = wanted, made, failed
        self._projects: PortfolioWindow | None = None
        self._steps: Iterator[Step] = iter(self._plan())
        self._step: Step | None = None
        self._since = time.monotonic()
        self._good = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _plan(self) -> list[Step]:
        furniture = self._window.furnish
        past: Callable[[], Any] = lambda: furniture().project.opened["past"]  # noqa: E731
        return [
            (lambda: None, self._drawn, "", lambda: None),
            (lambda: furniture().project.storage(), self._figures, "storage",
             lambda: furniture().project.opened.get("storage")),
            (self._check, lambda: furniture().check.result is not None, "", lambda: None),
            (self._choose_open, self._drawn, "check", lambda: None),
            (self._import, self._looked_at, "import-dialog",
             lambda: furniture().project.opened.get("import")),
            (self._past, lambda: True, "past-choose", past),
            (self._choose_past, self._mapped, "past-mapping", past),
            (lambda: past().take(), self._running, "past-running", past),
            (lambda: None, lambda: past().result.trend.isVisible(), "past-done", past),
            (self._all_projects, self._cards, "projects", lambda: self._projects),
        ]  # fmt: skip

    def _tick(self) -> None:
        now = time.monotonic()
        if self._step is None:
            self._step = next(self._steps, None)
            self._since, self._good = now, 0.0
            if self._step is None:
                self._timer.stop()
                self.end()
                self._window.close()
                return
            self._step[0]()
            return
        _, ready, name, of = self._step
        late = now - self._since > PATIENCE_S
        if ready() and not self._good:
            self._good = now
        if not late and not (self._good and now - self._good > SETTLE_S):
            return
        if late and name:
            self._failed.append(name)
        elif name in self._wanted:
            target = self._out / f"{name}.png"
            self._window.blink.rest()
            (of() or self._window).grab().save(str(target), "PNG")
            self._made.append(target)
            sys.stderr.write(f"shots: {name}\n")
        self._step = None

    def end(self) -> None:
        """Closes what stands beside the window."""
        if self._projects is not None:
            self._projects.close()

    # ---------------------------------------------------------------- acts
    def _drawn(self) -> bool:
        view = self._window.furnish().twin.view if self._desk.city_known else None
        return view is not None and getattr(view, "scene", None) is not None

    def _figures(self) -> bool:
        dialog = self._window.furnish().project.opened.get("storage")
        if dialog is None or dialog.found is None:
            return False
        if not dialog.raw.value():
            dialog.raw.setValue(90)
        return dialog.preview is not None and dialog.found.sealed_points > 0

    def _check(self) -> None:
        furniture = self._window.furnish()
        for dialog in tuple(furniture.project.opened.values()):
            dialog.close()
        furniture.check_city()
        furniture.docks.show("check")

    def _choose_open(self) -> None:
        """The row of the house without a wall."""
        check = self._window.furnish().check
        rows = [n for n, f in enumerate(check.findings.rows) if f.object == "open"]
        check.view.setCurrentIndex(check.findings.index(rows[0], 0))

    def _looked_at(self) -> bool:
        dialog = self._window.furnish().project.opened.get("import")
        if dialog is None or not dialog.model.rowCount():
            return False
        dialog.table.selectRow(0)
        return True

    def _import(self) -> None:
        folder = self._folder / "delivery"
        folder.mkdir()
        city, frame = City(), self._desk.city.frame
        for number in range(1, 7):
            city.building(f"quay-{number}", height=9.0 + number)
        assert frame is not None
        near(city.write(folder / "quay-houses.city.json"), frame, 300)
        (folder / "mains.inp").write_text(cities.INP)
        (folder / "notes.txt").write_text("delivered on Monday\n")
        self._window.furnish().project.import_files([str(folder)])

    def _past(self) -> None:
        """The window as it opens, with nothing chosen."""
        furniture = self._window.furnish()
        for dialog in tuple(furniture.project.opened.values()):
            dialog.close()
        furniture.project.bring_past()

    def _choose_past(self) -> None:
        file = loggers_table(self._folder / "pumping-station-2022.csv")
        self._window.furnish().project.bring_past(str(file))

    def _mapped(self) -> bool:
        """The file was looked at and may be brought in."""
        dialog: Any = self._window.furnish().project.opened["past"]
        return dialog._look is not None and dialog.primary.isEnabled()

    def _running(self) -> bool:
        """Some of it is in."""
        dialog: Any = self._window.furnish().project.opened["past"]
        task = self._desk.tasks.get(dialog._task)
        return task is not None and task.done > 0

    def _all_projects(self) -> None:
        furniture = self._window.furnish()
        for dialog in tuple(furniture.project.opened.values()):
            dialog.close()
        source = LocalPortfolio(self._listed, self._folder / "thumbnails")
        self._projects = PortfolioWindow(source, Post())
        self._projects.resize(1280, 720)
        self._projects.show()

    def _cards(self) -> bool:
        cards = self._projects.cards if self._projects is not None else {}
        return len(cards) == 3 and sum(bool(c.card.thumbnail) for c in cards.values()) >= 2
