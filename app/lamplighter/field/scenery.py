"""All of the city model that is no building: relief, water, streets, bridges, parks, trees."""

from __future__ import annotations

import math

import numpy as np

from lamplighter.field.cityjson import CityWriter, Ring
from lamplighter.field.definition import Definition
from lamplighter.field.layout import Block, Layout, Street
from lamplighter.field.terrain import relief

STREET_LIFT = 0.28
PLATE_LIFT = 0.36
DECK_LIFT = 1.1


def add_scenery(writer: CityWriter, definition: Definition, layout: Layout) -> dict[str, Street]:
    """Adds it all; returns the bridges by their id (`BR-1` ...)."""
    land, water = relief(layout.ground)
    writer.surfaces(
        "Relief", "TINRelief", [[list(t)] for t in land], {"name": "Relief"}, "CompositeSurface"
    )
    writer.surfaces("Harbour", "WaterBody", [[list(t)] for t in water], {"name": "Harbour"})
    bridges: dict[str, Street] = {}
    for street in layout.streets:
        if street.bridge:
            name = f"BR-{len(bridges) + 1}"
            bridges[name] = street
            _add_bridge(writer, layout, street, name)
        else:
            _add_street(writer, layout, street)
    _add_crossings(writer, layout)
    rng = np.random.default_rng([definition.seed, 3])
    trees = 0
    for block in layout.blocks:
        _add_plate(writer, layout, block)
        trees = _add_trees(writer, rng, layout, block, trees)
    return bridges


def _strip(
    layout: Layout, a: tuple[float, float], b: tuple[float, float], width: float, lift: float
) -> list[list[Ring]]:
    """Quads along a line that follow the ground."""
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    count = max(1, math.ceil(length / 24.0))
    du, dv = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    side = np.array([-dv, du]) * width / 2
    line = np.linspace(a, b, count + 1)
    left, right = line + side, line - side
    zl, zr = layout.ground.height(left) + lift, layout.ground.height(right) + lift

    def quad(k: int) -> Ring:
        return [
            (float(right[k][0]), float(right[k][1]), float(zr[k])),
            (float(right[k + 1][0]), float(right[k + 1][1]), float(zr[k + 1])),
            (float(left[k + 1][0]), float(left[k + 1][1]), float(zl[k + 1])),
            (float(left[k][0]), float(left[k][1]), float(zl[k])),
        ]

    return [[quad(k)] for k in range(count)]


def _half(layout: Layout, crossing: int, along_u: bool) -> float:
    """Half of the crossing's extent along a street that meets it."""
    c = layout.crossings[crossing]
    return (layout.widths[0][c.i] if along_u else layout.widths[1][c.j]) / 2


def _add_street(writer: CityWriter, layout: Layout, street: Street) -> None:
    a, b = layout.crossings[street.a], layout.crossings[street.b]
    along_u = a.j == b.j
    length = math.hypot(b.u - a.u, b.v - a.v)
    du, dv = (b.u - a.u) / length, (b.v - a.v) / length
    skip_a, skip_b = _half(layout, a.id, along_u), _half(layout, b.id, along_u)
    start = (a.u + du * skip_a, a.v + dv * skip_a)
    end = (b.u - du * skip_b, b.v - dv * skip_b)
    writer.surfaces(
        f"S-{street.id:04d}",
        "Road",
        _strip(layout, start, end, street.width, STREET_LIFT),
        {"name": street_name(layout, street), "width_m": street.width},
    )


def _add_crossings(writer: CityWriter, layout: Layout) -> None:
    for c in layout.crossings:
        wide, deep = layout.widths[0][c.i], layout.widths[1][c.j]
        faces = _strip(layout, (c.u - wide / 2, c.v), (c.u + wide / 2, c.v), deep, STREET_LIFT)
        writer.surfaces(f"X-{c.id:04d}", "Road", faces, {"name": f"Crossing {c.id}"})


_AVENUES = ("Mill Lane", "Dock Road", "Quay Road", "Hansa Street", "Rope Walk", "Customs Street")
_SIDES: tuple[str, ...] = (
    "Anchor",
    "Barley",
    "Cooper",
    "Dyke",
    "Elm",
    "Fisher",
    "Granary",
    "Herring",
    "Island",
)
_SIDES += ("Juniper", "Keel", "Lantern", "Mast", "North", "Oar", "Pilot", "Quarry", "Rudder")


def street_name(layout: Layout, street: Street) -> str:
    """A name that goes with the row or column the street belongs to."""
    a, b = layout.crossings[street.a], layout.crossings[street.b]
    line = a.j if a.j == b.j else a.i
    if street.width > 20.0:
        return _AVENUES[(line + (3 if a.j == b.j else 0)) % len(_AVENUES)]
    return f"{_SIDES[line % len(_SIDES)]} {'Street' if a.j == b.j else 'Lane'}"


