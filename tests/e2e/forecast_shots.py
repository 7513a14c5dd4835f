"""Pictures of the next hours beside now, and of traffic and air together.

A small town with two months of hours is written through the store's own writer; then the real
recorder forecasts it and the real window shows it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.domain.clock import SystemClock
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.kit.breathing_town import BreathingTown

PATIENCE_S: Final = 120.0
SETTLE_S: Final = 3.0
NAMES: Final = ("next-hours", "traffic-and-air")
Step = tuple[Callable[[], object], Callable[[], bool], str]


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them."""
    chosen = [n for n in NAMES if not wanted or n in wanted]
    if not chosen:
        return []
    made: list[Path] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="town-") as place:
        project = Path(place) / "town"
        BreathingTown(project, SystemClock(), each=4, days=60).write()

        def window(**options: Any) -> int:
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), Path(place) / "layouts",
                            options["on_first_frame"], False)  # fmt: skip
            play = _Play(runner, out, chosen, made, failed)
            runner.window.resize(1600, 1000)
            runner.window.show()
            code = app.exec()
            play.timer.stop()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        Sitting(starters, project, False, 0.0, None, None, False, "dark").run()
    if failed:
        raise RuntimeError(f"no picture of {', '.join(failed)}")
    return made


class _Play(QObject):
    """The steps, between the window's own events: act, wait until it holds, settle, keep."""

    def __init__(
        self, runner: Runner, out: Path, chosen: Sequence[str], made: list[Path],
        failed: list[str],
    ) -> None:  # fmt: skip
        super().__init__()
        self._runner, self._out, self._chosen = runner, out, chosen
        self._made, self._failed = made, failed
        self._steps = self._plan()
        self._step: Step | None = None
        self._since = 0.0
        self._held = 0.0
        self.timer = QTimer(self)
        self.timer.setInterval(200)
        self.timer.timeout.connect(self._look)
        self.timer.start()

    def _plan(self) -> Iterator[Step]:
        window, desk = self._runner.window, self._runner.desk
        yield (lambda: None), (lambda: desk.city_known and desk.live_values is not None), ""
        furniture = window.furnish()
        each = 4
        charts = [[0], [2 * each], [3 * each]]

        def trends() -> None:
            furniture.docks.show("trends")
            furniture.trends.set_charts(charts)
            furniture.trends.show_span(86_400)

        def forecast() -> bool:
            streams = [desk.city.streams[c[0]] for c in charts]
            ahead = [desk.ahead.of_stream(s) for s in streams]
            return all(a is not None and a.value for a in ahead)

        yield trends, forecast, "next-hours"

        def together() -> None:
            furniture.docks.show("together")
            furniture.together.ask()

        yield together, (lambda: furniture.together.found is not None), "traffic-and-air"

    def _look(self) -> None:
        now = time.monotonic()
        if self._step is None:
            self._step = next(self._steps, None)
            if self._step is None:
                self._runner.window.close()
                self.timer.stop()
                return
            self._since, self._held = now, 0.0
            self._step[0]()
            return
        _, holds, name = self._step
        if not self._held and holds():
            self._held = now
        if self._held and (not name or now - self._held > SETTLE_S):
            self._keep(name)
            self._step = None
        elif not self._held and now - self._since > PATIENCE_S:
            self._failed.append(name or "the window")
            self._step = None

    def _keep(self, name: str) -> None:
        if name in self._chosen:
            file = self._out / f"{name}.png"
            if self._runner.window.grab().save(str(file)):
                self._made.append(file)
            else:
                self._failed.append(name)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for picture in make(folder, sys.argv[2:]):
        sys.stdout.write(f"{picture}\n")
