"""The district's books: assets, connections and datastreams, and the CSV files they become."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import numpy as np
from msgspec import Struct

from lamplighter.field.layout import Ground
from lamplighter.field.projection import to_degrees

Attribute = str | int | float


@dataclass
class AssetRow:
    """An asset at a place in the grid; `path` is the course of a line-shaped one."""

    id: str
    type: str
    name: str
    domain: str
    u: float
    v: float
    height_m: float = 0.0
    people: int = 0
    mode: str = "shadow"
    parent: str = ""
    path: list[tuple[float, float]] = field(default_factory=list)
    attributes: dict[str, Attribute] = field(default_factory=dict)


class Signal(Struct, frozen=True):
    """How the device makes a datastream's values.

    `model`: `net` (a quantity of the physics, named by `ref`), `daily` (base and daily shape),
    `wear` (a bearing feature), `state` (words). A stream with a `gate` reads 0 while that asset
    has no voltage.
    """

    model: str
    ref: str = ""
    base: float = 0.0
    amp: float = 0.0
    shape: str = "flat"
    noise: float = 0.0
    tau_s: float = 1.0
    gate: str = ""


class StreamRow(Struct, frozen=True):
    """A datastream as it is announced to the console, and its signal."""

    source: str
    name: str
    asset: str
    kind: str
    unit: str
    label: str
    signal: Signal
    resolution: float = 0.01
    limits: tuple[float | None, float | None, float | None, float | None] = (None,) * 4
    """low_low, low, high, high_high"""
    states: tuple[str, ...] = ()


@dataclass
class Register:
    """All books of a district."""

    assets: dict[str, AssetRow] = field(default_factory=dict)
    connections: list[tuple[str, str, str]] = field(default_factory=list)
    streams: list[StreamRow] = field(default_factory=list)

    def add(self, asset: AssetRow) -> AssetRow:
        if asset.id in self.assets:
            raise ValueError(f"asset {asset.id} twice")
        self.assets[asset.id] = asset
        return asset

    def connect(self, source: str, kind: str, target: str) -> None:
        self.connections.append((source, kind, target))


ASSET_COLUMNS: tuple[str, ...] = (
    "id",
    "type",
    "name",
    "domain",
    "lon",
    "lat",
    "x",
    "y",
    "height_m",
    "people",
)
ASSET_COLUMNS += ("mode", "parent", "path")
STREAM_COLUMNS: tuple[str, ...] = (
    "source",
    "datastream",
    "asset",
    "kind",
    "unit",
    "period_ms",
    "resolution",
)
STREAM_COLUMNS += ("low_low", "low", "high", "high_high", "label", "states")


def assets_csv(register: Register, ground: Ground, epsg: int) -> str:
    """One row per asset; x, y in the projected system, lon, lat in WGS 84; then the attributes."""
    rows = list(register.assets.values())
    extra = sorted({name for row in rows for name in row.attributes})
    places = ground.to_map(np.array([(row.u, row.v) for row in rows]))
    lon, lat = to_degrees(epsg, places[:, 0], places[:, 1])
    table: list[list[object]] = []
    for k, row in enumerate(rows):
        path = ""
        if row.path:
            line = ground.to_map(np.array(row.path))
            path = "; ".join(f"{east:.2f} {north:.2f}" for east, north in line)
        table.append(
            [
                row.id, row.type, row.name, row.domain, f"{lon[k]:.7f}", f"{lat[k]:.7f}",
                f"{places[k, 0]:.2f}", f"{places[k, 1]:.2f}", f"{row.height_m:.2f}",
                row.people, row.mode, row.parent, path,
                *(row.attributes.get(name, "") for name in extra),
            ]
        )  # fmt: skip
    return table_text((*ASSET_COLUMNS, *extra), table)


def connections_csv(register: Register) -> str:
    return table_text(("source", "kind", "target"), [list(c) for c in register.connections])


def streams_csv(register: Register) -> str:
    """One row per datastream: where it comes from, what it means, its limits."""
    table = []
    for s in register.streams:
        limits = ["" if limit is None else f"{limit:g}" for limit in s.limits]
        table.append(
            [
                s.source, s.name, s.asset, s.kind, s.unit, 1000, f"{s.resolution:g}",
                *limits, s.label, "|".join(s.states),
            ]
        )  # fmt: skip
    return table_text(STREAM_COLUMNS, table)


def table_text(columns: tuple[str, ...], rows: list[list[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
