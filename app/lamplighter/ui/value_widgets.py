"""Widgets that show one `ValueModel`: big value, value bar, provenance line, chip."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from lamplighter.ui import numbers
from lamplighter.ui.glyphs import icon_pixmap
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.value_model import TRUST_FLOOR, ValueModel, blank
from lamplighter.ui.words import tr

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class ValueWidget(Canvas):
    """Base: holds the model and always tells the whole of it to assistive technology."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = blank("")
        self.priority = 0

    @property
    def value_model(self) -> ValueModel:
        return self._model

    def show_value(self, model: ValueModel, priority: int = 0) -> None:
        self.priority = priority
        if model != self._model:
            self._model = model
            text = model.describe()
            self.setAccessibleName(model.name)
            self.setAccessibleDescription(text)
            self.setToolTip(text)
            self.updateGeometry()
        self.update()


class BigValue(ValueWidget):
    """The faceplate's value with unit, and expectation with gap at the right."""

    def sizeHint(self) -> QSize:
        return QSize(280, theme().px(48))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, theme().px(48))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, model = theme(), self._model
        painter = QPainter(self)
        box = QRectF(self.rect())
        known = model.known
        words = bool(model.states) or not known
        painter.setFont(look.font("heading" if words else "valueL"))
        painter.setPen(look.colour("text.primary" if model.live else "text.muted"))
        text = model.text + ("" if model.live or not known else " ?")
        painter.drawText(box, _LEFT, text)
        left = painter.fontMetrics().horizontalAdvance(text) + 8
        painter.setFont(look.font("body"))
        painter.setPen(look.colour("text.secondary"))
        if known and not words:
            painter.drawText(box.adjusted(left, 8, 0, 8), _LEFT, model.unit)
            left += painter.fontMetrics().horizontalAdvance(model.unit)
        half = box.height() / 2
        room = int(box.width() - left - 12)
        painter.setFont(look.font("caption"))
        if painter.fontMetrics().horizontalAdvance(model.expected_text) <= room:
            painter.drawText(QRectF(0, 0, box.width(), half), _RIGHT, model.expected_text)
        painter.setFont(look.font("caption", 600))
        painter.setPen(look.colour("text.primary"))
        if painter.fontMetrics().horizontalAdvance(model.gap_text) <= room:
            painter.drawText(QRectF(0, half, box.width(), half), _RIGHT, model.gap_text)
        painter.end()


class ValueBar(ValueWidget):
    """Range with normal band, limits named below, expected band as a bracket above, pointer."""

    def sizeHint(self) -> QSize:
        return QSize(280, theme().px(40))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, theme().px(40))

    def span(self) -> tuple[float, float] | None:
        """Shown range: the limits with a margin, else around what is expected."""
        model = self._model
        limits = model.limits
        marks = [
            x for x in (limits.low_low, limits.low, limits.high, limits.high_high) if x is not None
        ]
        if model.expected is not None:
            wide = abs(model.spread or 0.0) * 3
            marks += [model.expected - wide, model.expected + wide]
        if len(marks) < 2 and model.known:
            value = float(model.value or 0.0)
            marks += [value - abs(value) * 0.5, value + abs(value) * 0.5]
        if len(marks) < 2 or max(marks) - min(marks) < 1e-12:
            return None
        margin = (max(marks) - min(marks)) * 0.12
        return min(marks) - margin, max(marks) + margin

    def paintEvent(self, event: QPaintEvent) -> None:
        look, model, span = theme(), self._model, self.span()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(7, 10, self.width() - 14, 8)
        painter.setPen(QPen(look.colour("line.strong"), 1))
        painter.setBrush(look.colour("bg.inset"))
        painter.drawRect(bar)
        if span is None or model.states:
            painter.end()
            return
        low, high = span

        def x_of(value: float) -> float:
            return bar.left() + (value - low) / (high - low) * bar.width()

        limits = model.limits
        if limits.low is not None or limits.high is not None:
            first = x_of(limits.low) if limits.low is not None else bar.left()
            last = x_of(limits.high) if limits.high is not None else bar.right()
            band = QRectF(first, bar.top() + 1, last - first, bar.height() - 1)
            painter.fillRect(band, look.colour("line.subtle"))
        if model.expected is not None:
            wide = abs(model.spread or 0.0)
            first, last = x_of(model.expected - wide), x_of(model.expected + wide)
            bracket = QRectF(first, bar.top() - 5, max(4.0, last - first), 3)
            painter.fillRect(bracket, look.colour("text.secondary"))
        self._paint_limits(painter, bar, x_of)
        self._paint_pointer(painter, bar, span)
        painter.end()

    def _paint_limits(self, painter: QPainter, bar: QRectF, x_of: object) -> None:
        look, model = theme(), self._model
        limits = model.limits
        painter.setFont(look.font("tick"))
        painter.setPen(QPen(look.colour("text.secondary"), look.stroke("graphic")))
        last_right = -1.0
        for word, value in (
            ("LL", limits.low_low),
            ("L", limits.low),
            ("H", limits.high),
            ("HH", limits.high_high),
        ):
            if value is None:
                continue
            x = x_of(value)  # type: ignore[operator]
            painter.drawLine(QPointF(x, bar.top() - 2), QPointF(x, bar.bottom() + 2))
            text = f"{word} {numbers.number(value, max(model.resolution, 0.1))}"
            width = painter.fontMetrics().horizontalAdvance(text)
            left = min(max(0.0, x - width / 2), self.width() - width)
            if left > last_right + 4:
                painter.drawText(QRectF(left, bar.bottom() + 3, width + 2, 16), _CENTRE, text)
                last_right = left + width

    def _paint_pointer(self, painter: QPainter, bar: QRectF, span: tuple[float, float]) -> None:
        look, model = theme(), self._model
        if not model.known:
            return
        where = (float(model.value or 0.0) - span[0]) / (span[1] - span[0])
        x, y = bar.left() + min(1.0, max(0.0, where)) * bar.width(), bar.center().y()
        ink = look.colour("text.primary" if model.live else "text.muted")
        if self.priority:
            ink = look.state(self.priority)
        painter.setPen(QPen(look.colour("line.outlineState"), 1))
        painter.setBrush(ink)
        if 0 <= where <= 1:
            shape = [QPointF(x, y - 7), QPointF(x + 5, y), QPointF(x, y + 7), QPointF(x - 5, y)]
        else:
            tip = 6 if where > 1 else -6
            shape = [QPointF(x, y - 6), QPointF(x + tip, y), QPointF(x, y + 6)]
        painter.drawPolygon(QPolygonF(shape))


