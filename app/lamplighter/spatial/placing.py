"""The steps by which one file whose place is known becomes assets and tiles.

They share the file's many arrays: points in local metres, boxes and centres by feature.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from lamplighter.domain.city import Asset, Attribute, Frame
from lamplighter.domain.geometry import TILE_KINDS
from lamplighter.domain.importing import ImportedFile, Unplaced
from lamplighter.domain.layers import Layer, TileInfo
from lamplighter.spatial import crs, distant
from lamplighter.spatial.coarse import Shapes, far_tiles
from lamplighter.spatial.control_points import NO_POINTS, PointsOrder
from lamplighter.spatial.extents import (
    MAX_PATH_CORNERS,
    anchors_of,
    boxes_of_faces,
    finite,
    fitted,
    footprint_centres,
    thinned,
)
from lamplighter.spatial.ground import Ground, lay_courses, lay_faces, lay_picture
from lamplighter.spatial.levels import levels
from lamplighter.spatial.mesh_tiles import MeshTiles
from lamplighter.spatial.model import Faces, Feature, Floats, Ints, SourceModel, finite_rows
from lamplighter.spatial.tiles import cells_of, cut, described, save
from lamplighter.spatial.triangulate import triangulate

Progress = Callable[[int, int, str], None]
FAR_METRES: Final = 200_000.0


@dataclass(frozen=True, slots=True)
class Order:
    """What the caller wants of an import."""

    tiles_folder: Path
    frame: Frame | None = None
    override: int | None = None
    """EPSG code the user gives"""
    fit: tuple[float, float, float, float] | None = None
    """scale networks without a place into this box: west, south, east, north in local metres"""
    points: PointsOrder = NO_POINTS
    """place the file by points of it whose place is known"""
    ground: tuple[TileInfo, ...] = ()
    """tiles the ground may be taken from"""


def layer_of(found: ImportedFile, model: SourceModel, tiles: tuple[TileInfo, ...]) -> Layer:
    """The file as a layer without an id; who keeps it gives one."""
    report = found.report
    extent = report.extent_wgs84
    domains = Counter(feature.domain for feature in model.features)
    return Layer(
        id="",
        name=Path(report.file).stem,
        kind=model.kind,
        domain=domains.most_common(1)[0][0] if domains else "city",
        source_file=report.file,
        format=report.format,
        version=report.version,
        crs=report.crs,
        extent_wgs84=(extent[0], extent[1], extent[2], extent[3]) if extent else None,
        licence=model.licence,
        attribution=model.attribution,
        date=model.date,
        objects=len(found.assets),
        lods=tuple(report.lods),
        tiles=tiles,
    )


def asset_of(feature: Feature, file: str) -> Asset:
    return Asset(
        id=feature.id,
        type=feature.type,
        name=feature.name or feature.id,
        domain=feature.domain,
        parent=feature.parent,
        attributes=feature.attributes,
        source_file=file,
        people=feature.people,
        mode=feature.mode,
    )


class Placing:
    """The steps for one placed file; they share its many arrays."""

    def __init__(
        self,
        found: ImportedFile,
        model: SourceModel,
        place: crs.Place,
        frame: Frame,
        order: Order,
        key: str,
        progress: Progress,
    ) -> None:
        self.found, self.model, self.place, self.frame = found, model, place, frame
        self.folder, self.key, self.progress = order.tiles_folder, key, progress
        self.fit = None if found.report.crs else order.fit
        known = crs.system(place.epsg)
        self.up = known.up_metres if known else 1.0
        self.ground = Ground(order.ground, order.tiles_folder)
        self.tiles: list[TileInfo] = []
        self.meshed = _meshed(model)
        self.centres: Floats = np.full((len(model.features), 2), np.nan)
        named = crs.system(place.code or place.epsg)
        if named is not None:
            self.up = named.up_metres
        if model.heights_in_metres:
            self.up = 1.0

    def run(self) -> None:
        self.progress(1, 4, "placing")
        boxes = self._boxes_of_points()
        faces = self.model.faces
        if faces is not None and faces.count:
            local = self._local(faces.vertices)
            lay_faces(self.ground, self.model, faces, local)
            faces = self._only_sound(faces, local)
            self._merge(boxes, boxes_of_faces(faces, local, len(self.model.features)))
            self.progress(2, 4, "triangulating")
            self._levels(faces, local)
        meshes = MeshTiles(
            self.key,
            [f.id for f in self.model.features],
            self.folder,
            self.model.kind if self.model.kind in TILE_KINDS else "mesh",
        )
        for part in self.model.meshes:
            spots = self._local(part.points)
            if self.model.features[part.owner].flat:
                spots = lay_picture(self.ground, spots)
            meshes.mesh(part, spots, boxes)
        for cloud in self.model.clouds:
            meshes.cloud(cloud, self._local(cloud.points), boxes)
        self.tiles.extend(meshes.finish())
        self.found.report.triangles += meshes.triangles
        self.found.report.warnings.extend(meshes.warnings())
        self.found.tiles = [t.name for t in self.tiles if t.rank == 0]
        self._children_place_parents(boxes)
        self.progress(4, 4, "assets")
        self._assets(boxes)

    def _local(self, points: Floats) -> Floats:
        """Local metres (n, 3); rows that cannot be moved are not finite."""
        if self.fit is not None:
            return fitted(points, finite(anchors_of(self.model)), self.fit)
        x, y = points[:, 0], points[:, 1]
        if self.place.swap:
            x, y = y, x
        with np.errstate(over="ignore", invalid="ignore"):
            east, north = crs.to_frame(self.frame, self.place.epsg, x, y)
            local = np.stack([east, north, points[:, 2] * self.up - self.frame.up], axis=1)
            local[~(np.abs(local) < FAR_METRES).all(axis=1)] = np.nan
        return local

    def _boxes_of_points(self) -> Floats:
        """Boxes (features, 6) low and high of points and lines; NaN where there is neither."""
        features = self.model.features
        boxes = np.full((len(features), 6), np.nan)
        rows: list[tuple[float, float, float]] = []
        owner: list[int] = []
        for number, feature in enumerate(features):
            for spot in ([feature.at] if feature.at else []) + list(feature.path or []):
                rows.append(spot)
                owner.append(number)
        if not rows:
            return boxes
        points = np.array(rows, float)
        local = self._local(points)
        lay_courses(self.ground, features, local, np.array(owner, np.int64))
        self._point_rows, self._point_owner = local, np.array(owner, np.int64)
        starts = np.flatnonzero(np.diff(self._point_owner, prepend=-1))
        self.centres[self._point_owner[starts]] = self._point_centres(starts)
        boxes[self._point_owner[starts], :3] = np.minimum.reduceat(local, starts)
        boxes[self._point_owner[starts], 3:] = np.maximum.reduceat(local, starts)
        return boxes

    def _point_centres(self, starts: Ints) -> Floats:
        """The stated place where there is one, else the middle of the line's middle segment."""
        ends = np.append(starts[1:], len(self._point_rows))
        first, second = starts + (ends - starts - 1) // 2, starts + (ends - starts) // 2
        owners = self._point_owner[starts].tolist()
        stated = np.array([self.model.features[k].at is not None for k in owners])
        first, second = np.where(stated, starts, first), np.where(stated, starts, second)
        middle: Floats = (self._point_rows[first, :2] + self._point_rows[second, :2]) / 2.0
        return middle

    def _only_sound(self, faces: Faces, local: Floats) -> Faces:
        """Leave out faces with a corner that has no place; their objects get a warning."""
        good = finite_rows(local)
        if good[faces.corners].all():
            return faces
        bad_ring = ~np.logical_and.reduceat(good[faces.corners], faces.starts[:-1])
        bad = np.logical_or.reduceat(bad_ring, faces.rings_of[:-1])
        count = int(bad.sum())
        self.found.report.warnings.append(
            f"{count} faces have corners that are no numbers or lie far outside the city; "
            "they are not drawn"
        )
        return faces.keep(~bad)

    def _merge(self, boxes: Floats, more: Floats) -> None:
        boxes[:, :3] = np.fmin(boxes[:, :3], more[:, :3])
        boxes[:, 3:] = np.fmax(boxes[:, 3:], more[:, 3:])

    def _levels(self, faces: Faces, local: Floats) -> None:
        """One set of tiles for every level of detail, the finest first."""
        if not faces.count:
            return
        safe = np.where(finite_rows(local)[:, None], local, 0.0)
        flat = faces.moved(safe)
        names = [feature.id for feature in self.model.features]
        cells: Ints | None = None
        finest: Shapes | None = None
        for rank, (lod, level) in enumerate(levels(flat, self.model.features)):
            triangles = triangulate(level)
            owner: Ints = level.owner[triangles.face]
            if rank == 0:
                if triangles.odd:
                    self.found.report.warnings.append(
                        f"{triangles.odd} faces are no simple flat polygons; "
                        "they are drawn approximately"
                    )
                self.found.report.triangles = len(triangles.corners)
                seen = footprint_centres(safe, triangles.corners, owner, len(names))
                self.centres = np.where(np.isfinite(seen), seen, self.centres)
                cells = cells_of(safe, triangles.corners, owner, len(names))
                finest = Shapes(safe, triangles.corners, owner, level.surface[triangles.face])
                self.progress(3, 4, "tiles")
            for tile, cell in cut(
                self.key if rank == 0 else f"{self.key}-{rank}",
                names,
                safe,
                triangles.corners,
                owner,
                level.surface[triangles.face],
                cells=cells,
                lod=lod,
                image=None if level.image is None else level.image[triangles.face],
                images=self.model.images,
                uv=level.uv,
            ):
                save(tile, self.folder)
                self.tiles.append(described(tile, cell, rank))
            self.found.report.lods.insert(0, lod)
        if finest is not None and cells is not None:
            ranks = len(self.found.report.lods)
            for tile, info in far_tiles(self.key, ranks, names, finest, cells):
                save(tile, self.folder)
                self.tiles.append(info)

    def _children_place_parents(self, boxes: Floats) -> None:
        """An object without geometry of its own lies where its parts lie."""
        number = {feature.id: place for place, feature in enumerate(self.model.features)}
        for _ in range(4):
            grown = False
            for place, feature in enumerate(self.model.features):
                above = number.get(feature.parent) if feature.parent else None
                if above is None or above == place or np.isnan(boxes[place, 0]):
                    continue
                if np.isnan(boxes[above, 0]):
                    members = [
                        k for k, f in enumerate(self.model.features) if f.parent == feature.parent
                    ]
                    boxes[above, :3] = np.nanmin(boxes[members, :3], axis=0)
                    boxes[above, 3:] = np.nanmax(boxes[members, 3:], axis=0)
                    grown = True
            if not grown:
                return

    def _assets(self, boxes: Floats) -> None:
        report, features = self.found.report, self.model.features
        middle = (boxes[:, :2] + boxes[:, 3:5]) / 2.0
        middle = np.where(np.isfinite(self.centres), self.centres, middle)
        lon, lat = crs.move(
            self.frame.epsg, 4326, middle[:, 0] + self.frame.east, middle[:, 1] + self.frame.north
        )
        placed = finite_rows(boxes) & np.isfinite(lon) & np.isfinite(lat)
        away = None
        if not placed.all() and self.fit is None:
            away = distant.where(self.model, self.place, self.frame)
        paths, further = self._paths(), self._further(placed)
        for place, feature in enumerate(features):
            asset = asset_of(feature, Path(report.file).name)
            if not placed[place]:
                if away is not None and np.isfinite(away.lon[place] + away.lat[place]):
                    asset = replace(asset, lon=float(away.lon[place]), lat=float(away.lat[place]))
                self.found.assets.append(asset)
                report.unplaced.append(Unplaced(feature.id, self._why(place, away)))
                continue
            low, high = float(boxes[place, 2]), float(boxes[place, 5])
            self.found.assets.append(
                Asset(
                    id=asset.id,
                    type=asset.type,
                    name=asset.name,
                    domain=asset.domain,
                    lon=float(lon[place]),
                    lat=float(lat[place]),
                    height_m=round(low + self.frame.up, 3),
                    x=float(middle[place, 0]),
                    y=float(middle[place, 1]),
                    z=low + self.frame.up,
                    path=paths.get(place, ()),
                    more=tuple(further.get(place, ())),
                    parent=asset.parent,
                    attributes=_with_height(feature, high - low),
                    mode=asset.mode,
                    source_file=asset.source_file,
                    people=asset.people,
                )
            )
        long = sum(len(feature.path or ()) > MAX_PATH_CORNERS for feature in features)
        if long:
            report.warnings.append(
                f"{long} courses have more than {MAX_PATH_CORNERS:,} corners; "
                "they are drawn with as many"
            )
        report.placed = int(placed.sum())
        report.extent_wgs84 = self._extent(boxes[placed])
        if away is not None and not placed.any():
            report.extent_wgs84 = away.extent
        self.found.layer = layer_of(self.found, self.model, tuple(self.tiles))

    def _why(self, place: int, away: distant.Distant | None) -> str:
        """Why the feature at `place` has no position although the file as a whole has one."""
        feature, faces = self.model.features[place], self.model.faces
        somewhere = feature.at is not None or bool(feature.path) or place in self.meshed
        if somewhere or (faces is not None and bool((faces.owner == place).any())):
            if away is None or not np.isfinite(away.kilometres[place]):
                return "its coordinates are no numbers or lie nowhere on the Earth"
            far = float(away.kilometres[place])
            if far * 1_000.0 < FAR_METRES:
                return f"it reaches more than {FAR_METRES / 1_000:.0f} km; it is not drawn"
            return (
                f"it lies {far:,.0f} km from the project; its place is kept in degrees, "
                "it is not drawn"
            )
        return "it has no geometry"

    def _paths(self) -> dict[int, tuple[tuple[float, float, float], ...]]:
        paths: dict[int, tuple[tuple[float, float, float], ...]] = {}
        if not any(feature.path for feature in self.model.features):
            return paths
        starts = np.flatnonzero(np.diff(self._point_owner, prepend=-1))
        ends = np.append(starts[1:], len(self._point_owner))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            owner = int(self._point_owner[start])
            feature = self.model.features[owner]
            if feature.path:
                rows = self._point_rows[start + (1 if feature.at else 0) : end]
                if np.isfinite(rows).all():
                    paths[owner] = tuple(map(tuple, thinned(rows).tolist()))
        return paths

    def _further(
        self, placed: npt.NDArray[np.bool_]
    ) -> dict[int, list[tuple[tuple[float, float, float], ...]]]:
        """Further parts of the courses of what is placed, by number; all are moved at once."""
        parts: list[int] = []
        owners: list[int] = []
        spots: list[tuple[float, float, float]] = []
        for number in np.flatnonzero(placed).tolist():
            for part in self.model.features[number].more or ():
                parts.append(len(part))
                owners.append(number)
                spots.extend(part)
        if not spots:
            return {}
        rows = self._local(np.array(spots, float).reshape(-1, 3))
        owner = np.repeat(np.array(owners, np.int64), parts)
        lay_courses(self.ground, self.model.features, rows, owner)
        found: dict[int, list[tuple[tuple[float, float, float], ...]]] = {}
        for number, local in zip(owners, np.split(rows, np.cumsum(parts)[:-1]), strict=True):
            if len(local) > 1 and np.isfinite(local).all():
                course = tuple(map(tuple, thinned(local).tolist()))
                found.setdefault(number, []).append(course)
        return found

    def _extent(self, boxes: Floats) -> list[float] | None:
        if not len(boxes):
            return None
        low, high = boxes[:, :2].min(axis=0), boxes[:, 3:5].max(axis=0)
        steps = np.linspace(0.0, 1.0, 5)
        x = low[0] + (high[0] - low[0]) * np.tile(steps, 5) + self.frame.east
        y = low[1] + (high[1] - low[1]) * np.repeat(steps, 5) + self.frame.north
        lon, lat = crs.move(self.frame.epsg, 4326, x, y)
        return [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())]


def _meshed(model: SourceModel) -> set[int]:
    """Numbers of the features that own triangles of a mesh or points of a cloud."""
    owners = {cloud.owner for cloud in model.clouds}
    for part in model.meshes:
        owners.update([part.owner] if part.owners is None else np.unique(part.owners).tolist())
    return owners


def _with_height(feature: Feature, measured: float) -> dict[str, Attribute]:
    """The attributes, and for what has faces how tall these are."""
    if feature.at or feature.path:
        return feature.attributes
    return {**feature.attributes, "geometry_height_m": round(measured, 3)}
