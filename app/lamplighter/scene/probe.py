"""Exact places in the city: under the pointer, at a corner near it, on the ground below a point.

Measuring, the section box and walking all need a place rather than an asset. Picking gives the
surface; a corner near the pointer wins over it, so that walls are measured from edge to edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from lamplighter.scene.baking import BakedTile, Kind
from lamplighter.scene.camera import Projection
from lamplighter.scene.ground import Ground

if TYPE_CHECKING:
    from lamplighter.scene.city_scene import CityScene

REACH_PX: Final = 10.0
"""a corner nearer than this draws the pointer to it"""
_AROUND: Final = ((0, 0), (8, 0), (-8, 0), (0, 8), (0, -8))
_HIDDEN_M: Final = 0.3
"""a corner this far behind what is drawn there cannot be seen"""
_TRIED: Final = 6


@dataclass(frozen=True, slots=True)
class Probe:
    """A place in local metres, the asset it lies on (empty: ground), and whether it is a corner."""

    place: tuple[float, float, float]
    asset: str = ""
    corner: bool = False


def probe(scene: CityScene, x: float, y: float, width: int, height: int) -> Probe | None:
    """The place at pixel (x, y) from the upper left; None where there is only sky."""
    hits = [scene.hit(x + dx, y + dy, width, height) for dx, dy in _AROUND]
    view = scene.projection(width, height)
    names = {hit.asset for hit in hits if hit is not None}
    corner = _corner(scene, view, names, x, y) if names else None
    if corner is not None:
        return corner
    hit = hits[0]
    if hit is not None:
        return Probe(hit.place, hit.asset)
    place = _on_ground(scene, view, x, y)
    return Probe(place) if place is not None else None


def _corner(
    scene: CityScene, view: Projection, names: set[str], x: float, y: float
) -> Probe | None:
    found: list[tuple[float, str, npt.NDArray[np.float64]]] = []
    for name in names:
        points = scene.corners(name)
        if not len(points):
            continue
        pixels, ahead, _ = view.to_pixels(points)
        away = np.where(ahead, np.hypot(pixels[:, 0] - x, pixels[:, 1] - y), np.inf)
        found += [
            (float(away[n]), name, points[n])
            for n in np.argsort(away)[:_TRIED].tolist()
            if away[n] <= REACH_PX
        ]
    for _, name, point in sorted(found, key=lambda row: row[0])[:_TRIED]:
        if _seen(scene, view, point):
            return Probe((float(point[0]), float(point[1]), float(point[2])), name, corner=True)
    return None


def _seen(scene: CityScene, view: Projection, point: npt.NDArray[np.float64]) -> bool:
    (pixel,), _, _ = view.to_pixels([point])
    hit = scene.hit(float(pixel[0]) - 0.5, float(pixel[1]) - 0.5, view.width, view.height)
    if hit is None:
        return True
    origin, _ = view.ray(float(pixel[0]) - 0.5, float(pixel[1]) - 0.5)
    return hit.distance >= float(np.linalg.norm(point - origin)) - _HIDDEN_M


def _on_ground(
    scene: CityScene, view: Projection, x: float, y: float
) -> tuple[float, float, float] | None:
    origin, direction = view.ray(x, y)
    if direction[2] > -1e-3:
        return None
    level = scene.extent.low[2]
    place = origin
    for _ in range(4):  # the ground is nearly flat: its height is found in a few steps
        place = origin + direction * ((level - origin[2]) / direction[2])
        level = ground_height(scene, float(place[0]), float(place[1]))
    return float(place[0]), float(place[1]), float(level)


def ground_height(scene: CityScene, x: float, y: float) -> float:
    """Height of the ground at a place, metres: the terrain's where there is one."""
    for tile in scene.tiles:
        found = _terrain_height(tile, x, y) if len(tile.points) else None
        if found is not None:
            return found
    if scene.ground is None:
        return scene.extent.low[2]
    return _baked_height(scene.ground, x, y)


def _baked_height(ground: Ground, x: float, y: float) -> float:
    count = len(ground.heights) - 1
    u = (x - ground.low[0]) / (ground.high[0] - ground.low[0]) * count
    v = (y - ground.low[1]) / (ground.high[1] - ground.low[1]) * count
    column = int(min(max(np.floor(u), 0), count - 1))
    line = int(min(max(np.floor(v), 0), count - 1))
    s, t = min(max(u - column, 0.0), 1.0), min(max(v - line, 0.0), 1.0)
    cell = ground.heights[line : line + 2, column : column + 2].astype(np.float64)
    return float(
        cell[0, 0] * (1 - s) * (1 - t)
        + cell[0, 1] * s * (1 - t)
        + cell[1, 0] * (1 - s) * t
        + cell[1, 1] * s * t
    )


def _terrain_height(tile: BakedTile, x: float, y: float) -> float | None:
    low, high = tile.bounds
    if not (low[0] <= x <= high[0] and low[1] <= y <= high[1]):
        return None
    rows = np.flatnonzero(tile.kind[tile.triangles[:, 0]] == Kind.GROUND)
    if not len(rows):
        return None
    corners = tile.points[tile.triangles[rows]].astype(np.float64)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    one, two = (b - a)[:, :2], (c - a)[:, :2]
    way = np.array([x, y]) - a[:, :2]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        u = (way[:, 0] * two[:, 1] - way[:, 1] * two[:, 0]) / area
        v = (one[:, 0] * way[:, 1] - one[:, 1] * way[:, 0]) / area
        inside = np.flatnonzero((np.abs(area) > 1e-9) & (u >= 0) & (v >= 0) & (u + v <= 1))
    if not len(inside):
        return None
    n = inside[0]
    return float(a[n, 2] + u[n] * (b[n, 2] - a[n, 2]) + v[n] * (c[n, 2] - a[n, 2]))