class Provenance(ValueWidget):
    """`age · kind · quality · trust · path`, in this order everywhere; wraps to a second line."""

    def sizeHint(self) -> QSize:
        return QSize(280, theme().px(40))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, theme().px(40))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, model = theme(), self._model
        painter = QPainter(self)
        painter.setPen(look.colour("line.subtle"))
        painter.drawLine(0, 0, self.width(), 0)
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)
        x, y, line = 0, 3, look.px(17)
        if not model.live or model.trust < TRUST_FLOOR:
            pixmap = icon_pixmap("stale", 12, look.colour("text.primary"), self.devicePixelRatioF())
            painter.drawPixmap(QPointF(0, y + (line - 12) / 2), pixmap)
            x = 18
        for number, part in enumerate(p for p in model.provenance if p):
            strong = number == 0 or (number == 2 and not model.live)
            painter.setFont(look.font("caption", 600 if strong else 400))
            painter.setPen(look.colour("text.primary" if strong else "text.secondary"))
            width = painter.fontMetrics().horizontalAdvance(part)
            if x + width > self.width() and x > 0:
                x, y = 0, y + line
            painter.drawText(QRectF(x, y, width + 2, line), _LEFT, part)
            x += width + 12
        painter.end()


class ValueLine(ValueWidget):
    """One further value of an asset in a row: name, value with unit, mark when not live."""

    def sizeHint(self) -> QSize:
        return QSize(240, theme().px(24))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, theme().px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        look, model = theme(), self._model
        painter = QPainter(self)
        box = QRectF(self.rect())
        painter.setFont(look.font("bodyStrong"))
        text = model.text_with_unit
        width = painter.fontMetrics().horizontalAdvance(text)
        painter.setPen(look.colour("text.primary" if model.live else "text.muted"))
        painter.drawText(box, _RIGHT, text)
        left = 0.0
        painter.setFont(look.font("caption"))
        if not model.live:
            pixmap = icon_pixmap("stale", 12, look.colour("text.primary"), self.devicePixelRatioF())
            painter.drawPixmap(QPointF(0, box.center().y() - 6), pixmap)
            left = 18
            text = numbers.age(model.age_s) if model.age_s is not None else tr("no data")
            painter.setPen(look.colour("text.primary"))
            painter.drawText(box.adjusted(0, 0, -(width + 8), 0), _RIGHT, text)
            width += painter.fontMetrics().horizontalAdvance(text) + 8
        painter.setPen(look.colour("text.secondary"))
        room = int(box.width() - left - width - 10)
        name = painter.fontMetrics().elidedText(model.name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(box.adjusted(left, 0, 0, 0), _LEFT, name)
        painter.end()
