"""What lies under the pointer, through meshes, clouds and terrain to the thing they show.

A captured surface knows no assets. The asset at a place of it is its own owner when the model knows
that id too, else the nearest one on the ray a few metres behind, else the one it stands on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.scene.baking import BakedTile
from lamplighter.scene.picking import Allowed, Hit, TilePicker, entry

BEHIND_M: Final = 6.0
"""how far behind a captured surface the model's own surface may lie"""
AROUND_M: Final = 2.5
"""how far a place may lie outside a footprint and still belong to it"""
CLOUD_PX: Final = 5.0
Vector = npt.NDArray[np.float64]


class Sight:
    """Rays into the tiles that are drawn."""

    def __init__(self) -> None:
        self._model = TilePicker()
        self._captured = TilePicker()
        self._clouds: dict[str, BakedTile] = {}

    def add(self, tile: BakedTile) -> None:
        self.remove(tile.name)
        if tile.tile_kind == "cloud":
            self._clouds[tile.name] = tile
        else:
            (self._captured if tile.captured else self._model).add(tile)

    def remove(self, name: str) -> None:
        self._clouds.pop(name, None)
        self._model.remove(name)
        self._captured.remove(name)

    def hit(
        self,
        origin: Vector,
        direction: Vector,
        reach: tuple[float, float],
        allowed: Allowed,
        spread: float,
        known: Callable[[str], bool],
    ) -> Hit | None:
        """The asset at the end of the ray. `spread`: metres a pixel is wide per metre of distance
        (negative: metres at any distance); `known`: whether the model draws an asset itself."""
        model = self._model.hit(origin, direction, reach, allowed)
        front = self._captured.hit(origin, direction, reach, allowed)
        cloud = self._in_cloud(origin, direction, reach, allowed, spread)
        if cloud is not None and (front is None or cloud.distance < front.distance):
            front = cloud
        if front is None or (model is not None and model.distance <= front.distance):
            return model
        if known(front.asset):
            return front
        if model is not None and model.distance - front.distance <= BEHIND_M:
            return replace(front, asset=model.asset, surface=model.surface)
        if front.kind in ("mesh", "cloud"):
            below = self._standing(front.place, allowed)
            if below is not None:
                return replace(front, asset=below.asset, surface=below.surface)
        return front

    def _standing(self, place: tuple[float, float, float], allowed: Allowed) -> Hit | None:
        """The asset of the model whose footprint a place lies over, or nearly."""
        best: tuple[float, Hit] | None = None
        for east, north in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            above = np.add(place, (east * AROUND_M, north * AROUND_M, 500.0))
            found = self._model.hit(above, np.array([0.0, 0.0, -1.0]), (0.0, 1000.0), allowed)
            if found is None:
                continue
            off = abs(found.place[2] - place[2])
            if not (east or north):
                return found
            if best is None or off < best[0]:
                best = off, found
        return best[1] if best is not None else None

    def _in_cloud(
        self,
        origin: Vector,
        direction: Vector,
        reach: tuple[float, float],
        allowed: Allowed,
        spread: float,
    ) -> Hit | None:
        """The nearest point within a few pixels of the ray."""
        best: Hit | None = None
        for tile in self._clouds.values():
            mask = allowed(tile.name)
            if mask is not None and not mask.any():
                continue
            low, high = (np.asarray(v, np.float64)[None] for v in tile.bounds)
            if not np.isfinite(entry(low - 3.0, high + 3.0, origin, direction)[0]):
                continue
            off = tile.points - origin.astype(np.float32)
            depth = off @ direction.astype(np.float32)
            wide = np.maximum(depth, 0.0) * spread if spread >= 0 else np.full(len(depth), -spread)
            across = np.einsum("ij,ij->i", off, off) - depth**2
            limit = best.distance if best is not None else reach[1]
            near = (across <= (wide * CLOUD_PX) ** 2) & (depth > reach[0]) & (depth < limit)
            if not near.any():
                continue
            rows = np.flatnonzero(near)
            row = int(rows[np.argmin(depth[rows])])
            owner = int(np.searchsorted(tile.point_start, row, side="right") - 1)
            x, y, z = tile.points[row].tolist()
            best = Hit(tile.assets[owner], (x, y, z), float(depth[row]), "", tile.name, "cloud")
        return best
