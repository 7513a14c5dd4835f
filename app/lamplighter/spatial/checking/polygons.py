"""Rings and polygons: codes 101 to 208, and faces without area.

All polygons at once where that is possible; the few that are odd there are looked at singly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lamplighter.spatial.checking.boundaries import Boundaries
from lamplighter.spatial.model import Flags, Floats, Ints

Tell = Callable[[str, int, str], None]
"""code, polygon, what was found"""
_FLAT: Final = 1e-5
"""metres; polygons nearer to their plane than this are planar whatever the angles say"""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Metres and degrees; the defaults of the check."""

    snap: float = 0.001
    planar: float = 0.01
    normals: float = 20.0
    overlap: float = 0.001


@dataclass(slots=True)
class Clean:
    """Rings without repeated corners as columns, beside the polygons they belong to.

    corners are numbers of snapped points; sound (p,) marks polygons that have no fault.
    """

    corners: Ints
    starts: Ints
    rings_of: Ints
    sound: Flags

    def rings(self, polygon: int) -> list[Ints]:
        first, last = int(self.rings_of[polygon]), int(self.rings_of[polygon + 1])
        return [self.corners[self.starts[r] : self.starts[r + 1]] for r in range(first, last)]


def snapped(points: Floats, tolerance: float) -> tuple[Floats, Ints]:
    """Points that lie within `tolerance` of each other made one: (k, 3) and the number of each."""
    if not len(points):
        return points, np.zeros(0, np.int64)
    unique, back = np.unique(points, axis=0, return_inverse=True)
    back = back.reshape(-1)
    if len(unique) < 2 or tolerance <= 0:
        return unique, back
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    finite = np.where(np.isfinite(unique), unique, 1e18)
    pairs = KDTree(finite).query_pairs(tolerance * 0.999, output_type="ndarray")
    if not len(pairs):
        return unique, back
    size = len(unique)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (size, size))
    _, group = connected_components(graph, directed=False)
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    return unique[first], number.reshape(-1)[back]


def check_rings(shapes: Boundaries, number: Ints, tell: Tell) -> Clean:
    """101, 102, 103: too few, repeated and unclosed; `number` (n,) the snapped point of each.

    A closing corner that only repeats the first one is taken away where the format has it so.
    """
    corners = number[shapes.corners]
    lengths = np.diff(shapes.starts)
    ring_polygon = np.repeat(np.arange(shapes.count), np.diff(shapes.rings_of))
    solid = shapes.solid_of[shapes.shell_of[ring_polygon]] if shapes.count else ring_polygon
    closing = np.array([p.closing for p in shapes.primitives], bool)
    closes = closing[shapes.primitive_of[solid]] if len(solid) else np.zeros(0, bool)
    sound = np.ones(shapes.count, bool)
    keep = np.ones(len(corners), bool)
    full = np.flatnonzero(lengths > 1)
    same_ends = corners[shapes.starts[:-1][full]] == corners[shapes.starts[1:][full] - 1]
    for ring in full[closes[full] & ~same_ends & (lengths[full] > 2)].tolist():
        sound[ring_polygon[ring]] = False
        tell("103", int(ring_polygon[ring]), "its first and last point differ")
    repeats = full[same_ends & closes[full]]
    keep[shapes.starts[1:][repeats] - 1] = False
    kept_ring = np.repeat(np.arange(len(lengths)), lengths)[keep]
    kept = corners[keep]
    left = np.bincount(kept_ring, minlength=len(lengths))
    starts = np.concatenate([[0], np.cumsum(left)]).astype(np.int64)
    small = left < 3
    for ring in np.flatnonzero(small).tolist():
        polygon = int(ring_polygon[ring])
        sound[polygon] = False
        tell("101", polygon, f"a ring of {int(left[ring])} points")
    after = np.roll(kept, -1)
    ends = starts[1:][left > 0] - 1
    after[ends] = kept[starts[:-1][left > 0]]
    double = (kept == after) & ~small[kept_ring]
    for ring in np.unique(kept_ring[double]).tolist():
        polygon = int(ring_polygon[ring])
        sound[polygon] = False
        tell("102", polygon, "a point is repeated")
    return Clean(kept, starts, shapes.rings_of, sound)


