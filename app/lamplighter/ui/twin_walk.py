"""Walking through the city: the eye 1.7 m above the ground, terrain followed, walls respected."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox

from lamplighter.ui import numbers
from lamplighter.ui.twin_tools import Tool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.scene.camera import Pose
    from lamplighter.ui.twin_view import TwinView

EYE_M: Final = 1.7
KNEE_M: Final = 0.9
HEIGHTS_M: Final = (KNEE_M, EYE_M, 2.6, 3.8)
"""where walls are felt for, over the ground: the foot of a house may lie a little above it"""
PACE: Final = 4.0
"""metres in a second"""
RUN: Final = 4.0
"""times as fast with Shift"""
ARM_M: Final = 0.6
"""nearest distance to a wall"""
LOOK_M: Final = 10.0
TICK_MS: Final = 16
LONGEST_S: Final = 0.1
"""a step never covers more time than this, however slow the machine"""
_KEYS: Final = {
    Qt.Key.Key_W: (0.0, 1.0), Qt.Key.Key_S: (0.0, -1.0), Qt.Key.Key_A: (-1.0, 0.0),
    Qt.Key.Key_D: (1.0, 0.0), Qt.Key.Key_Up: (0.0, 1.0), Qt.Key.Key_Down: (0.0, -1.0),
}  # fmt: skip
_TURNS: Final = {Qt.Key.Key_Left: -1.0, Qt.Key.Key_Right: 1.0}
_NODS: Final = {Qt.Key.Key_PageUp: 1.0, Qt.Key.Key_PageDown: -1.0}
Vector = npt.NDArray[np.float64]


class WalkTool(Tool):
    """Starts on the ground under the middle of the view, ends above the place where one stands."""

    name = "walk"
    title = "Walk"
    icon = "walk"
    keys = "W"
    every_button = True

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self.place = np.zeros(2)
        self.heading = 0.0
        self.tilt = 90.0
        self._down: set[int] = set()
        self._fast = False
        self._grabbed: tuple[QPointF, float, float] | None = None
        self._before = 0.0
        self._moving = False
        self.through = QCheckBox(tr("Through walls"))
        self.strip.line.addWidget(self.through)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        view.moved.connect(self._moved_by_others)

    # ---------------------------------------------------------------- life
    def begin(self) -> None:
        scene = self.view.scene
        assert scene is not None
        self.place = np.array(scene.pose.focus[:2], dtype=float)
        self.heading, self.tilt = scene.pose.heading, 90.0
        self.place = self._free_spot(self.place)
        self._stand()

    def end(self) -> None:
        self._timer.stop()
        self._down.clear()
        self._grabbed = None
        scene = self.view.scene
        if scene is None or not scene.pose.free:
            return
        from lamplighter.scene.camera import Pose

        x, y = self.place.tolist()
        self.view.go(Pose((x, y, self._ground(self.place)), 220.0, self.heading, 60.0))

    def to_back(self) -> None:
        self._timer.stop()
        self._down.clear()

    def _moved_by_others(self) -> None:
        """Home, a bookmark or a flight took the eye away: the walk is over."""
        scene, belt = self.view.scene, self.view.belt
        if self._moving or scene is None or belt is None or not belt.runs(self.name):
            return
        if not scene.pose.free:
            belt.end(self.name)
        else:
            self._take(scene.pose)

    def _take(self, pose: Pose) -> None:
        eye = pose.eye()
        self.place, self.heading, self.tilt = eye[:2].copy(), pose.heading, pose.tilt

    # ---------------------------------------------------------------- standing
    def _ground(self, place: Vector) -> float:
        from lamplighter.scene.probe import ground_height

        assert self.view.scene is not None
        return ground_height(self.view.scene, float(place[0]), float(place[1]))

    def eye(self) -> Vector:
        """Where the eye is, local metres."""
        return np.array([*self.place, self._ground(self.place) + EYE_M])

    def _stand(self) -> None:
        """Puts the camera where the walker stands."""
        from lamplighter.scene.camera import Pose

        eye = self.eye()
        pose = Pose((0.0, 0.0, 0.0), LOOK_M, self.heading, self.tilt, free=True)
        x, y, z = (eye + pose.direction() * LOOK_M).tolist()
        self._moving = True
        self.view.go(Pose((x, y, z), LOOK_M, self.heading, self.tilt, free=True))
        self._moving = False
        self.strip.say(
            tr(
                "W A S D or arrows walk and turn, Shift runs, drag looks round, a click goes "
                "there. Eye {h} above the ground.",
                h=numbers.with_unit(EYE_M, "m", 0.1),
            )
        )

    def _free_spot(self, wanted: Vector) -> Vector:
        """The nearest place with nothing overhead, so that nobody begins inside a house."""
        scene = self.view.scene
        assert scene is not None
        for ring in range(24):
            radius = ring * 4.0
            for step in range(max(1, ring * 4)):
                angle = 2 * math.pi * step / max(1, ring * 4)
                spot = wanted + radius * np.array([math.sin(angle), math.cos(angle)])
                foot = np.array([*spot, self._ground(spot) + 0.3])
                if not math.isfinite(scene.distance(foot, np.array([0.0, 0.0, 1.0]), 500.0)):
                    return spot
        return wanted

    # ---------------------------------------------------------------- walking
    def walk(self, right: float, ahead: float, metres: float) -> bool:
        """One step; False when a wall does not let it. Along a wall the walker slides."""
        turn = math.radians(self.heading)
        way = np.array([
            right * math.cos(turn) + ahead * math.sin(turn),
            -right * math.sin(turn) + ahead * math.cos(turn),
        ])  # fmt: skip
        length = float(np.linalg.norm(way))
        if length < 1e-9:
            return False
        step = way / length * metres
        for part in (step, np.array([step[0], 0.0]), np.array([0.0, step[1]])):
            if np.linalg.norm(part) > 1e-6 and self._clear(part):
                self.place = self.place + part
                self._stand()
                return True
        return False

    def _clear(self, step: Vector) -> bool:
        if self.through.isChecked():
            return True
        scene = self.view.scene
        assert scene is not None
        metres = float(np.linalg.norm(step))
        way = np.array([*(step / metres), 0.0])
        foot = self._ground(self.place)
        reach = metres + ARM_M
        return all(
            scene.distance(np.array([*self.place, foot + height]), way, reach) > reach
            for height in HEIGHTS_M
        )

    def _tick(self) -> None:
        now = time.monotonic()
        passed = min(now - self._before, LONGEST_S)
        self._before = now
        right = sum(_KEYS[Qt.Key(k)][0] for k in self._down if k in _KEYS)
        ahead = sum(_KEYS[Qt.Key(k)][1] for k in self._down if k in _KEYS)
        turn = sum(_TURNS.get(Qt.Key(k), 0.0) for k in self._down)
        nod = sum(_NODS.get(Qt.Key(k), 0.0) for k in self._down)
        if turn or nod:
            self.look(turn * 70.0 * passed, nod * 45.0 * passed)
        if right or ahead:
            self.walk(right, ahead, PACE * (RUN if self._fast else 1.0) * passed)

    def look(self, turn: float, lift: float) -> None:
        """Turn the head by degrees, to the right and up."""
        self.heading = (self.heading + turn) % 360.0
        self.tilt = min(max(self.tilt + lift, 30.0), 150.0)
        self._stand()

    # ---------------------------------------------------------------- input
    def pressed(self, at: QPointF) -> bool:
        self._grabbed = (at, self.heading, self.tilt)
        return True

    def dragged(self, at: QPointF) -> None:
        if self._grabbed is None:
            return
        begun, heading, tilt = self._grabbed
        self.heading = (heading - (at.x() - begun.x()) * 0.15) % 360.0
        self.tilt = min(max(tilt + (at.y() - begun.y()) * 0.12, 30.0), 150.0)
        self._stand()

    def dropped(self) -> None:
        begun, self._grabbed = self._grabbed, None
        pointer = self.view.pointer
        if begun is not None and (pointer - begun[0]).manhattanLength() < 4.0:
            self._go_to(pointer)

    def _go_to(self, at: QPointF) -> None:
        """A click on the ground goes there, or as far as nothing stands in the way."""
        found = self.view.probe(at)
        if found is None:
            return
        way = np.array(found.place[:2]) - self.place
        metres = float(np.linalg.norm(way))
        scene = self.view.scene
        if metres < 0.5 or scene is None:
            return
        foot = np.array([*self.place, self._ground(self.place) + KNEE_M])
        open_m = scene.distance(foot, np.array([*(way / metres), 0.0]), metres) - 1.5
        reach = metres if self.through.isChecked() else min(metres, open_m)
        if reach > 0:
            self.place = self.place + way / metres * reach
            self._stand()

    def wheeled(self, steps: float) -> bool:
        self.walk(0.0, math.copysign(1.0, steps), min(abs(steps), 3.0))
        return True

    def wants(self, event: QKeyEvent) -> bool:
        plain = event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier
        return event.key() in _KEYS and not plain & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        )

    def key(self, event: QKeyEvent) -> bool:
        pressed = event.key()
        if pressed not in _KEYS and pressed not in _TURNS and pressed not in _NODS:
            return False
        self._fast = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if not event.isAutoRepeat():
            self._down.add(pressed)
            self._before = time.monotonic() - LONGEST_S / 2
            self._tick()
            self._timer.start()
        return True

    def focus_lost(self) -> None:
        self._down.clear()
        self._timer.stop()

    def key_up(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Shift:
            self._fast = False
            return True
        if event.isAutoRepeat() or event.key() not in self._down:
            return False
        self._down.discard(event.key())
        if not self._down:
            self._timer.stop()
        return True
