"""CSV tables of a city: an asset register, connections between assets, datastream bindings.

Which of the three a file is, its column names say. A row that cannot be used is named with its
line and left out; the others are taken.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from typing import Final

from lamplighter.domain.city import EDGE_KINDS, Attribute, Datastream, Edge, Limits
from lamplighter.domain.importing import Unplaced
from lamplighter.spatial.kinds import domain_of
from lamplighter.spatial.model import Feature, Refused, SourceModel

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]{1,3})?")
_LON: Final = ("lon", "longitude", "lng")
_LAT: Final = ("lat", "latitude")
_OWN: Final = frozenset(
    {
        "id",
        "type",
        "name",
        "domain",
        "parent",
        "people",
        "x",
        "y",
        "z",
        "height_m",
        "epsg",
        "crs",
        "mode",
        "path",
    }
    | set(_LON)
    | set(_LAT)
)
MAX_ROWS: Final = 5_000_000
Rows = list[tuple[int, dict[str, str]]]


def read(data: bytes) -> SourceModel:
    """Recognise and read one table; raises `Refused` when it is none of the three."""
    columns, rows, warnings = table_rows(data)
    names = set(columns)
    if {"source", "kind", "target"} <= names:
        model = connection_rows(rows)
    elif {"source", "datastream"} <= names:
        model = binding_rows(rows)
    elif "id" in names and "type" in names:
        model = asset_rows(rows)
    else:
        raise Refused(
            "I-504",
            "a table with columns " + ", ".join(columns[:8]) + "; an asset register has id and "
            "type, connections source, kind and target, bindings source and datastream; "
            "observations of the past come in with --map",
        )
    model.warnings = warnings + model.warnings
    model.kind = "table"
    return model


def table_rows(data: bytes) -> tuple[list[str], Rows, list[str]]:
    """Column names in lower case, rows with their lines, warnings; raises `Refused`."""
    warnings = []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        warnings.append("the table is not UTF-8; it was read as Latin-1")
    if "\0" in text:
        raise Refused("I-503", "it holds binary zeros")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=False)
    rows: Rows = []
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        for fields in reader:
            if any(field.strip() for field in fields):
                values = [field.strip() for field in fields]
                rows.append((reader.line_num, dict(zip(columns, values, strict=False))))
            if len(rows) > MAX_ROWS:
                raise Refused("I-502", f"more than {MAX_ROWS:,} rows")
    except csv.Error as error:
        raise Refused("I-503", f"line {reader.line_num}: {error}") from error
    return columns, rows, warnings


def number(text: str | None) -> float | None:
    """A finite number written in ASCII digits, or None."""
    if text is None or not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def scalar(text: str) -> Attribute:
    """The text as integer, number, truth or itself; empty is None."""
    if _INTEGER.fullmatch(text) and (len(text.lstrip("-")) == 1 or text.lstrip("-")[0] != "0"):
        return int(text)
    value = number(text)
    if value is not None and "." in text:
        return value
    lowered = text.lower()
    if lowered in ("true", "false"):
        return lowered == "true"
    return text or None


def _first(row: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((row[name] for name in names if row.get(name)), None)


def asset_rows(rows: Rows) -> SourceModel:
    """An asset register: a row with id and type for each."""
    model = SourceModel("CSV assets", kind="table")
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for line, row in rows:
        name, kind = row.get("id", ""), row.get("type", "")
        if not name or not kind:
            model.refused.append(Unplaced(name or f"line {line}", f"line {line}: no id or no type"))
            continue
        if name in seen:
            model.refused.append(Unplaced(name, f"line {line}: this id stands twice"))
            continue
        seen.add(name)
        counts[kind] += 1
        height = number(row.get("z"))
        height = number(row.get("height_m")) if height is None else height
        at = _pair(row.get("x"), row.get("y"), height or 0.0)
        lonlat = _pair(_first(row, _LON), _first(row, _LAT), height or 0.0)
        people = number(row.get("people"))
        model.features.append(
            Feature(
                id=name,
                type=kind,
                name=row.get("name", ""),
                domain=row.get("domain", "") or domain_of(kind),
                parent=row.get("parent", ""),
                attributes={
                    key: scalar(value)
                    for key, value in row.items()
                    if key and key not in _OWN and value
                },
                at=at,
                lonlat=lonlat,
                path=_path(row.get("path", ""), height or 0.0),
                mode="twin" if row.get("mode", "").lower() == "twin" else "shadow",
                people=int(people) if people and people > 0 else 0,
            )
        )
    model.counts = dict(sorted(counts.items()))
    model.heights_in_metres = True
    if rows:
        model.crs_text = _first(rows[0][1], ("crs", "epsg")) or ""
    acting = sum(1 for feature in model.features if feature.mode == "twin")
    if acting:
        model.warnings.append(f"{acting} assets are stated to take commands (mode twin)")
    return model


def _pair(x: str | None, y: str | None, z: float) -> tuple[float, float, float] | None:
    first, second = number(x), number(y)
    return None if first is None or second is None else (first, second, z)


def _path(text: str, z: float) -> list[tuple[float, float, float]] | None:
    """`x y; x y; ...` in the map coordinates of x and y; None when it is no line."""
    spots = []
    for part in text.split(";"):
        words = part.split()
        spot = _pair(words[0], words[1], z) if len(words) >= 2 else None
        if spot is None:
            return None
        spots.append(spot)
    return spots if len(spots) > 1 else None


def connection_rows(rows: Rows) -> SourceModel:
    """Connections: source, kind and target in each row."""
    model = SourceModel("CSV connections", kind="table")
    for line, row in rows:
        source, kind, target = row.get("source", ""), row.get("kind", ""), row.get("target", "")
        kind = kind.lower().replace("_", "-")
        if not source or not target or source == target:
            model.refused.append(Unplaced(f"line {line}", "a connection needs two assets"))
        elif kind not in EDGE_KINDS:
            known = ", ".join(EDGE_KINDS)
            model.refused.append(
                Unplaced(f"line {line}", f"'{kind[:40]}' is no kind of connection ({known})")
            )
        else:
            model.edges.append(Edge(source, kind, target, row.get("owner", "") or "project"))
    model.counts = {"connection": len(model.edges)}
    return model


def binding_rows(rows: Rows) -> SourceModel:
    """Datastreams with their asset, kind, unit and limits."""
    model = SourceModel("CSV datastreams", kind="table")
    seen: set[tuple[str, str]] = set()
    for line, row in rows:
        source, name = row.get("source", ""), row.get("datastream", "")
        if not source or not name:
            model.refused.append(Unplaced(f"line {line}", "a binding needs source and datastream"))
            continue
        if (source, name) in seen:
            model.refused.append(Unplaced(f"{source}/{name}", f"line {line}: bound a second time"))
            continue
        seen.add((source, name))
        limits = Limits(*(number(row.get(k)) for k in ("low_low", "low", "high", "high_high")))
        period = number(row.get("period_ms"))
        resolution = number(row.get("resolution"))
        model.datastreams.append(
            Datastream(
                id=0,
                source=source,
                name=name,
                unit=row.get("unit", ""),
                kind=row.get("kind", ""),
                asset=row.get("asset", ""),
                label=row.get("label", ""),
                period_ms=int(period) if period and period >= 1.0 else 1000,
                resolution=resolution if resolution and resolution > 0.0 else 0.01,
                limits=limits,
                states=tuple(s.strip() for s in row.get("states", "").split("|") if s.strip()),
            )
        )
    model.counts = {"datastream": len(model.datastreams)}
    return model
