"""Pictures of a rule: when it would have fired, each tried threshold, the last day's values."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from lamplighter.domain.alarm_trial import Step, Trial
from lamplighter.ui import numbers
from lamplighter.ui.parts import Canvas
from lamplighter.ui.series import Longs, Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop


class FiringLine(Canvas):
    """How many alarms would have stood at each time of the span that was tried."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trial: Trial | None = None
        self._own = True

    def show_trial(self, trial: Trial) -> None:
        self._trial = trial
        self.setAccessibleName(tr("{n} raisings over {d} days", n=len(trial.firings), d=trial.days))
        self.update()

    def set_own(self, own: bool) -> None:
        """Whether the figures beside it are of the same threshold."""
        if own != self._own:
            self._own = own
            self.update()

    @staticmethod
    def _standing(trial: Trial, cells: int) -> Longs:
        """How many of the alarms stand in each cell of the span."""
        span = max(trial.to_ms - trial.from_ms, 1)
        change = np.zeros(cells + 1, np.int64)
        for one in trial.firings:
            ends = one.cleared_ms or trial.to_ms
            first = min(cells * (one.raised_ms - trial.from_ms) // span, cells - 1)
            last = min(cells * (ends - trial.from_ms) // span, cells - 1)
            change[first] += 1
            change[last + 1] -= 1
        return np.cumsum(change)[:cells]

    def sizeHint(self) -> QSize:
        return QSize(theme().px(300), theme().px(48))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, theme().px(48))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, trial = theme(), self._trial
        painter = QPainter(self)
        track = QRectF(0, 4, self.width() - 1, look.px(22))
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("bg.inset"))
        painter.drawRect(track)
        if trial is not None:
            ink = look.colour("chart.trace1" if self._own else "text.disabled")
            counts = self._standing(trial, max(int(track.width()) // 2, 1))
            room, most = track.height() - 4, float(counts.max(initial=1.0)) or 1.0
            for n in np.flatnonzero(counts).tolist():
                tall = max(3.0, room * float(counts[n]) / most)
                painter.fillRect(QRectF(2.0 * n, track.bottom() - tall, 2.0, tall), ink)
            painter.setPen(look.colour("text.secondary"))
            painter.setFont(look.font("tick"))
            below = QRectF(0, track.bottom() + 2, self.width(), look.px(18))
            painter.drawText(below, _LEFT, numbers.day(trial.from_ms))
            painter.drawText(below, _RIGHT, numbers.day(trial.to_ms))
            if not self._own:
                words = tr("times are those of {t} {u}", t=f"{trial.threshold:.6g}", u=trial.unit)
                middle = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
                painter.drawText(below, middle, words.strip())
        painter.end()


class SweepBars(Canvas):
    """One bar for each tried threshold: how often it would have fired, a dot for each it caught."""

    picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: tuple[Step, ...] = ()
        self._at = 0

    def show_steps(self, steps: tuple[Step, ...]) -> None:
        self._steps = steps
        self.update()

    def show_at(self, at: int) -> None:
        """The step where the slider stands."""
        if at != self._at:
            self._at = at
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme().px(300), theme().px(92))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, theme().px(92))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._steps:
            share = event.position().x() / max(self.width(), 1)
            self.picked.emit(min(int(share * len(self._steps)), len(self._steps) - 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setFont(look.font("tick"))
        count = max(len(self._steps), 1)
        wide, foot = self.width() / count, look.px(18)
        most = max((s.outcome.fired for s in self._steps if s.outcome), default=0) or 1
        room = self.height() - foot - look.px(18)
        every = max(1, round(look.px(44) / max(wide, 1)))
        for n, step in enumerate(self._steps):
            here = n == self._at
            cell = QRectF(n * wide + 2, 0, wide - 4, self.height() - foot)
            tone = look.colour("text.primary" if here else "text.secondary")
            painter.setPen(tone)
            label = QRectF(n * wide - 20, cell.bottom(), wide + 40, foot)
            middle = Qt.AlignmentFlag.AlignHCenter
            if here or (n % every == 0 and abs(n - self._at) >= every):
                painter.drawText(label, middle | Qt.AlignmentFlag.AlignVCenter,
                                 f"{step.threshold:.4g}")  # fmt: skip
            if step.outcome is None:
                painter.drawText(cell, middle | Qt.AlignmentFlag.AlignBottom, "?")
                continue
            # square root: one of a thousand still shows
            tall = room * (step.outcome.fired / most) ** 0.5
            bar = QRectF(cell.left(), cell.bottom() - tall, cell.width(), max(tall, 1.0))
            ink = look.colour("action.primary" if here else "line.strong")
            painter.fillRect(bar, ink)
            if step.outcome.repairs:
                share = f"{step.outcome.caught}/{step.outcome.repairs}"
                above = QRectF(cell.left() - 8, bar.top() - foot, cell.width() + 16, foot)
                if wide > look.px(22):
                    painter.drawText(above, middle | Qt.AlignmentFlag.AlignVCenter, share)
        painter.end()


class ThresholdTrend(Canvas):
    """The last day's values with the threshold as a line; a drag moves it (the slider by key)."""

    moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.trace = Trace()
        self.threshold: float | None = None
        self.span = (0, 1)
        self.limits = (-1.0, 1.0)
        """lowest and highest that is drawn"""
        self.unit = ""
        self.setCursor(Qt.CursorShape.SplitVCursor)

    def sizeHint(self) -> QSize:
        return QSize(theme().px(300), theme().px(140))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, theme().px(120))

    def show_trace(self, trace: Trace, first: int, last: int, unit: str) -> None:
        self.trace, self.span, self.unit = trace, (first, last), unit
        self.limits = self._fit()
        self.show_threshold(self.threshold)

    def show_threshold(self, threshold: float | None) -> None:
        self.threshold = threshold
        low, high = self.limits
        slack = 0.01 * (high - low)  # the numbers of the slider are rounded
        if threshold is not None and not low - slack <= threshold <= high + slack:
            pad = 0.1 * (max(high, threshold) - min(low, threshold))
            self.limits = min(low, threshold - pad), max(high, threshold + pad)
        self.update()

    def _fit(self) -> tuple[float, float]:
        """The values with a margin; around the threshold where there are none."""
        known = np.concatenate([self.trace.low, self.trace.high])
        known = known[np.isfinite(known)]
        if not len(known):
            middle = self.threshold or 0.0
            return middle - 1.0, middle + 1.0
        low, high = float(known.min()), float(known.max())
        pad = 0.15 * (high - low) or abs(high) * 0.1 or 1.0
        return low - pad, high + pad

    def _box(self) -> QRectF:
        return QRectF(0, 2, self.width() - 1, self.height() - theme().px(20))

    def _y(self, value: float) -> float:
        box, (low, high) = self._box(), self.limits
        return float(box.bottom() - box.height() * (value - low) / (high - low))

    def _drag(self, event: QMouseEvent) -> None:
        box, (low, high) = self._box(), self.limits
        share = (box.bottom() - event.position().y()) / max(box.height(), 1.0)
        value = low + min(max(share, 0.0), 1.0) * (high - low)
        self.moved.emit(value)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._drag(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        look, box = theme(), self._box()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("chart.grid"), 1))
        painter.setBrush(look.colour("chart.plot"))
        painter.drawRect(box)
        painter.setFont(look.font("tick"))
        first, last = self.span
        t = self.trace.time_ms
        if len(t):
            x = box.left() + box.width() * (t - first) / max(last - first, 1)
            low, high = self.limits
            y = box.bottom() - box.height() * (self.trace.value - low) / (high - low)
            painter.setPen(QPen(look.colour("chart.trace1"), 1))
            good = np.isfinite(y)
            edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False]))))
            for a, b in zip(edges[::2], edges[1::2], strict=True):
                pairs = zip(x[a:b].tolist(), y[a:b].tolist(), strict=True)
                painter.drawPolyline(QPolygonF([QPointF(*pair) for pair in pairs]))
        else:
            painter.setPen(look.colour("text.muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, tr("no values of the last day"))
        if self.threshold is not None:
            level = self._y(self.threshold)
            painter.setPen(QPen(look.colour("text.primary"), 2, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(box.left(), level), QPointF(box.right(), level))
        painter.setPen(look.colour("text.secondary"))
        foot = QRectF(0, box.bottom() + 2, self.width(), look.px(18))
        painter.drawText(foot, _LEFT, tr("24 h ago"))
        painter.drawText(foot, _RIGHT, tr("now"))
        painter.end()
