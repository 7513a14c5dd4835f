"""NGSI-LD entities as points: normalized, concise or simplified, with their own times and units.

An attribute is a value when it is a number, or a text with a time of its own. What describes the
entity (names, addresses, places, relationships) is left to the import of things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lamplighter.sources.json_page import text_of, time_of, value_of
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found

UNIT_CODES: Final = {
    "CEL": "°C", "KEL": "K", "FAH": "°F", "P1": "%", "MTR": "m", "CMT": "cm", "MMT": "mm",
    "KMT": "km", "MTS": "m/s", "KMH": "km/h", "MTQ": "m³", "MQH": "m³/h", "MQS": "m³/s",
    "LTR": "L", "PAL": "Pa", "A97": "hPa", "KPA": "kPa", "BAR": "bar", "MBR": "mbar", "GQ": "µg/m³",
    "GP": "mg/m³", "59": "ppm", "61": "ppb", "2N": "dB", "AMP": "A", "VLT": "V", "WTT": "W",
    "KWT": "kW", "KWH": "kWh", "WHR": "Wh", "HTZ": "Hz", "LUX": "lx", "DD": "°", "SEC": "s",
    "MIN": "min", "HUR": "h", "C34": "mol", "KGM": "kg", "GRM": "g", "C62": "1", "23": "g/cm³",
    "NTU": "NTU", "M1": "mg/L", "WTT/m2": "W/m²", "D54": "W/m²", "MMH": "mm/h",
}  # fmt: skip
_TIMES: Final = (
    "dateObserved", "dateObservedTo", "dateLastValueReported", "observedAt", "dateModified",
    "modifiedAt", "timestamp",
)  # fmt: skip
_NO_VALUES: Final = frozenset({"id", "type", "@id", "@type", "@context", "location", "scope"})
MOST_ENTITIES: Final = 50_000


def entities_of(tree: Any) -> list[Mapping[str, Any]]:
    """The entities of a page or of a notification; empty when it is neither."""
    if isinstance(tree, dict) and isinstance(tree.get("data"), list):
        tree = tree["data"]
    if isinstance(tree, dict):
        tree = [tree]
    rows = tree if isinstance(tree, list) else []
    return [r for r in rows if isinstance(r, dict) and (r.get("id") or r.get("@id"))]


def read_entities(rows: list[Mapping[str, Any]], now_ms: int) -> tuple[Found, dict[str, str]]:
    """(points, datastream -> entity id). Never raises."""
    found = Found()
    homes: dict[str, str] = {}
    for entity in rows[:MOST_ENTITIES]:
        identity = text_of(entity.get("id", entity.get("@id")))
        short = identity.removeprefix("urn:ngsi-ld:")
        usual = _entity_time(entity)
        for key, value in entity.items():
            if key in _NO_VALUES or key in _TIMES:
                continue
            for name, point in _attribute(short, key, value, usual, now_ms):
                if usual is None and point.time_ms == now_ms:
                    found.bare.add(len(found.points))
                found.points.append(point)
                homes[point.name] = identity
                if name:
                    found.units[point.name] = name
    return found, homes


def _entity_time(entity: Mapping[str, Any]) -> int | None:
    for key in _TIMES:
        value = entity.get(key)
        time = time_of(value)
        if time is not None:
            return time
    return None


def _attribute(
    entity: str, key: str, value: Any, usual: int | None, now_ms: int
) -> Iterator[tuple[str, Point]]:
    """(unit, point) of one attribute; several when it comes from several providers."""
    several = value if isinstance(value, list) and _all_objects(value) else [value]
    for one in several:
        name = f"{entity}/{key.rpartition('/')[2]}"
        unit, time = "", None
        content = one
        if isinstance(one, dict):
            if one.get("type", "Property") not in ("Property", "Number", "Text", "Boolean"):
                continue
            content = one.get("value")
            time = time_of(one.get("observedAt"))
            unit = text_of(one.get("unitCode") or one.get("unitText"))
            dataset = text_of(one.get("datasetId"))
            name += f" ({dataset.rpartition(':')[2]})" if dataset else ""
        plain = value_of(content)
        if plain is None or (isinstance(plain, str) and time is None):
            continue
        at = time if time is not None else usual if usual is not None else now_ms
        yield UNIT_CODES.get(unit, unit), Point(name[:390], at, plain)


def _all_objects(rows: list[Any]) -> bool:
    return bool(rows) and all(isinstance(row, dict) for row in rows)
