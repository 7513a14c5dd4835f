"""Pictures of expected values and anomalies: the demo's own past, one pump that drifts."""

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
from lamplighter.runtime.demo import prepare
from lamplighter.ui.app import Runner
from lamplighter.ui.report import ReportOptions
from lamplighter.ui.theme import start
from tests.kit.drifting_demo import DriftingDemo

NAMES: Final = ("anomalies", "expected-trend")
PATIENCE_S: Final = 120.0
SETTLE_S: Final = 4.0


def make(out: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Write the pictures that are wanted (all without a choice) and name them."""
    chosen = [n for n in NAMES if not wanted or n in wanted]
    if not chosen:
        return []
    made: list[Path] = []
    with (
        tempfile.TemporaryDirectory(prefix="harbour-") as place,
        DriftingDemo(prepare(lambda _: None)) as demo,
    ):

        def window(**options: Any) -> int:
            app = QApplication.instance() or QApplication(["lamplighter"])
            start("dark", 1.0)
            runner = Runner(options["session_factory"], ReportOptions(), Path(place),
                            options["on_first_frame"], False)  # fmt: skip
            runner.window.resize(1600, 1000)
            runner.window.show()
            play = _play(runner, demo, out, chosen, made)
            timer = QTimer()
            timer.setInterval(200)
            timer.timeout.connect(lambda: next(play, None))
            timer.start()
            code = app.exec()
            timer.stop()
            runner.close()
            return int(code)

        starters = Starters(field=lambda _: 2, window=window)
        folder = demo.recorder.project
        Sitting(starters, folder, False, 0.0, None, None, False, "dark").run()
    missing = [n for n in chosen if not (out / f"{n}.png").exists()]
    if missing:
        raise RuntimeError(f"no picture of {', '.join(missing)}")
    return made


def _play(
    runner: Runner, demo: DriftingDemo, out: Path, wanted: list[str], made: list[Path]
) -> Any:
    """One step at each tick of the clock; ends with the window closed."""
    desk, window = runner.desk, runner.window
    furniture = window.furnish()
    stream = demo.stream

    def wait(ready: Callable[[], object]) -> Any:
        end = time.monotonic() + PATIENCE_S
        while not ready() and time.monotonic() < end:
            yield
        settled = time.monotonic() + SETTLE_S
        while time.monotonic() < settled:
            yield

    def grab(name: str) -> None:
        if name in wanted:
            target = out / f"{name}.png"
            window.blink.rest()
            window.grab().save(str(target), "PNG")
            made.append(target)
            sys.stderr.write(f"shots: {name}\n")

    yield from wait(lambda: desk.city_known and getattr(furniture.twin.view, "scene", None))
    desk.selection.select(stream.asset)
    furniture.workspace("Alarms")
    furniture.docks.show("anomalies")
    yield from wait(lambda: any(a.standing for a in desk.unusual.items.values()))
    furniture.anomalies.table.selectRow(0)
    yield from wait(lambda: True)
    grab("anomalies")
    furniture.workspace("Trends")
    furniture.trends.pin([stream.id])
    furniture.trends.show_span(86_400)
    yield from wait(lambda: furniture.trends.charts)
    yield from wait(lambda: True)
    grab("expected-trend")
    window.close()
    while True:
        yield


__all__ = ["NAMES", "make"]
