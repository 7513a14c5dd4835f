"""Objects too far from the project to be drawn: they keep their true place in degrees.

A file of another city is no mistake to be hidden: each of its objects is listed with how far off
it lies, and its position and extent stay on record.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.spatial import crs
from lamplighter.spatial.model import Floats, SourceModel, finite_rows


@dataclass(frozen=True, slots=True)
class Distant:
    """Degrees (features,) of the middle of each object, NaN where it says none.

    kilometres (features,) from the project's origin; `extent` west, south, east, north of all.
    """

    lon: Floats
    lat: Floats
    kilometres: Floats
    extent: list[float] | None


def where(model: SourceModel, place: crs.Place, frame: Frame) -> Distant:
    """Where all objects of the file lie, in degrees, however far that is."""
    count = len(model.features)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    spots: list[tuple[float, float]] = []
    owner: list[int] = []
    for number, feature in enumerate(model.features):
        for spot in ([feature.at] if feature.at else []) + list(feature.path or []):
            spots.append(spot[:2])
            owner.append(number)
    _grow(low, high, np.array(spots, float).reshape(-1, 2), np.array(owner, np.int64))
    faces = model.faces
    if faces is not None and faces.count:
        per_face = np.add.reduceat(np.diff(faces.starts), faces.rings_of[:-1])
        _grow(low, high, faces.vertices[faces.corners, :2], np.repeat(faces.owner, per_face))
    for part in model.meshes:
        corners = part.triangles.reshape(-1)
        owners = np.full(len(part.triangles), part.owner) if part.owners is None else part.owners
        _grow(low, high, part.points[corners, :2], np.repeat(owners, 3))
    for cloud in model.clouds:
        _grow(low, high, cloud.points[:, :2], np.full(len(cloud.points), cloud.owner))
    if place.swap:
        low, high = low[:, ::-1], high[:, ::-1]
    middle = np.where(np.isfinite(low), (low + high) / 2.0, np.nan)
    lon, lat = crs.move(place.epsg, 4326, middle[:, 0], middle[:, 1])
    home = crs.move(frame.epsg, 4326, np.array([frame.east]), np.array([frame.north]))
    return Distant(lon, lat, _kilometres(home, lon, lat), _extent(place, low, high))


def _grow(low: Floats, high: Floats, spots: Floats, owner: np.ndarray) -> None:
    good = finite_rows(spots)
    np.minimum.at(low, owner[good], spots[good])
    np.maximum.at(high, owner[good], spots[good])


def _kilometres(home: tuple[Floats, Floats], lon: Floats, lat: Floats) -> Floats:
    """Great-circle distances from `home`."""
    a, b = np.radians(home[1]), np.radians(lat)
    cosine = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(np.radians(lon - home[0]))
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)) * 6371.0, float)


def _extent(place: crs.Place, low: Floats, high: Floats) -> list[float] | None:
    good = finite_rows(low) & finite_rows(high)
    if not good.any():
        return None
    west, south = low[good].min(axis=0)
    east, north = high[good].max(axis=0)
    steps = np.linspace(0.0, 1.0, 5)
    x = west + (east - west) * np.tile(steps, 5)
    y = south + (north - south) * np.repeat(steps, 5)
    lon, lat = crs.move(place.epsg, 4326, x, y)
    sound = np.isfinite(lon) & np.isfinite(lat)
    if not sound.any():
        return None
    lon, lat = lon[sound], lat[sound]
    return [float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())]
