"""Coarse pictures of a city for far views, made once at import: blocks and masses.

Blocks keep every object as one upright box with its own id, so that states stay visible. Masses
merge whatever stands in a square of the ground; they are for cells so far away, or frames so short
of time, that single buildings do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.domain.layers import TileInfo
from lamplighter.spatial.model import Floats, Ints
from lamplighter.spatial.tiles import TILE_METRES, cut, described

LEAST_TRIANGLES: Final = 30_000
"""a file with fewer is drawn as it is at any distance"""
BLOCK_ERROR_M: Final = 4.0
MASS_ERROR_M: Final = 18.0
TOWER_M: Final = 30.0
"""what is taller stands by itself even among masses"""
SQUARE_M: Final = TILE_METRES / 8.0
_FLAT: Final = tuple(SURFACES.index(n) for n in ("Terrain", "Road", "Water"))
_LEAF: Final = SURFACES.index("Vegetation")
_WALL: Final = SURFACES.index("WallSurface")
_ROOF: Final = SURFACES.index("RoofSurface")
_TURNS: Final = np.radians(np.arange(0.0, 90.0, 7.5))
_KINDS: Final = np.r_[np.full(8, _WALL), np.full(2, _ROOF)]
_RING: Final = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], float)
_BOX: Final = np.array(
    [
        [0, 1, 5], [0, 5, 4], [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
        [4, 5, 6], [4, 6, 7],
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shapes:
    """points (n, 3) local metres, triangles (m, 3), owner (m,), surface (m,) uint8."""

    points: Floats
    triangles: Ints
    owner: Ints
    surface: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Boxes:
    """One upright box for each owner of `owner` (k,): middle (k, 2), half (k, 2), turn (k,)
    radians, foot and top (k,); roof (k,) covered square metres; leaf (k,) whether it grows."""

    owner: Ints
    middle: Floats
    half: Floats
    turn: Floats
    foot: Floats
    top: Floats
    roof: Floats
    leaf: npt.NDArray[np.bool_]


def far_tiles(
    key: str, rank: int, names: list[str], shapes: Shapes, cells: Ints
) -> Iterator[tuple[TileArrays, TileInfo]]:
    """Tiles of blocks at `rank` and of masses at `rank + 1`; none for a small file.

    `names` (owners,) and `cells` (owners, 2) as of `shapes`, the finest picture.
    """
    if len(shapes.triangles) < LEAST_TRIANGLES:
        return
    boxes = _boxes(shapes, ~_flat_owners(shapes)[shapes.owner])
    near = blocks(shapes, boxes)
    for tile, cell in cut(
        f"{key}-b", names, near.points, near.triangles, near.owner, near.surface, cells=cells
    ):
        yield tile, described(tile, cell, rank, made=True, error=BLOCK_ERROR_M)
    far, squares = masses(shapes, cells, boxes)
    nobody = [""] * len(squares)
    for tile, cell in cut(
        f"{key}-f", nobody, far.points, far.triangles, far.owner, far.surface, cells=squares
    ):
        yield tile, described(tile, cell, rank + 1, made=True, error=MASS_ERROR_M)


def blocks(shapes: Shapes, boxes: _Boxes | None = None) -> Shapes:
    """Every object as one box; ground, roads and water thinned to 8 m."""
    upright = ~_flat_owners(shapes)[shapes.owner]
    boxes = _boxes(shapes, upright) if boxes is None else boxes
    points, triangles = _prisms(boxes.middle, boxes.half, boxes.turn, boxes.foot, boxes.top)
    kinds = np.tile(_KINDS, (len(boxes.owner), 1))
    kinds[boxes.leaf] = _LEAF
    made = Shapes(points, triangles, np.repeat(boxes.owner, 10), kinds.reshape(-1).astype(np.uint8))
    return joined(made, thinned(_part(shapes, ~upright), 8.0))


def masses(shapes: Shapes, cells: Ints, boxes: _Boxes | None = None) -> tuple[Shapes, Ints]:
    """What stands in each square of the ground as one column; owners are numbers of the cells.

    `cells` (owners, 2) is the cell of each owner of `shapes`. Returns also the cells (k, 2).
    """
    upright = ~_flat_owners(shapes)[shapes.owner]
    boxes = _boxes(shapes, upright) if boxes is None else boxes
    found, owner = np.unique(cells, axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    tower = ~boxes.leaf & (boxes.top - boxes.foot > TOWER_M)
    built = ~boxes.leaf & ~tower
    where = np.floor(boxes.middle[built] / SQUARE_M).astype(np.int64)
    roof = np.maximum(boxes.roof[built], 1.0)
    group = np.c_[owner[boxes.owner[built]], where]
    squares, member = np.unique(group, axis=0, return_inverse=True)
    member = member.reshape(-1)
    area = np.bincount(member, roof, len(squares))
    top = np.bincount(member, roof * boxes.top[built], len(squares)) / np.maximum(area, 1e-9)
    foot = np.full(len(squares), np.inf)
    np.minimum.at(foot, member, boxes.foot[built])
    wide = np.sqrt(np.clip(area / SQUARE_M**2, 0.06, 1.0)) * SQUARE_M / 2.0
    points, triangles = _prisms(
        np.concatenate([(squares[:, 1:] + 0.5) * SQUARE_M, boxes.middle[tower]]),
        np.concatenate([np.stack([wide, wide], axis=1), boxes.half[tower]]),
        np.concatenate([np.zeros(len(squares)), boxes.turn[tower]]),
        np.concatenate([foot, boxes.foot[tower]]),
        np.concatenate([top, boxes.top[tower]]),
    )
    of_cell = np.concatenate([squares[:, 0], owner[boxes.owner[tower]]])
    kinds = np.tile(_KINDS, len(of_cell)).astype(np.uint8)
    made = Shapes(points, triangles, np.repeat(of_cell, 10), kinds)
    flat = thinned(_part(shapes, ~upright), SQUARE_M)
    return joined(made, Shapes(flat.points, flat.triangles, owner[flat.owner], flat.surface)), found


def _prisms(
    middle: Floats, half: Floats, turn: Floats, foot: Floats, top: Floats
) -> tuple[Floats, Ints]:
    """Eight points and ten triangles of each box: walls, then the roof."""
    cos, sin = np.cos(turn), np.sin(turn)
    ring = _RING[None] * half[:, None, :]
    east = ring[..., 0] * cos[:, None] - ring[..., 1] * sin[:, None] + middle[:, None, 0]
    north = ring[..., 0] * sin[:, None] + ring[..., 1] * cos[:, None] + middle[:, None, 1]
    low = np.stack([east, north, np.repeat(foot[:, None], 4, axis=1)], axis=-1)
    high = low.copy()
    high[..., 2] = top[:, None]
    points = np.concatenate([low, high], axis=1).reshape(-1, 3)
    triangles = (_BOX[None] + 8 * np.arange(len(turn))[:, None, None]).reshape(-1, 3)
    return points, triangles


def thinned(shapes: Shapes, metres: float) -> Shapes:
    """The surface with all points of an owner within a square of `metres` drawn together."""
    if not len(shapes.triangles):
        return shapes
    used = shapes.triangles.reshape(-1)
    spots = shapes.points[used]
    square = np.floor(spots / (metres, metres, 1e4)).astype(np.int64)
    key = np.c_[np.repeat(shapes.owner, 3), square]
    _, member = np.unique(key, axis=0, return_inverse=True)
    member = member.reshape(-1)
    count = np.bincount(member)
    points = np.stack([np.bincount(member, spots[:, k]) / count for k in range(3)], axis=1)
    corners = member.reshape(-1, 3)
    flat = np.sort(corners, axis=1)
    whole = (flat[:, 0] != flat[:, 1]) & (flat[:, 1] != flat[:, 2])
    _, once = np.unique(flat[whole], axis=0, return_index=True)
    rows = np.flatnonzero(whole)[once]
    return Shapes(points, corners[rows], shapes.owner[rows], shapes.surface[rows])


def joined(one: Shapes, two: Shapes) -> Shapes:
    """Both together."""
    if not len(two.triangles):
        return one
    return Shapes(
        np.concatenate([one.points, two.points]),
        np.concatenate([one.triangles, two.triangles + len(one.points)]),
        np.concatenate([one.owner, two.owner]),
        np.concatenate([one.surface, two.surface]),
    )


def _part(shapes: Shapes, rows: npt.NDArray[np.bool_]) -> Shapes:
    return Shapes(shapes.points, shapes.triangles[rows], shapes.owner[rows], shapes.surface[rows])


def _flat_owners(shapes: Shapes) -> npt.NDArray[np.bool_]:
    """Owners that are ground, road or water by most of their triangles."""
    count = int(shapes.owner.max()) + 1 if len(shapes.owner) else 0
    all_of = np.bincount(shapes.owner, minlength=count)
    flat = np.bincount(shapes.owner, np.isin(shapes.surface, _FLAT), count)
    return np.asarray(2 * flat > all_of)


def _boxes(shapes: Shapes, rows: npt.NDArray[np.bool_]) -> _Boxes:
    """The box of least area, of twelve turns, around each owner's triangles."""
    triangles, owner = shapes.triangles[rows], shapes.owner[rows]
    order = np.argsort(owner, kind="stable")
    triangles, owner = triangles[order], owner[order]
    present, begin = np.unique(owner, return_index=True)
    spots = shapes.points[triangles]
    if not len(present):
        none = np.zeros((0, 2))
        zero = np.zeros(0)
        return _Boxes(present, none, none, zero, zero, zero, zero, np.zeros(0, bool))
    least = np.full(len(present), np.inf)
    turn, middle, half = (
        np.zeros(len(present)),
        np.zeros((len(present), 2)),
        np.zeros((len(present), 2)),
    )
    pairs = np.unique(np.repeat(owner, 3) * np.int64(len(shapes.points)) + triangles.reshape(-1))
    flat = shapes.points[pairs % len(shapes.points), :2]
    first = np.searchsorted(pairs // len(shapes.points), present)
    for angle in _TURNS.tolist():
        cos, sin = np.cos(angle), np.sin(angle)
        along = flat[:, 0] * cos + flat[:, 1] * sin
        across = flat[:, 1] * cos - flat[:, 0] * sin
        low = np.stack([np.minimum.reduceat(v, first) for v in (along, across)], axis=1)
        high = np.stack([np.maximum.reduceat(v, first) for v in (along, across)], axis=1)
        area = (high - low).prod(axis=1)
        better = area < least - 1e-6
        least[better], turn[better] = area[better], angle
        at = (low + high)[better] / 2.0
        middle[better] = np.c_[at[:, 0] * cos - at[:, 1] * sin, at[:, 0] * sin + at[:, 1] * cos]
        half[better] = (high - low)[better] / 2.0
    return _Boxes(
        present, middle, half, turn, *_heights(spots, owner, begin),
        _leaves(shapes, rows, order, begin),
    )  # fmt: skip


def _heights(spots: Floats, owner: Ints, begin: Ints) -> tuple[Floats, Floats, Floats]:
    """Foot, top and covered area of each owner: the top is the mean of what lies flat up there."""
    low = np.minimum.reduceat(spots[..., 2].min(axis=1), begin)
    high = np.maximum.reduceat(spots[..., 2].max(axis=1), begin)
    one, two = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    flat = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]) / 2.0
    number = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(owner))))
    height = spots[..., 2].mean(axis=1)
    upper = height > (0.6 * low + 0.4 * high)[number]
    weight = np.bincount(number, flat * upper, len(begin))
    mean = np.bincount(number, flat * upper * height, len(begin)) / np.maximum(weight, 1e-9)
    top: Floats = np.where(weight > 0.5, mean, high)
    return low, top, weight.astype(np.float64)


def _leaves(
    shapes: Shapes, rows: npt.NDArray[np.bool_], order: Ints, begin: Ints
) -> npt.NDArray[np.bool_]:
    surface = shapes.surface[rows][order]
    return np.asarray(surface[begin] == _LEAF)
