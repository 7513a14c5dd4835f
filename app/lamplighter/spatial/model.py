"""What every reader produces: city objects, their faces and what the file says about its place.

Coordinates stay in the file's own system as 64-bit numbers here; `assemble` alone moves them
into the project's frame, so there is one way for all formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Attribute, Datastream, Edge
from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.placement import Placement

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Flags = npt.NDArray[np.bool_]

SURFACE_INDEX = {name: place for place, name in enumerate(SURFACES)}


def finite_rows(points: Floats) -> Flags:
    """True for the rows (n,) of points (n, k) whose numbers are all finite."""
    return np.asarray(np.isfinite(points).all(axis=1), bool)


def sound_text(text: str) -> str:
    """The text without halves of characters, which damaged files hold and nobody can store."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class Refused(Exception):
    """A file that cannot be taken: a catalogue code and what was found."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


class Cancelled(Exception):
    """The user stopped the import."""


@dataclass(slots=True)
class Feature:
    """One city object of the file; `at` is a point (x, y, z), `path` a line, both optional."""

    id: str
    type: str
    name: str = ""
    domain: str = "city"
    parent: str = ""
    attributes: dict[str, Attribute] = field(default_factory=dict)
    at: tuple[float, float, float] | None = None
    path: list[tuple[float, float, float]] | None = None
    people: int = 0
    mode: str = "shadow"
    more: list[list[tuple[float, float, float]]] | None = None
    """further parts of a course in several parts"""
    flat: bool = False
    """its source states no heights: it lies on the ground, wherever that is"""
    lonlat: tuple[float, float, float] | None = None
    """degrees beside the map coordinates in `at`; `assemble` chooses between them"""


@dataclass(slots=True)
class Faces:
    """Polygons as columns.

    vertices (n, 3); a polygon p has rings `rings_of[p]` to `rings_of[p + 1]` (the first is the
    outside); a ring r has vertices `corners[starts[r]:starts[r + 1]]`, not closed.
    owner (p,) into the features, surface (p,) into SURFACES. Optional: lod (p,) ten times the
    level of detail, every level side by side; image (p,) into the model's images, -1 for none;
    uv (n, 2) place of each vertex in its image (textured polygons share no vertices).
    """

    vertices: Floats
    corners: Ints
    starts: Ints
    rings_of: Ints
    owner: Ints
    surface: npt.NDArray[np.uint8]
    lod: npt.NDArray[np.uint8] | None = None
    image: npt.NDArray[np.int32] | None = None
    uv: npt.NDArray[np.float32] | None = None

    @property
    def count(self) -> int:
        return len(self.owner)

    def keep(self, kept: Flags) -> Faces:
        """Only the polygons marked in `kept` (p,)."""
        ring_count = np.diff(self.rings_of)
        ring_kept = np.repeat(kept, ring_count)
        lengths = np.diff(self.starts)
        starts = np.concatenate([[0], np.cumsum(lengths[ring_kept])]).astype(np.int64)
        rings_of = np.concatenate([[0], np.cumsum(ring_count[kept])]).astype(np.int64)
        return Faces(
            self.vertices,
            self.corners[np.repeat(ring_kept, lengths)],
            starts,
            rings_of,
            self.owner[kept],
            self.surface[kept],
            None if self.lod is None else self.lod[kept],
            None if self.image is None else self.image[kept],
            self.uv,
        )

    def moved(self, vertices: Floats) -> Faces:
        """The same polygons with their vertices (n, 3) elsewhere."""
        return replace(self, vertices=vertices)


@dataclass(slots=True)
class MeshPart:
    """Triangles as a mesh file has them: points (n, 3) in the file's system, triangles (m, 3).

    owner: number of its feature, or `owners` (m,) one for each triangle. colours (n, 3) uint8,
    uv (n, 2) float32 with (0, 0) at the lower left of `image`, an encoded PNG or JPEG. Without
    image and colours it is drawn like clay.
    """

    points: Floats
    triangles: Ints
    owner: int = 0
    owners: Ints | None = None
    surface: int = 0
    uv: npt.NDArray[np.float32] | None = None
    colours: npt.NDArray[np.uint8] | None = None
    image: bytes = b""


@dataclass(slots=True)
class Cloud:
    """Points (n, 3) in the file's system with colours (n, 3) uint8; owner: number of its feature.

    Readers thin what is larger than a laptop can draw and say so in a warning.
    """

    points: Floats
    colours: npt.NDArray[np.uint8]
    owner: int = 0


class FaceList:
    """Collects polygons object by object; `build` turns them into `Faces`."""

    def __init__(self) -> None:
        self.corners: list[int] = []
        self.lengths: list[int] = []
        self.rings: list[int] = []
        self.owner: list[int] = []
        self.surface: list[int] = []
        self.lod: list[int] = []
        self.image: list[int] = []

    def add(
        self, rings: list[list[int]], owner: int, surface: int, lod: int = 0, image: int = -1
    ) -> None:
        """One polygon; rings with fewer than three corners are left out."""
        kept = 0
        for place, ring in enumerate(rings):
            if len(ring) > 3 and ring[0] == ring[-1]:
                ring = ring[:-1]
            if len(ring) < 3:
                if place == 0:
                    return
                continue
            self.corners.extend(ring)
            self.lengths.append(len(ring))
            kept += 1
        if kept:
            self.rings.append(kept)
            self.owner.append(owner)
            self.surface.append(surface)
            self.lod.append(lod)
            self.image.append(image)

    def extend(
        self,
        surfaces: list[list[list[int]]],
        owner: int,
        meanings: list[int],
        lod: int = 0,
        base: int = 0,
    ) -> None:
        """Many polygons of one owner at once, as `add` takes them; `base` is added to corners."""
        rings = list(chain.from_iterable(surfaces))
        lengths = list(map(len, rings))
        odd = not lengths or min(lengths) < 3 or not all(surfaces)
        if odd or any(ring[0] == ring[-1] for ring in rings):
            kept: list[list[list[int]]] = []
            words: list[int] = []
            for surface, meaning in zip(surfaces, meanings, strict=True):
                if surface and all(len(r) > 2 and r[0] != r[-1] for r in surface):
                    kept.append(surface)
                    words.append(meaning)
                else:
                    moved = [[corner + base for corner in ring] for ring in surface]
                    self.add(moved, owner, meaning, lod)
            if kept:
                self.extend(kept, owner, words, lod, base)
            return
        corners = chain.from_iterable(rings)
        self.corners.extend(corners if not base else [corner + base for corner in corners])
        self.lengths.extend(lengths)
        count = len(surfaces)
        self.rings.extend(map(len, surfaces))
        self.owner.extend([owner] * count)
        self.surface.extend(meanings)
        self.lod.extend([lod] * count)
        self.image.extend([-1] * count)

    def mark(self) -> tuple[int, int, int]:
        return len(self.corners), len(self.lengths), len(self.rings)

    def drop_to(self, mark: tuple[int, int, int]) -> None:
        """Take back everything added since `mark`: a refused object leaves no half faces."""
        corners, lengths, rings = mark
        del self.corners[corners:], self.lengths[lengths:]
        del self.rings[rings:], self.owner[rings:], self.surface[rings:]
        del self.lod[rings:], self.image[rings:]

    def build(self, vertices: Floats, uv: npt.NDArray[np.float32] | None = None) -> Faces:
        starts = np.zeros(len(self.lengths) + 1, np.int64)
        np.cumsum(self.lengths, out=starts[1:])
        rings_of = np.zeros(len(self.rings) + 1, np.int64)
        np.cumsum(self.rings, out=rings_of[1:])
        return Faces(
            vertices=vertices,
            corners=np.array(self.corners, np.int64),
            starts=starts,
            rings_of=rings_of,
            owner=np.array(self.owner, np.int64),
            surface=np.array(self.surface, np.uint8),
            lod=np.array(self.lod, np.uint8) if any(self.lod) else None,
            image=np.array(self.image, np.int32) if uv is not None else None,
            uv=uv,
        )


@dataclass(slots=True)
class SourceModel:
    """One file as read, before it is placed."""

    format: str
    version: str = ""
    crs_text: str = ""
    """the system's name as the file writes it; empty when it names none"""
    features: list[Feature] = field(default_factory=list)
    faces: Faces | None = None
    meshes: list[MeshPart] = field(default_factory=list)
    clouds: list[Cloud] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    """encoded PNG or JPEG pictures that `faces.image` names"""
    kind: str = "model"
    """what kind of layer it becomes, one of `layers.LAYER_KINDS`"""
    licence: str = ""
    attribution: str = ""
    date: str = ""
    """date of the data, ISO 8601"""
    counts: dict[str, int] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    refused: list[Unplaced] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    datastreams: list[Datastream] = field(default_factory=list)
    assumed_crs: int = 0
    """a system the format itself prescribes (GeoJSON: 4326); the evidence says so"""
    fixed_crs: bool = False
    """`assumed_crs` is certain (columns called lon and lat): the user's --crs means others"""
    heights_in_metres: bool = False
    """third coordinates are metres whatever the unit of the coordinate system"""
    network: bool = False
    """may be scaled into the city's extent when the caller asks for it"""
    unit_metres: float = 0.0
    """length of the unit of its coordinates in metres; 0 when the file does not say"""
    placement: Placement | None = None
    """from its own coordinates to a map system, where the file itself says so"""
    placement_evidence: str = ""
    evidence: str = ""
    """what the reader itself knows of its place; stands before how it was decided"""
    nowhere: str = ""
    """why the coordinates cannot be a place on the Earth, whatever the file names"""


def without_coarse_parents(faces: Faces, features: list[Feature], finest: list[float]) -> Faces:
    """Leave out the faces of objects whose own parts are drawn in a higher level of detail.

    `finest` is the level drawn for each feature; without this a block would hide its parts.
    """
    number = {feature.id: place for place, feature in enumerate(features)}
    hidden = {
        number[feature.parent]
        for place, feature in enumerate(features)
        if feature.type.endswith("Part")
        and feature.parent in number
        and finest[place] > finest[number[feature.parent]]
    }
    if not hidden:
        return faces
    return faces.keep(~np.isin(faces.owner, np.array(sorted(hidden), np.int64)))
