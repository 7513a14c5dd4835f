"""How a row of the alarm list is painted."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from lamplighter.domain.alarm import AlarmState
from lamplighter.ui.alarm_filter import QUIET
from lamplighter.ui.alarm_model import ASSET, GLYPH, PEOPLE, STATE, AlarmModel, Index
from lamplighter.ui.blink import Blink
from lamplighter.ui.glyphs import draw_glyph
from lamplighter.ui.theme import theme


class StateDelegate(QStyledItemDelegate):
    """Paints the whole row: glyph cell, bold when unacknowledged, muted when set aside."""

    def __init__(self, model: AlarmModel, blink: Blink, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._blink = model, blink

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look, node = theme(), self._model.node(index)
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        record = node.record
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, look.colour("bg.selected"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, look.colour("bg.hover"))
        elif node.incident is not None:
            painter.fillRect(box, look.colour("bg.raised"))
        column = index.column()
        if column == GLYPH:
            blinking = record.state is AlarmState.UNACK
            if not blinking or self._blink.on:
                inset = 20 if node.parent is None or node.parent.parent is None else 26
                centre = QPointF(box.left() + inset, box.center().y() + 0.5)
                draw_glyph(painter, centre, record.priority, record.state, look.px(16))
            return
        strong = record.state in {AlarmState.UNACK, AlarmState.LATCHED}
        role = "text.primary"
        if record.state in QUIET:
            role = "text.muted"
        elif record.state is AlarmState.RTN_UNACK or (column == STATE and not strong):
            role = "text.secondary"
        painter.setPen(look.colour("text.onSelected" if selected else role))
        bold = strong or node.incident is not None or (column == ASSET and role == "text.primary")
        painter.setFont(look.font("bodyStrong" if bold else "body"))
        text = self._model.text_of(node, column)
        inner = QRectF(box).adjusted(4, 0, -8, 0)
        side = Qt.AlignmentFlag.AlignRight if column == PEOPLE else Qt.AlignmentFlag.AlignLeft
        shown = painter.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideRight, max(10, int(inner.width()))
        )
        painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, shown)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        look = theme()
        return QSize(80, look.px(26) if look.density == "comfortable" else look.row)
