"""The 3D city for people: selection, the camera and its flights, hands, and the tools in front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, cast

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from lamplighter.ui.twin_flight import FLIGHT_MS, Flight
from lamplighter.ui.twin_hands import TwinHands
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_picture import TwinPicture

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_tools import ToolBelt

STILL_MS: Final = 180
PLACE_M: Final = 300.0
"""metres from which a place is looked at that has been typed"""


class TwinView(TwinPicture):
    """The city. Call `start()` once, later, from a timer; before that it is an empty widget."""

    asset_clicked = Signal(str)
    """an asset id; empty for the ground"""
    asset_hovered = Signal(str)
    pointed = Signal(object)
    """where the pointer rests in the view (QPointF), None when it has left"""
    next_abnormal = Signal()
    previous_abnormal = Signal()
    escape = Signal()
    refused = Signal(str)
    """why a tool of the view cannot be used now"""
    moved = Signal()
    """the camera stands elsewhere"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.tooltip_of: Callable[[str], str] | None = None
        self.belt: ToolBelt | None = None
        """the tools of the view, where it has some"""
        self.reduced_motion = False
        self._selected = ""
        self._hands = TwinHands(self)
        self._flight = Flight(self._move, self)
        self._still = self._timer(STILL_MS, self._come_to_rest, once=True)

    # ---------------------------------------------------------------- life
    def start(self) -> None:
        """Load VTK and make the GL widget. Raises RuntimeError where 3D cannot work."""
        if self._gl is None:
            super().start()
            self.go_home()

    def _shut(self) -> None:
        self._hands.stop()
        self._flight.end()
        self._still.stop()
        super()._shut()

    @property
    def pointer(self) -> QPointF:
        """Where the pointer was last seen in the view."""
        return self._hands.pointer

    # ---------------------------------------------------------------- flat marks
    def set_badges(self, badges: Sequence[Badge]) -> None:
        """Glyphs and labels over the city, most important first."""
        if tuple(badges) != self.overlay.badges:
            self.overlay.set_badges(badges)

    def set_path(self, names: Sequence[str], note: str = "") -> None:
        """The breadcrumb in the upper left corner and a note beside it."""
        if (tuple(names), note) != (self.overlay.path, self.overlay.note):
            self.overlay.path, self.overlay.note = tuple(names), note
            self.overlay.update()

    def set_legend(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Rows of (mark, colour role, words); marks are fill, faint, line and hatch."""
        if tuple(rows) != self.overlay.legend:
            self.overlay.legend = tuple(rows)
            self.overlay.update()

    def set_mode_frame(self, mode: str) -> None:
        """`live`, `replay`, `scenario` or `drill`; only the scenario has a frame of its own."""
        if mode != self.overlay.mode:
            self.overlay.mode = mode
            self.overlay.update()

    # ---------------------------------------------------------------- selection
    def select(self, asset: str | None, fly: bool = True) -> None:
        """Mark an asset; the camera flies only when it is outside the middle of the view."""
        self._selected = asset or ""
        self.overlay.selected = self._selected
        scene = self._scene
        if scene is None:
            return
        scene.select(asset or None)
        if asset and fly:
            anchor = scene.anchor(asset)
            if anchor is not None and not self._in_middle(anchor):
                self.fly_to(asset)
        self._request()

    def _in_middle(self, place: tuple[float, float, float]) -> bool:
        view = self._view()
        if view is None:
            return True
        (pixels,), (ahead,), _ = view.to_pixels([place])
        x, y = pixels[0] / max(view.width, 1), pixels[1] / max(view.height, 1)
        return bool(ahead) and 0.1 <= x <= 0.9 and 0.1 <= y <= 0.9

    def fly_to(self, asset: str) -> bool:
        """Fly to an asset; False when it has no place."""
        pose = self._scene.asset_pose(asset) if self._scene is not None else None
        if pose is None:
            return False
        self.fly(pose)
        return True

    def fly_to_place(self, x: float, y: float, z: float | None = None) -> None:
        """Fly to a place in local metres, seen from a little way off."""
        from dataclasses import replace

        if self._scene is not None:
            pose = self._scene.pose
            near = min(pose.distance, PLACE_M)
            height = pose.focus[2] if z is None else z
            self.fly(replace(pose, focus=(x, y, height), distance=near))

    def fly_over(self, x: float, y: float, metres: float = 1_200.0) -> None:
        """Fly over a place in local metres, from where its surroundings are seen."""
        from dataclasses import replace

        if self._scene is not None:
            pose = self._scene.pose
            self.fly(replace(pose, focus=(x, y, pose.focus[2]), distance=metres))

    def fly(self, pose: Pose, lasts_ms: int = FLIGHT_MS) -> None:
        """Fly to a pose; any input ends the flight where it is."""
        scene = self._scene
        if scene is None:
            return
        self._touched = True
        if self.reduced_motion or not self.isVisible():
            self.go(pose)
            return
        self._flight.begin(scene.pose, pose, lasts_ms)

    def go_home(self) -> None:
        """The opening view."""
        if self._scene is not None:
            self._move(self._scene.home_pose())

    def toggle_plan(self) -> None:
        """Between the oblique view and the flat map."""
        from dataclasses import replace

        if self._scene is not None:
            pose = self._scene.pose
            self.go(replace(pose, plan=not pose.plan))

    def fit_all(self) -> None:
        """The whole city from the present direction."""
        from lamplighter.scene.camera import fit

        if self._scene is not None:
            self.fly(fit(self._scene.extent, self._scene.pose))

    def fly_home(self) -> None:
        """Fly to the opening view."""
        if self._scene is not None:
            self.fly(self._scene.home_pose())

    def fit_selected(self) -> None:
        """Fly to the selected asset; without one, to where all of the city is seen."""
        if not (self._selected and self.fly_to(self._selected)):
            self.fit_all()

    # ---------------------------------------------------------------- for the tools
    @property
    def flying(self) -> bool:
        """A flight is under way."""
        return self._flight.under_way

    @property
    def selected(self) -> str:
        """The selected asset; empty for none."""
        return self._selected

    def go(self, pose: Pose) -> None:
        """Stand there at once, without a flight."""
        self.end_flight()
        self._touched = True
        self._move(pose)

    def end_flight(self) -> None:
        """Stay where the camera is."""
        self._flight.end()

    def say(self, why: str) -> None:
        """Tell why a tool cannot be used."""
        self.refused.emit(why)

    # ---------------------------------------------------------------- moving and resting
    def _move(self, pose: Pose) -> None:
        if self._scene is None:
            return
        if not self._half and self.budget.slow:
            self._reduce(True)
        if self._half:
            self._scene.set_budget(self.budget.moving_triangles, self.height())
        self._scene.move(pose)
        self._still.start()
        self._request()
        self.moved.emit()

    def _come_to_rest(self) -> None:
        if not self._flight.under_way and not self._hands.dragging:
            if self._half:
                self._reduce(False)
                self._request()
            if self._scene is not None and self._scene.settle():
                self._request()
            self._follow()
        else:
            self._still.start()

    # ---------------------------------------------------------------- input
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The GL widget's input is ours; VTK's own interaction never sees it."""
        kind = event.type()
        if watched is not self._gl:
            return False
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonPress:
                self._hands.pressed(event)
            elif kind == QEvent.Type.MouseMove:
                self._hands.moved(event)
            elif kind == QEvent.Type.MouseButtonRelease:
                self._hands.released(event)
            elif kind == QEvent.Type.MouseButtonDblClick:
                self._hands.double_clicked(event)
            return True
        if isinstance(event, QWheelEvent):
            self._hands.wheeled(event)
            return True
        if kind == QEvent.Type.Leave:
            self._hands.left()
        return kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.Enter)

    def event(self, event: QEvent) -> bool:
        """Keys that the tool in front needs come here although they are shortcuts elsewhere."""
        override = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if override and self._hands.wants(cast("QKeyEvent", event)):
            event.accept()
            return True
        return super().event(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not self._hands.key_up(event):
            super().keyReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._hands.key(event):
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        reasons = (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
            Qt.FocusReason.ShortcutFocusReason,
        )
        self.overlay.focused = event.reason() in reasons
        self.overlay.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._hands.focus_lost()
        self.overlay.focused = False
        self.overlay.update()
        super().focusOutEvent(event)


def make(desk: Desk, parent: QWidget) -> QWidget:
    """The 3D view bound to the window's state (see `twin_desk`)."""
    from lamplighter.ui.twin_desk import make as make_bound

    return make_bound(desk, parent)
