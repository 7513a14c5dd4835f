"""Lists of records in JSON whose place is a text (WKT) or two numbers among their fields.

Registers of cities often come so: a plain dump of a table, no GIS format.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.city import Attribute
from lamplighter.spatial import wkb
from lamplighter.spatial.cityjson import flat_attributes
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.shapes import MAX_FEATURES, Parts, Shapes

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".json",)
MAX_BYTES: Final = 300_000_000
_WKT: Final = re.compile(
    r"\s*(?:SRID=(\d+);)?\s*((?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*Z?\s*\(.*)", re.I | re.S
)
_LON: Final = ("lon", "lng", "longitude", "long")
_LAT: Final = ("lat", "latitude")
_PLACED: Final = re.compile(
    rb'"(?:SRID=\d+;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*Z?\s*\(', re.I
)
_PAIR: Final = re.compile(rb'"(?:lat|latitude)"\s*:\s*"?-?\d', re.I)


def claims(path: Path, head: bytes) -> bool:
    """A list of objects that hold a shape as text, or latitude and longitude."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith(b"[") or not start[1:].lstrip().startswith(b"{"):
        return False
    return bool(_PLACED.search(head) or _PAIR.search(head))


def read(path: Path, progress: Progress) -> SourceModel:
    """All records; raises `Refused` when it is no list or none of them has a place."""
    if path.stat().st_size > MAX_BYTES:
        raise Refused("I-502", f"more than {MAX_BYTES / 1e6:.0f} MB in one list")
    try:
        rows = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=list[Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("I-505" if "truncated" in str(error) else "I-503", str(error)) from error
    if len(rows) > MAX_FEATURES:
        raise Refused("I-502", f"{len(rows):,} records (limit {MAX_FEATURES:,})")
    model = SourceModel("JSON records")
    shapes = Shapes(model, path.stem)
    systems: Counter[str] = Counter()
    odd = 0
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            odd += 1
            continue
        flat = {key.removeprefix("fields."): v for key, v in flat_attributes(row).items()}
        parts, system = _place(flat)
        systems[system] += not parts.empty
        own = flat.pop("pk", None)
        kind = str(flat.pop("model", "") or "").rpartition(".")[2]
        shapes.add(own if isinstance(own, str) else None, flat, parts, kind=kind, number=number)
    named = [system for system, count in systems.items() if count]
    if not named:
        raise Refused("I-504", "a JSON list whose records have no place")
    if len(named) > 1:
        raise Refused("I-504", f"places in several coordinate systems ({', '.join(sorted(named))})")
    model.crs_text = named[0]
    if odd:
        model.warnings.append(f"{odd} entries of the list are no records and were left out")
    return shapes.finish()


def _place(flat: dict[str, Attribute]) -> tuple[Parts, str]:
    """The shape of a record and its system; its field is taken out."""
    import shapely

    for key, value in flat.items():
        found = _WKT.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            continue
        shape = shapely.from_wkt(found[2], on_invalid="ignore")
        if shape is not None:
            flat.pop(key)
            parts, _, _ = wkb.parts_of([shapely.to_wkb(shape)])
            return parts[0], f"EPSG:{found[1]}" if found[1] else ""
    lower = {key.lower().rpartition(".")[2]: value for key, value in flat.items()}
    lon, lat = (_number(lower, names) for names in (_LON, _LAT))
    if lon is None or lat is None or not (abs(lon) <= 180.0 and abs(lat) <= 90.0):
        return Parts(), ""
    return Parts(points=[(lon, lat, 0.0)]), "EPSG:4326"


def _number(values: dict[str, Attribute], names: tuple[str, ...]) -> float | None:
    value = next((values[name] for name in names if values.get(name) is not None), None)
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
