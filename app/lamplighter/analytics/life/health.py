"""A health index: the few weighted sums of all sensors that follow remaining life best.

One sensor is noisy; a sum weighted by how each follows wear is far less so, and there are few
such sums to learn. Partial least squares on smoothed rows of the training units; linear, so a
window of the index is the index of the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST: Final = 4


@dataclass(frozen=True, slots=True)
class HealthIndex:
    """`weights` (s, k): sensors in spreads -> k indices, each of spread one in training; the
    first rises as life ends. `centre` (s,) is subtracted first."""

    centre: Floats
    weights: Floats

    def of(self, scaled: Floats) -> Floats:
        """(n, k) of rows (n, s); a row with a gap has gaps."""
        result: Floats = (scaled - self.centre) @ self.weights
        return result


def learn(smooth: Floats, left: Floats, most: int = MOST) -> HealthIndex:
    """From smoothed training rows (n, s) and what was left of their lives (n,)."""
    centre = smooth.mean(axis=0)
    x, y = smooth - centre, -(left - left.mean())
    weights, loads = [], []
    rest = x
    for _ in range(min(most, x.shape[1])):
        direction = rest.T @ y
        norm = float(np.linalg.norm(direction))
        if norm <= 1e-9 * len(y):
            break
        direction = direction / norm
        scores = rest @ direction
        power = float(scores @ scores)
        load = rest.T @ scores / power
        rest = rest - np.outer(scores, load)
        y = y - scores * float(scores @ y) / power
        weights.append(direction)
        loads.append(load)
    if not weights:
        return HealthIndex(centre, np.zeros((x.shape[1], 1)))
    w, p = np.array(weights).T, np.array(loads).T
    turned = w @ np.linalg.pinv(p.T @ w)
    spread = (x @ turned).std(axis=0)
    return HealthIndex(centre, turned / np.where(spread > 0, spread, 1.0))
