"""CityJSON, CityJSONSeq, JSON-FG and tu3djson as they are stated, with what contradicts itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.spatial.checking.boundaries import (
    SOLIDS,
    SURFACE_SETS,
    Builder,
    Fault,
    RawModel,
    RawObject,
    Solid,
)
from lamplighter.spatial.checking.references import (
    Bad,
    check_appearance,
    check_numbers,
    check_semantics,
)
from lamplighter.spatial.model import Floats, Refused

_VERSION: Final = re.compile(r"(.*/)?(0\.\d.*|1\.0(\.\d)?|1\.1(\.\d)?|2\.0)/?$")
_CAREFUL_BYTES: Final = 40_000_000
"""up to this size names that stand twice in one object are looked for"""
_PLACED: Final = 1 << 40
"""points of placed templates are numbered from here until all vertices are known"""
_DEPTH: Final = {
    "MultiPoint": 1, "MultiLineString": 2, "MultiSurface": 3, "CompositeSurface": 3,
    "Solid": 4, "MultiSolid": 5, "CompositeSolid": 5,
}  # fmt: skip
"""how deep the vertex numbers lie in the boundaries"""


def read(data: bytes) -> RawModel:
    """Any JSON of a kind the checker knows; raises `Refused` for every other."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise Refused("I-503", "it is empty")
    twice: list[str] = []
    try:
        document = _decoded(data, twice)
    except (ValueError, msgspec.DecodeError, RecursionError) as error:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) > 1 and b'"CityJSON' in data and lines[0].rstrip().endswith(b"}"):
            return _sequence(lines)
        raise Refused("I-503", f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refused("I-504", "JSON that is no city model")
    kind = document.get("type")
    if kind in ("CityJSON", "CityJSONFeature", "CityModel"):
        reader = _Reader(document)
        reader.take(document, twice)
        return reader.finish()
    if kind == "tu3djson":
        return _tu3djson(document)
    if kind in ("Feature", "FeatureCollection"):
        return _json_fg(document)
    raise Refused("I-504", f"JSON of type '{kind}'")


def _decoded(data: bytes, twice: list[str]) -> Any:
    if len(data) > _CAREFUL_BYTES:
        return msgspec.json.decode(data)

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) < len(members):
            names = [name for name, _ in members]
            twice.extend(sorted({n for n in names if names.count(n) > 1})[:50])
        return found

    return json.loads(data, object_pairs_hook=pairs)


def _sequence(lines: list[bytes]) -> RawModel:
    reader: _Reader | None = None
    for number, line in enumerate(lines, 1):
        twice: list[str] = []
        try:
            part = _decoded(line, twice)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            if reader is None:
                raise Refused("I-503", f"line {number} is no JSON: {error}") from error
            reader.fault("damaged-object", f"line {number}", f"no JSON: {error}")
            continue
        if not isinstance(part, dict):
            continue
        if reader is None:
            reader = _Reader(part)
        reader.take(part, twice)
    if reader is None:
        raise Refused("I-503", "no line of it is an object")
    return reader.finish()


