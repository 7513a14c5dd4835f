"""An asset's life on one line, walked with the arrow keys; what is told stands below it."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from lamplighter.domain import wire
from lamplighter.domain.life import LifeEvent
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.parts import Canvas, Elided, Panel, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

KIND_WORDS: Final = {
    "built": "Built", "renewed": "Renewed", "failed": "Failed", "repaired": "Repaired",
    "replaced": "Replaced", "inspected": "Inspected", "alarm": "Alarm", "forecast": "Forecast",
    "outcome": "What came", "planned": "Planned", "file": "File",
}  # fmt: skip
LANES: Final = (
    ("built", "renewed", "replaced", "repaired", "inspected", "failed", "planned"),
    ("alarm",),
    ("forecast", "outcome"),
    ("file",),
)
LANE_WORDS: Final = ("Work", "Alarms", "Forecasts", "Files")
YEAR_MS: Final = 31_557_600_000
HOURS_MS: Final = 43_200_000
SOON_MS: Final = 1_000
NEAR: Final = 12


class LifeCanvas(Canvas):
    """The line. Time runs evenly between events that are near each other; long silence is cut."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.events: tuple[LifeEvent, ...] = ()
        self.now_ms = 0
        self.at = -1
        self._places: list[float] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(theme().px(18 * len(LANES) + 28))
        self.setMaximumHeight(theme().px(30 * len(LANES) + 34))

    def _high(self) -> float:
        """Of one lane: 30 where there is room, less in a small window."""
        look = theme()
        return min(look.px(30), max(look.px(18), (self.height() - look.px(28)) / len(LANES)))

    def show_events(self, events: tuple[LifeEvent, ...], now_ms: int) -> None:
        """The oldest first; the newest that is past is chosen."""
        same = [e.at_ms for e in events] == [e.at_ms for e in self.events]
        self.events, self.now_ms = events, now_ms
        if not same or not 0 <= self.at < len(events):
            past = [n for n, e in enumerate(events) if e.at_ms <= now_ms]
            self.at = past[-1] if past else len(events) - 1
        self.chosen.emit(self.at)
        self.update()

    # ---------------------------------------------------------------- walking
    def walk(self, by: int) -> None:
        """To the next or previous event."""
        if self.events:
            self.choose(min(len(self.events) - 1, max(0, self.at + by)))

    def choose(self, at: int) -> None:
        """One event by its place in the line."""
        if 0 <= at < len(self.events):
            self.at = at
            self.chosen.emit(at)
            self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1, Qt.Key.Key_PageDown: 10,
            Qt.Key.Key_PageUp: -10, Qt.Key.Key_Home: -len(self.events),
            Qt.Key.Key_End: len(self.events),
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.walk(step)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._places:
            x = event.position().x()
            y = event.position().y()
            lane = int((y - theme().px(6)) / self._high())
            ways = [
                (abs(p - x) + (0 if self._lane(self.events[n]) == lane else 2 * NEAR), n)
                for n, p in enumerate(self._places)
            ]
            self.choose(min(ways)[1])
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    # ---------------------------------------------------------------- painting
    @staticmethod
    def _lane(event: LifeEvent) -> int:
        return next((n for n, kinds in enumerate(LANES) if event.kind in kinds), 0)

    def _scale(self, left: float, right: float) -> list[tuple[int, float]]:
        """(time, x) of every event and of now; a long gap takes no more than a short one."""
        times = sorted({*(e.at_ms for e in self.events), self.now_ms})
        if len(times) < 2:
            return [(t, (left + right) / 2) for t in times]
        gaps = [b - a for a, b in pairwise(times)]
        usual = max(1.0, sorted(gaps)[len(gaps) // 2])
        widths = [min(float(g), usual * 4) + usual * 0.3 for g in gaps]
        whole = sum(widths)
        found, x = [(times[0], left)], left
        for time, width in zip(times[1:], widths, strict=True):
            x += width / whole * (right - left)
            found.append((time, x))
        return found

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right, top, high = look.px(84), self.width() - look.px(24), look.px(6), self._high()
        painter.setFont(look.font("caption"))
        for lane, words in enumerate(LANE_WORDS):
            y = top + (lane + 0.5) * high
            painter.setPen(look.colour("text.secondary"))
            place = QRectF(8, y - high / 2, left - 20, high)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, tr(words))
            painter.setPen(QPen(look.colour("line.subtle"), 1))
            painter.drawLine(QPointF(left, y), QPointF(right, y))
        scale = dict(self._scale(left + 8, right - 8))
        bottom = top + high * len(LANES)
        if self.events:
            self._now_line(painter, scale[self.now_ms], top, bottom)
        self._places = [scale[e.at_ms] for e in self.events]
        for number, one in enumerate(self.events):
            y = top + (self._lane(one) + 0.5) * high
            self._mark(painter, one, QPointF(self._places[number], y), number == self.at)
        self._years(painter, scale, bottom)
        if self.hasFocus():
            painter.setPen(QPen(look.colour("action.focus"), look.stroke("focus")))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 4, 4)
        painter.end()

    def _now_line(self, painter: QPainter, x: float, top: float, bottom: float) -> None:
        look = theme()
        painter.setPen(QPen(look.colour("text.primary"), 1))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))

    def _mark(self, painter: QPainter, one: LifeEvent, at: QPointF, chosen: bool) -> None:
        look = theme()
        size = look.px(6)
        ink = look.colour("text.primary")
        painter.setPen(QPen(ink, 1.5))
        hollow = one.kind in ("planned", "forecast", "inspected")
        painter.setBrush(Qt.BrushStyle.NoBrush if hollow else ink)
        if one.kind == "failed":
            painter.drawLine(at + QPointF(-size, -size), at + QPointF(size, size))
            painter.drawLine(at + QPointF(-size, size), at + QPointF(size, -size))
        elif one.kind in ("built", "renewed", "replaced", "file"):
            painter.drawRect(
                QRectF(at.x() - size + 1, at.y() - size + 1, 2 * size - 2, 2 * size - 2)
            )
        elif one.kind == "alarm":
            painter.drawPolygon(
                QPolygonF([at + QPointF(0, -size), at + QPointF(size, size - 1),
                           at + QPointF(-size, size - 1)])
            )  # fmt: skip
        else:
            painter.drawEllipse(at, size - 1, size - 1)
        if chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(look.colour("action.focus"), 2))
            painter.drawEllipse(at, size + 4, size + 4)

    def _when(self, time: int) -> str:
        """The hour of what is near now, the day within a year, else the year."""
        away = abs(time - self.now_ms)
        if away < HOURS_MS:
            return numbers.clock_short(time)
        return numbers.day(time) if away < YEAR_MS else _year(time)

    def _years(self, painter: QPainter, scale: dict[int, float], y: float) -> None:
        look = theme()
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.muted"))
        free, before = -1.0, ""
        for time, x in sorted(scale.items()):
            words = tr("now") if time == self.now_ms else self._when(time)
            if words == before and abs(time - self.now_ms) < YEAR_MS:
                words = numbers.clock_short(time)  # a second time on the same day
            if words == before:
                continue
            width = painter.fontMetrics().horizontalAdvance(words)
            first = min(max(4.0, x - width / 2), self.width() - width - 4.0)
            if first > free:
                painter.drawText(QPointF(first, y + look.px(14)), words)
                free, before = first + width + 8, words


