"""Which candidates to trust, and how wide the band must be.

Everything here is decided for a block of steps from rows whose outcome was known one horizon
before the block begins.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
PICKS: Final = 16
LEAST: Final = 50
"""judged rows below which the candidates count alike"""


def weights(candidates: Floats, outcome: Floats, picks: int = PICKS) -> Floats:
    """(k,) shares that made the least absolute error over the rows of `candidates` (n, k).

    One candidate after the other is added where it helps most, so the shares are coarse and a
    lucky one does not take all.
    """
    count = candidates.shape[1]
    if candidates.shape[0] < LEAST:
        return np.full(count, 1.0 / count)
    share = np.zeros(count)
    so_far = np.zeros(candidates.shape[0])
    for turn in range(picks):
        mixed = (so_far[:, None] * turn + candidates) / (turn + 1)
        best = int(np.argmin(np.abs(mixed - outcome[:, None]).mean(axis=0)))
        so_far = mixed[:, best]
        share[best] += 1
    return share / picks


def corrections(low: Floats, high: Floats, outcome: Floats, level: float) -> tuple[float, float]:
    """How far both edges must move out (negative: in), as shares of the raw width.

    Each edge is corrected by its own quantile of the known misses, with the step for small n.
    """
    width = np.maximum(high - low, 1e-12)
    return _edge((low - outcome) / width, level), _edge((outcome - high) / width, level)


def _edge(miss: Floats, level: float) -> float:
    n = miss.size
    if not n:
        return 0.0
    rank = min(np.ceil((n + 1) * (0.5 + level / 2.0)) / n, 1.0)
    return float(np.quantile(miss, rank, method="higher"))


def usual_miss(rest: Floats, slot: Longs, slots: int) -> Floats:
    """(slots,) typical absolute miss by slot of the day, drawn towards the mean of all."""
    known = np.isfinite(rest)
    size = np.abs(rest[known])
    if not size.size:
        return np.ones(slots)
    overall = max(float(size.mean()), 1e-12)
    total = np.bincount(slot[known], size, slots)
    count = np.bincount(slot[known], minlength=slots).astype(np.float64)
    around = np.roll(total, -1) + total + np.roll(total, 1)
    seen = np.roll(count, -1) + count + np.roll(count, 1)
    found: Floats = (around + 8.0 * overall) / (seen + 8.0)
    return found
