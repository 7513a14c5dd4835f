"""The district's buildings: lots along the streets, and solids with walls, roofs and grounds.

A solid is a list of (surface type, rings); rings are lists of (u, v, z) points, the outer ring
counter-clockwise seen from outside, as CityJSON wants them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from lamplighter.field.definition import Definition
from lamplighter.field.layout import Block, Ground, Layout

Point = tuple[float, float, float]
Ring = list[Point]
Face = tuple[str, list[Ring]]
Flat = list[tuple[float, float]]


@dataclass
class Building:
    """One building; `faces` per solid, several solids for a tower on its plinth."""

    id: str
    block: int
    use: str
    roof: str
    height: float
    footprint_m2: float
    centre: tuple[float, float, float]
    solids: list[list[Face]] = field(default_factory=list)
    residents: int = 0
    year: int = 0
    name: str = ""

    @property
    def storeys(self) -> int:
        return max(1, round(self.height / 3.1))


@dataclass(frozen=True)
class Lot:
    """A piece of ground to build on: a rectangle, turned by `turn` radians about its centre."""

    centre: tuple[float, float]
    width: float
    depth: float
    turn: float
    eave: float
    roof: str
    use: str

    def corners(self) -> Flat:
        c, s = math.cos(self.turn), math.sin(self.turn)
        half = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return [
            (
                self.centre[0] + c * x * self.width / 2 - s * y * self.depth / 2,
                self.centre[1] + s * x * self.width / 2 + c * y * self.depth / 2,
            )
            for x, y in half
        ]


def build(definition: Definition, layout: Layout) -> list[Building]:
    """All buildings, exactly as many as the definition asks for.

    Raises ValueError when the layout has too little room for them.
    """
    rng = np.random.default_rng([definition.seed, 2])
    made: list[Building] = []
    for block in layout.blocks:
        if block.kind == "site":
            made += _site(layout.ground, block)
        elif block.kind == "court":
            made.append(_court(rng, layout.ground, block))
    fixed = len(made)
    for block in layout.blocks:
        if block.kind not in ("site", "park", "court"):
            made += [_house(rng, layout.ground, block, lot) for lot in _lots(rng, block)]
    surplus = len(made) - definition.buildings
    if surplus < 0:
        raise ValueError(f"room for {len(made)} buildings, {definition.buildings} wanted")
    gone = set(rng.choice(np.arange(fixed, len(made)), surplus, replace=False).tolist())
    kept = [b for k, b in enumerate(made) if k not in gone]
    for number, building in enumerate(kept):
        building.id = f"B-{number + 1:04d}"
        layout.blocks[building.block].buildings.append(building.id)
    return kept


# ---------------------------------------------------------------- lots
def _lots(rng: np.random.Generator, block: Block) -> list[Lot]:
    u0, v0, u1, v1 = block.box
    if block.kind == "villas":
        return _villas(rng, block)
    if block.kind == "industry":
        return _halls(rng, block)
    if block.kind == "towers":
        return _towers(rng, block)
    if min(u1 - u0, v1 - v0) < 44.0:
        return _rows(rng, block)
    return _perimeter(rng, block)


def _split(rng: np.random.Generator, length: float, wish: float) -> list[float]:
    """Cuts a length into pieces of about `wish` metres that differ a little."""
    count = max(1, round(length / wish))
    parts = rng.uniform(0.75, 1.25, count)
    return [float(part) for part in parts / parts.sum() * length]


def _perimeter(rng: np.random.Generator, block: Block) -> list[Lot]:
    """Houses wall to wall around a courtyard, with a gap here and there."""
    u0, v0, u1, v1 = block.box
    depth = float(rng.uniform(12.5, 15.0))
    base = float(rng.uniform(12.0, 19.0)) + (6.0 if block.kind == "mixed" else 0.0)
    wish = 17.7 if block.kind == "homes" else 21.0
    style = "gabled" if rng.uniform() < 0.6 else "flat"
    lots: list[Lot] = []
    sides = (
        (u0, v0 + depth / 2, u1 - u0, 0.0),
        (u0, v1 - depth / 2, u1 - u0, 0.0),
        (u0 + depth / 2, v0 + depth, v1 - v0 - 2 * depth, math.pi / 2),
        (u1 - depth / 2, v0 + depth, v1 - v0 - 2 * depth, math.pi / 2),
    )
    for su, sv, length, turn in sides:
        at = 0.0
        for width in _split(rng, length, wish):
            middle = at + width / 2
            at += width
            if rng.uniform() < 0.03:
                continue
            centre = (su + middle, sv) if turn == 0.0 else (su, sv + middle)
            eave = max(6.0, base + float(rng.normal(0, 1.6)))
            roof = style if rng.uniform() < 0.8 else ("flat", "gabled", "hip")[int(rng.integers(3))]
            use = "shop and homes" if rng.uniform() < 0.2 else "homes"
            lots.append(Lot(centre, width, depth, turn, eave, roof, use))
    return lots


def _rows(rng: np.random.Generator, block: Block) -> list[Lot]:
    u0, v0, u1, v1 = block.box
    long_u = u1 - u0 >= v1 - v0
    length, across = (u1 - u0, v1 - v0) if long_u else (v1 - v0, u1 - u0)
    depth = min(12.0, across - 4.0)
    lots, at = [], 0.0
    for width in _split(rng, length, 15.0):
        middle = at + width / 2
        at += width
        centre = (u0 + middle, (v0 + v1) / 2) if long_u else ((u0 + u1) / 2, v0 + middle)
        turn = 0.0 if long_u else math.pi / 2
        lots.append(Lot(centre, width, depth, turn, float(rng.uniform(8, 14)), "gabled", "homes"))
    return lots


def _villas(rng: np.random.Generator, block: Block) -> list[Lot]:
    u0, v0, u1, v1 = block.box
    lots = []
    rows = 2 if v1 - v0 < 62.0 else 3
    for row in range(rows):
        v = v0 + (row + 0.5) * (v1 - v0) / rows
        at = u0
        for width in _split(rng, u1 - u0, 22.0):
            u = at + width / 2
            at += width
            if rng.uniform() < 0.06:
                continue
            roof = ("hip", "gabled", "gabled", "hip", "flat")[int(rng.integers(5))]
            turn = float(rng.normal(0, 0.06)) + (math.pi / 2 if rng.uniform() < 0.25 else 0.0)
            size = float(rng.uniform(11.5, 15.5)), float(rng.uniform(10.0, 12.5))
            where = (u, v + float(rng.uniform(-1.5, 1.5)))
            lots.append(Lot(where, *size, turn, float(rng.uniform(6.0, 10.0)), roof, "homes"))
    return lots


def _halls(rng: np.random.Generator, block: Block) -> list[Lot]:
    u0, v0, u1, v1 = block.box
    lots, at = [], u0
    for width in _split(rng, u1 - u0, 30.0):
        depth = (v1 - v0) * float(rng.uniform(0.62, 0.9))
        roof = "gabled" if rng.uniform() < 0.55 else "flat"
        centre = (at + width / 2, (v0 + v1) / 2)
        at += width
        eave = float(rng.uniform(7.0, 12.0))
        lots.append(Lot(centre, width - 4.0, depth, 0.0, eave, roof, "industry"))
    return lots


def _towers(rng: np.random.Generator, block: Block) -> list[Lot]:
    u0, v0, u1, v1 = block.box
    du, dv = (u1 - u0) / 2, (v1 - v0) / 2
    lots = []
    for a in (0, 1):
        for b in (0, 1):
            tall = (a + b) % 2 == 0
            side = float(rng.uniform(19.0, 25.0))
            eave = float(rng.uniform(52.0, 96.0)) if tall else float(rng.uniform(22.0, 34.0))
            wide = side if tall else min(du - 6.0, side * 1.5)
            centre = (u0 + (a + 0.5) * du, v0 + (b + 0.5) * dv)
            deep = min(side, dv - 6.0)
            lots.append(Lot(centre, wide, deep, 0.0, eave, "flat", "offices" if tall else "homes"))
    return lots


# ---------------------------------------------------------------- solids
def _base(ground: Ground, corners: Flat) -> float:
    return float(ground.height(np.array(corners)).min()) - 0.15


def _house(rng: np.random.Generator, ground: Ground, block: Block, lot: Lot) -> Building:
    corners = lot.corners()
    base = _base(ground, corners)
    top = base + lot.eave
    area = lot.width * lot.depth
    rise = 0.0 if lot.roof == "flat" else min(lot.depth, lot.width) * float(rng.uniform(0.28, 0.4))
    made = Building(
        "", block.id, lot.use, lot.roof, lot.eave + rise, area, (*lot.centre, base),
        year=int(rng.integers(1898, 2024)),
    )  # fmt: skip
    if lot.roof == "flat":
        made.solids.append(prism(corners, base, top))
        if lot.eave > 14.0 and rng.uniform() < 0.55:
            share = 0.3 if lot.eave > 45.0 else 0.22
            box = Lot(lot.centre, lot.width * share, lot.depth * share, lot.turn, 0, "", "")
            made.solids.append(prism(box.corners(), top, top + float(rng.uniform(2.2, 4.5))))
    elif lot.roof == "gabled" or lot.width <= lot.depth + 0.5:
        made.solids.append(gabled(corners, base, top, rise))
    else:
        made.solids.append(hipped(corners, base, top, rise, lot.depth / lot.width / 2))
    return made


def _court(rng: np.random.Generator, ground: Ground, block: Block) -> Building:
    """One building around its own courtyard: footprint and roof with a hole."""
    u0, v0, u1, v1 = block.box
    outer: Flat = [(u0 + 2, v0 + 2), (u1 - 2, v0 + 2), (u1 - 2, v1 - 2), (u0 + 2, v1 - 2)]
    wing = float(rng.uniform(13.0, 16.0)) + 2
    inner: Flat = [
        (u0 + wing, v0 + wing),
        (u1 - wing, v0 + wing),
        (u1 - wing, v1 - wing),
        (u0 + wing, v1 - wing),
    ]
    base = _base(ground, outer)
    height = float(rng.uniform(13.0, 21.0))
    use = ("school", "hospital", "town hall", "library", "offices")[int(rng.integers(5))]
    area = (u1 - u0 - 4) * (v1 - v0 - 4) - (inner[1][0] - inner[0][0]) * (inner[2][1] - inner[1][1])
    made = Building("", block.id, use, "flat", height, area, (*outer[0], base), year=1968)
    made.solids.append(prism(outer, base, base + height, inner))
    return made


def _site(ground: Ground, block: Block) -> list[Building]:
    """A pump house with two round tanks, or a substation's hall and transformer bays."""
    u, v = block.centre
    base = _base(ground, [(u - 20, v - 15), (u + 20, v + 15)])

    def make(name: str, use: str, outline: Flat, height: float) -> Building:
        made = Building("", block.id, use, "flat", height, 150.0, (*outline[0], base), name=name)
        made.year = 1994
        made.solids.append(prism(outline, base, base + height))
        return made

    if block.site.startswith("SS-"):
        parts = [make(f"{block.site} hall", "substation", box(u - 18, v - 14, 20, 12), 7.5)]
        parts += [
            make(f"{block.site} bay {k + 1}", "substation", box(u + 2 + k * 8.5, v + 6, 5, 6), 4.6)
            for k in range(4)
        ]
        return parts
    if "Tank" in block.site:
        return [make(block.site, "water tank", circle(u, v, 13.0), 24.0)]
    house = make(f"{block.site} pump house", "pumping station", box(u - 20, v - 8, 24, 15), 7.0)
    tanks = [
        make(f"{block.site} tank {k + 1}", "water tank", circle(u + 16, v - 9 + 19 * k, 8.0), 6.5)
        for k in range(2)
    ]
    return [house, *tanks]


