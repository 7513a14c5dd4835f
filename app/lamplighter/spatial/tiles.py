"""Cuts placed triangles into tiles of about 500 m with a bounded number of triangles each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.layers import TileInfo
from lamplighter.domain.tile_file import read_tile, write_tile
from lamplighter.spatial.model import Floats, Ints

TILE_METRES: Final = 500.0
MAX_TRIANGLES: Final = 200_000

save = write_tile
load = read_tile


def cut(
    key: str,
    assets: list[str],
    points: Floats,
    triangles: Ints,
    owner: Ints,
    surface: npt.NDArray[np.uint8],
    *,
    cells: Ints | None = None,
    lod: float = 0.0,
    kind: str = "model",
    image: npt.NDArray[np.int32] | None = None,
    images: Sequence[bytes] = (),
    uv: npt.NDArray[np.float32] | None = None,
) -> Iterator[tuple[TileArrays, tuple[int, int]]]:
    """Tiles of the triangles (m, 3) into `points` (n, 3, local metres) with the cell of each.

    An object lies in one cell (`cells` (owners, 2), else by the middle of its box) and one tile,
    unless it alone has too many triangles. A tile has one image: `image` (m,) names it per
    triangle, -1 for none. Names start with `key`, which stands for content, frame and level.
    """
    if not len(triangles):
        return
    order = np.argsort(owner, kind="stable")
    triangles, owner, surface = triangles[order], owner[order], surface[order]
    where = cells if cells is not None else cells_of(points, triangles, owner, len(assets))
    _, of_owner = np.unique(where, axis=0, return_inverse=True)
    member = of_owner.reshape(-1)[owner]
    if image is not None:
        image = image[order]
        member = member * (int(image.max()) + 2) + image + 1
    rows = np.argsort(member, kind="stable")
    _, begin, sizes = np.unique(member[rows], return_index=True, return_counts=True)
    parts: dict[tuple[int, int], int] = {}
    for first, size in zip(begin.tolist(), sizes.tolist(), strict=True):
        chosen = rows[first : first + size]
        column, row = where[owner[chosen[0]]].tolist()
        cell, picture = (column, row), -1 if image is None else int(image[chosen[0]])
        for chunk in _chunks(chosen, owner):
            part = parts[cell] = parts.get(cell, -1) + 1
            name = f"{key}_{cell[0]}_{cell[1]}_{part}.npz"
            tile, source = pack(
                name, assets, points, triangles[chunk], owner[chunk], surface[chunk]
            )
            textured = picture >= 0 and uv is not None
            yield (
                replace(
                    tile,
                    lod=lod,
                    kind=kind,
                    uv=uv[source].astype(np.float32) if textured and uv is not None else None,
                    image=images[picture] if textured else b"",
                ),
                cell,
            )


def cells_of(points: Floats, triangles: Ints, owner: Ints, count: int) -> Ints:
    """Column and row (count, 2) of each owner on the grid of tiles; (0, 0) without triangles."""
    cells = np.zeros((count, 2), np.int64)
    if not len(triangles):
        return cells
    order = np.argsort(owner, kind="stable")
    present, begin = np.unique(owner[order], return_index=True)
    flat = points[triangles[order]]
    low = np.minimum.reduceat(flat.min(axis=1), begin)[:, :2]
    high = np.maximum.reduceat(flat.max(axis=1), begin)[:, :2]
    cells[present] = np.floor((low + high) / 2.0 / TILE_METRES).astype(np.int64)
    return cells


def described(
    tile: TileArrays,
    cell: tuple[int, int],
    rank: int = 0,
    *,
    made: bool = False,
    error: float | None = None,
) -> TileInfo:
    """The tile as a layer lists it; `error` in metres is guessed from the level of detail."""
    low = tile.points.min(axis=0).tolist() if len(tile.points) else [0.0] * 3
    high = tile.points.max(axis=0).tolist() if len(tile.points) else [0.0] * 3
    return TileInfo(
        name=tile.name,
        kind=tile.kind,
        lod=tile.lod,
        rank=rank,
        cell=cell,
        low=(low[0], low[1], low[2]),
        high=(high[0], high[1], high[2]),
        triangles=len(tile.triangles),
        points=len(tile.points),
        made=made,
        error=_error(tile.lod, rank) if error is None else error,
    )


def _error(lod: float, rank: int) -> float:
    """Metres by which a level of detail may differ from the finest one of its file."""
    if rank == 0:
        return 0.0
    return 8.0 if lod < 1.0 else 4.0 if lod < 2.0 else 1.0


def _chunks(chosen: Ints, owner: Ints) -> Iterator[Ints]:
    """Runs of at most MAX_TRIANGLES, ending where an owner ends when that is possible."""
    begin = 0
    while begin < len(chosen):
        end = min(begin + MAX_TRIANGLES, len(chosen))
        if end < len(chosen):
            edge = int(np.searchsorted(owner[chosen], owner[chosen[end]]))
            if edge > begin:
                end = edge
        yield chosen[begin:end]
        begin = end


def pack(
    name: str,
    assets: list[str],
    points: Floats,
    triangles: Ints,
    owner: Ints,
    surface: npt.NDArray[np.uint8],
) -> tuple[TileArrays, Ints]:
    """The tile, and which of `points` each of its own points came from."""
    owners, local_owner = np.unique(owner, return_inverse=True)
    local_owner = local_owner.reshape(-1)
    pairs = np.repeat(local_owner, 3) * np.int64(len(points)) + triangles.reshape(-1)
    unique, corner = np.unique(pairs, return_inverse=True)
    source = unique % len(points)
    return (
        TileArrays(
            name=name,
            assets=tuple(assets[i] for i in owners.tolist()),
            points=points[source].astype(np.float32),
            triangles=corner.reshape(-1, 3).astype(np.int32),
            owner=local_owner.astype(np.int32),
            surface=surface,
        ),
        source,
    )
