"""Solids and what is made of them: codes 401 to 404, 501 to 503 and 601."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import combinations
from typing import Final

import numpy as np

from lamplighter.spatial.checking.boundaries import Boundaries
from lamplighter.spatial.checking.intersections import (
    cross,
    inside,
    near_pairs,
    overlap,
    pierces,
    shared_area,
)
from lamplighter.spatial.checking.polygons import Tolerances
from lamplighter.spatial.model import Flags, Floats

TellPlace = Callable[[str, int, str, Floats | None], None]
"""code, number of a primitive, what was found, place"""
_GRID: Final = 14
_DEEP: Final = 0.5
_PAIRS: Final = 20_000
_MANY: Final = 60
"""solids of one object beyond which not every pair is compared"""


def check_solids(
    shapes: Boundaries,
    sound: Flags,
    triangles: dict[int, Floats],
    limits: Tolerances,
    tell: TellPlace,
) -> dict[int, Floats]:
    """401 to 404 for solids with cavities, 501 to 503 for composites.

    Returns the triangles of every sound solid by its number.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for shell, solid in enumerate(shapes.solid_of.tolist()):
        members[solid].append(shell)
    whole: dict[int, Floats] = {}
    for solid, shells in members.items():
        if not all(shell in triangles and sound[shell] for shell in shells):
            continue
        parts = [triangles[shell] for shell in shells]
        primitive = int(shapes.primitive_of[solid])
        if len(parts) > 1 and not _cavities(parts, primitive, limits, tell):
            continue
        whole[solid] = np.concatenate(parts) if len(parts) > 1 else parts[0]
    composites: dict[int, list[int]] = defaultdict(list)
    for solid, primitive in enumerate(shapes.primitive_of.tolist()):
        if shapes.primitives[primitive].kind == "CompositeSolid":
            composites[primitive].append(solid)
    for primitive, solids in composites.items():
        if len(solids) > 1 and all(solid in whole for solid in solids):
            _composite([whole[solid] for solid in solids], primitive, limits, tell)
    return whole


def _cavities(parts: list[Floats], primitive: int, limits: Tolerances, tell: TellPlace) -> bool:
    """Whether the inner shells lie as they should."""
    place = parts[1][0].mean(axis=0)
    for one, other in combinations(range(len(parts)), 2):
        if same_shape(parts[one], parts[other], limits.snap):
            tell("402", primitive, f"shells {one} and {other} are the same", place)
            return False
    for one, other in combinations(range(len(parts)), 2):
        if (
            cross(parts[one], parts[other], 1e-9)
            or shared_area(parts[one], parts[other], 1e-6) > limits.snap**2
        ):
            tell("401", primitive, f"shells {one} and {other} meet", place)
            return False
    outer = parts[0]
    for number, inner in enumerate(parts[1:], 1):
        middles = inner.mean(axis=1)
        lies = inside(middles, outer)
        if not lies.any():
            tell("403", primitive, f"shell {number} lies outside the outer shell", place)
            return False
        if not lies.all():
            tell("401", primitive, f"shell {number} crosses the outer shell", place)
            return False
        for further in parts[1:number]:
            if inside(middles, further).any() or inside(further.mean(axis=1), inner).any():
                tell("401", primitive, f"shell {number} and another inner shell overlap", place)
                return False
    if _touches(parts) and not _one_room(parts):
        tell("404", primitive, "its inner shells cut it into several rooms", place)
        return False
    return True


def _touches(parts: list[Floats]) -> bool:
    """Whether a cavity touches another shell at all."""
    for one, other in combinations(parts, 2):
        pairs = near_pairs(one, other, 1e-6)
        if not len(pairs):
            continue
        first, second = one[pairs[:, 0]], other[pairs[:, 1]]
        for corner in range(3):
            after = (corner + 1) % 3
            if pierces(first[:, corner], first[:, after], second, 1e-6).any():
                return True
            if pierces(second[:, corner], second[:, after], first, 1e-6).any():
                return True
    return False


def _one_room(parts: list[Floats]) -> bool:
    """Whether a walker on a grid reaches nearly all of the solid's inside."""
    everything = np.concatenate(parts)
    spots = everything.reshape(-1, 3)
    low, high = spots.min(axis=0), spots.max(axis=0)
    step = (high - low) / _GRID
    axes = [low[k] + (np.arange(_GRID) + 0.5037) * step[k] for k in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    flat = grid.reshape(-1, 3)
    lies = inside(flat, parts[0])
    for inner in parts[1:]:
        lies &= ~inside(flat, inner)
    number = np.arange(len(flat)).reshape(_GRID, _GRID, _GRID)
    links = [
        np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1),
        np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1),
        np.stack([number[:, :, :-1].ravel(), number[:, :, 1:].ravel()], axis=1),
    ]
    pairs = np.concatenate(links)
    pairs = pairs[lies[pairs].all(axis=1)]
    free = np.ones(len(pairs), bool)
    for triangle in everything:
        rows = np.flatnonzero(free)
        begin, end = flat[pairs[rows, 0]], flat[pairs[rows, 1]]
        same = np.broadcast_to(triangle, (len(rows), 3, 3))
        free[rows[pierces(begin, end, same, 1e-9)]] = False
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = pairs[free]
    size = len(flat)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (size, size))
    _, label = connected_components(graph, directed=False)
    rooms = np.sort(np.bincount(label[lies]))[::-1]
    return len(rooms) < 2 or float(rooms[1]) < 0.01 * float(rooms[:2].sum())


