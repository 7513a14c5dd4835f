"""The status bar: how well the city is connected and how well the console itself is doing."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.gap_meter import GapMeter
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

TEN_YEARS_D: Final = 3_653.0
SAID_MS: Final = 6_000
"""as long as a word about a key stands"""


class StatusBar(Canvas):
    """24 px of name-value pairs, painted; entries that do not fit are dropped from the middle."""

    disk_clicked = Signal()

    def __init__(self, desk: Desk, meter: GapMeter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("statusBar")
        self._desk, self._meter = desk, meter
        self.scene_text = ""
        self._left: list[tuple[str, str]] = []
        self._right: list[tuple[str, str]] = []
        self._lost = ""
        self._said, self._said_ms = "", 0
        self.disk_place = QRectF()
        """where the disk meter stands"""
        self.setMouseTracking(True)
        desk.status_changed.connect(self.refresh)
        desk.lost.connect(self._on_lost)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def say(self, words: str) -> None:
        """Stands before everything else for some seconds: why a key did nothing."""
        self._said, self._said_ms = words, self._desk.clock.monotonic_ms()
        self.refresh()

    def _on_lost(self, why: str) -> None:
        self._lost = why
        self.refresh()

    def refresh(self) -> None:
        """Once a second."""
        status, desk = self._desk.status, self._desk
        left: list[tuple[str, str]] = []
        right: list[tuple[str, str]] = []
        if self._lost:
            left.append((tr("Recorder"), tr("not answering")))
        elif desk.session is None:
            left.append((tr("Recorder"), tr("starting")))
        elif status is None:
            left.append((tr("Recorder"), tr("connected, no figures yet")))
        if status is not None:
            live = desk.live_feeds()
            left += [
                (tr("Feeds"), tr("{a} of {b} live", a=live, b=len(status.feeds))),
                (tr("Messages"), f"{numbers.number(status.messages_per_s, 1)}{numbers.THIN}/s"),
                (tr("Points"), f"{numbers.number(status.points_per_s, 1)}{numbers.THIN}/s"),
                (tr("Delay p95"), numbers.age(status.delay_p95_s)),
                (tr("Queue"), numbers.number(status.queue, 1)),
                (tr("Write lag"), f"{numbers.number(status.write_lag_ms, 1)}{numbers.THIN}ms"),
            ]
            aside = status.account.quarantined + status.account.refused
            if aside:
                left.append((tr("Set aside"), numbers.number(aside, 1)))
            if status.disk_days_left is not None:
                right.append((tr("Disk"), lasts(status.disk_days_left)))
            else:
                free = numbers.with_unit(status.disk_free_gb, "GB", 1)
                right.append((tr("Disk"), tr("{n} free", n=free)))
        counts = self._meter.live if self._meter.live.count else self._meter.baseline
        if counts.count:
            gap = f"{numbers.number(counts.quantile(0.999), 1)}{numbers.THIN}ms"
            left.append((tr("UI gap p99.9"), gap))
        if self.scene_text:
            left.append((tr("3D"), self.scene_text))
        if desk.time.mode is Mode.REPLAY:
            at = numbers.clock(desk.time.now_ms)
            words = tr("record up to {t}") if desk.time.as_known else tr("all that is known of {t}")
            left.insert(0, (tr("Shown"), words.format(t=at)))
            if desk.moments.seek_ms is not None:
                seek = f"{numbers.number(desk.moments.seek_ms, 1)}{numbers.THIN}ms"
                left.insert(1, (tr("Seek"), seek))
            right.append((tr("Recording"), tr("goes on")))
        if self._said and self._desk.clock.monotonic_ms() - self._said_ms < SAID_MS:
            left.insert(0, (tr("Note"), self._said))
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            text = ", ".join(f"{k} {v}" for k, v in [*left, *right])
            self.setAccessibleName(text)
            self.setToolTip(text)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.fillRect(self.rect(), look.colour("bg.window"))
        plain, strong = QFontMetrics(look.font("tick")), QFontMetrics(look.font("tick", 600))
        gap = 24

        def width(pair: tuple[str, str]) -> int:
            return plain.horizontalAdvance(pair[0] + " ") + strong.horizontalAdvance(pair[1]) + gap

        right_width = sum(map(width, self._right))
        x = self.width() - 16 - right_width + gap
        self.disk_place = QRectF()
        if right_width < self.width() / 2:
            for pair in self._right:
                self._pair(painter, x, pair)
                if pair[0] == tr("Disk"):
                    self.disk_place = QRectF(x - gap / 2, 0, width(pair), self.height())
                x += width(pair)
        else:
            right_width = 0
        x = 16
        for pair in self._left:
            if x + width(pair) > self.width() - right_width - 16:
                break
            self._pair(painter, x, pair)
            x += width(pair)
        painter.end()

    def _pair(self, painter: QPainter, x: float, pair: tuple[str, str]) -> None:
        look = theme()
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.muted"))
        name = pair[0] + " "
        painter.drawText(QRectF(x, 0, 900, self.height()), align, name)
        x += painter.fontMetrics().horizontalAdvance(name)
        painter.setFont(look.font("tick", 600))
        painter.setPen(look.colour("text.primary"))
        painter.drawText(QRectF(x, 0, 900, self.height()), align, pair[1])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self.disk_place.contains(QPointF(event.position()))
        shape = Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.disk_place.contains(QPointF(event.position())):
            self.disk_clicked.emit()

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(24))

    def sizeHint(self) -> QSize:
        return QSize(1280, theme().px(24))


def lasts(days: float) -> str:
    """How long the disk lasts; beyond ten years a number would only pretend."""
    if days > TEN_YEARS_D:
        return tr("more than ten years left")
    return tr("{n} days left", n=numbers.number(days, 1))