class _Reader:
    """Collects the objects of one document, or of the lines of a sequence."""

    def __init__(self, head: dict[str, Any]) -> None:
        self.model = RawModel("CityJSON", str(head.get("version") or ""))
        self._builder = Builder()
        self._transform = head.get("transform")
        self._templates = head.get("geometry-templates")
        self._appearance = head.get("appearance")
        self._points: list[Floats] = []
        self._base = 0
        self._parents: dict[str, str] = {}
        self._declared: list[tuple[str, str]] = []
        self._head(head)

    def fault(self, code: str, name: str, what: str, fixable: bool = True) -> None:
        self.model.faults.append(Fault(code, name, what, fixable))

    def _head(self, head: dict[str, Any]) -> None:
        metadata = head.get("metadata")
        if isinstance(metadata, dict):
            system = metadata.get("referenceSystem", metadata.get("crs"))
            if isinstance(system, dict):
                system = system.get("epsg")
            self.model.crs_text = str(system) if system else ""
        version = self.model.version
        if head.get("type") != "CityJSONFeature":
            if not _VERSION.match(version):
                self.fault("odd-structure", "", f"version '{version}' is none of CityJSON")
            elif version[:3] in ("1.1", "2.0") and not isinstance(self._transform, dict):
                self.fault("odd-structure", "", f"version {version} needs a transform")
            if not isinstance(head.get("CityObjects"), dict):
                self.fault("odd-structure", "", "it has no CityObjects")
        else:
            what = "features without the first line that says their version and transform"
            self.fault("odd-structure", "", what)

    def take(self, document: dict[str, Any], twice: list[str]) -> None:
        points = self._vertices(document)
        objects = document.get("CityObjects")
        objects = objects if isinstance(objects, dict) else {}
        for name in twice:
            code = "duplicate-id" if name in objects else "odd-structure"
            self.fault(code, name if name in objects else "", f"'{name}' stands twice", False)
        feature = document.get("id")
        if document.get("type") == "CityJSONFeature":
            if not isinstance(feature, str):
                self.fault("odd-structure", "", "a feature without an id")
            elif feature not in objects:
                self.fault(
                    "bad-reference", feature, "the feature does not hold the object it names"
                )
        appearance = document.get("appearance") or self._appearance
        known = {o.id for o in self._builder.objects} if document.get("id") else set()
        for name, item in objects.items():
            if name in known:
                self.fault("duplicate-id", name, "another object has this id")
            self._object(name, item, points, appearance)
        for name, item in objects.items():
            self._relations(name, item, objects)
        self._base += len(points)
        self._points.append(points)

    def _vertices(self, document: dict[str, Any]) -> Floats:
        listed = document.get("vertices", [])
        try:
            points = np.array(listed, float).reshape(-1, 3)
        except (ValueError, TypeError, OverflowError):
            self.fault("bad-structure", "", "its vertices are no lists of three numbers")
            return np.zeros((0, 3))
        transform = document.get("transform") or self._transform
        if isinstance(transform, dict):
            try:
                scale = np.array(transform.get("scale"), float).reshape(3)
                shift = np.array(transform.get("translate"), float).reshape(3)
            except (ValueError, TypeError):
                self.fault("bad-structure", "", "its transform is no scale and translation")
                return points
            with np.errstate(all="ignore"):
                points = points * scale + shift
        if len(points) and not np.isfinite(points).all():
            self.fault("bad-structure", "", "some vertices are no finite numbers")
        return points

    def _object(self, name: str, item: Any, points: Floats, appearance: Any) -> None:
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            self.fault("damaged-object", name, "it is no object with a type")
            return
        attributes = item.get("attributes")
        geometries = item.get("geometry")
        geometries = geometries if isinstance(geometries, list) else []
        parent = item.get("parents", item.get("parent"))
        parent = parent[0] if isinstance(parent, list) and parent else parent
        children = item.get("children")
        self._builder.objects.append(
            RawObject(
                name,
                item["type"],
                parent if isinstance(parent, str) else "",
                tuple(c for c in children if isinstance(c, str))
                if isinstance(children, list)
                else (),
                len(geometries),
                attributes if isinstance(attributes, dict) else {},
            )
        )
        for number, geometry in enumerate(geometries):
            try:
                self._geometry(geometry, number, points, appearance)
            except Bad as bad:
                self.fault(bad.code, name, f"geometry {number}: {bad}")

    def _relations(self, name: str, item: Any, objects: dict[str, Any]) -> None:
        if not isinstance(item, dict):
            return
        listed = item.get("parents")
        for parent in listed if isinstance(listed, list) else []:
            above = objects.get(parent) if isinstance(parent, str) else None
            if not isinstance(above, dict):
                self.fault("missing-parent", name, f"its parent '{parent}' is not in the file")
            elif name not in (above.get("children") or above.get("members") or []):
                self.fault("missing-child", str(parent), f"it does not name its part '{name}'")
        children = item.get("children")
        for child in children if isinstance(children, list) else []:
            if not isinstance(child, str) or child not in objects:
                self.fault("missing-child", name, f"its part '{child}' is not in the file")

    # ------------------------------------------------------------------ geometry
    def _geometry(self, geometry: Any, number: int, points: Floats, appearance: Any) -> None:
        if not isinstance(geometry, dict):
            raise Bad("bad-structure", "no object")
        if geometry.get("type") == "GeometryInstance":
            self._instance(geometry, number, points)
            return
        self._plain(geometry, number, len(points), self._base)
        check_semantics(geometry)
        check_appearance(geometry, appearance)

    def _plain(self, geometry: dict[str, Any], number: int, count: int, base: int) -> None:
        kind = geometry.get("type")
        depth = _DEPTH.get(kind) if isinstance(kind, str) else None
        if depth is None or not isinstance(kind, str):
            raise Bad("bad-structure", f"unknown geometry '{kind}'")
        boundaries = geometry.get("boundaries")
        if not isinstance(boundaries, list):
            raise Bad("bad-structure", "boundaries that are no list")
        check_numbers(boundaries, depth, count)
        if kind not in SOLIDS and kind not in SURFACE_SETS:
            return
        solids = _solids(kind, boundaries, base)
        lod = geometry.get("lod")
        self._builder.add(
            kind,
            solids,
            number=number,
            lod="" if lod is None else str(lod),
            meanings=_meanings(geometry, depth - 3),
        )

    def _instance(self, geometry: dict[str, Any], number: int, points: Floats) -> None:
        holder = self._templates if isinstance(self._templates, dict) else {}
        templates, vertices = holder.get("templates"), holder.get("vertices-templates")
        wanted, anchor = geometry.get("template"), geometry.get("boundaries")
        if not isinstance(templates, list) or not isinstance(vertices, list):
            raise Bad("bad-reference", "the file has no templates")
        if type(wanted) is not int or not 0 <= wanted < len(templates):
            raise Bad("bad-reference", f"template {wanted} of {len(templates)}")
        if not isinstance(anchor, list) or len(anchor) != 1:
            raise Bad("bad-structure", "an instance needs one point")
        check_numbers(anchor, 1, len(points))
        try:
            model = np.array(vertices, float).reshape(-1, 3)
            matrix = np.array(geometry.get("transformationMatrix"), float).reshape(4, 4)
        except (ValueError, TypeError) as error:
            raise Bad("bad-structure", "a matrix or template vertices that are none") from error
        placed = model @ matrix[:3, :3].T + matrix[:3, 3] + points[anchor[0]]
        base = len(self._builder.points)
        self._builder.points.extend(map(tuple, placed.tolist()))
        self._plain(templates[wanted], number, len(model), _PLACED + base)

    def finish(self) -> RawModel:
        points = np.concatenate(self._points) if self._points else np.zeros((0, 3))
        shapes = self._builder.build(points)
        extra = np.array(self._builder.points, float).reshape(-1, 3)
        if len(extra):
            placed = shapes.corners >= _PLACED
            shapes.corners[placed] += len(points) - _PLACED
            shapes.points = np.concatenate([points, extra])
        self.model.shapes = shapes
        return self.model


