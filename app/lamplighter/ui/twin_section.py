"""The section box: only what lies inside is drawn and picked.

Handles on its faces move them, the one in the middle moves the box; every number stands in a field
as well, so nothing needs the mouse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QGridLayout

from lamplighter.ui.parts import Text, button
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import Box
from lamplighter.ui.twin_tools import Tool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.scene.camera import Extent
    from lamplighter.ui.twin_view import TwinView

LEAST_M: Final = 0.5
GRAB_PX: Final = 11.0
_HANDLE: Final = 5.0
_AROUND: Final = 1.35
"""a box around the selection is this much larger, so that its surroundings are seen"""
_FIELDS: Final = (
    ("east", "East", "m"),
    ("north", "North", "m"),
    ("floor", "Floor", "m"),
    ("turn", "Turn", "°"),
    ("width", "Width", "m"),
    ("depth", "Depth", "m"),
    ("height", "Height", "m"),
)
_EDGES: Final = ((0, 1), (1, 3), (3, 2), (2, 0), (4, 5), (5, 7), (7, 6), (6, 4), (0, 4), (1, 5),
                 (2, 6), (3, 7))  # fmt: skip
Vector = npt.NDArray[np.float64]


class SectionTool(Tool):
    """One box, turned about its upright axis."""

    name = "section"
    title = "Section box"
    icon = "section"
    keys = "X"

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self.centre = np.zeros(3)
        self.size = np.array([100.0, 100.0, 50.0])
        self.heading = 0.0
        self._held: tuple[int, QPointF, Vector, Vector] | None = None
        """handle, where it was grabbed, centre and size then"""
        self._fields: dict[str, QDoubleSpinBox] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        for number, (name, words, unit) in enumerate(_FIELDS):
            field = self._field(name, tr(words), unit)
            line, column = divmod(number, 4)
            grid.addWidget(Text(tr(words), "caption", "secondary"), line, column * 2)
            grid.addWidget(field, line, column * 2 + 1)
        self.strip.box.insertLayout(1, grid)
        self._fit = button(tr("Fit selection"), self.fit_selection)
        whole = button(tr("Whole city"), self.fit_all)
        for part in (self._fit, whole):
            self.strip.line.addWidget(part)

    def _field(self, name: str, words: str, unit: str) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.setAccessibleName(words)
        field.setDecimals(1)
        field.setRange(-1e6, 1e6) if name != "turn" else field.setRange(-180.0, 180.0)
        if name in ("width", "depth", "height"):
            field.setMinimum(LEAST_M)
        field.setSuffix(f" {unit}")
        field.setSingleStep(1.0)
        field.setKeyboardTracking(False)
        field.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        field.setFixedWidth(theme().px(96))
        field.valueChanged.connect(self._typed)
        self._fields[name] = field
        return field

    # ---------------------------------------------------------------- life
    def begin(self) -> None:
        if self.view.selected:
            self.fit_selection()
        else:
            self.fit_all()

    def end(self) -> None:
        self._held = None
        scene = self.view.scene
        if scene is not None:
            scene.set_section(None)
            self.view.repaint_all()

    def to_front(self) -> None:
        self._advise()

    def fit_selection(self) -> None:
        """The box around the selected asset and a little more."""
        scene = self.view.scene
        box = scene.box(self.view.selected) if scene is not None and self.view.selected else None
        if box is None:
            self.strip.say(tr("Select an asset that has a shape to fit the box to it."))
            return
        self._around(box, _AROUND, 2.0)

    def fit_all(self) -> None:
        """The box around everything."""
        scene = self.view.scene
        if scene is not None:
            self._around(scene.extent, 1.02, 2.0)

    def _around(self, box: Extent, factor: float, margin: float) -> None:
        self.heading = 0.0
        self.centre = np.array(box.centre)
        self.size = np.subtract(box.high, box.low) * factor + 2 * margin
        self.apply()

    def set_box(self, low: Sequence[float], high: Sequence[float], heading: float = 0.0) -> None:
        """A box by its corners in local metres."""
        self.centre = (np.asarray(low, float) + np.asarray(high, float)) / 2
        self.size = np.maximum(np.subtract(high, low), LEAST_M)
        self.heading = heading
        self.apply()

    @property
    def corners(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Low and high corner of the box before it is turned."""
        low, high = self.centre - self.size / 2, self.centre + self.size / 2
        return tuple(low.tolist()), tuple(high.tolist())

    def apply(self) -> None:
        """Cut the city with the present box and show its numbers."""
        scene = self.view.scene
        if scene is None:
            return
        from lamplighter.scene.camera import extent_of

        low, high = self.centre - self.size / 2, self.centre + self.size / 2
        scene.set_section(extent_of(low, high), self.heading)
        values = {
            "east": self.centre[0], "north": self.centre[1], "floor": low[2],
            "turn": self.heading, "width": self.size[0], "depth": self.size[1],
            "height": self.size[2],
        }  # fmt: skip
        for name, value in values.items():
            field = self._fields[name]
            field.blockSignals(True)
            field.setValue(float(value))
            field.blockSignals(False)
        self.view.repaint_all()
        self.changed.emit()

    def _typed(self) -> None:
        value = {name: field.value() for name, field in self._fields.items()}
        self.size = np.array([value["width"], value["depth"], value["height"]])
        self.centre = np.array(
            [value["east"], value["north"], value["floor"] + value["height"] / 2]
        )
        self.heading = value["turn"]
        self.apply()

    def _advise(self) -> None:
        self.strip.say(
            tr("Drag a handle, or use the fields. Arrows with Ctrl move the box, [ and ] the cut.")
        )

    # ---------------------------------------------------------------- geometry
    def axes(self) -> Vector:
        """Unit vectors (3, 3) of the box: its width, its depth, up."""
        turn = math.radians(self.heading)
        cos, sin = math.cos(turn), math.sin(turn)
        return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])

    def handles(self) -> Vector:
        """Places (7, 3): west, east, south, north, low and high face, then the middle."""
        axes, half = self.axes(), self.size / 2
        faces = [
            self.centre + axes[n] * half[n] * sign for n in range(3) for sign in (-1.0, 1.0)
        ]  # fmt: skip
        return np.array([*faces, self.centre])

    # ---------------------------------------------------------------- input
    def pressed(self, at: QPointF) -> bool:
        pixels = self.view.places_on_screen(self.handles())
        if pixels is None:
            return False
        away = np.hypot(pixels[:, 0] - at.x(), pixels[:, 1] - at.y())
        away = np.where(np.isfinite(away), away, np.inf)
        number = int(np.argmin(away))
        if away[number] > GRAB_PX:
            return False
        self._held = (number, at, self.centre.copy(), self.size.copy())
        return True

    def dragged(self, at: QPointF) -> None:
        if self._held is None:
            return
        number, begun, centre, size = self._held
        if number == 6:
            self._drag_middle(begun, at, centre)
        else:
            axis, sign = number // 2, 1.0 if number % 2 else -1.0
            metres = self._along(begun, at, centre, size, number)
            if metres is None:
                return
            grown = max(size[axis] + sign * metres, LEAST_M)
            moved = sign * (grown - size[axis]) / 2
            self.size = size.copy()
            self.size[axis] = grown
            self.centre = centre + self.axes()[axis] * moved
        self.apply()

    def dropped(self) -> None:
        self._held = None

    def _along(
        self, begun: QPointF, at: QPointF, centre: Vector, size: Vector, number: int
    ) -> float | None:
        """Metres along a face's axis for a way on the screen; None when it points at the eye."""
        axis, sign = number // 2, 1.0 if number % 2 else -1.0
        way = self.axes()[axis]
        place = centre + way * size[axis] / 2 * sign
        pixels = self.view.places_on_screen(np.array([place, place + way]))
        if pixels is None or not np.isfinite(pixels).all():
            return None
        step = pixels[1] - pixels[0]
        length = float(step @ step)
        if length < 1e-6:
            return None
        return float(np.array([at.x() - begun.x(), at.y() - begun.y()]) @ step) / length

    def _drag_middle(self, begun: QPointF, at: QPointF, centre: Vector) -> None:
        level = float(centre[2])
        first, last = self.view.place_at_level(begun, level), self.view.place_at_level(at, level)
        if first is not None and last is not None:
            self.centre = centre + np.array([last[0] - first[0], last[1] - first[1], 0.0])

    def key(self, event: QKeyEvent) -> bool:
        pressed = event.key()
        step = 10.0 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
        ways = {
            Qt.Key.Key_Left: (0, -1.0), Qt.Key.Key_Right: (0, 1.0),
            Qt.Key.Key_Down: (1, -1.0), Qt.Key.Key_Up: (1, 1.0),
        }  # fmt: skip
        if pressed in ways and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            axis, sign = ways[Qt.Key(pressed)]
            self.centre = self.centre + self.axes()[axis] * sign * step
            self.apply()
            return True
        cuts = {
            Qt.Key.Key_BracketRight: 1.0, Qt.Key.Key_BracketLeft: -1.0,
            Qt.Key.Key_BraceRight: 10.0, Qt.Key.Key_BraceLeft: -10.0,
        }  # fmt: skip
        if pressed not in cuts:
            return False
        grown = max(self.size[2] + cuts[Qt.Key(pressed)], LEAST_M)
        self.centre = self.centre + np.array([0.0, 0.0, (grown - self.size[2]) / 2])
        self.size = np.array([self.size[0], self.size[1], grown])
        self.apply()
        return True

    # ---------------------------------------------------------------- painting
    def paint(self, painter: QPainter) -> Sequence[Box]:
        axes, half = self.axes(), self.size / 2
        signs = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float)
        pixels = self.view.places_on_screen(self.centre + (signs * half) @ axes)
        if pixels is None:
            return ()
        look = theme()
        for width, role in ((3.0, "scene.plate"), (1.2, "text.secondary")):
            painter.setPen(QPen(look.colour(role), width))
            for a, b in _EDGES:
                ends = pixels[[a, b]]
                if np.isfinite(ends).all():
                    painter.drawLine(QPointF(*ends[0].tolist()), QPointF(*ends[1].tolist()))
        if self.view.belt is not None and self.view.belt.front is self:
            self._paint_handles(painter)
        return ()

    def _paint_handles(self, painter: QPainter) -> None:
        pixels = self.view.places_on_screen(self.handles())
        if pixels is None:
            return
        look = theme()
        for number, (x, y) in enumerate(pixels.tolist()):
            if not math.isfinite(x):
                continue
            held = self._held is not None and self._held[0] == number
            painter.setPen(QPen(look.colour("scene.plate"), 2))
            painter.setBrush(look.colour("scene.selected" if held else "text.primary"))
            box = QRectF(x - _HANDLE, y - _HANDLE, 2 * _HANDLE, 2 * _HANDLE)
            painter.drawRect(box) if number < 6 else painter.drawEllipse(box)
