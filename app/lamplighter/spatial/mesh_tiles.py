"""Meshes and point clouds of one file as tiles: they are already triangles or points.

Mesh files come as many small pieces or as one huge one. Pieces that share a picture are drawn
together, and what is large is cut along the grid, so that a view draws few and only near things.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.layers import TileInfo
from lamplighter.spatial.model import Cloud, Floats, Ints, MeshPart, finite_rows
from lamplighter.spatial.tiles import MAX_TRIANGLES, TILE_METRES, described, pack, save

MAX_POINTS: Final = 250_000
_THIN: Final = 8
"""every so many points make the coarser picture of a cloud"""
_FEW: Final = 20_000
"""cells with fewer points have no coarser picture"""
_LARGE_METRES: Final = 2.0 * TILE_METRES
"""objects larger than this are cut at the borders of the grid"""


@dataclass(slots=True)
class _Piece:
    points: Floats
    triangles: Ints
    owners: Ints
    surface: int
    uv: npt.NDArray[np.float32] | None
    colours: npt.NDArray[np.uint8] | None


class MeshTiles:
    """Collects meshes and writes clouds; `finish` writes the rest and tells what was written."""

    def __init__(self, key: str, assets: list[str], folder: Path, kind: str = "mesh") -> None:
        self._key, self._assets, self._folder, self._kind = key, assets, folder, kind
        self._done: list[TileInfo] = []
        self._groups: dict[tuple[bytes, bool], list[_Piece]] = {}
        self._images: dict[bytes, bytes] = {}
        self._lost_triangles = self._lost_points = 0
        self.triangles = 0

    def mesh(self, part: MeshPart, local: Floats, boxes: Floats) -> None:
        """Take one mesh whose points lie at `local` (n, 3); widens the `boxes` (assets, 6)."""
        if not len(part.triangles):
            return
        owners = part.owners
        if owners is None:
            owners = np.full(len(part.triangles), part.owner, np.int64)
        sound = finite_rows(local)[part.triangles].all(axis=1)
        self._lost_triangles += int((~sound).sum())
        triangles, owners = part.triangles[sound], owners[sound]
        if not len(triangles):
            return
        self.triangles += len(triangles)
        textured = bool(part.image) and part.uv is not None
        name = hashlib.blake2b(part.image, digest_size=16).digest() if textured else b""
        self._images.setdefault(name, part.image if textured else b"")
        piece = _Piece(
            local, triangles, owners, part.surface, part.uv if textured else None, part.colours
        )
        self._groups.setdefault((name, part.colours is not None), []).append(piece)
        _grow(boxes, local, triangles, owners)

    def cloud(self, cloud: Cloud, local: Floats, boxes: Floats) -> None:
        """Write one cloud whose points lie at `local` (n, 3); widens the `boxes`."""
        good = np.flatnonzero(finite_rows(local))
        self._lost_points += len(local) - len(good)
        if not len(good):
            return
        box = boxes[cloud.owner]
        box[:3] = np.fmin(box[:3], local[good].min(axis=0))
        box[3:] = np.fmax(box[3:], local[good].max(axis=0))
        cell = np.floor(local[good, :2] / TILE_METRES).astype(np.int64)
        order = np.lexsort((cell[:, 1], cell[:, 0]))  # keeps the order of points within a cell
        cells, order = cell[order], good[order]
        change = np.flatnonzero((np.diff(cells, axis=0) != 0).any(axis=1)) + 1
        starts, ends = np.append(0, change), np.append(change, len(cells))
        cells = cells[starts]
        for place, (first, last) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            inside, where = order[first:last], (int(cells[place, 0]), int(cells[place, 1]))
            pictures = [inside] if len(inside) < _FEW else [inside, inside[::_THIN]]
            for rank, rows in enumerate(pictures):
                for begin in range(0, len(rows), MAX_POINTS):
                    self._points(cloud, local, rows[begin : begin + MAX_POINTS], where, rank)

    def finish(self) -> list[TileInfo]:
        """Write what was collected; all tiles of the file."""
        for (image, coloured), pieces in self._groups.items():
            self._write_group(self._images[image], coloured, pieces)
        self._groups.clear()
        return self._done

    def warnings(self) -> list[str]:
        """What could not be drawn, in words."""
        why = "no numbers or lie far outside the city; they are not drawn"
        found = []
        if self._lost_triangles:
            found.append(f"{self._lost_triangles} triangles have corners that are {why}")
        if self._lost_points:
            found.append(f"{self._lost_points} points are {why}")
        return found

    def _write_group(self, image: bytes, coloured: bool, pieces: list[_Piece]) -> None:
        offset = np.cumsum([0] + [len(p.points) for p in pieces])
        points = np.concatenate([p.points for p in pieces])
        triangles = np.concatenate(
            [p.triangles + shift for p, shift in zip(pieces, offset.tolist(), strict=False)]
        )
        owners = np.concatenate([p.owners for p in pieces])
        surface = np.concatenate([np.full(len(p.triangles), p.surface, np.uint8) for p in pieces])
        uv = np.concatenate([p.uv for p in pieces if p.uv is not None]) if image else None
        colours = (
            np.concatenate([p.colours for p in pieces if p.colours is not None])
            if coloured
            else None
        )
        cell = _cells(points, triangles, owners)
        order = np.lexsort((owners, cell[:, 1], cell[:, 0]))
        change = np.flatnonzero((np.diff(cell[order], axis=0) != 0).any(axis=1)) + 1
        for run in np.split(order, change):
            for begin in range(0, len(run), MAX_TRIANGLES):
                rows = run[begin : begin + MAX_TRIANGLES]
                tile, source = pack(
                    self._name(), self._assets, points, triangles[rows], owners[rows],
                    surface[rows],
                )  # fmt: skip
                tile = replace(
                    tile,
                    kind=self._kind,
                    colours=None if colours is None else colours[source],
                    uv=None if uv is None else uv[source].astype(np.float32),
                    image=image,
                )
                self._write(tile, (int(cell[rows[0], 0]), int(cell[rows[0], 1])), 0)

    def _points(
        self, cloud: Cloud, local: Floats, rows: Ints, cell: tuple[int, int], rank: int
    ) -> None:
        tile = TileArrays(
            name=self._name(),
            assets=(self._assets[cloud.owner],),
            points=local[rows].astype(np.float32),
            triangles=np.zeros((0, 3), np.int32),
            owner=np.zeros(0, np.int32),
            surface=np.zeros(0, np.uint8),
            kind="cloud",
            colours=cloud.colours[rows],
        )
        self._write(tile, cell, rank)

    def _name(self) -> str:
        return f"{self._key}-m_{len(self._done)}.npz"

    def _write(self, tile: TileArrays, cell: tuple[int, int], rank: int) -> None:
        save(tile, self._folder)
        self._done.append(described(tile, cell, rank))


def _grow(boxes: Floats, local: Floats, triangles: Ints, owners: Ints) -> None:
    """Widen the boxes (assets, 6) of the owners of these triangles."""
    order = np.argsort(owners, kind="stable")
    present, begin = np.unique(owners[order], return_index=True)
    corners = local[triangles[order]]
    low = np.minimum.reduceat(corners.min(axis=1), begin)
    high = np.maximum.reduceat(corners.max(axis=1), begin)
    boxes[present, :3] = np.fmin(boxes[present, :3], low)
    boxes[present, 3:] = np.fmax(boxes[present, 3:], high)


def _cells(points: Floats, triangles: Ints, owners: Ints) -> Ints:
    """Column and row (m, 2) of each triangle: that of its object, its own when that is large."""
    boxes = np.full((int(owners.max()) + 1, 6), np.nan)
    _grow(boxes, points, triangles, owners)
    middle = (boxes[:, :2] + boxes[:, 3:5]) / 2.0
    large = (boxes[:, 3:5] - boxes[:, :2]).max(axis=1) > _LARGE_METRES
    spot = np.where(large[owners][:, None], points[triangles].mean(axis=1)[:, :2], middle[owners])
    cells: Ints = np.floor(spot / TILE_METRES).astype(np.int64)
    return cells
