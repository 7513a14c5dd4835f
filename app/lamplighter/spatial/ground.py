"""The height of the ground as far as the project knows it: GIS data without heights lies on it.

Known is what lies in the tiles already: a terrain first, else the ground, roads and feet of the
city model, else the lowest points of a cloud. Each is asked only near its own points.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.domain.geometry import SURFACES, TileArrays
from lamplighter.domain.layers import Layer, TileInfo
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.model import Faces, Feature, Floats, Ints, SourceModel, finite_rows

LIFT_METRES: Final = {"Water": 0.02, "Terrain": 0.02, "Vegetation": 0.03, "Road": 0.06}
"""how far above the ground an area is drawn, so that areas do not flicker through each other"""
LIFT_OTHER: Final = 0.05
LIFT_COURSE: Final = 0.1
LIFT_PICTURE: Final = 0.25
_MARGIN: Final = 300.0
_MAX_SAMPLES: Final = 120_000
_MAX_KEPT_BYTES: Final = 64_000_000
_NEAR: Final = {"terrain": 150.0, "model": 150.0, "cloud": 50.0}
_FAR: Final = 3_000.0
_ON_GROUND: Final = tuple(
    SURFACES.index(name) for name in ("GroundSurface", "Terrain", "Road", "Water", "Vegetation")
)
_LAYERS: Final = ("terrain", "model", "cloud", "mesh", "bim")
_KINDS: Final = {"terrain": "terrain", "model": "model", "cloud": "cloud", "mesh": "cloud"}


def known_tiles(layer: Layer | None) -> tuple[TileInfo, ...]:
    """The tiles of a layer that tell where the ground is; those laid on it do not."""
    if layer is None or layer.kind not in _LAYERS:
        return ()
    return tuple(tile for tile in layer.tiles if tile.kind in _KINDS and not tile.rank)


def save_known(tiles: Sequence[TileInfo], path: Path) -> None:
    """Write which tiles the ground may be taken from, for a worker."""
    path.write_bytes(msgspec.msgpack.encode(list(tiles)))


def load_known(path: Path) -> tuple[TileInfo, ...]:
    """What `save_known` wrote; nothing when it is not to be had."""
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=tuple[TileInfo, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


class Ground:
    """Heights in local metres under places in local metres, from tiles in `folder`."""

    def __init__(self, tiles: Sequence[TileInfo], folder: Path) -> None:
        self._folder = folder
        self._tiles = tiles
        self._known: dict[str, _Surface | None] = {}
        self._low, self._high = np.full(2, np.inf), np.full(2, -np.inf)

    def under(self, spots: Floats) -> Floats:
        """Height (n,) under each of `spots` (n, 2 or more); NaN where nothing is known."""
        heights = np.full(len(spots), np.nan)
        good = finite_rows(spots[:, :2])
        if not self._tiles or not good.any():
            return heights
        places = np.ascontiguousarray(spots[good, :2])
        self._cover(places)
        found = np.full(len(places), np.nan)
        asked: list[_Surface] = []
        for kind in ("terrain", "model", "cloud"):
            rows = np.isnan(found)
            surface = self._surface(kind) if rows.any() else None
            if surface is not None:
                asked.append(surface)
                found[rows] = surface.between(places[rows], _NEAR[kind])
        rest = np.isnan(found)
        for surface in asked if rest.any() else ():
            found[rest] = np.fmax(found[rest], surface.nearest(places[rest], _FAR))
            rest = np.isnan(found)
        heights[good] = found
        return heights

    def _cover(self, places: Floats) -> None:
        """Forget the surfaces when these places lie outside what they were made for."""
        low, high = places.min(axis=0) - _MARGIN, places.max(axis=0) + _MARGIN
        if (low < self._low).any() or (high > self._high).any():
            self._known.clear()
            self._low = np.minimum(low - _MARGIN, self._low)
            self._high = np.maximum(high + _MARGIN, self._high)

    def _surface(self, kind: str) -> _Surface | None:
        if kind not in self._known:
            samples = self._samples(kind, self._low, self._high)
            self._known[kind] = _Surface(samples) if len(samples) else None
        return self._known[kind]

    def _samples(self, kind: str, low: Floats, high: Floats) -> Floats:
        """Points (n, 3) on the ground in the box, thinned to what a moment can triangulate."""
        parts = [np.zeros((0, 3))]
        for tile in self._tiles:
            if _KINDS[tile.kind] != kind:
                continue
            if (np.array(tile.low[:2]) > high).any() or (np.array(tile.high[:2]) < low).any():
                continue
            try:
                points = _KEPT.of(self._folder / tile.name)
            except OSError:
                continue  # a cache that is being made anew
            inside = ((points[:, :2] >= low) & (points[:, :2] <= high)).all(axis=1)
            parts.append(points[inside])
        points = np.concatenate(parts)
        return _lowest(points, 5.0 if kind == "cloud" else 1.0)


class _KeptSamples:
    """Samples of the tiles asked for last: the files of a folder mostly ask for the same ones."""

    def __init__(self, room: int) -> None:
        self._points: dict[tuple[str, int, int], Floats] = {}
        self._room = room

    def of(self, path: Path) -> Floats:
        """`samples_of` the tile at `path`, for reading only; OSError without such a file."""
        stat = path.stat()
        key = (str(path), stat.st_mtime_ns, stat.st_size)
        points = self._points.pop(key, None)
        if points is None:
            points = samples_of(read_tile(path))
            self._room -= points.nbytes
        self._points[key] = points
        while self._room < 0:
            self._room += self._points.pop(next(iter(self._points))).nbytes
        return points


_KEPT: Final = _KeptSamples(_MAX_KEPT_BYTES)


def samples_of(tile: TileArrays) -> Floats:
    """Points (n, 3) of a tile that lie on the ground."""
    points = tile.points.astype(np.float64)
    if tile.kind in ("terrain", "cloud", "mesh"):
        return points
    on_ground = np.isin(tile.surface, _ON_GROUND)
    if on_ground.any():
        return points[np.unique(tile.triangles[on_ground])]
    if not len(tile.triangles):
        return points[:0]
    owner = np.zeros(len(points), np.int64)
    owner[tile.triangles.reshape(-1)] = np.repeat(tile.owner, 3)
    feet = np.full(len(tile.assets), np.inf)
    np.minimum.at(feet, owner, points[:, 2])
    return points[points[:, 2] < feet[owner] + 0.2]


def _lowest(points: Floats, cell: float) -> Floats:
    """The lowest point of each cell, with larger cells while there are too many."""
    while True:
        key = np.floor(points[:, :2] / cell).astype(np.int64)
        order = np.lexsort((points[:, 2], key[:, 1], key[:, 0]))
        key = key[order]
        first = np.ones(len(points), bool)
        first[1:] = (np.diff(key, axis=0) != 0).any(axis=1)
        points = points[order[first]]
        if len(points) <= _MAX_SAMPLES:
            return points
        cell *= 2.0


class _Surface:
    """Samples (n, 3) that can be asked for heights."""

    def __init__(self, samples: Floats) -> None:
        from scipy.spatial import cKDTree

        self._samples = samples
        self._tree: Any = cKDTree(samples[:, :2])
        self._between: Any = None

    def between(self, places: Floats, near: float) -> Floats:
        """Between the samples; NaN further than `near` from any of them."""
        heights = self.nearest(places, near)
        close = np.isfinite(heights)
        if not close.any() or len(self._samples) < 4:
            return heights
        smooth = self._smooth(places[close])
        heights[close] = np.where(np.isfinite(smooth), smooth, heights[close])
        return heights

    def _smooth(self, places: Floats) -> Floats:
        from scipy.interpolate import LinearNDInterpolator
        from scipy.spatial import QhullError

        if self._between is None:
            try:
                self._between = LinearNDInterpolator(self._samples[:, :2], self._samples[:, 2])
            except QhullError:  # all on one line
                self._between = lambda spots: np.full(len(spots), np.nan)
        return np.asarray(self._between(places), float)

    def nearest(self, places: Floats, near: float) -> Floats:
        """Height of the nearest sample; NaN further than `near` from any of them."""
        far, row = self._tree.query(places, distance_upper_bound=near)
        heights = np.full(len(places), np.nan)
        close = np.isfinite(far)
        heights[close] = self._samples[row[close], 2]
        return heights


def lay_courses(ground: Ground, features: list[Feature], local: Floats, owner: Ints) -> None:
    """Lay the rows of `local` (n, 3) whose feature has no heights on the ground, in place."""
    flat = np.array([feature.flat for feature in features], bool)[owner]
    if flat.any():
        local[flat, 2] = _or_zero(ground.under(local[flat])) + LIFT_COURSE


def lay_faces(ground: Ground, model: SourceModel, faces: Faces, local: Floats) -> None:
    """The same for the vertices (n, 3) of faces; bodies stand on their lowest ground."""
    flat = np.array([feature.flat for feature in model.features], bool)
    if not flat.any() or not faces.count:
        return
    lengths = np.diff(faces.starts)
    per_face = np.add.reduceat(lengths, faces.rings_of[:-1])
    owner = np.full(len(local), -1, np.int64)
    owner[faces.corners] = np.repeat(faces.owner, per_face)
    lift = np.array([LIFT_METRES.get(name, LIFT_OTHER) for name in SURFACES])
    above = np.zeros(len(local))
    above[faces.corners] = np.repeat(lift[faces.surface], per_face)
    rows = np.flatnonzero((owner >= 0) & flat[owner])
    if not len(rows):
        return
    top = np.zeros(len(model.features))
    np.maximum.at(top, owner[rows], np.nan_to_num(local[rows, 2]))
    heights = ground.under(local[rows])
    foot = np.full(len(model.features), np.inf)
    np.fmin.at(foot, owner[rows], heights)
    standing = top[owner[rows]] > 0.0
    base = np.where(standing, foot[owner[rows]], heights)
    base = np.where(np.isfinite(base), base, 0.0)
    local[rows, 2] = base + np.where(standing, local[rows, 2], above[rows])


def lay_picture(ground: Ground, local: Floats) -> Floats:
    """A mesh without heights (n, 3) on the ground."""
    laid = local.copy()
    laid[:, 2] = _or_zero(ground.under(local)) + LIFT_PICTURE
    return laid


def _or_zero(heights: Floats) -> Floats:
    return np.where(np.isfinite(heights), heights, 0.0)
