"""A synthetic city of many houses, 16 triangles each, as an import leaves it: in three ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.layers import Layer, TileInfo
from lamplighter.spatial.coarse import Shapes, far_tiles
from lamplighter.spatial.tiles import cells_of, cut, described, save

_WALL, _ROOF = SURFACES.index("WallSurface"), SURFACES.index("RoofSurface")
_GROUND = SURFACES.index("GroundSurface")
_TRIANGLES = np.array(
    [
        [0, 1, 5], [0, 5, 4], [2, 3, 7], [2, 7, 6], [1, 2, 6], [1, 6, 5], [3, 0, 4], [3, 4, 7],
        [5, 6, 9], [7, 4, 8], [4, 5, 9], [4, 9, 8], [6, 7, 8], [6, 8, 9], [0, 2, 1], [0, 3, 2],
    ]
)  # fmt: skip
_SURFACE = np.array([_WALL] * 10 + [_ROOF] * 4 + [_GROUND] * 2, np.uint8)


def houses(count: int, seed: int = 4) -> Shapes:
    """Gabled houses in blocks with streets between, and a few towers in the middle."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    number = np.arange(count)
    column, row = number % side, number // side
    middle = np.stack([column * 18.0 + column // 6 * 14, row * 18.0 + row // 4 * 16], axis=1)
    middle -= middle.mean(axis=0)
    half = rng.uniform(4.5, 7.5, (count, 2))
    far = np.hypot(*(middle / max(float(np.abs(middle).max()), 1.0)).T)
    tall = rng.uniform(5.0, 12.0, count) + np.exp(-((far / 0.2) ** 2)) * rng.gamma(1.5, 12.0, count)
    turn = 0.05 * rng.standard_normal(count)
    ring = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half[:, None, :]
    ends = np.stack([(ring[:, 0] + ring[:, 3]) / 2, (ring[:, 1] + ring[:, 2]) / 2], axis=1)
    flat = np.concatenate([ring, ring, ends], axis=1)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    east = flat[..., 0] * cos - flat[..., 1] * sin + middle[:, None, 0]
    north = flat[..., 0] * sin + flat[..., 1] * cos + middle[:, None, 1]
    gable = np.where(tall < 14, 2.5, 0.2)
    up = np.stack([np.zeros(count)] * 4 + [tall] * 4 + [tall + gable] * 2, axis=1)
    points = np.stack([east, north, up], axis=-1).reshape(-1, 3)
    triangles = (_TRIANGLES[None] + 10 * number[:, None, None]).reshape(-1, 3)
    return Shapes(points, triangles, np.repeat(number, 16), np.tile(_SURFACE, count))


def imported(shapes: Shapes, folder: Path) -> Layer:
    """The layer of these houses; its tiles lie in `folder`."""
    count = int(shapes.owner.max()) + 1
    names = [f"B{n}" for n in range(count)]
    cells = cells_of(shapes.points, shapes.triangles, shapes.owner, count)
    infos: list[TileInfo] = []
    for tile, cell in cut(
        "big", names, shapes.points, shapes.triangles, shapes.owner, shapes.surface, cells=cells
    ):
        save(tile, folder)
        infos.append(described(tile, cell))
    for tile, info in far_tiles("big", 1, names, shapes, cells):
        save(tile, folder)
        infos.append(info)
    return Layer("big", "big", "model", objects=count, tiles=tuple(infos))
