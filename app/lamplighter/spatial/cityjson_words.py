"""What a CityJSON object says in words: attributes, address, and the meaning of its surfaces."""

from __future__ import annotations

import math
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial.cityjson_document import Item
from lamplighter.spatial.kinds import surface_of
from lamplighter.spatial.model import SURFACE_INDEX

MAX_TEXT: Final = 1_000
SURFACES: Final = "surfaces."
"""attributes of an object's surfaces start with this, then the kind of surface"""
_STRUCTURE: Final = frozenset({"type", "parent", "children"})
_STREET: Final = ("ThoroughfareName", "thoroughfareName", "Street", "street")
_HOUSE: Final = ("ThoroughfareNumber", "thoroughfareNumber", "HouseNumber", "number")
_POSTCODE: Final = ("Postcode", "PostalCode", "PostalCodeNumber", "postcode")
_TOWN: Final = ("Locality", "LocalityName", "locality", "City", "city")


def title(name: str, item: Item) -> str:
    attributes = item.attributes or {}
    for key in ("name", "Name", "gml:name", "gml_name", "naam"):
        value = attributes.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return name


def parent(item: Item) -> str:
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
        elif isinstance(value, list) and prefix.count(".") < 4:
            for place, part in enumerate(value[:50]):
                flat.update(flat_attributes({str(place): part}, f"{name}."))
    return flat


def attributes(item: Item, more: dict[str, Any]) -> dict[str, Attribute]:
    """All an object says; `more` are members of the object that an extension added."""
    found = flat_attributes(item.attributes or {})
    if item.address is not None:
        found.update(_address(item.address))
    for name, value in (("children_roles", item.children_roles), ("members", item.members)):
        if value:
            found.update(flat_attributes({name: value}))
    if more:
        found.update({k: v for k, v in flat_attributes(more).items() if k not in found})
    for geometry in item.geometry or ():
        _of_surfaces(geometry.semantics, found)
    return found


def _address(value: Any) -> dict[str, Attribute]:
    """`address` as one line for people, its parts with dotted names."""
    listed = [a for a in (value if isinstance(value, list) else [value]) if isinstance(a, dict)]
    found: dict[str, Attribute] = {}
    lines = []
    for place, one in enumerate(listed[:50]):
        parts = {k: v for k, v in one.items() if k != "location"}
        prefix = "address." if place == 0 else f"address.{place}."
        flat = flat_attributes(parts, prefix)
        found.update(flat)
        text = {k.rpartition(".")[2]: str(v) for k, v in flat.items() if v not in (None, "")}
        street = " ".join(filter(None, (_pick(text, _STREET), _pick(text, _HOUSE))))
        town = " ".join(filter(None, (_pick(text, _POSTCODE), _pick(text, _TOWN))))
        line = ", ".join(filter(None, (street, town))) or ", ".join(text.values())
        if line and line not in lines:
            lines.append(line)
    if lines:
        found = {"address": "; ".join(lines)[:MAX_TEXT], **found}
    return found


def _pick(values: dict[str, str], keys: tuple[str, ...]) -> str:
    return next((values[key] for key in keys if key in values), "")


def _of_surfaces(semantics: Any, found: dict[str, Attribute]) -> None:
    """Attributes the surfaces carry themselves, gathered by kind of surface."""
    if not isinstance(semantics, dict) or not isinstance(semantics.get("surfaces"), list):
        return
    gathered: dict[str, list[Attribute]] = {}
    for entry in semantics["surfaces"]:
        if not isinstance(entry, dict) or len(entry) < 2:
            continue
        own = {key: value for key, value in entry.items() if key not in _STRUCTURE}
        for key, value in flat_attributes(own).items():
            gathered.setdefault(f"{SURFACES}{entry.get('type', 'Unknown')}.{key}", []).append(value)
    for name, values in gathered.items():
        found.setdefault(name, gathered_value(values))


def gathered_value(values: list[Attribute]) -> Attribute:
    """One value for many: the value itself when all agree, else their list as text."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return distinct[0]
    text = ", ".join(str(value) for value in values)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def meanings(semantics: Any, boundaries: list[Any], depth: int, fallback: int) -> list[int]:
    """Place in SURFACES of every surface, whatever way the version writes semantics."""
    words: list[int] | None = None
    values: Any = None
    if isinstance(semantics, dict):
        listed = semantics.get("surfaces")
        words = [_word(entry, fallback) for entry in listed] if isinstance(listed, list) else []
        values = semantics.get("values")
    elif isinstance(semantics, list):
        values = semantics
    known = aligned(values, boundaries, depth)
    if words is None:
        return [_word(value, fallback) for value in known]
    count = len(words)
    return [words[v] if type(v) is int and 0 <= v < count else fallback for v in known]


def aligned(values: Any, boundaries: list[Any], depth: int) -> list[Any]:
    """The value beside each surface in the nesting of the boundaries; None where there is none."""
    known = values if isinstance(values, list) else []
    if not depth:
        missing = len(boundaries) - len(known)
        return known + [None] * missing if missing > 0 else known[: len(boundaries)]
    found: list[Any] = []
    for place, part in enumerate(boundaries):
        value = known[place] if place < len(known) else None
        found.extend(aligned(value, part, depth - 1))
    return found


def _word(entry: Any, fallback: int) -> int:
    kind = entry.get("type") if isinstance(entry, dict) else None
    if kind in SURFACE_INDEX:
        return SURFACE_INDEX[kind]
    return SURFACE_INDEX.get(surface_of(str(kind)), fallback) or fallback
