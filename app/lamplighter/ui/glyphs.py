"""Alarm glyphs and line icons, drawn once per look and kept in the pixmap cache."""

from __future__ import annotations

import functools

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.resources import resource
from lamplighter.ui.theme import Theme, theme

_MARKS = {
    AlarmState.SHELVED: "shelved",
    AlarmState.SUPPRESSED: "suppressed",
    AlarmState.OUT_OF_SERVICE: "out_of_service",
}
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{}</svg>'


@functools.cache
def _icon_source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


def _render(svg: str, size: float, ratio: float) -> QPixmap:
    pixmap = QPixmap(max(1, round(size * ratio)), max(1, round(size * ratio)))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


def icon_pixmap(
    name: str, size: float = 16, colour: QColor | None = None, ratio: float = 1.0
) -> QPixmap:
    """A line icon of `resources/icons` in one colour (text.secondary without one)."""
    ink = (colour or theme().colour("text.secondary")).name()
    key = f"icon/{name}/{size}/{ink}/{ratio}"
    found = QPixmap()
    if not QPixmapCache.find(key, found):
        found = _render(_icon_source(name).replace("currentColor", ink), size, ratio)
        QPixmapCache.insert(key, found)
    return found


def icon(name: str, size: int = 16, role: str = "text.secondary") -> QIcon:
    """The same as a QIcon, coloured by a token."""
    return QIcon(icon_pixmap(name, size, theme().colour(role), 2.0))


def glyph_pixmap(
    priority: int,
    state: AlarmState = AlarmState.ACKED,
    size: float = 16,
    ratio: float = 1.0,
    *,
    hollow: bool = False,
) -> QPixmap:
    """The glyph of a priority 1..4 in one alarm state."""
    look = theme()
    key = f"glyph/{priority}/{state}/{size}/{ratio}/{look.name}/{hollow}"
    found = QPixmap()
    if not QPixmapCache.find(key, found):
        found = _draw(look, priority, state, size, ratio, hollow)
        QPixmapCache.insert(key, found)
    return found


def _draw(
    look: Theme, priority: int, state: AlarmState, size: float, ratio: float, hollow: bool
) -> QPixmap:
    mark = _MARKS.get(state)
    if mark is not None:
        return icon_pixmap(mark, size, look.colour("state.hollow"), ratio)
    returned = state is AlarmState.RTN_UNACK
    open_shape = hollow or returned
    path = look.tokens.glyph(priority).path
    if open_shape:
        ink = look.colour("state.hollow")
        if returned and look.dark:
            ink = look.state(priority)
        body = f'<path d="{path}" fill="none" stroke="{ink.name()}" stroke-width="1.6"/>'
        text = look.colour("text.primary") if returned else ink
    else:
        fill, edge = look.state(priority).name(), look.colour("line.outlineState").name()
        body = (
            f'<path d="{path}" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{look.outline * 16 / size:.2f}" stroke-linejoin="round"/>'
        )
        text = look.colour("text.onState")
    pixmap = _render(_SVG.format(body), size, ratio)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    font = QFont(look.font("tick", 600))
    font.setPixelSize(max(6, round(9.5 * size / 16)))
    painter.setFont(font)
    painter.setPen(text)
    lower = 1.3 * size / 16 if priority == 2 else 0.0
    box = QRectF(QPointF(0, lower), QSizeF(size, size))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(priority))
    if state is AlarmState.LATCHED:
        painter.fillRect(QRectF(2, size - 1.6, size - 4, 1.6), look.colour("text.primary"))
    painter.end()
    return pixmap


def draw_glyph(
    painter: QPainter,
    centre: QPointF,
    priority: int,
    state: AlarmState = AlarmState.ACKED,
    size: float = 16,
) -> None:
    """Paints the glyph around a point."""
    ratio = painter.device().devicePixelRatioF()
    half = size / 2
    pixmap = glyph_pixmap(priority, state, size, ratio)
    painter.drawPixmap(QPointF(centre.x() - half, centre.y() - half), pixmap)
