"""Things that city platforms list with a position: SensorThings, NGSI-LD and Open311 documents.

The things become assets. Their measured values do not: a file is a moment, and values with a time
come through a feed. How many were passed over is said.
"""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial.kinds import domain_of
from lamplighter.spatial.model import Feature, Refused, SourceModel, sound_text
from lamplighter.spatial.xml_guard import root_of

Progress = Callable[[int, int, str], None]
Spot = tuple[float, float, float]
ENDINGS: Final = (".json", ".jsonld", ".xml")
MAX_BYTES: Final = 300_000_000
MAX_THINGS: Final = 1_000_000
_START: Final = b"\xef\xbb\xbf \t\r\n"
_REQUESTS: Final = re.compile(rb"<(?:\w+:)?(?:service_requests|requests)[\s>]")
_ENTITY: Final = re.compile(rb'"(?:id|@id)"\s*:\s*"[^"]+"')
_TYPE: Final = re.compile(rb'"(?:type|@type)"\s*:\s*"[A-Za-z]\w*"')
_LOCATION: Final = re.compile(rb'"(?:[^"]*/)?location"\s*:')
_NO_ENTITY: Final = frozenset({"Feature", "FeatureCollection", "CityJSON", "CityJSONFeature"})
_WATER: Final = ("Reservoir", "Tank", "Pump", "Pipe", "Junction", "Valve", "WaterQuality")
_ENVIRONMENT: Final = (
    "AirQuality", "Noise", "Weather", "Environment", "Flood", "WaterObserved", "AeroAllergen",
    "Mosquito", "ElectroMagnetic", "IndoorEnvironment",
)  # fmt: skip


def claims(path: Path, head: bytes) -> bool:
    """By the words the three kinds of documents cannot do without."""
    start = head.lstrip(_START)
    if start.startswith(b"<"):
        return _REQUESTS.search(start[:4_000]) is not None
    if not start.startswith((b"{", b"[")) or path.suffix.lower() in (".geojson", ".gltf"):
        return False
    if b'"CityObjects"' in head or b'"FeatureCollection"' in head:
        return False
    if b'"service_request_id"' in head and b'"lat' in head:
        return True
    if b'"encodingType"' in head and (b'"Locations"' in head or b'"location"' in head):
        return True
    if b"@iot." in head:
        return True
    entity = _ENTITY.search(head) and _TYPE.search(head) and _LOCATION.search(head)
    return entity is not None and b'"Feature"' not in head[:2_000]


def read(path: Path, progress: Progress) -> SourceModel:
    """Raises `Refused` when it is damaged or holds no thing with a position."""
    if path.stat().st_size > MAX_BYTES:
        raise Refused("I-502", f"a document of more than {MAX_BYTES / 1e6:.0f} MB")
    with path.open("rb") as file:
        start = file.read(200).lstrip(_START)
    reader = _Things(path.stem)
    if start.startswith(b"<"):
        root_of(path)
        reader.requests(_xml_requests(path))
    else:
        reader.document(_json(path))
    return reader.finish()


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except RecursionError as error:
        raise Refused("I-503", "it is nested too deeply") from error
    except ValueError as error:
        raise Refused("I-503", str(error)) from error


def _xml_requests(path: Path) -> Iterator[dict[str, Any]]:
    try:
        for _, element in ET.iterparse(path):
            if element.tag.rpartition("}")[2] in ("request", "service_request"):
                yield {c.tag.rpartition("}")[2]: (c.text or "").strip() for c in element}
                element.clear()
    except ET.ParseError as error:
        raise Refused("I-503", f"damaged XML: {error}") from error


