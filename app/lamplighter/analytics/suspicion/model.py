"""What a set of datastreams looks like while nobody tampers with it, as frozen arrays.

A row is a channel: one datastream on a common grid of time. Everything here is fitted on history
that was judged clean; nothing is learned while it judges, so an intruder cannot teach it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DAY_MS: Final = 86_400_000
SPANS: Final = (1, 2, 4, 8, 16, 32, 64)
"""samples over which a departure is averaged: short ones find jumps, long ones slow drift"""
SHIFTS: Final = 8
"""samples by which a channel's clock may be found late or early"""
CLIP: Final = 6.0
"""an input further from its mean, in its own spreads, counts as this far: a neighbour that lies
must not pull the others with it"""
HARMONICS: Final = 2
REPEAT: Final = 6
"""values in a row that must come again, bit for bit, to count as a repeat"""


class SuspicionModel(Struct, frozen=True):
    """m channels with k neighbours each. Unused places of `neighbour` hold -1."""

    datastream: np.ndarray
    step_ms: int
    """length of a sample"""
    offset: np.ndarray
    """(m,) for a skewed channel: what is added before its logarithm is taken; else NaN"""
    mean: np.ndarray
    scale: np.ndarray
    """(m,) of the channel, after that"""
    low: np.ndarray
    high: np.ndarray
    """(m,) the range of training, in spreads: further out nothing was learned"""
    neighbour: np.ndarray
    """(m, k) rows of this table"""
    weight: np.ndarray
    """(m, 2k + season): what the others, now and one sample ago, say of this one"""
    own: np.ndarray
    """(m, 2k + season + 1): the same with the channel's own last value: what a step may be"""
    limit: np.ndarray
    """(m, checks) each check's score is divided by; infinite where the check abstains"""
    resolution: np.ndarray
    """(m,) the smallest step it makes; 0 for a channel of few distinct values"""
    explained: np.ndarray
    """(m,) share of its variance that the neighbours explain on rows they were not fitted on"""
    margin: float
    """by which the limits were widened so that clean history stays below the stated rate"""
    trained_from_ms: int
    trained_to_ms: int
    samples: int

    @property
    def rows(self) -> int:
        return int(self.datastream.shape[0])


CHECKS: Final = (
    *(f"mean {s}" for s in SPANS),
    *(f"energy {s}" for s in SPANS[2:]),
    *(f"step {s}" for s in SPANS[:4]),
    "rate",
    "quiet",
    "noisy",
    "shift",
    "swap",
    "still",
    "gap",
    "lost",
    "repeat",
)
"""columns of `limit` and of a judgement's scores"""
COLUMN: Final = {name: at for at, name in enumerate(CHECKS)}


OWN: Final = frozenset({"still", "gap", "lost", "repeat"})
"""checks that look at the channel alone: what they find is its own"""


def season(time_ms: Longs) -> Floats:
    """(n, 2 * HARMONICS) the time of day as waves."""
    angle = 2.0 * np.pi * (time_ms % DAY_MS) / DAY_MS
    waves = [f(h * angle) for h in range(1, HARMONICS + 1) for f in (np.sin, np.cos)]
    return np.stack(waves, axis=1)


def straightened(values: Floats, offset: Floats) -> Floats:
    """(n, m) with the logarithm of those channels that are skewed."""
    skewed = np.isfinite(offset)
    if not skewed.any():
        return values
    found = values.astype(np.float64, copy=True)
    moved = np.maximum(found[:, skewed] + offset[skewed], 1e-3 * offset[skewed])
    found[:, skewed] = np.log(moved)
    return found


def crooked(straight: Floats, offset: Floats) -> Floats:
    """The values behind what `straightened` made of them."""
    skewed = np.isfinite(offset)
    return np.where(skewed, np.exp(np.where(skewed, straight, 0.0)) - offset, straight)


def forward_filled(values: Floats) -> Floats:
    """(n, m) with holes filled by the last value before them; never by a later one."""
    known = np.isfinite(values)
    at = np.where(known, np.arange(values.shape[0])[:, None], -1)
    at = np.maximum.accumulate(at, axis=0)
    filled = np.take_along_axis(values, np.maximum(at, 0), axis=0)
    return np.where(at >= 0, filled, np.nan)


def inputs(z: Floats, waves: Floats, neighbour: Longs) -> Floats:
    """(n, 2k + season) what the neighbours of one channel read now and one sample ago."""
    before = np.vstack([z[:1], z[:-1]])
    rows = np.maximum(neighbour, 0)
    now, then = z[:, rows], before[:, rows]
    now, then = now * (neighbour >= 0), then * (neighbour >= 0)
    return np.hstack([now, then, waves])
