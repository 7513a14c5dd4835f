"""Shells: codes 301 to 307 and 405, from the edges that their polygons share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lamplighter.spatial.checking.boundaries import Boundaries
from lamplighter.spatial.checking.intersections import self_meetings, volume
from lamplighter.spatial.checking.polygons import Clean
from lamplighter.spatial.model import Faces, Flags, Floats, Ints
from lamplighter.spatial.triangulate import triangulate

TellShell = Callable[[str, int, str, Floats | None, int], None]
"""code, shell, what was found, place, polygon (-1 for none)"""


@dataclass(slots=True)
class Edges:
    """Edges of all polygons in play, grouped by shell and end points.

    begin, end, polygon, shell (e,); group (e,) number of its undirected edge; count, balance
    (groups,) how many polygons use it and in which directions; twin (e,) the opposite edge of a
    pair, -1 without one; after (e,) the next edge of its ring.
    """

    begin: Ints
    end: Ints
    polygon: Ints
    shell: Ints
    group: Ints
    count: Ints
    balance: Ints
    twin: Ints
    after: Ints


def edges_of(shapes: Boundaries, clean: Clean, shells: Flags) -> Edges:
    """Edges of the polygons in the shells marked (s,)."""
    ring_polygon = np.repeat(np.arange(shapes.count), np.diff(clean.rings_of))
    lengths = np.diff(clean.starts)
    corner_ring = np.repeat(np.arange(len(lengths)), lengths)
    polygon = ring_polygon[corner_ring]
    number = np.arange(len(clean.corners))
    after = number + 1
    full = lengths > 0
    after[clean.starts[1:][full] - 1] = clean.starts[:-1][full]
    wanted = shells[shapes.shell_of[polygon]] if len(polygon) else np.zeros(0, bool)
    place = np.cumsum(wanted) - 1
    begin, end = clean.corners[wanted], clean.corners[after[wanted]]
    polygon, after = polygon[wanted], place[after[wanted]]
    shell = shapes.shell_of[polygon]
    low, high = np.minimum(begin, end), np.maximum(begin, end)
    order = np.lexsort((high, low, shell))
    rows = np.stack([shell, low, high], axis=1)[order]
    fresh = np.ones(len(rows), bool)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    group = np.empty(len(rows), np.int64)
    group[order] = np.cumsum(fresh) - 1
    groups = int(fresh.sum())
    count = np.bincount(group, minlength=groups)
    balance = np.bincount(group, np.where(begin < end, 1, -1), groups).astype(np.int64)
    twin = np.full(len(rows), -1, np.int64)
    firsts = np.flatnonzero(fresh)
    pairs = firsts[(count == 2) & (balance == 0)]
    if len(pairs):
        one, other = order[pairs], order[pairs + 1]
        twin[one], twin[other] = other, one
    return Edges(begin, end, polygon, shell, group, count, balance, twin, after)


def check_shells(
    shapes: Boundaries,
    clean: Clean,
    points: Floats,
    tell: TellShell,
    progress: Callable[[int, int, str], None],
) -> tuple[Flags, dict[int, Floats]]:
    """301 to 306 and 405 for every shell whose polygons are all sound.

    Returns which shells are sound (s,) and the triangles (n, 3, 3) of each sound shell.
    """
    count = len(shapes.solid_of)
    sound = np.ones(count, bool)
    sound[shapes.shell_of[~clean.sound]] = False
    kinds = np.array([p.kind for p in shapes.primitives] or [""])
    kind = kinds[shapes.primitive_of[shapes.solid_of]] if count else kinds[:0]
    solid = np.isin(kind, ("Solid", "MultiSolid", "CompositeSolid"))
    wanted = sound & (solid | (kind == "CompositeSurface"))
    size = np.bincount(shapes.shell_of, minlength=count)
    for shell in np.flatnonzero(wanted & solid & (size < 4) & (size > 0)).tolist():
        tell("301", shell, f"{int(size[shell])} polygons", None, -1)
        wanted[shell] = sound[shell] = False
    edges = edges_of(shapes, clean, wanted)
    wrong = _topology(edges, shapes, solid, points, tell, wanted)
    sound &= ~wrong
    wanted &= ~wrong
    return sound, _geometry(shapes, clean, points, wanted, solid, sound, tell, progress)


def _topology(
    edges: Edges,
    shapes: Boundaries,
    solid: Flags,
    points: Floats,
    tell: TellShell,
    wanted: Flags,
) -> Flags:
    """303, 307, 305 and 302; returns the shells (s,) found wrong."""
    count = len(shapes.solid_of)
    wrong = np.zeros(count, bool)
    crowd = edges.count[edges.group] > 2
    twisted = (edges.count[edges.group] == 2) & (edges.balance[edges.group] != 0)
    border = edges.count[edges.group] == 1
    for shell in np.unique(edges.shell[crowd]).tolist():
        wrong[shell] = True
        here = np.flatnonzero(crowd & (edges.shell == shell))
        place = points[edges.begin[here[0]]]
        what = f"{len(np.unique(edges.group[here]))} edges with more than two polygons"
        tell("303", shell, what, place, -1)
    for shell in np.unique(edges.shell[twisted & ~wrong[edges.shell]]).tolist():
        wrong[shell] = True
        _twisted(edges, shell, points, tell)
    loose = _components(edges, wanted & ~wrong, count)
    for shell in np.flatnonzero(loose > 1).tolist():
        wrong[shell] = True
        tell("305", shell, f"{int(loose[shell])} parts that do not hang together", None, -1)
    open_edges = border & ~wrong[edges.shell] & solid[edges.shell]
    for shell in np.unique(edges.shell[open_edges]).tolist():
        wrong[shell] = True
        here = np.flatnonzero(open_edges & (edges.shell == shell))
        what = f"{len(here)} edges belong to one polygon only"
        tell("302", shell, what, points[edges.begin[here[0]]], int(edges.polygon[here[0]]))
    _umbrellas(edges, wrong, wanted & ~wrong, points, tell)
    return wrong


def _twisted(edges: Edges, shell: int, points: Floats, tell: TellShell) -> None:
    """Polygons that run the other way than their neighbours; the fewer ones are named."""
    turned = sorted(turned_polygons(edges, shell))
    what = f"{len(turned)} polygons run the other way than their neighbours"
    first = np.flatnonzero(edges.polygon == turned[0])[0] if turned else 0
    tell("303", shell, what, points[edges.begin[first]], -1)
    for polygon in turned[:50]:
        mine = np.flatnonzero(edges.polygon == polygon)
        place = points[edges.begin[mine]].mean(axis=0)
        tell("307", shell, "it faces the other way than its neighbours", place, polygon)


def turned_polygons(edges: Edges, shell: int) -> set[int]:
    """The smaller part of a shell's polygons that must be turned for all to agree."""
    rows = np.flatnonzero(edges.shell == shell)
    by_group: dict[int, list[int]] = {}
    for row in rows.tolist():
        by_group.setdefault(int(edges.group[row]), []).append(row)
    links: dict[int, list[tuple[int, bool]]] = {}
    for members in by_group.values():
        if len(members) == 2:
            one, other = (int(edges.polygon[m]) for m in members)
            same = bool(edges.begin[members[0]] == edges.begin[members[1]])
            links.setdefault(one, []).append((other, same))
            links.setdefault(other, []).append((one, same))
    side: dict[int, bool] = {}
    turned: set[int] = set()
    for start in links:
        if start in side:
            continue
        side[start] = False
        pending, group = [start], [start]
        while pending:
            here = pending.pop()
            for there, same in links[here]:
                if there not in side:
                    side[there] = side[here] ^ same
                    pending.append(there)
                    group.append(there)
        flipped = {p for p in group if side[p]}
        turned |= flipped if len(flipped) * 2 <= len(group) else set(group) - flipped
    return turned


