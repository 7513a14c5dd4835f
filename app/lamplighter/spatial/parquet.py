"""Parquet tables with a column of shapes, with or without the GeoParquet description."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from lamplighter.spatial import wkb
from lamplighter.spatial.cityjson import flat_attributes
from lamplighter.spatial.columns import attribute_of
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.shapes import MAX_FEATURES, Shapes

Progress = Callable[[int, int, str], None]
ENDINGS: Final = (".parquet", ".geoparquet")
_GEOMETRY: Final = ("geometry", "geom", "wkb_geometry", "wkb")


def claims(path: Path, head: bytes) -> bool:
    """By its first bytes."""
    return head.startswith(b"PAR1")


def read(path: Path, progress: Progress) -> SourceModel:
    """All rows; raises `Refused` when there is no column of shapes."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        if file.metadata.num_rows > MAX_FEATURES:
            raise Refused("I-502", f"{file.metadata.num_rows:,} rows (limit {MAX_FEATURES:,})")
        column, crs = _described(file)
        table = file.read()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Refused("I-503", str(error).splitlines()[0]) from error
    model = SourceModel("GeoParquet", crs_text=crs)
    if not crs and (file.schema_arrow.metadata or {}).get(b"geo"):
        model.assumed_crs = 4326
    shapes = Shapes(model, path.stem)
    found, damaged, _ = wkb.parts_of(table.column(column).to_pylist())
    wkb.tell_damaged(model, path.stem, damaged)
    rest = table.drop_columns([column])
    for row, values in enumerate(rest.to_pylist()):
        plain = {key: _scalar(value) for key, value in values.items()}
        shapes.add(None, flat_attributes(plain), found[row], number=row)
    return shapes.finish()


def _scalar(value: Any) -> Any:
    """Nested values as they are or as text, others as scalars."""
    if isinstance(value, dict):
        return {key: _scalar(inner) for key, inner in value.items()}
    if isinstance(value, list) and any(isinstance(v, dict | list) for v in value):
        return json.dumps(value, default=str)[:1000]
    return attribute_of(value)


def _described(file: Any) -> tuple[str, str]:
    """Name of the column of shapes, and the coordinate system it names."""
    schema = file.schema_arrow
    text = (schema.metadata or {}).get(b"geo")
    if text:
        geo = json.loads(text)
        column = geo.get("primary_column", "geometry")
        info = geo.get("columns", {}).get(column, {})
        if info.get("encoding", "WKB") != "WKB":
            raise Refused("I-504", f"shapes written as {info['encoding']}")
        crs = info.get("crs")
        named = (crs or {}).get("id") or {}
        code = f"{named.get('authority', '')}:{named.get('code', '')}" if named else ""
        if column in schema.names:
            return column, "" if code in ("OGC:CRS84", "") else code
    for name in _GEOMETRY:
        if name in schema.names and str(schema.field(name).type) in ("binary", "large_binary"):
            return name, ""
    raise Refused("I-504", "a table without a column of shapes")