def box(u: float, v: float, width: float, depth: float) -> Flat:
    return [(u, v), (u + width, v), (u + width, v + depth), (u, v + depth)]


def circle(u: float, v: float, radius: float, corners: int = 20) -> Flat:
    steps = [2 * math.pi * k / corners for k in range(corners)]
    return [(u + radius * math.cos(a), v + radius * math.sin(a)) for a in steps]


def _lift(flat: Flat, z: float) -> Ring:
    return [(x, y, z) for x, y in flat]


def _walls(flat: Flat, low: float, high: float) -> list[Face]:
    pairs = zip(flat, [*flat[1:], flat[0]], strict=True)
    return [
        ("WallSurface", [[(*a, low), (*b, low), (*b, high), (*a, high)]]) for a, b in pairs
    ]  # fmt: skip


def prism(outer: Flat, low: float, high: float, inner: Flat | None = None) -> list[Face]:
    """A flat-roofed solid; `inner` is a courtyard (counter-clockwise like the outline)."""
    ground: list[Ring] = [_lift(outer[::-1], low)]
    roof: list[Ring] = [_lift(outer, high)]
    walls = _walls(outer, low, high)
    if inner is not None:
        ground.append(_lift(inner, low))
        roof.append(_lift(inner[::-1], high))
        walls += _walls(inner[::-1], low, high)
    return [("GroundSurface", ground), *walls, ("RoofSurface", roof)]


