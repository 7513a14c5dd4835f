"""CityJSON 0.2 to 2.0 and CityJSONSeq, by typed decoding.

An object that is damaged by itself (an index outside the vertices, a geometry of an unknown
shape) is refused alone and named; the rest of the file is taken.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw, Struct

from lamplighter.domain.city import Attribute
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.kinds import domain_of, surface_of
from lamplighter.spatial.model import (
    SURFACE_INDEX,
    FaceList,
    Feature,
    Floats,
    Refused,
    SourceModel,
    without_coarse_parents,
)

Progress = Callable[[int, int, str], None]
_DEPTH = {
    "MultiSurface": 0,
    "CompositeSurface": 0,
    "Solid": 1,
    "MultiSolid": 2,
    "CompositeSolid": 2,
}
_INTEGERS = {int}
_POINTS_ONLY = ("MultiPoint", "MultiLineString")


class _Transform(Struct):
    scale: tuple[float, float, float]
    translate: tuple[float, float, float]


class _Geometry(Struct):
    type: str
    lod: str | float | None = None
    boundaries: Any = None
    semantics: Any = None
    template: int | None = None
    transformationMatrix: list[float] | None = None


class _Object(Struct):
    type: str
    attributes: dict[str, Any] | None = None
    geometry: list[_Geometry] | None = None
    parents: Any = None
    parent: Any = None
    children: Any = None


class _Templates(Struct):
    templates: list[_Geometry] = []
    vertices: list[tuple[float, float, float]] = msgspec.field(
        name="vertices-templates", default=[]
    )


class _File(Struct):
    type: str = ""
    id: str = ""
    version: str | float | None = None
    metadata: Any = None
    transform: _Transform | None = None
    CityObjects: dict[str, Raw] | None = None
    vertices: Raw = Raw(b"[]")
    templates: _Templates | None = msgspec.field(name="geometry-templates", default=None)


class BadObject(Exception):
    """One object cannot be taken; the text says why."""


_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_OBJECT = msgspec.json.Decoder(_Object)
_VERTICES = msgspec.json.Decoder(list[tuple[float, float, float]])


def looks_like(head: bytes) -> bool:
    """True when the first bytes of a file could be CityJSON."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"City' in head


def read(data: bytes, progress: Progress) -> SourceModel:
    """One CityJSON document; raises `Refused` when it is none or is damaged as a whole."""
    return _decode(_parse(data.removeprefix(b"\xef\xbb\xbf")), progress)


