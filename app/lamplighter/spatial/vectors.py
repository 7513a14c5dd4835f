"""GIS files as simple assets: GeoJSON read here, GeoPackage and Shapefile through pyogrio.

Points become places, lines their course, areas their outline. GeoJSON is decoded directly, so
no driver of a large library guesses at foreign text.
"""

from __future__ import annotations

import datetime
import math
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from lamplighter.domain.city import Attribute
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.cityjson import flat_attributes
from lamplighter.spatial.kinds import domain_of
from lamplighter.spatial.model import Feature, Refused, SourceModel

Progress = Callable[[int, int, str], None]
Spot = tuple[float, float, float]
MAX_FEATURES: Final = 2_000_000
_TYPES: Final = ("type", "asset_type", "class", "kind")
_IDS: Final = ("id", "ID", "fid", "gml_id", "globalid", "GlobalID")
_NAMES: Final = ("name", "Name", "NAME", "nimi", "label")
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
    properties: Any = None
    geometry: Any = None
    coordinates: Any = None


def looks_like_geojson(head: bytes) -> bool:
    """True when the first bytes could be GeoJSON."""
    words = (b'"FeatureCollection"', b'"Feature"', b'"coordinates"')
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and any(w in head for w in words)


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
        features = [_Feature("Feature", None, document.properties, document.geometry)]
    elif document.type in _SHAPES:
        geometry = {"type": document.type, "coordinates": document.coordinates}
        features = [_Feature("Feature", None, None, geometry)]
    if features is None or document.type not in ("FeatureCollection", "Feature", *_SHAPES):
        raise Refused("I-504", f"JSON of type '{document.type[:40]}', no GeoJSON")
    model = SourceModel("GeoJSON", assumed_crs=4326, crs_text=_named_system(document.crs))
    collect = _Collector(model, stem)
    for place, item in enumerate(features):
        properties = item.properties if isinstance(item.properties, dict) else {}
        try:
            spots, line = _shape(item.geometry)
        except (ValueError, TypeError, RecursionError) as error:
            model.refused.append(Unplaced(str(item.id or place), f"damaged geometry: {error}"))
            continue
        collect.add(item.id, flat_attributes(properties), spots, line)
    return collect.finish()


def _named_system(crs: Any) -> str:
    """The old `crs` member; CRS84 is what the standard means anyway."""
    if isinstance(crs, dict) and isinstance(crs.get("properties"), dict):
        name = crs["properties"].get("name")
        if isinstance(name, str):
            return "" if "CRS84" in name.upper() else name
    return ""


def _shape(geometry: Any) -> tuple[list[Spot], bool]:
    """All corners of the first part that has any, and whether they form a line."""
    if geometry is None:
        return [], False
    if not isinstance(geometry, dict) or geometry.get("type") not in _SHAPES:
        raise ValueError("no geometry of a known type")
    kind = geometry["type"]
    if kind == "GeometryCollection":
        parts = geometry.get("geometries")
        return _shape(parts[0]) if isinstance(parts, list) and parts else ([], False)
    at = geometry.get("coordinates")
    depth = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2,
             "Polygon": 2, "MultiPolygon": 3}[kind]  # fmt: skip
    line = kind not in ("Point", "MultiPoint")
    while depth > (1 if line else 0):
        if not isinstance(at, list):
            raise ValueError("coordinates that are no list")
        if not at:
            return [], line
        at = max(at, key=len) if kind == "MultiLineString" and depth == 2 else at[0]
        depth -= 1
    if line:
        return [_spot(p) for p in at or []], True
    return ([_spot(at)] if at else []), False


def _spot(point: Any) -> Spot:
    if not isinstance(point, list) or len(point) < 2:
        raise ValueError("a position needs two numbers")
    values = [float(v) for v in point[:3] if isinstance(v, int | float)]
    if len(values) < 2 or not all(math.isfinite(v) for v in values):
        raise ValueError("a position that is no pair of numbers")
    return (values[0], values[1], values[2] if len(values) > 2 else 0.0)


