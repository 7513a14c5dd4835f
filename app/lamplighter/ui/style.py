"""Fusion with a focus ring that is drawn for the keyboard only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QPainter, QPen
from PySide6.QtWidgets import QApplication, QProxyStyle, QPushButton, QStyle, QStyleOption, QWidget

if TYPE_CHECKING:
    from lamplighter.ui.theme import Theme

_BY_KEY = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class LamplighterStyle(QProxyStyle):
    """Draws the ring of design section 8 where Fusion would draw a dotted frame."""

    def __init__(self, theme: Theme) -> None:
        super().__init__("Fusion")
        self.setObjectName("lamplighter")
        self._theme = theme
        self._watch = _FocusWatch()
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self._watch)

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if element != QStyle.PrimitiveElement.PE_FrameFocusRect:
            super().drawPrimitive(element, option, painter, widget)
            return
        if not self._watch.by_key:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self._theme.stroke("focus")
        painter.setPen(QPen(self._theme.colour("action.focus"), width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = width / 2
        # of a button its edge: around its words alone the ring would cut them
        edge = widget.rect() if isinstance(widget, QPushButton) else option.rect
        painter.drawRoundedRect(QRectF(edge).adjusted(half, half, -half, -half), 4, 4)
        inner = width + 0.5  # a gap tells the ring from a button as bright as it
        painter.setPen(QPen(self._theme.colour("action.focusGap"), 1))
        painter.drawRoundedRect(QRectF(edge).adjusted(inner, inner, -inner, -inner), 3, 3)
        painter.restore()

    def pixelMetric(
        self,
        metric: QStyle.PixelMetric,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
    ) -> int:
        if metric == QStyle.PixelMetric.PM_SplitterWidth:
            return 8
        return int(super().pixelMetric(metric, option, widget))

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        data: object = None,
    ) -> int:
        if hint == QStyle.StyleHint.SH_ToolTip_WakeUpDelay:
            return 300
        return int(super().styleHint(hint, option, widget))


class _FocusWatch(QObject):
    """Remembers whether the last change of focus came from a key."""

    def __init__(self) -> None:
        super().__init__()
        self.by_key = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn and isinstance(event, QFocusEvent):
            self.by_key = event.reason() in _BY_KEY
        return False
