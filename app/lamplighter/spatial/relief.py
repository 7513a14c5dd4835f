"""A grid of heights as triangles: large where the ground is even, small where it is rough.

Right-angled triangles are halved at the middle of their longest side for as long as the height
there is further off than allowed. Errors are carried from small triangles to the large ones that
hold them, so neighbours always share their corners and the surface has no cracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.spatial.model import Floats, Ints

MAX_TRIANGLES: Final = 200_000
Corners = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Relief:
    """triangles (m, 3) into points; point n is grid cell `rows[n]`, `columns[n]`.

    No height of the grid lies further than `error` from the surface.
    """

    rows: Ints
    columns: Ints
    triangles: Ints
    error: float


def relief(heights: Floats, error: float) -> Relief:
    """Triangles over `heights` (rows, columns); where it is NaN the surface stays open.

    `error` is doubled until there are at most MAX_TRIANGLES.
    """
    padded = _padded(heights)
    side = padded.shape[0]
    levels = _levels(side - 1)
    errors = _errors(padded.ravel(), levels, side)
    while True:
        found = _chosen(errors, levels, side, error)
        whole = np.isfinite(padded.ravel())[found].all(axis=1)
        found = found[whole]
        if len(found) <= MAX_TRIANGLES:
            break
        error *= 2.0
    used, triangles = np.unique(found, return_inverse=True)
    finite = errors[np.isfinite(errors)]
    stated = min(error, float(finite.max())) if len(finite) else 0.0
    return Relief(
        (used // side).astype(np.int64),
        (used % side).astype(np.int64),
        triangles.reshape(-1, 3).astype(np.int64),
        stated,
    )


def _padded(heights: Floats) -> Floats:
    """The grid in a square whose side is a power of two plus one."""
    side = 2
    while side + 1 < max(heights.shape):
        side *= 2
    padded = np.full((side + 1, side + 1), np.nan)
    padded[: heights.shape[0], : heights.shape[1]] = heights
    return padded


def _levels(size: int) -> list[Corners]:
    """All triangles by generation, (m, 3): both ends of the longest side, then the right angle.

    The halves of triangle n are 2n and 2n + 1 of the next generation.
    """
    side = size + 1
    last = side * side - 1
    levels = [np.array([[0, last, size], [last, 0, last - size]], np.int32)]
    for _ in range(2 * (size.bit_length() - 1)):
        first, second, right = levels[-1].T
        middle = _middle(first, second, side)
        halves = np.empty((2 * len(first), 3), np.int32)
        halves[0::2] = np.stack([right, first, middle], axis=1)
        halves[1::2] = np.stack([second, right, middle], axis=1)
        levels.append(halves)
    return levels


def _middle(first: Corners, second: Corners, side: int) -> Corners:
    row = (first // side + second // side) // 2
    column = (first % side + second % side) // 2
    return np.asarray(row * side + column, np.int32)


def _errors(heights: Floats, levels: list[Corners], side: int) -> Floats:
    """For each middle of a longest side how far the surface is off when it is left out.

    Infinite where known and unknown heights meet, so that gaps get their true outline.
    """
    errors = np.zeros(len(heights))
    for place in range(len(levels) - 2, -1, -1):
        first, second, right = levels[place].T
        middle = _middle(first, second, side)
        spots = heights[np.stack([first, second, right, middle])]
        off = np.abs(spots[3] - (spots[0] + spots[1]) / 2.0)
        unknown = np.isnan(spots)
        off = np.where(unknown.all(axis=0), 0.0, np.where(unknown.any(axis=0), np.inf, off))
        if place + 2 < len(levels):
            below = levels[place + 1]
            inner = errors[_middle(below[:, 0], below[:, 1], side)]
            off = np.maximum(off, np.maximum(inner[0::2], inner[1::2]))
        np.maximum.at(errors, middle, off)
    return errors


def _chosen(errors: Floats, levels: list[Corners], side: int, error: float) -> Corners:
    """The triangles that are not halved any further."""
    alive = np.arange(len(levels[0]))
    done: list[Corners] = []
    for place, level in enumerate(levels):
        triangles = level[alive]
        if place == len(levels) - 1:
            done.append(triangles)
            break
        split = errors[_middle(triangles[:, 0], triangles[:, 1], side)] > error
        done.append(triangles[~split])
        halved = alive[split]
        alive = np.stack([2 * halved, 2 * halved + 1], axis=1).ravel()
    return np.concatenate(done)
