"""What a CityJSON document says, free of how it numbers things: to compare two documents.

Written from the specification alone; imports nothing of the product.
"""

from __future__ import annotations

from typing import Any

RENAMED = {
    "+GenericCityObject": "GenericCityObject",
    "BridgeConstructionElement": "BridgeConstructiveElement",
}


def meaning(document: dict[str, Any]) -> dict[str, Any]:
    """id -> everything the document says about the object, with indices resolved."""
    scale = document.get("transform", {}).get("scale", [1, 1, 1])
    shift = document.get("transform", {}).get("translate", [0, 0, 0])
    spots = [
        tuple(float(v * s + t) for v, s, t in zip(row, scale, shift, strict=False))
        for row in document["vertices"]
    ]
    return {
        name: _object(item, document, spots)
        for name, item in document.get("CityObjects", {}).items()
    }


def _object(item: dict[str, Any], document: dict[str, Any], spots: list[Any]) -> dict[str, Any]:
    plain = {"type", "geometry", "parents", "children", "members", "attributes", "address"}
    children = [*item.get("children", ()), *item.get("members", ())]
    address = item.get("address")
    known = document.get("CityObjects", {})
    attributes = {k: v for k, v in item.get("attributes", {}).items() if v is not None}
    return {
        "type": RENAMED.get(item["type"], item["type"]),
        "attributes": attributes,
        "parents": sorted(p for p in item.get("parents", ()) if p in known),
        "children": sorted(c for c in children if c in known),
        "address": [address] if isinstance(address, dict) else address,
        "geometry": [_geometry(g, document, spots) for g in item.get("geometry", ())],
        "others": {k: v for k, v in item.items() if k not in plain and k != "geographicalExtent"},
    }


def _geometry(geometry: dict[str, Any], document: dict[str, Any], spots: list[Any]) -> Any:
    found = dict(geometry)
    if geometry["type"] == "GeometryInstance":
        templates = document["geometry-templates"]
        corners = [tuple(v) for v in templates["vertices-templates"]]
        one = templates["templates"][geometry["template"]]
        found["template"] = _geometry(one, document, corners)
        found["boundaries"] = _resolved(geometry["boundaries"], spots)
        return found
    found["boundaries"] = _resolved(geometry.get("boundaries"), spots)
    lod = geometry.get("lod")
    found["lod"] = str(int(lod)) if isinstance(lod, float) and lod == int(lod) else str(lod)
    if "semantics" in geometry:
        semantics = geometry["semantics"]
        found["semantics"] = (
            semantics
            if isinstance(semantics, list)
            else _resolved(semantics.get("values"), semantics.get("surfaces", []))
        )
    appearance = document.get("appearance", {})
    if isinstance(geometry.get("material"), dict):
        materials = appearance.get("materials", [])
        found["material"] = {
            theme: {key: _resolved(v, materials) for key, v in value.items()}
            for theme, value in geometry["material"].items()
            if isinstance(value, dict)
        }
    if isinstance(geometry.get("texture"), dict):
        found["texture"] = {
            theme: _ring(value.get("values"), appearance)
            for theme, value in geometry["texture"].items()
            if isinstance(value, dict)
        }
    return found


def _resolved(value: Any, table: list[Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(v, table) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(table):
        return table[value]
    return value


def _ring(value: Any, appearance: dict[str, Any]) -> Any:
    if not isinstance(value, list):
        return value
    if value and not any(isinstance(v, list) for v in value):
        return [
            _resolved(value[:1], appearance.get("textures", [])),
            _resolved(value[1:], appearance.get("vertices-texture", [])),
        ]
    return [_ring(v, appearance) for v in value]


def alike(one: Any, other: Any, metres: float = 0.001) -> bool:
    """Equal but for numbers that differ by no more than `metres`."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k], metres) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other, [metres] * len(one)))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= metres
    return bool(one == other)
