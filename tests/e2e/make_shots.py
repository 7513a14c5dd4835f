"""Makes the pictures of README and manual from the real demo: `make shots`.

The real recorder and the real field simulator run; the window is driven by its own actions, one
step after the other, each when what it shows has arrived. Every picture is a grab of the window.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.scene.camera import zoomed
from lamplighter.ui.app import Runner
from lamplighter.ui.gap_meter import GapCounts
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start, theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.tokens import load
from tests.e2e import (
    forecast_shots,
    kit_shots,
    model_shots,
    page_shots,
    past_shots,
    suspect_shots,
    usual_shots,
)
from tests.e2e.alarm_shots import AlarmShots
from tests.e2e.crew_shots import CrewShots
from tests.e2e.feed_shots import FeedShots
from tests.e2e.view_shots import ViewTools

PICTURES: Final = Path(__file__).parents[2] / "resources" / "docs" / "pictures"
MOST_BYTES: Final = 400_000
STEP_S: Final = 75.0
PATIENCE_S: Final = 20.0
STANDS_S: Final = 2.0
TICK_MS: Final = 100
WEARING: Final = "P-22"
TRIPPED: Final = "SS-04"
STOPPED: Final = "P-14"
CHANGED: Final = "P-22"


@dataclass(frozen=True, slots=True)
class Step:
    """Wait until `ready`, `act`, let the window settle, then keep a picture when it has a name."""

    what: str
    ready: Callable[[], bool]
    act: Callable[[], object]
    settle_s: float = 0.5
    picture: str = ""
    good: Callable[[], bool] = lambda: True
    """what the picture waits for after settling, for some seconds"""
    of: Callable[[], QWidget | None] = lambda: None
    """the window to show, when it is not the main one"""


def at_once() -> bool:
    return True


class Director(QObject):
    """Plays the steps on the GUI thread, between the window's own events."""

    def __init__(self, runner: Runner, out: Path, wanted: Sequence[str]) -> None:
        super().__init__()
        self._runner = runner
        self._out = out
        self._wanted = frozenset(wanted)
        self._window = runner.window
        self._desk = runner.desk
        self._began = 0.0
        self._steps: Iterator[Step] = iter(self._plan())
        self._step: Step | None = None
        self._since = time.monotonic()
        self._acted = 0.0
        self._good_since = 0.0
        self.missed: list[str] = []
        self.made: list[Path] = []
        runner.window.beat.first_value.connect(self._first_value)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _first_value(self) -> None:
        if not self._began:
            self._began = self._since = time.monotonic()

    @property
    def began_ms(self) -> int:
        """Wall time of the first value on the screen."""
        passed = time.monotonic() - self._began if self._began else 0.0
        return self._desk.clock.wall_ms() - round(1000 * passed)

    # ---------------------------------------------------------------- the steps
    def _plan(self) -> list[Step]:
        at, fresh = self._reached, self._fresh
        tools = ViewTools(self)
        return [
            Step("quiet city", at(14), lambda: None, 0.0, "quiet-dark", fresh),
            Step("colour", at_once, tools.colour, 2.0, "tool-colour", fresh),
            Step("grey again", at_once, tools.put_back, 0.5),
            Step("incident", self._folded, self._show_incident, 4.0, "incident-dark", fresh),
            Step("replay", at(52), self._show_replay, 3.0, "replay-dark", self._seen),
            Step("maintenance", self._forecast, self._show_maintenance, 3.0, "maintenance", fresh),
            *CrewShots(self).steps(Step),
            Step("what-if", at_once, self._ask_scenario, 3.0, "scenario", self._compared),
            *AlarmShots(self).steps(Step, fresh),
            *FeedShots(self).steps(Step),
            Step("key sheet", at_once, self._show_keys, 1.0, "keys"),
            *tools.steps(Step, self._at_rest),
            Step("light theme", at_once, self._show_light, 4.0, "incident-light", fresh),
            Step("small window", at_once, self._make_small, 5.0, "window-1280x720", fresh),
        ]

    def _reached(self, seconds: float) -> Callable[[], bool]:
        return lambda: bool(self._began) and time.monotonic() - self._began >= seconds

    def _fresh(self) -> bool:
        """Values on the screen are live ones: on a busy machine a beat may come late."""
        values = self._desk.live_values
        if not self._at_rest():
            return False
        return values is not None and self._desk.clock.wall_ms() - values.wall_ms < 1_500

    def _folded(self) -> bool:
        return any(i.asset == TRIPPED and len(i.folded) >= 30 for i in self._desk.incidents)

    def _seen(self) -> bool:
        moment = self._desk.moment
        return (
            self._at_rest()
            and moment is not None
            and abs(moment.at_ms - self._desk.time.now_ms) < 500
        )

    def _compared(self) -> bool:
        return self._desk.scenario is not None

    def _forecast(self) -> bool:
        if self._desk.time.mode is not Mode.LIVE:
            self._desk.time.live()
        return any(
            p.asset == WEARING and (p.probability_30d or 0) > 0.5 for p in self._desk.prognoses
        )

    def _go(self, workspace: str, *docks: str) -> None:
        furniture = self._window.furnish()
        furniture.workspace(workspace)
        furniture.docks.reset()
        for dock in docks:
            furniture.docks.show(dock)

    def _near(self, asset: str, factor: float) -> None:
        """Fly to an asset; factors below 1 show more of its surroundings."""
        view: Any = self._window.furnish().twin.view
        pose = view.scene.asset_pose(asset) if view is not None and view.scene is not None else None
        if pose is not None:
            view.fly(zoomed(pose, factor))

    def _at_rest(self) -> bool:
        view: Any = self._window.furnish().twin.view
        return view is None or not (view.flying or view._half)

    def _press(self, words: str) -> None:
        for button in self._window.findChildren(QPushButton):
            if button.isVisible() and button.text() == words:
                button.click()
                return

    def _show_incident(self) -> None:
        self._go("Overview", "alarms")
        self._desk.selection.select(STOPPED)
        self._press("Unfold all")
        self._near(TRIPPED, 0.5)

    def _show_replay(self) -> None:
        self._go("Overview", "alarms")
        self._desk.selection.select(TRIPPED)
        past_s = time.monotonic() - self._began - 23.0
        self._desk.time.replay(self._desk.clock.wall_ms() - round(1000 * past_s))

    def _show_maintenance(self) -> None:
        self._go("Work")
        self._desk.selection.select(WEARING)

    def _ask_scenario(self) -> None:
        self._go("Overview", "scenario")
        self._desk.selection.select(CHANGED)
        self._desk.time.scenario()
        self._window.furnish().scenario.run()

    def _show_keys(self) -> None:
        self._desk.time.live()
        self._go("Overview")
        self._desk.selection.clear()
        self._window.furnish().keys()

    def _show_light(self) -> None:
        self._window.furnish().escape()
        theme().set("light")
        self._show_incident()

    def _make_small(self) -> None:
        theme().set("dark")
        self._window.resize(1280, 720)
        self._go("Overview", "alarms")
        self._desk.selection.select(TRIPPED)

    # ---------------------------------------------------------------- playing
    def _tick(self) -> None:
        if self._step is None:
            self._step = next(self._steps, None)
            self._since = time.monotonic()
            self._acted = 0.0
            if self._step is None:
                self._end()
                return
        step, now = self._step, time.monotonic()
        if not self._acted:
            patience = STEP_S + (60.0 if not self._began else 0.0)
            late = now - self._since > patience
            if not late and not step.ready():
                return
            if late:
                self._miss(step)
            step.act()
            self._acted = now
        elif now - self._acted >= step.settle_s:
            self._look(step, now)

    def _look(self, step: Step, now: float) -> None:
        """Takes the picture when what it shows has stood for a while, or after all patience."""
        good, late = step.good(), now - self._acted >= step.settle_s + PATIENCE_S
        if not good:
            self._good_since = 0.0
        elif not self._good_since:
            self._good_since = now
        if late and not good:
            self._miss(step)
        elif not late and (not good or now - self._good_since < STANDS_S):
            return
        self._good_since = 0.0
        if step.picture and (not self._wanted or step.picture in self._wanted):
            self._keep(step.picture, step.of() or self._window)
        self._step = None
        if self._wanted and {p.stem for p in self.made} >= self._wanted:
            self._end()

    def _miss(self, step: Step) -> None:
        self.missed.append(step.what)
        sys.stderr.write(f"shots: {step.what} did not come; shown as it is\n")

    def _keep(self, name: str, shown: QWidget) -> None:
        self._window.blink.rest()
        target = self._out / f"{name}.png"
        shown.grab().save(str(target), "PNG")
        self._window.meter.start()  # the camera's own pause is none of the window's
        self._window.meter.live = GapCounts()
        self.made.append(target)
        sys.stderr.write(f"shots: {name}\n")

    def _end(self) -> None:
        self._timer.stop()
        self._window.close()


