"""What a pressure should read by the pressures that move with it.

Junctions of one zone rise and fall together. From the last minutes each pressure is fitted to the
three that follow it best, on the first half of the time; only where that also explains the second
half much better than a constant does, a row is given. So in quiet water, where nothing moves but
noise, and for a sensor that no longer goes along with its zone, the model abstains.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.plugin_api import ExpectedColumns, ModelInputs

KINDS: Final = frozenset({"pressure", "discharge_pressure"})
ENOUGH_S: Final = 120
"""seconds known before anything is said"""
NEIGHBOURS: Final = 3
EXPLAINED: Final = 0.5
"""share of the constant's error that may remain"""
RIDGE: Final = 1e-3
FLOOR: Final = 0.002
"""spread, at least this share of the level"""
VALID_S: Final = 600.0
SOON_S: Final = 120.0
"""validity while nothing is known, so that the next question comes soon"""
CHUNK: Final = 256

Floats = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]


def expected(inputs: ModelInputs) -> ExpectedColumns:
    """Rows for the pressures whose neighbours explain them; no rows while too little is known."""
    of_kind = np.array([kind in KINDS for kind in inputs.kind], np.bool_)
    values = inputs.value
    if not of_kind.any() or values.shape[1] < ENOUGH_S:
        return _nothing()
    moved = np.zeros(of_kind.shape, np.bool_)
    whole = of_kind & np.isfinite(values).all(axis=1)
    moved[whole] = values[whole].std(axis=1) > 0.0
    rows = np.flatnonzero(moved)
    # a neighbour needs a row of its own: leave out what is not explained, and fit again
    for _ in range(10):
        if rows.size <= NEIGHBOURS:
            return _nothing()
        level, neighbour, weight, remains, constant = _fit(values[rows])
        explained = remains < EXPLAINED * constant
        if explained.all():
            ids = inputs.datastream[rows].astype(np.int64)
            spread = np.maximum(remains, np.maximum(FLOOR * np.abs(level), 1e-6))
            return ExpectedColumns(ids, level, spread, VALID_S, ids[neighbour], weight)
        rows = rows[explained]
    return _nothing()


def _fit(values: Floats) -> tuple[Floats, Ids, Floats, Floats, Floats]:
    """(level, neighbour rows, weights, error left, error of a constant), each by row."""
    half = values.shape[1] // 2
    level = values[:, :half].mean(axis=1)
    past, later = values[:, :half] - level[:, None], values[:, half:] - level[:, None]
    neighbour = _closest(past)
    near = past[neighbour]  # (rows, k, half)
    square = np.einsum("ikt,ilt->ikl", near, near)
    scale = np.trace(square, axis1=1, axis2=2) / NEIGHBOURS + 1e-12
    square += (RIDGE * scale)[:, None, None] * np.eye(NEIGHBOURS)
    along = np.einsum("ikt,it->ik", near, past)
    weight: Floats = np.linalg.solve(square, along[:, :, None])[:, :, 0]
    guess = np.einsum("ik,ikt->it", weight, later[neighbour])
    remains = np.sqrt(np.mean((later - guess) ** 2, axis=1))
    constant = np.sqrt(np.mean(later**2, axis=1))
    return level, neighbour, weight, remains, constant


def _closest(past: Floats) -> Ids:
    """(rows, k) the rows that correlate best with each one, itself left out."""
    length = np.sqrt(np.sum(past**2, axis=1))
    even = past / np.where(length > 0.0, length, 1.0)[:, None]
    found = np.zeros((past.shape[0], NEIGHBOURS), np.int64)
    for first in range(0, past.shape[0], CHUNK):
        part = slice(first, min(first + CHUNK, past.shape[0]))
        alike = even[part] @ even.T
        own = np.arange(part.start, part.stop)
        alike[own - first, own] = -np.inf
        found[part] = np.argpartition(-alike, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS]
    return found


def _nothing() -> ExpectedColumns:
    empty = np.zeros(0)
    return ExpectedColumns(np.zeros(0, np.int64), empty, empty, SOON_S)
