"""GML geometry: polygons, lines and points of an element, whatever way they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from lamplighter.spatial.model import Floats

Spot = tuple[float, float, float]
FACES: Final = frozenset({"Polygon", "PolygonPatch", "Triangle", "Rectangle"})
LINES: Final = frozenset({"LineString", "LineStringSegment"})
_GML: Final = "{http://www.opengis.net/gml}"
_GML32: Final = "{http://www.opengis.net/gml/3.2}"
_ID: Final = f"{_GML}id"
_ID32: Final = f"{_GML32}id"
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_AROUND: Final = frozenset(
    {"OrientableSurface", "CompositeSurface", "Surface", "Polygon", "MultiSurface", "Solid",
     "TriangulatedSurface", "Tin", "PolyhedralSurface", "CompositeSolid", "MultiSolid", "exterior",
     "interior", "patches", "trianglePatches", "baseSurface", "Shell"}
)  # fmt: skip
_RINGS: Final = frozenset({"exterior", "interior", "outerBoundaryIs", "innerBoundaryIs"})
_OUTSIDE: Final = ("exterior", "outerBoundaryIs")


@dataclass(frozen=True, slots=True)
class Polygon:
    """Rings of (x, y, z), outside first, not closed; `ids` of it and the surfaces around it.

    `names` are the ids of the rings, "" for none; `turned` says that the rings run backwards.
    """

    rings: list[list[Spot]]
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    turned: bool = False


class Reference(NamedTuple):
    """An `xlink:href="#target"` where a surface is expected; `turned` looks the other way."""

    target: str
    turned: bool


def local(element: Any) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return _bare(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=4096)
def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def is_gml(element: Any) -> bool:
    """Whether the element belongs to GML itself."""
    tag = element.tag
    return isinstance(tag, str) and tag.startswith((_GML, _GML32))


def identity(element: Any) -> str:
    """`gml:id`, or the old `fid`, or nothing."""
    get = element.get
    return get(_ID) or get(_ID32) or get("fid") or get("gid") or ""


def href(element: Any) -> str:
    """What the element's `xlink:href` says, or nothing."""
    return element.get(_HREF) or ""


def target(element: Any) -> str:
    """The id an `xlink:href="#id"` points to inside the same file."""
    text = href(element)
    return text[1:] if text.startswith("#") else ""


def is_turned(element: Any) -> bool:
    """Whether an OrientableSurface looks the other way than what it holds."""
    return local(element) == "OrientableSurface" and element.get("orientation") == "-"


def polygon(element: Any, *, plain: bool = False, turned: bool = False) -> Polygon:
    """Raises ValueError when its coordinates are no numbers. `plain`: it has three coordinates."""
    rings: list[list[Spot]] = []
    names: list[str] = []
    for holder in element:
        kind = local(holder)
        if kind not in _RINGS:
            continue
        ring = spots(holder, plain=plain)
        if len(ring) > 1 and ring[0] == ring[-1]:
            ring.pop()
        if len(ring) >= 3:
            rings.append(ring[::-1] if turned else ring)
            names.append(identity(holder[0]) if len(holder) else "")
        elif kind in _OUTSIDE:
            return Polygon([])
    ids = []
    here = element
    for _ in range(10):
        name = identity(here)
        if name:
            ids.append(name)
        here = here.getparent()
        if here is None:
            break
        around = local(here)
        if around not in _AROUND and "Member" not in around:
            break
    return Polygon(rings, tuple(ids), tuple(names), turned)


def backwards(shape: Polygon) -> Polygon:
    """The same polygon looking the other way."""
    rings = [ring[::-1] for ring in shape.rings]
    return replace(shape, rings=rings, turned=not shape.turned)


def surfaces(
    element: Any, *, plain: bool = False, turned: bool = False
) -> Iterator[Polygon | Reference | None]:
    """Every polygon and reference at or below `element`; None for each that cannot be read."""
    stack = [(element, turned)]
    while stack:
        here, back = stack.pop()
        if not isinstance(here.tag, str):
            continue
        if local(here) in FACES:
            try:
                yield polygon(here, plain=plain, turned=back)
            except ValueError:
                yield None
            continue
        aim = target(here)
        if aim:
            yield Reference(aim, back)
        back = back != is_turned(here)
        stack.extend((child, back) for child in reversed(here))


def spots(element: Any, *, plain: bool = False) -> list[Spot]:
    """All coordinates below `element`, in order. Raises ValueError when one is no number."""
    found: list[Spot] = []
    for part in element.iter():
        name = local(part)
        if name == "posList":
            found.extend(_grouped(part, plain))
        elif name == "pos":
            values = [float(value) for value in (part.text or "").split()]
            found.extend(_triples(values, len(values)))
        elif name == "coordinates":
            found.extend(_separated(part))
    return found


def _grouped(element: Any, plain: bool) -> list[Spot]:
    values = list(map(float, (element.text or "").split()))
    dimension = 3 if plain else _dimension(element)
    if len(values) % dimension:
        dimension = 2 if dimension == 3 and len(values) % 2 == 0 else 3
    return _triples(values, dimension)


def _separated(element: Any) -> list[Spot]:
    """`x,y,z x,y,z`, with the separators the element states."""
    text = element.text or ""
    between, after = element.get("cs") or ",", element.get("ts") or " "
    decimal = element.get("decimal") or "."
    if decimal != "." and decimal not in (between, after):
        text = text.replace(decimal, ".")
    if after.strip():
        text = text.replace(after, " ")
    groups = text.split()
    if not between.strip():
        values = [float(value) for value in groups]
        return _triples(values, 3)
    found: list[Spot] = []
    for group in groups:
        values = [float(value) for value in group.split(between)]
        found.extend(_triples(values, len(values)))
    return found


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
    return replace(shape, rings=rings)
