"""The last minutes of a suspect datastream over its neighbours, each in its own spreads.

Different units stand on one axis: what matters is whether the curves go together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF

from lamplighter.domain import wire
from lamplighter.ui import numbers
from lamplighter.ui.parts import Canvas
from lamplighter.ui.theme import theme
from lamplighter.ui.words import tr

HIGH: Final = 150
LINE_H: Final = 16
SPREADS: Final = 4.0


def in_spreads(values: tuple[float | None, ...], calm: float = 0.6) -> npt.NDArray[np.float64]:
    """(n,) how far each value lies from the median of the first part, in that part's spreads."""
    column = np.array([np.nan if v is None else v for v in values], np.float64)
    first = column[: max(2, int(len(column) * calm))]
    first = first[np.isfinite(first)]
    if not first.size:
        return column
    middle = float(np.median(first))
    wide = float(1.4826 * np.median(np.abs(first - middle))) or float(first.std()) or 1.0
    return (column - middle) / wide


class EvidenceCurve(Canvas):
    """The suspect drawn strong, its neighbours faint and named below."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: wire.Evidence | None = None
        self._curves: list[npt.NDArray[np.float64]] = []
        self.setMinimumHeight(theme().px(HIGH))
        self.setAccessibleName(tr("The last minutes beside its neighbours"))
        self.hide()

    def show_evidence(self, found: wire.Evidence | None) -> None:
        """Draw these curves; None hides them."""
        self._shown = found if found is not None and found.curves and found.time_ms else None
        self._curves = [in_spreads(c.values) for c in self._shown.curves] if self._shown else []
        self.setVisible(bool(self._curves))
        if self._shown is not None:
            self.setAccessibleDescription(
                tr("{name} over {others}", name=self._shown.curves[0].name,
                   others=", ".join(c.name for c in self._shown.curves[1:]))
            )  # fmt: skip
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, theme().px(HIGH))

    def paintEvent(self, event: QPaintEvent) -> None:
        found = self._shown
        if found is None:
            return
        painter, look = QPainter(self), theme()
        foot = look.px(LINE_H) * (1 + len(self._curves))
        box = QRectF(0, 1, self.width() - 1.0, max(40.0, self.height() - foot - 2.0))
        painter.fillRect(box, look.colour("chart.plot"))
        painter.setPen(QPen(look.colour("chart.grid"), 1))
        middle = box.center().y()
        painter.drawLine(QPointF(box.left(), middle), QPointF(box.right(), middle))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tones = ("chart.trace1", "text.secondary", "text.muted", "text.muted")
        for at in reversed(range(len(self._curves))):
            pen = QPen(look.colour(tones[min(at, 3)]), 2.0 if at == 0 else 1.2)
            if at > 1:
                pen.setStyle(Qt.PenStyle.DashLine if at == 2 else Qt.PenStyle.DotLine)
            painter.setPen(pen)
            self._draw(painter, box, self._curves[at])
        self._legend(painter, box, found, tones)
        painter.end()

    def _draw(self, painter: QPainter, box: QRectF, curve: npt.NDArray[np.float64]) -> None:
        count = max(curve.size - 1, 1)
        unit = box.height() / 2 / SPREADS
        line: list[QPointF] = []
        for at, value in enumerate(curve.tolist()):
            if value != value:
                painter.drawPolyline(QPolygonF(line))
                line = []
                continue
            y = box.center().y() - min(max(value, -SPREADS), SPREADS) * unit
            line.append(QPointF(box.left() + at / count * box.width(), y))
        painter.drawPolyline(QPolygonF(line))

    def _legend(
        self, painter: QPainter, box: QRectF, found: wire.Evidence, tones: tuple[str, ...]
    ) -> None:
        look = theme()
        painter.setFont(look.font("tick"))
        y, tall = box.bottom() + 2, look.px(LINE_H)
        ends = (found.time_ms[0], found.time_ms[-1])
        painter.setPen(look.colour("text.muted"))
        painter.drawText(QRectF(0, y, self.width(), tall), _LEFT, numbers.clock(ends[0]))
        painter.drawText(QRectF(0, y, self.width() - 2, tall), _RIGHT, numbers.clock(ends[1]))
        for at, curve in enumerate(found.curves):
            y += tall
            pen = QPen(look.colour(tones[min(at, 3)]), 2.0 if at == 0 else 1.2)
            if at > 1:
                pen.setStyle(Qt.PenStyle.DashLine if at == 2 else Qt.PenStyle.DotLine)
            painter.setPen(pen)
            painter.drawLine(QPointF(2, y + tall / 2), QPointF(22, y + tall / 2))
            painter.setPen(look.colour("text.primary" if at == 0 else "text.secondary"))
            last = next((v for v in reversed(curve.values) if v is not None), None)
            value = "" if last is None else f"  {last:.4g} {curve.unit}".rstrip()
            painter.drawText(QRectF(28, y, self.width() - 30, tall), _LEFT, curve.name + value)


_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