def _add_bridge(writer: CityWriter, layout: Layout, street: Street, name: str) -> None:
    """A deck with parapets, and piers where it is long."""
    a, b = layout.crossings[street.a], layout.crossings[street.b]
    length = math.hypot(b.u - a.u, b.v - a.v)
    du, dv = (b.u - a.u) / length, (b.v - a.v) / length
    along_u = a.j == b.j
    skip_a, skip_b = _half(layout, a.id, along_u), _half(layout, b.id, along_u)
    start = np.array([a.u + du * skip_a, a.v + dv * skip_a])
    end = np.array([b.u - du * skip_b, b.v - dv * skip_b])
    side = np.array([-dv, du]) * street.width / 2
    ends = layout.ground.height(np.array([start, end])) + STREET_LIFT
    share = np.linspace(0, 1, 9)
    line = start + share[:, None] * (end - start)
    deck = ends[0] + share * (ends[1] - ends[0]) + DECK_LIFT * np.sin(math.pi * share)
    faces: list[list[Ring]] = []
    for k in range(8):
        quad = (line[k] - side, line[k + 1] - side, line[k + 1] + side, line[k] + side)
        z = (deck[k], deck[k + 1], deck[k + 1], deck[k])
        top: Ring = [(float(p[0]), float(p[1]), float(h)) for p, h in zip(quad, z, strict=True)]
        low: Ring = [(x, y, h - 1.0) for x, y, h in top]
        faces += [[top], [low[::-1]]]
        faces += [[[low[0], low[1], top[1], top[0]]], [[low[2], low[3], top[3], top[2]]]]
    for k in range(2, 8, 2) if length > 120.0 else ():
        faces += _pier(line[k], np.array([du, dv]), street.width * 0.8, float(deck[k]) - 1.0)
    attributes = {"name": f"{street_name(layout, street)} bridge", "length_m": round(length, 1)}
    writer.surfaces(name, "Bridge", faces, attributes, "MultiSurface", "2")


def _pier(at: np.ndarray, along: np.ndarray, width: float, top: float) -> list[list[Ring]]:
    across = np.array([-along[1], along[0]]) * width / 2
    thick = along * 1.1
    flat = [at - thick - across, at + thick - across, at + thick + across, at - thick + across]
    corners = [(float(p[0]), float(p[1])) for p in flat]
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return [[[(*a, -1.0), (*b, -1.0), (*b, top), (*a, top)]] for a, b in pairs]


def _add_plate(writer: CityWriter, layout: Layout, block: Block) -> None:
    """The block's own ground: pavement, yard or grass."""
    u0, v0, u1, v1 = block.box
    faces = _strip(
        layout, (u0 - 1.5, (v0 + v1) / 2), (u1 + 1.5, (v0 + v1) / 2), v1 - v0 + 3.0, PLATE_LIFT
    )
    kind = "PlantCover" if block.kind == "park" else "LandUse"
    identifier = f"{'PK' if block.kind == 'park' else 'L'}-{block.id:03d}"
    writer.surfaces(identifier, kind, faces, {"name": f"Block {block.id}", "use": block.kind})


def _add_trees(
    writer: CityWriter, rng: np.random.Generator, layout: Layout, block: Block, count: int
) -> int:
    u0, v0, u1, v1 = block.box
    wanted = {"park": int(block.area / 130.0), "homes": 5, "court": 4, "villas": 6}.get(
        block.kind, 0
    )
    for _ in range(wanted):
        if block.kind == "park":
            u, v = float(rng.uniform(u0 + 3, u1 - 3)), float(rng.uniform(v0 + 3, v1 - 3))
        else:
            inset = 19.0 if block.kind != "villas" else 2.0
            if u1 - u0 < 2 * inset + 4 or v1 - v0 < 2 * inset + 4:
                continue
            u = float(rng.uniform(u0 + inset, u1 - inset))
            v = float(rng.uniform(v0 + inset, v1 - inset))
        count += 1
        tall = float(rng.uniform(5.0, 9.5))
        writer.surfaces(
            f"T-{count:04d}",
            "SolitaryVegetationObject",
            _tree(u, v, layout.ground.height_at(u, v), tall),
            {"height_m": round(tall, 1)},
        )
    return count


def _tree(u: float, v: float, z: float, tall: float) -> list[list[Ring]]:
    """Eight triangles: two four-sided cones, base to base."""
    r, middle = tall * 0.28, z + tall * 0.42
    ring = [(u + r, v, middle), (u, v + r, middle), (u - r, v, middle), (u, v - r, middle)]
    top, foot = (u, v, z + tall), (u, v, z + 0.2)
    faces: list[list[Ring]] = []
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        faces += [[[a, b, top]], [[b, a, foot]]]
    return faces
