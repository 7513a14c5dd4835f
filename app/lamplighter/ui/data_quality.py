"""The data-quality calendar: a row a feed, a column a day, how complete each day is."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.days import DayQuality
from lamplighter.ui.desk import Desk
from lamplighter.ui.glance import Glance
from lamplighter.ui.parts import Canvas, Panel, Scroller, Text
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

EVERY: Final = 15
"""seconds between two looks while the page is open"""
DAYS: Final = 28
WHOLE: Final = 0.995
POOR: Final = 0.9
NAME_W, HEAD_H, ROW_H, LEAST_W = 150, 30, 36, 30


def day_words(one: DayQuality, name: str) -> str:
    """One day of one feed as sentences."""
    if one.completeness is None:
        return tr("{name}, {day}: nothing was due", name=name, day=one.day)
    parts = [
        tr("{name}, {day}: {p} % complete", name=name, day=one.day,
           p=f"{100 * one.completeness:.1f}"),
        tr("{n} values", n=f"{one.points:,}"),
        tr("{n} came late", n=f"{one.late:,}"),
        tr("{n} uncertain", n=f"{one.uncertain:,}"),
        tr("{n} bad", n=f"{one.bad:,}"),
        tr("{n} set aside", n=f"{one.quarantined:,}"),
        tr("{n} messages missing", n=f"{one.missing:,}"),
    ]  # fmt: skip
    return ", ".join(parts)


class Calendar(Canvas):
    """The grid; arrow keys move, the chosen day is told below."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Data quality by feed and day"))
        self._cells: dict[tuple[str, str], DayQuality] = {}
        self.feeds: list[tuple[str, str]] = []
        self.days: list[str] = []
        self.at = (0, 0)

    def show_days(self, items: tuple[DayQuality, ...], names: dict[str, str]) -> None:
        """All days of all feeds; the newest day is chosen at first."""
        first = not self._cells
        self._cells = {(i.feed, i.day): i for i in items}
        found = sorted({i.feed for i in items}, key=lambda f: (len(f), f))
        self.feeds = [(feed, names.get(feed) or feed) for feed in found]
        self.days = sorted({i.day for i in items})[-DAYS:]
        if first and self.days:
            self.at = (0, len(self.days) - 1)
        self.setMinimumSize(self.sizeHint())
        self.updateGeometry()
        self.update()
        self._tell()

    def sizeHint(self) -> QSize:
        look = theme()
        wide = NAME_W + LEAST_W * max(1, len(self.days))
        return QSize(look.px(wide), look.px(HEAD_H + ROW_H * max(1, len(self.feeds))))

    def _cell_width(self) -> float:
        look = theme()
        room = self.width() - look.px(NAME_W) - 8
        return min(look.px(64), max(look.px(LEAST_W), room / max(1, len(self.days))))

    def cell(self, row: int, column: int) -> DayQuality | None:
        """What stands in a place of the grid."""
        if not (0 <= row < len(self.feeds) and 0 <= column < len(self.days)):
            return None
        return self._cells.get((self.feeds[row][0], self.days[column]))

    def _place(self, at: QPoint) -> tuple[int, int]:
        look = theme()
        row = int((at.y() - look.px(HEAD_H)) // look.px(ROW_H))
        column = int((at.x() - look.px(NAME_W)) // self._cell_width())
        return row, column

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        wide, tall = self._cell_width(), look.px(ROW_H)
        left, top = look.px(NAME_W), look.px(HEAD_H)
        painter.setFont(look.font("tick"))
        for column, day in enumerate(self.days):
            box = QRectF(left + column * wide, 0, wide, top - 4)
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom,
                             day[8:].lstrip("0"))  # fmt: skip
            if column == 0 or day.endswith("-01"):
                painter.drawText(QRectF(box.left(), 0, 90, top / 2), _LEFT, day[:7])
        for row, (feed, name) in enumerate(self.feeds):
            y = top + row * tall
            painter.setFont(look.font("body"))
            painter.setPen(look.colour("text.primary"))
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, left - 12)
            painter.drawText(QRectF(0, y, left - 8, tall), _LEFT, shown)
            for column, day in enumerate(self.days):
                box = QRectF(left + column * wide + 1, y + 2, wide - 2, tall - 4)
                self._paint(painter, box, self._cells.get((feed, day)))
        if self.hasFocus() and self.cell(*self.at) is not None:
            row, column = self.at
            painter.setPen(QPen(look.colour("action.focus"), look.stroke("focus")))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(
                QRectF(left + column * wide + 1, top + row * tall + 2, wide - 2, tall - 4)
            )
        painter.end()

    def _paint(self, painter: QPainter, box: QRectF, one: DayQuality | None) -> None:
        """Grey when whole; the share that is missing is hatched; poor days wear a coloured edge."""
        look = theme()
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if one is None or one.completeness is None:
            painter.drawRect(box)
            return
        share = one.completeness
        full = QRectF(box.left(), box.bottom() - box.height() * share, box.width(),
                      box.height() * share)  # fmt: skip
        painter.fillRect(full, look.colour("bg.raised"))
        if share < WHOLE:
            gone = QRectF(box.left(), box.top(), box.width(), box.height() * (1 - share))
            painter.fillRect(gone, QBrush(look.colour("text.muted"), Qt.BrushStyle.BDiagPattern))
        if share < POOR:
            painter.setPen(QPen(look.colour("state.medium"), 2))
        painter.drawRect(box)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.primary"))
        percent = f"{100 * share:.0f}"
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, percent)
        if one.quarantined or one.late or one.uncertain or one.bad or one.missing:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("text.primary"))
            painter.drawEllipse(QRectF(box.right() - 8, box.top() + 3, 5, 5))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    # ---------------------------------------------------------------- choosing
    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._place(event.position().toPoint())
        if self.cell(*place) is not None:
            self.at = place
            self.update()
            self._tell()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self._place(event.position().toPoint())
        one = self.cell(*place)
        words = day_words(one, self.feeds[place[0]][1]) if one is not None else ""
        QToolTip.showText(event.globalPosition().toPoint(), words, self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }  # fmt: skip
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        place = (self.at[0] + move[0], self.at[1] + move[1])
        if self.cell(*place) is not None:
            self.at = place
            self.update()
            self._tell()

    def _tell(self) -> None:
        one = self.cell(*self.at)
        name = self.feeds[self.at[0]][1] if one is not None else ""
        words = day_words(one, name) if one is not None else ""
        self.setAccessibleDescription(words)
        self.chosen.emit(words)


