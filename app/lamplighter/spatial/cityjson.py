"""CityJSON 0.2 to 2.0 and CityJSONSeq, by typed decoding, every level of detail.

An object that is damaged by itself (an index outside the vertices, a geometry of an unknown
shape) is refused alone and named; the rest of the file is taken.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.cityjson_document import (
    ITEM,
    UNREADABLE,
    Document,
    Geometry,
    Item,
    crs_name,
    licence_of,
    parse,
    pieces,
    text_of,
    version_of,
    vertices,
)
from lamplighter.spatial.cityjson_skin import Skin
from lamplighter.spatial.cityjson_words import (
    attributes,
    meanings,
    parent,
    title,
)
from lamplighter.spatial.cityjson_words import flat_attributes as flat_attributes
from lamplighter.spatial.kinds import domain_of, surface_of
from lamplighter.spatial.model import (
    SURFACE_INDEX,
    FaceList,
    Feature,
    Floats,
    Refused,
    SourceModel,
)
from lamplighter.spatial.textures import Pictures, named_files

Progress = Callable[[int, int, str], None]
_Surfaces = list[list[list[int]]]
_DEPTH: Final = {
    "MultiSurface": 0,
    "CompositeSurface": 0,
    "Solid": 1,
    "MultiSolid": 2,
    "CompositeSolid": 2,
}
_DECODERS: Final = (
    msgspec.json.Decoder(_Surfaces | None),
    msgspec.json.Decoder(list[_Surfaces] | None),
    msgspec.json.Decoder(list[list[_Surfaces]] | None),
)
_POINTS: Final = msgspec.json.Decoder(list[int] | None)
_LINES: Final = msgspec.json.Decoder(list[list[int]] | None)
_POINTS_ONLY: Final = ("MultiPoint", "MultiLineString")
_KNOWN: Final = frozenset(
    {"type", "attributes", "geometry", "parents", "parent", "children", "address",
     "children_roles", "members", "geographicalExtent", "bbox"}
)  # fmt: skip
_IMAGE: Final = re.compile(rb'"image"\s*:\s*"([^"\\]{1,500})"')
_HIGHEST: Final = 9.9


class BadObject(Exception):
    """One object cannot be taken; the text says why."""


def looks_like(head: bytes) -> bool:
    """True when the first bytes of a file could be CityJSON."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"City' in head


def brings(path: Path) -> list[Path]:
    """The pictures inside the file's folder that it names."""
    return named_files(path, _IMAGE)


def read(data: bytes, progress: Progress, folder: Path | None = None) -> SourceModel:
    """One CityJSON document; raises `Refused` when it is none or is damaged as a whole.

    `folder` is where its textures lie; without it none is read.
    """
    data, told = text_of(data)
    document = parse(data)
    reader = _Reader(document, folder)
    reader.extended = b'"+' in data
    reader.take(document, progress)
    if document.extensions is not None:
        reader.own_members(data)
    return reader.finish(told)


def read_sequence(data: bytes, progress: Progress, folder: Path | None = None) -> SourceModel:
    """CityJSONSeq: a first document with the metadata, then one CityJSONFeature each."""
    data, told = text_of(data)
    documents = pieces(data)
    if not documents:
        raise Refused("I-503", "it is empty")
    head = parse(documents[0])
    reader = _Reader(head, folder)
    features = documents[1:]
    if head.type == "CityJSONFeature" or head.CityObjects:
        reader.take(head)
    for place, piece in enumerate(features):
        try:
            part = parse(piece)
        except Refused as refused:
            reader.model.refused.append(Unplaced(f"line {place + 2}", refused.what))
            continue
        if part.transform is None:
            part.transform = head.transform
        reader.take(part)
        if place % 256 == 0:
            progress(place, len(features), "features")
    return reader.finish(told)


