"""The 3D city as a widget: mouse, keys, flights, loading, picking, and the flat marks over it.

Data frames and camera moves are separate renders; both go through `update()` of the GL widget, so
Qt never draws one picture twice. VTK is loaded by `start()`, after the window's first paint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDrag,
    QFocusEvent,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from lamplighter.domain.layers import LayerView
from lamplighter.domain.wire import City
from lamplighter.scene.states import StateTable
from lamplighter.ui.asset_tree import ASSET_MIME
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_budget import CostLine, FrameBudget, machine_file
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_overlay import TwinOverlay

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose, Projection
    from lamplighter.scene.city_scene import CityScene
    from lamplighter.scene.probe import Probe
    from lamplighter.ui.desk import Desk
    from lamplighter.ui.twin_stream import TileStream
    from lamplighter.ui.twin_tools import Tool, ToolBelt

PLATFORMS: Final = ("xcb", "wayland", "windows", "cocoa")
STILL_MS: Final = 180
HOVER_MS: Final = 40
TOOLTIP_MS: Final = 300
CLICK_PX: Final = 4.0
FLIGHT_MS: Final = 600
PLACE_M: Final = 300.0
"""metres from which a place is looked at that has been typed"""
TICK_MS: Final = 12
BREATH_MS: Final = 12
LOADING_S: Final = 0.4
"""seconds between pictures while tiles are loading"""
LOADING_FRAMES: Final = 6
"""and at least as many times as long as a picture takes"""
PATIENCE_MS: Final = 8_000
"""after this the 3D view counts as shown even if no city came"""


def gl_capable() -> bool:
    """Whether this platform can show OpenGL inside a window."""
    name = QGuiApplication.platformName()
    return any(name.startswith(known) for known in PLATFORMS)


class TwinView(QWidget):
    """The city. Call `start()` once, later, from a timer; before that it is an empty widget."""

    asset_clicked = Signal(str)
    """an asset id; empty for the ground"""
    asset_hovered = Signal(str)
    pointed = Signal(object)
    """where the pointer rests in the view (QPointF), None when it has left"""
    next_abnormal = Signal()
    previous_abnormal = Signal()
    escape = Signal()
    first_frame = Signal()
    """once: the whole city has been drawn"""
    loaded = Signal()
    """all tiles of the city are shown"""
    fault = Signal(object)
    """a `Problem`: a tile that could not be read"""
    refused = Signal(str)
    """why a tool of the view cannot be used now"""
    moved = Signal()
    """the camera stands elsewhere"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("City in 3D")
        self.overlay = TwinOverlay(self)
        self.overlay.project = self.project_badges
        self.cost = CostLine(self)
        self.overlay.marks.append(lambda _: self.cost.boxes())
        self.tooltip_of: Callable[[str], str] | None = None
        self.before_paint: Callable[[], None] | None = None
        """draws something of its own before each 3D frame"""
        self.unshift: Callable[[QPointF], QPointF] | None = None
        """where the pointer points in the 3D picture when that stands elsewhere"""
        self._grabbing = False
        self.belt: ToolBelt | None = None
        """the tools of the view, where it has some"""
        self._taken = False
        self._layer_view = LayerView()
        self.reduced_motion = False
        self.frame_ms = 0.0
        """how long the last 3D frame took"""
        self.frames = 0
        self._gl: Any = None
        self._scene: CityScene | None = None
        self._stream: TileStream | None = None
        self.budget = FrameBudget()
        """what a frame may take and what is left out for it"""
        self._city: City | None = None
        self._states = StateTable()
        self._selected = ""
        self._hovered = ""
        self._touched = False
        self._begun = 0.0
        self._complete = False
        self._told_first = False
        self._shown_at = 0.0
        self._half = False
        self._drag: tuple[QPointF, Pose, Qt.MouseButton] | None = None
        self._dragged = False
        self._pointer = QPointF()
        self._flight: tuple[Pose, Pose, float] | None = None
        self._flight_ms = FLIGHT_MS
        self.domains: tuple[str, ...] | None = None
        """domains whose lines are drawn; None for all"""
        self._anchors: dict[str, tuple[float, float, float] | None] = {}
        self._pulse = self._timer(TICK_MS, self._take_tile)
        self._still = self._timer(STILL_MS, self._come_to_rest, once=True)
        self._look = self._timer(HOVER_MS, self._hover_now, once=True)
        self._tip = self._timer(TOOLTIP_MS, self._show_tip, once=True)
        self._fly = self._timer(16, self._fly_on)
        self._patience = self._timer(PATIENCE_MS, self._tell_first, once=True)
        theme().changed.connect(self.set_theme)

    def _timer(self, interval: int, call: Callable[[], None], once: bool = False) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.setSingleShot(once)
        timer.timeout.connect(call)
        return timer

    # ---------------------------------------------------------------- life
    def start(self) -> None:
        """Load VTK and make the GL widget. Raises RuntimeError where 3D cannot work."""
        if self._gl is not None:
            return
        if not gl_capable():
            raise RuntimeError("this platform shows no OpenGL")
        import os

        os.environ.setdefault("QT_API", "pyside6")
        from pyvistaqt import QtInteractor

        from lamplighter.scene.city_scene import CityScene
        from lamplighter.scene.machine import known_machine
        from lamplighter.scene.theme import load_theme
        from lamplighter.ui.twin_stream import TileStream

        gl = QtInteractor(self, auto_update=False, multi_samples=0)
        gl.setAcceptDrops(False)
        gl.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        gl.iren.interactor.SetInteractorStyle(None)
        gl.installEventFilter(self)
        window: Any = gl.ren_win
        window.SetMultiSamples(0)
        window.AddObserver("StartEvent", self._frame_begins)
        window.AddObserver("EndEvent", self._frame_ends)
        gl.renderer.SetBackground2(0, 0, 0)
        gl.renderer.GradientBackgroundOff()
        self._gl = gl
        self._scene = CityScene(load_theme(theme().name), gl.renderer)
        self._scene.set_states(self._states)
        self._scene.set_layers(self._layer_view)
        self._stream = TileStream(self._scene, self.fault.emit)
        self.budget = FrameBudget(known_machine(machine_file(), window))
        self._scene.set_detail(self.budget.edges)
        gl.setGeometry(self.rect())
        gl.show()
        self.overlay.raise_()
        self.cost.raise_()
        if self._city is not None:
            self._show_city(self._city)
        self.go_home()
        self._patience.start()

    @property
    def pointer(self) -> QPointF:
        """Where the pointer was last seen in the view."""
        return self._pointer

    @property
    def scene(self) -> CityScene | None:
        """The scene once 3D has started."""
        return self._scene

    def close(self) -> bool:
        self._shut()
        return super().close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._shut()
        super().closeEvent(event)

    def _shut(self) -> None:
        for timer in (self._pulse, self._still, self._look, self._tip, self._fly, self._patience):
            timer.stop()
        if self._stream is not None:
            self._stream.stop()
            self._stream = None
        gl, self._gl = self._gl, None
        if self._scene is not None:
            self._scene.close()
        self._scene = None
        if gl is not None:
            gl.removeEventFilter(self)
            gl.close()

    # ---------------------------------------------------------------- what is shown
    def set_city(self, city: City) -> None:
        """Show a city: its tiles are loaded one by one, its assets at once."""
        self._city = city
        if self._scene is not None:
            self._show_city(city)

    def _show_city(self, city: City) -> None:
        assert self._stream is not None
        self._anchors.clear()
        if self._stream.show(city):
            self._complete = False
            self._pulse.start()
        self._request()

    def _follow(self) -> None:
        """Load what is to be seen from here."""
        if self._stream is not None:
            self._stream.follow()
            if self._stream.busy:
                self._pulse.start()

    def _take_tile(self) -> None:
        scene, stream = self._scene, self._stream
        if scene is None or stream is None:
            self._pulse.stop()
            return
        came, ended = stream.tick()
        if not came:
            return
        self._anchors.clear()
        if ended:
            self._pulse.stop()
            first, self._complete = not self._complete, True
            if first:
                self.loaded.emit()
        now = time.monotonic()
        wait = max(LOADING_S, LOADING_FRAMES * self.frame_ms / 1000.0)
        if not ended and now - self._shown_at < wait:
            return  # a frame for every tile would only slow the loading down
        self._shown_at = now
        if not self._touched:
            scene.move(scene.home_pose())
        scene.settle()
        self._request()
        if ended:
            self._follow()

    def set_states(self, states: StateTable) -> None:
        """Show a frame of states; call it at data frames only."""
        self._states = states
        if self._scene is not None and self._scene.set_states(states):
            # the frame itself in a turn of its own: the event loop breathes in between
            QTimer.singleShot(BREATH_MS, self._repaint_city)

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

    def set_theme(self) -> None:
        """Follow the window's theme."""
        if self._scene is not None:
            from lamplighter.scene.theme import load_theme

            self._scene.set_theme(load_theme(theme().name))
        self._request()

    def set_mode_frame(self, mode: str) -> None:
        """`live`, `replay`, `scenario` or `drill`; only the scenario has a frame of its own."""
        if mode != self.overlay.mode:
            self.overlay.mode = mode
            self.overlay.update()

    def show_networks(self, domains: Sequence[str] | None) -> None:
        """Only the lines of these domains; None shows all."""
        self.domains = None if domains is None else tuple(domains)
        if self._scene is not None:
            self._scene.show_networks(domains)
            self._request()

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

    def fly(self, pose: Pose, lasts_ms: int = FLIGHT_MS) -> None:
        """Fly to a pose; any input ends the flight where it is."""
        scene = self._scene
        if scene is None:
            return
        self._touched = True
        if self.reduced_motion or not self.isVisible():
            self._flight = None
            self._move(pose)
            return
        self._flight = (scene.pose, pose, time.monotonic())
        self._flight_ms = lasts_ms
        self._fly.start()

    def _fly_on(self) -> None:
        from lamplighter.scene.camera import between

        if self._flight is None:
            self._fly.stop()
            return
        start, end, begun = self._flight
        share = (time.monotonic() - begun) * 1000.0 / self._flight_ms
        self._move(between(start, end, share))
        if share >= 1.0:
            self._flight = None
            self._fly.stop()

    def go_home(self) -> None:
        """The opening view."""
        if self._scene is not None:
            self._move(self._scene.home_pose())

    def toggle_plan(self) -> None:
        """Between the oblique view and the flat map."""
        from dataclasses import replace

        if self._scene is not None:
            self._cancel_flight()
            self._touched = True
            pose = self._scene.pose
            self._move(replace(pose, plan=not pose.plan))

    def fit_all(self) -> None:
        """The whole city from the present direction."""
        from lamplighter.scene.camera import fit

        if self._scene is not None:
            self.fly(fit(self._scene.extent, self._scene.pose))

    # ---------------------------------------------------------------- for the tools
    @property
    def city(self) -> City | None:
        """What is shown."""
        return self._city

    @property
    def _tool(self) -> Tool | None:
        return self.belt.front if self.belt is not None else None

    def probe(self, at: QPointF) -> Probe | None:
        """The exact place under a place of the widget; None for the sky."""
        if self._scene is None:
            return None
        from lamplighter.scene.probe import probe

        if self.unshift is not None:
            at = self.unshift(at)
        return probe(self._scene, at.x(), at.y(), max(self.width(), 1), max(self.height(), 1))

    def pixels_of(self, places: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
        """Pixels (n, 2) of places in local metres; None when one is behind the eye."""
        view = self._view()
        if view is None:
            return None
        pixels, ahead, _ = view.to_pixels(places)
        return pixels if ahead.all() else None

    def places_on_screen(self, places: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
        """Pixels (n, 2) of places in local metres, NaN for those behind the eye."""
        view = self._view()
        if view is None:
            return None
        pixels, ahead, _ = view.to_pixels(places)
        return np.where(ahead[:, None], pixels, np.nan)

    def place_at_level(self, at: QPointF, level: float) -> tuple[float, float, float] | None:
        """Where the sight through a pixel meets a height; None when it never does."""
        view = self._view()
        if view is None:
            return None
        origin, way = view.ray(at.x(), at.y())
        if abs(way[2]) < 1e-3:
            return None
        x, y, z = (origin + way * ((level - origin[2]) / way[2])).tolist()
        return x, y, z

    @property
    def flying(self) -> bool:
        """A flight is under way."""
        return self._flight is not None

    @property
    def selected(self) -> str:
        """The selected asset; empty for none."""
        return self._selected

    def go(self, pose: Pose) -> None:
        """Stand there at once, without a flight."""
        self._cancel_flight()
        self._touched = True
        self._move(pose)

    def say(self, why: str) -> None:
        """Tell why a tool cannot be used."""
        self.refused.emit(why)

    def refresh_marks(self) -> None:
        """Draw the flat marks anew; the 3D picture stays."""
        self._refresh_overlay()

    def repaint_all(self) -> None:
        """Draw picture and marks anew after a tool changed the scene."""
        self._request()

    # ---------------------------------------------------------------- frames
    def _request(self) -> None:
        """One more 3D frame, and the flat marks with it."""
        if self._gl is None:
            return
        if self.before_paint is not None:
            self.before_paint()
        self._refresh_overlay()
        self._gl.update()

    def _repaint_city(self) -> None:
        """The 3D picture alone: the flat marks over it stand where they stood."""
        if self._gl is not None:
            if self.before_paint is not None:
                self.before_paint()
            self._gl.update()

    @property
    def gl(self) -> Any:
        """The widget of the 3D picture; None before it has started."""
        return self._gl

    @property
    def states(self) -> StateTable:
        """The states that are shown."""
        return self._states

    def grab_scene(self) -> QImage | None:
        """The 3D picture of the scene as it is now, without marks; costs a frame."""
        if self._gl is None:
            return None
        self._grabbing = True
        try:
            return cast("QImage", self._gl.grabFramebuffer())
        finally:
            self._grabbing = False

    def _refresh_overlay(self) -> None:
        scene = self._scene
        if scene is not None:
            from lamplighter.scene.camera import scale_bar

            self.overlay.heading = 0.0 if scene.pose.plan else scene.pose.heading
            walking = scene.pose.free  # near and far have no common scale there
            bar = scale_bar(scene.pose.metres_per_pixel(self.height()))
            self.overlay.scale = (0.0, 0) if walking else bar
            self.overlay.hull = self._hull(self._hovered)
        self.overlay.update()

    def _frame_begins(self, *_: object) -> None:
        self._begun = time.perf_counter()

    def _frame_ends(self, *_: object) -> None:
        if self._grabbing:
            return
        self.frame_ms = (time.perf_counter() - self._begun) * 1000.0
        if self._half:
            self.budget.moved(self.frame_ms)
        elif self._complete and self._scene is not None:
            if self.budget.rested(self.frame_ms):
                self._scene.set_detail(self.budget.edges)
                self._reduce(False)
            self.cost.tell(self.budget)
        self.frames += 1
        if self._complete or (self._stream is not None and self._stream.covered):
            self._tell_first()

    def _tell_first(self) -> None:
        """Once: the city has been drawn, or there was none to draw for a while."""
        if not self._told_first:
            self._told_first = True
            QTimer.singleShot(0, self.first_frame.emit)

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

    def _reduce(self, half: bool) -> None:
        """Half the pixels and no edges while the camera moves on a slow machine."""
        if self._scene is None or self._gl is None:
            return
        self._half = half
        self._scene.set_budget(self.budget.moving_triangles, self._gl.height())
        self._scene.set_reduced(half)
        ratio = self._gl.devicePixelRatioF() * (0.5 if half else self.budget.share)
        self._gl.ren_win.SetSize(
            max(1, round(self._gl.width() * ratio)), max(1, round(self._gl.height() * ratio))
        )

    def show_layers(self, view: LayerView) -> None:
        """Which imported layers are drawn, and how."""
        self._layer_view = view
        if self._scene is not None:
            self._anchors.clear()
            self._scene.set_layers(view)
            self._follow()
            self._request()

    def _come_to_rest(self) -> None:
        if self._flight is None and self._drag is None:
            if self._half:
                self._reduce(False)
                self._request()
            if self._scene is not None and self._scene.settle():
                self._request()
            self._follow()
        else:
            self._still.start()

    def _view(self) -> Projection | None:
        if self._scene is None:
            return None
        return self._scene.projection(max(self.width(), 1), max(self.height(), 1))

    def project_badges(self, badges: Sequence[Badge]) -> npt.NDArray[np.float64]:
        """Pixels (n, 2) of the badges' anchors; NaN where one is not in front of the eye."""
        out = np.full((len(badges), 2), np.nan)
        view = self._view()
        if view is None or self._scene is None:
            return out
        scene = self._scene
        for badge in badges:
            if badge.asset not in self._anchors:
                self._anchors[badge.asset] = scene.anchor(badge.asset)
        anchors = [self._anchors[b.asset] for b in badges]
        known = {n: a for n, a in enumerate(anchors) if a is not None}
        if known:
            pixels, ahead, _ = view.to_pixels(list(known.values()))
            out[list(known)] = np.where(ahead[:, None], pixels, np.nan)
        return out

    def project_places(self, places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pixels (n, 2) of places in local metres (n, 3); NaN where one is not ahead."""
        view = self._view()
        if view is None or not len(places):
            return np.full((len(places), 2), np.nan)
        pixels, ahead, _ = view.to_pixels(places)
        return np.where(ahead[:, None], pixels, np.nan)

    def _hull(self, asset: str) -> npt.NDArray[np.float64] | None:
        view = self._view()
        if not asset or view is None or self._scene is None:
            return None
        return self._scene.hull(asset, view)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._gl is not None:
            self._gl.setGeometry(self.rect())
        self.overlay.setGeometry(self.rect())
        self.cost.place()
        self._refresh_overlay()

    # ---------------------------------------------------------------- pointer
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The GL widget's input is ours; VTK's own interaction never sees it."""
        kind = event.type()
        if watched is not self._gl:
            return False
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonPress:
                self._pressed(event)
            elif kind == QEvent.Type.MouseMove:
                self._moved(event)
            elif kind == QEvent.Type.MouseButtonRelease:
                self._released(event)
            elif kind == QEvent.Type.MouseButtonDblClick:
                if self._tool is not None and self._tool.double_clicked(event.position()):
                    return True
                asset = self.pick(event.position())
                if asset:
                    self.fly_to(asset)
            return True
        if isinstance(event, QWheelEvent):
            self._wheeled(event)
            return True
        if kind == QEvent.Type.Leave:
            self._look.stop()
            self._hovering("")
            self.pointed.emit(None)
        return kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.Enter)

    def pick(self, at: QPointF) -> str:
        """The asset drawn at a place of the widget; empty for none."""
        if self._scene is None:
            return ""
        if self.unshift is not None:
            at = self.unshift(at)
        return self._scene.pick(at.x(), at.y(), self.width(), self.height()) or ""

    def _pressed(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pointer = event.position()
        self._cancel_flight()
        if self._scene is not None:
            tool = self._tool
            mine = tool is not None and (
                event.button() == Qt.MouseButton.LeftButton or tool.every_button
            )
            self._taken = bool(mine and tool is not None and tool.pressed(event.position()))
            self._drag = (event.position(), self._scene.pose, event.button())
            self._dragged = False

    def _moved(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
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
        self._dragged = self._touched = True
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if button == Qt.MouseButton.LeftButton and not shift and not pose.plan:
            self._move(orbited(pose, way.x() * 0.3, -way.y() * 0.25))
        else:
            size = pose.metres_per_pixel(self.height())
            lean = 1.0 if pose.plan else 1.0 / max(np.cos(np.radians(pose.tilt)), 0.25)
            self._move(panned(pose, -way.x() * size, way.y() * size * lean))

    def _carry(self, begun: QPointF) -> bool:
        """Alt and drag: the asset under the pointer goes along, for the trends or a list."""
        asset = self.pick(begun)
        if not asset:
            return False
        self._drag = None
        carried = QDrag(self)
        mime = QMimeData()
        mime.setData(ASSET_MIME, asset.encode())
        carried.setMimeData(mime)
        carried.exec(Qt.DropAction.CopyAction)
        return True

    def _released(self, event: QMouseEvent) -> None:
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
        self._pointer = event.position()
        if event.button() == Qt.MouseButton.LeftButton:
            self.asset_clicked.emit(self.pick(event.position()))

    def _wheeled(self, event: QWheelEvent) -> None:
        if self._tool is not None and self._tool.wheeled(event.angleDelta().y() / 120.0):
            event.accept()
            return
        self._zoom(1.0015 ** event.angleDelta().y())
        event.accept()

    def _zoom(self, factor: float) -> None:
        from lamplighter.scene.camera import zoomed

        self._cancel_flight()
        if self._scene is not None:
            self._touched = True
            self._move(zoomed(self._scene.pose, factor))

    def _cancel_flight(self) -> None:
        self._flight = None
        self._fly.stop()

    def _hover_now(self) -> None:
        self.pointed.emit(self._pointer)
        if self._drag is None and self._tool is not None and self._tool.hovered(self._pointer):
            self._hovering("")
            return
        self._hovering(self.pick(self._pointer) if self._drag is None else "")

    def _hovering(self, asset: str) -> None:
        if asset == self._hovered:
            return
        self._hovered = asset
        self.overlay.hull = self._hull(asset)
        self.overlay.update()
        self.asset_hovered.emit(asset)
        QToolTip.hideText()
        if asset and self.tooltip_of is not None:
            self._tip.start()
        else:
            self._tip.stop()

    def _show_tip(self) -> None:
        if self._hovered and self.tooltip_of is not None:
            words = self.tooltip_of(self._hovered)
            QToolTip.showText(self.mapToGlobal(self._pointer.toPoint()), words, self)

    # ---------------------------------------------------------------- keys
    def event(self, event: QEvent) -> bool:
        """Keys that the tool in front needs come here although they are shortcuts elsewhere."""
        override = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if override and self._tool is not None and self._tool.wants(cast("QKeyEvent", event)):
            event.accept()
            return True
        return super().event(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self._tool is None or not self._tool.key_up(event):
            super().keyReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._scene is not None and self._tool is not None and self._tool.key(event):
            return
        if self._scene is None or not self._key(event):
            super().keyPressEvent(event)

    def _key(self, event: QKeyEvent) -> bool:
        from lamplighter.scene.camera import orbited, panned

        key = Qt.Key
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False
        pressed = event.key()
        ways = {key.Key_Left: (-1, 0), key.Key_Right: (1, 0), key.Key_Up: (0, 1),
                key.Key_Down: (0, -1)}  # fmt: skip
        if pressed in ways and self._scene is not None:
            right, ahead = ways[Qt.Key(pressed)]
            self._cancel_flight()
            self._touched = True
            pose = self._scene.pose
            if shift or pose.plan:
                step = pose.distance * 0.06
                self._move(panned(pose, right * step, ahead * step))
            else:
                self._move(orbited(pose, -5.0 * right, 4.0 * ahead))
            return True
        calls: dict[int, Callable[[], object]] = {
            key.Key_Plus: lambda: self._zoom(1.25),
            key.Key_Equal: lambda: self._zoom(1.25),
            key.Key_Minus: lambda: self._zoom(0.8),
            key.Key_Home: self._fly_home,
            key.Key_F: self.fit_selected,
            key.Key_P: self.toggle_plan,
            key.Key_N: self.previous_abnormal.emit if shift else self.next_abnormal.emit,
            key.Key_Return: lambda: self.asset_clicked.emit(self._hovered or self._selected),
            key.Key_Enter: lambda: self.asset_clicked.emit(self._hovered or self._selected),
            key.Key_Escape: self.escape.emit,
        }
        call = calls.get(pressed)
        if call is None:
            return False
        call()
        return True

    def _fly_home(self) -> None:
        if self._scene is not None:
            self.fly(self._scene.home_pose())

    def fit_selected(self) -> None:
        """Fly to the selected asset; without one, to where all of the city is seen."""
        if not (self._selected and self.fly_to(self._selected)):
            self.fit_all()

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
        if self._tool is not None:
            self._tool.focus_lost()
        self.overlay.focused = False
        self.overlay.update()
        super().focusOutEvent(event)


def make(desk: Desk, parent: QWidget) -> QWidget:
    """The 3D view bound to the window's state (see `twin_desk`)."""
    from lamplighter.ui.twin_desk import make as make_bound

    return make_bound(desk, parent)
