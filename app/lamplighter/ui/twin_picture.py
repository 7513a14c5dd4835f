"""The picture of the 3D city in a widget: its life, what it shows, its frames, where things lie.

Data frames and camera moves are separate renders; both go through `update()` of the GL widget, so
Qt never draws one picture twice. VTK is loaded by `start()`, after the window's first paint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QImage, QResizeEvent
from PySide6.QtWidgets import QWidget

from lamplighter.domain.layers import LayerView
from lamplighter.domain.wire import City
from lamplighter.scene.states import StateTable
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_budget import CostLine, FrameBudget, machine_file
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.twin_overlay import TwinOverlay

if TYPE_CHECKING:
    from lamplighter.scene.camera import Projection
    from lamplighter.scene.city_scene import CityScene
    from lamplighter.scene.probe import Probe
    from lamplighter.ui.twin_stream import TileStream

PLATFORMS: Final = ("xcb", "wayland", "windows", "cocoa")
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


class TwinPicture(QWidget):
    """What the city looks like from where the camera stands; it moves nothing by itself."""

    first_frame = Signal()
    """once: the whole city has been drawn"""
    loaded = Signal()
    """all tiles of the city are shown"""
    fault = Signal(object)
    """a `Problem`: a tile that could not be read"""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("City in 3D")
        self.overlay = TwinOverlay(self)
        self.overlay.project = self.project_badges
        self.cost = CostLine(self)
        self.overlay.marks.append(lambda _: self.cost.boxes())
        self.before_paint: Callable[[], None] | None = None
        """draws something of its own before each 3D frame"""
        self.unshift: Callable[[QPointF], QPointF] | None = None
        """where the pointer points in the 3D picture when that stands elsewhere"""
        self.frame_ms = 0.0
        """how long the last 3D frame took"""
        self.frames = 0
        self.budget = FrameBudget()
        """what a frame may take and what is left out for it"""
        self.domains: tuple[str, ...] | None = None
        """domains whose lines are drawn; None for all"""
        self._gl: Any = None
        self._scene: CityScene | None = None
        self._stream: TileStream | None = None
        self._city: City | None = None
        self._states = StateTable()
        self._layer_view = LayerView()
        self._touched = False
        """somebody chose where the camera stands"""
        self._outlined = ""
        self._grabbing = False
        self._begun = 0.0
        self._complete = False
        self._told_first = False
        self._shown_at = 0.0
        self._half = False
        self._anchors: dict[str, tuple[float, float, float] | None] = {}
        self._pulse = self._timer(TICK_MS, self._take_tile)
        self._patience = self._timer(PATIENCE_MS, self._tell_first, once=True)
        self._breath = self._timer(BREATH_MS, self._repaint_city, once=True)
        theme().changed.connect(self.set_theme)

    # ---------------------------------------------------------------- life
    def _timer(self, interval: int, call: Callable[[], None], once: bool = False) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval)
        timer.setSingleShot(once)
        timer.timeout.connect(call)
        return timer

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
        self._patience.start()

    @property
    def scene(self) -> CityScene | None:
        """The scene once 3D has started."""
        return self._scene

    @property
    def gl(self) -> Any:
        """The widget of the 3D picture; None before it has started."""
        return self._gl

    @property
    def city(self) -> City | None:
        """What is shown."""
        return self._city

    def close(self) -> bool:
        self._shut()
        return super().close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._shut()
        super().closeEvent(event)

    def _shut(self) -> None:
        for timer in (self._pulse, self._patience, self._breath):
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._gl is not None:
            self._gl.setGeometry(self.rect())
        self.overlay.setGeometry(self.rect())
        self.cost.place()
        self._refresh_overlay()

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
            self._breath.start()

    def show_states_now(self) -> None:
        """States that were set come with the window's next repaint, not in a turn of their own."""
        if self._breath.isActive():
            self._breath.stop()
            self._repaint_city()

    @property
    def states(self) -> StateTable:
        """The states that are shown."""
        return self._states

    def set_theme(self) -> None:
        """Follow the window's theme."""
        if self._scene is not None:
            from lamplighter.scene.theme import load_theme

            self._scene.set_theme(load_theme(theme().name))
        self._request()

    def show_networks(self, domains: Sequence[str] | None) -> None:
        """Only the lines of these domains; None shows all."""
        self.domains = None if domains is None else tuple(domains)
        if self._scene is not None:
            self._scene.show_networks(domains)
            self._request()

    def show_layers(self, view: LayerView) -> None:
        """Which imported layers are drawn, and how."""
        self._layer_view = view
        if self._scene is not None:
            self._anchors.clear()
            self._scene.set_layers(view)
            self._follow()
            self._request()

    # ---------------------------------------------------------------- frames
    def repaint_all(self) -> None:
        """Draw picture and marks anew after a tool changed the scene."""
        self._request()

    def refresh_marks(self) -> None:
        """Draw the flat marks anew; the 3D picture stays."""
        self._refresh_overlay()

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

    def outline(self, asset: str) -> None:
        """Draw the outline of one asset over the picture; empty for none."""
        self._outlined = asset
        self.overlay.hull = self._hull(asset)
        self.overlay.update()

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
            self.overlay.hull = self._hull(self._outlined)
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

    # ---------------------------------------------------------------- places and pixels
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

    def probe(self, at: QPointF) -> Probe | None:
        """The exact place under a place of the widget; None for the sky."""
        if self._scene is None:
            return None
        from lamplighter.scene.probe import probe

        if self.unshift is not None:
            at = self.unshift(at)
        return probe(self._scene, at.x(), at.y(), max(self.width(), 1), max(self.height(), 1))

    def pick(self, at: QPointF) -> str:
        """The asset drawn at a place of the widget; empty for none."""
        if self._scene is None:
            return ""
        if self.unshift is not None:
            at = self.unshift(at)
        return self._scene.pick(at.x(), at.y(), self.width(), self.height()) or ""

    def _hull(self, asset: str) -> npt.NDArray[np.float64] | None:
        view = self._view()
        if not asset or view is None or self._scene is None:
            return None
        return self._scene.hull(asset, view)
