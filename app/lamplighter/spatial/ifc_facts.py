"""What an IFC file says of its products: parents, property sets, quantities, materials, places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from lamplighter.domain.city import Attribute
from lamplighter.spatial.model import sound_text

MAX_FACTS: Final = 300
_PLAIN: Final = ("Description", "ObjectType", "Tag", "PredefinedType", "LongName", "Elevation")
_DEPTH: Final = 60
_HIERARCHY: Final = (
    ("IfcRelAggregates", "RelatingObject", "RelatedObjects"),
    ("IfcRelNests", "RelatingObject", "RelatedObjects"),
    ("IfcRelContainedInSpatialStructure", "RelatingStructure", "RelatedElements"),
    ("IfcRelVoidsElement", "RelatingBuildingElement", "RelatedOpeningElement"),
    ("IfcRelProjectsElement", "RelatingElement", "RelatedFeatureElement"),
)


class Facts:
    """Reads each relation of the file once, whatever number of products it concerns."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.unit = length_unit(file)
        self.parents: dict[int, int] = {}
        """number of the product -> number of what it is a part of or stands in"""
        self._sets: dict[int, list[Any]] = {}
        self._read: dict[int, dict[str, Attribute]] = {}
        self._materials: dict[int, str] = {}
        self._hierarchy()
        self._properties()

    def of(self, product: Any) -> dict[str, Attribute]:
        """Attributes of one product; those of property sets as `Set.Property`."""
        facts: dict[str, Attribute] = {}
        for key in _PLAIN:
            value = _scalar(getattr(product, key, None))
            if value not in (None, ""):
                facts[key] = value
        if product.id() in self._materials:
            facts["material"] = self._materials[product.id()]
        for number in self._sets.get(product.id(), ()):
            facts |= self._read.get(number, {})
        return {sound_text(k): v for k, v in list(facts.items())[:MAX_FACTS]}

    def place(self, product: Any) -> tuple[float, float, float] | None:
        """Origin of the product's own placement in metres of the file's world."""
        matrix = _matrix(product.ObjectPlacement)
        if matrix is None:
            return None
        x, y, z = (float(matrix[row][3]) * self.unit for row in range(3))
        return (x, y, z) if all(math.isfinite(v) for v in (x, y, z)) else None

    def _hierarchy(self) -> None:
        for kind, above, below in _HIERARCHY:
            for relation in all_of(self._file, kind):
                whole, parts = getattr(relation, above, None), getattr(relation, below, None)
                if whole is None or parts is None:
                    continue
                for part in parts if isinstance(parts, tuple) else (parts,):
                    self.parents.setdefault(part.id(), whole.id())

    def _properties(self) -> None:
        typed: dict[int, list[Any]] = {}
        for relation in all_of(self._file, "IfcRelDefinesByType"):
            for number in self._kept(getattr(relation.RelatingType, "HasPropertySets", None) or ()):
                for item in relation.RelatedObjects or ():
                    typed.setdefault(item.id(), []).append(number)
        for item, numbers in typed.items():
            self._sets.setdefault(item, []).extend(numbers)
        for relation in all_of(self._file, "IfcRelDefinesByProperties"):
            given = relation.RelatingPropertyDefinition
            for number in self._kept(given if isinstance(given, tuple) else (given,)):
                for item in relation.RelatedObjects or ():
                    self._sets.setdefault(item.id(), []).append(number)
        for relation in all_of(self._file, "IfcRelAssociatesMaterial"):
            name = _material(relation.RelatingMaterial)
            for item in relation.RelatedObjects or () if name else ():
                self._materials.setdefault(item.id(), name)

    def _kept(self, definitions: Any) -> Iterator[int]:
        for definition in definitions:
            if definition is None or not hasattr(definition, "id"):
                continue
            if definition.id() not in self._read:
                self._read[definition.id()] = dict(_flat(definition))
            yield definition.id()


def all_of(file: Any, kind: str) -> Any:
    try:
        return file.by_type(kind)
    except RuntimeError:  # the schema of this file does not know it
        return ()


def _flat(definition: Any) -> Iterator[tuple[str, Attribute]]:
    title = str(getattr(definition, "Name", None) or definition.is_a())
    items = [
        *(getattr(definition, "HasProperties", None) or ()),
        *(getattr(definition, "Quantities", None) or ()),
    ]
    for item in items:
        yield from _values(title, item, 0)


def _values(title: str, item: Any, depth: int) -> Iterator[tuple[str, Attribute]]:
    name = f"{title}.{getattr(item, 'Name', '')}"
    inner = getattr(item, "HasProperties", None) or getattr(item, "HasQuantities", None)
    if inner and depth < 4:
        for one in inner:
            yield from _values(name, one, depth + 1)
        return
    for key in ("NominalValue", "LengthValue", "AreaValue", "VolumeValue", "CountValue",
                "WeightValue", "TimeValue", "NumberValue"):  # fmt: skip
        value = _scalar(getattr(item, key, None))
        if value is not None:
            yield name, value
            return
    listed = getattr(item, "EnumerationValues", None) or getattr(item, "ListValues", None)
    if listed:
        yield name, ", ".join(str(_scalar(one)) for one in listed)[:1000]
        return
    low, high = (_scalar(getattr(item, k, None)) for k in ("LowerBoundValue", "UpperBoundValue"))
    if low is not None or high is not None:
        yield name, f"{low} to {high}"


def _scalar(value: Any) -> Attribute:
    value = getattr(value, "wrappedValue", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bool | int):
        return value
    return sound_text(value[:1000]) if isinstance(value, str) else None


def _material(material: Any) -> str:
    """Its name, or the names of its layers and parts."""
    if material is None:
        return ""
    own = getattr(material, "Name", None)
    if own:
        return sound_text(str(own)[:300])
    inner = getattr(material, "ForLayerSet", None) or material
    names = [
        str(getattr(getattr(one, "Material", one), "Name", "") or "")
        for key in ("MaterialLayers", "Materials", "MaterialConstituents", "MaterialProfiles")
        for one in getattr(inner, key, None) or ()
    ]
    return ", ".join(dict.fromkeys(name for name in names if name))[:300]


def length_unit(file: Any) -> float:
    from ifcopenshell.util.unit import calculate_unit_scale

    try:
        scale = float(calculate_unit_scale(file))
    except Exception:  # a file without units is in metres, as the standard has it
        return 1.0
    return scale if math.isfinite(scale) and scale > 0.0 else 1.0


def _matrix(placement: Any) -> Any:
    from ifcopenshell.util.placement import get_local_placement

    if placement is None or not placement.is_a("IfcLocalPlacement"):
        return None
    above, depth = placement, 0
    while above is not None and depth <= _DEPTH:  # a ring of placements has no end
        above, depth = getattr(above, "PlacementRelTo", None), depth + 1
    if depth > _DEPTH:
        return None
    try:
        return get_local_placement(placement)
    except Exception:  # incomplete placements of damaged files
        return None
