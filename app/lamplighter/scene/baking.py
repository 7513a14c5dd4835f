"""Prepares a tile for drawing once, in numpy: surface kinds, wall tones, foot shade, edges.

The result does not depend on the theme, so a theme switch or a change of state only rewrites
bytes. Nothing here needs VTK; it may run in a thread or in a worker process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.scene.skin import Skin, cloud_order, skin_of

FOOT_M: Final = 20.0
"""height over which a wall brightens from its foot"""
EDGE_COS: Final = float(np.cos(np.radians(30.0)))
_SHADES: Final = 15
_LIGHT_FROM: Final = np.array([-0.57, -0.82])
"""direction towards the fixed light, in the ground plane (south-south-west)"""


class Kind(IntEnum):
    """What a point belongs to; chooses its clay colour."""

    WALL_LIGHT = 0
    WALL_MID = 1
    WALL_DARK = 2
    ROOF = 3
    GROUND = 4
    STREET = 5
    WATER = 6
    PARK = 7
    QUAY = 8
    TREE = 9


ROLES: Final = (
    "wallLight", "wallMid", "wallDark", "roof", "ground", "street", "water", "park", "quay", "tree",
)  # fmt: skip
"""token of each Kind"""

_FIXED: Final = {
    "Terrain": Kind.GROUND,
    "Road": Kind.STREET,
    "Water": Kind.WATER,
    "Vegetation": Kind.TREE,
}


@dataclass(frozen=True, slots=True)
class BakedTile:
    """A tile ready to draw; points and triangles are sorted by owner.

    points (n, 3) float32; triangles (m, 3) int32; kind (n,) uint8 of `Kind`; shade (n,) uint8,
    255 = unshaded; slope (n,) uint8, roof light, 255 = full; point_start, triangle_start
    (k + 1,) int64: owner i has points [point_start[i], point_start[i + 1]); low, high (k, 3)
    float32 boxes, empty ones inverted; edges (e, 2) int32 into edge_points (p, 3) float32 of
    edge_owner (p,) int32; surface (m,) uint8 into SURFACES. A cloud has points and no triangles.
    """

    name: str
    assets: tuple[str, ...]
    points: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    shade: npt.NDArray[np.uint8]
    slope: npt.NDArray[np.uint8]
    point_start: npt.NDArray[np.int64]
    triangle_start: npt.NDArray[np.int64]
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    edge_points: npt.NDArray[np.float32]
    edges: npt.NDArray[np.int32]
    edge_owner: npt.NDArray[np.int32]
    surface: npt.NDArray[np.uint8]
    tile_kind: str = "model"
    """one of geometry.TILE_KINDS"""
    skin: Skin | None = None
    """own colours or a picture, of meshes, clouds and drapes"""

    @property
    def captured(self) -> bool:
        """Whether it shows the city as it was captured: one picks through it."""
        return self.tile_kind != "model"

    @property
    def bounds(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Lowest and highest corner of the whole tile (inverted when it is empty)."""
        if not len(self.points):
            return np.full(3, np.inf, np.float32), np.full(3, -np.inf, np.float32)
        return self.low.min(axis=0), self.high.max(axis=0)


