"""Geometry as a file states it: rings in polygons in shells in solids in primitives in objects.

Stored as columns, so that a whole city is checked in a few array operations; only what looks
wrong there is looked at polygon by polygon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from lamplighter.spatial.model import Floats, Ints

SOLIDS: Final = ("Solid", "MultiSolid", "CompositeSolid")
SURFACE_SETS: Final = ("MultiSurface", "CompositeSurface")

Rings = list[list[int]]
"""rings of one polygon as vertex numbers, the outer one first"""
Shell = list[Rings]
Solid = list[Shell]


@dataclass(slots=True)
class Fault:
    """Something the structure of a file states wrongly; `object` is empty for the whole file."""

    code: str
    object: str
    what: str
    fixable: bool = True
    """where its code can be mended at all"""


@dataclass(slots=True)
class RawObject:
    """One object as the file names it."""

    id: str
    type: str
    parent: str = ""
    children: tuple[str, ...] = ()
    geometries: int = 0
    """geometries of any kind, also points and lines"""
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Primitive:
    """One geometry: `kind` of SOLIDS or SURFACE_SETS; `number` is its place in its object."""

    object: int
    kind: str
    number: int
    lod: str
    closing: bool
    """its rings repeat their first point (GML, JSON-FG)"""
    empty: bool = False
    """holds a solid, a shell or a polygon without content"""


@dataclass(slots=True)
class Boundaries:
    """Columns: ring r has `corners[starts[r]:starts[r + 1]]`; polygon p rings `rings_of[p:p + 2]`.

    points (n, 3) as the file states them; shell_of (p,), number_in (p,) place in its primitive,
    meaning (p,) into `words`, -1 for none; solid_of (s,) for each shell, place_of (s,) 0 for an
    outer shell; primitive_of (solids,).
    """

    points: Floats
    corners: Ints
    starts: Ints
    rings_of: Ints
    shell_of: Ints
    number_in: Ints
    meaning: Ints
    solid_of: Ints
    place_of: Ints
    primitive_of: Ints
    primitives: list[Primitive]
    objects: list[RawObject]
    words: list[str]

    @property
    def count(self) -> int:
        """How many polygons."""
        return len(self.shell_of)

    def rings(self, polygon: int) -> list[Ints]:
        """Vertex numbers of the rings of one polygon."""
        first, last = int(self.rings_of[polygon]), int(self.rings_of[polygon + 1])
        return [self.corners[self.starts[r] : self.starts[r + 1]] for r in range(first, last)]

    def primitive(self, polygon: int) -> int:
        """Number of the primitive a polygon belongs to."""
        return int(self.primitive_of[self.solid_of[self.shell_of[polygon]]])


@dataclass(slots=True)
class RawModel:
    """A file for the checker."""

    format: str
    version: str = ""
    crs_text: str = ""
    shapes: Boundaries | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def objects(self) -> list[RawObject]:
        return self.shapes.objects if self.shapes is not None else []


class Builder:
    """Collects primitives of one file; `build` turns them into columns."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float, float]] = []
        self.objects: list[RawObject] = []
        self.primitives: list[Primitive] = []
        self._corners: list[int] = []
        self._lengths: list[int] = []
        self._rings: list[int] = []
        self._shell_of: list[int] = []
        self._number: list[int] = []
        self._meaning: list[int] = []
        self._solid_of: list[int] = []
        self._place_of: list[int] = []
        self._primitive_of: list[int] = []
        self._words: dict[str, int] = {}

    def add(
        self,
        kind: str,
        solids: list[Solid],
        *,
        number: int = 0,
        lod: str = "",
        closing: bool = False,
        meanings: list[str] | None = None,
    ) -> None:
        """One primitive of the newest object; a set of surfaces is one solid with one shell.

        `meanings` has one word for every polygon in order, empty where it has none.
        """
        primitive = Primitive(len(self.objects) - 1, kind, number, lod, closing)
        self._fill(primitive, solids, meanings)

    def place(
        self, known: Primitive, solids: list[Solid], *, closing: bool, meanings: list[str]
    ) -> None:
        """A primitive like `known` with other content."""
        self._fill(replace(known, closing=closing, empty=False), solids, meanings)

    def _fill(self, primitive: Primitive, solids: list[Solid], meanings: list[str] | None) -> None:
        polygon = 0
        if not solids:
            primitive.empty = True
        for solid in solids:
            if not solid:
                primitive.empty = True
            for place, shell in enumerate(solid):
                if not shell:
                    primitive.empty = True
                for rings in shell:
                    self._polygon(rings, polygon, meanings)
                    polygon += 1
                self._solid_of.append(len(self._primitive_of))
                self._place_of.append(place)
            self._primitive_of.append(len(self.primitives))
        self.primitives.append(primitive)

    def _polygon(self, rings: Rings, number: int, meanings: list[str] | None) -> None:
        for ring in rings:
            self._corners.extend(ring)
            self._lengths.append(len(ring))
        self._rings.append(len(rings))
        self._shell_of.append(len(self._solid_of))
        self._number.append(number)
        word = meanings[number] if meanings and number < len(meanings) else ""
        self._meaning.append(self._words.setdefault(word, len(self._words)) if word else -1)

    def build(self, points: Floats | None = None) -> Boundaries:
        """All that was added; `points` (n, 3) replace those collected here."""
        if points is None:
            points = np.array(self.points, float).reshape(-1, 3)
        return Boundaries(
            points=points,
            corners=np.array(self._corners, np.int64),
            starts=_sums(self._lengths),
            rings_of=_sums(self._rings),
            shell_of=np.array(self._shell_of, np.int64),
            number_in=np.array(self._number, np.int64),
            meaning=np.array(self._meaning, np.int64),
            solid_of=np.array(self._solid_of, np.int64),
            place_of=np.array(self._place_of, np.int64),
            primitive_of=np.array(self._primitive_of, np.int64),
            primitives=self.primitives,
            objects=self.objects,
            words=list(self._words),
        )


def _sums(lengths: list[int]) -> Ints:
    sums = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=sums[1:])
    return sums
