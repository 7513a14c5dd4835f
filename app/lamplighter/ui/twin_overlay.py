"""What lies flat over the 3D city: badges, labels, path, legend, scale bar, north arrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetricsF,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QRegion,
)
from PySide6.QtWidgets import QWidget

from lamplighter.domain.alarm import AlarmState
from lamplighter.ui.glyphs import draw_glyph
from lamplighter.ui.theme import theme
from lamplighter.ui.twin_labels import GLYPH_PX, Badge, Box, Placed, Spot, lay_out

Project = Callable[[Sequence[Badge]], npt.NDArray[np.float64]]
"""Pixels (n, 2) of the badges' anchors; NaN where one is not in front of the eye"""
Marks = Callable[[QPainter], Sequence[Box]]
_PAD: Final = 10.0
MOST_KEPT: Final = 5_000


def look_px(size: float) -> float:
    """A height for text at the present font scale."""
    return size * max(theme().scale, 1.0)


SEPARATOR = " \u203a "


def crumbs(path: Sequence[str], metrics: QFontMetricsF, room: float) -> str:
    """The path in at most `room` pixels: names in the middle are shortened first, then the last."""
    if metrics.horizontalAdvance(SEPARATOR.join(path)) <= room or len(path) < 2:
        return metrics.elidedText(SEPARATOR.join(path), Qt.TextElideMode.ElideRight, room)
    short = 14 * metrics.averageCharWidth()
    names = [metrics.elidedText(n, Qt.TextElideMode.ElideRight, short) for n in path[:-1]]
    before = SEPARATOR.join([*names, ""])
    left = max(short, room - metrics.horizontalAdvance(before))
    return before + metrics.elidedText(path[-1], Qt.TextElideMode.ElideRight, left)


