"""Lengths and areas of what a person marks in the city. Pure geometry in local metres."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from msgspec import Struct

Place = tuple[float, float, float]


class Measured(Struct, frozen=True):
    """The figures of one measurement, metres and square metres; 0 where one does not apply."""

    length: float = 0.0
    """along the line, in space"""
    level: float = 0.0
    """along the line, as on a map"""
    rise: float = 0.0
    """height of the last point above the first one"""
    area: float = 0.0
    """of the closed ring, as on a map"""
    true_area: float = 0.0
    """of the closed ring in its own plane, e.g. a sloped roof"""
    perimeter: float = 0.0


def measured(places: Sequence[Place], closed: bool = False) -> Measured:
    """Figures of a line, or of the ring that closes it."""
    if len(places) < 2:
        return Measured()
    steps = list(itertools.pairwise(places))
    length = sum(math.dist(a, b) for a, b in steps)
    level = sum(math.dist(a[:2], b[:2]) for a, b in steps)
    rise = places[-1][2] - places[0][2]
    if not closed or len(places) < 3:
        return Measured(length, level, rise)
    x, y, z = _area_vector(places)
    around = length + math.dist(places[-1], places[0])
    return Measured(length, level, rise, abs(z), math.hypot(x, y, z), around)


def _area_vector(ring: Sequence[Place]) -> Place:
    """Newell's vector: as long as the area, upright on the ring's plane."""
    x = y = z = 0.0
    ax, ay, az = ring[0]
    # counted from the first corner, so that large coordinates cost no digits
    rest = [(p[0] - ax, p[1] - ay, p[2] - az) for p in ring]
    for (bx, by, bz), (cx, cy, cz) in zip(rest, [*rest[1:], rest[0]], strict=True):
        x += by * cz - bz * cy
        y += bz * cx - bx * cz
        z += bx * cy - by * cx
    return x / 2, y / 2, z / 2
