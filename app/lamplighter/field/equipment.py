"""What stands in the district beside houses and water: power, signals, counters, sensors, bridges.

Also who depends on whom across the domains: substations feed feeders, feeders transformers,
transformers pumps, signals and the blocks of people behind them.
"""

from __future__ import annotations

import math

import numpy as np

from lamplighter.field.buildings import Building
from lamplighter.field.definition import Definition
from lamplighter.field.layout import Block, Layout, Street
from lamplighter.field.register import AssetRow, Register
from lamplighter.field.scenery import street_name
from lamplighter.field.water_network import STATIONS, WaterNetwork, site_place, zone_of

TRIPPED = "SS-04"
BEHIND = {"P-14": (10, 2180), "P-17": (6, 1232)}
"""pump: how many blocks hang on it and how many people live there"""

SUBSTATIONS = {
    "SS-01": ("Westgate", 170.0, 300.0),
    "SS-02": ("Hillside", 330.0, 820.0),
    "SS-03": ("Orchard", 420.0, 1400.0),
    "SS-04": ("Quayside", 1010.0, 420.0),
    "SS-05": ("Exchange", 1080.0, 900.0),
    "SS-06": ("North Works", 960.0, 1380.0),
    "SS-07": ("Dock", 1460.0, 1330.0),
    "SS-08": ("Northbank", 2020.0, 900.0),
}
NORTHBANK_U = 1820.0
SIGNALS, COUNTERS, AIR, NOISE = 64, 30, 20, 18
MAINTAINED = ("P-31", "P-32", "P-33", "P-40", "P-41", "P-42")
"""sewage and drainage lifts: maintained pumps outside the drinking water network"""


def settle(
    definition: Definition, layout: Layout, buildings: list[Building]
) -> dict[str, list[int]]:
    """Shares the people out over the blocks; returns the blocks behind each pump of the quays."""
    floor = np.zeros(len(layout.blocks))
    for b in buildings:
        lives = 0.15 if b.use in ("industry", "offices", "substation", "water tank") else 1.0
        floor[b.block] += b.footprint_m2 * b.storeys * (0.0 if b.name else lives)
    behind: dict[str, list[int]] = {}
    taken: set[int] = set()
    centre = site_place(layout, TRIPPED)
    for pump, (count, _) in BEHIND.items():
        site = next(s for s, (_, _, pumps) in STATIONS.items() if pump in pumps)
        at = site_place(layout, site)
        near = ((at[0] + centre[0]) / 2, (at[1] + centre[1]) / 2)
        fit = [
            b
            for b in layout.blocks
            if floor[b.id] > 1500 and b.kind != "court" and b.id not in taken
            and zone_of(layout, *b.centre) == 3
        ]  # fmt: skip
        fit.sort(key=lambda b: math.dist(b.centre, near))
        behind[pump] = [b.id for b in fit[:count]]
        taken.update(behind[pump])
    for pump, (_, people) in BEHIND.items():
        _share(layout, behind[pump], floor, people)
    rest = [b.id for b in layout.blocks if b.id not in taken]
    _share(layout, rest, floor, definition.population - sum(p for _, p in BEHIND.values()))
    for block in layout.blocks:
        inside = [b for b in buildings if b.block == block.id]
        size = np.array([0.0 if b.name else b.footprint_m2 * b.storeys for b in inside])
        for b, people in zip(inside, _whole(size, block.residents), strict=True):
            b.residents = people
    return behind


def _whole(weights: np.ndarray, total: int) -> list[int]:
    """Whole numbers in proportion to the weights that add up to the total exactly."""
    if not len(weights) or weights.sum() <= 0:
        return [0] * len(weights)
    exact = np.cumsum(weights) / weights.sum() * total
    ends = np.round(exact).astype(int)
    return [int(n) for n in np.diff(ends, prepend=0)]


def _share(layout: Layout, blocks: list[int], floor: np.ndarray, people: int) -> None:
    for block, share in zip(blocks, _whole(floor[blocks], people), strict=True):
        layout.blocks[block].residents = share


# ---------------------------------------------------------------- power
def add_areas(register: Register, layout: Layout) -> None:
    """One service area per block with people; it contains the block's buildings."""
    for block in layout.blocks:
        if block.residents <= 0:
            continue
        u, v = block.centre
        area = area_id(block)
        register.add(
            AssetRow(
                area, "ServiceArea", f"Block {block.id}", "buildings", u, v,
                layout.ground.height_at(u, v), people=block.residents,
                attributes={"buildings": len(block.buildings)},
            )
        )  # fmt: skip
        for building in block.buildings:
            register.connect(area, "contains", building)


def area_id(block: Block) -> str:
    return f"SA-{block.id:03d}"


