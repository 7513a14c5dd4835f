"""GeoJSON, decoded directly, so that no driver of a large library guesses at foreign text."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.cityjson import flat_attributes
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.shapes import Parts, Shapes, Spot

_SHAPES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
     "GeometryCollection"}
)  # fmt: skip


class _Feature(Struct):
    type: str = ""
    id: Any = None
    properties: Any = None
    geometry: Any = None


class _Document(Struct):
    type: str = ""
    features: list[_Feature] | None = None
    crs: Any = None
    id: Any = None
    properties: Any = None
    geometry: Any = None
    coordinates: Any = None
    geometries: Any = None
    copyright: Any = None
    attribution: Any = None
    license: Any = None
    licence: Any = None


def looks_like_geojson(head: bytes) -> bool:
    """True when the first bytes could be GeoJSON."""
    words = (b'"FeatureCollection"', b'"Feature"', b'"coordinates"')
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(w in head for w in words)


def looks_like_sequence(head: bytes, ending: str) -> bool:
    """True for features one a line, or each behind a record separator."""
    if head.startswith(b"\x1e"):
        return True
    first, _, rest = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")
    feature = b'"Feature"' in first and b'"geometry"' in first
    if ending in (".ndjson", ".geojsonl", ".geojsons") and first.startswith(b"{"):
        return feature or b'"coordinates"' in first
    return feature and first.rstrip().endswith(b"}") and rest.lstrip().startswith(b"{")


def read_geojson(data: bytes, stem: str) -> SourceModel:
    """Raises `Refused` when it is no GeoJSON."""
    try:
        document = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=_Document)
    except msgspec.ValidationError as error:
        raise Refused("I-504", f"JSON, but no GeoJSON: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        code = "I-505" if "truncated" in str(error) else "I-503"
        raise Refused(code, str(error)) from error
    except RecursionError as error:
        raise Refused("I-503", "it is nested too deeply") from error
    features = document.features
    if document.type == "Feature":
        features = [_Feature("Feature", document.id, document.properties, document.geometry)]
    elif document.type in _SHAPES:
        geometry = {
            "type": document.type,
            "coordinates": document.coordinates,
            "geometries": document.geometries,
        }
        features = [_Feature("Feature", None, None, geometry)]
    if features is None or document.type not in ("FeatureCollection", "Feature", *_SHAPES):
        raise Refused("I-504", f"JSON of type '{document.type[:40]}', no GeoJSON")
    model = SourceModel("GeoJSON", assumed_crs=4326, crs_text=_named_system(document.crs))
    model.attribution = _text(document.copyright) or _text(document.attribution)
    model.licence = _text(document.license) or _text(document.licence)
    shapes = Shapes(model, stem)
    for place, item in enumerate(features):
        properties = item.properties if isinstance(item.properties, dict) else {}
        try:
            parts = _shape(item.geometry, Parts())
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            model.refused.append(Unplaced(str(item.id or place), f"damaged geometry: {error}"))
            continue
        shapes.add(item.id, flat_attributes(properties), parts, number=place)
    return shapes.finish()


def read_sequence(data: bytes, stem: str) -> SourceModel:
    """One feature or geometry a line, or each behind a record separator (RFC 8142)."""
    model = SourceModel("GeoJSON sequence", assumed_crs=4326)
    shapes = Shapes(model, stem)
    damaged = 0
    for place, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        text = line.strip(b"\x1e \t\r")
        if not text:
            continue
        try:
            item = msgspec.json.decode(text, type=_Document)
            shape = item.geometry
            if item.type in _SHAPES:
                shape = {"type": item.type, "coordinates": item.coordinates}
            parts = _shape(shape, Parts())
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            damaged += 1
            model.refused.append(Unplaced(f"line {place + 1}", f"damaged: {error}"))
            continue
        properties = item.properties if isinstance(item.properties, dict) else {}
        shapes.add(item.id, flat_attributes(properties), parts, number=place)
    if not model.features:
        raise Refused("I-503", f"none of its {damaged} lines is a feature")
    return shapes.finish()


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else ""


def _named_system(crs: Any) -> str:
    """The old `crs` member; CRS84 is what the standard means anyway."""
    if isinstance(crs, dict) and isinstance(crs.get("properties"), dict):
        name = crs["properties"].get("name")
        if isinstance(name, str):
            return "" if "CRS84" in name.upper() else name
    return ""


_DEPTH: Final = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2,
    "MultiPolygon": 3,
}  # fmt: skip


def _shape(geometry: Any, parts: Parts, nested: int = 0) -> Parts:
    """Add everything the geometry holds to `parts`; raises ValueError for a damaged one."""
    if geometry is None:
        return parts
    if not isinstance(geometry, dict) or geometry.get("type") not in _SHAPES:
        raise ValueError("no geometry of a known type")
    kind = geometry["type"]
    if kind == "GeometryCollection":
        members = geometry.get("geometries")
        if nested > 8:
            raise ValueError("collections nested too deeply")
        for member in members if isinstance(members, list) else []:
            _shape(member, parts, nested + 1)
        return parts
    at = geometry.get("coordinates")
    if kind in ("Point", "MultiPoint"):
        spots = _course(at) if kind == "MultiPoint" else ([_spot(at)] if at else [])
        parts.points.extend(spots)
    elif kind in ("LineString", "MultiLineString"):
        lines = [at] if kind == "LineString" else _list(at)
        parts.lines.extend(line for line in map(_course, lines) if line)
    else:
        areas = [at] if kind == "Polygon" else _list(at)
        for area in areas:
            rings = [ring for ring in map(_course, _list(area)) if ring]
            if rings:
                parts.areas.append(rings)
    return parts


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("coordinates that are no list")
    return value


def _course(value: Any) -> list[Spot]:
    return [_spot(point) for point in _list(value)]


def _spot(point: Any) -> Spot:
    if not isinstance(point, list) or len(point) < 2:
        raise ValueError("a position needs two numbers")
    values = [float(v) for v in point[:3] if isinstance(v, int | float)]
    if len(values) < 2 or not all(math.isfinite(v) for v in values):
        raise ValueError("a position that is no pair of numbers")
    return (values[0], values[1], values[2] if len(values) > 2 else 0.0)
