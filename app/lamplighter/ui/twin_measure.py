"""Measuring in the 3D view: distance with its height difference, a line, an area; kept and copied.

Points are set with the mouse, or with Enter at the cross in the middle while the arrow keys move
the city under it. Corners of buildings draw the pointer to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QPainter,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QButtonGroup

from lamplighter.domain.measuring import Measured, Place, measured
from lamplighter.ui import numbers
from lamplighter.ui.parts import Text, button
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import Box
from lamplighter.ui.twin_tools import Tool
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.scene.probe import Probe
    from lamplighter.ui.twin_view import TwinView

_DOT: Final = 3.5
_ABOVE_M: Final = 0.05


class Shape(StrEnum):
    """What is measured."""

    DISTANCE = "distance"
    LINE = "line"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Kept:
    """One finished measurement."""

    shape: Shape
    places: tuple[Place, ...]

    @property
    def figures(self) -> Measured:
        return measured(self.places, self.shape is Shape.AREA)


def words_of(shape: Shape, found: Measured) -> str:
    """The figures of one measurement in one line."""
    metres, square = _metres, _square
    if shape is Shape.AREA:
        return tr(
            "{flat} as on the map · {true} true · edge {edge}",
            flat=square(found.area), true=square(found.true_area), edge=metres(found.perimeter),
        )  # fmt: skip
    return tr(
        "{length} · {level} as on the map · height {rise}",
        length=metres(found.length), level=metres(found.level), rise=_signed(found.rise),
    )  # fmt: skip


def label_of(shape: Shape, found: Measured) -> str:
    """What stands at the measurement itself."""
    if shape is Shape.AREA:
        return _square(found.true_area)
    return f"{_metres(found.length)}  ↕ {_signed(found.rise)}"


def _metres(value: float) -> str:
    return numbers.with_unit(value, "m", 0.01 if value < 1000 else 0.1)


def _signed(value: float) -> str:
    text = numbers.with_unit(value, "m", 0.01)
    return f"+{text}" if round(value, 2) > 0 else text


def _square(value: float) -> str:
    return numbers.with_unit(value, "m²", 0.1 if value < 10_000 else 1.0)


class MeasureTool(Tool):
    """Measurements stay until they are cleared or the tool ends."""

    name = "measure"
    title = "Measure"
    icon = "measure"
    keys = "M"

    def __init__(self, view: TwinView) -> None:
        super().__init__(view)
        self.shape = Shape.DISTANCE
        self.kept: list[Kept] = []
        self.points: list[Place] = []
        self._under: Probe | None = None
        self._by_key = False
        self._plates: list[tuple[QPointF, str]] = []
        self._group = QButtonGroup(self)
        titles = {Shape.DISTANCE: "Distance", Shape.LINE: "Line", Shape.AREA: "Area"}
        line = self.strip.line
        for shape, words in titles.items():
            each = button(tr(words), lambda s=shape: self.choose(s), kind="segment")  # type: ignore[misc]
            each.setCheckable(True)
            each.setChecked(shape is self.shape)
            self._group.addButton(each)
            line.addWidget(each)
        self._read = Text("", "body")
        self._finish = button(tr("Finish"), self.finish, tip=tr("Enter twice, or a double click"))
        self._copy = button(tr("Copy"), self.copy, tip=tr("All values as text (Ctrl C)"))
        self._clear = button(tr("Clear"), self.clear, tip=tr("Delete"))
        for part in (self._finish, self._copy, self._clear):
            line.addWidget(part)
        self.strip.box.insertWidget(1, self._read)
        self._refresh()

    # ---------------------------------------------------------------- life
    def end(self) -> None:
        self.kept.clear()
        self.points.clear()
        self._under = None

    def to_front(self) -> None:
        self.view.setCursor(Qt.CursorShape.CrossCursor)
        self._refresh()

    def to_back(self) -> None:
        self.view.unsetCursor()
        self._under = None

    def choose(self, shape: Shape) -> None:
        """Measure something else from now on; an unfinished measurement is kept if it can be."""
        self.finish()
        self.shape = shape
        for each, kind in zip(self._group.buttons(), Shape, strict=True):
            each.setChecked(kind is shape)
        self._refresh()

    # ---------------------------------------------------------------- points
    def add(self, place: Place) -> None:
        """Set the next point."""
        if self.points and np.allclose(self.points[-1], place, atol=1e-6):
            return
        self.points.append(place)
        if self.shape is Shape.DISTANCE and len(self.points) == 2:
            self.finish()
        self._refresh()

    def finish(self) -> None:
        """Keep what is being measured, if it has enough points."""
        needed = 3 if self.shape is Shape.AREA else 2
        if len(self.points) >= needed:
            self.kept.append(Kept(self.shape, tuple(self.points)))
        self.points.clear()
        self._refresh()

    def undo(self) -> None:
        """Take the last point back, or the last measurement."""
        if self.points:
            self.points.pop()
        elif self.kept:
            self.kept.pop()
        self._refresh()

    def clear(self) -> None:
        """Everything measured goes."""
        self.kept.clear()
        self.points.clear()
        self._refresh()

    def copy(self) -> None:
        """All values to the clipboard, one measurement a line, tab between the columns."""
        QGuiApplication.clipboard().setText(self.as_text())

    def as_text(self) -> str:
        """A table with plain numbers in metres, for a sheet or a mail."""
        head = "kind\tlength_m\tmap_length_m\theight_m\tmap_area_m2\ttrue_area_m2\tpoints"
        rows = [head]
        for one in self.kept:
            f = one.figures
            values = (f.length, f.level, f.rise, f.area, f.true_area)
            places = "; ".join(f"{x:.3f} {y:.3f} {z:.3f}" for x, y, z in one.places)
            rows.append("\t".join([one.shape.value, *(f"{v:.3f}" for v in values), places]))
        return "\n".join(rows) + "\n"

    # ---------------------------------------------------------------- input
    def clicked(self, at: QPointF, second: bool) -> bool:
        self._by_key = False
        if second:
            self.finish()
            return True
        found = self.view.probe(at)
        if found is None:
            self.strip.say(tr("There is nothing to measure under the pointer: only sky."))
            return True
        self._under = found
        self.add(found.place)
        return True

    def double_clicked(self, at: QPointF) -> bool:
        if self.shape is not Shape.DISTANCE:
            self.finish()
        return True

    def hovered(self, at: QPointF) -> bool:
        self._by_key = False
        self._under = self.view.probe(at)
        self._refresh()
        return True

    def key(self, event: QKeyEvent) -> bool:
        pressed = event.key()
        if pressed in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._set_in_middle()
        elif pressed == Qt.Key.Key_Backspace:
            self.undo()
        elif pressed == Qt.Key.Key_Delete:
            self.clear()
        elif pressed == Qt.Key.Key_C and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.copy()
        elif pressed in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3):
            self.choose(tuple(Shape)[pressed - Qt.Key.Key_1])
        else:
            return False
        return True

    def _set_in_middle(self) -> None:
        """Enter sets a point at the cross; at the same place again it finishes."""
        self._by_key = True
        middle = QPointF(self.view.width() / 2, self.view.height() / 2)
        found = self.view.probe(middle)
        if found is None:
            self.strip.say(tr("There is nothing to measure in the middle: only sky."))
            return
        self._under = found
        if self.points and np.allclose(self.points[-1], found.place, atol=1e-6):
            self.finish()
        else:
            self.add(found.place)

    # ---------------------------------------------------------------- words
    def _refresh(self) -> None:
        places = [*self.points, self._under.place] if self._under and self.points else self.points
        figures = measured(places, self.shape is Shape.AREA)
        if len(places) >= 2:
            self._read.setText(words_of(self.shape, figures))
        elif self.kept:
            last = self.kept[-1]
            self._read.setText(words_of(last.shape, last.figures))
        else:
            self._read.setText(tr("Nothing measured yet"))
        self._finish.setVisible(self.shape is not Shape.DISTANCE)
        self._finish.setEnabled(len(self.points) >= (3 if self.shape is Shape.AREA else 2))
        self._copy.setEnabled(bool(self.kept))
        self._clear.setEnabled(bool(self.kept or self.points))
        self.strip.say(self._advice())
        if self.strip.isVisible():
            self.strip.refit()
        self.changed.emit()

    def _advice(self) -> str:
        if self._under is not None and self._under.corner:
            return tr("At a corner. Click or Enter sets the point, Backspace takes one back.")
        if not self.points:
            return tr("Click the first point; or move the city with the arrows and press Enter.")
        if self.shape is Shape.DISTANCE:
            return tr("Click the second point. Backspace takes the first one back.")
        return tr("Click further points; double click, right click or Finish ends it.")

    # ---------------------------------------------------------------- painting
    def paint(self, painter: QPainter) -> Sequence[Box]:
        boxes: list[Box] = []
        self._plates.clear()
        for one in self.kept:
            boxes += self._draw(painter, one.shape, one.places)
        places = tuple(self.points)
        if self.points and self._under is not None:
            places = (*places, self._under.place)
        if places:
            boxes += self._draw(painter, self.shape, places, unfinished=True)
        if self._under is not None and self._under.corner:
            self._draw_corner(painter)
        if self._by_key:
            self._draw_cross(painter)
        return boxes

    def _draw(
        self, painter: QPainter, shape: Shape, places: Sequence[Place], unfinished: bool = False
    ) -> list[Box]:
        pixels = self.view.pixels_of(places)
        if pixels is None:
            return []
        points = [QPointF(float(x), float(y)) for x, y in pixels]
        look = theme()
        closed = shape is Shape.AREA and len(points) > 2
        if closed:
            fill = QColor(look.colour("scene.selected"))
            fill.setAlphaF(0.16)
            painter.setBrush(fill)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawPolygon(QPolygonF(points))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        path = QPolygonF([*points, points[0]] if closed else points)
        casing = QPen(look.colour("scene.plate"), 5)
        pen = QPen(look.colour("scene.selected"), 2)
        if unfinished:
            pen.setStyle(Qt.PenStyle.DashLine)
        for each in (casing, pen):
            painter.setPen(each)
            painter.drawPolyline(path)
        if shape is Shape.DISTANCE and len(places) == 2:
            self._draw_legs(painter, places)
        painter.setPen(QPen(look.colour("scene.plate"), 1.5))
        painter.setBrush(look.colour("scene.selected"))
        for point in points:
            painter.drawEllipse(point, _DOT, _DOT)
        if len(places) < 2:
            return []
        figures = measured(places, shape is Shape.AREA)
        middle = QPointF(float(pixels[:, 0].mean()), float(pixels[:, 1].mean()))
        if shape is Shape.LINE:
            middle = points[-1] + QPointF(0, -18)
        words = label_of(shape, figures)
        self._plates.append((middle, words))
        return [plate_box(middle, words)]

    def paint_late(self, painter: QPainter) -> None:
        for middle, words in self._plates:
            plate_label(painter, middle, words)

    def _draw_legs(self, painter: QPainter, places: Sequence[Place]) -> None:
        """The level and the upright part of a distance, dotted."""
        a, b = places
        low, high = (a, b) if a[2] <= b[2] else (b, a)
        if high[2] - low[2] < _ABOVE_M:
            return
        legs = self.view.pixels_of([low, (high[0], high[1], low[2]), high])
        if legs is None:
            return
        pen = QPen(theme().colour("text.secondary"), 1)
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF([QPointF(float(x), float(y)) for x, y in legs]))

    def _draw_corner(self, painter: QPainter) -> None:
        assert self._under is not None
        pixels = self.view.pixels_of([self._under.place])
        if pixels is None:
            return
        x, y = (float(v) for v in pixels[0])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for width, role in ((3.5, "scene.plate"), (1.5, "scene.selected")):
            painter.setPen(QPen(theme().colour(role), width))
            painter.drawRect(QRectF(x - 6, y - 6, 12, 12))

    def _draw_cross(self, painter: QPainter) -> None:
        x, y = self.view.width() / 2, self.view.height() / 2
        for width, role in ((3.5, "scene.plate"), (1.5, "scene.selected")):
            painter.setPen(QPen(theme().colour(role), width))
            painter.drawLine(QPointF(x - 12, y), QPointF(x + 12, y))
            painter.drawLine(QPointF(x, y - 12), QPointF(x, y + 12))


def plate_box(middle: QPointF, words: str) -> Box:
    """Where a plate with one line of words stands around a point."""
    wide = QFontMetricsF(theme().font("bodyStrong")).horizontalAdvance(words) + 16
    return middle.x() - wide / 2, middle.y() - 12, wide, 24.0


def plate_label(painter: QPainter, middle: QPointF, words: str) -> None:
    """One line of words on a plate around a point."""
    look = theme()
    box = QRectF(*plate_box(middle, words))
    painter.setPen(QPen(look.colour("line.strong"), 1))
    painter.setBrush(look.colour("scene.plate"))
    painter.drawRoundedRect(box, 4, 4)
    painter.setFont(look.font("bodyStrong"))
    painter.setPen(look.colour("text.primary"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
