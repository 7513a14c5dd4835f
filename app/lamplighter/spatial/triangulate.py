"""Polygons to triangles, many at a time.

Nearly all faces of a city model are convex or star-shaped from one corner: they are grouped by
corner count and fanned in whole arrays. Only faces with holes and the few odd ones go through
a constrained triangulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lamplighter.spatial.model import Faces, Floats, Ints

_FAN_TRIES = 12


@dataclass(frozen=True, slots=True)
class Triangles:
    """corners (m, 3) into the faces' vertices; face (m,) the polygon each came from.

    `odd` counts polygons that are no simple flat polygon and were drawn approximately.
    """

    corners: Ints
    face: Ints
    odd: int


def triangulate(faces: Faces, *, strict: bool = False) -> Triangles:
    """All polygons of `faces`; degenerate ones (no area) give no triangles.

    `strict` leaves no triangle flat where the polygon has corners in a row: slower, for checks.
    """
    corners: list[Ints] = []
    owners: list[Ints] = []
    ring_count = np.diff(faces.rings_of)
    lengths = np.diff(faces.starts)
    first_ring = faces.rings_of[:-1]
    outer = lengths[first_ring] if faces.count else lengths[:0]
    simple = ring_count == 1
    rest = [np.flatnonzero(~simple)]
    for length in np.unique(outer[simple]):
        members = np.flatnonzero(simple & (outer == length))
        table = faces.corners[
            faces.starts[first_ring[members]][:, None] + np.arange(length, dtype=np.int64)
        ]
        triangles, done = _fans(faces.vertices, table, 1e-9 if strict else -1e-6)
        corners.append(triangles.reshape(-1, 3))
        owners.append(np.repeat(members[done], length - 2))
        rest.append(members[~done])
    odd = 0
    if sum(len(part) for part in rest):
        found, face, odd = _constrained(faces, np.concatenate(rest))
        corners.append(found)
        owners.append(face)
    if not corners:
        return Triangles(np.zeros((0, 3), np.int64), np.zeros(0, np.int64), 0)
    return Triangles(np.concatenate(corners), np.concatenate(owners), odd)


def _newell(points: Floats) -> Floats:
    """Area vectors (k, 3) of rings (k, n, 3): twice the area times the unit normal."""
    local = points[:, 1:] - points[:, :1]
    normal: Floats = _cross(local[:, :-1], local[:, 1:]).sum(axis=1)
    return normal


def _cross(first: Floats, second: Floats) -> Floats:
    """Cross products (..., 3); several times faster than the general one of numpy."""
    x1, y1, z1 = first[..., 0], first[..., 1], first[..., 2]
    x2, y2, z2 = second[..., 0], second[..., 1], second[..., 2]
    found = np.empty(first.shape)
    found[..., 0] = y1 * z2 - z1 * y2
    found[..., 1] = z1 * x2 - x1 * z2
    found[..., 2] = x1 * y2 - y1 * x2
    return found


def _fans(vertices: Floats, table: Ints, least: float) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Fan triangles (d, n - 2, 3) of the rings that are star-shaped from one of their corners.

    Returns them with a mask of the rings done. A simple ring is star-shaped from a corner when
    every triangle of that corner's fan turns the same way as the ring, by `least` of its area.
    """
    count, length = table.shape
    if length == 3:
        return table.reshape(count, 1, 3), np.ones(count, bool)
    points = vertices[table]
    points = points - points[:, :1]
    area = _newell(points)
    size = np.linalg.norm(area, axis=1)
    best = np.full(count, -1, np.int64)
    flat = size <= 1e-9
    best[flat] = 0
    pending = np.flatnonzero(~flat)
    for corner in range(min(length, _FAN_TRIES)):
        if not len(pending):
            break
        turned = points[pending]
        if corner:
            turned = np.roll(turned, -corner, axis=1)
        spokes = turned[:, 1:] - turned[:, :1]
        cross = _cross(spokes[:, :-1], spokes[:, 1:])
        signed = np.einsum("ktc,kc->kt", cross, area[pending]) / size[pending, None]
        slack = least * size[pending, None]
        good = (signed >= slack).all(axis=1)
        best[pending[good]] = corner
        pending = pending[~good]
    done = best >= 0
    rolled = np.take_along_axis(
        table[done],
        (best[done][:, None] + np.arange(length, dtype=np.int64)) % length,
        axis=1,
    )
    triangles = np.empty((len(rolled), length - 2, 3), np.int64)
    triangles[:, :, 0] = rolled[:, :1]
    triangles[:, :, 1] = rolled[:, 1:-1]
    triangles[:, :, 2] = rolled[:, 2:]
    return triangles, done


