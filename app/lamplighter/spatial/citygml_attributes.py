"""Attributes of a CityGML object: its own simple elements, generic attributes and address."""

from __future__ import annotations

import math
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial.gml import local

_GENERIC: Final = {
    "stringAttribute": str, "intAttribute": int, "doubleAttribute": float,
    "measureAttribute": float, "dateAttribute": str, "uriAttribute": str,
    "StringAttribute": str, "IntAttribute": int, "DoubleAttribute": float,
    "MeasureAttribute": float, "DateAttribute": str, "UriAttribute": str, "CodeAttribute": str,
}  # fmt: skip
_SETS: Final = ("genericAttributeSet", "GenericAttributeSet")
_NUMBERS: Final = frozenset(
    {"measuredHeight", "storeysAboveGround", "storeysBelowGround", "yearOfConstruction",
     "yearOfDemolition", "height", "trunkDiameter", "crownDiameter", "averageHeight"}
)  # fmt: skip
_ADDRESS: Final = (
    "ThoroughfareName", "ThoroughfareNumber", "PostalCodeNumber", "LocalityName", "NameElement",
)  # fmt: skip
_MAX_TEXT: Final = 1000


def title_of(element: Any) -> str:
    """The object's `gml:name`, else nothing."""
    for child in element:
        if local(child) == "name" and "gml" in child.tag and (child.text or "").strip():
            return str(child.text).strip()[:_MAX_TEXT]
    return ""


def attributes_of(element: Any) -> dict[str, Attribute]:
    """Scalars by name; what nests deeper than a generic attribute set is left out."""
    found: dict[str, Attribute] = {}
    for child in element:
        name = local(child)
        if name in _GENERIC or name in _SETS:
            _generic(child, "", found)
        elif name == "genericAttribute":
            for inner in child:
                _generic(inner, "", found)
        elif name == "address":
            text = _address(child)
            if text:
                found["address"] = text
        elif name == "externalReference":
            _reference(child, found)
        elif len(child) == 0 and (child.text or "").strip() and not name.startswith("lod"):
            _simple(name, str(child.text).strip(), found)
    return found


def _simple(name: str, text: str, found: dict[str, Attribute]) -> None:
    value: Attribute = text[:_MAX_TEXT]
    if name in _NUMBERS:
        value = _number(text) if _number(text) is not None else value
    if name in found and found[name] != value:
        value = f"{found[name]}, {value}"[:_MAX_TEXT]
    found[name] = value


def _number(text: str) -> int | float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    whole = value.is_integer() and "." not in text and abs(value) < 2**53
    return int(value) if whole else value


def _generic(element: Any, prefix: str, found: dict[str, Attribute]) -> None:
    kind = local(element)
    name = element.get("name") or next(
        ((child.text or "").strip() for child in element if local(child) == "name"), ""
    )
    if kind in _SETS:
        for child in element:
            inner = [child] if local(child) in _GENERIC else list(child)
            for part in inner:
                if local(part) in _GENERIC:
                    _generic(part, f"{prefix}{name}.", found)
        return
    make = _GENERIC.get(kind)
    if make is None or not name:
        return
    text = next(((c.text or "").strip() for c in element if local(c) == "value"), "")
    value: Attribute = text[:_MAX_TEXT] or None
    if value is not None and make is not str:
        number = _number(text)
        value = number if number is not None else value
    found[f"{prefix}{name}"] = value


def _address(element: Any) -> str:
    parts = [
        (part.text or "").strip()
        for part in element.iter()
        if local(part) in _ADDRESS and (part.text or "").strip()
    ]
    return " ".join(parts)[:_MAX_TEXT]


def _reference(element: Any, found: dict[str, Attribute]) -> None:
    for part in element.iter():
        if local(part) in ("name", "uri") and (part.text or "").strip():
            found.setdefault("external_reference", str(part.text).strip()[:_MAX_TEXT])