_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class QualityPage(QWidget):
    """The calendar with the chosen day in words."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.calendar = Calendar()
        self._words = Text("", "bodyStrong", wrap=True)
        self._how = Text("", "caption", "secondary", wrap=True)
        self.calendar.chosen.connect(self._words.setText)
        inner = Panel()
        inside = QVBoxLayout(inner)
        inside.setContentsMargins(0, 0, 8, 0)
        inside.addWidget(self.calendar)
        inside.addStretch(1)
        scroll = Scroller(inner)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._words)
        box.addWidget(scroll, 1)
        box.addWidget(self._how)
        Glance(self, desk, self.look, EVERY)

    def look(self) -> None:
        """Ask for the last days."""
        self._desk.ask(wire.GetDays(DAYS), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if not isinstance(reply, wire.Days):
            return
        status = self._desk.status
        names = {f.id: f.name for f in status.feeds} if status is not None else {}
        self.calendar.show_days(reply.items, names)
        self.calendar.setVisible(bool(reply.items))
        if not reply.items:
            self._words.setText(
                tr("No day was counted yet. Each day appears here once values are stored.")
            )
        self._how.setText(
            tr("Percent of the five-minute spans that hold values, of those that should: as many "
               "as on each sender's best day. Days are UTC. A dot: something came late, was "
               "uncertain, was set aside or is missing.")
        )  # fmt: skip
