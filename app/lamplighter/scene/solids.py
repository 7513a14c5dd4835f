"""Simple clay solids for assets that are only a point, so that they can be seen and picked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset
from lamplighter.domain.geometry import SURFACES, TileArrays

_WALL: Final = SURFACES.index("WallSurface")
_ROOF: Final = SURFACES.index("RoofSurface")
Solid = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]


def box(
    wide: float, deep: float, tall: float, at: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Solid:
    """A box standing on `at`, metres."""
    return prism(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2, deep / 2), tall, at)


def cylinder(
    radius: float, tall: float, at: tuple[float, float, float] = (0.0, 0.0, 0.0), sides: int = 20
) -> Solid:
    """A drum standing on `at`, metres."""
    turn = np.arange(sides) * (2 * np.pi / sides)
    return prism(np.stack((np.cos(turn), np.sin(turn)), axis=1) * radius, tall, at)


def prism(ring: npt.NDArray[np.float64], tall: float, at: tuple[float, float, float]) -> Solid:
    """Points, triangles and surfaces of an upright prism over a convex ring (n, 2)."""
    count = len(ring)
    low = np.c_[ring, np.zeros(count)] + at
    high = low + np.array([0.0, 0.0, tall])
    here, ahead = np.arange(count), (np.arange(count) + 1) % count
    walls = np.r_[
        np.stack((here, ahead, ahead + count), axis=1),
        np.stack((here, ahead + count, here + count), axis=1),
    ]
    lid = np.stack((np.full(count - 2, count), here[1:-1] + count, here[2:] + count), axis=1)
    surface = np.r_[np.full(len(walls), _WALL), np.full(len(lid), _ROOF)].astype(np.uint8)
    return np.r_[low, high], np.r_[walls, lid], surface


def _substation() -> list[Solid]:
    gantry = [box(0.5, 0.5, 7.0, (x, y, 0.0)) for x in (-9.0, -3.0, 3.0, 9.0) for y in (-8.0, 8.0)]
    beams = [box(18.5, 0.5, 0.5, (0.0, y, 7.0)) for y in (-8.0, 8.0)]
    transformers = [box(4.0, 3.4, 3.6, (x, 0.5, 0.0)) for x in (-6.0, 0.0, 6.0)]
    return [box(14.0, 6.0, 5.0, (0.0, -3.8, 0.0)), *transformers, *gantry, *beams]


def _pump() -> list[Solid]:
    return [box(11.0, 7.5, 5.5), cylinder(1.4, 2.2, (7.6, 0.0, 0.0), 14)]


def _post(tall: float, head: tuple[float, float, float]) -> list[Solid]:
    return [box(0.7, 0.7, tall), box(*head, (0.0, 0.0, tall))]


_SHAPES: Final[dict[str, list[Solid]]] = {
    "tank": [cylinder(7.0, 8.0, sides=28)],
    "reservoir": [cylinder(12.0, 6.0, sides=32)],
    "pump": _pump(),
    "substation": _substation(),
    "transformer": [box(4.5, 3.6, 4.0), box(3.0, 0.8, 5.2, (0.0, 2.4, 0.0))],
    "valve": [cylinder(1.5, 2.0, sides=10)],
    "junction": [cylinder(1.3, 1.0, sides=8)],
    "signal": _post(5.0, (1.4, 1.2, 2.6)),
    "sensor": _post(4.0, (1.6, 1.6, 1.4)),
    "pole": _post(8.0, (2.4, 0.8, 0.5)),
    "station": [box(12.0, 9.0, 5.5)],
    "bridge": [box(26.0, 9.0, 1.6, (0.0, 0.0, 4.0)), box(2.0, 8.0, 4.0)],
    "mark": [cylinder(0.3, 0.3, sides=8)],
    "other": [box(3.2, 3.2, 3.2)],
}

_WORDS: Final = (
    ("substation", "substation"), ("transformer", "transformer"), ("tank", "tank"),
    ("reservoir", "reservoir"), ("pump", "pump"), ("valve", "valve"), ("junction", "junction"),
    ("node", "junction"), ("supplypoint", "transformer"), ("supply point", "transformer"),
    ("feeder", "transformer"), ("signal", "signal"), ("trafficlight", "signal"),
    ("detector", "sensor"), ("sensor", "sensor"), ("meter", "sensor"), ("lamp", "pole"),
    ("stop", "pole"), ("roadsign", "pole"), ("servicerequest", "pole"), ("switch", "valve"),
    ("breaker", "valve"), ("pole", "pole"), ("bridge", "bridge"), ("station", "station"),
    ("plant", "station"),
)  # fmt: skip
_PLACELESS: Final = ("building", "zone", "district", "area", "network", "city", "ifc")
"""areas, and rooms, openings and labels of a building model, which would hide the building"""


def shape_of(asset_type: str) -> str:
    """The name of the solid for an asset type; empty for types that get none (areas)."""
    if asset_type.isupper():
        return "mark"  # entities of a drawing: texts, points, blocks
    word = asset_type.lower().replace("_", "")
    for part, shape in _WORDS:
        if part in word:
            return shape
    return "" if any(word.startswith(p) for p in _PLACELESS) else "other"


def asset_tile(name: str, assets: Sequence[Asset]) -> TileArrays:
    """One tile with a solid for every asset that has a place and deserves one."""
    points: list[npt.NDArray[np.float64]] = []
    triangles, owners, surfaces = [], [], []
    names: list[str] = []
    count = 0
    for asset in assets:
        shape = shape_of(asset.type)
        if asset.x is None or asset.y is None or not shape:
            continue
        foot = (asset.x, asset.y, asset.z or 0.0)
        if not np.isfinite(foot).all():
            continue
        for places, corners, surface in _SHAPES[shape]:
            points.append(places + foot)
            triangles.append(corners + count)
            owners.append(np.full(len(corners), len(names), dtype=np.int32))
            surfaces.append(surface)
            count += len(places)
        names.append(asset.id)
    if not names:
        return TileArrays(
            name, (), np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32),
            np.zeros(0, np.int32), np.zeros(0, np.uint8),
        )  # fmt: skip
    return TileArrays(
        name=name,
        assets=tuple(names),
        points=np.concatenate(points).astype(np.float32),
        triangles=np.concatenate(triangles).astype(np.int32),
        owner=np.concatenate(owners),
        surface=np.concatenate(surfaces),
    )
