"""Whether triangles in space meet where they should not.

Distances are in metres; a contact nearer than `TOUCH` counts as touching, as the coordinates of
city models are rounded to millimetres.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.spatial.model import Flags, Floats, Ints

TOUCH: Final = 1e-6
_BROAD: Final = 400
_BATCH: Final = 200_000


def near_pairs(first: Floats, second: Floats | None = None, slack: float = TOUCH) -> Ints:
    """Pairs (k, 2) of triangles whose boxes meet; within `first` (n, 3, 3) each pair once."""
    low_a, high_a = first.min(axis=1) - slack, first.max(axis=1) + slack
    other = first if second is None else second
    low_b, high_b = other.min(axis=1), other.max(axis=1)
    if len(first) * len(other) <= _BROAD**2:
        meets = ((low_a[:, None] <= high_b[None]) & (low_b[None] <= high_a[:, None])).all(axis=2)
        if second is None:
            meets = np.triu(meets, 1)
        return np.argwhere(meets)
    import shapely

    tree = shapely.STRtree(shapely.box(low_b[:, 0], low_b[:, 1], high_b[:, 0], high_b[:, 1]))
    boxes = shapely.box(low_a[:, 0], low_a[:, 1], high_a[:, 0], high_a[:, 1])
    pairs: Ints = tree.query(boxes).T
    if second is None:
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    a, b = pairs[:, 0], pairs[:, 1]
    near: Ints = pairs[(low_a[a, 2] <= high_b[b, 2]) & (low_b[b, 2] <= high_a[a, 2])]
    return near


def _unit_normals(triangles: Floats) -> Floats:
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    result: Floats = normals / np.maximum(size, 1e-30)
    return result


def pierces(begin: Floats, end: Floats, triangles: Floats, slack: float) -> Flags:
    """Whether segments (k, 3) to (k, 3) meet the triangles (k, 3, 3) they are paired with.

    With `slack` above zero a mere contact counts; below zero both ends must lie that far on
    either side and the hit that far inside. Segments in the plane of the triangle do not count.
    """
    normal = _unit_normals(triangles)
    first = np.einsum("kc,kc->k", begin - triangles[:, 0], normal)
    last = np.einsum("kc,kc->k", end - triangles[:, 0], normal)
    reach = abs(slack)
    if slack >= 0:
        across = ~((first > reach) & (last > reach)) & ~((first < -reach) & (last < -reach))
        across &= ~((np.abs(first) <= reach) & (np.abs(last) <= reach))
    else:
        across = ((first > reach) & (last < -reach)) | ((first < -reach) & (last > reach))
    span = first - last
    share = np.clip(first / np.where(np.abs(span) > 1e-30, span, 1.0), 0.0, 1.0)
    spot = begin + share[:, None] * (end - begin)
    inside = np.ones(len(begin), bool)
    for corner in range(3):
        here, there = triangles[:, corner], triangles[:, (corner + 1) % 3]
        edge = there - here
        length = np.maximum(np.linalg.norm(edge, axis=1), 1e-30)
        off = np.einsum("kc,kc->k", np.cross(edge, spot - here), normal) / length
        inside &= off >= -slack
    return np.asarray(across & inside, bool)


def self_meetings(points: Floats, triangles: Ints, face: Ints) -> list[tuple[int, int, Floats]]:
    """Faces of one shell that meet beside their common edges and corners.

    points (n, 3), triangles (m, 3) into them, face (m,) the polygon of each. Returns the two
    polygons and a place for each meeting, at most a few.
    """
    spots = points[triangles]
    pairs = near_pairs(spots)
    pairs = pairs[face[pairs[:, 0]] != face[pairs[:, 1]]]
    found: list[tuple[int, int, Floats]] = []
    for begin in range(0, len(pairs), _BATCH):
        part = pairs[begin : begin + _BATCH]
        met = _meet(points, triangles[part[:, 0]], triangles[part[:, 1]])
        for one, other in part[met].tolist():
            found.append((int(face[one]), int(face[other]), spots[one].mean(axis=0)))
            if len(found) >= 20:
                return found
    return found


def _meet(points: Floats, one: Ints, other: Ints) -> Flags:
    """Pairs of triangles (k, 3) that meet beside the corners they share."""
    common = (one[:, :, None] == other[:, None, :]).any(axis=2)
    backward = (one[:, :, None] == other[:, None, :]).any(axis=1)
    shared = common.sum(axis=1)
    met = np.zeros(len(one), bool)
    first, second = points[one], points[other]
    for corner in range(3):
        after = (corner + 1) % 3
        for mine, theirs, mine_common in ((first, second, common), (second, first, backward)):
            free = (shared < 2) & ~mine_common[:, corner] & ~mine_common[:, after]
            rows = np.flatnonzero(free)
            if len(rows):
                met[rows] |= pierces(mine[rows, corner], mine[rows, after], theirs[rows], TOUCH)
    coplanar = _coplanar(first, second)
    for row in np.flatnonzero(coplanar & ~met & (shared < 3)).tolist():
        met[row] = overlap_area(first[row], second[row]) > 1e-6
    return met


def _coplanar(first: Floats, second: Floats, slack: float = TOUCH) -> Flags:
    normal = _unit_normals(first)
    away = np.einsum("kac,kc->ka", second - first[:, :1], normal)
    return np.asarray((np.abs(away) <= slack).all(axis=1), bool)


def overlap_area(first: Floats, second: Floats) -> float:
    """Common area of two triangles (3, 3) of one plane."""
    import shapely

    normal = _unit_normals(first[None])[0]
    side = first[1] - first[0]
    side = side / max(float(np.linalg.norm(side)), 1e-30)
    axes = np.stack([side, np.cross(normal, side)], axis=1)
    one = shapely.Polygon((first - first[0]) @ axes)
    other = shapely.Polygon((second - first[0]) @ axes)
    return float(one.intersection(other).area)


def shared_area(first: Floats, second: Floats, slack: float) -> float:
    """Area that two sets of triangles (n, 3, 3) have in common because they lie on each other."""
    pairs = near_pairs(first, second, slack)
    if not len(pairs):
        return 0.0
    one, other = first[pairs[:, 0]], second[pairs[:, 1]]
    flat = _coplanar(one, other, slack)
    return sum(overlap_area(one[k], other[k]) for k in np.flatnonzero(flat).tolist()[:5000])


def cross(first: Floats, second: Floats, depth: float) -> bool:
    """Whether two sets of triangles (n, 3, 3) cut through each other by more than `depth`."""
    pairs = near_pairs(first, second)
    for begin in range(0, len(pairs), _BATCH):
        part = pairs[begin : begin + _BATCH]
        one, other = first[part[:, 0]], second[part[:, 1]]
        for corner in range(3):
            after = (corner + 1) % 3
            if pierces(one[:, corner], one[:, after], other, -depth).any():
                return True
            if pierces(other[:, corner], other[:, after], one, -depth).any():
                return True
    return False


def inside(spots: Floats, triangles: Floats) -> Flags:
    """Which points (k, 3) lie inside a closed set of triangles (n, 3, 3), by winding number."""
    result = np.zeros(len(spots), bool)
    for begin in range(0, len(spots), max(1, 2_000_000 // max(len(triangles), 1))):
        part = slice(begin, begin + max(1, 2_000_000 // max(len(triangles), 1)))
        corner = triangles[None] - spots[part, None, None, :]
        size = np.linalg.norm(corner, axis=3)
        a, b, c = corner[:, :, 0], corner[:, :, 1], corner[:, :, 2]
        volume = np.einsum("knc,knc->kn", a, np.cross(b, c))
        flat = (
            size.prod(axis=2)
            + np.einsum("knc,knc->kn", a, b) * size[:, :, 2]
            + np.einsum("knc,knc->kn", b, c) * size[:, :, 0]
            + np.einsum("knc,knc->kn", c, a) * size[:, :, 1]
        )
        turns = np.arctan2(volume, flat).sum(axis=1) / (2.0 * np.pi)
        result[part] = np.abs(turns) > 0.5
    return result


def overlap(first: Floats, second: Floats, depth: float) -> bool:
    """Whether the insides of two closed triangle sets share more than a skin of `depth`."""
    low, high = first.reshape(-1, 3), second.reshape(-1, 3)
    if (low.min(axis=0) > high.max(axis=0) - depth).any():
        return False
    if (high.min(axis=0) > low.max(axis=0) - depth).any():
        return False
    if cross(first, second, max(depth, TOUCH)):
        return True
    reach = max(depth, 1e-4) * 2.0
    for one, other in ((first, second), (second, first)):
        flipped = -1.0 if volume(one) < 0 else 1.0
        inwards = one.mean(axis=1) - _unit_normals(one) * reach * flipped
        probe = inwards[:: max(1, len(inwards) // 400)]
        lies = inside(probe, other)
        if lies.any() and (inside(probe[lies], one)).any():
            return True
    return False


def volume(triangles: Floats) -> float:
    """Signed volume of closed triangles (n, 3, 3); positive when they face outwards."""
    local = triangles - triangles.reshape(-1, 3).mean(axis=0)
    crossed = np.cross(local[:, 1], local[:, 2])
    return float(np.einsum("kc,kc->k", local[:, 0], crossed).sum() / 6.0)
