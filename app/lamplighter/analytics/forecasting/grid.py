"""A recording on an even grid: the step is found, doubles become one, holes stay holes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.forecasting.moments import Moments

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-01 was a Thursday; the week begins on Monday"""
MOST_STEPS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Grid:
    """n even steps. `value` (n,), NaN = not measured; `beside` other columns (n,) alike.

    `offset_ms` (n,): the wall clock's offset from the grid's own time, for the calendar.
    """

    first_ms: int
    step_ms: int
    value: Floats
    offset_ms: Longs
    beside: dict[str, Floats] = field(default_factory=dict)
    doubles: int = 0
    """rows that fell into a step which had one already; the mean of them is kept"""

    @property
    def steps(self) -> int:
        return int(self.value.shape[0])

    @property
    def day(self) -> int:
        """Steps of a day; 0 when a step is longer than a third of one."""
        steps = round(DAY_MS / self.step_ms)
        return steps if steps >= 3 else 0

    @property
    def week(self) -> int:
        """Steps of a week; 0 when a step is longer than a third of one."""
        steps = round(WEEK_MS / self.step_ms)
        return steps if steps >= 3 else 0

    def time_ms(self, at: int) -> int:
        return self.first_ms + at * self.step_ms

    def index(self, time_ms: int) -> int:
        """The first step that does not begin before `time_ms`."""
        return -((self.first_ms - time_ms) // self.step_ms)

    def wall_ms(self) -> Longs:
        """(n,) what the clock on the wall showed."""
        wall: Longs = (
            self.first_ms + self.step_ms * np.arange(self.steps, dtype=np.int64) + self.offset_ms
        )
        return wall

    def until(self, steps: int) -> Grid:
        """The same grid as it was when only the first `steps` had been measured."""
        beside = {name: column[:steps] for name, column in self.beside.items()}
        return Grid(
            self.first_ms, self.step_ms, self.value[:steps], self.offset_ms[:steps], beside,
            self.doubles,
        )  # fmt: skip


def found_step(time_ms: Longs) -> int:
    """The usual distance between neighbouring times in ms, rounded to what a clock knows."""
    gaps = np.diff(np.unique(time_ms))
    if not gaps.size:
        return 3_600_000
    distance, count = np.unique(gaps, return_counts=True)
    step = int(distance[np.argmax(count)])
    if count.max() < 0.5 * gaps.size:  # jittering clocks: the middle says more than the commonest
        step = int(np.median(gaps))
    for unit in (3_600_000, 60_000, 1_000):
        near = round(step / unit) * unit
        if near and abs(step - near) <= 0.02 * near:
            return near
    return max(step, 1)


def to_grid(moments: Moments, columns: dict[str, Floats], target: str, step_ms: int = 0) -> Grid:
    """The columns as means per step. Raises ValueError when that would be too long to hold."""
    step = step_ms or found_step(moments.utc_ms)
    place = moments.utc_ms // step
    first = int(place.min())
    steps = int(place.max()) - first + 1
    if steps > MOST_STEPS:
        raise ValueError(f"{steps:,} steps of {step / 1000:g} s: too long")
    at = place - first
    gridded = {name: _mean(at, column, steps) for name, column in columns.items()}
    value = gridded.pop(target)
    offset = np.zeros(steps, np.int64)
    if moments.offset_ms.any():
        known = np.full(steps, np.nan)
        known[at] = moments.offset_ms
        offset = _forward(known).astype(np.int64)
    seen = at[np.isfinite(columns[target])]
    doubles = int(seen.size - np.unique(seen).size)
    return Grid(first * step, step, value, offset, gridded, doubles)


def _mean(at: Longs, value: Floats, steps: int) -> Floats:
    known = np.isfinite(value)
    total = np.bincount(at[known], value[known], steps)
    count = np.bincount(at[known], minlength=steps)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _forward(value: Floats) -> Floats:
    """Holes filled with the last value before them; a hole at the beginning with 0."""
    known = np.isfinite(value)
    last = np.maximum.accumulate(np.where(known, np.arange(value.size), -1))
    return np.where(last >= 0, value[np.maximum(last, 0)], 0.0)


def missing_mark(value: Floats) -> float | None:
    """A number that stands for "not measured", such as -200 or -999, found from `value` itself.

    It must come back exactly, lie below everything else by more than the whole usual spread, and
    be the only such number.
    """
    known = value[np.isfinite(value)]
    if known.size < 50:
        return None
    lowest = float(known.min())
    rest = known[known > lowest]
    count = int(known.size - rest.size)
    if lowest >= 0 or count < 3 or rest.size < 30:
        return None
    low, high = np.percentile(rest, (1, 99))
    return lowest if float(rest.min()) - lowest > 0.5 * (high - low) and low >= 0 else None
