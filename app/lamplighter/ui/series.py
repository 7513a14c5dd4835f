"""Points of one datastream as a chart needs them: history, the live edge, and O(pixels) cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain import wire
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
KEEP = 20_000
DOUBTFUL: Final = 1
HAND: Final = 2


@dataclass(slots=True)
class Trace:
    """Times (UTC ms, ascending), values, the min and max of each reduced cell, and quality."""

    time_ms: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    value: Floats = field(default_factory=lambda: np.zeros(0))
    low: Floats = field(default_factory=lambda: np.zeros(0))
    high: Floats = field(default_factory=lambda: np.zeros(0))
    expected: list[tuple[int, float, float]] = field(default_factory=list)
    gaps: tuple[tuple[int, int], ...] = ()
    reduced: bool = False
    doubtful: bool = False
    quality: Bytes = field(default_factory=lambda: np.zeros(0, np.uint8))

    def take_history(self, series: wire.Series) -> None:
        """Replaces everything older than the live edge."""
        keep = self.time_ms > (int(series.time_ms[-1]) if len(series.time_ms) else 0)
        low = series.low if series.reduced else series.value
        high = series.high if series.reduced else series.value
        grade = series.quality & CLASS_MASK
        # one bad point must not take the good ones of its cell away: the cell is doubtful
        bad = grade == Quality.BAD if not series.reduced else np.zeros(len(grade), np.bool_)
        value = np.where(bad, np.nan, series.value.astype(np.float64))
        mine = self.quality if len(self.quality) == len(keep) else np.zeros(len(keep), np.uint8)
        self.time_ms = np.concatenate([series.time_ms.astype(np.int64), self.time_ms[keep]])
        self.value = np.concatenate([value, self.value[keep]])
        self.low = np.concatenate([np.where(bad, np.nan, low), self.low[keep]])
        self.high = np.concatenate([np.where(bad, np.nan, high), self.high[keep]])
        self.quality = np.concatenate([series.quality.astype(np.uint8), mine[keep]])
        self.gaps, self.reduced = series.gaps, series.reduced

    def add(self, time_ms: int, value: float, quality: int) -> bool:
        """One live point; False when it is not newer than the last one."""
        if len(self.time_ms) and time_ms <= self.time_ms[-1]:
            return False
        if len(self.quality) != len(self.time_ms):
            self.quality = np.zeros(len(self.time_ms), np.uint8)
        shown = np.nan if (quality & CLASS_MASK) == Quality.BAD else value
        self.time_ms = np.append(self.time_ms, time_ms)[-KEEP:]
        self.value = np.append(self.value, shown)[-KEEP:]
        self.low = np.append(self.low, shown)[-KEEP:]
        self.high = np.append(self.high, shown)[-KEEP:]
        self.quality = np.append(self.quality, np.uint8(quality))[-KEEP:]
        return True

    def add_expected(self, time_ms: int, expected: float, spread: float) -> None:
        """The band's live edge; abstentions leave a hole."""
        if np.isfinite(expected) and (not self.expected or time_ms > self.expected[-1][0]):
            self.expected.append((time_ms, expected, spread if np.isfinite(spread) else 0.0))
            del self.expected[:-4000]

    def take_expected(self, curves: wire.ExpectedCurves) -> None:
        """A curve of what was expected before the live edge; `curves` is of one datastream."""
        if not curves.items:
            return
        curve = curves.items[0]
        known = np.isfinite(curve.expected)
        columns = (curve.time_ms[known], curve.expected[known], np.nan_to_num(curve.spread[known]))
        end = int(curve.time_ms[-1]) if len(curve.time_ms) else 0
        newer = [r for r in self.expected if r[0] > end]
        self.expected = [*zip(*(c.tolist() for c in columns), strict=True), *newer]

    def last(self) -> tuple[int, float] | None:
        return (int(self.time_ms[-1]), float(self.value[-1])) if len(self.time_ms) else None

    def flags(self) -> Bytes:
        """Per point: `DOUBTFUL` where it is not good, `HAND` where somebody set it by hand."""
        if len(self.quality) != len(self.time_ms):
            return np.zeros(len(self.time_ms), np.uint8)
        doubtful = (self.quality & CLASS_MASK) != Quality.GOOD
        hand = (self.quality & QualityMark.HAND_SET) != 0
        found: Bytes = doubtful.astype(np.uint8) * DOUBTFUL | hand.astype(np.uint8) * HAND
        return found


def envelope(
    time_ms: Longs, low: Floats, high: Floats, first: int, last: int, cells: int, hole_ms: float
) -> tuple[Floats, Floats, Floats]:
    """Seconds, minimum and maximum of at most `cells` equal cells in [first, last].

    Spikes survive: every cell keeps its extremes. Where two neighbours lie more than `hole_ms`
    apart a NaN is put between them, so that no line bridges a gap.
    """
    nothing = np.zeros(len(time_ms), np.uint8)
    return flagged_envelope(time_ms, low, high, nothing, first, last, cells, hole_ms)[:3]


def flagged_envelope(
    time_ms: Longs,
    low: Floats,
    high: Floats,
    flags: Bytes,
    first: int,
    last: int,
    cells: int,
    hole_ms: float,
) -> tuple[Floats, Floats, Floats, Bytes]:
    """The same with the flags of each cell: those of all its points."""
    begin, end = np.searchsorted(time_ms, (first, last + 1))
    begin, end = max(0, int(begin) - 1), min(len(time_ms), int(end) + 1)  # lines to the edges
    t, lo, hi, marks = time_ms[begin:end], low[begin:end], high[begin:end], flags[begin:end]
    if not len(t):
        empty = np.zeros(0)
        return empty, empty, empty, np.zeros(0, np.uint8)
    if len(t) > 2 * cells:
        index = ((t - first) * cells // max(1, last - first)).clip(0, cells - 1)
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        lo = np.fmin.reduceat(lo, starts)
        hi = np.fmax.reduceat(hi, starts)
        marks = np.bitwise_or.reduceat(marks, starts)
        t = t[starts]
        hole_ms = max(hole_ms, 2.5 * (last - first) / cells)
    seconds = t / 1000.0
    holes = np.flatnonzero(np.diff(t) > hole_ms) + 1
    if len(holes):
        middle = (seconds[holes - 1] + seconds[holes]) / 2
        nothing = np.full(len(holes), np.nan)
        seconds = np.insert(seconds, holes, middle)
        lo, hi = np.insert(lo, holes, nothing), np.insert(hi, holes, nothing)
        marks = np.insert(marks, holes, np.zeros(len(holes), np.uint8))
    return seconds, lo, hi, marks
