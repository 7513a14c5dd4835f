"""The ground between the houses: relief cut at the shore line, quay walls and the water itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamplighter.field.layout import Ground

Point = tuple[float, float, float]
Triangle = tuple[Point, Point, Point]

CELL_M = 20.0
MARGIN_M = 60.0
BED_M = -1.2


def relief(ground: Ground) -> tuple[list[Triangle], list[Triangle]]:
    """Triangles of the land (quay walls included) and of the water surface at height 0.

    A grid is cut along the zero line of the shore distance, so the quay is a clean edge whatever
    the grid; both meshes share that edge.
    """
    width, depth = ground.size
    us = np.arange(-MARGIN_M, width + MARGIN_M + 1, CELL_M)
    vs = np.arange(-MARGIN_M, depth + MARGIN_M + 1, CELL_M)
    grid_u, grid_v = np.meshgrid(us, vs, indexing="ij")
    flat = np.column_stack([grid_u.ravel(), grid_v.ravel()])
    shore = ground.shore(flat).reshape(grid_u.shape)
    shore = np.where(np.abs(shore) < 0.02, 0.02, shore)
    land: list[Triangle] = []
    water: list[Triangle] = []
    for i in range(len(us) - 1):
        for j in range(len(vs) - 1):
            corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            for pick in ((0, 1, 2), (0, 2, 3)):
                ring = [corners[k] for k in pick]
                points = [(float(us[a]), float(vs[b])) for a, b in ring]
                depths = [float(shore[a, b]) for a, b in ring]
                _cut(ground, points, depths, land, water)
    return land, water


def _cut(
    ground: Ground,
    points: list[tuple[float, float]],
    depths: list[float],
    land: list[Triangle],
    water: list[Triangle],
) -> None:
    """Shares one grid triangle out between land and water."""
    dry, dry_edge = _side(points, depths, keep_positive=True)
    wet, _ = _side(points, depths, keep_positive=False)
    land += [_raise(ground, triangle) for triangle in _fan(dry)]
    water += [((*a, 0.0), (*b, 0.0), (*c, 0.0)) for a, b, c in _fan(wet)]
    if len(dry_edge) == 2:
        a, b = dry_edge
        (za, zb) = ground.height(np.array([a, b])).tolist()
        top_a, top_b = (*a, za), (*b, zb)
        low_a, low_b = (*a, BED_M), (*b, BED_M)
        land += [(top_b, top_a, low_a), (top_b, low_a, low_b)]


def _side(
    points: list[tuple[float, float]], depths: list[float], *, keep_positive: bool
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The part of a triangle on one side of the shore, and its edge along the shore."""
    sign = 1.0 if keep_positive else -1.0
    kept: list[tuple[float, float]] = []
    edge: list[tuple[float, float]] = []
    for k in range(3):
        here, there = points[k], points[(k + 1) % 3]
        a, b = sign * depths[k], sign * depths[(k + 1) % 3]
        if a > 0:
            kept.append(here)
        if (a > 0) != (b > 0):
            share = a / (a - b)
            cut = (here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1]))
            kept.append(cut)
            edge.append(cut)
    if len(edge) == 2 and depths[0] * sign > 0 and depths[2] * sign > 0 > depths[1] * sign:
        return kept, edge
    if len(edge) == 2 and not _leaves_first(points, depths, sign):
        edge.reverse()
    return kept, edge


def _leaves_first(points: list[tuple[float, float]], depths: list[float], sign: float) -> bool:
    """True where walking the ring leaves the kept side at the first cut."""
    for k in range(3):
        a, b = sign * depths[k], sign * depths[(k + 1) % 3]
        if (a > 0) != (b > 0):
            return a > 0
    return True


def _fan(
    ring: list[tuple[float, float]],
) -> list[tuple[tuple[float, float], tuple[float, float], tuple[float, float]]]:
    return [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]


def _raise(
    ground: Ground,
    triangle: tuple[tuple[float, float], tuple[float, float], tuple[float, float]],
) -> Triangle:
    z: npt.NDArray[np.float64] = ground.height(np.array(triangle))
    a, b, c = triangle
    return (*a, float(z[0])), (*b, float(z[1])), (*c, float(z[2]))
