"""From the polygons, lines and links of CityGML objects to columns of faces.

Every level of detail is kept. A link to a polygon that is drawn already only gives it a meaning;
a link to geometry elsewhere in the file is followed in a further pass over the file, as often
as needed and never without end.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from lamplighter.domain.city import Attribute
from lamplighter.spatial import gml
from lamplighter.spatial.citygml_skin import RingPlace, Wardrobe
from lamplighter.spatial.model import FaceList, Feature, Floats, Refused, SourceModel
from lamplighter.spatial.textures import Pictures

MAX_FOLLOWED: Final = 1_000_000
"""polygons drawn through links in one file; more is no city but an attack"""
_MAX_LINKS: Final = 8
"""links that lead from one to the next"""


class _Drawn(NamedTuple):
    polygon: gml.Polygon
    surface: int
    known: bool
    solid: bool


class _Link(NamedTuple):
    target: str
    surface: int
    known: bool
    turned: bool


class _Waiting(NamedTuple):
    """What an object waits for: a link, or a template with its matrix and place."""

    owner: int
    lod: int
    surface: int
    target: str
    turned: bool
    matrix: Floats | None
    anchor: gml.Spot | None


class Shape:
    """Geometry found for one feature, by level of detail, until its subtree has ended."""

    def __init__(self) -> None:
        self.polygons: dict[int, list[_Drawn]] = {}
        self.links: dict[int, list[_Link]] = {}
        self.lines: dict[int, list[list[gml.Spot]]] = {}
        self.spots: dict[int, list[gml.Spot]] = {}
        self.words: dict[str, list[Attribute]] = {}
        self.templates: list[tuple[int, int, str, Floats, gml.Spot]] = []

    def put(
        self, lod: int, polygon: gml.Polygon, surface: int, *, known: bool, solid: bool
    ) -> None:
        self.polygons.setdefault(lod, []).append(_Drawn(polygon, surface, known, solid))

    def refer(self, lod: int, target: str, surface: int, *, known: bool, turned: bool) -> None:
        self.links.setdefault(lod, []).append(_Link(target, surface, known, turned))


class Shapes:
    """All faces of a file while it is read."""

    def __init__(self, model: SourceModel, folder: Path) -> None:
        self.model = model
        self.odd = self.outside = 0
        self._pictures = Pictures(folder)
        self.wardrobe = Wardrobe(self._pictures)
        self._faces = FaceList()
        self._vertices: list[gml.Spot] = []
        self._rings: dict[str, list[RingPlace]] = {}
        self._pieces: dict[str, list[gml.Polygon | gml.Reference]] = {}
        self._asked: set[str] = set()
        self._waiting: list[_Waiting] = []
        self._beside = self._middles = self._libraries = self._steps = 0

    # ------------------------------------------------------------------ implicit geometry
    def implicit(self, element: Any, shape: Shape, lod: int, surface: int) -> None:
        """A shape given once and placed by a matrix; a library file outside is never fetched."""
        try:
            matrix, anchor = gml.placement(element)
        except ValueError:
            self.odd += 1
            return
        if anchor is not None:
            shape.spots.setdefault(lod, []).append(anchor)
        for holder in element:
            name = gml.local(holder)
            if name == "libraryObject":
                self._libraries += 1
            if name not in ("relativeGMLGeometry", "relativeGeometry"):
                continue
            target = gml.target(holder)
            if not target and len(holder):
                target = gml.identity(holder[0]) or f" template {id(shape)} {len(shape.templates)}"
                self.found(target, holder[0])
            if target and anchor is not None:
                shape.templates.append((lod, surface, target, matrix, anchor))

    def found(self, name: str, element: Any) -> None:
        """Geometry with the id `name`, wherever it stood in the file."""
        if name in self._pieces:
            return
        pieces: list[gml.Polygon | gml.Reference] = []
        for piece in gml.surfaces(element):
            if piece is None:
                self.odd += 1
            elif not (isinstance(piece, gml.Polygon) and not piece.rings):
                pieces.append(piece)
        self._pieces[name] = pieces

    def wanted(self) -> set[str]:
        """Ids that are waited for and were not looked for yet."""
        aims = {waiting.target for waiting in self._waiting}
        inner = (piece for pieces in self._pieces.values() for piece in pieces)
        aims |= {piece.target for piece in inner if isinstance(piece, gml.Reference)}
        aims -= self._pieces.keys() | self._asked
        self._asked |= aims
        return aims

    # ------------------------------------------------------------------ one feature
    def settle(self, feature: Feature, number: int, shape: Shape) -> None:
        """Keep every level of detail of the feature, each face of a level once."""
        by_id = _by_id(shape) if shape.links else {}
        for lod, surface, target, matrix, anchor in shape.templates:
            self._waiting.append(_Waiting(number, lod, surface, target, False, matrix, anchor))
        for lod in sorted(shape.polygons.keys() | shape.links.keys()):
            self._level(number, lod, shape, by_id)
        solid = bool(shape.polygons or shape.links or shape.templates)
        lines = list(chain.from_iterable(shape.lines.values()))
        if solid:
            self._beside += len(lines)
        elif shape.lines:
            best = sorted(shape.lines[max(shape.lines)], key=len, reverse=True)
            feature.path, feature.more = best[0], best[1:] or None
            self._beside += len(lines) - len(best)
        elif shape.spots:
            spots = shape.spots[max(shape.spots)]
            self._middles += len(spots) > 1
            x, y, z = np.array(spots).mean(axis=0).tolist()
            feature.at = (x, y, z)
        if shape.templates and not shape.polygons and not shape.links:
            feature.at = shape.templates[-1][4]

    def _level(self, number: int, lod: int, shape: Shape, by_id: dict[str, list[_Drawn]]) -> None:
        drawn = list(shape.polygons.get(lod, ()))
        here = {i for one in drawn for i in one.polygon.ids}
        meaning: dict[str, int] = {}
        far: list[_Link] = []
        for link in shape.links.get(lod, ()):
            if link.target in here:
                if link.known:
                    meaning[link.target] = link.surface
            elif link.target in by_id:
                drawn.extend(_taken_over(link, by_id[link.target]))
            else:
                far.append(link)
        for link in far:
            if link.known or not drawn:
                self._waiting.append(
                    _Waiting(number, lod, link.surface, link.target, link.turned, None, None)
                )
        seen = {_corners(one.polygon) for one in drawn if one.known}
        twice = 2 * sum(one.known for one in drawn) >= len(drawn) > 0
        for polygon, surface, known, solid in drawn:
            if not known:
                told = next((meaning[i] for i in polygon.ids if i in meaning), None)
                if told is None and seen and ((solid and twice) or _corners(polygon) in seen):
                    continue  # the same surface again, without a meaning
                surface = surface if told is None else told
            self._draw(polygon, number, lod, surface)

    def _draw(self, polygon: gml.Polygon, owner: int, lod: int, surface: int) -> None:
        face = len(self._faces.owner)
        rings = []
        for place, ring in enumerate(polygon.rings):
            first = len(self._vertices)
            self._vertices.extend(ring)
            rings.append(list(range(first, first + len(ring))))
            if place < len(polygon.names) and polygon.names[place]:
                self._rings.setdefault(polygon.names[place], []).append(
                    RingPlace(first, len(ring), face, place == 0, polygon.turned)
                )
        self._faces.add(rings, owner, surface, max(lod, 0) * 10)

    # ------------------------------------------------------------------ the whole file
    def finish(self) -> None:
        """Draw what was waited for and hand everything to the model."""
        model = self.model
        missing: set[str] = set()
        followed = 0
        for waiting in self._waiting:
            for polygon in self._expanded(waiting.target, waiting.turned, missing):
                followed += 1
                if followed > MAX_FOLLOWED:
                    raise Refused("I-502", f"more than {MAX_FOLLOWED:,} linked polygons")
                if waiting.matrix is not None and waiting.anchor is not None:
                    polygon = gml.moved(polygon, waiting.matrix, waiting.anchor)
                self._draw(polygon, waiting.owner, waiting.lod, waiting.surface)
        points = np.array(self._vertices, float).reshape(-1, 3)
        if len(points) and not np.isfinite(points).any():
            raise Refused("I-503", "no coordinate in it is a number")
        self._let_drawn_lie_where_drawn()
        faces = self._faces.build(points)
        skin = self.wardrobe.dress(self._rings, faces.count, len(points))
        if skin is not None:
            faces = replace(faces, image=skin[0], uv=skin[1])
        model.faces, model.images = faces, self._pictures.images
        self._warn(len(missing))

    def _let_drawn_lie_where_drawn(self) -> None:
        """A place given for an implicit geometry counts only where nothing was drawn of it."""
        drawn = set(self._faces.owner)
        for waiting in self._waiting:
            if waiting.anchor is not None and waiting.owner in drawn:
                self.model.features[waiting.owner].at = None

    def _expanded(self, target: str, turned: bool, missing: set[str]) -> list[gml.Polygon]:
        """Polygons a link leads to, through further links; a circle ends by itself."""
        found: list[gml.Polygon] = []
        stack: list[tuple[str, bool, tuple[str, ...]]] = [(target, turned, ())]
        while stack:
            name, back, way = stack.pop()
            self._steps += 1
            if self._steps > MAX_FOLLOWED or len(stack) > MAX_FOLLOWED:
                raise Refused("I-502", f"more than {MAX_FOLLOWED:,} links")
            if name in way or len(way) > _MAX_LINKS:
                continue
            if name not in self._pieces:
                missing.add(name)
                continue
            for piece in self._pieces[name]:
                if isinstance(piece, gml.Polygon):
                    found.append(gml.backwards(piece) if back else piece)
                else:
                    stack.append((piece.target, back != piece.turned, (*way, name)))
            if len(found) > MAX_FOLLOWED:
                raise Refused("I-502", f"more than {MAX_FOLLOWED:,} linked polygons")
        return found

    def _warn(self, missing: int) -> None:
        told = (
            (self.odd, "geometries could not be read; they are not drawn"),
            (missing, "links point to nothing in the file; what they stand for is not drawn"),
            (self.outside, "links lead out of the file; they are not followed"),
            (self._libraries, "objects have their shape in a library file; only their place is "
             "taken"),
            (self._beside, "lines beside other geometry are not drawn"),
            (self._middles, "objects of several points lie at their middle"),
        )  # fmt: skip
        self.model.warnings.extend(f"{count} {text}" for count, text in told if count)
        self.model.warnings.extend(self.wardrobe.warnings())


def _corners(polygon: gml.Polygon) -> frozenset[gml.Spot]:
    return frozenset(polygon.rings[0])


def _by_id(shape: Shape) -> dict[str, list[_Drawn]]:
    """Polygons of a feature by their own ids and those of the surfaces around them."""
    found: dict[str, list[_Drawn]] = {}
    for level in shape.polygons.values():
        here: dict[str, list[_Drawn]] = {}
        for drawn in level:
            for name in drawn.polygon.ids:
                here.setdefault(name, []).append(drawn)
        found = here | found
    return found


def _taken_over(link: _Link, others: list[_Drawn]) -> list[_Drawn]:
    """Polygons of the same feature that stand in another level of detail."""
    return [
        _Drawn(
            gml.backwards(one.polygon) if link.turned else one.polygon,
            link.surface if link.known else one.surface,
            link.known or one.known,
            one.solid,
        )
        for one in others
    ]
