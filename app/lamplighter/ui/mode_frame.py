"""The frame that cannot be missed: solid in replay, dashed in scenario, none in live."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QPushButton, QWidget

from lamplighter.ui import numbers
from lamplighter.ui.parts import Canvas, button
from lamplighter.ui.theme import theme
from lamplighter.ui.time_model import Mode, TimeModel
from lamplighter.ui.words import tr

BORDER: Final = 8
TOP: Final = 40


class ModeFrame(Canvas):
    """Lies over the whole window and lets every click through."""

    def __init__(self, time: TimeModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._time = time
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.back = button(tr("L  Back to live"), parent=parent)
        self.back.setObjectName("frameLive")
        self.back.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.back.hide()
        parent.installEventFilter(self)
        time.changed.connect(self.refresh)
        self.refresh()

    def margins(self) -> tuple[int, int, int, int]:
        """What the window keeps free for the frame: left, top, right, bottom."""
        if self._time.mode is Mode.REPLAY:
            return BORDER, TOP, BORDER, BORDER
        if self._time.mode is Mode.SCENARIO:
            return BORDER, BORDER, BORDER, BORDER
        return 0, 0, 0, 0

    def refresh(self) -> None:
        self.setVisible(self._time.mode is not Mode.LIVE)
        self.setAccessibleName(self.words())
        self.raise_()
        self.back.setVisible(self._time.mode is Mode.REPLAY)
        self._place()
        self.update()

    def _place(self) -> None:
        """The way back to live stands on the frame, and can be clicked."""
        self.back.adjustSize()
        self.back.move(self.width() - self.back.width() - 16, (TOP - self.back.height()) // 2)
        self.back.raise_()

    def words(self) -> str:
        if self._time.mode is Mode.REPLAY:
            return tr("REPLAY {t}", t=numbers.clock(self._time.now_ms))
        return tr("SCENARIO") if self._time.mode is Mode.SCENARIO else ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
            self.raise_()
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._time.mode is Mode.REPLAY:
            self._paint_replay(painter)
        elif self._time.mode is Mode.SCENARIO:
            self._paint_dashed(painter)
        painter.end()

    def _paint_replay(self, painter: QPainter) -> None:
        look = theme()
        ink = look.colour("mode.replay")
        width, height = self.width(), self.height()
        for box in (
            QRectF(0, 0, width, TOP),
            QRectF(0, 0, BORDER, height),
            QRectF(width - BORDER, 0, BORDER, height),
            QRectF(0, height - BORDER, width, BORDER),
        ):
            painter.fillRect(box, ink)
        on = look.colour("mode.onMode")
        font = QFont(look.font("title"))
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
        left = _words(painter, 20, self.words(), font, on)
        known = tr("As known then") if self._time.as_known else tr("Truth now")
        left = _words(painter, left + 16, known, look.font("bodyStrong"), on)
        if width > 1100:
            words = (
                tr("{day}, only what had been recorded by {t}")
                if self._time.as_known
                else tr("{day}, with everything recorded about {t} until now")
            )
            now_ms = self._time.now_ms
            sentence = words.format(day=numbers.day(now_ms), t=numbers.clock(now_ms))
            _words(painter, left + 16, sentence, look.font("body"), on)
        painter.setFont(look.font("bodyStrong"))
        text = tr("Commands locked")
        box = QRectF(width / 2, 0, width / 2 - self.back.width() - 32, TOP)
        painter.setPen(on)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_dashed(self, painter: QPainter) -> None:
        look = theme()
        pen = QPen(look.colour("mode.scenario"), BORDER)
        pen.setDashPattern([3, 1.5])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        half = BORDER / 2
        painter.drawRect(QRectF(self.rect()).adjusted(half, half, -half, -half))


def _words(painter: QPainter, left: float, text: str, font: QFont, ink: QColor) -> float:
    painter.setFont(font)
    painter.setPen(ink)
    width = painter.fontMetrics().horizontalAdvance(text)
    align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(QRectF(left, 0, width + 4, TOP), align, text)
    return left + width


def lock(widget: QPushButton, time: TimeModel) -> str:
    """Locks a command button outside live; returns the reason, empty when free."""
    reason = ""
    if time.mode is Mode.REPLAY:
        reason = tr("Locked in replay: the past cannot be operated. Press L to go back to live.")
    elif time.mode is Mode.SCENARIO:
        reason = tr("Locked in scenario: only the live city can be operated. Press L.")
    widget.setEnabled(not reason)
    widget.setToolTip(reason)
    return reason
