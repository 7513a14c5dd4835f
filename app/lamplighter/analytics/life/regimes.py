"""Operating regimes of a fleet, found from the training rows and never set by hand.

A sensor that jumps with the operating point says nothing about wear until it is compared with
its own regime. How many regimes there are is read off the data: the fewest that explain nearly
all that any number of them explains, and one where they explain little.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST: Final = 12
ENOUGH: Final = 0.5
"""share of the columns' variance that regimes must explain, else there is one"""
NEARLY: Final = 1.25
"""the fewest regimes that leave at most this times what the most leave unexplained"""
ROWS: Final = 3_000
FAR: Final = 8.0
"""rows further than this many usual distances from every regime belong to none"""
FEWEST: Final = 20
"""rows a regime needs for a scale of its own"""


@dataclass(frozen=True, slots=True)
class Regimes:
    """k regimes: `centres` (k, c) in scaled settings, `mean` and `spread` (k, s) of the sensors.

    `columns` (c,) are the setting columns used; none where there is one regime. `reach` is the
    distance within which a row belongs to its regime.
    """

    columns: Ints
    shift: Floats
    scale: Floats
    centres: Floats
    mean: Floats
    spread: Floats
    reach: float

    @property
    def count(self) -> int:
        return int(self.mean.shape[0])

    def assign(self, settings: Floats) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """(regime (n,), known (n,)): the nearest regime and whether the row is near it."""
        if self.count == 1:
            return np.zeros(len(settings), np.int64), np.ones(len(settings), np.bool_)
        scaled = (settings[:, self.columns] - self.shift) / self.scale
        apart = np.sqrt(((scaled[:, None, :] - self.centres[None]) ** 2).sum(axis=2))
        nearest = np.argmin(np.where(np.isfinite(apart), apart, np.inf), axis=1)
        known = apart[np.arange(len(apart)), nearest] <= self.reach
        return nearest.astype(np.int64), known

    def scaled(self, settings: Floats, sensors: Floats) -> Floats:
        """(n, s) each sensor as spreads from the mean of its regime."""
        place, _ = self.assign(settings)
        result: Floats = (sensors - self.mean[place]) / self.spread[place]
        return result


def find(settings: Floats, sensors: Floats) -> Regimes:
    """Regimes of training rows: `settings` (n, c), `sensors` (n, s). NaN is not measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column nobody measured has no mean
        varying = np.flatnonzero(np.nanstd(settings, axis=0) > 0) if settings.size else _none()
        if varying.size:
            chosen = _chosen(settings[:, varying], sensors)
            if chosen is not None:
                return _made(varying, settings, sensors, *chosen)
        return _made(_none(), settings, sensors, np.zeros((1, 0)), np.zeros(0), np.ones(0))


def _none() -> Ints:
    return np.zeros(0, np.int64)


def _chosen(settings: Floats, sensors: Floats) -> tuple[Floats, Floats, Floats] | None:
    """(centres, shift, scale) of the regimes that the sensors follow, None where they do not."""
    step = max(1, len(settings) // ROWS)
    some, watched = settings[::step], sensors[::step]
    whole = np.isfinite(some).all(axis=1)
    some, watched = some[whole], watched[whole]
    shift, scale = some.mean(axis=0), some.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    some = (some - shift) / scale
    watched = watched[:, _varies(watched)]
    if len(some) < 2 * MOST or not watched.shape[1]:
        return None
    left: list[float] = []
    found: list[Floats] = []
    for count in range(2, min(MOST, len(np.unique(some, axis=0))) + 1):
        model: Any = _clusters(some, count)
        left.append(_unexplained(watched, model.labels_))
        found.append(model.cluster_centers_)
    if not left or min(left) > 1.0 - ENOUGH:
        return None
    first = int(np.flatnonzero(np.array(left) <= NEARLY * min(left) + 1e-9)[0])
    return found[first], shift, scale


def _varies(sensors: Floats) -> npt.NDArray[np.bool_]:
    """(s,) whether a column moves by more than the last digits of its numbers."""
    with np.errstate(invalid="ignore"):
        level = np.abs(np.nanmean(sensors, axis=0))
        moves: npt.NDArray[np.bool_] = np.nanstd(sensors, axis=0) > 1e-9 * level
    known: npt.NDArray[np.bool_] = np.isfinite(level)
    return np.logical_and(moves, known)


def _clusters(rows: Floats, count: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=3, random_state=0).fit(rows)


def _unexplained(sensors: Floats, label: Ints) -> float:
    """Median over sensors of the share of variance that stays within the regimes."""
    total = np.nanvar(sensors, axis=0)
    inside = np.zeros(sensors.shape[1])
    for one in np.unique(label):
        rows = label == one
        inside += np.nanvar(sensors[rows], axis=0) * rows.mean()
    return float(np.median(inside / total))


def _made(
    columns: Ints, settings: Floats, sensors: Floats, centres: Floats, shift: Floats, scale: Floats
) -> Regimes:
    bare = Regimes(columns, shift, scale, centres, sensors[:1], sensors[:1], np.inf)
    place = np.zeros(len(sensors), np.int64)
    reach = float("inf")
    if len(centres) > 1:
        scaled = (settings[:, columns] - shift) / scale
        apart = np.sqrt(((scaled[:, None, :] - centres[None]) ** 2).sum(axis=2))
        place = np.argmin(np.where(np.isfinite(apart), apart, np.inf), axis=1).astype(np.int64)
        reach = FAR * float(np.nanmax(np.nanmin(apart, axis=1))) + 1e-6
    whole_mean, whole_spread = np.nanmean(sensors, axis=0), np.nanstd(sensors, axis=0)
    mean = np.tile(whole_mean, (len(centres), 1))
    spread = np.tile(whole_spread, (len(centres), 1))
    for one in range(len(centres)):
        rows = place == one
        if rows.sum() >= FEWEST:
            mean[one] = np.nanmean(sensors[rows], axis=0)
            spread[one] = np.nanstd(sensors[rows], axis=0)
    spread = np.where(spread > 1e-9 * np.abs(mean), spread, 1.0)
    return Regimes(bare.columns, shift, scale, centres, mean, spread, reach)