def kept_colours() -> list[int]:
    """Red, green, blue of every colour that says something: they stand in every palette, or a
    few pixels of a glyph would come out grey.
    """
    themes = load().themes
    groups = [themes[name][group] for name in ("dark", "light") for group in ("state", "mode")]
    said = dict.fromkeys(str(value) for group in groups for value in group.values())
    inks = [QColor(value) for value in said if value.startswith("#")]
    return [part for ink in inks for part in (ink.red(), ink.green(), ink.blue())]


def make_small(file: Path) -> None:
    """At most 256 colours, fewer for large pictures, so that the repository stays small."""
    from PIL import Image

    with Image.open(file) as picture:
        whole = picture.convert("RGB")
    kept = kept_colours()
    for colours in (256, 128, 64):
        others = colours - len(kept) // 3
        plain = whole.quantize(others, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        table = Image.new("P", (1, 1))
        table.putpalette([*(plain.getpalette() or [])[: 3 * others], *kept])
        few = whole.quantize(palette=table, dither=Image.Dither.NONE)
        few.save(file, "PNG", optimize=True)
        if file.stat().st_size <= MOST_BYTES:
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every picture was made and shows what it should, else 1."""
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--only", nargs="*", default=(), help="names of pictures")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    # the steps say when it ends, and no report of another run is touched
    os.environ.pop("LAMPLIGHTER_VIRTUAL_SCREEN", None)
    directors: list[Director] = []
    with tempfile.TemporaryDirectory() as layouts:

        def window(**options: Any) -> int:
            sys.setswitchinterval(0.0005)
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(
                options["session_factory"],
                ReportOptions(started=options["started"]),
                Path(layouts),
                options["on_first_frame"],
                False,
            )
            directors.append(Director(runner, chosen.out, chosen.only))
            runner.window.resize(1600, 1000)
            runner.window.show()
            code = app.exec()
            runner.close()
            return code

        Sitting(
            Starters(field=lambda _: 2, window=window),
            None, True, 0.0, None, None, False, "dark",
        ).run()  # fmt: skip
    director = directors[0]
    from tests.e2e import work_shots  # it plays with the director of this module

    made = [*director.made, *past_shots.make(chosen.out, chosen.only),
            *page_shots.make(chosen.out, chosen.only),
            *usual_shots.make(chosen.out, chosen.only),
            *model_shots.make(chosen.out, chosen.only),
            *forecast_shots.make(chosen.out, chosen.only),
            *kit_shots.make(chosen.out, chosen.only),
            *suspect_shots.make(chosen.out, chosen.only),
            *work_shots.make(chosen.out, chosen.only)]  # fmt: skip
    for picture in made:
        make_small(picture)
    too_large = [p.name for p in made if p.stat().st_size > MOST_BYTES]
    for name in too_large:
        sys.stderr.write(f"shots: {name} is over {MOST_BYTES // 1000} kB\n")
    return 1 if director.missed or too_large else 0


if __name__ == "__main__":
    sys.exit(main())