def _year(ms: int) -> str:
    return str(numbers.local(ms).year)


def time_words(event: LifeEvent) -> str:
    """As exactly as the time is known."""
    if event.precision == "year":
        return _year(event.at_ms)
    day = f"{numbers.day(event.at_ms)} {_year(event.at_ms)}"
    return day if event.precision == "day" else f"{day}, {numbers.clock_short(event.at_ms)}"


class LifePanel(Panel):
    """The line of the selected asset, its chosen event in words, and the way to its order."""

    to_order = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._asset = ""
        self.canvas = LifeCanvas()
        self.canvas.setAccessibleName(tr("Life line"))
        self.name = Elided("", "bodyStrong")
        self.told = Text("", "body", wrap=True)
        self.when = Text("", "caption", "secondary")
        self.open = button(tr("Open work order"), self.open_order)
        self.empty = Text("", "body", "secondary", wrap=True)
        back = button("‹", lambda: self.canvas.walk(-1), tip=tr("Earlier"))
        on = button("›", lambda: self.canvas.walk(1), tip=tr("Later"))
        head = row(self.name, back, on, self.open)
        head.setStretch(0, 1)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 6, 12, 8)
        box.setSpacing(4)
        box.addLayout(head)
        box.addWidget(self.empty)
        box.addWidget(self.canvas, 100)
        box.addWidget(self.when)
        box.addWidget(self.told)
        box.addStretch(1)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(SOON_MS)
        self._pause.timeout.connect(self.look)
        self.canvas.chosen.connect(self._chosen)
        desk.selection.changed.connect(self._follow)
        desk.orders_changed.connect(self._pause.start)
        desk.records.attached.connect(lambda _: self._pause.start())
        self._show(())
        self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def _follow(self) -> None:
        asset = self._desk.selection.current
        if asset != self._asset:
            self._asset = asset
            self._show(())
        if self.isVisible():
            self.look()

    def look(self) -> None:
        """Ask for the life of the selected asset."""
        if self._asset and self.isVisible():
            self._desk.ask(wire.GetLife(self._asset), self._got)

    def _got(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Life) and reply.asset == self._asset:
            self._show(reply.events)

    def _show(self, events: tuple[LifeEvent, ...]) -> None:
        name = self._desk.city.name(self._asset) if self._asset else ""
        self.name.set_full(tr("Life of {n}", n=name) if name else tr("Life line"))
        self.canvas.setVisible(bool(events))
        self.empty.setVisible(not events)
        self.empty.setText(
            tr("Nothing is known yet of its life: no year of building, no work, no alarm of note.")
            if self._asset else tr("Select an asset to see its life.")
        )  # fmt: skip
        self.canvas.show_events(events, self._desk.clock.wall_ms())

    def _chosen(self, at: int) -> None:
        events = self.canvas.events
        if not 0 <= at < len(events):
            self.told.setText("")
            self.when.setText("")
            self.open.setEnabled(False)
            return
        event = events[at]
        kind = tr(KIND_WORDS.get(event.kind, event.kind))
        self.told.setText(f"{kind}: {event.text}")
        place = tr("{a} of {n}", a=at + 1, n=len(events))
        self.when.setText(f"{time_words(event)} · {place}")
        self.canvas.setAccessibleDescription(f"{time_words(event)}, {self.told.text()}, {place}")
        self.open.setEnabled(event.ref in self._desk.orders)

    def open_order(self) -> None:
        """The order the chosen event tells of."""
        events = self.canvas.events
        if 0 <= self.canvas.at < len(events) and events[self.canvas.at].ref in self._desk.orders:
            self.to_order.emit(events[self.canvas.at].ref)