def _constrained(faces: Faces, members: Ints) -> tuple[Ints, Ints, int]:
    """Constrained Delaunay triangles of the polygons `members`, one polygon at a time."""
    import shapely

    shapes = []
    flats: list[tuple[Ints, Floats, bool]] = []
    for face in members.tolist():
        rings = [
            faces.corners[faces.starts[ring] : faces.starts[ring + 1]]
            for ring in range(faces.rings_of[face], faces.rings_of[face + 1])
        ]
        flat, turned = _project(faces.vertices, rings)
        flats.append((np.concatenate(rings), np.concatenate(flat), turned))
        shapes.append(shapely.Polygon(flat[0], flat[1:]))
    polygons = np.array(shapes, dtype=object)
    valid = shapely.is_valid(polygons)
    meshes = np.empty(len(polygons), dtype=object)
    meshes[valid] = shapely.constrained_delaunay_triangles(polygons[valid])
    corners: list[Ints] = []
    owners: list[Ints] = []
    odd = 0
    for place in np.flatnonzero(~valid).tolist():
        meshes[place] = _mended(polygons[place])
    for place, face in enumerate(members.tolist()):
        found = _from_mesh(meshes[place], *flats[place])
        if found is None:
            odd += 1
            ring = faces.corners[
                faces.starts[faces.rings_of[face]] : faces.starts[faces.rings_of[face] + 1]
            ]
            found = clip_ears(faces.vertices, ring)
        corners.append(found)
        owners.append(np.full(len(found), face, np.int64))
    return np.concatenate(corners), np.concatenate(owners), odd


def _mended(polygon: Any) -> Any:
    """Mesh of a ring that touches itself (a hole joined by a bridge); None when it crosses."""
    import shapely

    sound = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    if sound.is_empty or abs(sound.area - abs(_signed_area(polygon))) > 0.01 * sound.area:
        return None
    return shapely.constrained_delaunay_triangles(sound)


def _signed_area(polygon: Any) -> float:
    rings = [polygon.exterior, *polygon.interiors]
    areas = []
    for ring in rings:
        x, y = np.asarray(ring.coords)[:, :2].T
        areas.append(abs(float(x[:-1] @ y[1:] - x[1:] @ y[:-1])) / 2.0)
    return areas[0] - sum(areas[1:])


def _project(vertices: Floats, rings: list[Ints]) -> tuple[list[Floats], bool]:
    """The rings in the plane of the largest side of their normal; True when that mirrors them."""
    outer = vertices[rings[0]]
    area = _newell(outer[None])[0]
    drop = int(np.argmax(np.abs(area)))
    keep = [axis for axis in range(3) if axis != drop]
    origin = outer[0]
    flat = [(vertices[ring] - origin)[:, keep] for ring in rings]
    facing = area[drop] if drop != 1 else -area[drop]
    return flat, bool(facing < 0)


def _from_mesh(mesh: Any, indices: Ints, flat: Floats, turned: bool) -> Ints | None:
    """Triangle corners of a shapely mesh as vertex numbers; None when a corner is unknown."""
    import shapely

    if mesh is None:
        return None
    coordinates = shapely.get_coordinates(mesh)
    if not len(coordinates) or len(coordinates) % 4:
        return None
    known = {(x, y): index for (x, y), index in zip(flat.tolist(), indices.tolist(), strict=True)}
    try:
        corners = [known[x, y] for x, y in coordinates.tolist()]
    except KeyError:
        return None
    triangles = np.array(corners, np.int64).reshape(-1, 4)[:, :3]
    spots = coordinates.reshape(-1, 4, 2)
    first, second = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    clockwise = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) < 0
    swap = clockwise != turned
    triangles[swap] = triangles[swap][:, ::-1]
    return triangles


def clip_ears(vertices: Floats, ring: Ints) -> Ints:
    """Ear clipping of one ring without holes; the fallback for rings that cross themselves."""
    flat, turned = _project(vertices, [ring])
    corners = list(range(len(ring)))
    if turned:
        corners.reverse()
    spots = flat[0].tolist()
    found: list[tuple[int, int, int]] = []
    misses = 0
    place = 0
    while len(corners) > 3 and misses <= len(corners) and len(ring) <= 2000:
        before, here, after = (corners[(place + step) % len(corners)] for step in (-1, 0, 1))
        if _is_ear(spots, corners, before, here, after):
            found.append((before, here, after))
            del corners[place % len(corners)]
            misses = 0
        else:
            place += 1
            misses += 1
        place %= len(corners)
    found.extend((corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1))
    triangles = ring[np.array(found, np.int64).reshape(-1, 3)]
    return triangles[:, ::-1] if turned else triangles


def _is_ear(spots: list[list[float]], corners: list[int], a: int, b: int, c: int) -> bool:
    if _turn(spots[a], spots[b], spots[c]) <= 0:
        return False
    for other in corners:
        if other in (a, b, c):
            continue
        p = spots[other]
        if (
            _turn(spots[a], spots[b], p) >= 0
            and _turn(spots[b], spots[c], p) >= 0
            and _turn(spots[c], spots[a], p) >= 0
        ):
            return False
    return True


def _turn(a: list[float], b: list[float], c: list[float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