def check_polygons(clean: Clean, points: Floats, limits: Tolerances, tell: Tell) -> None:
    """104 to 208 and `zero-area-face`; unsound polygons are marked in `clean`."""
    lengths = np.diff(clean.starts)
    ring_count = np.diff(clean.rings_of)
    outer = clean.rings_of[:-1]
    simple = clean.sound & (ring_count == 1)
    single = np.flatnonzero(simple)
    for length in np.unique(lengths[outer[single]]).tolist():
        members = single[lengths[outer[single]] == length]
        table = clean.corners[clean.starts[outer[members]][:, None] + np.arange(length)]
        for begin in range(0, len(members), 50_000):
            part = slice(begin, begin + 50_000)
            _same_length(members[part], points[table[part]], limits, clean, tell)
    for polygon in np.flatnonzero(clean.sound & (ring_count != 1)).tolist():
        _with_holes(polygon, [points[r] for r in clean.rings(polygon)], limits, clean, tell)


def _same_length(
    members: Ints, rings: Floats, limits: Tolerances, clean: Clean, tell: Tell
) -> None:
    """Polygons (k, n, 3) without holes that have the same number of corners."""
    import shapely

    centred = rings - rings.mean(axis=1, keepdims=True)
    _, values, axes = np.linalg.svd(centred, full_matrices=False)
    thin = values[:, 1] < limits.snap * 0.5
    if rings.shape[1] == 3:
        for polygon in members[thin].tolist():
            _spoil(clean, tell, "104", polygon, "its three points lie on one line")
        return
    away = np.abs(np.einsum("knc,kc->kn", centred, axes[:, 2])).max(axis=1)
    flat = np.einsum("knc,kac->kna", centred, axes[:, :2])
    area = _areas(flat)
    closed = np.concatenate([flat, flat[:, :1]], axis=1)
    good = np.zeros(len(members), bool)
    good[~thin] = shapely.is_valid(shapely.polygons(closed[~thin]))
    wrong = ~thin & (away > limits.planar)
    odd = ~wrong & (~good | thin | (np.abs(area) < limits.snap**2))
    for place in np.flatnonzero(odd).tolist():
        _spoil(clean, tell, "104", int(members[place]), _why_not(closed[place]))
    for place in np.flatnonzero(wrong).tolist():
        what = f"a point lies {away[place]:.3f} m off its plane"
        _spoil(clean, tell, "203", int(members[place]), what)
    for place in np.flatnonzero(~odd & ~wrong & (away > _FLAT)).tolist():
        polygon = shapely.Polygon(closed[place])
        _normals(int(members[place]), polygon, [flat[place]], [rings[place]], limits, clean, tell)


def _why_not(closed: Floats) -> str:
    import shapely

    if np.ptp(closed, axis=0).min() < 1e-9:
        return "it has collapsed to a line"
    reason = shapely.is_valid_reason(shapely.Polygon(closed)).split("[")[0].strip().lower()
    return "it touches or crosses itself" if "self" in reason else f"it is no simple ring: {reason}"


def _areas(flat: Floats) -> Floats:
    """Signed areas (k,) of rings (k, n, 2)."""
    after = np.roll(flat, -1, axis=1)
    crossed = flat[..., 0] * after[..., 1] - after[..., 0] * flat[..., 1]
    result: Floats = crossed.sum(axis=1) / 2.0
    return result


def _spoil(clean: Clean, tell: Tell, code: str, polygon: int, what: str) -> None:
    clean.sound[polygon] = False
    tell(code, polygon, what)


def _with_holes(
    polygon: int, rings: list[Floats], limits: Tolerances, clean: Clean, tell: Tell
) -> None:
    """One polygon with inner rings."""
    import shapely

    if not rings:
        _spoil(clean, tell, "101", polygon, "it has no ring")
        return
    everything = np.concatenate(rings)
    middle = everything.mean(axis=0)
    _, _, axes = np.linalg.svd(everything - middle, full_matrices=False)
    flat = [(ring - middle) @ axes[:2].T for ring in rings]
    away = float(np.abs((everything - middle) @ axes[2]).max())
    if away > limits.planar:
        _spoil(clean, tell, "203", polygon, f"a point lies {away:.3f} m off its plane")
        return
    for ring in flat:
        shape = shapely.Polygon(ring)
        if not shape.is_valid or shape.area < limits.snap**2:
            what = _why_not(np.concatenate([ring, ring[:1]]))
            _spoil(clean, tell, "104", polygon, what)
            return
    code, what = _between_rings(flat, limits)
    if code:
        _spoil(clean, tell, code, polygon, what)
        return
    if away > _FLAT:
        shape = shapely.Polygon(flat[0], flat[1:])
        _normals(polygon, shape, flat, rings, limits, clean, tell)


