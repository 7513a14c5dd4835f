"""Names files that are well known and hold nothing of a city, and the door they belong to.

A folder of a city's data is full of them: descriptions of devices, messages, schemas, programs.
Whoever imports it should read what a file is, not that it is unknown.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

_MAX: Final = 5_000_000
_FEED: Final = "it belongs to a feed, see 'Feeds' in the manual"
_START: Final = b"\xef\xbb\xbf \t\r\n"
_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)[\s/>]")
_ENDINGS: Final = {
    ".proto": "the definition of a message (Protocol Buffers); " + _FEED,
    ".exi": "packed XML (EXI), as devices send it; " + _FEED,
    ".cbor": "packed values (CBOR), as devices send them; " + _FEED,
    ".hex": "bytes of a message written as text; " + _FEED,
    ".svg": "a drawing (SVG)",
    ".md": "a text",
    ".rst": "a text",
    ".pdf": "a printed document",
    ".docx": "a text document",
    ".xls": "a spreadsheet; save its sheet as CSV and import that",
    ".xlsx": "a spreadsheet; save its sheet as CSV and import that",
    ".ods": "a spreadsheet; save its sheet as CSV and import that",
    ".py": "a program",
    ".sh": "a program",
    ".js": "a program",
    ".log": "the log of a program",
    ".xsd": "a schema, which describes data and holds none",
    ".epw": "a weather file of one place (EPW), past or typical values",
    ".tm2": "a weather file of one place (TMY2), typical values",
}
_XML: Final = {
    "UANodeSet": "the address space of an OPC UA server (node set); " + _FEED,
    "sensml": "measured values (SenML); " + _FEED,
    "senml": "measured values (SenML); " + _FEED,
    "services": "the list of services of an Open311 interface, not its requests",
    "service_definition": "the form of one service of an Open311 interface",
    "service_request_updates": "changes of Open311 requests; their places are in the requests",
    "errors": "an error message of an interface",
    "token": "the receipt of an Open311 interface",
    "rfc": "the text of an internet standard",
    "Envelope": "an answer of a web service (SOAP)",
    "svg": "a drawing (SVG)",
    "html": "a web page",
    "schema": "a schema, which describes data and holds none",
    "project": "the file of another program",
    "sunSpecModels": "a description of Modbus registers (SunSpec); " + _FEED,
}
_CITY: Final = (b'"CityObjects"', b'"FeatureCollection"', b'"geometricError"')
_SHAPES: Final = frozenset({"CityJSON", "CityJSONFeature", "Feature", "Topology"})
_SENML: Final = frozenset({"bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd",
                           "s", "t", "ut", "l"})  # fmt: skip


def what_it_is(path: Path, head: bytes) -> str | None:
    """What the file is, in a few words; None for what may hold a city."""
    start = head.lstrip(_START)
    ending = path.suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if ending in (".yaml", ".yml"):
        return _yaml(head)
    if ending == ".bin" and b"\x00" in head + b"\x00":
        return "a message or record in binary form without a name of its format; " + _FEED
    if start.startswith(b"<"):
        return None if ending in (".gml", ".citygml") else _xml(start)
    if start.startswith((b"{", b"[")):
        return _json(path, head)
    return None


def _yaml(head: bytes) -> str:
    low = head.lower()
    if b"modbus" in low:
        return "a map of Modbus registers; " + _FEED
    if b"openapi:" in low or b"swagger:" in low:
        return "the description of a web interface (OpenAPI)"
    if low.lstrip(b"-\r\n ").startswith(b"template:"):
        return "the description of a device; " + _FEED
    return "settings or lists (YAML)"


def _xml(start: bytes) -> str | None:
    bare = re.sub(rb"<!--.*?-->|<\?.*?\?>", b"", start[:10_000], flags=re.S)
    if re.match(rb"\s*<!DOCTYPE", bare):
        return None
    root = _ROOT.search(bare)
    return _XML.get(root.group(1).decode("ascii", "replace")) if root else None


def _json(path: Path, head: bytes) -> str | None:
    if path.stat().st_size > _MAX or any(word in head for word in _CITY):
        return None
    try:
        document = json.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return None
    if isinstance(document, list):
        return _list(document)
    return _object(document) if isinstance(document, dict) else None


def _list(items: list[Any]) -> str | None:
    rows = [item for item in items if isinstance(item, dict)]
    if not rows or len(rows) < len(items):
        return None
    keys = {key for row in rows for key in row}
    if keys & {"v", "vs", "vb", "vd", "bn", "n"} and keys <= _SENML | {"u"}:
        return "measured values (SenML); " + _FEED
    if "service_code" in keys and "service_request_id" not in keys:
        return "the list of services of an Open311 interface, not its requests"
    if keys & {"topic", "payload"}:
        return "a list of device messages; " + _FEED
    return None


_OBJECTS: Final = (
    ({"timestamp", "metrics"}, "a Sparkplug message; " + _FEED),
    ({"$schema"}, "a schema, which describes data and holds none"),
    ({"properties", "required"}, "a schema, which describes data and holds none"),
    ({"modelTags"}, "a schema, which describes data and holds none"),
    ({"group", "id"}, "a description of Modbus registers (SunSpec); " + _FEED),
    ({"realm", "enabled"}, "settings of a sign-in server"),
    ({"conformance"}, "settings of a SensorThings server, no things of it"),
    ({"entries"}, "settings of a server, no things of it"),
    ({"endpoints", "contact"}, "the address card of an Open311 interface"),
    ({"fields", "sobjects"}, "the description of a form of another program"),
    ({"childRelationships"}, "the description of a form of another program"),
    ({"openapi"}, "the description of a web interface (OpenAPI)"),
    ({"swagger"}, "the description of a web interface (OpenAPI)"),
)


def _object(document: dict[str, Any]) -> str | None:
    keys = set(document)
    if keys & {"coordinates", "geometries", "features"} or document.get("type") in _SHAPES:
        return None
    if keys == {"timestamp"}:
        return "a Sparkplug message; " + _FEED
    if "@context" in keys and not keys & {"id", "@id", "@graph"}:
        return "a vocabulary (JSON-LD context), no entities"
    if isinstance(document.get("e"), list) and keys <= {
        "e",
        "bn",
        "bt",
        "bu",
        "ver",
        "someExtensions",
    }:
        return "measured values (SenML); " + _FEED
    if document.get("type") == "array" and "items" in keys:
        return "a schema, which describes data and holds none"
    if "type" in keys and "id" in keys and "location" not in keys and "geometry" not in keys:
        return "an entity without a position; its values belong to a feed"
    return next((words for needed, words in _OBJECTS if needed <= keys), None)
