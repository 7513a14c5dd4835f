"""What objects say about their faces: semantics against normals, missing geometry, attributes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lamplighter.spatial.checking.boundaries import Boundaries, RawModel
from lamplighter.spatial.checking.polygons import Clean, Tell
from lamplighter.spatial.model import Floats

if TYPE_CHECKING:
    from lamplighter.spatial.checking.check import Findings

_DOWN: Final = -0.2
_FLAT: Final = 0.95
_SLIVER: Final = 0.002
"""metres; a face thinner than this is a sliver"""
_BUILDINGS: Final = ("Building", "BuildingPart")
TALLEST_M: Final = 850.0


def face_normals(clean: Clean, points: Floats) -> tuple[Floats, Floats]:
    """Unit normals (p, 3) and areas (p,) of the outer rings."""
    outer = clean.rings_of[:-1]
    lengths = np.diff(clean.starts)[outer] if len(outer) else np.zeros(0, np.int64)
    normals = np.zeros((len(outer), 3))
    for length in np.unique(lengths[lengths > 2]).tolist():
        rows = np.flatnonzero(lengths == length)
        table = clean.corners[clean.starts[outer[rows]][:, None] + np.arange(length)]
        spots = points[table] - points[table][:, :1]
        normals[rows] = np.cross(spots, np.roll(spots, -1, axis=1)).sum(axis=1) / 2.0
    area = np.linalg.norm(normals, axis=1)
    return normals / np.maximum(area, 1e-30)[:, None], area


def check_faces(shapes: Boundaries, clean: Clean, points: Floats, tell: Tell) -> None:
    """`roof-faces-down`, `ground-faces-up`, `wall-lies-flat`, `zero-area-face`, `sliver-face`."""
    normals, area = face_normals(clean, points)
    for polygon in np.flatnonzero(~clean.sound & (area < 1e-6)).tolist():
        tell("zero-area-face", polygon, "it has no area")
    box = _extent(clean, points)
    thin = clean.sound & (area > 0) & (area < _SLIVER * box)
    for polygon in np.flatnonzero(thin).tolist():
        tell("sliver-face", polygon, f"{box[polygon]:.2f} m long and {area[polygon]:.4f} m2 large")
    words = np.array([*shapes.words, ""])
    word = words[shapes.meaning]
    large = area > 1e-3
    for polygon in np.flatnonzero(
        (word == "RoofSurface") & large & (normals[:, 2] < _DOWN)
    ).tolist():
        tell("roof-faces-down", polygon, "a roof whose face looks down")
    for polygon in np.flatnonzero(
        (word == "GroundSurface") & large & (normals[:, 2] > -_DOWN)
    ).tolist():
        tell("ground-faces-up", polygon, "a ground surface whose face looks up")
    flat = (word == "WallSurface") & large & (np.abs(normals[:, 2]) > _FLAT)
    for polygon in np.flatnonzero(flat).tolist():
        tell("wall-lies-flat", polygon, "a wall that lies flat")


def _extent(clean: Clean, points: Floats) -> Floats:
    """The longest side (p,) of the boxes of the outer rings."""
    outer = clean.rings_of[:-1]
    size = np.zeros(len(outer))
    lengths = np.diff(clean.starts)[outer] if len(outer) else np.zeros(0, np.int64)
    for length in np.unique(lengths[lengths > 2]).tolist():
        rows = np.flatnonzero(lengths == length)
        table = points[clean.corners[clean.starts[outer[rows]][:, None] + np.arange(length)]]
        size[rows] = np.linalg.norm(table.max(axis=1) - table.min(axis=1), axis=1)
    return size


def check_objects(shapes: Boundaries, model: RawModel, found: Findings) -> None:
    """609, `no-semantics`, `absurd-height`, `mixed-attribute`."""
    parents = {item.parent for item in shapes.objects if item.parent}
    with_parts = parents | {item.id for item in shapes.objects if item.children}
    for item in shapes.objects:
        if not item.geometries and item.id not in with_parts and item.type != "CityObjectGroup":
            found.add("609", item.id, f"this {item.type} has no geometry")
    _semantics(shapes, found)
    _heights(shapes, model, found)
    _attributes(shapes, found)


def _semantics(shapes: Boundaries, found: Findings) -> None:
    if not shapes.count:
        return
    primitive = shapes.primitive_of[shapes.solid_of[shapes.shell_of]]
    named = np.bincount(primitive, shapes.meaning >= 0, len(shapes.primitives)) > 0
    silent: Counter[str] = Counter()
    example: dict[str, str] = {}
    for number, one in enumerate(shapes.primitives):
        item = shapes.objects[one.object]
        if item.type in _BUILDINGS and not named[number] and one.lod.startswith(("2", "3")):
            silent[item.type] += 1
            example.setdefault(item.type, item.id)
    for kind, count in silent.items():
        what = f"{count} geometries of {kind} do not say which faces are roof, wall or ground"
        found.add("no-semantics", example[kind], what)


def _heights(shapes: Boundaries, model: RawModel, found: Findings) -> None:
    """Buildings taller than the tallest ever built, or of a height that is no number."""
    if not shapes.count:
        return
    from lamplighter.spatial.checking.check import metres

    z = metres(model)[:, 2]
    owner = np.array([p.object for p in shapes.primitives])
    ring_polygon = np.repeat(np.arange(shapes.count), np.diff(shapes.rings_of))
    polygon = np.repeat(ring_polygon, np.diff(shapes.starts))
    of = owner[shapes.primitive_of[shapes.solid_of[shapes.shell_of[polygon]]]]
    low = np.full(len(shapes.objects), np.inf)
    high = np.full(len(shapes.objects), -np.inf)
    np.minimum.at(low, of, z[shapes.corners])
    np.maximum.at(high, of, z[shapes.corners])
    for number, item in enumerate(shapes.objects):
        if item.type in _BUILDINGS and high[number] - low[number] > TALLEST_M:
            found.add("absurd-height", item.id, f"{high[number] - low[number]:.0f} m tall")


def _attributes(shapes: Boundaries, found: Findings) -> None:
    """An attribute that is a number in some objects of a type and a text in others."""
    kinds: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    example: dict[tuple[str, str, str], str] = {}
    for item in shapes.objects:
        for name, value in item.attributes.items():
            word = _word(value)
            if word:
                kinds[item.type, name][word] += 1
                example.setdefault((item.type, name, word), item.id)
    for (kind, name), seen in kinds.items():
        if len(seen) > 1:
            rare = min(seen, key=lambda word: seen[word])
            usual = max(seen, key=lambda word: seen[word])
            what = f"'{name}' is a {rare} in {seen[rare]} objects and a {usual} in {seen[usual]}"
            found.add("mixed-attribute", example[kind, name, rare], what)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "truth value"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else ""
