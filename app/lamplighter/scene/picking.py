"""Which asset is under the pointer: an exact ray, without any index that has to be built.

Boxes of tiles, then boxes of assets, then the triangles of the few assets whose box the ray
crosses. Building a search tree would hold the interpreter for as long as it takes; this does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import SURFACES
from lamplighter.scene.baking import BakedTile

Allowed = Callable[[str], npt.NDArray[np.bool_] | None]
"""which owners of a tile may be picked; None for all"""
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hit:
    """An asset, the place that was hit (local metres) and its distance from the ray's origin."""

    asset: str
    """empty for the bare ground"""
    place: tuple[float, float, float]
    distance: float
    surface: str = ""
    """word of `geometry.SURFACES`; empty for lines and the ground"""
    tile: str = ""
    """name of the tile that was hit"""
    kind: str = "model"
    """one of `geometry.TILE_KINDS`, `line` or `ground`: what lies at `place`"""


class TilePicker:
    """The tiles a ray may hit."""

    def __init__(self) -> None:
        self._tiles: dict[str, tuple[BakedTile, Vector]] = {}
        self._old = False
        self._low = np.zeros((0, 3))
        self._high = np.zeros((0, 3))
        self._order: list[BakedTile] = []

    def add(self, tile: BakedTile) -> None:
        self._tiles[tile.name] = (tile, np.array(tile.bounds, dtype=np.float64))
        self._old = True

    def remove(self, name: str) -> None:
        self._old |= self._tiles.pop(name, None) is not None

    def _arrange(self) -> None:
        """Put the boxes of all tiles side by side, once before the next ray."""
        rows = [(t, b) for t, b in self._tiles.values() if len(t.triangles)]
        self._order = [t for t, _ in rows]
        boxes = np.array([b for _, b in rows], dtype=np.float64).reshape(-1, 2, 3)
        self._low, self._high = boxes[:, 0], boxes[:, 1]
        self._old = False

    def hit(
        self,
        origin: Vector,
        direction: Vector,
        reach: tuple[float, float] = (0.0, np.inf),
        allowed: Allowed | None = None,
    ) -> Hit | None:
        """The nearest asset on the ray (unit direction) within `reach` metres, or None."""
        if self._old:
            self._arrange()
        near = entry(self._low, self._high, origin, direction)
        best: Hit | None = None
        for number in np.argsort(near).tolist():
            limit = best.distance if best else reach[1]
            if not np.isfinite(near[number]) or near[number] > limit:
                break
            tile = self._order[number]
            mask = allowed(tile.name) if allowed is not None else None
            found = _hit_tile(tile, origin, direction, (reach[0], limit), mask)
            best = found or best
        return best


def entry(
    low: npt.NDArray[np.floating], high: npt.NDArray[np.floating], origin: Vector, direction: Vector
) -> Vector:
    """Distance at which the ray enters each box (n,); infinite where it misses."""
    if not len(low):
        return np.zeros(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 1.0 / np.where(np.abs(direction) < 1e-12, 1e-12, direction)
        one, two = (low - origin) * slope, (high - origin) * slope
    first = np.minimum(one, two).max(axis=1)
    last = np.maximum(one, two).min(axis=1)
    crossed = (last >= np.maximum(first, 0.0)) & (low[:, 0] <= high[:, 0])
    return np.where(crossed, np.maximum(first, 0.0), np.inf)


def _hit_tile(
    tile: BakedTile,
    origin: Vector,
    direction: Vector,
    reach: tuple[float, float],
    allowed: npt.NDArray[np.bool_] | None,
) -> Hit | None:
    near = entry(tile.low - 1e-3, tile.high + 1e-3, origin, direction)
    crossed = near < reach[1]
    if allowed is not None:
        crossed &= allowed
    owners = np.flatnonzero(crossed)
    if not len(owners):
        return None
    owners = owners[np.argsort(near[owners])]
    best, row = reach[1], -1
    begin, size = 0, 8
    while begin < len(owners) and near[owners[begin]] < best:
        group = owners[begin : begin + size]
        begin, size = begin + size, size * 3  # few boxes are mostly enough, many need few turns
        rows = _runs(tile.triangle_start[group], tile.triangle_start[group + 1])
        distance = ray_triangles(tile.points[tile.triangles[rows]], origin, direction)
        distance[distance < reach[0]] = np.inf
        at = int(np.argmin(distance)) if len(distance) else 0
        if len(distance) and distance[at] < best:
            best, row = float(distance[at]), int(rows[at])
    if row < 0:
        return None
    owner = int(np.searchsorted(tile.triangle_start, row, side="right") - 1)
    x, y, z = (origin + direction * best).tolist()
    surface = SURFACES[int(tile.surface[row])]
    return Hit(tile.assets[owner], (x, y, z), best, surface, tile.name, tile.tile_kind)


def _runs(begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """All numbers of the half-open ranges, one after the other."""
    count = end - begin
    jump = np.repeat(begin - np.concatenate(([0], np.cumsum(count)[:-1])), count)
    return jump + np.arange(int(count.sum()))


def ray_triangles(corners: npt.NDArray[np.float32], origin: Vector, direction: Vector) -> Vector:
    """Distances (m,) at which the ray meets triangles (m, 3, 3); infinite where it does not."""
    a, b, c = (corners[:, k].astype(np.float64) for k in range(3))
    one, two = b - a, c - a
    across = np.cross(direction, two)
    scale = np.einsum("ij,ij->i", one, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / scale
        away = origin - a
        u = np.einsum("ij,ij->i", away, across) * inverse
        side = np.cross(away, one)
        v = (side @ direction) * inverse
        distance = np.einsum("ij,ij->i", two, side) * inverse
        good = (np.abs(scale) > 1e-12) & (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9)
    return np.where(good & (distance > 1e-6), distance, np.inf)