class _Things:
    """Collects assets; `finish` gives the model."""

    def __init__(self, stem: str) -> None:
        self._stem = stem
        self._model = SourceModel("things", kind="vector", assumed_crs=4326, fixed_crs=False)
        self._seen: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._values = 0

    def document(self, document: Any) -> None:
        """A list, a `value` or `service_requests` list, or one thing."""
        if isinstance(document, dict):
            for key in ("value", "service_requests", "requests", "Things", "Locations"):
                if isinstance(document.get(key), list) and "name" not in document:
                    self.document(document[key])
                    return
        items = document if isinstance(document, list) else [document]
        for item in items:
            if not isinstance(item, dict):
                continue
            if "service_request_id" in item:
                self.requests(iter([item]))
            elif "Locations" in item or "encodingType" in item or "@iot.id" in item:
                self._sensor_thing(item)
            elif item.get("type", item.get("@type")) not in (None, *_NO_ENTITY):
                self._entity(item)

    # ------------------------------------------------------------------ Open311
    def requests(self, items: Iterator[dict[str, Any]]) -> None:
        """Requests of citizens: `lat` and `long` are degrees."""
        self._model.format = "Open311 requests"
        for item in items:
            place = _pair(item.get("long", item.get("lon")), item.get("lat"))
            facts = {k: _plain(v) for k, v in item.items() if k not in ("lat", "long", "lon")}
            own = f"request-{item.get('service_request_id') or len(self._seen) + 1}"
            name = str(item.get("service_name") or own)
            self._put(Feature(own, "ServiceRequest", name, "city", attributes=facts, at=place))

    # ------------------------------------------------------------------ SensorThings
    def _sensor_thing(self, item: dict[str, Any]) -> None:
        self._model.format = "SensorThings"
        is_place = "encodingType" in item and "Locations" not in item
        places = [item] if is_place else item.get("Locations") or []
        number = item.get("@iot.id", item.get("name", len(self._seen) + 1))
        kind = "Location" if is_place else "Thing"
        facts: dict[str, Attribute] = {"description": _plain(item.get("description"))}
        for key, value in (item.get("properties") or {}).items():
            facts |= _flat(str(key), value)
        streams = item.get("Datastreams") or []
        if isinstance(streams, list) and streams:
            names = [str(s.get("name", "")) for s in streams if isinstance(s, dict)]
            facts["datastreams"] = ", ".join(names)[:1000]
            self._values += sum(
                len(s.get("Observations") or ()) for s in streams if isinstance(s, dict)
            )
        feature = Feature(
            f"{self._stem}-{kind.lower()}-{number}",
            kind,
            str(item.get("name") or number),
            attributes=facts,
        )
        for place in places:
            shape = place.get("location") if isinstance(place, dict) else None
            if isinstance(shape, dict) and _shape(feature, shape.get("geometry", shape)):
                break
        self._put(feature)

    # ------------------------------------------------------------------ NGSI-LD
    def _entity(self, item: dict[str, Any]) -> None:
        self._model.format = "NGSI-LD entities"
        kind = str(item.get("type", item.get("@type")))[:60].rpartition("/")[2]
        own = str(item.get("id", item.get("@id", ""))) or f"{self._stem}-{len(self._seen) + 1}"
        facts: dict[str, Attribute] = {}
        feature = Feature(own, kind, own.rpartition(":")[2], _domain(kind), attributes=facts)
        for key, value in item.items():
            word = key.rpartition("/")[2]
            if word in ("id", "type", "@id", "@type", "@context"):
                continue
            inner = _value(value)
            if isinstance(value, dict) and ("observedAt" in value or "unitCode" in value):
                self._values += 1
            elif word == "location" and isinstance(inner, dict):
                _shape(feature, inner)
            elif isinstance(inner, dict) and "coordinates" in inner:
                continue
            else:
                facts |= _flat(word, inner)
        if isinstance(facts.get("name"), str):
            feature.name = str(facts["name"])
        self._put(feature)

    def _put(self, feature: Feature) -> None:
        if len(self._model.features) >= MAX_THINGS:
            raise Refused("I-502", f"more than {MAX_THINGS:,} things")
        number = 2
        own = feature.id
        while feature.id in self._seen:
            feature.id = f"{own}-{number}"
            number += 1
        self._seen.add(feature.id)
        feature.id, feature.name = sound_text(feature.id), sound_text(feature.name)
        feature.type, feature.flat = sound_text(feature.type), True
        feature.attributes = {
            sound_text(k): v for k, v in feature.attributes.items() if v not in (None, "")
        }
        self._counts[feature.type] += 1
        self._model.features.append(feature)

    def finish(self) -> SourceModel:
        model = self._model
        if not any(f.at or f.path for f in model.features):
            what = f"{len(model.features)} {model.format} without a position"
            raise Refused("I-511", what if model.features else "no entity with a position")
        model.counts = dict(sorted(self._counts.items()))
        if self._values:
            model.warnings.append(
                f"{self._values} measured values were not imported; connect their source as a feed"
            )
        return model


def _value(value: Any) -> Any:
    """What a property, relationship or geometry of NGSI says."""
    if isinstance(value, dict):
        for key in ("value", "object", "languageMap", "@value"):
            if key in value:
                return value[key]
    return value


def _flat(key: str, value: Any, depth: int = 0) -> dict[str, Attribute]:
    """Scalars under dotted names; lists of scalars as one text."""
    if isinstance(value, dict) and depth < 3:
        found: dict[str, Attribute] = {}
        for name, inner in value.items():
            if name not in ("type", "@type"):
                found |= _flat(f"{key}.{name}", _value(inner), depth + 1)
        return found
    if isinstance(value, list):
        return {key: ", ".join(str(v) for v in value if not isinstance(v, dict | list))[:1000]}
    return {key: _plain(value)}


def _plain(value: Any) -> Attribute:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int):
        return value
    return sound_text(value[:1000]) if isinstance(value, str) else None


def _pair(x: Any, y: Any) -> Spot | None:
    try:
        lon, lat = float(x), float(y)
    except (TypeError, ValueError):
        return None
    good = math.isfinite(lon) and math.isfinite(lat) and (lon, lat) != (0.0, 0.0)
    return (lon, lat, 0.0) if good else None


def _spots(points: Any) -> list[Spot]:
    found = []
    for point in points if isinstance(points, list) else []:
        spot = _pair(*point[:2]) if isinstance(point, list) and len(point) >= 2 else None
        if spot is not None:
            found.append(spot)
    return found


def _shape(feature: Feature, geometry: Any) -> bool:
    """Give the feature its place or course; True when there was one."""
    if not isinstance(geometry, dict):
        return False
    at = geometry.get("coordinates")
    match geometry.get("type"):
        case "Point":
            spots = _spots([at])
            feature.at = spots[0] if spots else None
        case "MultiPoint":
            spots = _spots(at)
            feature.at = spots[0] if spots else None
        case "LineString":
            feature.path = _spots(at) or None
        case "Polygon" | "MultiLineString":
            parts = [p for p in (_spots(part) for part in at or []) if len(p) > 1]
            feature.path, feature.more = (parts[0], parts[1:] or None) if parts else (None, None)
        case "MultiPolygon":
            parts = [p for p in (_spots(part[0]) for part in at or [] if part) if len(p) > 1]
            feature.path, feature.more = (parts[0], parts[1:] or None) if parts else (None, None)
    return feature.at is not None or bool(feature.path)


def _domain(kind: str) -> str:
    if kind.startswith(_ENVIRONMENT):
        return "environment"
    return "water" if kind.startswith(_WATER) else domain_of(kind)
