"""The portfolio page: every project with its picture, alarms and figures; Enter opens one.

The page never opens a store: what it shows is read beside it, project by project.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QGridLayout,
    QMainWindow,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from lamplighter.domain.portfolio import Portfolio, ProjectCard
from lamplighter.ui.collector import Collector
from lamplighter.ui.parts import Text, button, key_hint, row
from lamplighter.ui.project_card import CARD, CardView
from lamplighter.ui.project_reading import ProjectReading
from lamplighter.ui.words import tr

AGAIN_MS: Final = 15_000


class PortfolioWindow(QMainWindow):
    """All projects of this user."""

    def __init__(self, source: Portfolio, deliver: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._source = source
        self._reading = ProjectReading(source, deliver)
        self.cards: dict[str, CardView] = {}
        self._columns = 1
        self.setWindowTitle(tr("Projects · Lamplighter"))
        self.setMinimumSize(1280, 720)
        self.resize(1600, 1000)
        self.setAcceptDrops(True)
        self._grid_home = QWidget()
        self._grid = QGridLayout(self._grid_home)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(16)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.empty = Text(
            tr("No projects yet. Add a folder, drop one here, or make one: lamplighter new town"),
            "body", "secondary", wrap=True,
        )  # fmt: skip
        self.line = Text("", "caption", wrap=True)
        self._build()
        self._again = QTimer(self)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self.refresh)
        self._again.start()
        self.refresh()

    def _build(self) -> None:
        shell = QWidget()
        shell.setObjectName("shell")
        layout = QVBoxLayout(shell)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(16)
        add = button(tr("Add a folder…"), self.choose, tip=tr("A project or a folder of projects"))
        layout.addLayout(
            row(Text(tr("Projects"), "heading"), None, self.line, add, key_hint("Ctrl+O"))
        )
        layout.addWidget(self.empty)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(self._grid_home)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll = scroll
        layout.addWidget(scroll, 1)
        hints = row(
            key_hint("Enter"), Text(tr("open"), "caption", "secondary"), 12,
            key_hint("Delete"), Text(tr("take off the list; nothing is deleted"), "caption",
                                     "secondary"), None,
        )  # fmt: skip
        layout.addLayout(hints)
        self.setCentralWidget(shell)

    # ---------------------------------------------------------------- content
    def refresh(self) -> None:
        """Read everything again, beside the window."""
        self._reading.cards(self._listed, self._read)

    def _listed(self, paths: list[str]) -> None:
        for path in [p for p in self.cards if p not in paths]:
            self.cards.pop(path).deleteLater()
        for path in paths:
            if path not in self.cards:
                view = CardView(ProjectCard(path, Path(path).name))
                view.opened.connect(self.open)
                view.forgotten.connect(self.forget)
                view.moved.connect(self._step)
                self.cards[path] = view
        self.cards = {path: self.cards[path] for path in paths}
        self.empty.setVisible(not paths)
        self._place()

    def _read(self, card: ProjectCard) -> None:
        view = self.cards.get(card.path)
        if view is not None:
            view.show_card(card)

    def _place(self) -> None:
        room = max(self._scroll.viewport().width(), CARD.width())
        self._columns = max(1, (room + 16) // (CARD.width() + 16))
        for number, view in enumerate(self.cards.values()):
            self._grid.addWidget(view, number // self._columns, number % self._columns)
        first = next(iter(self.cards.values()), None)
        if first is not None and not any(v.hasFocus() for v in self.cards.values()):
            first.setFocus()

    def _step(self, columns: int, rows: int) -> None:
        views = list(self.cards.values())
        here = next((n for n, v in enumerate(views) if v.hasFocus()), 0)
        there = here + columns + rows * self._columns
        if 0 <= there < len(views):
            views[there].setFocus(Qt.FocusReason.TabFocusReason)
            self._scroll.ensureWidgetVisible(views[there])

    # ---------------------------------------------------------------- acting
    def open(self, path: str) -> None:
        """Open a project in a window of its own; the page stays."""
        self.line.setText(tr("Opening {name}", name=Path(path).name))
        self._reading.call(lambda: self._source.open(path), self.line.setText)

    def forget(self, path: str) -> None:
        """Take a project off the list."""
        self._source.forget(path)
        self.line.setText(tr("{name} is off the list; its folder stays", name=Path(path).name))
        self.refresh()

    def add(self, path: str) -> None:
        """Take in a project or a folder of projects."""

        def done(line: str) -> None:
            self.line.setText(line)
            self.refresh()

        self._reading.call(lambda: self._source.add(path), done)

    def choose(self) -> None:
        """Ask for a folder, without blocking the page."""
        dialog = QFileDialog(self, tr("A project or a folder of projects"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.add)
        dialog.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if control and event.key() == Qt.Key.Key_O:
            self.choose()
        elif event.key() == Qt.Key.Key_F5:
            self.refresh()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        for url in event.mimeData().urls():
            if url.isLocalFile():
                self.add(url.toLocalFile())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._again.stop()
        self._reading.stop()
        super().closeEvent(event)


def run_portfolio(
    source: Portfolio,
    *,
    theme_name: str = "dark",
    scale: float = 1.0,
    seconds: float | None = None,
    shot: Path | None = None,
) -> int:
    """Opens the page and runs it to its end; returns the exit code."""
    sys.setswitchinterval(0.0005)
    os.environ.setdefault("QT_API", "pyside6")
    app = QApplication.instance() or QApplication(["lamplighter"])
    assert isinstance(app, QApplication)
    app.setApplicationName("Lamplighter")
    from lamplighter.ui.app import Post
    from lamplighter.ui.theme import start

    start(theme_name, scale)
    collector = Collector(app)
    window = PortfolioWindow(source, Post())
    window.show()

    def finish() -> None:
        if shot is not None:
            shot.parent.mkdir(parents=True, exist_ok=True)
            window.grab().save(str(shot))
        window.close()

    if seconds is not None:
        QTimer.singleShot(round(seconds * 1000), finish)
    code = int(app.exec())
    collector.stop()
    return code
