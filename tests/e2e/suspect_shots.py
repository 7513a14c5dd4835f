"""The picture of suspect sensors: a small town whose sensors are attacked while it is watched."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from lamplighter.cli.sitting import Sitting
from lamplighter.cli.starters import Starters
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.faults.part_spoof import _step
from tests.kit.broker import Broker
from tests.kit.program import json_of
from tests.kit.spoofing import Town, Towns

NAMES: Final = ("suspect-sensors",)
PATIENCE_S: Final = 240.0
SETTLE_S: Final = 6.0
STEP_S: Final = 0.2
FIRST, SECOND = "pressure 2", "pressure 5"


def make(
    out: Path, wanted: Sequence[str] = (), size: tuple[int, int] = (1600, 1000), look: str = "dark"
) -> list[Path]:
    """Write the picture where it is wanted (without a choice it is) and name it."""
    if wanted and not set(wanted) & set(NAMES):
        return []
    made: list[Path] = []
    with tempfile.TemporaryDirectory(prefix="town-") as place:
        folder = Path(place)
        project = folder / "Harbour water"
        json_of("new", project)
        _step(project, round(STEP_S * 1000))
        with Broker(folder / "broker") as broker:
            json_of("feed", "add", project, broker.url)
            towns = Towns(broker.port, STEP_S, 1)
            town = towns.every[0]
            towns.start()

            def window(**options: Any) -> int:
                app = QApplication.instance() or QApplication(["lamplighter"])
                start(look, 1.0)
                runner = Runner(options["session_factory"], ReportOptions(), folder,
                                options["on_first_frame"], False)  # fmt: skip
                runner.window.resize(*size)
                runner.window.show()
                play = _play(runner, town, out, made)
                timer = QTimer()
                timer.setInterval(200)
                timer.timeout.connect(lambda: next(play, None))
                timer.start()
                code = app.exec()
                timer.stop()
                runner.close()
                return int(code)

            try:
                starters = Starters(field=lambda _: 2, window=window)
                Sitting(starters, project, False, 0.0, None, None, False, look).run()
            finally:
                towns.stop()
    if not made:
        raise RuntimeError("no picture of suspect sensors")
    return made


def _play(runner: Runner, town: Town, out: Path, made: list[Path]) -> Any:
    """One step at each tick of the clock; ends with the window closed."""
    desk, window = runner.desk, runner.window
    furniture = window.furnish()

    def wait(ready: Callable[[], object]) -> Any:
        end = time.monotonic() + PATIENCE_S
        while not ready() and time.monotonic() < end:
            yield
        settled = time.monotonic() + SETTLE_S
        while time.monotonic() < settled:
            yield

    def standing(name: str) -> bool:
        return any(s.key == town.key(name) for s in desk.doubted.standing())

    yield from wait(lambda: desk.doubted.lane.trained_ms)
    furniture.workspace("Alarms")
    furniture.feed_page(4)
    town.begin("unit change", FIRST)
    yield from wait(lambda: standing(FIRST))
    town.begin("freeze", SECOND)
    yield from wait(lambda: standing(SECOND))
    page = furniture.feeds.pages.suspicion
    keys = [line.key for line in page.rows]
    page.table.selectRow(keys.index(town.key(SECOND)))
    yield from wait(lambda: True)
    page.preview()
    yield from wait(lambda: page.yes.isVisible())
    target = out / f"{NAMES[0]}.png"
    window.blink.rest()
    window.grab().save(str(target), "PNG")
    made.append(target)
    sys.stderr.write(f"shots: {NAMES[0]}\n")
    window.close()
    while True:
        yield


__all__ = ["NAMES", "make"]