class _Collector:
    """Gives features ids, types and names from their properties."""

    def __init__(self, model: SourceModel, stem: str) -> None:
        self._model, self._stem = model, stem
        self._seen: set[str] = set()
        self._counts: Counter[str] = Counter()

    def add(
        self, given: Any, attributes: dict[str, Attribute], spots: list[Spot], line: bool
    ) -> None:
        if len(self._model.features) >= MAX_FEATURES:
            raise Refused("I-502", f"more than {MAX_FEATURES:,} features")
        number = len(self._model.features)
        own: Attribute = given if isinstance(given, str | int) and given != "" else None
        if own is None:
            own = _first(attributes, _IDS)
        name = f"{self._stem}-{own if own is not None else number}"
        if isinstance(own, str) and own not in self._seen:
            name = own
        if name in self._seen:
            name = f"{self._stem}-{number}-{own}"
        self._seen.add(name)
        word = _first(attributes, _TYPES)
        kind = str(word)[:60] if isinstance(word, str) and word else self._stem
        self._counts[kind] += 1
        title = _first(attributes, _NAMES)
        domain = attributes.get("domain")
        self._model.features.append(
            Feature(
                id=name,
                type=kind,
                name=str(title) if title else name,
                domain=domain if isinstance(domain, str) and domain else domain_of(kind),
                attributes=attributes,
                at=spots[0] if spots and not line else None,
                path=spots if line and len(spots) > 1 else None,
            )
        )

    def finish(self) -> SourceModel:
        self._model.counts = dict(sorted(self._counts.items()))
        self._model.heights_in_metres = True
        return self._model


def _first(attributes: dict[str, Attribute], keys: tuple[str, ...]) -> Attribute:
    return next((attributes[k] for k in keys if attributes.get(k) not in (None, "")), None)


def read_layers(path: Path, progress: Progress) -> SourceModel:
    """GeoPackage or Shapefile: every layer with geometry, as far as all share one system."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model = _layers(path, progress)
    told = dict.fromkeys(str(warning.message).replace(str(path), path.name) for warning in heard)
    model.warnings.extend(list(told)[:10])
    return model


def _layers(path: Path, progress: Progress) -> SourceModel:
    import pyogrio

    try:
        layers = [(str(n), g) for n, g in pyogrio.list_layers(path).tolist() if g]
        kind = "GeoPackage" if path.suffix.lower() == ".gpkg" else "Shapefile"
        model = SourceModel(kind)
        collect: _Collector | None = None
        for place, (layer, _) in enumerate(layers):
            progress(place, len(layers), f"layer {layer}")
            collect = _Collector(model, layer) if collect is None else collect
            collect = _layer(path, layer, model, collect)
    except pyogrio.errors.DataSourceError as error:
        raise Refused("I-503", str(error).splitlines()[0]) from error
    except (pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as error:
        raise Refused("I-503", str(error).splitlines()[0]) from error
    except UnicodeDecodeError as error:
        raise Refused("I-503", "a name in it is no readable text") from error
    if collect is None:
        raise Refused("I-504", "it has no layer with positions")
    return collect.finish()


def _layer(path: Path, layer: str, model: SourceModel, collect: _Collector) -> _Collector:
    import pyogrio.raw
    import shapely

    info = pyogrio.read_info(path, layer=layer)
    if info["features"] > MAX_FEATURES:
        raise Refused("I-502", f"{info['features']:,} features (limit {MAX_FEATURES:,})")
    system = str(info["crs"] or "")
    if model.features and system != model.crs_text:
        model.warnings.append(f"layer {layer} is in another coordinate system and was left out")
        return collect
    model.crs_text = system
    collect._stem = layer
    meta, _, geometry, columns = pyogrio.raw.read(path, layer=layer)
    shapes = shapely.from_wkb(geometry, on_invalid="ignore")
    names = [str(name) for name in meta["fields"]]
    for place, shape in enumerate(shapes):
        values = {n: _plain(c[place]) for n, c in zip(names, columns, strict=True)}
        spots, line = _corners(shape)
        collect.add(None, values, spots, line)
    return collect


def _corners(shape: Any) -> tuple[list[Spot], bool]:
    import shapely

    if shape is None or shape.is_empty:
        return [], False
    while hasattr(shape, "geoms"):
        shape = max(shape.geoms, key=lambda part: part.length)
    line = shape.geom_type != "Point"
    if shape.geom_type == "Polygon":
        shape = shape.exterior
    rows = shapely.get_coordinates(shape, include_z=True).tolist()
    return [(x, y, z if math.isfinite(z) else 0.0) for x, y, z in rows], line


def _plain(value: Any) -> Attribute:
    """A column's value as a scalar the store can keep."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return None if isinstance(value, bytes) else str(value)[:1000]
