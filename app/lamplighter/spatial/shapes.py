"""Points, courses and areas of GIS files as objects of the city.

Every reader of GIS data (GeoJSON, GDAL's drivers, OpenStreetMap, timetables) brings its shapes
here as `Parts`, so that multi parts, holes, missing heights and ids are treated in one way:
areas become faces with an outline, further parts are kept, and what has no height lies flat.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from lamplighter.domain.city import Attribute
from lamplighter.spatial.kinds import meaning_of
from lamplighter.spatial.model import (
    SURFACE_INDEX,
    FaceList,
    Feature,
    Floats,
    Refused,
    SourceModel,
)  # fmt: skip

Spot = tuple[float, float, float]
Course = list[Spot]
MAX_FEATURES: Final = 2_000_000
STOREY_METRES: Final = 3.0
MAX_HEIGHT_METRES: Final = 1_000.0
_TYPES: Final = ("type", "asset_type", "class", "kind")
_IDS: Final = ("id", "ID", "fid", "gml_id", "globalid", "GlobalID", "@id")
_NAMES: Final = ("name", "Name", "NAME", "nimi", "label")
_HEIGHTS: Final = ("height", "building:height", "measuredHeight", "height_m")
_ASSUMED: Final = ("height_assumed",)
_LEVELS: Final = ("building:levels", "levels", "storeysAboveGround")
_NUMBER: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(m|ft|')?\s*", re.I)


@dataclass(slots=True)
class Parts:
    """What one geometry consists of; spots are (x, y, z) in the file's system."""

    points: list[Spot] = field(default_factory=list)
    lines: list[Course] = field(default_factory=list)
    areas: list[list[Course]] = field(default_factory=list)
    """each a list of rings, the outside first"""
    solid: bool = False
    """its areas are faces of a body, not areas on the ground"""

    def spots(self) -> Iterable[Spot]:
        yield from self.points
        for line in self.lines:
            yield from line
        for rings in self.areas:
            for ring in rings:
                yield from ring

    @property
    def empty(self) -> bool:
        return not (self.points or self.lines or self.areas)


