"""Which datastreams move together: at most three neighbours whose departures explain one's own.

Candidates are ranked by likeness over the hours that may be learned from; those that are near in
the city's graph are asked less of than strangers. Whether a neighbour is kept is decided on later
hours that it was not fitted on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.season import mean_error

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NEIGHBOURS: Final = 3
NEAR: Final = 0.3
"""likeness from which a near datastream may be a neighbour"""
FAR: Final = 0.6
"""likeness from which any other may"""
GAIN: Final = 0.9
"""neighbours are kept where they bring the error below this share of the season's own"""
FEWEST: Final = 12
"""hours that both must have, to say anything"""
RIDGE: Final = 0.01
_BLOCK: Final = 512


def candidates(departure: Floats, group: Longs, near: Longs) -> Longs:
    """(m, 3) rows of the most alike, -1 for none. `near`: (p, 2) pairs of rows."""
    rows, hours = departure.shape
    best = np.full((rows, NEIGHBOURS), -1, np.int64)
    filled = np.nan_to_num(departure).astype(np.float32)
    filled -= filled.mean(axis=1, keepdims=True)
    scale = np.sqrt((filled * filled).sum(axis=1))
    usable = (scale > 0) & (np.isfinite(departure).sum(axis=1) >= 2 * FEWEST)
    if usable.sum() < 2 or hours < 2 * FEWEST:
        return best
    unit = filled / np.where(usable, scale, np.inf)[:, None]
    close = _pairs(near, rows)
    for begin in range(0, rows, _BLOCK):
        mine = np.arange(begin, min(begin + _BLOCK, rows))
        likeness = np.abs(unit[mine] @ unit.T)
        likeness[np.arange(mine.size), mine] = 0.0
        likeness[group[mine][:, None] != group[None, :]] = 0.0
        for place, others in ((p, close.get(int(r))) for p, r in enumerate(mine)):
            if others is not None:
                strong = likeness[place, others] >= NEAR
                likeness[place, others[strong]] += FAR - NEAR
        top = np.argpartition(-likeness, min(NEIGHBOURS, rows - 1), axis=1)[:, :NEIGHBOURS]
        worth = np.take_along_axis(likeness, top, axis=1)
        order = np.argsort(-worth, axis=1, kind="stable")
        top, worth = (np.take_along_axis(a, order, axis=1) for a in (top, worth))
        best[mine, : top.shape[1]] = np.where(worth >= FAR, top, -1)
    best[~usable] = -1
    return best


def _pairs(near: Longs, rows: int) -> dict[int, Longs]:
    """row -> the rows that are near to it."""
    if not near.size:
        return {}
    both = np.concatenate([near, near[:, ::-1]])
    both = both[(both < rows).all(axis=1) & (both >= 0).all(axis=1)]
    both = both[np.argsort(both[:, 0], kind="stable")]
    keys, starts = np.unique(both[:, 0], return_index=True)
    return dict(zip(keys.tolist(), np.split(both[:, 1], starts[1:]), strict=True))


def fitted(departure: Floats, neighbour: Longs) -> Floats:
    """(m, 3) ridge weights of each row on its neighbours, over the hours that all of them have."""
    rows = departure.shape[0]
    weight = np.zeros((rows, NEIGHBOURS))
    for begin in range(0, rows, _BLOCK):
        mine = np.arange(begin, min(begin + _BLOCK, rows))
        inputs, known = _inputs(departure, neighbour[mine])
        own = departure[mine]
        known &= np.isfinite(own)
        inputs = np.where(known[:, None, :], inputs, 0.0)
        own = np.where(known, own, 0.0)
        scatter = np.einsum("mkh,mlh->mkl", inputs, inputs)
        penalty = RIDGE * np.trace(scatter, axis1=1, axis2=2) / NEIGHBOURS + 1e-12
        scatter += penalty[:, None, None] * np.eye(NEIGHBOURS)
        aim = np.einsum("mkh,mh->mk", inputs, own)
        found = np.linalg.solve(scatter, aim[:, :, None])[:, :, 0]
        enough = known.sum(axis=1) >= 2 * FEWEST
        weight[mine] = np.where((neighbour[mine] >= 0) & enough[:, None], found, 0.0)
    return weight


def explained(departure: Floats, neighbour: Longs, weight: Floats) -> Floats:
    """(m, h) what the neighbours' departures say of each row; NaN where one of them is missing."""
    part = np.zeros(departure.shape)
    for begin in range(0, departure.shape[0], _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        inputs, known = _inputs(departure, np.where(weight[rows] != 0.0, neighbour[rows], -1))
        said = np.einsum("mk,mkh->mh", weight[rows], inputs)
        part[rows] = np.where(known, said, np.nan)
    return part


def worth_keeping(departure: Floats, said: Floats) -> Bools:
    """(m,) whether the neighbours made these hours, which they were not fitted on, clearer."""
    both = np.isfinite(said)
    alone, count = mean_error(departure, both)
    helped, _ = mean_error(departure - said, both)
    keep: Bools = (count >= FEWEST) & (helped < GAIN * alone)
    return keep


def _inputs(departure: Floats, neighbour: Longs) -> tuple[Floats, Bools]:
    """(values (n, 3, h) with 0 for no neighbour, hours (n, h) in which all neighbours are there)"""
    none = np.zeros((1, departure.shape[1]))
    padded = np.concatenate([departure, none])
    found = padded[np.where(neighbour < 0, departure.shape[0], neighbour)]
    known = np.isfinite(found).all(axis=1)
    return np.where(np.isfinite(found), found, 0.0), known