class _Reader:
    """Collects objects of one file; features of a sequence come one document each."""

    def __init__(self, head: Document, folder: Path | None) -> None:
        self.model = SourceModel("CityJSON", version_of(head.version), crs_name(head.metadata))
        licence, attribution, date = licence_of(head.metadata)
        self.model.licence, self.model.attribution, self.model.date = licence, attribution, date
        self._pictures = Pictures(folder)
        self._skin = Skin(head.appearance, self._pictures)
        self._vertices: list[Floats] = []
        self._base = 0
        self._faces = FaceList()
        self._templates = head.templates
        self._template_points: Floats | None = None
        self._counts: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._lines_beside = 0
        self._middles = 0
        self.extended = True
        """whether anything in the file is named as extensions name things"""

    def take(self, document: Document, progress: Progress | None = None) -> None:
        points = vertices(document)
        self._put(points)
        self._first = self._base - len(points)
        self._skin.use(document.appearance)
        objects = document.CityObjects or {}
        if document.id and document.type == "CityJSONFeature" and document.id not in objects:
            self.model.warnings.append(f"feature '{document.id}' does not hold the object it names")
        parents: dict[str, str] = {}
        for place, (name, raw) in enumerate(objects.items()):
            if progress is not None and place % 512 == 0:
                progress(place, len(objects), "objects")
            try:
                item = ITEM.decode(raw)
            except UNREADABLE as error:
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
            self._object(name, item, points, _more(item, raw) if self.extended else {})
        for feature in self.model.features if parents else ():
            if not feature.parent:
                feature.parent = parents.get(feature.id, "")

    def _put(self, points: Floats) -> None:
        self._vertices.append(points)
        self._base += len(points)

    def _object(self, name: str, item: Item, points: Floats, more: dict[str, Any]) -> None:
        feature = Feature(
            id=name,
            type=item.type,
            name=title(name, item),
            domain=domain_of(item.type),
            parent=parent(item),
            attributes=attributes(item, more),
        )
        number = len(self.model.features)
        faces, blocks, skins = self._faces.mark(), len(self._vertices), self._skin.mark()
        try:
            thin: list[Geometry] = []
            for geometry in item.geometry or ():
                if geometry.type in _POINTS_ONLY:
                    thin.append(geometry)
                else:
                    self._geometry(geometry, (number, item.type), points, feature)
            if thin:
                self._thin(thin, feature, points, beside=self._faces.mark() != faces)
        except BadObject as error:
            self._faces.drop_to(faces)
            self._base -= sum(map(len, self._vertices[blocks:]))
            del self._vertices[blocks:]
            self._skin.drop_to(skins)
            self.model.refused.append(Unplaced(name, f"damaged: {error}"))
            return
        self.model.features.append(feature)

    def _geometry(
        self, geometry: Geometry, whose: tuple[int, str], points: Floats, feature: Feature
    ) -> None:
        owner, kind = whose
        if geometry.type == "GeometryInstance":
            self._instance(geometry, (owner, kind), points, feature)
        else:
            self._add(geometry, owner, kind, points, self._first)

    def _add(self, geometry: Geometry, owner: int, kind: str, points: Floats, base: int) -> None:
        depth = _DEPTH.get(geometry.type)
        if depth is None:
            raise BadObject(f"unknown geometry '{geometry.type}'")
        try:
            nested: Any = _DECODERS[depth].decode(geometry.boundaries)
        except UNREADABLE as error:
            raise BadObject(str(error)) from error
        if not nested:
            return
        surfaces: _Surfaces = nested
        for _ in range(depth):
            surfaces = list(chain.from_iterable(surfaces))  # type: ignore[arg-type]
        _check(surfaces, len(points))
        words = meanings(geometry.semantics, nested, depth, SURFACE_INDEX[surface_of(kind)])
        lod = round(_lod(geometry) * 10)
        if len(geometry.texture) > len("null") and self._skin.usable:
            self._textured(geometry, nested, depth, surfaces, words, (owner, lod, base), points)
        else:
            self._faces.extend(surfaces, owner, words, lod, base)

    def _textured(
        self,
        geometry: Geometry,
        nested: Any,
        depth: int,
        surfaces: _Surfaces,
        words: list[int],
        where: tuple[int, int, int],
        points: Floats,
    ) -> None:
        """Polygons with a picture get vertices of their own, each with its place in it."""
        owner, lod, base = where
        plain: _Surfaces = []
        plain_words: list[int] = []
        for surface, word, skin in zip(
            surfaces, words, self._skin.of(geometry.texture, nested, depth), strict=True
        ):
            dressed = self._skin.dress(surface, skin)
            if dressed is None:
                plain.append(surface)
                plain_words.append(word)
                continue
            image, spots = dressed
            begin = self._base
            rings = []
            for ring in surface:
                rings.append(list(range(begin, begin + len(ring))))
                begin += len(ring)
            self._skin.put(self._base, spots)
            self._put(points[list(chain.from_iterable(surface))])
            self._faces.add(rings, owner, word, lod, image)
        self._faces.extend(plain, owner, plain_words, lod, base)

    def _instance(
        self, geometry: Geometry, whose: tuple[int, str], points: Floats, feature: Feature
    ) -> None:
        templates = self._templates
        anchor = _numbers(_POINTS, geometry, len(points))
        if templates is None or geometry.template is None or not anchor:
            raise BadObject("a geometry instance without a template")
        if not 0 <= geometry.template < len(templates.templates):
            raise BadObject(f"template {geometry.template} of {len(templates.templates)}")
        template = templates.templates[geometry.template]
        matrix = np.array(geometry.transformationMatrix or np.eye(4).ravel(), float)
        if matrix.shape != (16,) or not np.isfinite(matrix).all():
            raise BadObject("a transformation matrix that is none")
        if self._template_points is None:
            self._template_points = np.array(templates.vertices, float).reshape(-1, 3)
        matrix = matrix.reshape(4, 4)
        with np.errstate(over="ignore", invalid="ignore"):
            placed = self._template_points @ matrix[:3, :3].T + matrix[:3, 3]
            placed = placed + points[anchor[0]]
        if template.type in _POINTS_ONLY:
            self._thin([template], feature, placed, beside=False)
            return
        base = self._base
        self._put(placed)
        self._add(template, *whose, placed, base)

    def _thin(
        self, found: list[Geometry], feature: Feature, points: Floats, *, beside: bool
    ) -> None:
        """Points and lines: a place or a course, unless the object has surfaces."""
        best = max(map(_lod, found))
        for geometry in found:
            if geometry.type == "MultiPoint":
                spots = _numbers(_POINTS, geometry, len(points))
                if beside or feature.at is not None or not spots:
                    self._lines_beside += bool(spots)
                    continue
                self._middles += len(spots) > 1
                x, y, z = points[spots].mean(axis=0).tolist()
                feature.at = (x, y, z)
                continue
            parts = _parts(geometry, points)
            if beside or _lod(geometry) != best or feature.path is not None:
                self._lines_beside += len(parts)
            elif parts:
                feature.path, feature.more = parts[0], parts[1:] or None

    def own_members(self, data: bytes) -> None:
        """Members an extension adds to the file itself are named, not dropped silently."""
        names = [k for k in msgspec.json.decode(data, type=dict[str, msgspec.Raw]) if k[:1] == "+"]
        if names:
            told = ", ".join(sorted(names)[:10])
            self.model.warnings.append(f"what the file says as a whole is not shown: {told}")

    def finish(self, told: str) -> SourceModel:
        model = self.model
        model.counts = dict(sorted(self._counts.items()))
        lost = sum(1 for f in model.features if f.parent and f.parent not in self._ids)
        warnings = (
            (told, told),
            (lost, f"{lost} objects name a parent that is not in the file"),
            (self._lines_beside,
             f"{self._lines_beside} lines and points beside other geometry are not drawn"),
            (self._middles, f"{self._middles} objects of several points lie at their middle"),
        )  # fmt: skip
        model.warnings.extend(text for count, text in warnings if count)
        points = np.concatenate(self._vertices) if self._vertices else np.zeros((0, 3))
        model.images = self._pictures.images
        model.warnings.extend(self._pictures.warnings())
        uv = self._skin.finish(len(points)) if model.images else None
        model.faces = self._faces.build(points, uv)
        return model


