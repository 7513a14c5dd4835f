"""How high the ground and the highest built thing are at given places, from the drawn tiles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.tile_file import DamagedTile, read_tile
from lamplighter.spatial.model import Floats, Ints

_GROUND = [SURFACES.index(w) for w in ("Terrain", "Road", "GroundSurface") if w in SURFACES]
REACH_M = 300.0


class Ground:
    """low (n,) height of the ground, high (n,) of the highest triangle, local metres; NaN unknown.

    Where no ground is drawn at a place, that of the nearest ground triangle within 300 m counts.
    """

    def __init__(self, tiles: Sequence[Path], places: Floats) -> None:
        import shapely

        count = len(places)
        self.low = np.full(count, np.nan)
        self.high = np.full(count, np.nan)
        self._away = np.full(count, np.inf)
        self._sure = np.zeros(count, bool)
        spots = shapely.points(places)
        for path in tiles:
            try:
                tile = read_tile(path)
            except DamagedTile:
                continue
            self._look(tile, places, spots)

    def _look(self, tile: Any, places: Floats, spots: Any) -> None:
        import shapely

        if not len(tile.triangles):
            return
        corners = np.asarray(tile.points, float)[np.asarray(tile.triangles)]
        flat = corners[:, :, :2]
        low, high = flat.min(axis=1), flat.max(axis=1)
        box_low, box_high = low.min(axis=0) - REACH_M, high.max(axis=0) + REACH_M
        near = np.flatnonzero(((places >= box_low) & (places <= box_high)).all(axis=1))
        if not len(near):
            return
        tree = shapely.STRtree(shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
        who, which = tree.query(spots[near])
        self._inside(near[who], which, corners, np.isin(tile.surface, _GROUND), places)
        ground = np.flatnonzero(np.isin(tile.surface, _GROUND))
        if len(ground):
            self._nearest(near, corners[ground].mean(axis=1), places)

    def _inside(self, who: Ints, which: Ints, corners: Floats, ground: Any, places: Floats) -> None:
        a, b, c = (corners[which, k] for k in range(3))
        p = places[who]
        d1, d2 = b[:, :2] - a[:, :2], c[:, :2] - a[:, :2]
        area = d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0]
        v = p - a[:, :2]
        with np.errstate(all="ignore"):
            s = (v[:, 0] * d2[:, 1] - v[:, 1] * d2[:, 0]) / area
            t = (d1[:, 0] * v[:, 1] - d1[:, 1] * v[:, 0]) / area
        inside = (np.abs(area) > 1e-9) & (s >= -1e-9) & (t >= -1e-9) & (s + t <= 1 + 1e-9)
        z = a[:, 2] + s * (b[:, 2] - a[:, 2]) + t * (c[:, 2] - a[:, 2])
        np.fmax.at(self.high, who[inside], z[inside])
        rows = inside & ground[which]
        for k, height in zip(who[rows].tolist(), z[rows].tolist(), strict=True):
            if not self._sure[k] or height > self.low[k]:
                self.low[k], self._sure[k], self._away[k] = height, True, 0.0

    def _nearest(self, near: Ints, middles: Floats, places: Floats) -> None:
        from scipy.spatial import KDTree

        away, which = KDTree(middles[:, :2]).query(places[near], distance_upper_bound=REACH_M)
        for k, distance, place in zip(near.tolist(), away.tolist(), which.tolist(), strict=True):
            if distance < self._away[k] and not self._sure[k]:
                self.low[k], self._away[k] = float(middles[place, 2]), distance
