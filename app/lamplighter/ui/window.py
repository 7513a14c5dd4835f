"""The main window: fixed strips around the docks, one desk behind all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QMoveEvent,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from lamplighter.ui.alarm_strip import AlarmStrip
from lamplighter.ui.beat import Beat
from lamplighter.ui.blink import Blink
from lamplighter.ui.desk import Desk
from lamplighter.ui.gap_meter import GapMeter
from lamplighter.ui.kit_line import KitLine
from lamplighter.ui.kpi_strip import KpiStrip
from lamplighter.ui.mode_frame import ModeFrame
from lamplighter.ui.paint_gate import PaintGate
from lamplighter.ui.problem_line import ProblemLine
from lamplighter.ui.recovery_line import RecoveryLine
from lamplighter.ui.status_bar import StatusBar
from lamplighter.ui.theme import theme
from lamplighter.ui.time_bar import TimeBar
from lamplighter.ui.top_bar import TopBar
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.furniture import Furniture

NARROW = 1440
LOW = 800


class MainWindow(QMainWindow):
    """Strips first, so that it can be painted before anything heavy is imported.

    `painted` is emitted once, after the first paint; `furnish` then adds the docks.
    """

    painted = Signal()
    closing = Signal()
    dropped = Signal(object)
    """local paths dropped onto the window"""

    def __init__(self, desk: Desk, folder: Path | None = None) -> None:
        super().__init__()
        self.desk = desk
        self.folder = folder
        self.open_projects: Callable[[], str] | None = None
        """opens the page of all projects; None where there is none"""
        self.blink = Blink(self)
        self.meter = GapMeter(self)
        self.beat = Beat(desk, self)
        self._painted = False
        self.setWindowTitle(tr("Lamplighter"))
        self.setMinimumSize(1280, 720)
        self.setAcceptDrops(True)
        self.resize(1600, 1000)
        self.shell = QWidget(self)
        self.shell.setObjectName("shell")
        self._layout = QVBoxLayout(self.shell)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.top = TopBar(desk)
        self.strip = AlarmStrip(desk, self.blink)
        self.kpis = KpiStrip(desk)
        self.problem = ProblemLine(desk)
        self.recovery = RecoveryLine(desk)
        self.kit_line = KitLine(desk)
        self.middle = QWidget()
        self._middle = QVBoxLayout(self.middle)
        self._middle.setContentsMargins(8, 8, 8, 8)
        self._middle.setSpacing(8)
        self._middle.addWidget(self.problem)
        self._middle.addWidget(self.recovery)
        self._middle.addWidget(self.kit_line)
        self.time_bar = TimeBar(desk)
        self.status = StatusBar(desk, self.meter)
        for widget, stretch in (
            (self.top, 0),
            (self.strip, 0),
            (self.kpis, 0),
            (self.middle, 1),
            (self.time_bar, 0),
            (self.status, 0),
        ):
            self._layout.addWidget(widget, stretch)
        self.setCentralWidget(self.shell)
        self.frame = ModeFrame(desk.time, self)
        self.gate = PaintGate(self)
        self.beat.before_paint = self.gate.let_next
        self.beat.add(self.kpis)
        self.time_bar.track.told.connect(self.status.say)
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._each_second)
        desk.time.changed.connect(self._mode_changed)
        desk.welcomed.connect(self._welcomed)
        desk.moment_changed.connect(self.beat.soon)
        theme().changed.connect(self._restyle)
        self._furniture: Furniture | None = None
        self._mode_changed()

    # ---------------------------------------------------------------- furnishing
    def furnish(self) -> Furniture:
        """Imports and adds docks and views; called after the first paint."""
        from lamplighter.ui.furniture import Furniture

        if self._furniture is None:
            self._furniture = Furniture(self)
            self._middle.addWidget(self._furniture.docks.manager, 1)
            self._middle.activate()
            self._furniture.open()
            self._fit()
        return self._furniture

    @property
    def furniture(self) -> Furniture | None:
        return self._furniture

    def start(self) -> None:
        """Begins beats, clocks and the gap meter."""
        self.meter.start()
        self.beat.start()
        self._second.start()

    # ---------------------------------------------------------------- following
    def _each_second(self) -> None:
        self.top.tick()
        took = self._furniture.twin.frame_ms if self._furniture is not None else 0.0
        if took > 0:
            self.status.scene_text = f"{1000 / took:.0f} fps"
        self.strip.refresh()
        self.status.refresh()
        self.time_bar.track.update()

    def _mode_changed(self) -> None:
        self._layout.setContentsMargins(*self.frame.margins())
        self.status.refresh()

    def _welcomed(self) -> None:
        session = self.desk.session
        if session is not None:
            if self.folder is not None and not self.desk.drafts.opened:
                self.desk.drafts.open(self.folder / "drafts", session.welcome.path)
            demo = tr(" (DEMO)") if session.welcome.demo else ""
            self.setWindowTitle(f"{session.welcome.project}{demo} · {tr('Lamplighter')}")

    def _restyle(self) -> None:
        self._fit()
        self.update()

    def _fit(self) -> None:
        narrow, low = self.width() < NARROW, self.height() < LOW
        self.top.narrow(narrow)
        self.time_bar.narrow(narrow)
        self.kpis.fold(low)
        if self._furniture is not None:
            self._furniture.narrow(narrow)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self.frame.setGeometry(self.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.painted.emit)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [u.toLocalFile() for u in event.mimeData().urls() if u.isLocalFile()]
        if paths and self._furniture is not None:
            event.acceptProposedAction()
            self.dropped.emit(paths)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.shut()
        super().closeEvent(event)

    def shut(self) -> None:
        """Stops every timer and saves the layout; safe to call twice."""
        self.closing.emit()
        self.desk.drafts.stop()
        self.beat.stop()
        self.meter.stop()
        self._second.stop()
        self.blink.need(False)
        if self._furniture is not None:
            self._furniture.shut()
