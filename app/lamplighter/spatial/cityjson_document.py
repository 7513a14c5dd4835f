"""The typed shape of a CityJSON document, and how bytes become one.

Boundaries, vertices and appearance stay undecoded until their geometry is known: each kind has
its own typed decoder, which is several times faster than a general one and checks as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Raw, Struct

from lamplighter.spatial.model import Floats, Refused

_NONE: Final = Raw(b"null")
UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Transform(Struct):
    scale: tuple[float, float, float]
    translate: tuple[float, float, float]


class Geometry(Struct):
    type: str
    lod: str | float | None = None
    boundaries: Raw = _NONE
    semantics: Any = None
    texture: Raw = _NONE
    template: int | None = None
    transformationMatrix: list[float] | None = None


class Item(Struct):
    """One city object."""

    type: str
    attributes: dict[str, Any] | None = None
    geometry: list[Geometry] | None = None
    parents: Any = None
    parent: Any = None
    children: Any = None
    address: Any = None
    children_roles: Any = None
    members: Any = None


class Templates(Struct):
    templates: list[Geometry] = []
    vertices: list[tuple[float, float, float]] = msgspec.field(
        name="vertices-templates", default=[]
    )


class Appearance(Struct):
    textures: Any = None
    vertices: Any = msgspec.field(name="vertices-texture", default=None)


class Document(Struct):
    type: str = ""
    id: str = ""
    version: str | float | None = None
    metadata: Any = None
    transform: Transform | None = None
    CityObjects: dict[str, Raw] | None = None
    vertices: Raw = Raw(b"[]")
    templates: Templates | None = msgspec.field(name="geometry-templates", default=None)
    appearance: Raw = _NONE
    extensions: Any = None


ITEM: Final = msgspec.json.Decoder(Item)
_VERTICES: Final = msgspec.json.Decoder(list[tuple[float, float, float]])
_WHOLE: Final = msgspec.json.Decoder(Document)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[{}]', re.DOTALL)
"""a string (one without an end reaches to the end) or a brace"""
_TYPES: Final = ("CityJSON", "CityModel", "CityJSONFeature")


def text_of(data: bytes) -> tuple[bytes, str]:
    """The file as UTF-8 without byte order mark, and a warning when it was written otherwise."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode(), ""
        except UnicodeDecodeError as error:
            raise Refused("I-503", f"its UTF-16 text is damaged: {error.reason}") from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.isascii():
        return data, ""
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1").encode(), "it is not UTF-8 text; it was read as Latin-1"
    return data, ""


def parse(data: bytes) -> Document:
    """Raises `Refused` when `data` is no CityJSON or is damaged as a whole."""
    try:
        document = _WHOLE.decode(data)
    except msgspec.ValidationError as error:
        raise Refused("I-503", f"it is no CityJSON: {error}") from error
    except msgspec.DecodeError as error:
        text = str(error)
        code = "I-505" if "truncated" in text else "I-503"
        raise Refused(code, text) from error
    except RecursionError as error:
        raise Refused("I-503", "it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise Refused("I-503", "it is not UTF-8 text") from error
    if document.type not in _TYPES:
        what = f"JSON of type '{document.type}'" if document.type else "JSON without a type"
        raise Refused("I-504", f"{what}, no CityJSON")
    return document


def pieces(data: bytes) -> list[bytes]:
    """The documents of a sequence: one a line, or laid out over several lines each."""
    lines = [line for line in data.splitlines() if line.strip()]
    if all(line.lstrip().startswith(b"{") for line in lines) and not _opens_only(lines):
        return lines
    return list(_balanced(data))


def _opens_only(lines: list[bytes]) -> bool:
    """A first line that is but an opening brace: documents over several lines."""
    return bool(lines) and lines[0].strip() == b"{"


def _balanced(data: bytes) -> Iterator[bytes]:
    depth = begin = 0
    for token in _TOKEN.finditer(data):
        sign = token.group()
        if sign == b"{":
            if not depth:
                begin = token.start()
            depth += 1
        elif sign == b"}" and depth:
            depth -= 1
            if not depth:
                yield data[begin : token.end()]
    if depth:
        yield data[begin:]


def vertices(document: Document) -> Floats:
    """Real coordinates (n, 3) of a document; raises `Refused` when they are damaged."""
    try:
        rows = _VERTICES.decode(document.vertices)
    except UNREADABLE as error:
        raise Refused("I-503", f"its vertices are damaged: {error}") from error
    points = np.fromiter(chain.from_iterable(rows), float, count=3 * len(rows)).reshape(-1, 3)
    if document.transform is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            points = points * document.transform.scale + np.array(document.transform.translate)
    return points


def version_of(value: str | float | None) -> str:
    """`2.0` of `2.0`, or of an address that ends in it."""
    if value is None:
        return ""
    return str(value).rstrip("/").rsplit("/", 1)[-1]


def crs_name(metadata: Any) -> str:
    """Name of the coordinate system in any of the places the versions put it."""
    if not isinstance(metadata, dict):
        return ""
    system = metadata.get("referenceSystem")
    if isinstance(system, str | int):
        return str(system)
    old = metadata.get("crs")
    if isinstance(old, dict):
        old = old.get("epsg")
    return str(old) if isinstance(old, str | int) and not isinstance(old, bool) else ""


_LICENCE: Final = ("licence", "license", "+licence", "+license")
_DATES: Final = ("referenceDate", "datasetReferenceDate")
_CONTACTS: Final = ("pointOfContact", "datasetPointOfContact")
_CONSTRAINTS: Final = ("userNote", "legalConstraints", "useLimitation", "constraints")
_NAMES: Final = ("organization", "organisation", "contactName")


def licence_of(metadata: Any) -> tuple[str, str, str]:
    """Licence, attribution and date as the metadata state them; empty where they do not."""
    if not isinstance(metadata, dict):
        return "", "", ""
    return (
        _first(metadata, _LICENCE) or _first(metadata, _CONSTRAINTS),
        next((_first(metadata[k], _NAMES) for k in _CONTACTS if k in metadata), ""),
        _first(metadata, _DATES),
    )


def _first(holder: Any, keys: tuple[str, ...]) -> str:
    """The first text under one of `keys`, also one level deeper."""
    if isinstance(holder, str):
        return holder.strip()[:1000] if keys is _NAMES else ""
    if not isinstance(holder, dict):
        return ""
    for key in keys:
        value = holder.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()[:1000]
        if isinstance(value, dict) and value is not holder:
            inner = next((v for v in value.values() if isinstance(v, str) and v.strip()), "")
            if inner:
                return inner.strip()[:1000]
    return ""