class TwinOverlay(QWidget):
    """Transparent for the mouse; painted once per rendered frame."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.project: Project | None = None
        self.heading = 0.0
        self.scale = (0.0, 0)
        """length in metres and in pixels; 0 hides the bar"""
        self.path: tuple[str, ...] = ()
        self.note = ""
        self.legend: tuple[tuple[str, str, str], ...] = ()
        """rows of (mark, colour role, words); marks: fill, line, hatch, back, dots"""
        self.selected = ""
        self.hull: npt.NDArray[np.float64] | None = None
        self.mode = "live"
        self.focused = False
        self.under: Callable[[QPainter], None] | None = None
        """paints over the 3D picture and under everything else"""
        self.films: list[Callable[[QPainter], None]] = []
        """painters of what lies over the whole picture, under all plates and marks"""
        self.marks: list[Marks] = []
        """painters of tools; they return the boxes that labels keep clear of"""
        self.late_marks: list[Callable[[QPainter], None]] = []
        """painters of what lies over the labels"""
        self.split = 0.0
        """pixels from the left up to which `left_badges` stand instead; 0 for none"""
        self.left_badges: tuple[Badge, ...] = ()
        self.project_left: Project | None = None
        self.reserved: Callable[[], list[Box]] = list
        """boxes of widgets that stand over the picture"""
        self._badges: tuple[Badge, ...] = ()
        self.placed: list[Placed] = []
        self._wide: dict[tuple[str, str], float] = {}
        """pixels of a label's words: hundreds are asked for with every picture in a flood"""
        theme().changed.connect(self._wide.clear)

    def set_badges(self, badges: Sequence[Badge]) -> None:
        self._badges = tuple(badges)
        self.update()

    @property
    def badges(self) -> tuple[Badge, ...]:
        return self._badges

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.under is not None:
            painter.save()
            self.under(painter)
            painter.restore()
        for film in self.films:
            painter.save()
            film(painter)
            painter.restore()
        taken = [
            *self._paint_path(painter),
            *self._paint_scale(painter),
            *self._paint_legend(painter),
            *self.reserved(),
        ]
        for paint in self.marks:
            painter.save()
            taken += paint(painter)
            painter.restore()
        self._paint_hull(painter)
        self._paint_badges(painter, taken)
        for late in self.late_marks:
            painter.save()
            late(painter)
            painter.restore()
        self._paint_frame(painter)
        painter.end()

    def _plate(self, painter: QPainter, box: QRectF, border: QPen) -> None:
        painter.setPen(border)
        painter.setBrush(theme().colour("scene.plate"))
        painter.drawRoundedRect(box, 4, 4)

    def _paint_path(self, painter: QPainter) -> list[Box]:
        if not self.path and not self.note:
            return []
        boxes: list[Box] = []
        left = 8.0
        room = self.width() - 24.0 - look_px(48)
        for strong in (True, False):
            font = theme().font("body", 600 if strong and len(self.path) == 1 else None)
            words = crumbs(self.path, QFontMetricsF(font), room) if strong else self.note
            if not words:
                continue
            wide = QFontMetricsF(font).horizontalAdvance(words) + 2 * _PAD
            if boxes and left + wide > self.width() - 8:
                continue  # no half of a note
            box = QRectF(left, 8, wide, look_px(26))
            self._plate(painter, box, QPen(theme().colour("line.subtle"), 1))
            painter.setFont(font)
            painter.setPen(theme().colour("text.primary" if strong else "text.secondary"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
            boxes.append((box.x(), box.y(), box.width(), box.height()))
            left += wide + 8
        return boxes

    def _paint_scale(self, painter: QPainter) -> list[Box]:
        metres, pixels = self.scale
        if not pixels:
            return []
        ink = theme().colour("text.secondary")
        bar = max(pixels, 60)
        plate = QRectF(8, self.height() - 8 - look_px(34), bar + 66, look_px(34))
        self._plate(painter, plate, QPen(theme().colour("line.subtle"), 1))
        left, bottom = 18.0, self.height() - 15.0
        painter.setPen(QPen(ink, 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(
            QPolygonF(
                [
                    QPointF(left, bottom - 6),
                    QPointF(left, bottom),
                    QPointF(left + pixels, bottom),
                    QPointF(left + pixels, bottom - 6),
                ]
            )
        )
        words = f"{metres:g}\u202fm" if metres < 1000 else f"{metres / 1000:g}\u202fkm"
        painter.setFont(theme().font("caption"))
        painter.drawText(
            QRectF(left, bottom - 4 - look_px(18), bar, look_px(18)),
            Qt.AlignmentFlag.AlignHCenter,
            words,
        )
        self._paint_north(painter, QPointF(left + bar + 18, plate.center().y()), ink)
        return [(plate.x(), plate.y(), plate.width(), plate.height())]

    def _paint_north(self, painter: QPainter, middle: QPointF, ink: QColor) -> None:
        painter.save()
        painter.translate(middle)
        painter.save()
        painter.rotate(-self.heading)
        arrow = QPolygonF([QPointF(0, -10), QPointF(6, 7), QPointF(0, 3), QPointF(-6, 7)])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawPolygon(arrow)
        painter.restore()
        painter.setPen(ink)
        painter.setFont(theme().font("caption"))
        painter.drawText(QRectF(12, -9, 20, 18), Qt.AlignmentFlag.AlignVCenter, "N")
        painter.restore()

    def _paint_legend(self, painter: QPainter) -> list[Box]:
        if not self.legend:
            return []
        font = theme().font("caption")
        metrics = QFontMetricsF(font)
        widths = [metrics.horizontalAdvance(words) + 40 for _, _, words in self.legend]
        wide = sum(widths) + 12
        tall = look_px(28)
        box = QRectF(self.width() - wide - 8, self.height() - 8 - tall, wide, tall)
        self._plate(painter, box, QPen(theme().colour("line.subtle"), 1))
        painter.setFont(font)
        left = box.x() + 12
        for (mark, role, words), each in zip(self.legend, widths, strict=True):
            self._paint_key(painter, mark, theme().colour(role), QPointF(left, box.center().y()))
            painter.setPen(theme().colour("text.secondary"))
            painter.drawText(
                QRectF(left + 22, box.y(), each, box.height()),
                Qt.AlignmentFlag.AlignVCenter,
                words,
            )
            left += each
        return [(box.x(), box.y(), box.width(), box.height())]

    def _paint_key(self, painter: QPainter, mark: str, ink: QColor, at: QPointF) -> None:
        square = QRectF(at.x(), at.y() - 5, 14, 10)
        if mark == "line":
            painter.setPen(QPen(ink, 2.2))
            painter.drawLine(at, QPointF(at.x() + 14, at.y()))
            return
        painter.setPen(QPen(theme().colour("line.outlineState"), 1))
        if mark == "hatch":
            painter.setPen(QPen(ink, 1))
            painter.setBrush(QBrush(ink, Qt.BrushStyle.BDiagPattern))
        elif mark == "back":
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.setBrush(QBrush(ink, Qt.BrushStyle.FDiagPattern))
        elif mark == "dots":
            painter.setPen(QPen(ink, 1, Qt.PenStyle.DotLine))
            painter.setBrush(QBrush(ink, Qt.BrushStyle.Dense7Pattern))
        elif mark == "faint":
            faint = QColor(ink)
            faint.setAlphaF(0.4)
            painter.setPen(QPen(ink, 1))
            painter.setBrush(faint)
        else:
            painter.setBrush(ink)
        painter.drawRect(square)

    def _paint_hull(self, painter: QPainter) -> None:
        if self.hull is None or len(self.hull) < 2:
            return
        painter.setPen(QPen(theme().colour("text.secondary"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        points = [QPointF(float(x), float(y)) for x, y in self.hull]
        if len(points) == 2:
            painter.drawLine(points[0], points[1])
        else:
            painter.drawPolygon(QPolygonF(points))

    # ---------------------------------------------------------------- badges
    def _sized(self, badge: Badge, x: float, y: float) -> Spot:
        if not badge.title:
            return Spot(badge, x, y)
        words = self._wide.get((badge.title, badge.text))
        if words is None:
            strong = QFontMetricsF(theme().font("bodyStrong"))
            small = QFontMetricsF(theme().font("caption"))
            words = max(strong.horizontalAdvance(badge.title), small.horizontalAdvance(badge.text))
            if len(self._wide) >= MOST_KEPT:
                self._wide.clear()
            self._wide[badge.title, badge.text] = words
        icon = 28 if badge.priority or badge.letter or badge.dashed else 0
        tall = look_px(40) if badge.text else look_px(26)
        return Spot(badge, x, y, words + icon + 2 * _PAD, tall)

    def _paint_badges(self, painter: QPainter, taken: Sequence[Box]) -> None:
        self.placed = []
        spots = self._spots(self._badges, self.project, self.split, math.inf)
        if self.split:
            spots += self._spots(self.left_badges, self.project_left, -math.inf, self.split)
        if not spots:
            return
        self.placed = lay_out(spots, self.width(), self.height(), taken, self.selected)
        painter.save()
        free = QRegion(self.rect())
        for box in taken:  # no line crosses words on a plate
            free -= QRegion(QRectF(*box).toAlignedRect())
        painter.setClipRegion(free)
        for one in reversed(self.placed):
            away = (QRectF(*one.box).center() - QPointF(one.x, one.y)).manhattanLength()
            if one.label or away > GLYPH_PX / 2:
                self._paint_leader(painter, one)
        painter.restore()
        for one in reversed(self.placed):
            if one.label:
                self._paint_label(painter, one)
            else:
                self._paint_glyph(painter, one)

    def _spots(
        self, badges: Sequence[Badge], project: Project | None, low: float, high: float
    ) -> list[Spot]:
        """Badges in sight whose anchors lie between two pixels from the left."""
        if not badges or project is None:
            return []
        low = -math.inf if not self.split else low
        return [
            self._sized(badge, float(x), float(y))
            for badge, (x, y) in zip(badges, project(badges), strict=True)
            if math.isfinite(x) and math.isfinite(y) and low <= x < high
        ]

    def _paint_leader(self, painter: QPainter, one: Placed) -> None:
        left, top, wide, tall = one.box
        ink = theme().colour("text.primary")
        painter.setPen(QPen(ink, 1))
        x = min(max(one.x, left + 8), left + wide - 8)
        y = top if one.y < top else top + tall
        painter.drawLine(QPointF(x, y), QPointF(one.x, one.y))
        painter.setBrush(ink)
        painter.drawEllipse(QPointF(one.x, one.y), 2.5, 2.5)

    def _paint_label(self, painter: QPainter, one: Placed) -> None:
        look, badge = theme(), one.badge
        box = QRectF(*one.box)
        chosen = badge.asset == self.selected
        border = QPen(
            look.colour("scene.selected" if chosen else "line.strong"), 2 if chosen else 1
        )
        if badge.dashed:
            border.setStyle(Qt.PenStyle.DashLine)
        self._plate(painter, box, border)
        left = box.x() + _PAD
        if badge.priority:
            middle = QPointF(left + 9, box.center().y())
            draw_glyph(painter, middle, badge.priority, AlarmState(badge.state), 18)
            left += 28
        elif badge.dashed:
            mark = QRectF(left, box.center().y() - 8, 18, 16)
            painter.setPen(QPen(look.colour("text.secondary"), 1))
            painter.setBrush(QBrush(look.colour("text.secondary"), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(mark)
            left += 28
        elif badge.letter:
            painter.setFont(look.font("bodyStrong"))
            painter.setPen(look.colour("text.primary"))
            painter.drawText(
                QRectF(left, box.y(), 18, box.height()), Qt.AlignmentFlag.AlignVCenter, badge.letter
            )
            left += 28
        room = box.right() - left
        painter.setFont(look.font("bodyStrong"))
        painter.setPen(look.colour("text.primary"))
        title = QRectF(
            left, box.y() + (3 if badge.text else 0), room, look_px(20 if badge.text else 26)
        )
        painter.drawText(title, Qt.AlignmentFlag.AlignVCenter, badge.title)
        if badge.text:
            painter.setFont(look.font("caption"))
            painter.setPen(look.colour("text.secondary"))
            painter.drawText(
                QRectF(left, box.y() + look_px(20), room, look_px(18)),
                Qt.AlignmentFlag.AlignVCenter,
                badge.text,
            )

    def _paint_glyph(self, painter: QPainter, one: Placed) -> None:
        look, middle = theme(), QRectF(*one.box).center()
        if one.badge.priority:
            draw_glyph(painter, middle, one.badge.priority, AlarmState(one.badge.state), GLYPH_PX)
        else:
            box = QRectF(*one.box)
            self._plate(painter, box, QPen(look.colour("line.strong"), 1))
            painter.setFont(look.font("bodyStrong"))
            painter.setPen(look.colour("text.primary"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, one.badge.letter)
        if one.count > 1:
            words = str(one.count)
            font = look.font("tick", 600)
            wide = QFontMetricsF(font).horizontalAdvance(words) + 8
            box = QRectF(middle.x() + 6, middle.y() - 18, max(wide, 15), 14)
            self._plate(painter, box, QPen(look.colour("line.strong"), 1))
            painter.setFont(font)
            painter.setPen(look.colour("text.primary"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_frame(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.mode == "scenario":
            pen = QPen(theme().colour("mode.scenario"), 4)
            pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.drawRect(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        if self.focused:
            path = QPainterPath()
            path.addRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 4, 4)
            painter.setPen(QPen(theme().colour("action.focus"), theme().stroke("focus")))
            painter.drawPath(path)
