"""Axes of a chart: local time below, and one value axis per unit on either side.

The plot itself is drawn between 0 and 1. Each unit has a scale of its own, and its axis says what
0..1 means in it: so curves of several units share one picture without bending each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtGui import QColor

from lamplighter.ui import numbers
from lamplighter.ui.time_axis import local_ticks
from lamplighter.ui.units import Conversion, display

MOST_AXES: Final = 4
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """What 0 and 1 of the plot mean in a unit."""

    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    words: tuple[str, ...] = ()
    """texts of the values 0, 1, 2 ... where a datastream tells states"""

    def place(self, values: Floats) -> Floats:
        """Values as heights in the plot."""
        found: Floats = (values - self.low) / (self.high - self.low)
        return found

    def at(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def step_of(low: float, high: float, most: int = 4) -> float:
    """A round step (1, 2 or 5 times a power of ten) that gives about `most` marks."""
    wanted = (high - low) / most
    if not np.isfinite(wanted) or wanted <= 0:
        return 1.0
    power = 10 ** np.floor(np.log10(wanted))
    return float(next((m * power for m in (1, 2, 5, 10) if m * power >= wanted), 10 * power))


class TimeAxis(pg.AxisItem):  # type: ignore[misc]
    """Local time from seconds to decades; see `time_axis`."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        most = max(2, min(8, round(size / 90)))
        self._words = dict(local_ticks(round(low * 1000), round(high * 1000), most))
        return [(1.0, [at / 1000 for at in self._words])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        words: dict[int, str] = getattr(self, "_words", {})
        return [words.get(round(v * 1000), "") for v in values]


class ValueAxis(pg.AxisItem):  # type: ignore[misc]
    """Three to five numbers of one unit, with a true minus; the unit stands at the top."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self._scale_of = Scale()
        self._shown: Conversion | None = None
        self._dress: tuple[object, ...] = ()
        self.percent = False

    def dress(self, on: bool, wide: int, unit: str, ink: QColor) -> None:
        """Whether it is there, its width, what it is called and its colour."""
        wanted = (on, wide, unit, ink.rgba())
        if wanted == self._dress:
            return
        self._dress = wanted
        self.setVisible(on)
        self.setWidth(wide)
        self.setLabel(unit) if unit else self.showLabel(False)
        self.setTextPen(pg.mkPen(ink))

    def set_scale(self, scale: Scale) -> None:
        """What 0..1 means from now on."""
        shown = None if scale.words or self.percent else display.of(scale.unit)
        if scale != self._scale_of or shown != self._shown:
            self._scale_of, self._shown = scale, shown
            self.picture = None
            self.update()

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        scale = self._scale_of
        bottom, top = self._range()
        step = step_of(bottom, top, max(2, min(5, round(size / 32))))
        step = max(1.0, step) if scale.words else step
        first = np.ceil(bottom / step) * step
        values = np.arange(first, top + step * 1e-6, step)
        if self._shown is not None:
            values = (values - self._shown.offset) / self._shown.factor
        return [(1.0, [float(v) for v in scale.place(values) if -1e-9 <= v <= 1 + 1e-9])]

    def _range(self) -> tuple[float, float]:
        """Bottom and top in the unit that is shown."""
        own, shown = self._scale_of, self._shown
        if shown is None:
            return own.low, own.high
        return shown.value(own.low), shown.value(own.high)

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        own = self._scale_of
        bottom, top = self._range()
        step = step_of(bottom, top)
        real = [bottom + v * (top - bottom) for v in values]
        if own.words:
            size = len(own.words)
            return [own.words[round(v)] if 0 <= round(v) < size else "" for v in real]
        if self.percent:
            return [f"{v:.0f}" for v in real]
        if abs(top) >= 1e5 or abs(bottom) >= 1e5:
            return [_short(v) for v in real]
        return [numbers.number(v, step if step < 1 else 1) for v in real]


def _short(value: float) -> str:
    """`1.2 M` for what has no room."""
    for size, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{numbers.number(value / size, 0.1)}{numbers.THIN}{word}"
    return numbers.number(value, 1)
