"""Meshes and point clouds of one file as tiles: they are already triangles or points."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.layers import TileInfo
from lamplighter.spatial.model import Cloud, Floats, MeshPart, finite_rows
from lamplighter.spatial.tiles import MAX_TRIANGLES, TILE_METRES, described, save

MAX_POINTS: Final = 250_000


class MeshTiles:
    """Cuts and writes them one by one; `finish` tells what was written."""

    def __init__(self, key: str, assets: list[str], folder: Path, kind: str = "mesh") -> None:
        self._key, self._assets, self._folder, self._kind = key, assets, folder, kind
        self._done: list[TileInfo] = []
        self.triangles = 0

    def mesh(self, part: MeshPart, local: Floats) -> Floats:
        """Write one mesh whose points lie at `local` (n, 3); returns those that are drawn."""
        good = finite_rows(local)
        triangles = part.triangles[good[part.triangles].all(axis=1)]
        self.triangles += len(triangles)
        for begin in range(0, len(triangles), MAX_TRIANGLES):
            chunk = triangles[begin : begin + MAX_TRIANGLES]
            used, corner = np.unique(chunk, return_inverse=True)
            self._write(
                TileArrays(
                    name=self._name(),
                    assets=(self._assets[part.owner],),
                    points=local[used].astype(np.float32),
                    triangles=corner.reshape(-1, 3).astype(np.int32),
                    owner=np.zeros(len(chunk), np.int32),
                    surface=np.full(len(chunk), part.surface, np.uint8),
                    kind=self._kind,
                    colours=None if part.colours is None else part.colours[used],
                    uv=None if part.uv is None else part.uv[used].astype(np.float32),
                    image=part.image if part.uv is not None else b"",
                )
            )
        return local[np.unique(triangles)] if len(triangles) else local[:0]

    def cloud(self, cloud: Cloud, local: Floats) -> Floats:
        """Write one cloud whose points lie at `local` (n, 3); returns those that are drawn."""
        good = np.flatnonzero(finite_rows(local))
        cell = np.floor(local[good, :2] / TILE_METRES).astype(np.int64)
        _, member = np.unique(cell, axis=0, return_inverse=True)
        order = good[np.argsort(member.reshape(-1), kind="stable")]
        sizes = np.bincount(member.reshape(-1)) if len(good) else np.zeros(0, np.int64)
        ends = np.cumsum(sizes)
        for first, last in zip(ends - sizes, ends, strict=True):
            for begin in range(int(first), int(last), MAX_POINTS):
                rows = order[begin : min(begin + MAX_POINTS, int(last))]
                self._write(
                    TileArrays(
                        name=self._name(),
                        assets=(self._assets[cloud.owner],),
                        points=local[rows].astype(np.float32),
                        triangles=np.zeros((0, 3), np.int32),
                        owner=np.zeros(0, np.int32),
                        surface=np.zeros(0, np.uint8),
                        kind="cloud",
                        colours=cloud.colours[rows],
                    )
                )
        return local[good]

    def finish(self) -> list[TileInfo]:
        return self._done

    def _name(self) -> str:
        return f"{self._key}-m_{len(self._done)}.npz"

    def _write(self, tile: TileArrays) -> None:
        middle = (tile.points.min(axis=0) + tile.points.max(axis=0))[:2] / 2.0
        column, row = np.floor(middle / TILE_METRES).astype(int).tolist()
        save(tile, self._folder)
        self._done.append(described(tile, (column, row)))
