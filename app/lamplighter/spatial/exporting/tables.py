"""Assets, connections and datastreams as CSV or Parquet tables, with their licences beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.layers import Layer
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.spatial.exporting.sources import Collected

ASSET_HEAD: Final = (
    "id", "type", "name", "domain", "lon", "lat", "height_m", "parent", "people", "mode", "layer",
    "source_file", "wkt", "attributes", "licence",
)  # fmt: skip
EDGE_HEAD: Final = ("source", "kind", "target", "owner")
STREAM_HEAD: Final = ("source", "name", "asset", "kind", "unit", "label")


def write_csv(found: Collected, out: Path) -> int:
    """`out` with the assets; connections and datastreams in files named after it."""
    _csv(out, ASSET_HEAD, asset_rows(found))
    _csv(beside(out, "edges"), EDGE_HEAD, edge_rows(found.facts.edges))
    _csv(beside(out, "datastreams"), STREAM_HEAD, stream_rows(found.facts.datastreams))
    return len(found.facts.assets)


def write_parquet(found: Collected, out: Path) -> int:
    """As `write_csv`; the licence stands in the files' metadata too."""
    licence = found.licence()
    _parquet(out, ASSET_HEAD, asset_rows(found), licence)
    _parquet(beside(out, "edges"), EDGE_HEAD, edge_rows(found.facts.edges), licence)
    streams = stream_rows(found.facts.datastreams)
    _parquet(beside(out, "datastreams"), STREAM_HEAD, streams, licence)
    return len(found.facts.assets)


def beside(out: Path, what: str) -> Path:
    return out.with_name(f"{out.stem}-{what}{out.suffix}")


def asset_rows(found: Collected) -> list[tuple[Any, ...]]:
    """One row for each asset; coordinates of `wkt` are in the project's system."""
    layers = {kept.layer.id: kept.layer for kept in found.facts.layers}
    frame = found.frame
    shift = (frame.east, frame.north, frame.up)
    return [_asset_row(asset, shift, layers.get(asset.layer)) for asset in found.facts.assets]


def _asset_row(
    asset: Asset, shift: tuple[float, float, float], layer: Layer | None
) -> tuple[Any, ...]:
    licence = "; ".join(w for w in (layer.licence, layer.attribution) if w) if layer else ""
    return (
        asset.id, asset.type, asset.name, asset.domain, asset.lon, asset.lat, asset.height_m,
        asset.parent, asset.people, asset.mode, asset.layer, asset.source_file,
        wkt_of(asset, shift), msgspec.json.encode(asset.attributes).decode(), licence,
    )  # fmt: skip


def wkt_of(asset: Asset, shift: tuple[float, float, float]) -> str:
    """The asset's place or course as WKT with heights; empty without a place."""
    lines = [line for line in (asset.path, *asset.more) if len(line) > 1]

    def spot(point: Sequence[float]) -> str:
        return " ".join(f"{value + more:.3f}" for value, more in zip(point, shift, strict=True))

    if lines:
        parts = ["(" + ", ".join(spot(p) for p in line) + ")" for line in lines]
        if len(parts) == 1:
            return f"LINESTRING Z {parts[0]}"
        return f"MULTILINESTRING Z ({', '.join(parts)})"
    if asset.x is None or asset.y is None:
        return ""
    return f"POINT Z ({spot((asset.x, asset.y, (asset.z or 0.0) - shift[2]))})"


def edge_rows(edges: Iterable[Edge]) -> list[tuple[Any, ...]]:
    return [(e.source, e.kind, e.target, e.owner) for e in edges if e.valid_to_ms is None]


def stream_rows(streams: Iterable[Datastream]) -> list[tuple[Any, ...]]:
    return [(d.source, d.name, d.asset, d.kind, d.unit, d.label) for d in streams]


def _csv(out: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    partial = out.with_name(out.name + ".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    partial.replace(out)


def _parquet(out: Path, head: Sequence[str], rows: list[tuple[Any, ...]], licence: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = {"lon", "lat", "height_m"}
    columns = {}
    for place, name in enumerate(head):
        values = [row[place] for row in rows]
        kind = pa.float64() if name in numbers else pa.int64() if name == "people" else pa.string()
        columns[name] = pa.array(values, type=kind)
    table = pa.table(columns).replace_schema_metadata({"licence": licence})
    partial = out.with_name(out.name + ".part")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(out)
