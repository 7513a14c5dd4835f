"""GML geometry: polygons, lines and points of an element, whatever way they are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lamplighter.spatial.model import Floats

Spot = tuple[float, float, float]
FACES: Final = frozenset({"Polygon", "PolygonPatch", "Triangle", "Rectangle"})
_ID: Final = tuple(
    f"{{{space}}}id" for space in ("http://www.opengis.net/gml", "http://www.opengis.net/gml/3.2")
)
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_SURFACES: Final = frozenset({"OrientableSurface", "CompositeSurface", "Surface", "Polygon"})


@dataclass(frozen=True, slots=True)
class Polygon:
    """Rings of (x, y, z), outside first, not closed; `ids` of it and the surfaces around it."""

    rings: list[list[Spot]]
    ids: tuple[str, ...] = ()


def local(element: Any) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def identity(element: Any) -> str:
    """`gml:id`, or the old `fid`, or nothing."""
    return next((element.get(name) for name in (*_ID, "fid", "gid") if element.get(name)), "")


def target(element: Any) -> str:
    """The id an `xlink:href="#id"` points to inside the same file."""
    href = element.get(_HREF) or ""
    return href[1:] if href.startswith("#") else ""


def polygon(element: Any) -> Polygon:
    """Raises ValueError when its coordinates are no numbers."""
    rings = []
    for holder in element:
        if local(holder) in ("exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"):
            ring = spots(holder)
            if len(ring) > 1 and ring[0] == ring[-1]:
                ring = ring[:-1]
            if len(ring) >= 3:
                rings.append(ring)
            elif local(holder) in ("exterior", "outerBoundaryIs"):
                return Polygon([])
    ids = []
    here = element
    for _ in range(6):
        name = identity(here)
        if name:
            ids.append(name)
        here = here.getparent()
        if here is None or (local(here) not in _SURFACES and "Member" not in local(here)):
            break
    return Polygon(rings, tuple(ids))


def spots(element: Any) -> list[Spot]:
    """All coordinates below `element`, in order. Raises ValueError when one is no number."""
    found: list[Spot] = []
    for part in element.iter():
        name = local(part)
        if name in ("posList", "pos"):
            found.extend(_grouped(part.text or "", _dimension(part), name == "pos"))
        elif name == "coordinates":
            for group in (part.text or "").split():
                values = [float(value) for value in group.split(",")]
                found.extend(_triples(values, len(values)))
    return found


def _grouped(text: str, dimension: int, single: bool) -> list[Spot]:
    values = [float(value) for value in text.split()]
    if single:
        dimension = len(values)
    elif len(values) % dimension:
        dimension = 2 if dimension == 3 and len(values) % 2 == 0 else 3
    return _triples(values, dimension)


def _triples(values: list[float], dimension: int) -> list[Spot]:
    if dimension == 3 and len(values) % 3 == 0:
        return list(zip(values[::3], values[1::3], values[2::3], strict=True))
    if dimension == 2 and len(values) % 2 == 0:
        return [(x, y, 0.0) for x, y in zip(values[::2], values[1::2], strict=True)]
    raise ValueError(f"{len(values)} numbers are no list of points")


def _dimension(element: Any) -> int:
    here = element
    for _ in range(12):
        text = here.get("srsDimension") or here.get("dimension")
        if text in ("2", "3"):
            return int(text)
        here = here.getparent()
        if here is None:
            break
    return 3


def placement(element: Any) -> tuple[Floats, Spot | None]:
    """Matrix (4, 4) and reference point of an ImplicitGeometry. Raises ValueError."""
    matrix = np.eye(4)
    anchor: Spot | None = None
    for part in element:
        name = local(part)
        if name == "transformationMatrix":
            values = [float(value) for value in "".join(part.itertext()).split()]
            if len(values) != 16:
                raise ValueError("a matrix needs 16 numbers")
            matrix = np.array(values).reshape(4, 4)
        elif name == "referencePoint":
            found = spots(part)
            anchor = found[0] if found else None
    return matrix, anchor


def moved(shape: Polygon, matrix: Floats, anchor: Spot) -> Polygon:
    """`shape` placed by the matrix at the reference point."""
    rings: list[list[Spot]] = []
    for ring in shape.rings:
        points = np.array(ring) @ matrix[:3, :3].T + matrix[:3, 3] + np.array(anchor)
        rings.append([(x, y, z) for x, y, z in points.tolist()])
    return Polygon(rings)
