"""The line at the foot of the 3D view: where the pointer is, and whose data are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from lamplighter.domain.layers import Layer
from lamplighter.domain.places import LocalMap, degrees_text, local_map
from lamplighter.ui.attributes_panel import attribution_line
from lamplighter.ui.desk import Desk
from lamplighter.ui.theme import theme

if TYPE_CHECKING:
    from lamplighter.ui.twin_view import TwinView

HIGH = 24
AFTER_SCALE = 8


class PlaceLine(QWidget):
    """Two plates over the view: coordinates beside the scale bar, attribution over the legend."""

    def __init__(self, desk: Desk, view: TwinView) -> None:
        super().__init__(view.overlay)  # over the 3D picture, wherever that is raised
        self._desk, self._view = desk, view
        self._map: LocalMap | None = None
        self.place = ""
        self.attribution = ""
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        view.installEventFilter(self)
        view.pointed.connect(self._pointed)
        desk.city_changed.connect(self._city_changed)
        desk.layer_view_changed.connect(self._city_changed)
        theme().changed.connect(self.update)
        self._fit()
        self._city_changed()
        self.show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._view and event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        tall = 2 * HIGH + 52
        self.setGeometry(0, max(0, self._view.height() - tall), self._view.width(), tall)

    def shown_layers(self) -> list[Layer]:
        """The imported files that the picture shows."""
        view = self._desk.layer_view
        layers = self._desk.city.imported.values()
        if view.isolated:
            return [layer for layer in layers if layer.id == view.isolated]
        return [layer for layer in layers if layer.id not in view.hidden]

    def _city_changed(self, *_: object) -> None:
        self._map = local_map(self._desk.city.assets.values())
        words = attribution_line(self.shown_layers())
        if words != self.attribution:
            self.attribution = words
            self.setAccessibleName(words)
            self.update()

    def _pointed(self, at: object) -> None:
        words = self.words_at(at) if isinstance(at, QPointF) else ""
        if words != self.place:
            self.place = words
            self.update(0, self.height() - HIGH - 14, self.width(), HIGH + 14)

    def words_at(self, at: QPointF) -> str:
        """Degrees, map coordinates and height of what lies at a place of the view."""
        scene, view = self._view.scene, self._view
        if scene is None:
            return ""
        hit = scene.surface_at(at.x(), at.y(), view.width(), view.height())
        if hit is None:
            return ""
        x, y, z = hit.place
        frame = self._desk.city.frame
        parts = []
        if self._map is not None:
            parts.append(degrees_text(*self._map.lonlat(x, y)))
        if frame is not None:
            east, north = f"{frame.east + x:,.1f}", f"{frame.north + y:,.1f}"
            grouped = f"E {east}  N {north}".replace(",", "\u202f")
            parts.append(f"{grouped}  EPSG:{frame.epsg}")
            z += frame.up
        parts.append(f"{z:.1f}\u202fm".replace("-", "\u2212"))
        return "   ".join(parts)

    # ---------------------------------------------------------------- painting
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        foot = self.height() - 10
        left = self._after_scale()
        if self.place:
            taken = self._legend_width()
            if not self._view.overlay.legend and self.attribution:
                taken = self._wide(self.attribution) + 8
            room = self.width() - left - taken - 16
            self._plate(painter, self.place, left, foot - HIGH, room, "text.primary")
        if self.attribution:
            beside = 0.0 if self._view.overlay.legend else self._after_scale()
            top = foot - (2 * HIGH + 12 if self._view.overlay.legend else HIGH)
            right = self._right_of_plate(top)
            wide = min(right - 8.0 - beside, self._wide(self.attribution))
            self._plate(painter, self.attribution, right - wide, top, wide, "text.secondary")
        painter.end()

    def _right_of_plate(self, top: float) -> float:
        """Where a plate at this height ends: before the buttons of a low view, if they reach it."""
        belt = getattr(self._view, "belt", None)
        if belt is not None and belt.column.isVisible():
            column = belt.column.geometry()
            if column.bottom() + 4 > self.y() + top:
                return float(column.left()) - 8.0
        return self.width() - 8.0

    def _after_scale(self) -> float:
        _, pixels = self._view.overlay.scale
        return 8.0 + (max(pixels, 60) + 66 + AFTER_SCALE if pixels else 0)

    def _legend_width(self) -> float:
        metrics = QFontMetricsF(theme().font("caption"))
        rows = self._view.overlay.legend
        return sum(metrics.horizontalAdvance(words) + 40 for _, _, words in rows) + 28

    def _wide(self, words: str) -> float:
        return QFontMetricsF(theme().font("tick")).horizontalAdvance(words) + 16

    def _plate(
        self, painter: QPainter, words: str, left: float, top: float, room: float, ink: str
    ) -> None:
        look = theme()
        if room < 80:
            return
        box = QRectF(left, top, min(room, self._wide(words)), HIGH)
        painter.setPen(QPen(look.colour("line.subtle"), 1))
        painter.setBrush(look.colour("scene.plate"))
        painter.drawRoundedRect(box, 4, 4)
        painter.setFont(look.font("tick"))
        painter.setPen(look.colour(ink))
        metrics = QFontMetricsF(look.font("tick"))
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, box.width() - 14)
        painter.drawText(box.adjusted(8, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter, shown)
