"""Polygons of mesh files as triangles with their looks: one mesh for each picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lamplighter.spatial.model import Faces, Floats, Ints, MeshPart
from lamplighter.spatial.triangulate import triangulate


@dataclass(slots=True)
class Polygons:
    """Polygons one after the other: corners into the points, and for each its owner and look."""

    corners: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    look: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """place of each corner in the pictures' coordinates, -1 for none"""


@dataclass(slots=True)
class Look:
    """How a material looks: an encoded picture or a colour; None for clay."""

    image: bytes = b""
    colour: tuple[int, int, int] | None = None
    surface: int = 0


def mesh_parts(
    points: Floats,
    polygons: Polygons,
    looks: list[Look],
    places: Floats,
    colours: np.ndarray | None = None,
) -> tuple[list[MeshPart], int]:
    """Meshes of the polygons, and how many triangles they have.

    `places` (k, 2) are picture coordinates with (0, 0) at the lower left; `colours` (n, 3) uint8
    of the points count where a look has neither picture nor colour.
    """
    if not polygons.lengths:
        return [], 0
    corners = np.array(polygons.corners, np.int64)
    place = np.array(polygons.places, np.int64)
    count = len(polygons.lengths)
    starts = np.concatenate([[0], np.cumsum(polygons.lengths)]).astype(np.int64)
    own = np.arange(len(corners), dtype=np.int64)
    faces = Faces(
        points[corners],
        own,
        starts,
        np.arange(count + 1, dtype=np.int64),
        np.array(polygons.owner, np.int64),
        np.zeros(count, np.uint8),
    )
    found = triangulate(faces)
    look = np.array(polygons.look, np.int64)[found.face]
    parts = []
    for number in np.unique(look).tolist():
        rows = np.flatnonzero(look == number)
        triangles, owners = found.corners[rows], faces.owner[found.face[rows]]
        parts.append(
            _part(points, triangles, owners, looks[number], corners, place, places, colours)
        )
    return parts, len(found.corners)


def _part(
    points: Floats,
    triangles: Ints,
    owners: Ints,
    look: Look,
    corners: Ints,
    place: Ints,
    places: Floats,
    colours: np.ndarray | None,
) -> MeshPart:
    """One mesh; corners at the same point and place in the picture become one again."""
    textured = bool(look.image) and bool((place[triangles] >= 0).all()) and len(places) > 0
    used = triangles.reshape(-1)
    key = corners[used]
    if textured:
        key = key * np.int64(len(places) + 1) + place[used]
    _, first, again = np.unique(key, return_index=True, return_inverse=True)
    source = used[first]
    part = MeshPart(
        points[corners[source]], again.reshape(-1, 3).astype(np.int64), owners=owners,
        surface=look.surface,
    )  # fmt: skip
    if textured:
        part.image, part.uv = look.image, places[place[source]].astype(np.float32)
    elif look.colour is not None:
        part.colours = np.tile(np.array(look.colour, np.uint8), (len(source), 1))
    elif colours is not None:
        part.colours = colours[corners[source]]
    return part
