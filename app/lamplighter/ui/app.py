"""Starts the window: paint first, then the session and everything heavy, then live frames."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget

from lamplighter.domain.problems import LamplighterError, Problem, problem
from lamplighter.ui.collector import Collector
from lamplighter.ui.desk import Desk
from lamplighter.ui.report import Milestones, ReportOptions, collect, counts, write
from lamplighter.ui.session_port import SessionFactory, SessionPort
from lamplighter.ui.window import MainWindow
from lamplighter.ui.words import tr

LOOK_AGAIN_MS: Final = 1000
MakeTwin = Callable[[Desk, QWidget], QWidget]


class Post(QObject):
    """The one queued signal by which other threads reach the GUI thread."""

    _call = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._call.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def __call__(self, work: Callable[[], None]) -> None:
        self._call.emit(work)

    @staticmethod
    def _run(work: Callable[[], None]) -> None:
        work()


class Runner(QObject):
    """One run of the window, from the first paint to the report."""

    def __init__(
        self,
        factory: SessionFactory,
        report: ReportOptions | None,
        folder: Path | None,
        on_first_frame: Callable[[], None] | None,
        safe: bool,
        projects: Callable[[], str] | None = None,
        leave_safe: Callable[[], None] | None = None,
        safe_why: str = "",
    ) -> None:
        super().__init__()
        self._leave_safe = leave_safe
        self._safe_why = safe_why
        self._factory = factory
        self._options = report or ReportOptions()
        self._on_first_frame = on_first_frame
        self._safe = safe
        self._post = Post()
        self._collector = Collector(self)
        self.desk = Desk()
        self.window = MainWindow(self.desk, folder)
        self.window.open_projects = projects
        self.marks = Milestones(self._options.started or time.monotonic())
        self.failed: Problem | None = None
        self.view: Path | None = None
        """file of the view that is shown first"""
        self._session: SessionPort | None = None
        self._closed = False
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(LOOK_AGAIN_MS)
        self._again.timeout.connect(self._look_again)
        self.window.painted.connect(self._painted)
        self.window.beat.first_value.connect(self._first_value)

    def _painted(self) -> None:
        self.marks.first_window_s = round(self.marks.now(), 3)
        threading.Thread(target=self._open_session, name="open-session", daemon=True).start()
        QTimer.singleShot(0, self._furnish)
        if self._options.seconds is not None:
            QTimer.singleShot(round(self._options.seconds * 1000), self.finish)
            if self._options.report is not None:
                QTimer.singleShot(round(self._options.seconds * 200), self._count_early)

    def _count_early(self) -> None:
        self.marks.early = self._counts()

    def _counts(self) -> dict[str, int]:
        view = self.window.furnish().twin.view
        return counts(self.window, getattr(view, "scene", None))

    def _furnish(self) -> None:
        furniture = self.window.furnish()
        furniture.twin.first_frame.connect(self._first_frame)
        if self.view is not None:
            furniture.errands.open_view(self.view)
        QTimer.singleShot(0, self._load_charts)

    def _load_charts(self) -> None:
        self.window.furnish().load_charts()
        QTimer.singleShot(0, self._load_twin)

    def _load_twin(self) -> None:
        furniture = self.window.furnish()
        if self._safe:
            furniture.twin.leave_out()
            why = self._safe_why or tr("Safe mode: no plugin's code runs, nothing is drawn in 3D.")
            self.window.recovery.show_safe(why, self._start_all)
        else:
            furniture.twin.load(make_twin)
        self.window.start()

    def _start_all(self) -> None:
        """Out of safe mode: 3D at once, plugins by a recorder that starts anew."""
        self._safe = False
        self.window.furnish().twin.load(make_twin)
        if self._leave_safe is not None:
            threading.Thread(target=self._leave_safe, name="leave-safe", daemon=True).start()

    def _first_frame(self) -> None:
        self.window.meter.first_3d_frame()
        if self._on_first_frame is not None:
            self._on_first_frame()

    def _first_value(self) -> None:
        self.marks.first_live_value_s = round(self.marks.now(), 3)
        self.window.meter.first_live_frame()

    # ---------------------------------------------------------------- session
    def _open_session(self) -> None:
        try:
            session = self._factory(self._post)
        except LamplighterError as error:
            self._post(lambda found=error.problem: self._no_session(found))  # type: ignore[misc]
        except Exception as error:
            traceback.print_exc()
            found = problem("U-805", what=str(error))
            self._post(lambda: self._no_session(found))
        else:
            self._post(lambda: self._got_session(session))

    def _got_session(self, session: SessionPort) -> None:
        old, self._session = self._session, session
        if self._closed:
            session.close()
            return
        if old is not None:
            old.close()
        self.desk.connect_session(session)
        session.when_lost(self._lost)

    def _lost(self, why: str) -> None:
        """The recorder went away: say so once and look for it until it is back."""
        if not self._closed:
            self.desk.lose_session(problem("U-807", what=why))
            self._again.start()

    def _look_again(self) -> None:
        if not self._closed:
            threading.Thread(target=self._reopen, name="reopen-session", daemon=True).start()

    def _reopen(self) -> None:
        try:
            session = self._factory(self._post)
        except LamplighterError:
            self._post(self._again.start)
        else:
            self._post(lambda: self._got_session(session))

    def _no_session(self, found: Problem) -> None:
        self.failed = found
        self.desk.raise_problem(found)
        self.desk.lost.emit(found.code)

    # ---------------------------------------------------------------- the end
    def finish(self) -> None:
        """Writes picture and report and closes the window."""
        options = self._options
        if options.shot is not None:
            options.shot.parent.mkdir(parents=True, exist_ok=True)
            self.window.blink.rest()
            self.window.grab().save(str(options.shot))
        self._write_report()
        self.window.close()

    def _write_report(self) -> None:
        file = self._options.report
        if file is not None:
            values = collect(self.desk, self.window.meter, self.window.beat, self.marks)
            write(values | self._counts(), file)
            self._options = ReportOptions()

    def close(self) -> None:
        self._closed = True
        self._collector.stop()
        self._again.stop()
        self._write_report()
        self.window.shut()
        if self._session is not None:
            self._session.close()


def make_twin(desk: Desk, parent: QWidget) -> QWidget:
    """The 3D view, imported only now."""
    from lamplighter.ui.twin_view import make

    return make(desk, parent)


def run_window(
    session_factory: SessionFactory,
    *,
    report: ReportOptions | None = None,
    folder: Path | None = None,
    on_first_frame: Callable[[], None] | None = None,
    theme_name: str = "dark",
    scale: float = 1.0,
    size: tuple[int, int] | None = None,
    safe: bool = False,
    view: Path | None = None,
    projects: Callable[[], str] | None = None,
    leave_safe: Callable[[], None] | None = None,
    safe_why: str = "",
) -> int:
    """Opens the window and runs it to its end; returns the exit code.

    `session_factory(deliver)` is called on its own thread after the first paint; a
    LamplighterError it raises is shown in the window. `on_first_frame` is called once, when the
    3D view has drawn (or cannot): the demo starts its feed ten seconds after it. `folder` keeps
    the layouts. `projects` opens the page of all projects and answers with a problem line or
    nothing. `view` is the file of a shared view that is shown first. `safe` leaves 3D out, for the
    reason `safe_why`; `leave_safe` is called on a thread of its own when the user wants everything
    again. Exit code 3 when no session could be opened.
    """
    sys.setswitchinterval(0.0005)
    os.environ.setdefault("QT_API", "pyside6")
    os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
    app = QApplication.instance() or QApplication(["lamplighter"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Lamplighter")
    from lamplighter.ui.theme import start

    start(theme_name, scale)
    sys.excepthook = _tell_fault
    runner = Runner(session_factory, report, folder, on_first_frame, safe, projects,
                    leave_safe, safe_why)  # fmt: skip
    runner.view = view
    if size is not None:
        runner.window.resize(*size)
    runner.window.show()
    code = app.exec()
    runner.close()
    return 3 if runner.failed is not None else int(code)


def _tell_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """A fault in a slot goes to the log; the window stays open."""
    traceback.print_exception(kind, error, trace)
