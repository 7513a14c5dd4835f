"""The record as a bar to move in: what was recorded, what is missing, and what happened when."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import draw_glyph
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.time_axis import local_ticks
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

HOUR: Final = 3_600_000
LEAST, MOST = HOUR // 4, 10 * 366 * 24 * HOUR
MARK_PX: Final = 16
ASK_MS: Final = 250
REFRESH_MS: Final = 5_000
NEAR_PX: Final = 6


class Track(Canvas):
    """Recorded time as a bar with alarm glyphs above and hours below; click seeks, drag scrubs."""

    go_to = Signal()
    told = Signal(str)
    """why a key did nothing"""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.span_ms = 24 * HOUR
        self.setMouseTracking(True)
        self.setMinimumWidth(260)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Time track"))
        self.signs = wire.Signs(0, 0, ())
        self._end_ms: int | None = None
        """right end of the shown span while it does not follow the clock"""
        self._asking = False
        self._asked: tuple[int, int, int | None] | None = None
        self._asked_at_ms = 0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(ASK_MS)
        self._later.timeout.connect(self._ask)
        desk.time.changed.connect(self._moved)
        desk.alarms_changed.connect(self.refresh)
        desk.room.design_changed.connect(self.update)
        desk.welcomed.connect(self.refresh)

    # ---------------------------------------------------------------- the shown span
    def window(self) -> tuple[int, int]:  # type: ignore[override]
        """Shown span: the live position stands at 95 %, unless it was moved to a moment."""
        end = self._end_ms
        if end is None:
            end = self._desk.time.wall_ms + round(self.span_ms * 0.05)
        return end - self.span_ms, end

    def x_of(self, ms: int) -> float:
        first, last = self.window()
        return 8 + (ms - first) / (last - first) * (self.width() - 16)

    def ms_of(self, x: float) -> int:
        first, last = self.window()
        return round(first + (x - 8) / max(1, self.width() - 16) * (last - first))

    def zoom(self, factor: float) -> None:
        """Shows so many times as long a span, about the moment."""
        time = self._desk.time
        share = (time.now_ms - self.window()[0]) / self.span_ms
        self.span_ms = round(min(MOST, max(LEAST, self.span_ms * factor)))
        if self._end_ms is not None:
            self._end_ms = time.now_ms + round(self.span_ms * (1 - min(max(share, 0.1), 0.9)))
        self._follow()
        self._later.start()
        self.update()

    def show_span(self, hours: int) -> None:
        """So many hours."""
        self.zoom(hours * HOUR / self.span_ms)

    def _follow(self) -> None:
        """Keeps the moment inside the shown span; live the span follows the clock again."""
        time = self._desk.time
        if time.mode is not Mode.REPLAY:
            self._end_ms = None
            return
        first, last = self.window()
        edge = self.span_ms // 50
        if not first + edge <= time.now_ms <= last - edge:
            self._end_ms = min(
                time.now_ms + round(self.span_ms * 0.4), time.wall_ms + round(self.span_ms * 0.05)
            )

    def _moved(self) -> None:
        self._follow()
        if not self._later.isActive():
            self._later.start()
        self.update()

    # ---------------------------------------------------------------- what happened
    def refresh(self) -> None:
        """Asks anew for what happened in the shown span, soon."""
        self._asked = None
        if not self._later.isActive():
            self._later.start()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh()

    def _ask(self) -> None:
        if self._asking or self._desk.session is None:
            return
        first, last = self.window()
        wanted = (first // (self.span_ms // 50), self.span_ms, self._desk.time.known_ms)
        now = self._desk.time.monotonic_ms
        if wanted == self._asked and now - self._asked_at_ms < REFRESH_MS:
            return
        self._asking, self._asked, self._asked_at_ms = True, wanted, now
        margin = self.span_ms // 10
        cells = max(20, round(1.2 * self.width() / MARK_PX))
        request = wire.GetSigns(first - margin, last + margin, cells, (), wanted[2])
        self._desk.ask(request, self._got)

    def _got(self, reply: wire.Reply) -> None:
        self._asking = False
        if isinstance(reply, wire.Signs):
            self.signs = reply
            self.update()

    def marks(self) -> list[wire.Sign]:
        """Alarms of the shown span, the most important first where they would overlap."""
        first, last = self.window()
        inside = [s for s in self.signs.items if not s.note and first <= s.time_ms <= last]
        taken: list[float] = []
        found = []
        for sign in sorted(inside, key=lambda s: (s.priority, s.time_ms)):
            x = self.x_of(sign.time_ms)
            if all(abs(x - t) >= MARK_PX for t in taken):
                taken.append(x)
                found.append(sign)
        return sorted(found, key=lambda s: s.time_ms)

    def to_mark(self, by: int) -> None:
        """The next alarm (1) or the one before (-1), as far as the shown span goes."""
        now = self._desk.time.now_ms
        times = [s.time_ms for s in self.marks()]
        later, earlier = [t for t in times if t > now + 500], [t for t in times if t < now - 500]
        if by > 0 and later:
            self._desk.time.replay(later[0])
        elif by < 0 and earlier:
            self._desk.time.replay(earlier[-1])
        elif by > 0:
            self.told.emit(tr("no alarm after this moment in the shown span"))
        else:
            self.told.emit(tr("no alarm before this moment in the shown span"))

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        time = self._desk.time
        y = self.height() / 2 + 2
        bar = QRectF(8, y - 5, self.width() - 16, 10)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("bg.inset"))
        painter.drawRect(bar)
        self._paint_recorded(painter, bar)
        for first, last in self.signs.gaps:
            self._hatch(painter, bar, first, last)
        self._paint_works(painter, bar)
        self._paint_hours(painter, bar)
        self._paint_marks(painter, bar)
        self._paint_handle(painter, bar, self.x_of(time.wall_ms))
        if self.hasFocus():
            painter.setPen(QPen(look.colour("action.focus"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5))
        painter.end()

    def _paint_recorded(self, painter: QPainter, bar: QRectF) -> None:
        time, ink = self._desk.time, theme().colour("line.strong")
        stretches = [*self.signs.recorded]
        if not stretches and time.first_ms:
            stretches = [(time.first_ms, time.wall_ms)]
        elif stretches and time.wall_ms - stretches[-1][1] < self.span_ms // 20:
            stretches[-1] = stretches[-1][0], time.wall_ms  # recorded since it was asked
        for first, last in stretches:
            left = max(bar.left(), self.x_of(first))
            right = min(bar.right(), self.x_of(min(last, time.wall_ms)))
            if right > left:
                painter.fillRect(QRectF(left, bar.top(), right - left, bar.height()), ink)

    def _hatch(self, painter: QPainter, bar: QRectF, first: int, last: int) -> None:
        left, right = max(bar.left(), self.x_of(first)), min(bar.right(), self.x_of(last))
        if right > left:
            box = QRectF(left, bar.top(), max(2.0, right - left), bar.height())
            painter.fillRect(box, theme().colour("bg.inset"))
            painter.setBrush(theme().colour("chart.gap"))
            painter.fillRect(box, Qt.BrushStyle.BDiagPattern)

    def _paint_works(self, painter: QPainter, bar: QRectF) -> None:
        """Planned works as a thin line under the bar, from their beginning to their end."""
        ink = theme().colour("text.primary")
        for work in self._desk.room.design.works:
            left = max(bar.left(), self.x_of(work.from_ms))
            right = min(bar.right(), self.x_of(work.to_ms))
            if right > left:
                painter.fillRect(QRectF(left, bar.bottom() - 1, max(right - left, 3.0), 3.0), ink)

    def _paint_hours(self, painter: QPainter, bar: QRectF) -> None:
        look = theme()
        first, last = self.window()
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.muted"))
        for at, text in local_ticks(first, last, max(2, round(bar.width() / 90))):
            x = self.x_of(at)
            if bar.left() <= x <= bar.right():
                painter.drawLine(QPointF(x, bar.bottom() + 2), QPointF(x, bar.bottom() + 5))
                left = min(
                    max(x - 45, -45 + painter.fontMetrics().horizontalAdvance(text) / 2),
                    self.width() - 45 - painter.fontMetrics().horizontalAdvance(text) / 2,
                )
                box = QRectF(left, bar.bottom() + 5, 90, 14)
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_marks(self, painter: QPainter, bar: QRectF) -> None:
        look = theme()
        first, last = self.window()
        painter.setPen(QPen(look.colour("text.secondary"), 1.5))
        for sign in self.signs.items:
            if sign.note and first <= sign.time_ms <= last:
                x = self.x_of(sign.time_ms)
                painter.drawLine(QPointF(x, bar.top() - 5), QPointF(x, bar.top() - 1))
        for sign in self.marks():
            x = self.x_of(sign.time_ms)
            if bar.left() <= x <= bar.right():
                draw_glyph(painter, QPointF(x, bar.top() - 9), sign.priority, size=12)

    def _paint_handle(self, painter: QPainter, bar: QRectF, wall_x: float) -> None:
        look, time = theme(), self._desk.time
        painter.setFont(look.font("tick", 600))
        ink = look.colour("action.primary")
        x, word = wall_x, tr("now")
        if time.mode is Mode.REPLAY:
            ink, x = look.colour("mode.replay"), self.x_of(time.now_ms)
            word = numbers.clock_short(time.now_ms)
            painter.setPen(look.colour("text.secondary"))
            live = tr("live {t}", t=numbers.clock_short(time.wall_ms))
            if wall_x <= bar.right():
                painter.setPen(QPen(look.colour("text.secondary"), 1, Qt.PenStyle.DashLine))
                painter.drawLine(QPointF(wall_x, bar.top() - 4), QPointF(wall_x, bar.bottom() + 4))
            else:
                wall_x, live = bar.right(), live + " \u203a"
            if abs(wall_x - x) > 70:
                box = QRectF(wall_x - 66, bar.top() - 30, 72, 14)
                painter.drawText(box, Qt.AlignmentFlag.AlignRight, live)
        elif time.mode is Mode.SCENARIO:
            ink = look.colour("mode.scenario")
        painter.setPen(QPen(look.colour("bg.panel"), 2))
        painter.setBrush(ink)
        painter.drawRect(QRectF(x - 5, bar.center().y() - 10, 10, 20))
        painter.setPen(look.colour("text.primary"))
        box = QRectF(x - 40, bar.top() - 30, 80, 14)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, word)

    # ---------------------------------------------------------------- hands
    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._desk.moments.warm()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._desk.moments.warm()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._desk.time.run(False)
            self._desk.time.replay(self._snapped(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        ms = self.ms_of(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._desk.time.replay(ms)
        else:
            self.setToolTip(self._words_at(event.position().x()))

    def _words_at(self, x: float) -> str:
        ms = self.ms_of(x)
        near = [s for s in self.signs.items if abs(self.x_of(s.time_ms) - x) <= NEAR_PX]
        lines = [f"{numbers.day(ms)} {numbers.clock(ms)}"]
        for sign in near[:4]:
            more = tr(" and {n} more", n=sign.count - 1) if sign.count > 1 else ""
            name = self._desk.city.name(sign.asset)
            lines.append(f"{numbers.clock(sign.time_ms)} {name}: {sign.text}{more}")
        works = [w for w in self._desk.room.design.works if w.from_ms <= ms < w.to_ms]
        lines += [tr("Planned works: {what}", what=w.text) for w in works[:3]]
        return "\n".join(lines)

    def _snapped(self, x: float) -> int:
        """The moment of an alarm whose glyph was clicked, else the moment under the pointer."""
        near = [s for s in self.marks() if abs(self.x_of(s.time_ms) - x) <= NEAR_PX]
        return near[0].time_ms if near else self.ms_of(x)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(0.5 if event.angleDelta().y() > 0 else 2.0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        time, step = self._desk.time, max(self.span_ms // 200, 1_000)
        page = self.span_ms // 8
        moves = {
            Qt.Key.Key_Left: -step, Qt.Key.Key_Right: step,
            Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page,
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key in moves:
            time.replay(time.now_ms + moves[key])
        elif key == Qt.Key.Key_Home and time.first_ms:
            time.replay(time.first_ms)
        elif key == Qt.Key.Key_End:
            time.live()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.to_mark(1 if key == Qt.Key.Key_Up else -1)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.zoom(0.5 if key == Qt.Key.Key_Plus else 2.0)
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(tr("Go to time…"), self.go_to.emit)
        menu.addAction(
            tr("Replay from here"), lambda: self._desk.time.replay(self.ms_of(event.x()))
        )
        menu.addAction(tr("Back to live\tL"), self._desk.time.live)
        menu.addAction(tr("Next alarm\tJ"), lambda: self.to_mark(1))
        menu.addAction(tr("Alarm before\tShift+J"), lambda: self.to_mark(-1))
        for hours in (1, 6, 24, 168, 720, 8_760):
            text = tr("Show {n} h", n=hours) if hours < 48 else tr("Show {n} d", n=hours // 24)
            menu.addAction(text, lambda h=hours: self.show_span(h))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def sizeHint(self) -> QSize:
        return QSize(600, 62)
