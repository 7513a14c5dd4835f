"""How hands move the 3D city: drag, wheel, click, hover and keys, or the tool that is in front.

It decides what was meant and tells the view; where the camera stands is the view's own business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QMimeData, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QDrag, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip

from lamplighter.ui.asset_tree import ASSET_MIME

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose
    from lamplighter.ui.twin_tools import Tool
    from lamplighter.ui.twin_view import TwinView

HOVER_MS: Final = 40
TOOLTIP_MS: Final = 300
CLICK_PX: Final = 4.0
WAYS: Final[dict[int, tuple[int, int]]] = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, 1),
    Qt.Key.Key_Down: (0, -1),
}
"""arrow keys as (right, ahead)"""


class TwinHands(QObject):
    """Pointer and keys of one view."""

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self.view = view
        self.pointer = QPointF()
        """where the pointer was last seen in the view"""
        self.hovered = ""
        """the asset under the resting pointer; empty for none"""
        self._drag: tuple[QPointF, Pose, Qt.MouseButton] | None = None
        self._dragged = False
        self._taken = False
        self._look = QTimer(self, interval=HOVER_MS, singleShot=True)
        self._look.timeout.connect(self.hover)
        self._tip = QTimer(self, interval=TOOLTIP_MS, singleShot=True)
        self._tip.timeout.connect(self._show_tip)

    @property
    def dragging(self) -> bool:
        """A button is held down."""
        return self._drag is not None

    @property
    def _tool(self) -> Tool | None:
        return self.view.belt.front if self.view.belt is not None else None

    def stop(self) -> None:
        """Nothing comes later from what the pointer did."""
        self._look.stop()
        self._tip.stop()

    # ---------------------------------------------------------------- pointer
    def pressed(self, event: QMouseEvent) -> None:
        """A button went down."""
        view = self.view
        view.setFocus(Qt.FocusReason.MouseFocusReason)
        self.pointer = event.position()
        view.end_flight()
        if view.scene is not None:
            tool = self._tool
            mine = tool is not None and (
                event.button() == Qt.MouseButton.LeftButton or tool.every_button
            )
            self._taken = bool(mine and tool is not None and tool.pressed(event.position()))
            self._drag = (event.position(), view.scene.pose, event.button())
            self._dragged = False

    def moved(self, event: QMouseEvent) -> None:
        """The pointer moved, with a button down or without."""
        self.pointer = event.position()
        if self._taken and self._tool is not None:
            self._tool.dragged(event.position())
            return
        if self._drag is None:
            self._look.start()
            return
        from lamplighter.scene.camera import orbited, panned

        begun, pose, button = self._drag
        way = event.position() - begun
        if not self._dragged and abs(way.x()) + abs(way.y()) < CLICK_PX:
            return
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and self._carry(begun):
            return
        self._dragged = True
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if button == Qt.MouseButton.LeftButton and not shift and not pose.plan:
            self.view.go(orbited(pose, way.x() * 0.3, -way.y() * 0.25))
        else:
            size = pose.metres_per_pixel(self.view.height())
            lean = 1.0 if pose.plan else 1.0 / max(np.cos(np.radians(pose.tilt)), 0.25)
            self.view.go(panned(pose, -way.x() * size, way.y() * size * lean))

    def _carry(self, begun: QPointF) -> bool:
        """Alt and drag: the asset under the pointer goes along, for the trends or a list."""
        asset = self.view.pick(begun)
        if not asset:
            return False
        self._drag = None
        carried = QDrag(self.view)
        mime = QMimeData()
        mime.setData(ASSET_MIME, asset.encode())
        carried.setMimeData(mime)
        carried.exec(Qt.DropAction.CopyAction)
        return True

    def released(self, event: QMouseEvent) -> None:
        """A button went up: a click where nothing was dragged."""
        drag, self._drag = self._drag, None
        taken, self._taken = self._taken, False
        if taken and self._tool is not None:
            self._tool.dropped()
            return
        if drag is None or self._dragged:
            return
        second = event.button() == Qt.MouseButton.RightButton
        if self._tool is not None and self._tool.clicked(event.position(), second):
            return
        self.pointer = event.position()
        if event.button() == Qt.MouseButton.LeftButton:
            self.view.asset_clicked.emit(self.view.pick(event.position()))

    def double_clicked(self, event: QMouseEvent) -> None:
        """Fly to what was clicked twice."""
        if self._tool is not None and self._tool.double_clicked(event.position()):
            return
        asset = self.view.pick(event.position())
        if asset:
            self.view.fly_to(asset)

    def wheeled(self, event: QWheelEvent) -> None:
        """Nearer or farther."""
        event.accept()
        if self._tool is not None and self._tool.wheeled(event.angleDelta().y() / 120.0):
            return
        self._zoom(1.0015 ** event.angleDelta().y())

    def _zoom(self, factor: float) -> None:
        from lamplighter.scene.camera import zoomed

        if self.view.scene is not None:
            self.view.go(zoomed(self.view.scene.pose, factor))

    # ---------------------------------------------------------------- hover
    def hover(self) -> None:
        """See what the pointer rests on."""
        self.view.pointed.emit(self.pointer)
        if not self.dragging and self._tool is not None and self._tool.hovered(self.pointer):
            self._hovering("")
            return
        self._hovering("" if self.dragging else self.view.pick(self.pointer))

    def left(self) -> None:
        """The pointer is outside the view."""
        self._look.stop()
        self._hovering("")
        self.view.pointed.emit(None)

    def _hovering(self, asset: str) -> None:
        if asset == self.hovered:
            return
        self.hovered = asset
        self.view.outline(asset)
        self.view.asset_hovered.emit(asset)
        QToolTip.hideText()
        if asset and self.view.tooltip_of is not None:
            self._tip.start()
        else:
            self._tip.stop()

    def _show_tip(self) -> None:
        if self.hovered and self.view.tooltip_of is not None:
            words = self.view.tooltip_of(self.hovered)
            QToolTip.showText(self.view.mapToGlobal(self.pointer.toPoint()), words, self.view)

    # ---------------------------------------------------------------- keys
    def wants(self, event: QKeyEvent) -> bool:
        """Whether the tool in front needs a key that is a shortcut elsewhere."""
        return self._tool is not None and self._tool.wants(event)

    def focus_lost(self) -> None:
        """No key up will come any more."""
        if self._tool is not None:
            self._tool.focus_lost()

    def key_up(self, event: QKeyEvent) -> bool:
        """Whether the key was the tool's."""
        return self._tool is not None and self._tool.key_up(event)

    def key(self, event: QKeyEvent) -> bool:
        """Do what the key means in the city; False when it means nothing here."""
        view = self.view
        if view.scene is None:
            return False
        if self._tool is not None and self._tool.key(event):
            return True
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        pressed = event.key()
        if pressed in WAYS:
            self._step(*WAYS[pressed], pans=shift or view.scene.pose.plan)
            return True
        key = Qt.Key
        calls: dict[int, Callable[[], object]] = {
            key.Key_Plus: lambda: self._zoom(1.25),
            key.Key_Equal: lambda: self._zoom(1.25),
            key.Key_Minus: lambda: self._zoom(0.8),
            key.Key_Home: view.fly_home,
            key.Key_F: view.fit_selected,
            key.Key_P: view.toggle_plan,
            key.Key_N: view.previous_abnormal.emit if shift else view.next_abnormal.emit,
            key.Key_Return: self._choose,
            key.Key_Enter: self._choose,
            key.Key_Escape: view.escape.emit,
        }
        call = calls.get(pressed)
        if call is None:
            return False
        call()
        return True

    def _step(self, right: int, ahead: int, pans: bool) -> None:
        from lamplighter.scene.camera import orbited, panned

        if self.view.scene is None:
            return
        pose = self.view.scene.pose
        if pans:
            step = pose.distance * 0.06
            self.view.go(panned(pose, right * step, ahead * step))
        else:
            self.view.go(orbited(pose, -5.0 * right, 4.0 * ahead))

    def _choose(self) -> None:
        self.view.asset_clicked.emit(self.hovered or self.view.selected)
