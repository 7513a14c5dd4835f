"""Generates the district: every file the importer takes in, and what the devices need to play it.

The same definition gives the same bytes. `import/` is for the ordinary importer, `past/` is a
recording, and what only the devices know lies in `device/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from lamplighter.domain.clock import parse_time
from lamplighter.field import equipment
from lamplighter.field.buildings import Building, build
from lamplighter.field.cityjson import CityWriter
from lamplighter.field.definition import DEFINITION_FILE, Definition, PlanStep, load_definition
from lamplighter.field.layout import Layout, plan_layout
from lamplighter.field.past import write_past
from lamplighter.field.register import Register, StreamRow, assets_csv, connections_csv, streams_csv
from lamplighter.field.scenery import add_scenery
from lamplighter.field.streams import add_streams
from lamplighter.field.water_network import WaterNetwork, lay_water, write_inp

IMPORT_FOLDER = "import"
CITY_FILE = "city.city.json"
WATER_FILE = "water.inp"
ASSETS_FILE = "assets.csv"
CONNECTIONS_FILE = "connections.csv"
STREAMS_FILE = "datastreams.csv"
DEVICE_FOLDER = "device"
DEVICE_FILE = "district.json"


class FeederRow(Struct, frozen=True):
    """A piece of the power network as the load flow wants it; a tree by `parent`."""

    id: str
    parent: str
    r_ohm: float
    x_ohm: float
    base_kw: float
    rated: float
    kind: str


class DeviceFile(Struct, frozen=True):
    """Everything the simulator needs beside the EPANET file."""

    name: str
    seed: int
    streams: tuple[StreamRow, ...]
    power: tuple[FeederRow, ...]
    supplied_by: dict[str, str]
    """asset -> the transformer that feeds it"""
    serving: dict[str, tuple[str, ...]]
    plan: tuple[PlanStep, ...]
    burst_at: str
    pumps: tuple[str, ...]


@dataclass(frozen=True)
class District:
    """The generated district before it is written."""

    definition: Definition
    layout: Layout
    buildings: list[Building]
    network: WaterNetwork
    register: Register


def design(definition: Definition) -> tuple[District, CityWriter]:
    """Designs the whole district in memory."""
    layout = plan_layout(definition)
    buildings = build(definition, layout)
    behind = equipment.settle(definition, layout, buildings)
    network = lay_water(definition, layout)
    writer = CityWriter(layout.ground, definition.epsg, definition.name)
    bridges = add_scenery(writer, definition, layout)
    for b in buildings:
        writer.solids(b.id, "Building", b.solids, _attributes(b))
    register = Register()
    equipment.add_areas(register, layout)
    equipment.add_power(register, layout, behind)
    equipment.add_water(register, layout, network, behind)
    equipment.add_mobility(register, layout)
    equipment.add_environment(register, layout)
    equipment.add_structures(register, layout, bridges)
    _house_equipment(register, layout, buildings)
    add_streams(definition, layout, network, register, buildings)
    return District(definition, layout, buildings, network, register), writer


def _attributes(b: Building) -> dict[str, object]:
    attributes: dict[str, object] = {
        "function": b.use,
        "storeysAboveGround": b.storeys,
        "measuredHeight": round(b.height, 1),
        "roofType": b.roof,
        "yearOfConstruction": b.year,
        "residents": b.residents,
    }
    if b.name:
        attributes["name"] = b.name
    return attributes


def _house_equipment(register: Register, layout: Layout, buildings: list[Building]) -> None:
    """Technical buildings contain their machines, so the picture can tint what is concerned."""
    for b in buildings:
        if not b.name:
            continue
        site = layout.blocks[b.block].site
        for asset in list(register.assets.values()):
            if asset.id == site or asset.attributes.get("station") == site:
                register.connect(asset.id, "contains", b.id)


def generate(source: Path, folder: Path, past_end_ms: int | None = None) -> dict[str, int]:
    """Writes the district of a definition into a folder; returns how much of what.

    `past_end_ms` moves the end of the simulated past (default: the definition's own day).
    Raises LamplighterError (I-507) when the definition cannot be read.
    """
    definition = load_definition(source)
    district, writer = design(definition)
    register, layout = district.register, district.layout
    device, imported = folder / DEVICE_FOLDER, folder / IMPORT_FOLDER
    device.mkdir(parents=True, exist_ok=True)
    imported.mkdir(exist_ok=True)
    writer.write(imported / CITY_FILE)
    inp = write_inp(district.network, layout, definition.epsg, definition.name)
    texts = {
        WATER_FILE: inp,
        ASSETS_FILE: assets_csv(register, layout.ground, definition.epsg),
        CONNECTIONS_FILE: connections_csv(register),
        STREAMS_FILE: streams_csv(register),
    }
    for name, text in texts.items():
        (imported / name).write_text(text, encoding="utf-8")
    (device / DEVICE_FILE).write_bytes(msgspec.json.encode(_device_file(district)) + b"\n")
    end = parse_time(definition.past_ends) if past_end_ms is None else past_end_ms
    failures = write_past(definition, register, folder, end)
    original = source if source.is_file() else source / DEFINITION_FILE
    if original.resolve() != (device / DEFINITION_FILE).resolve():
        (device / DEFINITION_FILE).write_bytes(original.read_bytes())
    return {
        "buildings": len(district.buildings),
        "objects": len(writer.objects),
        "assets": len(register.assets),
        "connections": len(register.connections),
        "datastreams": len(register.streams),
        "failures": failures,
    }


def _device_file(district: District) -> DeviceFile:
    register = district.register
    supplied = {
        target: source
        for source, kind, target in register.connections
        if kind == "feeds" and source.startswith("TR-")
    }
    serving: dict[str, list[str]] = {}
    for source, kind, target in register.connections:
        if kind == "serves" and source.startswith("TR-"):
            serving.setdefault(source, []).append(target)
    return DeviceFile(
        district.definition.name,
        district.definition.seed,
        tuple(register.streams),
        tuple(_power_rows(register)),
        supplied,
        {k: tuple(v) for k, v in serving.items()},
        district.definition.plan,
        district.network.burst_at,
        tuple(a.id for a in register.assets.values() if a.type == "Pump"),
    )


def _power_rows(register: Register) -> list[FeederRow]:
    """The network as a tree: substations, the feeders' heads, and the transformers along them."""
    rows: list[FeederRow] = []
    behind: dict[str, list[str]] = {}
    for source, kind, target in register.connections:
        if kind == "feeds" and source.startswith("F-"):
            behind.setdefault(source, []).append(target)
    for asset in register.assets.values():
        if asset.type == "Substation":
            rows.append(FeederRow(asset.id, "", 0.02, 0.35, 0.0, 12_000.0, "substation"))
        elif asset.type == "Feeder":
            substation = str(asset.attributes["substation"])
            rows.append(FeederRow(asset.id, substation, 0.001, 0.001, 0.0, 400.0, "feeder"))
            parent = asset.id
            for k, name in enumerate(behind.get(asset.id, [])):
                a, b = np.array(asset.path[k]), np.array(asset.path[k + 1])
                km = float(np.hypot(*(b - a))) / 1000.0
                load = float(register.assets[name].attributes["base_kw"])
                r, x = round(0.125 * km, 5), round(0.1 * km, 5)
                rows.append(FeederRow(name, parent, r, x, load, 630.0, "transformer"))
                parent = name
    return rows
