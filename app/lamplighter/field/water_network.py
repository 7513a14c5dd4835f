"""The district's drinking water network under the streets, written as an EPANET file.

Three pressure zones. Zone 3 lives from the pumps P-14 and P-17; when both stop, the low reserve
tank behind a check valve keeps some pressure. Zones 1 and 2 float on their tanks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lamplighter.field.definition import Definition
from lamplighter.field.layout import SITES, Crossing, Layout

LITRES_PER_PERSON_DAY = 130.0
HEAD_M = {1: 45.5, 2: 57.0, 3: 46.5}
COVER_M = 1.2
DAY: tuple[float, ...] = (0.45, 0.38, 0.35, 0.36, 0.45, 0.78, 1.3, 1.55, 1.4, 1.22, 1.15, 1.15)
DAY += (1.2, 1.12, 1.05, 1.02, 1.1, 1.25, 1.4, 1.35, 1.15, 0.95, 0.75, 0.56)
"""demand by the hour, mean 1"""


@dataclass(frozen=True)
class Node:
    id: str
    u: float
    v: float
    elevation: float
    zone: int
    demand: float = 0.0


@dataclass(frozen=True)
class Link:
    """A pipe; `check` for a one-way pipe."""

    id: str
    start: str
    end: str
    length: float
    diameter: float
    bends: tuple[tuple[float, float], ...] = ()
    check: bool = False


@dataclass(frozen=True)
class Pump:
    id: str
    start: str
    end: str
    flow: float
    lift: float
    running: bool
    station: str
    zone: int


@dataclass(frozen=True)
class Valve:
    id: str
    start: str
    end: str
    diameter: float
    kind: str
    setting: float
    is_open: bool


@dataclass(frozen=True)
class Tank:
    id: str
    u: float
    v: float
    elevation: float
    level: float
    diameter: float
    zone: int


@dataclass
class WaterNetwork:
    """The network in grid metres; heads in metres, flows in litres per second."""

    junctions: dict[str, Node] = field(default_factory=dict)
    reservoirs: dict[str, Node] = field(default_factory=dict)
    tanks: dict[str, Tank] = field(default_factory=dict)
    pipes: dict[str, Link] = field(default_factory=dict)
    pumps: dict[str, Pump] = field(default_factory=dict)
    valves: dict[str, Valve] = field(default_factory=dict)
    of_crossing: dict[int, str] = field(default_factory=dict)
    burst_at: str = ""

    def position(self, node: str) -> tuple[float, float]:
        for table in (self.junctions, self.reservoirs, self.tanks):
            if node in table:
                return table[node].u, table[node].v
        raise KeyError(node)


def zone_of(layout: Layout, u: float, v: float) -> int:
    """Pressure zone of a place: 2 the hill, 3 the quays south of the canal, else 1."""
    if u < 830.0:
        return 2
    return 3 if v < 720.0 and u < 1760.0 else 1


def lay_water(definition: Definition, layout: Layout) -> WaterNetwork:
    """Builds the network for the layout and the people in its blocks."""
    rng = np.random.default_rng([definition.seed, 4])
    network = WaterNetwork()
    demand = _demands(layout)
    zones = {c.id: zone_of(layout, c.u, c.v) for c in layout.crossings}
    kept = _connected(layout, zones)
    for number, crossing in enumerate(c for c in layout.crossings if c.id in kept):
        name = f"J-{number + 1:03d}"
        height = layout.ground.height_at(crossing.u, crossing.v) - COVER_M
        network.of_crossing[crossing.id] = name
        network.junctions[name] = Node(
            name, crossing.u, crossing.v, height, zones[crossing.id], demand[crossing.id]
        )
    _pipes(rng, network, layout, zones)
    _stations(network, layout)
    _zone_valves(network, layout, zones)
    _line_valves(network)
    network.burst_at = _burst_place(network)
    return network


def _demands(layout: Layout) -> dict[int, float]:
    """Litres per second drawn at every crossing by the people in the blocks around it."""
    where = np.array([(c.u, c.v) for c in layout.crossings])
    total = np.full(len(where), 0.012)
    for block in layout.blocks:
        u, v = block.centre
        nearest = np.argsort(np.hypot(where[:, 0] - u, where[:, 1] - v))[:4]
        extra = 40.0 if block.kind == "industry" else 0.0
        total[nearest] += (block.residents + extra) * LITRES_PER_PERSON_DAY / 86_400 / 4
    return {c.id: round(float(total[k]), 4) for k, c in enumerate(layout.crossings)}


def _connected(layout: Layout, zones: dict[int, int]) -> set[int]:
    """Crossings in the largest connected part of each zone."""
    beside: dict[int, list[int]] = {c.id: [] for c in layout.crossings}
    for street in layout.streets:
        if zones[street.a] == zones[street.b]:
            beside[street.a].append(street.b)
            beside[street.b].append(street.a)
    kept: set[int] = set()
    for zone in (1, 2, 3):
        left = {c for c, z in zones.items() if z == zone}
        largest: set[int] = set()
        while left:
            part, border = set(), [min(left)]
            while border:
                at = border.pop()
                if at not in part:
                    part.add(at)
                    border += beside[at]
            left -= part
            largest = max(largest, part, key=len)
        kept |= largest
    return kept


def _pipes(
    rng: np.random.Generator, network: WaterNetwork, layout: Layout, zones: dict[int, int]
) -> None:
    """A pipe under every avenue, under enough streets to reach everybody, and some loops."""
    group = {c: c for c in network.of_crossing}

    def root(c: int) -> int:
        while group[c] != c:
            group[c] = group[group[c]]
            c = group[c]
        return c

    order = sorted(layout.streets, key=lambda s: (-s.width, s.bridge, s.id))
    mains = others = 0
    for street in order:
        a, b = street.a, street.b
        if a not in group or b not in group or zones[a] != zones[b]:
            continue
        joins = root(a) != root(b)
        if not (joins or street.width > 20.0 or rng.uniform() < 0.3):
            continue
        group[root(a)] = root(b)
        if street.width > 20.0:
            mains += 1
            name, diameter = f"M-{100 + mains}", 300.0
        else:
            others += 1
            name, diameter = f"D-{others:03d}", 150.0
        ca, cb = layout.crossings[a], layout.crossings[b]
        length = math.hypot(ca.u - cb.u, ca.v - cb.v)
        ends = network.of_crossing[a], network.of_crossing[b]
        network.pipes[name] = Link(name, *ends, round(length, 1), diameter)


def _nearest(network: WaterNetwork, u: float, v: float, zone: int) -> Node:
    return min(
        (n for n in network.junctions.values() if n.zone == zone and n.id.startswith("J-")),
        key=lambda n: (n.u - u) ** 2 + (n.v - v) ** 2,
    )


STATIONS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "North Works": ("NW", 1, ("P-08", "P-09", "P-10")),
    "Hillside": ("HS", 2, ("P-22", "P-23", "P-24")),
    "Mill Lane": ("ML", 3, ("P-14", "P-15")),
    "Dock Road": ("DR", 3, ("P-17", "P-18")),
}
"""station: short name, zone, pumps (the last one is the standby)"""


def site_place(layout: Layout, site: str) -> tuple[float, float]:
    """Centre of the block a technical site got."""
    return next((b.centre for b in layout.blocks if b.site == site), SITES[site])


def _stations(network: WaterNetwork, layout: Layout) -> None:
    supply = {
        z: sum(n.demand for n in network.junctions.values() if n.zone == z) for z in (1, 2, 3)
    }
    works = site_place(layout, "Waterworks")
    north = site_place(layout, "North Works")
    network.reservoirs["R-1"] = Node("R-1", north[0] - 14, north[1], 9.0, 0)
    network.reservoirs["R-2"] = Node("R-2", *works, 20.0, 0)
    for site, (short, zone, pumps) in STATIONS.items():
        u, v = site_place(layout, site)
        elevation = round(layout.ground.height_at(u, v) - COVER_M, 2)
        suction, outlet = f"JS-{short}", f"JD-{short}"
        network.junctions[suction] = Node(suction, u - 9, v, elevation, 0)
        network.junctions[outlet] = Node(outlet, u + 3, v, elevation, zone)
        source = "R-1" if site == "North Works" else "R-2"
        origin = network.reservoirs[source]
        bend = ((origin.u, v),) if abs(origin.u - u) > 60 and abs(origin.v - v) > 60 else ()
        length = abs(origin.u - u) + abs(origin.v - v)
        name = f"T-{short}"
        network.pipes[name] = Link(name, source, suction, round(length + 5, 1), 500.0, bend)
        target = _nearest(network, u, v, zone)
        run = math.hypot(target.u - u, target.v - v)
        network.pipes[f"O-{short}"] = Link(
            f"O-{short}", outlet, target.id, round(run + 1, 1), 400.0
        )
        share = supply[zone] / 2
        lift = HEAD_M[zone] + 1.0 - origin.elevation
        for number, pump in enumerate(pumps):
            duty = number < (len(pumps) - 1)
            network.pumps[pump] = Pump(
                pump, suction, outlet, round(share, 2), round(lift, 2), duty, site, zone
            )
    for name, site, zone, bottom, level in (
        ("TK-1", "North Tank", 1, HEAD_M[1] - 5.5, 5.5),
        ("TK-2", "Hill Tank", 2, HEAD_M[2] - 5.5, 5.5),
        ("TK-3", "Quay Tank", 3, 24.5, 5.0),
    ):
        u, v = site_place(layout, site)
        network.tanks[name] = Tank(name, u, v, bottom, level, 15.0, zone)
        target = _nearest(network, u, v, zone)
        run = round(math.hypot(target.u - u, target.v - v) + 26.0, 1)
        pipe = f"O-{name}"
        network.pipes[pipe] = Link(pipe, name, target.id, run, 400.0, check=zone == 3)


def _zone_valves(network: WaterNetwork, layout: Layout, zones: dict[int, int]) -> None:
    """Closed links from zone to zone; V-31 can feed zone 3 from zone 2."""
    for name, high, low in (("V-31", 2, 3), ("V-32", 1, 3)):
        wanted = site_place(layout, "SS-04") if name == "V-31" else (1300.0, 725.0)
        best: tuple[float, Crossing, Crossing] | None = None
        for street in layout.streets:
            a, b = layout.crossings[street.a], layout.crossings[street.b]
            if {zones[a.id], zones[b.id]} != {high, low}:
                continue
            if a.id not in network.of_crossing or b.id not in network.of_crossing:
                continue
            upper, lower = (a, b) if zones[a.id] == high else (b, a)
            gap = math.hypot((a.u + b.u) / 2 - wanted[0], (a.v + b.v) / 2 - wanted[1])
            if best is None or gap < best[0]:
                best = gap, upper, lower
        if best is None:
            raise ValueError(f"zones {high} and {low} do not touch")
        start, end = network.of_crossing[best[1].id], network.of_crossing[best[2].id]
        network.valves[name] = Valve(name, start, end, 250.0, "PRV", 41.0, False)


def _line_valves(network: WaterNetwork) -> None:
    """Gate valves in some mains, V-111 to V-122, open."""
    mains = [p for p in network.pipes.values() if p.id.startswith("M-")]
    picked = mains[3 :: max(1, len(mains) // 12)][:12]
    for number, pipe in enumerate(picked):
        name = f"V-{111 + number}"
        a, b = network.junctions[pipe.start], network.junctions[pipe.end]
        middle = f"JV-{111 + number}"
        u, v = a.u + (b.u - a.u) * 0.85, a.v + (b.v - a.v) * 0.85
        elevation = round(a.elevation + (b.elevation - a.elevation) * 0.85, 2)
        network.junctions[middle] = Node(middle, u, v, elevation, a.zone)
        network.pipes[pipe.id] = Link(
            pipe.id, pipe.start, middle, round(pipe.length * 0.98, 1), pipe.diameter
        )
        network.valves[name] = Valve(name, middle, pipe.end, 300.0, "TCV", 2.0, True)


def _burst_place(network: WaterNetwork) -> str:
    """A junction on a distribution pipe of zone 1, far from its tank and pumps."""
    tank, pump = network.tanks["TK-1"], network.position("JD-NW")

    def far(node: Node) -> float:
        return min(math.hypot(node.u - x, node.v - y) for x, y in ((tank.u, tank.v), pump))

    inner = [n for n in network.junctions.values() if n.zone == 1 and n.u < 1500 and n.id[1] == "-"]
    return max(inner, key=far).id


# ---------------------------------------------------------------- the file
def write_inp(network: WaterNetwork, layout: Layout, epsg: int, title: str) -> str:
    """The text of an EPANET 2.2 input file; coordinates in the city's projected system."""
    lines = ["[TITLE]", title, f"Coordinates: EPSG:{epsg}", "", "[JUNCTIONS]"]
    lines += [f"{n.id}\t{n.elevation:.2f}\t{n.demand:.4f}\tDAY" for n in network.junctions.values()]
    lines += ["", "[RESERVOIRS]"]
    lines += [f"{n.id}\t{n.elevation:.2f}" for n in network.reservoirs.values()]
    lines += ["", "[TANKS]"]
    lines += [
        f"{t.id}\t{t.elevation:.2f}\t{t.level:.2f}\t0.5\t8.0\t{t.diameter:.1f}\t0"
        for t in network.tanks.values()
    ]
    lines += ["", "[PIPES]"]
    lines += [
        f"{p.id}\t{p.start}\t{p.end}\t{p.length:.1f}\t{p.diameter:.0f}\t120\t0\t"
        f"{'CV' if p.check else 'OPEN'}"
        for p in network.pipes.values()
    ]
    lines += ["", "[PUMPS]"]
    lines += [f"{p.id}\t{p.start}\t{p.end}\tHEAD C-{p.id}" for p in network.pumps.values()]
    lines += ["", "[VALVES]"]
    lines += [
        f"{v.id}\t{v.start}\t{v.end}\t{v.diameter:.0f}\t{v.kind}\t{v.setting:.2f}\t0"
        for v in network.valves.values()
    ]
    lines += ["", "[STATUS]"]
    lines += [f"{p.id}\tCLOSED" for p in network.pumps.values() if not p.running]
    lines += [f"{v.id}\tCLOSED" for v in network.valves.values() if not v.is_open]
    lines += ["", "[CURVES]"]
    for p in network.pumps.values():
        lines += [
            f"C-{p.id}\t0\t{p.lift + 4.0:.2f}",
            f"C-{p.id}\t{p.flow:.2f}\t{p.lift:.2f}",
            f"C-{p.id}\t{p.flow * 2:.2f}\t{p.lift - 9.0:.2f}",
        ]
    lines += ["", "[PATTERNS]"]
    lines += [f"DAY\t{' '.join(f'{x:.2f}' for x in DAY[k : k + 6])}" for k in range(0, 24, 6)]
    lines += ["", "[CONTROLS]"]
    lines += [
        "LINK P-09 CLOSED IF NODE TK-1 ABOVE 7.2",
        "LINK P-09 OPEN IF NODE TK-1 BELOW 4.5",
        "LINK P-23 CLOSED IF NODE TK-2 ABOVE 7.2",
        "LINK P-23 OPEN IF NODE TK-2 BELOW 4.5",
    ]
    lines += ["", "[TIMES]", "Duration\t24:00", "Hydraulic Timestep\t0:15"]
    lines += ["Pattern Timestep\t1:00", "Report Timestep\t0:15", "", "[OPTIONS]", "Units\tLPS"]
    lines += ["Headloss\tH-W", "Trials\t100", "Accuracy\t0.0005", "Unbalanced\tContinue 10"]
    lines += ["", "[COORDINATES]"]
    for table in (network.junctions, network.reservoirs, network.tanks):
        lines += [f"{n.id}\t{_place(layout, n.u, n.v)}" for n in table.values()]
    lines += ["", "[VERTICES]"]
    for pipe in network.pipes.values():
        lines += [f"{pipe.id}\t{_place(layout, u, v)}" for u, v in pipe.bends]
    return "\n".join([*lines, "", "[END]", ""])


def _place(layout: Layout, u: float, v: float) -> str:
    east, north = layout.ground.to_map(np.array([[u, v]]))[0]
    return f"{east:.2f}\t{north:.2f}"
