"""A district of simple houses as tiles: enough to look at, to pick in and to measure."""

from __future__ import annotations

import numpy as np

from lamplighter.domain.geometry import SURFACES, TileArrays

WALL, ROOF = SURFACES.index("WallSurface"), SURFACES.index("RoofSurface")
_BOX = np.array(
    [
        [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
        [4, 5, 6], [4, 6, 7],
    ]
)  # fmt: skip
_GABLE = np.array(
    [
        [0, 1, 5], [0, 5, 4], [2, 3, 7], [2, 7, 6], [1, 2, 6], [1, 6, 5], [3, 0, 4], [3, 4, 7],
        [4, 5, 9], [4, 9, 8], [6, 7, 8], [6, 8, 9], [5, 6, 9], [7, 4, 8],
    ]
)  # fmt: skip


def house(
    x: float, y: float, wide: float, deep: float, tall: float, turn: float = 0.0,
    gable: float = 0.0, base: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Points, triangles and surfaces of a box (or gabled house) around (x, y)."""
    half = np.array([[-wide, -deep], [wide, -deep], [wide, deep], [-wide, deep]]) / 2
    cos, sin = np.cos(turn), np.sin(turn)
    ring = half @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    low = np.c_[ring, np.full(4, base)]
    high = np.c_[ring, np.full(4, base + tall)]
    points = np.r_[low, high]
    if not gable:
        return points, _BOX, np.array([WALL] * 8 + [ROOF] * 2)
    left, right = (high[0] + high[3]) / 2, (high[1] + high[2]) / 2
    ridge = np.array([left, right]) + np.array([0, 0, gable])
    return np.r_[points, ridge], _GABLE, np.array([WALL] * 8 + [ROOF] * 4 + [WALL] * 2)


def district(
    count: int = 3000, per_tile: int = 500, seed: int = 7, spacing: float = 26.0
) -> list[TileArrays]:
    """About `count` houses on a street grid with a few towers, cut into tiles."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    middle = side * spacing / 2
    houses = []
    for number in range(count):
        column, row = number % side, number // side
        x = column * spacing + (column // 6) * 14.0 - middle
        y = row * spacing + (row // 4) * 16.0 - middle
        wide, deep = rng.uniform(13, 24, 2)
        near = np.exp(-((np.hypot(x, y) / 260.0) ** 2))
        tall = rng.uniform(7, 17) + near * rng.gamma(1.6, 18.0)
        gable = rng.uniform(2, 6) if tall < 14 and rng.random() < 0.6 else 0.0
        houses.append(house(x, y, wide, deep, tall, 0.06 * rng.standard_normal(), gable))
    return [
        tile(f"tile-{start // per_tile}", houses[start : start + per_tile], start)
        for start in range(0, count, per_tile)
    ]


def tile(name: str, houses: list[tuple[np.ndarray, ...]], first: int = 0) -> TileArrays:
    """Houses as one tile; their ids are B0, B1, ... counted from `first`."""
    points, triangles, owner, surface, at = [], [], [], [], 0
    for number, (places, corners, kinds) in enumerate(houses):
        points.append(places)
        triangles.append(corners + at)
        owner.append(np.full(len(corners), number))
        surface.append(kinds)
        at += len(places)
    return TileArrays(
        name=name,
        assets=tuple(f"B{first + n}" for n in range(len(houses))),
        points=np.concatenate(points).astype(np.float32),
        triangles=np.concatenate(triangles).astype(np.int32),
        owner=np.concatenate(owner).astype(np.int32),
        surface=np.concatenate(surface).astype(np.uint8),
    )
