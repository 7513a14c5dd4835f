"""How hands move a chart: drag to zoom, wheel, Alt and drag to move, clicks for cursors."""

from __future__ import annotations

from typing import Any, Final

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

DRAG_PX: Final = 4.0


class HandledPlot(pg.PlotWidget):  # type: ignore[misc]
    """Tells what was done with the pointer, as times; it moves nothing by itself."""

    cursor_moved = Signal(object)
    span_chosen = Signal(object, object)
    """a stretch was dragged out: from and to, ms"""
    panned = Signal(object)
    """moved by so many ms"""
    zoomed = Signal(float, object)
    """factor, and the time that stays where it is"""
    picked = Signal(object, bool)
    """a time was clicked; true for the second cursor"""
    stepped_back = Signal()

    def __init__(self, parent: QWidget | None, axes: dict[str, Any]) -> None:
        self.rubber: tuple[int, int] | None = None
        """the stretch that is being dragged out"""
        self._pressed: tuple[float, int, bool] | None = None
        super().__init__(parent, axisItems=axes, enableMenu=False)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        self.setAcceptDrops(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.getViewBox().setDefaultPadding(0.0)
        self.scene().sigMouseMoved.connect(self._moved)

    def rubber_changed(self) -> None:
        """Paints the dragged stretch anew."""

    def ms_at(self, x: float) -> int:
        """The time under a widget x."""
        where = self.getViewBox().mapSceneToView(self.mapToScene(round(x), 0))
        return round(float(where.x()) * 1000)

    def _moved(self, where: QPointF) -> None:
        view = self.getViewBox()
        if view.sceneBoundingRect().contains(where):
            self.cursor_moved.emit(round(view.mapSceneToView(where).x() * 1000))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            x = event.position().x()
            pans = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
            self._pressed = (x, self.ms_at(x), pans)
            event.accept()
        elif event.button() == Qt.MouseButton.MiddleButton:
            x = event.position().x()
            self._pressed = (x, self.ms_at(x), True)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if self._pressed is None:
            return
        x, ms, pans = self._pressed
        if pans:
            self.panned.emit(ms - self.ms_at(event.position().x()))
        elif abs(event.position().x() - x) > DRAG_PX:
            self.rubber = (ms, self.ms_at(event.position().x()))
            self.rubber_changed()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed, span = self._pressed, None, self.rubber
        self.rubber = None
        self.rubber_changed()
        if pressed is None or pressed[2]:
            return
        if span is not None:
            self.span_chosen.emit(min(span), max(span))
        elif event.button() == Qt.MouseButton.LeftButton:
            second = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.picked.emit(pressed[1], second)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.stepped_back.emit()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = event.angleDelta().y()
        if turns:
            self.zoomed.emit(0.8 if turns > 0 else 1.25, self.ms_at(event.position().x()))
        event.accept()

    def leaveEvent(self, event: object) -> None:
        super().leaveEvent(event)
        self.cursor_moved.emit(None)
