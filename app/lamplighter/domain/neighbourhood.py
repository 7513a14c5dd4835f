"""Which assets belong to a neighbourhood: around a place, inside a drawn line, in a district."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from lamplighter.domain.city import Asset

Place = tuple[float, float]
METRES_PER_DEGREE = 111_320.0


def places(assets: Iterable[Asset]) -> dict[str, Place]:
    """Asset -> metres east and north of the middle of all that have a position."""
    known = [a for a in assets if a.lon is not None and a.lat is not None]
    if not known:
        return {}
    lon0 = sum(a.lon or 0.0 for a in known) / len(known)
    lat0 = sum(a.lat or 0.0 for a in known) / len(known)
    east = METRES_PER_DEGREE * math.cos(math.radians(lat0))
    return {
        a.id: (((a.lon or 0.0) - lon0) * east, ((a.lat or 0.0) - lat0) * METRES_PER_DEGREE)
        for a in known
    }


def around(at: Mapping[str, Place], middles: Sequence[str], metres: float) -> set[str]:
    """Assets within `metres` of any of `middles`."""
    spots = [at[m] for m in middles if m in at]
    return {
        id for id, (x, y) in at.items() if any(math.hypot(x - a, y - b) <= metres for a, b in spots)
    }


def inside(at: Mapping[str, Place], line: Sequence[Place]) -> set[str]:
    """Assets inside the closed line through the points of `line`; none below three points."""
    if len(line) < 3:
        return set()
    return {id for id, place in at.items() if _within(place, line)}


def _within(place: Place, line: Sequence[Place]) -> bool:
    x, y = place
    odd = False
    for (ax, ay), (bx, by) in zip(line, [*line[1:], line[0]], strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            odd = not odd
    return odd


def contained(contents: Mapping[str, Sequence[str]], area: str) -> set[str]:
    """Everything that stands in an area, in areas within it, and so on."""
    found: set[str] = set()
    waiting = [area]
    while waiting:
        for inner in contents.get(waiting.pop(), ()):
            if inner not in found:
                found.add(inner)
                waiting.append(inner)
    return found
