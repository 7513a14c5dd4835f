"""Bands that keep what they promise, calibrated by asset and never by row.

Rows of one asset are one witness however many they are: each asset weighs the same, and a band
is judged on assets that had no part in making it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATE: Final = 0.9
BINS: Final = (0.0, 0.03, 0.1, 0.25, 0.45, 0.65, 0.85, 1.0000001)
ONE_SIDED: Final = 1.645
"""standard errors that chance exceeds on one side once in twenty times"""
FEWEST: Final = 4
"""assets below which there is no band"""
OFFSETS: Final = (1.0, 4.0, 12.0, 40.0)
"""days added before a ratio is taken: few make bands that grow with what is left, many even ones"""
LEVELS: Final = tuple(np.linspace(0.8, 1.0, 41).tolist())


def score_quantile(score: Floats, asset: Ints, rate: float = RATE) -> float:
    """The score that a row of a new asset stays below with chance `rate`; inf with too few.

    The level is raised until, each asset judged by the others alone, `rate` of them is covered:
    the more the assets differ, the higher.
    """
    assets, place = np.unique(asset, return_inverse=True)
    if assets.size < FEWEST:
        return float("inf")
    weight = 1.0 / np.bincount(place)[place]
    covered = _left_out(score, place, weight, assets.size)
    enough = np.flatnonzero(covered >= rate - 1e-9)
    if not enough.size:
        return _weighted(score, weight, 1.0)
    first = int(enough[0])
    above = _weighted(score, weight, LEVELS[first])
    if not first:
        return above
    below = _weighted(score, weight, LEVELS[first - 1])
    part = (rate - covered[first - 1]) / (covered[first] - covered[first - 1])
    return float(below + part * (above - below))


def _left_out(score: Floats, place: Ints, weight: Floats, assets: int) -> Floats:
    """(levels,) share covered when every asset is judged by a quantile of the others."""
    inside = np.zeros(len(LEVELS))
    rank = np.argsort(score, kind="stable")
    for one in range(assets):
        mine = place == one
        others = rank[~mine[rank]]
        reached = np.cumsum(weight[others]) / weight[~mine].sum()
        at = np.searchsorted(reached, np.array(LEVELS) - 1e-12)
        edge = score[others][np.minimum(at, others.size - 1)]
        inside += (score[mine][:, None] <= edge).mean(axis=0)
    found: Floats = inside / assets
    return found


def _weighted(score: Floats, weight: Floats, level: float) -> float:
    rank = np.argsort(score, kind="stable")
    reached = np.cumsum(weight[rank]) / weight.sum()
    return float(score[rank][min(int(np.searchsorted(reached, level - 1e-12)), rank.size - 1)])


def days_score(true_days: Floats, median: Floats, offset: float = 1.0) -> Floats:
    """How far a prediction was off, as a factor: |log((true + offset) / (median + offset))|."""
    score: Floats = np.abs(np.log((true_days + offset) / (median + offset)))
    return score


def days_band(median: Floats, quantile: float, offset: float = 1.0) -> tuple[Floats, Floats]:
    """(low, high) days around the median for a `score_quantile`."""
    factor = np.exp(quantile)
    low = np.maximum((median + offset) / factor - offset, 0.0)
    return low, (median + offset) * factor - offset


def narrowest(true_days: Floats, median: Floats, asset: Ints) -> tuple[float, float]:
    """(offset, quantile) of the calibrated band that is narrowest on average."""
    tried = []
    for offset in OFFSETS:
        quantile = score_quantile(days_score(true_days, median, offset), asset)
        low, high = days_band(median, quantile, offset)
        tried.append((float((high - low).mean()) if median.size else 0.0, offset, quantile))
    _, offset, quantile = min(tried)
    return offset, quantile


def reliability(probability: Floats, outcome: Floats, asset: Ints) -> tuple[Floats, Floats, Ints]:
    """(low, high, assets) per bin of `BINS`: what happened where about that much was predicted.

    Each asset weighs the same within a bin; the band is Wilson's at 90 % with n = assets.
    """
    low, high = np.zeros(len(BINS) - 1), np.ones(len(BINS) - 1)
    count = np.zeros(len(BINS) - 1, np.int64)
    which = np.digitize(probability, BINS) - 1
    for bin in range(len(BINS) - 1):
        rows = which == bin
        assets, place = np.unique(asset[rows], return_inverse=True)
        if not assets.size:
            continue
        rate = float(np.mean(np.bincount(place, outcome[rows]) / np.bincount(place)))
        low[bin], high[bin] = wilson(rate, assets.size)
        count[bin] = assets.size
    return low, high, count


def wilson(rate: float, n: int) -> tuple[float, float]:
    """Wilson's 90 % interval of a share seen in n cases."""
    middle = (rate + ONE_SIDED**2 / (2 * n)) / (1 + ONE_SIDED**2 / n)
    half = (
        ONE_SIDED
        / (1 + ONE_SIDED**2 / n)
        * np.sqrt(rate * (1 - rate) / n + ONE_SIDED**2 / (4 * n * n))
    )
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def probability_band(probability: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """(low, high) around each probability, from the bin it lies in; always around it."""
    which = np.clip(np.digitize(probability, BINS) - 1, 0, len(BINS) - 2)
    return np.minimum(low[which], probability), np.maximum(high[which], probability)


def brier(probability: Floats, outcome: Floats, asset: Ints) -> float:
    """Mean squared error of a probability, each asset weighing the same."""
    _, place = np.unique(asset, return_inverse=True)
    per_asset = np.bincount(place, (probability - outcome) ** 2) / np.bincount(place)
    return float(per_asset.mean()) if per_asset.size else float("nan")
