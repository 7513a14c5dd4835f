"""A band around a predicted remaining life, calibrated on units that had no part in the model.

How far a prediction is off depends on what is predicted: little near the end of life, much in the
middle, and only downwards at the cap. So the band is the shortest one that held `rate` of the
held-out units' rows whose prediction was about the same; its level is raised until, each group
of units judged by the others alone, the rate is kept with a margin: one standard error over
units, because how much the next units differ is only known as well as there are units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATE: Final = 0.9
GRID: Final = 26
"""predictions at which a band is worked out; straight between them"""
NEAR: Final = 0.06
"""share of the cap within which predictions count as about the same"""
LEVELS: Final = tuple(np.linspace(0.86, 0.98, 13).tolist())
FEWEST_UNITS: Final = 8


@dataclass(frozen=True, slots=True)
class Band:
    """`grid`, `below`, `above` (g,): what to add to a prediction; `level` that was needed."""

    grid: Floats
    below: Floats
    above: Floats
    cap: float
    level: float
    covered: float
    """share of held-out rows inside, each unit weighing the same"""

    def around(self, predicted: Floats) -> tuple[Floats, Floats]:
        """(low, high), within 0 and the cap; the cap as high end means "or more"."""
        low = predicted + np.interp(predicted, self.grid, self.below)
        high = predicted + np.interp(predicted, self.grid, self.above)
        return np.clip(low, 0.0, self.cap), np.clip(high, 0.0, self.cap)


def calibrate(
    predicted: Floats, true: Floats, unit: Ints, group: Ints, weight: Floats, cap: float
) -> Band | None:
    """From held-out rows: `unit`, `group` (the fold) and `weight` (n,). None with too few units."""
    if np.unique(unit).size < FEWEST_UNITS:
        return None
    per_unit = np.bincount(unit, weight)
    weight = weight / np.maximum(per_unit[unit], 1e-12)
    groups = np.unique(group)
    chosen, covered = LEVELS[-1], 0.0
    for level in LEVELS:
        inside = np.zeros(len(true), np.bool_)
        for one in groups:
            mine = group == one
            band = _made(predicted[~mine], true[~mine], weight[~mine], level, cap)
            low, high = band.around(predicted[mine])
            inside[mine] = (true[mine] >= low - 1e-9) & (true[mine] <= high + 1e-9)
        chosen, covered, error = level, *_by_unit(inside, unit, weight)
        if covered - error >= RATE:
            break
    made = _made(predicted, true, weight, chosen, cap)
    return Band(made.grid, made.below, made.above, cap, chosen, covered)


def _by_unit(inside: npt.NDArray[np.bool_], unit: Ints, weight: Floats) -> tuple[float, float]:
    """(share inside, its standard error), each unit one witness."""
    _, place = np.unique(unit, return_inverse=True)
    share = np.bincount(place, weight * inside) / np.bincount(place, weight)
    return float(share.mean()), float(share.std() / np.sqrt(len(share)))


def _made(predicted: Floats, true: Floats, weight: Floats, level: float, cap: float) -> Band:
    grid = np.linspace(0.0, cap, GRID)
    below, above = np.zeros(GRID), np.zeros(GRID)
    error = true - predicted
    for place, middle in enumerate(grid):
        close = np.maximum(1.0 - np.abs(predicted - middle) / (NEAR * cap), 0.0) * weight
        rows = close > 0
        if np.count_nonzero(rows) < 20:
            rank = np.argsort(np.abs(predicted - middle), kind="stable")[:200]
            rows = np.zeros(len(predicted), np.bool_)
            rows[rank] = True
            close = np.where(rows, weight, 0.0)
        below[place], above[place] = shortest(error[rows], close[rows], level)
    return Band(grid, np.minimum(below, 0.0), np.maximum(above, 0.0), cap, level, level)


def shortest(values: Floats, weight: Floats, level: float) -> tuple[float, float]:
    """The shortest interval that holds `level` of the weighted values."""
    rank = np.argsort(values, kind="stable")
    values = values[rank]
    reached = np.concatenate([[0.0], np.cumsum(weight[rank])])
    reached /= reached[-1]
    first = np.flatnonzero(reached[:-1] <= 1.0 - level + 1e-12)
    end = np.searchsorted(reached, reached[first] + level - 1e-12) - 1
    end = np.minimum(end, len(values) - 1)
    width = values[end] - values[first]
    best = int(np.argmin(width))
    return float(values[first[best]]), float(values[end[best]])