def _mid(a: tuple[float, float], b: tuple[float, float], share: float = 0.5) -> tuple[float, float]:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)


def gabled(corners: Flat, low: float, eave: float, rise: float) -> list[Face]:
    """A ridge along the first edge's direction; the two gable walls are pentagons."""
    a, b, c, d = corners
    left, right = (*_mid(d, a), eave + rise), (*_mid(b, c), eave + rise)
    return [
        ("GroundSurface", [_lift(corners[::-1], low)]),
        ("WallSurface", [[(*a, low), (*b, low), (*b, eave), (*a, eave)]]),
        ("WallSurface", [[(*b, low), (*c, low), (*c, eave), right, (*b, eave)]]),
        ("WallSurface", [[(*c, low), (*d, low), (*d, eave), (*c, eave)]]),
        ("WallSurface", [[(*d, low), (*a, low), (*a, eave), left, (*d, eave)]]),
        ("RoofSurface", [[(*a, eave), (*b, eave), right, left]]),
        ("RoofSurface", [[(*c, eave), (*d, eave), left, right]]),
    ]


def hipped(corners: Flat, low: float, eave: float, rise: float, inset: float) -> list[Face]:
    """Four sloping faces; the ridge is drawn in by `inset` (share of the length) at both ends."""
    a, b, c, d = corners
    start, end = _mid(d, a), _mid(b, c)
    left = (*_mid(start, end, inset), eave + rise)
    right = (*_mid(start, end, 1 - inset), eave + rise)
    return [
        ("GroundSurface", [_lift(corners[::-1], low)]),
        *_walls(corners, low, eave),
        ("RoofSurface", [[(*a, eave), (*b, eave), right, left]]),
        ("RoofSurface", [[(*b, eave), (*c, eave), right]]),
        ("RoofSurface", [[(*c, eave), (*d, eave), left, right]]),
        ("RoofSurface", [[(*d, eave), (*a, eave), left]]),
    ]
