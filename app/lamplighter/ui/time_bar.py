"""The time bar: mode, transport and a day of the record to move in."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QMenu, QPushButton, QWidget

from lamplighter.domain.alarm import AlarmState
from lamplighter.ui import numbers
from lamplighter.ui.desk import Desk
from lamplighter.ui.glyphs import draw_glyph, icon
from lamplighter.ui.parts import Canvas, Text, button, row
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode
from lamplighter.ui.words import tr

HOUR: Final = 3_600_000
SPEEDS: Final = (1, 10, 60, 600)


class Track(Canvas):
    """Recorded time as a bar with alarm glyphs above and hours below; click seeks, drag scrubs."""

    go_to = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.span_ms = 24 * HOUR
        self.setMouseTracking(True)
        self.setMinimumWidth(260)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Time track"))
        self._gaps: tuple[tuple[int, int], ...] = ()
        self._origin_ms = 0

    def set_gaps(self, gaps: tuple[tuple[int, int], ...]) -> None:
        self._gaps = gaps
        self.update()

    def window(self) -> tuple[int, int]:  # type: ignore[override]
        """Shown span: the live position stands at 95 %."""
        end = self._desk.time.wall_ms + round(self.span_ms * 0.05)
        return end - self.span_ms, end

    def x_of(self, ms: int) -> float:
        first, last = self.window()
        return 8 + (ms - first) / (last - first) * (self.width() - 16)

    def ms_of(self, x: float) -> int:
        first, last = self.window()
        return round(first + (x - 8) / max(1, self.width() - 16) * (last - first))

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
        wall_x = self.x_of(time.wall_ms)
        start_x = max(bar.left(), self.x_of(time.first_ms)) if time.first_ms else wall_x
        painter.fillRect(
            QRectF(start_x, bar.top(), wall_x - start_x, 10), look.colour("line.strong")
        )
        for first, last in self._gaps:
            hatch = QRectF(self.x_of(first), bar.top(), self.x_of(last) - self.x_of(first), 10)
            painter.fillRect(hatch, look.colour("bg.inset"))
            painter.setBrush(look.colour("chart.gap"))
            painter.fillRect(hatch, Qt.BrushStyle.BDiagPattern)
        self._paint_hours(painter, bar)
        self._paint_events(painter, bar)
        self._paint_handle(painter, bar, wall_x)
        painter.end()

    def _paint_hours(self, painter: QPainter, bar: QRectF) -> None:
        look = theme()
        first, last = self.window()
        step = next(
            s for s in (HOUR // 12, HOUR // 4, HOUR, 3 * HOUR, 6 * HOUR, 24 * HOUR, 96 * HOUR * 10)
            if self.span_ms / s <= 10
        )  # fmt: skip
        away = numbers.local(last).utcoffset()
        offset = round(away.total_seconds() * 1000) if away is not None else 0
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour("text.muted"))
        at = ((first + offset) // step + 1) * step - offset
        while at < last:
            x = self.x_of(at)
            painter.drawLine(QPointF(x, bar.bottom() + 2), QPointF(x, bar.bottom() + 5))
            text = numbers.clock_short(at) if self.span_ms <= 48 * HOUR else numbers.day(at)
            box = QRectF(x - 40, bar.bottom() + 5, 80, 14)
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, text)
            at += step

    def _paint_events(self, painter: QPainter, bar: QRectF) -> None:
        taken: list[float] = []
        skip = {AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
        alarms = sorted(self._desk.standing(), key=lambda a: a.priority)[:400]
        for alarm in alarms:
            x = self.x_of(alarm.since_ms)
            if alarm.state in skip or not bar.left() <= x <= bar.right():
                continue
            if any(abs(x - t) < 16 for t in taken):
                continue
            taken.append(x)
            draw_glyph(painter, QPointF(x, bar.top() - 9), alarm.priority, size=12)

    def _paint_handle(self, painter: QPainter, bar: QRectF, wall_x: float) -> None:
        look, time = theme(), self._desk.time
        painter.setFont(look.font("tick", 600))
        ink = look.colour("action.primary")
        x, word = wall_x, tr("now")
        if time.mode is Mode.REPLAY:
            ink, x = look.colour("mode.replay"), self.x_of(time.now_ms)
            word = numbers.clock_short(time.now_ms)
            painter.setPen(QPen(look.colour("text.secondary"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(wall_x, bar.top() - 4), QPointF(wall_x, bar.bottom() + 4))
            live = tr("live {t}", t=numbers.clock_short(time.wall_ms))
            painter.setPen(look.colour("text.secondary"))
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

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._desk.time.replay(self.ms_of(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        ms = self.ms_of(event.position().x())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._desk.time.replay(ms)
        else:
            near = [
                f"{numbers.clock(a.since_ms)} {self._desk.city.name(a.asset)}: {a.text}"
                for a in self._desk.standing()
                if abs(self.x_of(a.since_ms) - event.position().x()) <= 5
            ]
            self.setToolTip("\n".join([f"{numbers.day(ms)} {numbers.clock(ms)}", *near[:3]]))

    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 0.5 if event.angleDelta().y() > 0 else 2.0
        self.span_ms = round(min(720 * HOUR, max(HOUR, self.span_ms * factor)))
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(tr("Go to time…"), self.go_to.emit)
        menu.addAction(
            tr("Replay from here"), lambda: self._desk.time.replay(self.ms_of(event.x()))
        )
        menu.addAction(tr("Back to live\tL"), self._desk.time.live)
        for hours in (1, 6, 24, 168, 720):
            text = tr("Show {n} h", n=hours) if hours < 48 else tr("Show {n} d", n=hours // 24)
            menu.addAction(text, lambda h=hours: self._zoom(h))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def _zoom(self, hours: int) -> None:
        self.span_ms = hours * HOUR
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(600, 62)


class TimeBar(QFrame):
    """64 px: Live | Replay | Scenario, transport, track and the step help."""

    go_to = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeBar")
        self._desk = desk
        self.track = Track(desk)
        self.track.go_to.connect(self.go_to)
        self._modes: dict[Mode, QPushButton] = {}
        self._group = QButtonGroup(self)
        segments = row(spacing=0)
        for mode, word, act in (
            (Mode.LIVE, tr("Live"), desk.time.live),
            (Mode.REPLAY, tr("Replay"), desk.time.replay),
            (Mode.SCENARIO, tr("Scenario"), desk.time.scenario),
        ):
            made = button(word, act, kind="segment")
            made.setCheckable(True)
            made.setProperty("mode", mode.value)
            self._group.addButton(made)
            self._modes[mode] = made
            segments.addWidget(made)
        self._back = self._transport(
            "back", tr("Ten steps back (Shift+,)"), lambda: self._step(-10)
        )
        self._play = self._transport("pause", tr("Pause or play"), self.play_or_pause)
        self._forward = self._transport("forward", tr("Ten steps forward (Shift+.)"),
                                        lambda: self._step(10))  # fmt: skip
        self._speed = button("1×", self._faster, kind="flat", tip=tr("Speed of the replay"))
        self._known = button("", desk.time.swap_known, kind="flat",
                             tip=tr("As known then, or with what arrived later (T)"))  # fmt: skip
        self._live = button(tr("L  Back to live"), desk.time.live)
        self._help = Text("", "caption", "secondary")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(8)
        layout.addLayout(segments)
        for widget in (self._back, self._play, self._forward, self._speed, self._known, self._live):
            layout.addWidget(widget)
        layout.addWidget(self.track, 1)
        layout.addWidget(self._help)
        self._runner = QTimer(self)
        self._runner.setInterval(250)
        self._runner.timeout.connect(self._run)
        desk.time.changed.connect(self.refresh)
        desk.alarms_changed.connect(self.track.update)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.refresh()

    def _transport(self, icon_name: str, tip: str, act: object) -> QPushButton:
        return button("", act, kind="flat", icon_name=icon_name, tip=tip)  # type: ignore[arg-type]

    def refresh(self) -> None:
        """After the mode or the moment changed."""
        time = self._desk.time
        self._modes[time.mode].setChecked(True)
        replay = time.mode is Mode.REPLAY
        self._speed.setVisible(replay)
        self._known.setVisible(replay)
        self._known.setText(tr("T  As known then") if time.as_known else tr("T  Truth now"))
        self._live.setVisible(time.mode is not Mode.LIVE)
        if not replay:
            self._runner.stop()
        self._play.setIcon(icon("pause" if self._runner.isActive() or not replay else "play"))
        hours = self.track.span_ms // HOUR
        if replay:
            self._help.setText(tr("Step , .  ·  ten times Shift  ·  live L"))
        else:
            self._help.setText(tr("{n} h shown · drag, or step with , .", n=hours))
        self.track.update()

    def narrow(self, is_narrow: bool) -> None:
        self._help.setVisible(not is_narrow)

    def play_or_pause(self) -> None:
        """Live: freezes at this moment. Replay: runs on, or stops."""
        time = self._desk.time
        if time.mode is not Mode.REPLAY:
            time.replay(time.wall_ms)
            return
        if self._runner.isActive():
            self._runner.stop()
        else:
            self._runner.start()
        self.refresh()

    def _step(self, steps: int) -> None:
        self._desk.time.step(steps)

    def _faster(self) -> None:
        time = self._desk.time
        time.speed = SPEEDS[(SPEEDS.index(time.speed) + 1) % len(SPEEDS)]
        self._speed.setText(f"{time.speed}×")

    def _run(self) -> None:
        time = self._desk.time
        at = time.now_ms + 250 * time.speed
        if at >= time.wall_ms:
            time.live()
        else:
            time.replay(at)

    def _restyle(self) -> None:
        self.setFixedHeight(theme().px(64))
        self._back.setIcon(icon("back"))
        self._forward.setIcon(icon("forward"))