def read_sequence(data: bytes, progress: Progress) -> SourceModel:
    """CityJSONSeq: a first line with the metadata, then one CityJSONFeature a line."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    lines = [line for line in data.splitlines() if line.strip()]
    if not lines:
        raise Refused("I-503", "it is empty")
    try:
        head = _parse(lines[0])
    except Refused:
        return read(data, progress)  # one document over several lines
    reader = _Reader(head)
    features = lines[1:] if head.type != "CityJSONFeature" else lines
    for place, line in enumerate(features):
        try:
            part = _parse(line)
        except Refused as refused:
            reader.model.refused.append(Unplaced(f"line {place + 2}", refused.what))
            continue
        if part.transform is None:
            part.transform = head.transform
        reader.take(part)
        if place % 256 == 0:
            progress(place, len(features), "features")
    return reader.finish()


def _parse(data: bytes) -> _File:
    try:
        document = msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise Refused("I-503", f"it is no CityJSON: {error}") from error
    except msgspec.DecodeError as error:
        text = str(error)
        code = "I-505" if "truncated" in text else "I-503"
        raise Refused(code, text) from error
    except RecursionError as error:
        raise Refused("I-503", "it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Refused("I-503", "it is not UTF-8 text") from error
    if document.type not in ("CityJSON", "CityModel", "CityJSONFeature"):
        what = f"JSON of type '{document.type}'" if document.type else "JSON without a type"
        raise Refused("I-504", f"{what}, no CityJSON")
    return document


def _decode(document: _File, progress: Progress) -> SourceModel:
    reader = _Reader(document)
    reader.take(document, progress)
    return reader.finish()


class _Reader:
    """Collects objects of one file; features of a sequence come one document each."""

    def __init__(self, head: _File) -> None:
        self.model = SourceModel("CityJSON", _version(head.version), _crs_name(head.metadata))
        self._vertices: list[Floats] = []
        self._extra: list[list[float]] = []
        self._base = 0
        self._faces = FaceList()
        self._templates = head.templates
        self._counts: Counter[str] = Counter()
        self._finest: list[float] = []
        self._ids: set[str] = set()

    def take(self, document: _File, progress: Progress | None = None) -> None:
        vertices = _vertices(document)
        objects = document.CityObjects or {}
        if document.id and document.type == "CityJSONFeature" and document.id not in objects:
            self.model.warnings.append(f"feature '{document.id}' does not hold the object it names")
        parents: dict[str, str] = {}
        for place, (name, raw) in enumerate(objects.items()):
            if progress is not None and place % 512 == 0:
                progress(place, len(objects), "objects")
            try:
                item = _OBJECT.decode(raw)
            except _UNREADABLE as error:
                self.model.refused.append(Unplaced(name, f"damaged: {error}"))
                continue
            self._counts[item.type] += 1
            if name in self._ids:
                self.model.refused.append(Unplaced(name, "a second object has this id"))
                continue
            self._ids.add(name)
            for child in item.children if isinstance(item.children, list) else ():
                if isinstance(child, str):
                    parents.setdefault(child, name)
            self._object(name, item, vertices, parents)
        for feature in self.model.features:
            if not feature.parent:
                feature.parent = parents.get(feature.id, "")
        self._vertices.append(vertices)
        self._base += len(vertices)
        if self._extra:
            self._vertices.append(np.array(self._extra, float))
            self._base += len(self._extra)
            self._extra = []

    def _object(self, name: str, item: _Object, vertices: Floats, parents: dict[str, str]) -> None:
        feature = Feature(
            id=name,
            type=item.type,
            name=_title(name, item),
            domain=domain_of(item.type),
            parent=_parent(item),
            attributes=flat_attributes(item.attributes or {}),
        )
        number = len(self.model.features)
        mark = self._faces.mark()
        kept = len(self._extra)
        try:
            for geometry in _finest(item.geometry or []):
                self._geometry(geometry, number, item.type, vertices, feature)
        except BadObject as error:
            self._faces.drop_to(mark)
            del self._extra[kept:]
            self.model.refused.append(Unplaced(name, f"damaged: {error}"))
            return
        self.model.features.append(feature)
        self._finest.append(_best(item.geometry or []))

    def _geometry(
        self, geometry: _Geometry, owner: int, kind: str, vertices: Floats, feature: Feature
    ) -> None:
        if geometry.type == "GeometryInstance":
            self._instance(geometry, owner, kind, vertices)
            return
        if geometry.type in _POINTS_ONLY:
            indices = _indices(geometry.boundaries, len(vertices))
            if indices and feature.at is None:
                x, y, z = vertices[indices].mean(axis=0).tolist()
                feature.at = (x, y, z)
            return
        self._add(geometry, owner, kind, len(vertices), self._base)

    def _add(self, geometry: _Geometry, owner: int, kind: str, count: int, base: int) -> None:
        depth = _DEPTH.get(geometry.type)
        if depth is None:
            raise BadObject(f"unknown geometry '{geometry.type}'")
        fallback = SURFACE_INDEX[surface_of(kind)]
        for surface, meaning in _surfaces(geometry, depth, fallback):
            if not isinstance(surface, list):
                raise BadObject("a surface that is no list of rings")
            rings = []
            for ring in surface:
                if not isinstance(ring, list):
                    raise BadObject("a ring that is no list")
                if not ring:
                    continue
                if set(map(type, ring)) != _INTEGERS:
                    raise BadObject("a ring that does not hold vertex numbers")
                low, high = min(ring), max(ring)
                if low < 0 or high >= count:
                    raise BadObject(f"vertex {low if low < 0 else high} of {count}")
                rings.append([index + base for index in ring] if base else ring)
            self._faces.add(rings, owner, meaning)

    def _instance(self, geometry: _Geometry, owner: int, kind: str, vertices: Floats) -> None:
        templates = self._templates
        anchor = _indices(geometry.boundaries, len(vertices))
        if templates is None or geometry.template is None or not anchor:
            raise BadObject("a geometry instance without a template")
        if not 0 <= geometry.template < len(templates.templates):
            raise BadObject(f"template {geometry.template} of {len(templates.templates)}")
        matrix = np.array(geometry.transformationMatrix or np.eye(4).ravel(), float)
        if matrix.shape != (16,) or not np.isfinite(matrix).all():
            raise BadObject("a transformation matrix that is none")
        model = np.array(templates.vertices, float).reshape(-1, 3)
        with np.errstate(over="ignore", invalid="ignore"):
            placed = model @ matrix.reshape(4, 4)[:3, :3].T + matrix.reshape(4, 4)[:3, 3]
            placed = placed + vertices[anchor[0]]
        base = self._base + len(vertices) + len(self._extra)
        self._add(templates.templates[geometry.template], owner, kind, len(model), base)
        self._extra.extend(placed.tolist())

    def finish(self) -> SourceModel:
        model = self.model
        model.counts = dict(sorted(self._counts.items()))
        lost = sum(1 for f in model.features if f.parent and f.parent not in self._ids)
        if lost:
            model.warnings.append(f"{lost} objects name a parent that is not in the file")
        points = np.concatenate(self._vertices) if self._vertices else np.zeros((0, 3))
        faces = self._faces.build(points)
        model.faces = without_coarse_parents(faces, model.features, self._finest)
        return model


def _vertices(document: _File) -> Floats:
    try:
        rows = _VERTICES.decode(document.vertices)
    except _UNREADABLE as error:
        raise Refused("I-503", f"its vertices are damaged: {error}") from error
    points = np.fromiter(chain.from_iterable(rows), float, count=3 * len(rows)).reshape(-1, 3)
    if document.transform is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            points = points * document.transform.scale + np.array(document.transform.translate)
    return points


def _version(value: str | float | None) -> str:
    if value is None:
        return ""
    return str(value).rstrip("/").rsplit("/", 1)[-1]


def _crs_name(metadata: Any) -> str:
    """Name of the coordinate system in any of the places the versions put it."""
    if not isinstance(metadata, dict):
        return ""
    system = metadata.get("referenceSystem")
    if isinstance(system, str | int):
        return str(system)
    old = metadata.get("crs")
    if isinstance(old, dict):
        old = old.get("epsg")
    return str(old) if isinstance(old, str | int) and not isinstance(old, bool) else ""


def _title(name: str, item: _Object) -> str:
    attributes = item.attributes or {}
    for key in ("name", "Name", "gml:name", "gml_name", "naam"):
        value = attributes.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return name


def _parent(item: _Object) -> str:
    for value in (item.parents, item.parent):
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and isinstance(value[0], str):
            return value[0]
    return ""


def flat_attributes(values: dict[str, Any], prefix: str = "") -> dict[str, Attribute]:
    """Scalars of a nested mapping with dotted names; lists of scalars become one text."""
    flat: dict[str, Attribute] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if value is None or isinstance(value, str | bool):
            flat[name] = value
        elif isinstance(value, int):
            flat[name] = value if -(2**63) <= value < 2**63 else str(value)
        elif isinstance(value, float):
            flat[name] = value if math.isfinite(value) else None
        elif isinstance(value, dict) and prefix.count(".") < 4:
            flat.update(flat_attributes(value, f"{name}."))
        elif isinstance(value, list) and all(isinstance(v, str | int | float) for v in value):
            flat[name] = ", ".join(str(v) for v in value)
    return flat


def _lod(geometry: _Geometry) -> float:
    try:
        level = float(geometry.lod) if geometry.lod is not None else 0.0
    except ValueError:
        return 0.0
    return level if math.isfinite(level) else 0.0


def _best(geometries: list[_Geometry]) -> float:
    return max((_lod(g) for g in geometries if g.type not in _POINTS_ONLY), default=0.0)


def _finest(geometries: list[_Geometry]) -> list[_Geometry]:
    """The geometries of the highest level of detail that has surfaces."""
    if not geometries:
        return []
    solid = [g for g in geometries if g.type not in _POINTS_ONLY] or geometries
    best = _best(solid)
    return [g for g in solid if g.type in _POINTS_ONLY or _lod(g) == best]


def _indices(boundaries: Any, count: int) -> list[int]:
    """All vertex numbers in a nested list, checked."""
    found: list[int] = []
    pending = [boundaries]
    while pending:
        here = pending.pop()
        if isinstance(here, list):
            pending.extend(reversed(here))
        elif isinstance(here, int) and not isinstance(here, bool) and 0 <= here < count:
            found.append(here)
        else:
            raise BadObject(f"vertex {here} of {count}")
    return found


def _surfaces(geometry: _Geometry, depth: int, fallback: int) -> Iterator[tuple[Any, int]]:
    """Every surface with its place in SURFACES, whatever way the version writes semantics."""
    semantics = geometry.semantics
    words: list[int] | None = None
    values: Any = None
    if isinstance(semantics, dict):
        listed = semantics.get("surfaces")
        words = [_word(entry, fallback) for entry in listed] if isinstance(listed, list) else []
        values = semantics.get("values")
    elif isinstance(semantics, list):
        values = semantics
    yield from _walk(geometry.boundaries, values, words, depth, fallback)


def _walk(
    boundaries: Any, values: Any, words: list[int] | None, depth: int, fallback: int
) -> Iterator[tuple[Any, int]]:
    if boundaries is None:
        return
    if not isinstance(boundaries, list):
        raise BadObject("boundaries that are no list")
    known = values if isinstance(values, list) else []
    for place, part in enumerate(boundaries):
        value = known[place] if place < len(known) else None
        if depth:
            yield from _walk(part, value, words, depth - 1, fallback)
        elif words is None:
            yield part, _word(value, fallback)
        elif type(value) is int and 0 <= value < len(words):
            yield part, words[value]
        else:
            yield part, fallback


def _word(entry: Any, fallback: int) -> int:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if kind in SURFACE_INDEX:
        return SURFACE_INDEX[kind]
    return SURFACE_INDEX.get(surface_of(str(kind)), fallback) or fallback
