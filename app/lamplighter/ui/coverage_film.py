"""Hatching over the districts of the 3D city that are not measured, with their names and a card.

It lies over the picture like a film, at the height of the ground, and is grey: a gap in what is
measured is no trouble. What is thinly measured is dotted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QMenu, QWidget

from lamplighter.domain.coverage import NOT_MEASURED, THIN
from lamplighter.ui.coverage_room import (
    CoverageRoom,
    district_name,
    facts,
    subject_name,
    verdict_words,
)
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

if TYPE_CHECKING:
    from lamplighter.ui.twin_view import TwinView

Floats = npt.NDArray[np.float64]
STEP_M: Final = 60.0
"""longer sides get corners between, so that an outline follows the ground and the edge of sight"""
ROOM_PX: Final = 96.0
"""a district narrower than that on the picture bears no name"""
CARD_W: Final = 300


class CoverageFilm:
    """Paints for one view; `paint` comes before everything else of the overlay."""

    def __init__(self, room: CoverageRoom, view: TwinView) -> None:
        self._room, self._view = room, view
        self._rings: list[list[Floats]] = []
        self._made_for: tuple[object, object] = (None, None)
        view.overlay.films.append(self.paint)
        room.changed.connect(view.overlay.update)
        self.drawn = 0
        """districts in the last picture"""

    @property
    def legend(self) -> list[tuple[str, str, str]]:
        """Rows for the legend of the view."""
        if not self._room.hatched:
            return []
        verdicts = {v for _, v in self._room.gaps()}
        rows = []
        if NOT_MEASURED in verdicts:
            rows.append(("back", "text.secondary", verdict_words(NOT_MEASURED)))
        if THIN in verdicts:
            rows.append(("dots", "text.secondary", verdict_words(THIN)))
        return rows

    def paint(self, painter: QPainter) -> None:
        """The film of this frame."""
        self.drawn = 0
        if not self._room.hatched or self._view.scene is None or self._room.found is None:
            return
        self._make()
        look = theme()
        ink = look.colour("text.secondary")
        names: list[tuple[QRectF, str]] = []
        gaps = dict(self._room.gaps())
        chosen = self._room.row
        for district in sorted({*gaps, *([chosen] if chosen >= 0 else [])}):
            shape = self._shape(district)
            if shape.isEmpty() or not shape.intersects(QRectF(self._view.rect())):
                continue
            verdict = gaps.get(district, 0)
            pen = QPen(ink, 1, Qt.PenStyle.DotLine)
            if district == chosen:
                pen = QPen(look.colour("scene.selected"), 2)
            painter.setPen(pen)
            pattern = Qt.BrushStyle.NoBrush
            if verdict == NOT_MEASURED:
                pattern = Qt.BrushStyle.FDiagPattern
            elif verdict == THIN:
                pattern = Qt.BrushStyle.Dense7Pattern
            painter.setBrush(QBrush(ink, pattern))
            painter.drawPath(shape)
            self.drawn += 1
            if verdict == NOT_MEASURED:
                names.append((shape.boundingRect(), district_name(self._room.found, district)))
        self._paint_names(painter, names)

    def _paint_names(self, painter: QPainter, names: list[tuple[QRectF, str]]) -> None:
        look = theme()
        painter.setFont(look.font("caption"))
        metrics = QFontMetricsF(painter.font())
        for box, name in names:
            wide = metrics.horizontalAdvance(name) + 12
            if box.width() < max(ROOM_PX, wide) or box.height() < 24:
                continue
            plate = QRectF(0, 0, wide, metrics.height() + 4)
            plate.moveCenter(box.center())
            painter.setPen(QPen(look.colour("line.subtle"), 1))
            painter.setBrush(look.colour("scene.plate"))
            painter.drawRoundedRect(plate, 4, 4)
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, name)

    def _shape(self, district: int) -> QPainterPath:
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.OddEvenFill)
        for ring in self._rings[district]:
            pixels = self._view.project_places(ring)
            pixels = np.clip(pixels[np.isfinite(pixels).all(axis=1)], -1e5, 1e5)
            if len(pixels) > 2:
                corners = [QPointF(x, y) for x, y in pixels.tolist()]
                path.addPolygon(QPolygonF([*corners, corners[0]]))
        return path

    def _make(self) -> None:
        """Corners with heights, anew for other districts or another ground."""
        scene, districts = self._view.scene, self._room.districts
        assert scene is not None and districts is not None
        if self._made_for[0] is districts and self._made_for[1] is scene.ground:
            return
        self._made_for = (districts, scene.ground)
        self._rings = [
            [self._on_ground(_dense(ring)) for ring in districts.rings(d)]
            for d in range(len(districts.names))
        ]

    def _on_ground(self, ring: Floats) -> Floats:
        scene = self._view.scene
        assert scene is not None
        ground = scene.ground
        if ground is None:
            level = np.full(len(ring), scene.extent.low[2])
        else:
            low, high = np.array(ground.low), np.array(ground.high)
            last = len(ground.heights) - 1
            at = np.rint(np.clip((ring - low) / (high - low), 0.0, 1.0) * last).astype(np.int64)
            level = ground.heights[at[:, 1], at[:, 0]].astype(np.float64)
        return np.column_stack((ring, level))


def _dense(ring: Floats) -> Floats:
    """The ring with corners at least every `STEP_M`, at most some hundreds more."""
    ends = np.roll(ring, -1, axis=0)
    lengths = np.hypot(*(ends - ring).T)
    step = max(STEP_M, float(lengths.sum()) / 400.0)
    parts = []
    for a, b, long in zip(ring, ends, lengths.tolist(), strict=True):
        count = max(1, int(np.ceil(long / step)))
        parts.append(a + np.arange(count)[:, None] / count * (b - a))
    return np.concatenate(parts)


class CoverageCard(QWidget):
    """The numbers of the chosen district, at the upper left of the picture."""

    def __init__(self, room: CoverageRoom, view: TwinView) -> None:
        super().__init__(view.overlay)
        self._room = room
        self.lines: list[str] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        room.changed.connect(self.refresh)
        theme().changed.connect(self.refresh)
        self.hide()

    def refresh(self) -> None:
        """Show the chosen district, or nothing."""
        found, at = self._room.found, self._room.row
        self.setVisible(self._room.hatched and found is not None and at >= 0)
        if found is None or at < 0:
            self.lines = []
            return
        self.lines = [district_name(found, at), *facts(self._room, at)]
        look = theme()
        metrics = QFontMetricsF(look.font("body"))
        wide = max(metrics.horizontalAdvance(line) for line in self.lines) + 28
        tall = look.px(22) * len(self.lines) + 12
        self.setGeometry(8, look.px(42), round(max(wide, look.px(160))), tall)
        self.setAccessibleName(". ".join(self.lines))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        look = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("scene.plate"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        high = look.px(22)
        for number, line in enumerate(self.lines):
            painter.setFont(look.font("bodyStrong" if number == 0 else "body"))
            painter.setPen(look.colour("text.primary" if number < 2 else "text.secondary"))
            box = QRectF(12, 6 + number * high, self.width() - 20, high)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, line)
        painter.end()


def pop_up(room: CoverageRoom, view: QWidget) -> None:
    """What to hatch by; it closes by itself and blocks nothing."""
    made = QMenu(view)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def entry(words: str, on: bool, subject: str = "") -> None:
        action = made.addAction(words)
        action.setCheckable(True)
        action.setChecked(on == room.hatched and (not on or subject == room.subject))

        def chosen() -> None:
            room.choose(subject if on else room.subject)
            room.hatch(on)

        action.triggered.connect(lambda *_: chosen())

    entry(tr("No hatching"), False)
    made.addSeparator()
    found = room.found
    ids = [s.id for s in found.subjects] if found is not None else [""]
    for id in ids:
        entry(subject_name(id), True, id)
        if not id or (id.startswith("domain:") and id == [i for i in ids if ":" in i][-1]):
            made.addSeparator()
    made.popup(view.mapToGlobal(view.rect().topLeft()))
