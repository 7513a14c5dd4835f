"""What a CityGML object says in words: simple elements, generic attributes, address, extensions.

Nothing is left out for being nested or foreign: elements of extensions and data types become
attributes with dotted names, links to other objects their ids.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial import gml
from lamplighter.spatial.citygml_names import object_name
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
     "yearOfDemolition", "height", "trunkDiameter", "crownDiameter", "averageHeight", "value",
     "area", "volume"}
)  # fmt: skip
_METRES: Final = frozenset({"m", "#m", "urn:adv:uom:m", "urn:ogc:def:uom:UCUM::m", "metre"})
_NOT_WORDS: Final = frozenset({"appearance", "boundedBy", "tin", "lod", "metaDataProperty"})
_MAX_TEXT: Final = 1000
_MAX_PARTS: Final = 300
_MAX_DEPTH: Final = 8


def title_of(element: Any) -> str:
    """The object's `gml:name`, else nothing."""
    for child in element:
        if local(child) == "name" and gml.is_gml(child) and (child.text or "").strip():
            return str(child.text).strip()[:_MAX_TEXT]
    return ""


def attributes_of(element: Any) -> dict[str, Attribute]:
    """Everything the element says itself; geometry and objects inside it are left to others."""
    found: dict[str, Attribute] = {}
    for child in element:
        name = local(child)
        if not name or name in _NOT_WORDS or (name[:3] == "lod" and name[3:4].isdigit()):
            continue
        if name in _GENERIC or name in _SETS:
            _generic(child, "", found)
        elif name == "genericAttribute":
            for inner in child:
                _generic(inner, "", found)
        elif name == "address":
            _address(child, found)
        elif name == "externalReference":
            _reference(child, found)
        elif len(child) == 0:
            text = (child.text or "").strip() or gml.href(child).removeprefix("#")
            if text:
                _simple(name, text, found)
                _unit(name, child, found)
        elif isinstance(child[0].tag, str) and not object_name(child[0])[1]:
            _nested(child, name, found)
    return found


def _simple(name: str, text: str, found: dict[str, Attribute]) -> None:
    value: Attribute = text[:_MAX_TEXT]
    if name.rpartition(".")[2] in _NUMBERS:
        value = _number(text) if _number(text) is not None else value
    if name in found and found[name] != value:
        value = f"{found[name]}, {value}"[:_MAX_TEXT]
    found[name] = value


def _unit(name: str, element: Any, found: dict[str, Attribute]) -> None:
    unit = element.get("uom")
    if unit and unit not in _METRES:
        found[f"{name}.uom"] = unit[:_MAX_TEXT]


def _nested(element: Any, name: str, found: dict[str, Attribute]) -> None:
    """Data types and extensions: their texts under dotted names."""
    for place, (path, leaf) in enumerate(_leaves(element, name, 0)):
        if place >= _MAX_PARTS:
            break
        text = (leaf.text or "").strip() or gml.href(leaf).removeprefix("#")
        if text:
            _simple(path, text, found)
            _unit(path, leaf, found)


def _leaves(element: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    for child in element:
        name = local(child)
        geometry = gml.is_gml(child) and name[:1].isupper()
        if not name or geometry or depth > _MAX_DEPTH:
            continue
        inner = path if name[:1].isupper() else f"{path}.{name}"
        if len(child):
            yield from _leaves(child, inner, depth + 1)
        else:
            yield inner, child


def _number(text: str) -> int | float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    whole = value.is_integer() and "." not in text and abs(value) < 2**53
    return int(value) if whole else value


def _generic(element: Any, prefix: str, found: dict[str, Attribute], depth: int = 0) -> None:
    kind = local(element)
    name = element.get("name") or next(
        ((child.text or "").strip() for child in element if local(child) == "name"), ""
    )
    if kind in _SETS:
        for child in element if depth < _MAX_DEPTH else ():
            known = local(child) in _GENERIC or local(child) in _SETS
            for part in [child] if known else list(child):
                if local(part) in _GENERIC or local(part) in _SETS:
                    _generic(part, f"{prefix}{name}.", found, depth + 1)
        return
    make = _GENERIC.get(kind)
    if make is None or not name:
        return
    holder = next((c for c in element if local(c) == "value"), None)
    text = (holder.text or "").strip() if holder is not None else ""
    value: Attribute = text[:_MAX_TEXT] or None
    if value is not None and make is not str:
        number = _number(text)
        value = number if number is not None else value
    found[f"{prefix}{name}"] = value
    if holder is not None:
        _unit(f"{prefix}{name}", holder, found)


_STREETS: Final = ("ThoroughfareName", "Thoroughfare")
_TOWNS: Final = ("LocalityName", "Locality")
_POSTCODES: Final = ("PostalCodeNumber", "PostCode", "PostalCode")


def _address(element: Any, found: dict[str, Attribute]) -> None:
    """One line `street number, postcode town` in the words of either address standard."""
    parts: dict[str, list[str]] = {"street": [], "number": [], "postcode": [], "town": []}
    others: list[str] = []
    for part in element.iter():
        text = (part.text or "").strip()
        if not text or len(part) or gml.is_gml(part):
            continue
        parts.get(_role(part), others).append(text)
    street = " ".join(parts["street"] + parts["number"])
    town = " ".join(parts["postcode"] + parts["town"])
    line = ", ".join(filter(None, (street, town, *others)))[:_MAX_TEXT]
    if line:
        found["address"] = f"{found['address']}; {line}"[:_MAX_TEXT] if "address" in found else line


def _role(part: Any) -> str:
    """What a piece of an address is, by its own name or that of the element around it."""
    name = local(part)
    around = part.getparent()
    outer = local(around) if around is not None else ""
    if name == "ThoroughfareNumber" or (name in ("Identifier", "Number") and outer == "Number"):
        return "number"
    if name in _STREETS or (name == "NameElement" and outer in _STREETS):
        return "street"
    if name in _POSTCODES or (name == "Identifier" and outer in _POSTCODES):
        return "postcode"
    if name in _TOWNS or (name == "NameElement" and outer in _TOWNS):
        return "town"
    return ""


def _reference(element: Any, found: dict[str, Attribute]) -> None:
    """The object's name in another register, and which register that is."""
    for part in element.iter():
        text = (part.text or "").strip()
        if not text or len(part):
            continue
        name = local(part)
        if name in ("name", "uri", "targetResource"):
            _simple("external_reference", text, found)
        elif name == "informationSystem":
            _simple("external_reference.system", text, found)
