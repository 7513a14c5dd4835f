"""The portfolio page: every project with its picture, alarms and figures; Enter opens one.

The page never opens a store: what it shows is read beside it, project by project, so that one on
a slow disk holds up nobody.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
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

from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.portfolio import Portfolio, ProjectCard
from lamplighter.ui import numbers
from lamplighter.ui.collector import Collector
from lamplighter.ui.glyphs import glyph_pixmap
from lamplighter.ui.parts import Canvas, Text, button, key_hint, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

CARD: Final = QSize(392, 348)
PICTURE_H: Final = 196
AGAIN_MS: Final = 15_000
_STATES: Final = {
    "closed": "closed",
    "open": "recording now",
    "moved": "not found",
    "faulty": "cannot be read",
}


class CardView(Canvas):
    """One project, painted as a whole; a click or Enter opens it."""

    opened = Signal(str)
    forgotten = Signal(str)
    moved = Signal(int, int)
    """columns and rows the focus shall go"""

    def __init__(self, card: ProjectCard, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card = card
        self.loading = True
        self._picture = QPixmap()
        self.setFixedSize(CARD)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self._say()

    def show_card(self, card: ProjectCard) -> None:
        """Show what was read."""
        self.card, self.loading = card, False
        self._picture = QPixmap(card.thumbnail) if card.thumbnail else QPixmap()
        self._say()
        self.update()

    def _say(self) -> None:
        card = self.card
        words = [card.name, tr(_STATES[card.state])]
        if card.problem:
            words.append(card.problem)
        else:
            alarms = [f"{n} of priority {p}" for p, n in enumerate(card.alarms, 1) if n]
            words += [*(alarms or [tr("no alarms")]), *self.figures()]
        self.setAccessibleName(", ".join(words))
        self.setToolTip(card.problem or card.path)

    def figures(self) -> list[str]:
        """The strip of figures, as words."""
        card = self.card
        people = numbers.number(card.people, 1)
        return [
            tr("{n} without service", n=people),
            tr("{n} likely failures", n=card.forecasts),
            tr("{n} open orders", n=card.orders),
        ]

    # ---------------------------------------------------------------- acting
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self.opened.emit(self.card.path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ways = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = event.key()
        if key in ways:
            self.moved.emit(*ways[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened.emit(self.card.path)
        elif key == Qt.Key.Key_Delete:
            self.forgotten.emit(self.card.path)
        else:
            super().keyPressEvent(event)

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look, card = theme(), self.card
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        edge = QPen(look.colour("line.strong" if self.underMouse() else "line.subtle"), 1)
        if self.hasFocus():
            edge = QPen(look.colour("action.focus"), look.stroke("focus"))
        painter.setPen(edge)
        painter.setBrush(look.colour("bg.panel"))
        painter.drawRoundedRect(frame, 4, 4)
        self._paint_picture(painter, QRectF(8, 8, self.width() - 16, PICTURE_H))
        left, wide = 16.0, self.width() - 32.0
        self._line(painter, QRectF(left, 212, wide, 24), card.name, "title", "text.primary")
        self._paint_alarms(painter, left, 242.0)
        if card.problem:
            self._wrapped(painter, QRectF(left, 268, wide, 64), card.problem)
        else:
            text = tr("Reading") if self.loading else " · ".join(self.figures())
            self._line(painter, QRectF(left, 272, wide, 20), text, "caption", "text.primary")
            self._line(
                painter, QRectF(left, 294, wide, 20), self._facts(), "caption", "text.secondary"
            )
            self._line(
                painter, QRectF(left, 314, wide, 20), self._age(), "caption", "text.secondary"
            )
        painter.end()

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        look = theme()
        painter.save()
        if self._picture.isNull():
            painter.fillRect(box, look.colour("bg.inset"))
            painter.setFont(look.font("caption"))
            painter.setPen(look.colour("text.muted"))
            words = tr("No picture yet") if self.card.assets else tr("Nothing imported yet")
            if self.card.problem:
                words = tr(_STATES[self.card.state]).capitalize()
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "" if self.loading else words)
        else:
            source = QRectF(self._picture.rect())
            shape = box.width() / box.height()
            tall = min(source.height(), source.width() / shape)
            source = QRectF(0, (source.height() - tall) / 2, tall * shape, tall)
            painter.drawPixmap(box, self._picture, source)
            if self.card.thumbnail_old:
                self._chip(painter, box, tr("older picture"))
        painter.restore()

    def _chip(self, painter: QPainter, box: QRectF, words: str) -> None:
        look = theme()
        font = look.font("tick", 600)
        wide = QFontMetricsF(font).horizontalAdvance(words) + 12
        plate = QRectF(box.right() - wide - 8, box.top() + 8, wide, 20)
        painter.setPen(QPen(look.colour("line.strong"), 1))
        painter.setBrush(look.colour("scene.plate"))
        painter.drawRoundedRect(plate, 2, 2)
        painter.setFont(font)
        painter.setPen(look.colour("text.primary"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_alarms(self, painter: QPainter, left: float, top: float) -> None:
        look = theme()
        painter.setFont(look.font("bodyStrong"))
        ratio = self.devicePixelRatioF()
        for priority, count in enumerate(self.card.alarms, 1):
            if self.card.problem:
                break  # nothing is known of them
            glyph = glyph_pixmap(priority, AlarmState.ACKED, 16, ratio, hollow=not count)
            painter.drawPixmap(QPointF(left, top), glyph)
            painter.setPen(look.colour("text.primary" if count else "text.muted"))
            box = QRectF(left + 20, top - 2, 40, 20)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, str(count))
            left += 56
        words = tr(_STATES[self.card.state])
        box = QRectF(self.width() - 176, top - 2, 160, 20)
        painter.setFont(look.font("caption"))
        painter.setPen(look.colour("text.secondary"))
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, align, words)

    def _line(self, painter: QPainter, box: QRectF, text: str, role: str, ink: str) -> None:
        painter.setFont(theme().font(role))
        painter.setPen(theme().colour(ink))
        metrics = QFontMetricsF(painter.font())
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)

    def _wrapped(self, painter: QPainter, box: QRectF, text: str) -> None:
        painter.setFont(theme().font("caption"))
        painter.setPen(theme().colour("text.primary"))
        painter.drawText(box, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, text)

    def _facts(self) -> str:
        card = self.card
        if self.loading:
            return ""
        size = card.bytes / 1e6
        words = f"{size:,.0f} MB" if size < 1000 else f"{size / 1000:,.1f} GB"
        assets, streams = f"{card.assets:,}", f"{card.datastreams:,}"
        return tr("{a} assets · {d} datastreams · {s}", a=assets, d=streams, s=words)

    def _age(self) -> str:
        card = self.card
        if self.loading:
            return ""
        if not card.last_ms:
            return tr("nothing recorded yet")
        seconds = max(0.0, time.time() - card.last_ms / 1000)
        return tr("recorded {age} ago", age=numbers.age(seconds))


class Reading:
    """Asks the portfolio on a thread of its own; answers reach the page through `deliver`."""

    def __init__(self, source: Portfolio, deliver: Callable[[Callable[[], None]], None]) -> None:
        self._source, self._deliver = source, deliver
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="portfolio", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._work.put(None)
        self._thread.join(1.0)

    def cards(self, done: Callable[[list[str]], None], each: Callable[[ProjectCard], None]) -> None:
        """First the paths, then the cards one by one, then missing pictures."""
        self._work.put(lambda: self._cards(done, each))

    def call(self, work: Callable[[], str], done: Callable[[str], None]) -> None:
        """Something that answers with a problem line."""

        def run() -> None:
            line = work()
            self._deliver(lambda: done(line))

        self._work.put(run)

    def _cards(
        self, done: Callable[[list[str]], None], each: Callable[[ProjectCard], None]
    ) -> None:
        paths = self._source.paths()
        self._deliver(lambda: done(paths))
        cards = []
        for path in paths:
            if self._stopped.is_set():
                return
            card = self._source.card(path)
            cards.append(card)
            self._deliver(lambda card=card: each(card))  # type: ignore[misc]
        wanting = [c for c in cards if c.assets and (c.thumbnail_old or not c.thumbnail)]
        for card in wanting:
            if self._stopped.is_set() or not self._work.empty():
                return  # somebody wants something else first; the next round makes pictures
            made = self._source.picture(card)
            self._deliver(lambda made=made: each(made))  # type: ignore[misc]

    def _run(self) -> None:
        while not self._stopped.is_set():
            work = self._work.get()
            if work is not None:
                work()


class PortfolioWindow(QMainWindow):
    """All projects of this user."""

    def __init__(self, source: Portfolio, deliver: Callable[[Callable[[], None]], None]) -> None:
        super().__init__()
        self._source = source
        self._reading = Reading(source, deliver)
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
