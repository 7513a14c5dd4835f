"""Cuts placed triangles into tiles of about 500 m with a bounded number of triangles each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import TileArrays
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
) -> Iterator[TileArrays]:
    """Tiles of the triangles (m, 3) into `points` (n, 3, local metres), in a stable order.

    An object lies in one tile, by the middle of its box, unless it alone has too many triangles.
    Names start with `key`, which stands for the file's content and the project's frame.
    """
    if not len(triangles):
        return
    order = np.argsort(owner, kind="stable")
    triangles, owner, surface = triangles[order], owner[order], surface[order]
    _, begin = np.unique(owner, return_index=True)
    flat = points[triangles]
    low = np.minimum.reduceat(flat.min(axis=1), begin)[:, :2]
    high = np.maximum.reduceat(flat.max(axis=1), begin)[:, :2]
    cell = np.floor((low + high) / 2.0 / TILE_METRES).astype(np.int64)
    cell_of = np.repeat(cell, np.diff(np.append(begin, len(owner))), axis=0)
    cells, member = np.unique(cell_of, axis=0, return_inverse=True)
    member = member.reshape(-1)
    for place, (column, row) in enumerate(cells.tolist()):
        chosen = np.flatnonzero(member == place)
        for part, chunk in enumerate(_chunks(chosen, owner)):
            name = f"{key}_{column}_{row}_{part}.npz"
            yield _tile(name, assets, points, triangles[chunk], owner[chunk], surface[chunk])


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


def _tile(
    name: str,
    assets: list[str],
    points: Floats,
    triangles: Ints,
    owner: Ints,
    surface: npt.NDArray[np.uint8],
) -> TileArrays:
    owners, local_owner = np.unique(owner, return_inverse=True)
    local_owner = local_owner.reshape(-1)
    pairs = np.repeat(local_owner, 3) * np.int64(len(points)) + triangles.reshape(-1)
    unique, corner = np.unique(pairs, return_inverse=True)
    return TileArrays(
        name=name,
        assets=tuple(assets[i] for i in owners.tolist()),
        points=points[unique % len(points)].astype(np.float32),
        triangles=corner.reshape(-1, 3).astype(np.int32),
        owner=local_owner.astype(np.int32),
        surface=surface,
    )
