"""The real window on a recorded day: how long it takes from a wish for a moment to its picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CURVES = 40
CHARTS = 10


def measure(project: Path, moments: list[int], curves: int = CURVES) -> dict[str, list[float]]:
    """Milliseconds of each seek: until its values are there, until everything is painted, and what
    the window's processor time was for it.

    3D, alarm list, figures and 40 curves are on the screen; the first seek enters the replay.
    """
    found: dict[str, list[float]] = {"values": [], "painted": [], "cpu": []}
    failed: list[BaseException] = []

    def act(window: Any, desk: Any) -> None:
        wait = _Wait()
        furniture = window.furnish()
        wait.until("the city", lambda: desk.city_known and furniture.twin.view is not None)
        wait.until("3D", lambda: furniture.twin.view.scene is not None)
        wait.rest(2.0)
        furniture.workspace("Trends")
        furniture.docks.show("trends")
        ids = sorted(desk.city.streams)[:curves]
        per = -(-len(ids) // CHARTS)
        furniture.trends.show_span(14_400)
        furniture.trends.set_charts([ids[n : n + per] for n in range(0, len(ids), per)])
        wait.until("curves", lambda: not furniture.trends.feed.busy)
        wait.rest(1.0)
        desk.time.first_ms = 0
        frames: list[int] = []
        window.beat.done.connect(lambda _: frames.append(window.beat.number))
        for at in moments:
            begun, cpu = time.perf_counter(), time.process_time()
            desk.time.replay(at)
            wait.until("values", lambda at=at: desk.moment and desk.moment.at_ms == at)  # type: ignore[misc]
            found["values"].append(1000 * (time.perf_counter() - begun))
            wait.until("curves", lambda: not furniture.trends.feed.busy)
            number = window.beat.number
            wait.until("a frame", lambda n=number: frames and frames[-1] >= n)  # type: ignore[misc]
            found["painted"].append(1000 * (time.perf_counter() - begun))
            found["cpu"].append(1000 * (time.process_time() - cpu))
            wait.rest(0.4)

    _sit(project, act, failed)
    if failed:
        raise failed[0]
    return found


class _Wait:
    """Lets the window live until something is seen."""

    def until(self, what: str, seen: Callable[[], object], patience_s: float = 60.0) -> None:
        from PySide6.QtTest import QTest

        begun = time.monotonic()
        while not seen():
            assert time.monotonic() - begun < patience_s, f"{what}: not seen"
            QTest.qWait(1)

    def rest(self, seconds: float) -> None:
        from PySide6.QtTest import QTest

        QTest.qWait(round(1000 * seconds))


def _sit(project: Path, act: Callable[[Any, Any], None], failed: list[BaseException]) -> None:
    import tempfile

    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication

    from lamplighter.cli.sitting import Sitting
    from lamplighter.cli.starters import Starters
    from lamplighter.ui.app import Runner
    from lamplighter.ui.report import ReportOptions
    from lamplighter.ui.theme import start

    def window(**options: Any) -> int:
        app = QApplication.instance() or QApplication(["lamplighter"])
        start("dark", 1.0)
        runner = Runner(options["session_factory"], ReportOptions(), Path(tempfile.mkdtemp()),
                        options["on_first_frame"], False)  # fmt: skip

        def play() -> None:
            try:
                act(runner.window, runner.desk)
            except BaseException as error:
                failed.append(error)
            runner.window.close()

        QTimer.singleShot(0, play)
        runner.window.resize(1600, 1000)
        runner.window.show()
        code = app.exec()
        runner.close()
        return int(code)

    starters = Starters(field=lambda _: 2, window=window)
    Sitting(starters, project, False, 0.0, None, None, False, "dark").run()