def _components(edges: Edges, wanted: Flags, count: int) -> Ints:
    """How many parts without a common corner each shell has (s,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    found = np.zeros(count, np.int64)
    rows = np.flatnonzero(wanted[edges.shell])
    if not len(rows):
        return found
    keys = np.stack([edges.shell[rows], edges.begin[rows]], axis=1)
    _, corner = np.unique(keys, axis=0, return_inverse=True)
    corner = corner.reshape(-1)
    polygons, mine = np.unique(edges.polygon[rows], return_inverse=True)
    size = len(polygons) + int(corner.max()) + 1
    links = (np.ones(len(rows), np.int8), (mine, corner + len(polygons)))
    _, label = connected_components(coo_array(links, shape=(size, size)), directed=False)
    first = np.zeros(len(polygons), np.int64)
    first[mine] = edges.shell[rows]
    pairs = np.unique(np.stack([first, label[: len(polygons)]], axis=1), axis=0)
    np.add.at(found, pairs[:, 0], 1)
    return found


def _umbrellas(edges: Edges, wrong: Flags, fit: Flags, points: Floats, tell: TellShell) -> None:
    """303 at a corner whose polygons form more than one fan."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    usable = fit[edges.shell]
    told: set[int] = set()
    linked = np.flatnonzero(usable & (edges.twin >= 0))
    size = len(edges.begin)
    if not len(linked):
        return
    links = (np.ones(len(linked), np.int8), (linked, edges.after[edges.twin[linked]]))
    _, label = connected_components(coo_array(links, shape=(size, size)), directed=False)
    rows = np.flatnonzero(usable)
    fans = np.unique(np.stack([edges.shell[rows], edges.begin[rows], label[rows]], axis=1), axis=0)
    _, first, fan_count = np.unique(fans[:, :2], axis=0, return_index=True, return_counts=True)
    for place in first[fan_count > 1].tolist():
        shell, corner = int(fans[place, 0]), int(fans[place, 1])
        wrong[shell] = True
        if shell not in told:
            told.add(shell)
            tell("303", shell, "its parts touch in one point only", points[corner], -1)