def _more(item: Item, raw: msgspec.Raw) -> dict[str, Any]:
    """Members an extension gives an object beside the usual ones."""
    if not item.type.startswith("+") and b'"+' not in bytes(raw):
        return {}  # only extensions add members, and their names start so
    found: dict[str, Any] = msgspec.json.decode(raw)
    return {key: value for key, value in found.items() if key not in _KNOWN}


def _check(surfaces: _Surfaces, count: int) -> None:
    """Raise BadObject when a corner is no vertex."""
    corners = list(chain.from_iterable(chain.from_iterable(surfaces)))
    if corners:
        low, high = min(corners), max(corners)
        if low < 0 or high >= count:
            raise BadObject(f"vertex {low if low < 0 else high} of {count}")


def _numbers(decoder: Any, geometry: Geometry, count: int) -> list[int]:
    try:
        found: list[int] = decoder.decode(geometry.boundaries) or []
    except UNREADABLE as error:
        raise BadObject(str(error)) from error
    _check([[found]], count)
    return found


def _parts(geometry: Geometry, points: Floats) -> list[list[tuple[float, float, float]]]:
    """The lines of a MultiLineString that have two corners or more."""
    try:
        lines: list[list[int]] = _LINES.decode(geometry.boundaries) or []
    except UNREADABLE as error:
        raise BadObject(str(error)) from error
    _check([lines], len(points))
    return [[(x, y, z) for x, y, z in points[line].tolist()] for line in lines if len(line) > 1]


def _lod(geometry: Geometry) -> float:
    """Level of detail 0 to 9.9; 0 for what is none."""
    try:
        level = float(geometry.lod) if geometry.lod is not None else 0.0
    except ValueError:
        return 0.0
    return min(max(level, 0.0), _HIGHEST) if math.isfinite(level) else 0.0
