"""What the objects of a tile are called and say of themselves: batch and property tables.

3D Tiles 1.0 writes them as JSON lists with a binary part, 1.1 as property tables inside glTF.
Both become rows of attributes; which column is the id and which the type is found by its name.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.domain.city import Attribute
from lamplighter.spatial.gltf_buffers import TYPES, WIDTHS, Document, Json
from lamplighter.spatial.model import Refused

_IDS: Final = (
    "gml_id", "gml:id", "gmlid", "gml_identifier", "identificatie", "globalid", "guid", "uuid",
    "id", "feature_id", "featureid", "element_id", "elementid", "name",
)  # fmt: skip
_TYPES: Final = ("type", "classname", "class", "object_type", "featuretype", "feature_type")
_PARENTS: Final = ("gml_parent_id", "parent_id", "parent")
_MODULES: Final = {
    "building": "Building", "bridge": "Bridge", "tunnel": "Tunnel",
    "cityfurniture": "CityFurniture",
    "transportation": "Road", "vegetation": "PlantCover", "waterbody": "WaterBody",
    "landuse": "LandUse", "relief": "TINRelief", "generics": "GenericCityObject",
}  # fmt: skip
_COMPONENTS: Final = {
    "BYTE": "<i1", "UNSIGNED_BYTE": "<u1", "SHORT": "<i2", "UNSIGNED_SHORT": "<u2", "INT": "<i4",
    "UNSIGNED_INT": "<u4", "FLOAT": "<f4", "DOUBLE": "<f8",
    "INT8": "<i1", "UINT8": "<u1", "INT16": "<i2", "UINT16": "<u2", "INT32": "<i4",
    "UINT32": "<u4", "INT64": "<i8", "UINT64": "<u8", "FLOAT32": "<f4", "FLOAT64": "<f8",
}  # fmt: skip
_LONGEST: Final = 2000


@dataclass(slots=True)
class Table:
    """Attributes of `count` objects, column by column; `kind` is the class it states."""

    count: int
    columns: dict[str, list[Any]] = field(default_factory=dict)
    kind: str = ""

    def row(self, number: int) -> dict[str, Attribute]:
        """What object `number` says of itself; empty values are left out."""
        found: dict[str, Attribute] = {}
        for name, values in self.columns.items():
            value = values[number] if number < len(values) else None
            if value is not None and value != "":
                found[name] = _plain(value)
        return found


def batch_table(text: bytes, binary: bytes, count: int) -> Table:
    """The batch table of a tile of 3D Tiles 1.0. Raises `Refused` when it is damaged."""
    table = Table(count)
    if not text.strip(b" \0"):
        return table
    try:
        held = msgspec.json.decode(text.rstrip(b" \0"))
        for name, values in held.items():
            if isinstance(values, list):
                table.columns[str(name)] = values
            elif isinstance(values, dict) and "byteOffset" in values:
                table.columns[str(name)] = binary_column(binary, values, count).tolist()
    except (msgspec.MsgspecError, UnicodeError, AttributeError, KeyError, TypeError) as error:
        raise Refused("I-503", f"its batch table cannot be read: {error}") from error
    return table


def binary_column(binary: bytes, info: Json, count: int, kind: str = "") -> np.ndarray:
    """Values (count,) or (count, width) that `info` points to in the binary part."""
    dtype = np.dtype(_COMPONENTS[info.get("componentType", kind)])
    width = WIDTHS[info.get("type", "SCALAR")]
    begin = int(info["byteOffset"])
    if begin < 0 or begin + count * width * dtype.itemsize > len(binary):
        raise Refused("I-505", f"a column of {count} values is longer than its tile")
    values = np.frombuffer(binary, dtype, count * width, begin)
    return values.reshape(count, width) if width > 1 else values


def property_tables(document: Document) -> list[Table]:
    """The tables of a glTF with EXT_structural_metadata (or its forerunner)."""
    extensions = document.json.get("extensions", {})
    held = extensions.get("EXT_structural_metadata", {})
    try:
        classes = held.get("schema", {}).get("classes", {})
        enums = held.get("schema", {}).get("enums", {})
        return [
            _property_table(document, info, classes.get(info.get("class"), {}), enums)
            for info in held.get("propertyTables", [])
        ]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Refused("I-503", f"its property tables are broken: {error}") from error


def _property_table(document: Document, info: Json, schema: Json, enums: Json) -> Table:
    count = int(info.get("count", 0))
    table = Table(count, kind=str(info.get("class", "")))
    for name, place in info.get("properties", {}).items():
        described = schema.get("properties", {}).get(name, {})
        if described.get("array"):
            continue
        values = _property(document, place, described, enums, count)
        if values is not None:
            table.columns[str(name)] = values
    return table


def _property(
    document: Document, place: Json, described: Json, enums: Json, count: int
) -> list[Any] | None:
    kind, data = described.get("type"), document.view(place["values"])
    if kind == "STRING":
        offsets = np.frombuffer(
            document.view(place["stringOffsets"]),
            _COMPONENTS[place.get("stringOffsetType", "UINT32")],
            count + 1,
        ).astype(np.int64)
        if count and (int(offsets.max()) > len(data) or (np.diff(offsets) < 0).any()):
            raise Refused("I-505", "a text of its property table ends beyond the file")
        ends = offsets.tolist()
        return [bytes(data[a:b]).decode("utf-8", "replace") for a, b in pairwise(ends)]
    if kind == "BOOLEAN":
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return [bool(bit) for bit in bits[:count]]
    if kind == "ENUM":
        told = enums.get(str(described.get("enumType")), {})
        numbers = np.frombuffer(data, _COMPONENTS[told.get("valueType", "UINT16")], count).tolist()
        names = {item["value"]: item["name"] for item in told.get("values", [])}
        return [names.get(number, number) for number in numbers]
    if kind in WIDTHS:
        dtype = _COMPONENTS[described.get("componentType", "FLOAT32")]
        width = WIDTHS[kind]
        values = np.frombuffer(data, dtype, count * width)
        listed: list[Any] = (values.reshape(count, width) if width > 1 else values).tolist()
        return listed
    return None


def _plain(value: Any) -> Attribute:
    """A value as an attribute: numbers, texts and truths as they are, all else as JSON."""
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:_LONGEST]


def id_of(row: dict[str, Attribute]) -> str:
    """The id an object gives itself, empty for none."""
    return _first(row, _IDS)


def parent_of(row: dict[str, Attribute]) -> str:
    """The id of what the object is a part of, empty for none."""
    return _first(row, _PARENTS)


def type_of(row: dict[str, Attribute], kind: str = "") -> str:
    """The type of an object: what its table says, else `Mesh`."""
    if row.get("citygml_feature_role") == "boundedBy":
        return "BoundarySurface"
    told = _first(row, _TYPES) or kind
    if told and not told[:1].isdigit():
        return told
    module = str(row.get("citygml_target_uri", "")).rstrip("/").split("/")
    return next((_MODULES[part] for part in reversed(module) if part in _MODULES), "Mesh")


def _first(row: dict[str, Attribute], names: tuple[str, ...]) -> str:
    folded = {name.lower(): value for name, value in reversed(row.items())}
    for name in names:
        value = folded.get(name)
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""


def unpacked(data: bytes, header: str) -> tuple[int, ...]:
    """The numbers after the first letters of a tile; `Refused` when it is shorter."""
    if len(data) < 4 + struct.calcsize(header):
        raise Refused("I-505", f"{len(data)} bytes, less than the header of a tile")
    return struct.unpack_from(header, data, 4)


__all__ = [
    "TYPES", "Table", "batch_table", "binary_column", "id_of", "parent_of", "property_tables",
    "type_of", "unpacked",
]  # fmt: skip
