"""Rules without any signal that a learned failure risk must beat, or it is frozen.

Three are tried and the nearest counts: the rate of the past, the share of known outcomes of other
assets, and how others lasted by the days since their last renewal. The first alone would be beaten
by values that tell nothing: lives renewed before their outcome was known are not among the
outcomes, and the first days of a life look different from later ones in any value.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.calibration import ONE_SIDED
from lamplighter.analytics.fleet import DAY_MS
from lamplighter.analytics.life.ages import Lasting

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
FEWEST: Final = 2
"""assets below which nothing can be compared"""


class Compared(NamedTuple):
    """Brier scores, each asset weighing the same; `better` by more than chance from asset to
    asset."""

    ours: float
    naive: float
    better: bool


def by_age(asset: Longs, life: Longs, time_ms: Longs, days_left: Floats, failed: Bools) -> Floats:
    """(n,) chance of each row by the age of its life, from the lives of other assets.

    A life's age is counted from its first row; what was in service before is as if new.
    """
    lives, place = np.unique(life, return_inverse=True)
    first = np.full(lives.size, np.iinfo(np.int64).max)
    np.minimum.at(first, place, time_ms)
    age = (time_ms - first[place]) / DAY_MS
    end = np.zeros(lives.size)
    np.maximum.at(end, place, age + days_left)
    fell = np.zeros(lives.size, np.bool_)
    fell[place] = failed
    number = np.unique(asset, return_inverse=True)[1] % FOLDS
    fold = np.zeros(lives.size, np.int64)
    fold[place] = number
    chance = np.zeros(len(asset))
    for one in np.unique(number):
        kept = fold != one
        if kept.any():
            others = Lasting(np.zeros(int(kept.sum())), end[kept], fell[kept])
            rows = number == one
            chance[rows] = others.chance(np.minimum(age[rows], others.oldest))
    return chance


def compared(chance: Floats, outcome: Floats, asset: Longs, rate: float, aged: Floats) -> Compared:
    """`chance`, `outcome` (0 or 1), `asset` and `aged` (`by_age`) are (n,); `rate` of the past."""
    _, place = np.unique(asset, return_inverse=True)
    rows = np.bincount(place)
    if rows.size < FEWEST:
        return Compared(float("nan"), float("nan"), False)
    share = np.bincount(place, outcome) / rows
    others = (share.sum() - share) / (rows.size - 1)

    def misses(said: Floats) -> Floats:
        found: Floats = np.bincount(place, (said - outcome) ** 2) / rows
        return found

    ours = misses(chance)
    rules = (np.full(len(outcome), rate), others[place], aged)
    naive = min((misses(said) for said in rules), key=lambda found: float(found.mean()))
    gain = naive - ours
    by_chance = ONE_SIDED * float(gain.std(ddof=1)) / np.sqrt(rows.size)
    return Compared(float(ours.mean()), float(naive.mean()), float(gain.mean()) > by_chance)
