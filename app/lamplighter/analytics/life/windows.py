"""Causal features of run-to-failure rows: levels, spreads, drift and slope of what came before.

Every unit is laid out on a row of its own, so a window never reaches into another unit, and all
sums run forward from the unit's first row: a unit cut anywhere has, up to the cut, the very same
features, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHORT: Final = 10
LONG: Final = 30
EARLY: Final = 20
"""rows of the unit's own first life that count as how it was when new"""
HALF_LIFE: Final = 15.0
SLOW_HALF_LIFE: Final = 40.0


@dataclass(frozen=True, slots=True)
class Laid:
    """Units side by side: `values` (u, t, s), NaN behind a unit's end; `length` (u,)."""

    values: Floats
    length: Ints

    def flat(self, block: Floats) -> Floats:
        """(n, ...) the rows that exist, unit after unit."""
        inside = np.arange(block.shape[1])[None, :] < self.length[:, None]
        result: Floats = block[inside]
        return result


def lay(values: Floats, begins: Ints, length: Ints) -> Laid:
    """Rows (n, s) of units at `begins` with `length`, gaps filled forward, laid side by side."""
    out = np.full((len(begins), int(length.max(initial=0)), values.shape[1]), np.nan)
    for place, (begin, count) in enumerate(zip(begins, length, strict=True)):
        out[place, :count] = _forward(values[begin : begin + count])
    return Laid(out, length)


def _forward(rows: Floats) -> Floats:
    """Gaps take the last value before them; a gap at the very beginning is the usual (0)."""
    missing = np.isnan(rows)
    if not missing.any():
        return rows
    place = np.where(missing, -1, np.arange(len(rows))[:, None])
    place = np.maximum.accumulate(place, axis=0)
    filled = np.take_along_axis(rows, np.maximum(place, 0), axis=0)
    result: Floats = np.where(place < 0, 0.0, filled)
    return result


def rolling(block: Floats, width: int) -> Floats:
    """Mean of the last `width` rows, of fewer near a unit's beginning; (u, t, s)."""
    total = np.cumsum(block, axis=1)
    before = np.zeros_like(total)
    before[:, width:] = total[:, :-width] if width < total.shape[1] else 0.0
    count = np.minimum(np.arange(1, block.shape[1] + 1), width)[None, :, None]
    result: Floats = (total - before) / count
    return result


def spread(block: Floats, width: int) -> Floats:
    """Standard deviation of the last `width` rows."""
    mean = rolling(block, width)
    result: Floats = np.sqrt(np.maximum(rolling(block**2, width) - mean**2, 0.0))
    return result


def smoothed(block: Floats, half_life: float) -> Floats:
    """Exponentially weighted mean of all rows so far, weights summing to one from the start."""
    keep = 0.5 ** (1.0 / half_life)
    out = np.empty_like(block)
    level = np.zeros((block.shape[0], block.shape[2]))
    weight = 0.0
    for step in range(block.shape[1]):
        level = keep * level + block[:, step]
        weight = keep * weight + 1.0
        out[:, step] = level / weight
    return out


def early(block: Floats, rows: int) -> Floats:
    """Mean of the unit's first `rows` rows, or of those so far."""
    total = np.cumsum(block, axis=1)
    count = np.minimum(np.arange(1, block.shape[1] + 1), rows)[None, :, None]
    last = np.minimum(np.arange(block.shape[1]), rows - 1)
    result: Floats = total[:, last] / count
    return result


def slope(block: Floats, width: int) -> Floats:
    """Steepness per row of a straight line through the last `width` rows."""
    step = np.broadcast_to(np.arange(1.0, block.shape[1] + 1.0)[None, :, None], block.shape)
    here = rolling(step, width)
    together = rolling(step * block, width) - here * rolling(block, width)
    apart = rolling(step * step, width) - here**2
    result: Floats = np.where(apart > 1.0, together / np.maximum(apart, 1.0), 0.0)
    return result


def of_index(block: Floats, early_life: bool = True) -> Floats:
    """(u, t, f) levels, trends and slopes of health indices (u, t, k); the first has more.

    Without `early_life` nothing refers to the unit's own first rows.
    """
    means = [rolling(block, width) for width in (5, 10, 20, 40, 80)]
    fast, slow = smoothed(block, HALF_LIFE), smoothed(block, SLOW_HALF_LIFE)
    first = block[:, :, :1]
    parts = [
        *means,
        fast,
        slow,
        fast - slow,
        means[1] - means[3],
        means[2] - means[4],
        slope(block, 30),
        slope(block, 60),
        spread(first, LONG),
    ]
    if early_life:
        parts.append(fast[:, :, :1] - early(first, EARLY))
    return np.concatenate(parts, axis=2)


def of_sensors(block: Floats) -> Floats:
    """(u, t, 5 s) level, trend and drift from the unit's own early life of every sensor."""
    short, long = rolling(block, SHORT), rolling(block, LONG)
    fast, slow = smoothed(block, HALF_LIFE), smoothed(block, SLOW_HALF_LIFE)
    return np.concatenate([short, short - long, fast, slow, fast - early(block, EARLY)], axis=2)
