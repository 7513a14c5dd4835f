"""What stands between two cursors: values, difference, mean and integral of each curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from lamplighter.domain.city import Datastream
from lamplighter.ui import numbers
from lamplighter.ui.series import Trace
from lamplighter.ui.theme import theme
from lamplighter.ui.units import display, shown, shown_span, shown_unit
from lamplighter.ui.words import tr


@dataclass(frozen=True, slots=True)
class Between:
    """One curve between two times. Values in its unit, None where nothing is known."""

    at_a: float | None
    at_b: float | None
    mean: float | None
    """over the time that is covered by points, not by holes"""
    integral: float | None
    """unit x hours over the covered time"""
    low: float | None
    high: float | None
    covered: float
    """share 0..1 of the stretch that points cover"""
    hours: float = 0.0
    """how long that is"""

    @property
    def difference(self) -> float | None:
        return None if self.at_a is None or self.at_b is None else self.at_b - self.at_a


def value_at(trace: Trace, ms: int, hole_ms: float) -> float | None:
    """The last value by then, None when it is older than a hole or not a number."""
    row = int(np.searchsorted(trace.time_ms, ms, side="right")) - 1
    if row < 0 or ms - int(trace.time_ms[row]) > hole_ms or not np.isfinite(trace.value[row]):
        return None
    return float(trace.value[row])


def between(trace: Trace, a_ms: int, b_ms: int, hole_ms: float) -> Between:
    """Straight lines from point to point; what lies further apart than a hole does not count."""
    first, last = min(a_ms, b_ms), max(a_ms, b_ms)
    time, value = trace.time_ms.astype(np.float64), trace.value
    inside = (trace.time_ms >= first) & (trace.time_ms <= last) & np.isfinite(value)
    low = float(np.nanmin(trace.low[inside])) if inside.any() else None
    high = float(np.nanmax(trace.high[inside])) if inside.any() else None
    area = covered = 0.0
    if len(time) > 1:
        t0, t1, v0, v1 = time[:-1], time[1:], value[:-1], value[1:]
        begin, end = np.maximum(t0, first), np.minimum(t1, last)
        good = (end > begin) & (t1 - t0 <= hole_ms) & np.isfinite(v0) & np.isfinite(v1)
        slope = (v1[good] - v0[good]) / (t1[good] - t0[good])
        left = v0[good] + slope * (begin[good] - t0[good])
        right = v0[good] + slope * (end[good] - t0[good])
        wide = end[good] - begin[good]
        area, covered = float((0.5 * (left + right) * wide).sum()), float(wide.sum())
    return Between(
        value_at(trace, a_ms, hole_ms),
        value_at(trace, b_ms, hole_ms),
        area / covered if covered else None,
        area / 3_600_000 if covered else None,
        low,
        high,
        covered / (last - first) if last > first else 0.0,
        covered / 3_600_000,
    )


class Readout(QTableWidget):
    """A row for each curve; shown while both cursors stand."""

    HEADS = ("", "A", "B", "B \u2212 A", "Mean", "Integral", "Low", "High", "Covered")

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(len(self.HEADS))
        self.setHorizontalHeaderLabels([tr(h) for h in self.HEADS])
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setShowGrid(False)
        self.setAccessibleName(tr("Between the cursors"))
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.hide()

    def show_rows(self, rows: list[tuple[Datastream, Between, bool]], a_ms: int, b_ms: int) -> None:
        """`rows`: datastream, figures, and whether they come from reduced points."""
        heads = [*self.HEADS]
        heads[1], heads[2] = f"A {numbers.clock(a_ms)}", f"B {numbers.clock(b_ms)}"
        self.setHorizontalHeaderLabels(heads)
        self.setRowCount(len(rows))
        for row, (stream, found, reduced) in enumerate(rows):
            unit, step = stream.unit, stream.resolution
            figures = [found.at_a, found.at_b, found.difference, found.mean, None,
                       found.low, found.high]  # fmt: skip
            texts = [_text(f, unit, step) for f in figures]
            texts[2] = _span(found.difference, unit, step)
            integral = _hours(found, stream)
            about = "≈" if reduced else ""
            texts[3], texts[4] = about + texts[3], about + integral
            if stream.states:  # words have no difference and no mean
                ends = (word_of(stream, v) or tr("not known") for v in (found.at_a, found.at_b))
                texts = [*ends, *[""] * 5]
            cells = [stream.label or stream.name, *texts, numbers.percent(found.covered)]
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.setItem(row, column, item)
            self.setRowHeight(row, theme().row)
        panel = self.parentWidget()
        room = panel.height() if panel is not None else 800
        most = max(1, min(4, int(0.3 * room / theme().row)))  # the charts keep most of the room
        tall = theme().row * min(len(rows), most) + self.horizontalHeader().sizeHint().height() + 4
        self.setFixedHeight(tall)


def _text(value: float | None, unit: str, resolution: float) -> str:
    return tr("not known") if value is None else shown(value, unit, resolution)


def _span(value: float | None, unit: str, resolution: float) -> str:
    return tr("not known") if value is None else shown_span(value, unit, resolution)


def word_of(stream: Datastream, value: float | None) -> str:
    """A value with its unit, or the state it stands for; empty where nothing is known."""
    if value is None:
        return ""
    if stream.states:
        return stream.states[int(value)] if 0 <= value < len(stream.states) else ""
    return shown(value, stream.unit, stream.resolution)


def _hours(found: Between, stream: Datastream) -> str:
    """Mean times covered hours, so that a unit with another zero comes out right."""
    if found.integral is None or found.mean is None:
        return tr("not known")
    way = display.of(stream.unit)
    value, step, unit = found.integral, stream.resolution, shown_unit(stream.unit)
    if way is not None:
        hours = found.hours
        value, step = value * way.factor + way.offset * hours, way.span(step)
    return numbers.with_unit(value, f"{unit}\u00b7h" if unit else "h", step)
