"""The real window on a recorded day: how long it takes from a wish for a moment to its picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CURVES = 40
CHARTS = 10


def measure(project: Path, moments: list[int], curves: int = CURVES) -> dict[str, list[float]]:
    """Milliseconds of each seek: until its values are there, until everything that changed has been
    painted and put on the screen, and what the window's processor time was for it.

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
        seen = _Screen(furniture, desk, painted)
        for at in moments:
            begun, cpu = time.perf_counter(), time.process_time()
            seen.look_for(at)
            desk.time.replay(at)
            wait.until("values", lambda at=at: desk.moment and desk.moment.at_ms == at)  # type: ignore[misc]
            found["values"].append(1000 * (time.perf_counter() - begun))
            wait.until("its picture", lambda: seen.whole)
            found["painted"].append(1000 * (seen.whole - begun))
            found["cpu"].append(1000 * (time.process_time() - cpu))
            wait.rest(0.6)

    painted = _painted()
    _sit(project, act, failed)
    if failed:
        raise failed[0]
    return found


def _painted() -> list[Callable[[object], object]]:
    """Whoever is in the list is told of every widget that has painted itself. Qt looks a method up
    once for each widget, so this is called before the first one is made.
    """
    from pyqtgraph.widgets.GraphicsView import GraphicsView
    from pyvistaqt.rwi import QVTKRenderWindowInteractor

    told: list[Callable[[object], object]] = []
    for kind, name in ((GraphicsView, "paintEvent"), (QVTKRenderWindowInteractor, "paintGL")):
        _after(kind, name, lambda widget, *_: [tell(widget) for tell in told])
    return told


class _Screen:
    """Follows one moment to the screen: its 3D frame, its curves, and the window put together."""

    def __init__(
        self, furniture: Any, desk: Any, painted: list[Callable[[object], object]]
    ) -> None:
        self._desk = desk
        self._furniture = furniture
        self._at = -1
        self.whole = 0.0
        """when the whole picture of the moment was on the screen; 0 before"""
        self._missing: set[object] = set()
        gl = furniture.twin.view.gl
        _after(type(furniture.twin), "show_frame", lambda _, shown: self._shown(shown))
        painted.append(self._missing_no_more)
        furniture.trends.feed.arrived.connect(self._drawn)
        gl.frameSwapped.connect(self._swapped)

    def look_for(self, at: int) -> None:
        self._at, self.whole = at, 0.0
        self._missing = {"values", "curves"}

    def _missing_no_more(self, widget: object) -> None:
        self._missing.discard(widget)

    def _shown(self, shown: Any) -> None:
        if shown.now_ms == self._at and "values" in self._missing:
            if self._desk.moment is None or self._desk.moment.at_ms != self._at:
                return
            self._missing.discard("values")
            self._missing.add(self._furniture.twin.view.gl)

    def _drawn(self) -> None:
        trends = self._furniture.trends
        if "curves" in self._missing and not trends.feed.busy:
            self._missing.discard("curves")
            self._missing |= {chart.plot for chart in trends.charts if chart.plot.isVisible()}

    def _swapped(self) -> None:
        if not self._missing and not self.whole:
            self.whole = time.perf_counter()


def _after(owner: Any, name: str, then: Callable[..., object]) -> None:
    """Calls `then` with the same arguments after each call."""
    inner = getattr(owner, name)

    def both(*given: Any, **named: Any) -> Any:
        answer = inner(*given, **named)
        then(*given)
        return answer

    setattr(owner, name, both)


class _Wait:
    """Lets the window live as it does for its user, until something is seen."""

    def until(self, what: str, seen: Callable[[], object], patience_s: float = 60.0) -> None:
        from PySide6.QtCore import QEventLoop, QTimer

        begun, loop, late = time.monotonic(), QEventLoop(), False

        def look() -> None:
            nonlocal late
            late = time.monotonic() - begun > patience_s
            if late or seen():
                loop.quit()

        timer = QTimer(interval=2)
        timer.timeout.connect(look)
        timer.start()
        loop.exec()
        timer.stop()
        assert not late, f"{what}: not seen"

    def rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until("the end of a rest", lambda: time.monotonic() >= end)


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