def add_power(register: Register, layout: Layout, behind: dict[str, list[int]]) -> None:
    """Substations, feeders and transformers, down to the service areas."""
    ground = layout.ground
    special = [b for blocks in behind.values() for b in blocks]
    groups: dict[str, list[list[Block]]] = {TRIPPED: [[layout.blocks[b]] for b in special]}
    places = {s: (u, v) for s, (_, u, v) in SUBSTATIONS.items()}
    places[TRIPPED] = site_place(layout, TRIPPED)
    for station, (u, v) in places.items():
        if station == TRIPPED:
            continue
        mine = [
            b for b in layout.blocks
            if b.residents > 0 and b.id not in special and _nearest_station(places, b) == station
        ]  # fmt: skip
        mine.sort(key=lambda b: math.atan2(b.centre[1] - v, b.centre[0] - u))
        groups[station] = [mine[k : k + 2] for k in range(0, len(mine), 2)]
    number = 0
    for station, (name, _, _) in SUBSTATIONS.items():
        u, v = places[station]
        z = ground.height_at(u, v)
        attributes: dict[str, str | int | float] = {"voltage_kv": 10.0, "rated_kva": 12_000}
        if station == TRIPPED:
            attributes["bus"] = "B in service, A in reserve"
        register.add(
            AssetRow(
                station, "Substation", f"{station} {name}", "power", u, v, z, attributes=attributes
            )
        )
        per_feeder = 8 if station == TRIPPED else 9
        chunks = [
            groups[station][k : k + per_feeder] for k in range(0, len(groups[station]), per_feeder)
        ]
        for index, chunk in enumerate(chunks):
            feeder = f"F-{station[-2:]}{index + 1}"
            stops = [(u, v)]
            names = []
            for blocks in chunk:
                number += 1
                names.append(f"TR-{number}")
                bu, bv = blocks[0].centre
                stops.append((blocks[0].box[0] - 2.0, bv))
                people = sum(b.residents for b in blocks)
                register.add(
                    AssetRow(
                        names[-1], "Transformer", f"{names[-1]} {feeder}", "power",
                        blocks[0].box[0] - 2.0, bv, ground.height_at(bu, bv),
                        attributes={
                            "rated_kva": 630, "base_kw": round(25 + people * 0.55, 1),
                            "feeder": feeder, "substation": station,
                        },
                    )
                )  # fmt: skip
                for block in blocks:
                    register.connect(names[-1], "serves", area_id(block))
            register.add(
                AssetRow(
                    feeder, "Feeder", f"Feeder {feeder} of {name}", "power", u, v, z, path=stops,
                    attributes={
                        "r_ohm_per_km": 0.125, "x_ohm_per_km": 0.1, "rated_a": 400,
                        "substation": station,
                    },
                )
            )  # fmt: skip
            register.connect(station, "feeds", feeder)
            for transformer in names:
                register.connect(feeder, "feeds", transformer)


def _nearest_station(places: dict[str, tuple[float, float]], block: Block) -> str:
    return min(
        (s for s in places if s != TRIPPED), key=lambda s: math.dist(places[s], block.centre)
    )


def nearest_transformer(register: Register, u: float, v: float, *, tripped: bool) -> str:
    """The closest transformer that hangs (or does not hang) on the substation that trips."""
    return min(
        (
            a for a in register.assets.values()
            if a.type == "Transformer" and (a.attributes["substation"] == TRIPPED) == tripped
        ),
        key=lambda a: (a.u - u) ** 2 + (a.v - v) ** 2,
    ).id  # fmt: skip


# ---------------------------------------------------------------- water
def add_water(
    register: Register, layout: Layout, network: WaterNetwork, behind: dict[str, list[int]]
) -> None:
    """Names, people and dependencies of the pumps, tanks and valves of the EPANET file."""
    ground = layout.ground
    for pump in network.pumps.values():
        u, v = network.position(pump.start)
        booster = pump.station == "Hillside"
        what = "booster pump, drive-end bearing watched" if booster else "pump"
        register.add(
            AssetRow(
                pump.id, "Pump", f"{pump.id} {pump.station}", "water", u + 4, v,
                ground.height_at(u, v), mode="twin",
                attributes={
                    "station": pump.station, "zone": pump.zone, "what": what,
                    "duty": "duty" if pump.running else "standby",
                    "bearing": "6312-C3", "rated_kw": round(pump.flow * pump.lift * 0.0145, 1),
                },
            )
        )  # fmt: skip
        register.connect(
            nearest_transformer(register, u, v, tripped=pump.id in BEHIND), "feeds", pump.id
        )
    for name, blocks in behind.items():
        for number in blocks:
            register.connect(name, "serves", area_id(layout.blocks[number]))
    for first, second, people in (("P-08", "P-09", 3100), ("P-22", "P-23", 2640)):
        _serve_near(register, layout, network, (first, second), people)
    for tank in network.tanks.values():
        register.add(
            AssetRow(
                tank.id, "Tank", f"{tank.id} zone {tank.zone}", "water", tank.u, tank.v,
                ground.height_at(tank.u, tank.v), attributes={"zone": tank.zone},
            )
        )  # fmt: skip
    for valve in network.valves.values():
        a, b = network.position(valve.start), network.position(valve.end)
        u, v = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        register.add(
            AssetRow(
                valve.id, "Valve", f"{valve.id} {'zone link' if valve.kind == 'PRV' else 'main'}",
                "water", u, v, ground.height_at(u, v), mode="twin",
                attributes={"normally": "open" if valve.is_open else "closed"},
            )
        )  # fmt: skip
    for number, name in enumerate(MAINTAINED):
        block = layout.blocks[37 + 43 * number]
        u, v = block.box[0] - 3.0, block.box[1] + 6.0
        kind = "Sewage lift" if number < 3 else "Drainage lift"
        register.add(
            AssetRow(
                name, "Pump", f"{name} {kind}", "water", u, v, ground.height_at(u, v),
                attributes={
                    "station": kind, "duty": "duty", "bearing": "6309-C3", "rated_kw": 11.0,
                },
            )
        )  # fmt: skip
        register.connect(nearest_transformer(register, u, v, tripped=False), "feeds", name)