def same_shape(first: Floats, second: Floats, tolerance: float) -> bool:
    """Whether two triangle sets have the same corners."""
    one = np.unique(np.round(first.reshape(-1, 3) / max(tolerance, 1e-9)), axis=0)
    other = np.unique(np.round(second.reshape(-1, 3) / max(tolerance, 1e-9)), axis=0)
    return one.shape == other.shape and bool((one == other).all())


def _composite(parts: list[Floats], primitive: int, limits: Tolerances, tell: TellPlace) -> None:
    """501 to 503 of the solids of one composite."""
    if len(parts) > _MANY:
        return
    joined = list(range(len(parts)))

    def root(k: int) -> int:
        while joined[k] != k:
            k = joined[k]
        return k

    for one, other in combinations(range(len(parts)), 2):
        place = parts[other][0].mean(axis=0)
        if same_shape(parts[one], parts[other], limits.snap):
            tell("502", primitive, f"solids {one} and {other} are the same", place)
            return
        if overlap(parts[one], parts[other], limits.overlap):
            tell("501", primitive, f"solids {one} and {other} share space", place)
            return
        if shared_area(parts[one], parts[other], limits.snap) > limits.snap**2:
            joined[root(one)] = root(other)
    rooms = len({root(k) for k in range(len(parts))})
    if rooms > 1:
        what = f"{rooms} groups of solids that share no face"
        tell("503", primitive, what, parts[-1][0].mean(axis=0))


def check_neighbours(shapes: Boundaries, whole: dict[int, Floats], tell: TellPlace) -> None:
    """`overlapping-buildings`: solids of different buildings that share space by half a metre."""
    import shapely

    top = {o.id: o.parent for o in shapes.objects}
    solids, heads, levels = [], [], []
    for solid, triangles in whole.items():
        primitive = shapes.primitives[int(shapes.primitive_of[solid])]
        owner = shapes.objects[primitive.object]
        if owner.type.lstrip("+") in ("Building", "BuildingPart") and len(triangles) < 2_000:
            solids.append(solid)
            heads.append(_head(owner.id, top))
            levels.append(primitive.lod)
    if len(solids) < 2:
        return
    spots = [whole[s].reshape(-1, 3) for s in solids]
    low = np.array([s.min(axis=0) for s in spots]) + _DEEP
    high = np.array([s.max(axis=0) for s in spots]) - _DEEP
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    pairs = shapely.STRtree(boxes).query(boxes).T
    told: set[tuple[str, str]] = set()
    for one, other in pairs[pairs[:, 0] < pairs[:, 1]].tolist()[:_PAIRS]:
        names = (heads[one], heads[other])
        if heads[one] == heads[other] or levels[one] != levels[other] or names in told:
            continue
        if overlap(whole[solids[one]], whole[solids[other]], _DEEP):
            told.add(names)
            place = whole[solids[other]][0].mean(axis=0)
            number = int(shapes.primitive_of[solids[other]])
            tell("overlapping-buildings", number, f"it shares space with '{heads[one]}'", place)


def _head(name: str, top: dict[str, str]) -> str:
    """The building that an object is a part of, or itself."""
    for _ in range(8):
        if not top.get(name):
            break
        name = top[name]
    return name


def check_parts(
    shapes: Boundaries, whole: dict[int, Floats], limits: Tolerances, tell: TellPlace
) -> None:
    """601: geometries of one building that overlap, in the same level of detail."""
    top: dict[str, str] = {o.id: o.parent for o in shapes.objects}
    twice = {name for name, count in Counter(o.id for o in shapes.objects).items() if count > 1}
    groups: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for solid in whole:
        number = int(shapes.primitive_of[solid])
        primitive = shapes.primitives[number]
        owner = shapes.objects[primitive.object]
        if owner.type.lstrip("+") not in ("Building", "BuildingPart") or owner.id in twice:
            continue
        head = _head(owner.id, top)
        groups[head, primitive.lod].append((number, solid))
    for members in groups.values():
        if len({number for number, _ in members}) < 2 or len(members) > _MANY:
            continue
        for (one, first), (other, second) in combinations(members, 2):
            if one != other and overlap(whole[first], whole[second], limits.overlap):
                name = shapes.objects[shapes.primitives[one].object].id
                place = whole[second][0].mean(axis=0)
                tell("601", other, f"it shares space with '{name}'", place)