def _between_rings(flat: list[Floats], limits: Tolerances) -> tuple[str, str]:
    """What is wrong between the rings of a polygon; empty texts when nothing is."""
    import shapely

    shapes = [shapely.Polygon(ring) for ring in flat]
    outer, holes = shapes[0], shapes[1:]
    wide = outer.buffer(limits.snap / 10.0)
    for place, one in enumerate(shapes):
        for other in shapes[:place]:
            if one.equals(other) or one.normalize().equals_exact(other.normalize(), limits.snap):
                return "202", "two rings are the same"
    for place, hole in enumerate(holes):
        if not outer.intersects(hole):
            return "206", "an inner ring lies outside the outer one"
        shared = outer.exterior.intersection(hole.exterior)
        if not wide.covers(hole) or shared.length > limits.snap:
            return "201", "an inner ring crosses or follows the outer one"
        for other in holes[:place]:
            if hole.covers(other) or other.covers(hole):
                if hole.exterior.intersection(other.exterior).length > limits.snap:
                    return "201", "two inner rings follow each other"
                return "207", "an inner ring lies inside another"
            if hole.intersection(other).area > limits.snap**2:
                return "201", "two inner rings cross"
            if hole.exterior.intersection(other.exterior).length > limits.snap:
                return "201", "two inner rings follow each other"
    signs = [float(np.sign(_areas(ring[None])[0])) for ring in flat]
    if any(sign == signs[0] for sign in signs[1:]):
        return "208", "outer and inner ring run the same way round"
    grown = shapely.union_all([hole.buffer(limits.snap / 10.0) for hole in holes])
    left = shapely.get_parts(outer.difference(grown))
    if sum(part.area > limits.snap**2 for part in left) > 1:
        return "205", "its inner rings cut it into several pieces"
    return "", ""


def _normals(
    polygon: int,
    shape: Any,
    flat: list[Floats],
    rings: list[Floats],
    limits: Tolerances,
    clean: Clean,
    tell: Tell,
) -> None:
    """204: triangles of the polygon that turn away from each other."""
    import shapely

    spots = shapely.get_coordinates(shapely.constrained_delaunay_triangles(shape))
    known = {
        (x, y): spot
        for (x, y), spot in zip(
            np.concatenate(flat).tolist(), np.concatenate(rings).tolist(), strict=True
        )
    }
    corners = [known.get((x, y)) for x, y in spots.tolist()]
    if len(corners) % 4 or any(c is None for c in corners):
        return
    triangles = np.array(corners, float).reshape(-1, 4, 3)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    sizes = np.linalg.norm(normals, axis=1)
    normals = normals[sizes > 1e-9] / sizes[sizes > 1e-9][:, None]
    if len(normals) < 2:
        return
    turned = normals @ normals[0]
    worst = float(np.degrees(np.arccos(np.clip(np.abs(turned), 0.0, 1.0))).max())
    if worst > limits.normals:
        _spoil(clean, tell, "204", polygon, f"its triangles turn {worst:.0f} degrees")


def duplicate_faces(shapes: Boundaries, clean: Clean, tell: Tell) -> None:
    """Polygons of one shell with the same corners as another one of it."""
    first, last = clean.starts[clean.rings_of[:-1]], clean.starts[clean.rings_of[1:]]
    sums = np.concatenate([[0], np.cumsum(clean.corners)])
    rows = np.stack([shapes.shell_of, last - first, sums[last] - sums[first]], axis=1)
    suspects = np.flatnonzero(clean.sound)
    if not len(suspects):
        return
    _, group, count = np.unique(rows[suspects], axis=0, return_inverse=True, return_counts=True)
    suspects = suspects[count[group.reshape(-1)] > 1]
    seen: dict[tuple[int, ...], int] = {}
    for polygon in suspects.tolist():
        corners = sorted(clean.corners[first[polygon] : last[polygon]].tolist())
        key = (int(shapes.shell_of[polygon]), *corners)
        if key in seen:
            tell("duplicate-face", polygon, f"it lies on surface {shapes.number_in[seen[key]]}")
        else:
            seen[key] = polygon