def _solids(kind: str, boundaries: list[Any], base: int) -> list[Solid]:
    if kind in SURFACE_SETS:
        nested = [[boundaries]] if boundaries else []
    elif kind == "Solid":
        nested = [boundaries] if boundaries else []
    else:
        nested = boundaries
    if not base:
        return nested
    return [
        [[[[n + base for n in ring] for ring in rings] for rings in shell] for shell in solid]
        for solid in nested
    ]


def _flat(values: Any, depth: int) -> Iterator[Any]:
    """The entries of a list nested `depth` levels below the first."""
    if depth <= 0 or not isinstance(values, list):
        yield from values if isinstance(values, list) else [values]
        return
    for part in values:
        yield from _flat(part, depth - 1)


def _meanings(geometry: dict[str, Any], depth: int) -> list[str] | None:
    """A word for each polygon; `depth` is how deep the values of a polygon are nested."""
    semantics = geometry.get("semantics")
    if isinstance(semantics, list):
        return [str(e.get("type", "")) if isinstance(e, dict) else "" for e in semantics]
    if not isinstance(semantics, dict):
        return None
    surfaces = semantics.get("surfaces")
    surfaces = surfaces if isinstance(surfaces, list) else []
    words = [str(s.get("type", "")) if isinstance(s, dict) else "" for s in surfaces]
    found: list[str] = []
    for boundary, value in _beside(geometry.get("boundaries"), semantics.get("values"), depth):
        del boundary
        known = type(value) is int and 0 <= value < len(words)
        found.append(words[value] if known else "")
    return found