def _serve_near(
    register: Register, layout: Layout, network: WaterNetwork, pumps: tuple[str, ...], people: int
) -> None:
    """Lets a pair of pumps serve the blocks around it until about so many people are behind it."""
    at = network.position(network.pumps[pumps[0]].start)
    zone = network.pumps[pumps[0]].zone
    near = [b for b in layout.blocks if b.residents > 0 and zone_of(layout, *b.centre) == zone]
    near.sort(key=lambda b: math.dist(b.centre, at))
    served = 0
    for block in near:
        if served + block.residents > people * 1.02:
            break
        served += block.residents
        for pump in pumps:
            register.connect(pump, "serves", area_id(block))


# ---------------------------------------------------------------- mobility, environment, structures
def add_mobility(register: Register, layout: Layout) -> None:
    """Signals at avenue crossings; the eleven nearest to the tripping substation hang on it."""
    centre = site_place(layout, TRIPPED)
    wide = [
        c for c in layout.crossings
        if layout.widths[0][c.i] > 20 or layout.widths[1][c.j] > 20
    ]  # fmt: skip
    wide.sort(key=lambda c: math.dist((c.u, c.v), centre))
    near, rest = wide[:11], wide[11:]
    step = len(rest) / (SIGNALS - 11)
    others = [rest[int(k * step)] for k in range(SIGNALS - 11)]
    for number, c in enumerate([*near, *others]):
        dark = number < 11
        name = f"TS-{201 + number}" if dark else f"TS-{101 + number - 11}"
        register.add(
            AssetRow(
                name, "TrafficSignal", f"{name} crossing {c.id}", "mobility", c.u + 6, c.v + 6,
                layout.ground.height_at(c.u, c.v), attributes={"crossing": c.id, "cycle_s": 72},
            )
        )  # fmt: skip
        register.connect(nearest_transformer(register, c.u, c.v, tripped=dark), "feeds", name)
    busy = [s for s in layout.streets if s.width > 20 and not s.bridge]
    for number in range(COUNTERS):
        street = busy[int(number * len(busy) / COUNTERS)]
        u, v = _middle(layout, street)
        name = f"TC-{number + 1:02d}"
        register.add(
            AssetRow(
                name, "TrafficCounter", f"{name} {street_name(layout, street)}", "mobility", u, v,
                layout.ground.height_at(u, v),
            )
        )  # fmt: skip


def _middle(layout: Layout, street: Street) -> tuple[float, float]:
    a, b = layout.crossings[street.a], layout.crossings[street.b]
    return (a.u + b.u) / 2, (a.v + b.v) / 2


def add_environment(register: Register, layout: Layout) -> None:
    """Air and noise stations along the streets, spread over the district."""
    quiet = [s for s in layout.streets if not s.bridge]
    for prefix, kind, count, shift in (
        ("AQ", "AirStation", AIR, 0.3),
        ("NS", "NoiseStation", NOISE, 0.7),
    ):
        for number in range(count):
            street = quiet[int((number + shift) * len(quiet) / count)]
            u, v = _middle(layout, street)
            name = f"{prefix}-{number + 1:02d}"
            register.add(
                AssetRow(
                    name, kind, f"{name} {street_name(layout, street)}", "environment",
                    u + 4, v + 4, layout.ground.height_at(u, v),
                )
            )  # fmt: skip


def add_structures(register: Register, layout: Layout, bridges: dict[str, Street]) -> None:
    """The bridges; their ids are those of the city model."""
    for name, street in bridges.items():
        a, b = layout.crossings[street.a], layout.crossings[street.b]
        u, v = (a.u + b.u) / 2, (a.v + b.v) / 2
        register.add(
            AssetRow(
                name, "Bridge", f"{name} {street_name(layout, street)} bridge", "structures", u, v,
                layout.ground.height_at(u, v) + 1.0, path=[(a.u, a.v), (b.u, b.v)],
                attributes={"length_m": round(math.dist((a.u, a.v), (b.u, b.v)), 1)},
            )
        )  # fmt: skip