def triangles_of(clean: Clean, points: Floats, polygons: Ints) -> tuple[Ints, Ints]:
    """Triangles (m, 3) of the polygons into `points`, and the polygon of each (m,)."""
    wanted = np.zeros(len(clean.rings_of) - 1, bool)
    wanted[polygons] = True
    faces = Faces(
        points,
        clean.corners,
        clean.starts,
        clean.rings_of,
        np.arange(len(wanted), dtype=np.int64),
        np.zeros(len(wanted), np.uint8),
    ).keep(wanted)
    found = triangulate(faces, strict=True)
    owner: Ints = faces.owner[found.face]
    return found.corners, owner


def _geometry(
    shapes: Boundaries,
    clean: Clean,
    points: Floats,
    wanted: Flags,
    solid: Flags,
    sound: Flags,
    tell: TellShell,
    progress: Callable[[int, int, str], None],
) -> dict[int, Floats]:
    """306 and 405 of the shells that hang together; the triangles of those without fault."""
    polygons = np.flatnonzero(wanted[shapes.shell_of])
    if not len(polygons):
        return {}
    corners, face = triangles_of(clean, points, polygons)
    shell = shapes.shell_of[face]
    order = np.argsort(shell, kind="stable")
    corners, face, shell = corners[order], face[order], shell[order]
    begins = np.flatnonzero(np.diff(shell, prepend=-1))
    ends = np.append(begins[1:], len(shell))
    kept: dict[int, Floats] = {}
    for turn, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        if turn % 256 == 0:
            progress(turn, len(begins), "shells")
        number = int(shell[begin])
        mine, faces = corners[begin:end], face[begin:end]
        met = self_meetings(points, mine, faces)
        if met:
            sound[number] = False
            one, other = met[0][:2]
            what = f"surfaces {int(shapes.number_in[one])} and {int(shapes.number_in[other])} meet"
            tell("306", number, what, met[0][2], one)
            continue
        triangles: Floats = points[mine]
        if not solid[number]:
            continue
        size = volume(triangles)
        outer = int(shapes.place_of[number]) == 0
        if (size < 0) if outer else (size > 0):
            sound[number] = False
            side = "inwards" if outer else "into the solid"
            tell("405", number, f"all its polygons face {side}", triangles[0].mean(axis=0), -1)
            continue
        kept[number] = triangles
    return kept