class Shapes:
    """Collects the objects of one file and gives them ids, types, names and faces."""

    def __init__(self, model: SourceModel, stem: str) -> None:
        self.model = model
        self.stem = stem
        """stands for the type and in ids where the file gives none"""
        self._seen: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._faces = FaceList()
        self._vertices: list[Spot] = []
        self._bodies = False
        self._further_points = 0
        self._empty = 0

    def add(
        self,
        given: Any,
        attributes: dict[str, Attribute],
        parts: Parts,
        *,
        kind: str = "",
        number: int | None = None,
        meaning: tuple[str, str] | None = None,
    ) -> Feature:
        """One object. `given` is its own id, `number` its row, `kind` its type where known.

        `meaning` is its surface (empty: drawn as an outline only) and its domain where known.
        """
        if len(self.model.features) >= MAX_FEATURES:
            raise Refused("I-502", f"more than {MAX_FEATURES:,} features")
        owner = len(self.model.features)
        name = self._id(given, attributes, owner if number is None else number)
        word = kind or _first(attributes, _TYPES)
        kind = str(word)[:60] if isinstance(word, str) and word else self.stem
        self._counts[kind] += 1
        surface, meant = meaning or meaning_of(kind, self.stem)
        title = _first(attributes, _NAMES)
        domain = attributes.get("domain")
        feature = Feature(
            id=name,
            type=kind,
            name=str(title) if title else name,
            domain=domain if isinstance(domain, str) and domain else meant,
            attributes=attributes,
        )
        self.model.features.append(feature)
        if parts.empty:
            self._empty += 1
        else:
            self._place(feature, owner, parts, surface)
        return feature

    def finish(self) -> SourceModel:
        """The model with its counts, faces and warnings."""
        model = self.model
        model.kind = "vector"
        model.counts = dict(sorted(self._counts.items()))
        model.heights_in_metres = True
        if self._faces.owner:
            model.faces = self._faces.build(np.array(self._vertices, float).reshape(-1, 3))
            if self._bodies:
                model.faces.lod = np.full(model.faces.count, 10, np.uint8)
        if self._further_points:
            model.warnings.append(
                f"{self._further_points:,} further points of multi-points are not drawn; "
                "each stands at its first point"
            )
        return model

    def _id(self, given: Any, attributes: dict[str, Attribute], number: int) -> str:
        own: Attribute = given if isinstance(given, str | int) and given != "" else None
        if own is None:
            own = _first(attributes, _IDS)
        if isinstance(own, float) and own.is_integer():
            own = int(own)
        name = f"{self.stem}-{own if own is not None else number}"
        if isinstance(own, str) and own not in self._seen:
            name = own
        further = 1
        while name in self._seen:
            name = f"{self.stem}-{number}-{own}" + (f"-{further}" if further > 1 else "")
            further += 1
        self._seen.add(name)
        return name

    def _place(self, feature: Feature, owner: int, parts: Parts, surface: str) -> None:
        feature.flat = not any(spot[2] for spot in parts.spots())
        courses = sorted(parts.lines, key=_length, reverse=True)
        if parts.areas and not parts.solid:
            rings = [ring for rings in parts.areas for ring in rings]
            courses = sorted(rings, key=_length, reverse=True) + courses
        courses = [course for course in courses if len(course) > 1]
        if courses:
            feature.path, feature.more = courses[0], courses[1:] or None
        elif parts.points:
            feature.at = parts.points[0]
        self._further_points += max(len(parts.points) - (1 if feature.at else 0), 0)
        if not parts.areas:
            return
        height = height_of(feature.attributes) if feature.domain == "buildings" else 0.0
        if parts.solid:
            self._flat_faces(owner, parts, surface or "Unknown")
        elif height and feature.flat:
            feature.path = feature.more = None
            self._extrude(owner, parts, height)
        elif surface and surface != "Unknown":  # an area of unknown meaning is its outline
            self._flat_faces(owner, parts, surface)

    def _flat_faces(self, owner: int, parts: Parts, surface: str) -> None:
        for rings in parts.areas:
            self._faces.add([self._corners(ring) for ring in rings], owner, SURFACE_INDEX[surface])

    def _extrude(self, owner: int, parts: Parts, height: float) -> None:
        """A block upon each area: its own foot is height 0 until it is stood on the ground."""
        self._bodies = True
        for rings in parts.areas:
            plain = [_turned(_open(ring), outside=n == 0) for n, ring in enumerate(rings)]
            plain = [ring for ring in plain if len(ring) > 2]
            if not plain:
                continue
            low = [self._corners(ring) for ring in plain]
            high = [self._corners([(x, y, height) for x, y, _ in ring]) for ring in plain]
            self._faces.add([ring[::-1] for ring in low], owner, SURFACE_INDEX["GroundSurface"])
            self._faces.add(high, owner, SURFACE_INDEX["RoofSurface"])
            for below, above in zip(low, high, strict=True):
                for k in range(len(below)):
                    n = (k + 1) % len(below)
                    wall = [below[k], below[n], above[n], above[k]]
                    self._faces.add([wall], owner, SURFACE_INDEX["WallSurface"])

    def _corners(self, ring: Course) -> list[int]:
        ring = _open(ring)
        start = len(self._vertices)
        self._vertices.extend(ring)
        return list(range(start, start + len(ring)))


def height_of(attributes: dict[str, Attribute]) -> float:
    """Height of a building in metres by its tags, else by its storeys; 0 for unknown."""
    for names, factor in ((_HEIGHTS, 1.0), (_LEVELS, STOREY_METRES), (_ASSUMED, 1.0)):
        value = _first(attributes, names)
        found = _NUMBER.fullmatch(str(value)) if value is not None else None
        if found:
            metres = float(found[1].replace(",", ".")) * factor
            if found[2] in ("ft", "FT", "'"):
                metres *= 0.3048
            if 0.0 < metres < MAX_HEIGHT_METRES:
                return metres
    return 0.0


def _first(attributes: dict[str, Attribute], keys: tuple[str, ...]) -> Attribute:
    return next((attributes[k] for k in keys if attributes.get(k) not in (None, "")), None)


def _open(ring: Course) -> Course:
    return ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring


def _turned(ring: Course, *, outside: bool) -> Course:
    """The ring counter-clockwise for an outside, clockwise for a hole."""
    spots: Floats = np.array(ring, float).reshape(-1, 3)
    x, y = spots[:, 0] - spots[:1, 0], spots[:, 1] - spots[:1, 1]
    area = float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())
    return ring if (area > 0.0) == outside else ring[::-1]


def _length(course: Course) -> float:
    spots: Floats = np.array(course, float).reshape(-1, 3)
    with np.errstate(all="ignore"):
        return float(np.hypot(*np.diff(spots[:, :2], axis=0).T).sum()) if len(spots) > 1 else 0.0
