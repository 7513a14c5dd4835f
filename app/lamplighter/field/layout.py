"""The plan of the district on paper: shore, slope, streets, crossings and blocks.

Everything here lives in the grid's own frame (u along, v across, metres); `to_map` turns it into
the projected frame of the files. Nothing depends on anything but the definition and its seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lamplighter.field.definition import Definition

Floats = npt.NDArray[np.float64]
QUAY_M = 11.0
STREET_M = 13.0
AVENUE_M = 24.0


class Ground:
    """Shore and slope. Positive distances are on land."""

    def __init__(self, definition: Definition) -> None:
        self.size = definition.size
        water = definition.water
        self._river = np.array(water.river)
        self._half_width = water.river_width / 2
        self._boxes = (*water.basins, water.canal)
        angle = math.radians(definition.rotation_deg)
        self._turn = np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        self._origin = np.array(definition.origin)

    def to_map(self, uv: Floats) -> Floats:
        """(n, 2) grid metres to (n, 2) east and north in the projected frame."""
        placed: Floats = np.asarray(uv, np.float64) @ self._turn.T + self._origin
        return placed

    def shore(self, uv: Floats) -> Floats:
        """Signed distance of (n, 2) points to the nearest shore, metres; negative in water."""
        points = np.asarray(uv, np.float64)
        nearest = np.full(len(points), np.inf)
        for start, end in zip(self._river[:-1], self._river[1:], strict=True):
            along = end - start
            share = np.clip((points - start) @ along / (along @ along), 0, 1)
            gap = points - (start + share[:, None] * along)
            nearest = np.minimum(nearest, np.hypot(gap[:, 0], gap[:, 1]))
        distance = nearest - self._half_width
        for u0, v0, u1, v1 in self._boxes:
            du = np.maximum(u0 - points[:, 0], points[:, 0] - u1)
            dv = np.maximum(v0 - points[:, 1], points[:, 1] - v1)
            outside = np.hypot(np.maximum(du, 0), np.maximum(dv, 0))
            distance = np.minimum(distance, outside + np.minimum(np.maximum(du, dv), 0))
        return distance

    def height(self, uv: Floats) -> Floats:
        """Height of the land above the mean water, metres: a low quay, a hill in the west."""
        points = np.asarray(uv, np.float64)
        west = np.clip((780.0 - points[:, 0]) / 780.0, 0, 1)
        swell = np.sin(points[:, 0] / 310.0) * np.cos(points[:, 1] / 270.0)
        return 3.4 + 15.0 * west * west * (3 - 2 * west) + 0.55 * swell

    def height_at(self, u: float, v: float) -> float:
        return float(self.height(np.array([[u, v]]))[0])

    def dry(self, uv: Floats, margin: float) -> bool:
        return bool((self.shore(np.asarray(uv)) > margin).all())


@dataclass(frozen=True)
class Crossing:
    """A street crossing; (i, j) are its column and row."""

    id: int
    i: int
    j: int
    u: float
    v: float


@dataclass(frozen=True)
class Street:
    """A stretch of street between two crossings; a bridge where it passes over water."""

    id: int
    a: int
    b: int
    width: float
    bridge: bool


@dataclass
class Block:
    """Buildable land between streets: (u0, v0, u1, v1) with its use."""

    id: int
    box: tuple[float, float, float, float]
    kind: str = "homes"
    """homes | villas | mixed | towers | industry | park | court | site"""
    site: str = ""
    residents: int = 0
    buildings: list[str] = field(default_factory=list)

    @property
    def centre(self) -> tuple[float, float]:
        u0, v0, u1, v1 = self.box
        return (u0 + u1) / 2, (v0 + v1) / 2

    @property
    def area(self) -> float:
        u0, v0, u1, v1 = self.box
        return (u1 - u0) * (v1 - v0)


@dataclass(frozen=True)
class Layout:
    """Streets, crossings and blocks of a district."""

    ground: Ground
    crossings: tuple[Crossing, ...]
    streets: tuple[Street, ...]
    blocks: tuple[Block, ...]
    widths: tuple[tuple[float, ...], tuple[float, ...]]
    """width of every column's and every row's street"""


def plan_layout(definition: Definition) -> Layout:
    """Lays out the district; the same definition gives the same layout."""
    rng = np.random.default_rng([definition.seed, 1])
    ground = Ground(definition)
    columns, column_widths = _lines(rng, definition.size[0], 84.0, 122.0, 5)
    canal = definition.water.canal
    rows, row_widths = _lines(rng, definition.size[1], 72.0, 98.0, 4, avoid=canal)
    crossings = _crossings(ground, columns, rows)
    streets = _streets(ground, crossings, (column_widths, row_widths))
    blocks = _blocks(ground, (columns, rows), (column_widths, row_widths))
    _assign_kinds(rng, definition, blocks)
    return Layout(
        ground, crossings, streets, tuple(blocks), (tuple(column_widths), tuple(row_widths))
    )


def _lines(
    rng: np.random.Generator,
    length: float,
    smallest: float,
    largest: float,
    avenue_every: int,
    avoid: tuple[float, float, float, float] | None = None,
) -> tuple[list[float], list[float]]:
    """Centre lines of parallel streets and their widths; none runs in the `avoid` strip."""
    lines, at = [], 18.0
    while at < length - 12.0:
        lines.append(at)
        at += float(rng.uniform(smallest, largest))
    if avoid is not None:
        south, north = avoid[1] - 14.0, avoid[3] + 14.0
        lines = [line for line in lines if not south - 50.0 < line < north + 50.0]
        lines = sorted([*lines, south, north])
    widths = [AVENUE_M if k % avenue_every == 2 else STREET_M for k in range(len(lines))]
    return [round(line, 2) for line in lines], widths


def _crossings(ground: Ground, columns: list[float], rows: list[float]) -> tuple[Crossing, ...]:
    found: list[Crossing] = []
    for j, v in enumerate(rows):
        for i, u in enumerate(columns):
            if ground.dry(np.array([[u, v]]), 5.0):
                found.append(Crossing(len(found), i, j, u, v))
    return tuple(found)


def _streets(
    ground: Ground, crossings: tuple[Crossing, ...], widths: tuple[list[float], list[float]]
) -> tuple[Street, ...]:
    """Stretches between neighbours in a row or column; those over water become bridges."""
    at = {(c.i, c.j): c for c in crossings}
    last_i, last_j = len(widths[0]), len(widths[1])
    pairs: list[tuple[Crossing, Crossing, float]] = []
    for j in range(last_j):
        row = [at[i, j] for i in range(last_i) if (i, j) in at]
        pairs += [(a, b, widths[1][j]) for a, b in pairwise(row)]
    for i in range(last_i):
        column = [at[i, j] for j in range(last_j) if (i, j) in at]
        pairs += [(a, b, widths[0][i]) for a, b in pairwise(column)]
    streets: list[Street] = []
    for a, b, width in pairs:
        line = np.linspace((a.u, a.v), (b.u, b.v), 12)
        wet = not ground.dry(line, 3.0)
        if wet and not _bridged(a, b, width):
            continue
        streets.append(Street(len(streets), a.id, b.id, width, wet))
    return tuple(streets)


def _bridged(a: Crossing, b: Crossing, width: float) -> bool:
    """Avenues cross the water; of the others every third column crosses the canal."""
    if math.hypot(a.u - b.u, a.v - b.v) > 330.0:
        return False
    if a.j == b.j:
        return width == AVENUE_M
    return width == AVENUE_M or (a.i % 4 == 1 and b.v - a.v < 80.0)


def _blocks(
    ground: Ground,
    lines: tuple[list[float], list[float]],
    widths: tuple[list[float], list[float]],
) -> list[Block]:
    """One block between four streets, drawn back from the quay until it is dry."""
    (columns, rows), (column_widths, row_widths) = lines, widths
    blocks: list[Block] = []
    for j in range(len(rows) - 1):
        for i in range(len(columns) - 1):
            pavement = 3.0
            box = (
                columns[i] + column_widths[i] / 2 + pavement,
                rows[j] + row_widths[j] / 2 + pavement,
                columns[i + 1] - column_widths[i + 1] / 2 - pavement,
                rows[j + 1] - row_widths[j + 1] / 2 - pavement,
            )
            dry = _draw_back(ground, box)
            if dry is not None:
                blocks.append(Block(len(blocks), dry))
    return blocks


def _draw_back(
    ground: Ground, box: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """The largest of a few shrunk boxes that keeps the quay free, or None."""
    u0, v0, u1, v1 = box
    if v1 - v0 < 30 or u1 - u0 < 30:
        return None
    best: tuple[float, float, float, float] | None = None
    best_area = 0.0
    for left in (0.0, 0.25, 0.5):
        for right in (0.0, 0.25, 0.5):
            for low in (0.0, 0.25, 0.5):
                for high in (0.0, 0.25, 0.5):
                    a, b = u0 + left * (u1 - u0), u1 - right * (u1 - u0)
                    c, d = v0 + low * (v1 - v0), v1 - high * (v1 - v0)
                    area = (b - a) * (d - c)
                    if b - a < 30 or d - c < 30 or area <= best_area:
                        continue
                    edge = np.linspace(0, 1, 5)
                    rim = np.concatenate(
                        [
                            np.column_stack([a + edge * (b - a), np.full(5, c)]),
                            np.column_stack([a + edge * (b - a), np.full(5, d)]),
                            np.column_stack([np.full(5, a), c + edge * (d - c)]),
                            np.column_stack([np.full(5, b), c + edge * (d - c)]),
                        ]
                    )
                    if ground.dry(rim, QUAY_M):
                        best, best_area = (a, c, b, d), area
    return best


SITES = {
    "SS-04": (1010.0, 420.0),
    "Mill Lane": (880.0, 330.0),
    "Dock Road": (1400.0, 480.0),
    "Hillside": (560.0, 950.0),
    "North Works": (1100.0, 1500.0),
    "Waterworks": (170.0, 90.0),
    "Hill Tank": (120.0, 860.0),
    "North Tank": (860.0, 1500.0),
    "Quay Tank": (1180.0, 130.0),
}
"""technical sites and where each wants to stand, in grid metres"""


def _assign_kinds(rng: np.random.Generator, definition: Definition, blocks: list[Block]) -> None:
    """Technical sites first, then parks and courts, then towers in the middle, then the rest."""
    free = {block.id for block in blocks if block.area > 2800.0}

    def take(u: float, v: float) -> Block:
        found = min(
            free, key=lambda k: (blocks[k].centre[0] - u) ** 2 + (blocks[k].centre[1] - v) ** 2
        )
        free.discard(found)
        return blocks[found]

    for site, (u, v) in SITES.items():
        block = take(u, v)
        block.kind, block.site = "site", site
    width, depth = definition.size
    for _ in range(definition.city.parks):
        take(
            float(rng.uniform(0.05, 0.95)) * width, float(rng.uniform(0.05, 0.95)) * depth
        ).kind = "park"
    for _ in range(10):
        take(
            float(rng.uniform(0.1, 0.9)) * width, float(rng.uniform(0.1, 0.9)) * depth
        ).kind = "court"
    for _ in range(max(1, definition.city.towers // 2)):
        block = take(float(rng.normal(1120.0, 110.0)), float(rng.normal(870.0, 90.0)))
        block.kind = "towers"
    for block in blocks:
        if block.kind != "homes":
            continue
        u, v = block.centre
        if block.area < 2800.0:
            block.kind = "industry"
        elif u < 420.0 or u > 1960.0:
            block.kind = "villas"
        elif math.hypot(u - 1120.0, v - 870.0) < 330.0:
            block.kind = "mixed"
        elif u > 1200.0 and (v < 240.0 or v > 1330.0) and rng.uniform() < 0.4:
            block.kind = "industry"
