"""Pictures of the past: a recorded day of the demo city, at 03:42 by both clocks, and its trends.

The day is written into a copy of the demo project through the store's own writer; then the real
recorder and the real window open it, and the window is driven by its own actions.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.runtime.demo import prepare
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.e2e.alarm_shots import RULE_PICTURES, PastRule
from tests.kit.past_day import SILENT, PastDay, Size, at

MOMENT: Final = "03:42"
PATIENCE_S: Final = 60.0
SETTLE_S: Final = 2.5
NAMES: Final = ("past-known-then", "past-truth-now", "trends", *RULE_PICTURES)


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them."""
    chosen = [n for n in NAMES if not wanted or n in wanted]
    if not chosen:
        return []
    made: list[Path] = []
    failed: list[BaseException] = []
    with tempfile.TemporaryDirectory() as layouts:
        project = prepare(lambda _: None)
        day = PastDay(project, Size(every_s=60, alarms=24), over=True)
        day.write()

        def window(**options: Any) -> int:
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), Path(layouts),
                            options["on_first_frame"], False)  # fmt: skip
            play = _Play(runner, day, out, chosen, made, failed)
            QTimer.singleShot(0, play.next)
            runner.window.resize(1600, 1000)
            runner.window.show()
            code = app.exec()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        Sitting(starters, project, False, 0.0, None, None, False, "dark").run()
    if failed:
        raise failed[0]
    return made


class _Play:
    """The steps, between the window's own events."""

    def __init__(
        self,
        runner: Runner,
        day: PastDay,
        out: Path,
        wanted: list[str],
        made: list[Path],
        failed: list[BaseException],
    ) -> None:
        self._window, self._desk = runner.window, runner.desk
        self._shown: QWidget = self._window
        self._day, self._out = day, out
        self._rule = PastRule(runner.window, runner.desk, at("23:55"))
        self._wanted, self._made, self._failed = wanted, made, failed
        self._steps: Iterator[tuple[Callable[[], Any], float, str]] = iter(self._plan())

    def next(self) -> None:
        """Take the next step, or end."""
        try:
            if not self._ready():
                QTimer.singleShot(200, self.next)
                return
            step = next(self._steps, None)
            if step is None:
                self._window.close()
                return
            act, settle, picture = step
            self._shown = act() or self._window
            QTimer.singleShot(round(1000 * settle), lambda: self._keep(picture))
        except BaseException as error:
            self._failed.append(error)
            self._window.close()

    def _ready(self) -> bool:
        view = self._window.furnish().twin.view if self._desk.city_known else None
        drawn = view is not None and getattr(view, "scene", None) is not None
        return drawn and not self._rule.busy

    def _keep(self, picture: str) -> None:
        if picture in self._wanted:
            self._window.blink.rest()
            target = self._out / f"{picture}.png"
            self._shown.grab().save(str(target), "PNG")
            self._made.append(target)
            sys.stderr.write(f"shots: {picture}\n")
        self.next()

    def _plan(self) -> list[tuple[Callable[[], Any], float, str]]:
        """What to do, how long to let it settle, and the picture's name; a window that the
        act returns is the one that is shown."""
        return [
            (lambda: None, SETTLE_S, ""),
            (self._then, 2 * SETTLE_S, "past-known-then"),
            (self._swap, SETTLE_S, "past-truth-now"),
            (self._trends, SETTLE_S, "trends"),
            *self._rule.steps(SETTLE_S),
        ]

    def _swap(self) -> None:
        self._desk.time.swap_known()

    def _then(self) -> None:
        desk, furniture = self._desk, self._window.furnish()
        desk.time.first_ms = 0
        desk.selection.select(self._day.asset_of(SILENT))
        furniture.trends.show_span(14_400)
        silent, known = self._day.stream_of(SILENT), self._day.stream_of(1)
        furniture.trends.set_charts([[known], [silent]])
        desk.time.replay(at(MOMENT))
        view = furniture.twin.view
        view.go(view.scene.home_pose())

    def _trends(self) -> None:
        desk, furniture = self._desk, self._window.furnish()
        furniture.workspace("Trends")
        desk.time.replay(at("12:00"))
        trends = furniture.trends
        trends.show_span(14_400)
        found = [self._one_of(kind) for kind in ("pressure", "flow", "power", "level", "noise")]
        ids = [i for i in found if i is not None]
        trends.set_charts([[self._day.stream_of(SILENT), *ids[1:3]], ids[3:4] or ids[:1]])
        trends.look(at("01:00"), at("09:00"))
        trends.put_cursor(0, at("02:30"))
        trends.put_cursor(1, at("06:00"))

    def _one_of(self, kind: str) -> int | None:
        """A datastream of a kind that tells numbers."""
        streams = self._desk.city.streams.values()
        return next((s.id for s in streams if s.kind == kind and not s.states), None)
