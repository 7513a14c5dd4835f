"""Polygons of one shell mended: the operations behind the repairs of the check.

Everything works on vertex numbers, so textures and shared corners stay what they are; only which
polygons there are, and which way round they run, changes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from lamplighter.spatial.model import Faces, Floats, Ints
from lamplighter.spatial.triangulate import triangulate

ACTIONS: Final = ("close", "merge", "rings", "drop", "triangulate", "orient", "fill")
"""in the order they are done"""
_SNAP: Final = 0.001
_PLANAR: Final = 0.01
_MOST_HOLE: Final = 200
Rings = list[list[int]]


@dataclass(slots=True)
class Piece:
    """A polygon and the number of the one it was made of; -1 for a new one."""

    rings: Rings
    source: int


def mend(
    polygons: list[Rings], points: Floats, actions: set[str], *, inner: bool = False
) -> list[Piece]:
    """The polygons (vertex numbers into points (n, 3), metres) after the wished `actions`.

    `inner`: they are a cavity, whose faces look into it.
    """
    pieces = [Piece([list(r) for r in rings], k) for k, rings in enumerate(polygons)]
    number = _numbers(pieces, points)
    if "close" in actions or "merge" in actions:
        pieces = _merged(pieces, number)
    if "rings" in actions:
        pieces = [Piece(_rings_once(p.rings, number), p.source) for p in pieces]
    if "drop" in actions:
        pieces = _dropped(pieces, number, points)
    if "triangulate" in actions:
        pieces = _triangulated(pieces, points)
    if "orient" in actions:
        pieces = _oriented(pieces, number, points, inner)
    if "fill" in actions:
        pieces = _filled(pieces, number, points)
    return pieces


def _numbers(pieces: list[Piece], points: Floats) -> dict[int, int]:
    """Vertex number -> the number of the first vertex at the same place."""
    used = sorted({n for piece in pieces for ring in piece.rings for n in ring})
    found: dict[int, int] = {}
    if not used:
        return found
    from scipy.spatial import KDTree

    spots = points[np.array(used, np.int64)]
    tree = KDTree(np.where(np.isfinite(spots), spots, 1e18))
    for place, near in enumerate(tree.query_ball_point(spots, _SNAP * 0.999)):
        found[used[place]] = used[min(near)] if near else used[place]
    return found


def _merged(pieces: list[Piece], number: dict[int, int]) -> list[Piece]:
    """Rings without repeated points; what has fewer than three corners left goes."""
    kept: list[Piece] = []
    for piece in pieces:
        rings = [_without_repeats(ring, number) for ring in piece.rings]
        if rings and len(rings[0]) >= 3:
            inner = [ring for ring in rings[1:] if len(ring) >= 3]
            kept.append(Piece([rings[0], *inner], piece.source))
    return kept


def _without_repeats(ring: list[int], number: dict[int, int]) -> list[int]:
    found: list[int] = []
    for corner in ring:
        if not found or number[found[-1]] != number[corner]:
            found.append(corner)
    while len(found) > 1 and number[found[0]] == number[found[-1]]:
        found.pop()
    return found


def _rings_once(rings: Rings, number: dict[int, int]) -> Rings:
    seen: set[tuple[int, ...]] = set()
    kept: Rings = []
    for ring in rings:
        key = tuple(sorted(number[n] for n in ring))
        if key not in seen:
            seen.add(key)
            kept.append(ring)
    return kept


def area_vector(ring: list[int], points: Floats) -> Floats:
    """Area times unit normal of a ring."""
    spots = points[ring] - points[ring[0]]
    result: Floats = np.cross(spots, np.roll(spots, -1, axis=0)).sum(axis=0) / 2.0
    return result


def _dropped(pieces: list[Piece], number: dict[int, int], points: Floats) -> list[Piece]:
    """Without polygons that have no area or lie on another one."""
    seen: set[tuple[int, ...]] = set()
    kept: list[Piece] = []
    for piece in pieces:
        key = tuple(sorted(number[n] for ring in piece.rings for n in ring))
        if key in seen or len(set(key)) < 3:
            continue
        if float(np.linalg.norm(area_vector(piece.rings[0], points))) < 1e-6:
            continue
        seen.add(key)
        kept.append(piece)
    return kept


def _triangulated(pieces: list[Piece], points: Floats) -> list[Piece]:
    """Polygons that are not flat as triangles; the flat ones as they are."""
    kept: list[Piece] = []
    for piece in pieces:
        corners = [n for ring in piece.rings for n in ring]
        if len(corners) == 3 or _is_flat(points[corners]):
            kept.append(piece)
            continue
        faces = _as_faces(piece.rings, points)
        triangles = triangulate(faces, strict=True).corners
        kept.extend(Piece([triangle], piece.source) for triangle in triangles.tolist())
    return kept


def _is_flat(spots: Floats) -> bool:
    centred = spots - spots.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return bool(np.abs(centred @ axes[2]).max() <= 1e-5)


def _as_faces(rings: Rings, points: Floats) -> Faces:
    corners = np.array([n for ring in rings for n in ring], np.int64)
    starts: Ints = np.concatenate([[0], np.cumsum([len(r) for r in rings])]).astype(np.int64)
    ends = np.array([0, len(rings)], np.int64)
    return Faces(points, corners, starts, ends, np.zeros(1, np.int64), np.zeros(1, np.uint8))


def _edges(piece: Piece, number: dict[int, int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for ring in piece.rings:
        names = [number[n] for n in ring]
        found.extend(zip(names, names[1:] + names[:1], strict=True))
    return found


def _oriented(
    pieces: list[Piece], number: dict[int, int], points: Floats, inner: bool
) -> list[Piece]:
    """Neighbours made to agree, closed bodies turned outwards, holes against their outer ring."""
    pieces = [Piece(_holes_against(p.rings, points), p.source) for p in pieces]
    holders: dict[tuple[int, int], list[tuple[int, bool]]] = {}
    for place, piece in enumerate(pieces):
        for begin, end in _edges(piece, number):
            key = (min(begin, end), max(begin, end))
            holders.setdefault(key, []).append((place, begin < end))
    links: dict[int, list[tuple[int, bool]]] = {}
    for members in holders.values():
        if len(members) == 2 and members[0][0] != members[1][0]:
            (one, way), (other, back) = members
            links.setdefault(one, []).append((other, way == back))
            links.setdefault(other, []).append((one, way == back))
    turn: dict[int, bool] = {}
    for start in range(len(pieces)):
        if start in turn:
            continue
        group = _agree(start, links, turn)
        if _to_turn(group, pieces, turn, holders, points, inner):
            for place in group:
                turn[place] = not turn[place]
    return [
        Piece([r[::-1] for r in p.rings] if turn[k] else p.rings, p.source)
        for k, p in enumerate(pieces)
    ]


def _agree(
    start: int, links: dict[int, list[tuple[int, bool]]], turn: dict[int, bool]
) -> list[int]:
    """The polygons that hang together with `start`; whether each must turn to agree with it."""
    turn[start] = False
    group, pending = [start], [start]
    while pending:
        here = pending.pop()
        for there, same in links.get(here, ()):
            if there not in turn:
                turn[there] = turn[here] ^ same
                group.append(there)
                pending.append(there)
    return group


def _to_turn(
    group: list[int],
    pieces: list[Piece],
    turn: dict[int, bool],
    holders: dict[tuple[int, int], list[tuple[int, bool]]],
    points: Floats,
    inner: bool,
) -> bool:
    """Whether the whole group must turn: by its volume when closed, else as most of it stood."""
    mine = set(group)
    closed = all(len(m) == 2 for m in holders.values() if any(p in mine for p, _ in m))
    if not closed:
        return sum(turn[p] for p in group) * 2 > len(group)
    middle = points[pieces[group[0]].rings[0][0]]
    size = 0.0
    for place in group:
        for ring in pieces[place].rings:
            spot = points[ring[0]] - middle
            size += (-1.0 if turn[place] else 1.0) * float(spot @ area_vector(ring, points))
    return size > 0 if inner else size < 0


def _holes_against(rings: Rings, points: Floats) -> Rings:
    if len(rings) < 2:
        return rings
    outer = area_vector(rings[0], points)
    return [
        rings[0],
        *(r[::-1] if float(area_vector(r, points) @ outer) > 0 else r for r in rings[1:]),
    ]


def _filled(pieces: list[Piece], number: dict[int, int], points: Floats) -> list[Piece]:
    """Simple flat holes closed by a new polygon; a hole that is not flat stays open."""
    ways: Counter[tuple[int, int]] = Counter()
    for piece in pieces:
        ways.update(_edges(piece, number))
    after = {end: begin for begin, end in ways if (end, begin) not in ways}
    added: list[Piece] = []
    while after:
        start, here = after.popitem()
        ring = [start]
        while here != start and here in after and len(ring) <= _MOST_HOLE:
            ring.append(here)
            here = after.pop(here)
        if here == start and 3 <= len(ring) <= _MOST_HOLE:
            spots = points[ring]
            centred = spots - spots.mean(axis=0)
            _, _, axes = np.linalg.svd(centred, full_matrices=False)
            if np.abs(centred @ axes[2]).max() <= _PLANAR:
                added.append(Piece([ring], -1))
    return pieces + added