def _beside(boundaries: Any, values: Any, depth: int) -> Iterator[tuple[Any, Any]]:
    """Polygons with their semantic value; null for a whole shell or solid is allowed."""
    if not isinstance(boundaries, list):
        return
    known = values if isinstance(values, list) else []
    for place, part in enumerate(boundaries):
        value = known[place] if place < len(known) else None
        if depth > 0:
            yield from _beside(part, value, depth - 1)
        else:
            yield part, value


# ---------------------------------------------------------------------- relatives
def _tu3djson(document: dict[str, Any]) -> RawModel:
    model, builder = RawModel("tu3djson"), Builder()
    features = document.get("features")
    for place, feature in enumerate(features if isinstance(features, list) else []):
        geometry = feature.get("geometry") if isinstance(feature, dict) else None
        name = str(feature.get("id", place)) if isinstance(feature, dict) else str(place)
        if not isinstance(geometry, dict):
            model.faults.append(Fault("bad-structure", name, "it has no geometry"))
            continue
        builder.objects.append(RawObject(name, str(feature.get("type", "")), geometries=1))
        try:
            points = np.array(geometry.get("vertices", []), float).reshape(-1, 3)
            kind = str(geometry.get("type"))
            boundaries = geometry.get("boundaries")
            if kind not in _DEPTH or not isinstance(boundaries, list):
                raise Bad("bad-structure", f"unknown geometry '{kind}'")
            check_numbers(boundaries, _DEPTH[kind], len(points))
            builder.add(kind, _solids(kind, boundaries, len(builder.points)))
            builder.points.extend(map(tuple, points.tolist()))
        except (Bad, ValueError, TypeError) as error:
            code = error.code if isinstance(error, Bad) else "bad-structure"
            model.faults.append(Fault(code, name, str(error)))
    model.shapes = builder.build()
    return model


def _json_fg(document: dict[str, Any]) -> RawModel:
    """Polyhedra of OGC Features and Geometries JSON; plain GeoJSON has none and is refused."""
    features = document.get("features", [document])
    model, builder = RawModel("JSON-FG"), Builder()
    model.crs_text = str(document.get("coordRefSys") or "")
    flat = 0
    for place, feature in enumerate(features if isinstance(features, list) else []):
        if not isinstance(feature, dict):
            continue
        spot = feature.get("place")
        name = str(feature.get("id", place))
        kind = spot.get("type") if isinstance(spot, dict) else None
        if not isinstance(spot, dict) or kind not in ("Polyhedron", "MultiPolyhedron"):
            flat += 1
            model.faults.append(Fault("904", name, "it has no polyhedron"))
            continue
        builder.objects.append(RawObject(name, str(feature.get("featureType", "")), geometries=1))
        listed = spot.get("coordinates")
        listed = listed if isinstance(listed, list) else []
        solids = [listed] if kind == "Polyhedron" else listed
        try:
            numbered = [
                [[[_numbered(r, builder) for r in rings] for rings in shell] for shell in solid]
                for solid in solids
            ]
        except (TypeError, ValueError):
            model.faults.append(Fault("bad-structure", name, "coordinates that are none"))
            continue
        builder.add("Solid" if kind == "Polyhedron" else "MultiSolid", numbered, closing=True)
    if flat and not builder.objects:
        raise Refused("I-504", "GeoJSON without solids")
    model.shapes = builder.build()
    return model


def _numbered(ring: list[list[float]], builder: Builder) -> list[int]:
    first = len(builder.points)
    for spot in ring:
        x, y, z = (float(value) for value in spot)
        builder.points.append((x, y, z))
    return list(range(first, len(builder.points)))