def bake(tile: TileArrays) -> BakedTile:
    """Sort, split and shade one tile. Triangles with a point outside the arrays are left out."""
    if tile.kind == "cloud":
        return _bake_cloud(tile)
    tile = _sound(tile)
    order = np.argsort(tile.owner, kind="stable")
    owner = tile.owner[order].astype(np.int64)
    corners = tile.triangles[order].astype(np.int64)
    surface = tile.surface[order]
    normals = _normals(tile.points, corners)
    kind, slope = _kinds(surface, normals)
    key = ((owner[:, None] << 42) | (corners << 10) | (kind[:, None] << 4) | slope[:, None]).ravel()
    unique, inverse = np.unique(key, return_inverse=True)
    source = (unique >> 10) & 0xFFFFFFFF
    points = np.ascontiguousarray(tile.points[source], dtype=np.float32)
    owners = np.arange(len(tile.assets) + 1, dtype=np.int64)
    point_owner = unique >> 42
    point_start = np.searchsorted(point_owner, owners).astype(np.int64)
    low, high = _boxes(points, point_start)
    point_kind = ((unique >> 4) & 0x3F).astype(np.uint8)
    edge_points, edges, edge_owner = (
        feature_edges(tile.points, corners, owner, kind, normals)
        if tile.kind == "model" and any(tile.assets)  # masses are far away: no edges
        else _no_edges()
    )
    return BakedTile(
        name=tile.name,
        assets=tile.assets,
        points=points,
        triangles=inverse.reshape(-1, 3).astype(np.int32),
        kind=point_kind,
        shade=_foot_shade(points, point_kind, low[point_owner, 2]),
        slope=((unique & 0xF) * (255 // _SHADES)).astype(np.uint8),
        point_start=point_start,
        triangle_start=np.searchsorted(owner, owners).astype(np.int64),
        low=low,
        high=high,
        edge_points=edge_points,
        edges=edges,
        edge_owner=edge_owner,
        surface=np.ascontiguousarray(surface, dtype=np.uint8),
        tile_kind=tile.kind,
        skin=skin_of(tile, source),
    )


def _bake_cloud(tile: TileArrays) -> BakedTile:
    """A cloud's points, shuffled: any leading part of them is an even thinning of the whole."""
    points = tile.points[np.isfinite(tile.points).all(axis=1)]
    order = cloud_order(len(points))
    points = np.ascontiguousarray(points[order], dtype=np.float32)
    count = len(points)
    start = np.zeros(len(tile.assets) + 1, np.int64)
    start[1:] = count
    low, high = _boxes(points, start)
    edge_points, edges, edge_owner = _no_edges()
    return BakedTile(
        name=tile.name,
        assets=tile.assets,
        points=points,
        triangles=np.zeros((0, 3), np.int32),
        kind=np.full(count, Kind.ROOF, np.uint8),
        shade=np.full(count, 255, np.uint8),
        slope=np.full(count, 255, np.uint8),
        point_start=start,
        triangle_start=np.zeros(len(tile.assets) + 1, np.int64),
        low=low,
        high=high,
        edge_points=edge_points,
        edges=edges,
        edge_owner=edge_owner,
        surface=np.zeros(0, np.uint8),
        tile_kind="cloud",
        skin=skin_of(tile, np.flatnonzero(np.isfinite(tile.points).all(axis=1))[order]),
    )


def _no_edges() -> tuple[
    npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]
]:  # fmt: skip
    return np.zeros((0, 3), np.float32), np.zeros((0, 2), np.int32), np.zeros(0, np.int32)


def _sound(tile: TileArrays) -> TileArrays:
    """The tile without triangles that point outside its arrays or have no finite place."""
    inside = (tile.triangles >= 0) & (tile.triangles < len(tile.points))
    good = np.asarray(inside.all(axis=1), dtype=bool)
    good &= (tile.owner >= 0) & (tile.owner < len(tile.assets))
    finite = np.asarray(np.isfinite(tile.points).all(axis=1), dtype=bool)
    if not finite.all():
        good[np.flatnonzero(good)] = finite[tile.triangles[good]].all(axis=1)
    if good.all():
        return tile
    return replace(
        tile,
        triangles=tile.triangles[good],
        owner=tile.owner[good],
        surface=tile.surface[good],
    )


def _normals(
    points: npt.NDArray[np.float32], corners: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    a, b, c = (points[corners[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a).astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", normal, normal))
    return np.asarray(normal / np.maximum(length, 1e-12)[:, None], dtype=np.float32)


def _kinds(
    surface: npt.NDArray[np.uint8], normals: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Kind and roof light (0..15) of each triangle."""
    up = normals[:, 2]
    flat = np.hypot(normals[:, 0], normals[:, 1])
    facing = (normals[:, :2] @ _LIGHT_FROM.astype(np.float32)) / np.maximum(flat, 1e-6)
    kind = np.where(facing > 0.65, Kind.WALL_LIGHT, Kind.WALL_MID).astype(np.int64)
    kind[facing < -0.5] = Kind.WALL_DARK
    code = {name: np.uint8(number) for number, name in enumerate(SURFACES)}
    level = (np.abs(up) > 0.5) & (surface != code["WallSurface"])
    kind[level | (surface == code["RoofSurface"])] = Kind.ROOF
    kind[(up < -0.5) & (surface != code["RoofSurface"])] = Kind.WALL_DARK
    kind[surface == code["GroundSurface"]] = Kind.WALL_DARK
    for name, fixed in _FIXED.items():
        kind[surface == code[name]] = fixed
    deck = (surface == code["Bridge"]) & (np.abs(up) > 0.5)
    kind[deck] = Kind.QUAY
    light = 0.93 + 0.07 * up + 0.05 * facing * flat
    sloped = np.isin(kind, (Kind.ROOF, Kind.TREE, Kind.GROUND, Kind.QUAY))
    slope = np.where(sloped, np.clip(np.rint(light * _SHADES), 0, _SHADES), _SHADES)
    return kind, slope.astype(np.int64)


def _boxes(
    points: npt.NDArray[np.float32], start: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    count = len(start) - 1
    low = np.full((count, 3), np.inf, dtype=np.float32)
    high = np.full((count, 3), -np.inf, dtype=np.float32)
    some = np.flatnonzero(np.diff(start) > 0)
    if len(some):
        low[some] = np.minimum.reduceat(points, start[some], axis=0)
        high[some] = np.maximum.reduceat(points, start[some], axis=0)
    return low, high


def _foot_shade(
    points: npt.NDArray[np.float32], kind: npt.NDArray[np.uint8], base: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """0 at a wall's foot, 255 from 20 m up and on everything that is no wall."""
    lift = np.clip((points[:, 2] - base) / FOOT_M, 0.0, 1.0)
    shade = np.asarray(np.rint(lift * 255), dtype=np.uint8)
    shade[kind > Kind.WALL_DARK] = 255
    return shade


def feature_edges(
    points: npt.NDArray[np.float32],
    corners: npt.NDArray[np.int64],
    owner: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int64],
    normals: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Edges of built things where two faces meet at 30 degrees or more, or where a face ends."""
    built = (kind <= Kind.ROOF) | (kind == Kind.QUAY)
    corners, owner, normals = corners[built], owner[built], normals[built]
    if not len(corners):
        return _no_edges()
    place = _same_place(points, corners, owner)
    a = np.concatenate((place[:, 0], place[:, 1], place[:, 2]))
    b = np.concatenate((place[:, 1], place[:, 2], place[:, 0]))
    face = np.tile(np.arange(len(place)), 3)
    key = (np.minimum(a, b) << 32) | np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    key, face = key[order], face[order]
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    count = np.diff(np.append(first, len(key)))
    lead = np.repeat(face[first], count)
    flat = np.abs(np.einsum("ij,ij->i", normals[lead], normals[face]))  # windings may differ
    thin = _slivers(points, corners)  # their normals say nothing
    flat[thin[lead] | thin[face]] = 1.0
    draw = (count == 1) | (np.minimum.reduceat(flat, first) < EDGE_COS)
    chosen = key[first[draw]]
    ends = np.stack((chosen >> 32, chosen & 0xFFFFFFFF), axis=1)
    ends = ends[ends[:, 0] != ends[:, 1]]
    used, local = np.unique(ends.ravel(), return_inverse=True)
    of_point = np.zeros(len(points), np.int32)
    of_point[corners] = owner[:, None]
    lines = local.reshape(-1, 2).astype(np.int32)
    return points[used].astype(np.float32), lines, of_point[used]


def _slivers(
    points: npt.NDArray[np.float32], corners: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Triangles lower than 3 cm over their longest side."""
    a, b, c = (points[corners[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.max([np.linalg.norm(v, axis=1) for v in (b - a, c - b, a - c)], axis=0)
    return np.asarray(area < 0.03 * np.maximum(longest, 1e-9))


def _same_place(
    points: npt.NDArray[np.float32], corners: npt.NDArray[np.int64], owner: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For each corner the index of the first point of its owner at the same centimetre."""
    flat = corners.ravel()
    grid = np.rint(points[flat].astype(np.float64) * 100.0).astype(np.int64)
    with np.errstate(over="ignore"):
        mixed = grid[:, 0] * np.int64(73856093)
        mixed = (mixed ^ (grid[:, 1] * np.int64(19349663))) * np.int64(1000003)
        mixed = (mixed ^ (grid[:, 2] * np.int64(83492791))) * np.int64(1000003)
        mixed ^= np.repeat(owner, 3) * np.int64(2654435761)
    _, first, inverse = np.unique(mixed, return_index=True, return_inverse=True)
    return flat[first][inverse].reshape(-1, 3)
