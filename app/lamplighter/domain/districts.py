"""Which districts a city has, with their outlines: drawn ones, named ones, else squares.

Imported areas of a district's type are the districts. Where there are none, what assets name as
their district is one, outlined by a line around them. Where nothing names any, the city is cut into
squares of a stated side; those in which nothing stands are left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.city import Asset

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

TYPES: Final = frozenset({
    "district", "citydistrict", "neighbourhood", "neighborhood", "quarter", "borough", "suburb",
    "ward", "administrativeunit", "administrativearea", "censusblock", "censustract",
})  # fmt: skip
"""asset types of districts, in small letters without separators"""
NAMED_BY: Final = ("district", "neighbourhood", "neighborhood", "quarter", "borough", "suburb")
"""attributes in which an asset names its district"""
SQUARE_M: Final = 500.0
MOST: Final = 2_000
"""squares at most; a larger city gets larger ones"""
_LEAST_M: Final = 25.0
"""a district that is known by a few places reaches at least this far around them"""
_NESTED: Final = 8
_EDGES_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Districts:
    """Names and outlines. An outline is one or several closed rings of `points`; what lies in an
    odd number of them is inside, so holes and islands need no mark.
    """

    ids: tuple[str, ...]
    """the asset where a district is one, else a word of its own"""
    names: tuple[str, ...]
    origin: str
    """outline | named | squares"""
    points: Floats
    """(n, 2) local metres"""
    ring_start: Ints
    """(rings + 1,) rows of `points`"""
    ring_of: Ints
    """(rings,) district of each ring, ascending"""
    square_m: float = 0.0
    """side of the squares; 0 for none"""
    members: dict[tuple[float, float], int] = field(default_factory=dict)
    """district of a place whose asset says itself where it belongs"""

    def rings(self, district: int) -> list[Floats]:
        """The rings (k, 2) of one district."""
        first, last = np.searchsorted(self.ring_of, (district, district + 1)).tolist()
        ends = self.ring_start[first : last + 1].tolist()
        return [self.points[a:b] for a, b in pairwise(ends)]

    def area_m2(self) -> Floats:
        """(districts,) square metres of ground."""
        return np.array([_area(self.rings(d)) for d in range(len(self.names))], np.float64)

    def middle(self, district: int) -> tuple[float, float]:
        """Middle of a district's box."""
        part = np.concatenate(self.rings(district))
        x, y = (part.min(axis=0) + part.max(axis=0)) / 2
        return float(x), float(y)

    def of(self, places: Floats) -> Ints:
        """District of each place (n, 2), -1 for none; of several the first one."""
        found = np.full(len(places), -1, np.int32)
        if self.square_m:
            return self._square_of(places)
        for number in range(len(self.names)):
            rings = self.rings(number)
            part = np.concatenate(rings)
            low, high = part.min(axis=0), part.max(axis=0)
            near = (places >= low).all(axis=1) & (places <= high).all(axis=1) & (found < 0)
            rows = np.flatnonzero(near)
            found[rows[inside(places[rows], rings)]] = number
        if self.members:
            for row, (x, y) in enumerate(places.tolist()):
                found[row] = self.members.get((x, y), int(found[row]))
        return found

    def _square_of(self, places: Floats) -> Ints:
        """By the same division that laid the squares, so that none falls between two."""
        corner = np.rint(self.points[self.ring_start[:-1]] / self.square_m).astype(np.int64)
        known = {cell: n for n, cell in enumerate(map(tuple, corner.tolist()))}
        cells = np.floor(places / self.square_m).astype(np.int64).tolist()
        return np.array([known.get(tuple(c), -1) for c in cells], np.int32)


def inside(places: Floats, rings: Sequence[Floats]) -> Mask:
    """Whether each place (n, 2) lies in an odd number of closed rings."""
    odd = np.zeros(len(places), np.bool_)
    if not len(places):
        return odd
    x, y = places[:, 0, None], places[:, 1, None]
    for ring in rings:
        (ax, ay), (bx, by) = ring.T, np.roll(ring, -1, axis=0).T
        for first in range(0, len(ring), _EDGES_AT_ONCE):
            some = slice(first, first + _EDGES_AT_ONCE)
            over = (ay[some] > y) != (by[some] > y)
            tall = np.where(by[some] == ay[some], 1.0, by[some] - ay[some])
            meets = ax[some] + (y - ay[some]) / tall * (bx[some] - ax[some])
            odd ^= ((over & (x < meets)).sum(axis=1) & 1).astype(np.bool_)
    return odd


def _area(rings: Sequence[Floats]) -> float:
    """Rings that lie in an odd number of others are holes."""
    total = 0.0
    for number, ring in enumerate(rings):
        (ax, ay), (bx, by) = ring.T, np.roll(ring, -1, axis=0).T
        own = abs(float((ax * by - bx * ay).sum())) / 2.0
        others = [r for n, r in enumerate(rings) if n != number]
        hole = bool(inside(ring[:1], others)[0]) if others else False
        total += -own if hole else own
    return max(total, 0.0)


def is_district(type: str) -> bool:
    """Whether an asset's type says that it is a district."""
    return "".join(c for c in type.casefold() if c.isalnum()) in TYPES


def place_of(assets: Mapping[str, Asset], id: str) -> tuple[float, float] | None:
    """Local metres of an asset, of the middle of its course, or of what it is a part of."""
    for _ in range(_NESTED):
        asset = assets.get(id)
        if asset is None:
            return None
        if asset.x is not None and asset.y is not None:
            good = math.isfinite(asset.x) and math.isfinite(asset.y)
            return (asset.x, asset.y) if good else None
        if asset.path:
            x, y, _z = asset.path[len(asset.path) // 2]
            return x, y
        id = asset.parent
    return None


def districts_of(assets: Mapping[str, Asset], sensors: Floats) -> Districts:
    """`sensors` (n, 2): where something is measured; squares are laid where sensors, people or
    buildings are.
    """
    types = {t for t in {a.type for a in assets.values()} if is_district(t)}
    drawn = _one_type(assets, {a.id: _rings_of(a) for a in assets.values() if a.type in types})
    if drawn:
        names = {a: assets[a].name or a for a in drawn}
        order = sorted(drawn, key=lambda a: (names[a].casefold(), a))
        outlines = [drawn[a] for a in order]
        return _made(tuple(order), tuple(names[a] for a in order), "outline", outlines)
    return _named(assets) or _squares(assets, sensors)


def _rings_of(asset: Asset) -> list[Floats]:
    """Rings (k, 2) of an area without their closing point; empty where none is closed."""
    found = []
    for course in (asset.path, *asset.more):
        ring = np.array([(x, y) for x, y, _ in course], np.float64).reshape(-1, 2)
        if len(ring) > 3 and np.isfinite(ring).all() and np.hypot(*(ring[0] - ring[-1])) < 1e-3:
            found.append(ring[:-1])
    return found


def _one_type(
    assets: Mapping[str, Asset], outlines: dict[str, list[Floats]]
) -> dict[str, list[Floats]]:
    """Those of the type that there are most of: boroughs that neighbourhoods lie in would be
    counted twice.
    """
    drawn = {a: rings for a, rings in outlines.items() if rings}
    types = Counter(assets[a].type for a in drawn)
    kept = min(types, key=lambda t: (-types[t], t), default="")
    return {a: rings for a, rings in drawn.items() if assets[a].type == kept}


def _named(assets: Mapping[str, Asset]) -> Districts | None:
    """Districts that assets name; None below two."""
    groups: dict[str, list[tuple[float, float]]] = {}
    for asset in assets.values():
        word = next((asset.attributes[n] for n in NAMED_BY if asset.attributes.get(n)), None)
        spot = place_of(assets, asset.id) if word is not None else None
        if spot is not None:
            groups.setdefault(str(word).strip(), []).append(spot)
    groups.pop("", None)
    if len(groups) < 2:
        return None
    names = tuple(sorted(groups, key=str.casefold))
    made = _made(names, names, "named", [[_around(groups[n])] for n in names])
    members = {spot: number for number, name in enumerate(names) for spot in groups[name]}
    return replace(made, members=members)


def _squares(assets: Mapping[str, Asset], sensors: Floats) -> Districts:
    """Squares on whole multiples of their side, named by column and row from the north-west."""
    lived = [
        place_of(assets, a.id) for a in assets.values() if a.people or a.type == "Building"
    ]  # fmt: skip
    spots = np.array([s for s in lived if s is not None], np.float64).reshape(-1, 2)
    spots = np.concatenate((spots, sensors))
    spots = spots[np.isfinite(spots).all(axis=1)]
    side = SQUARE_M
    cells = _cells(spots, side)
    while len(cells) > MOST:
        side *= 2.0
        cells = _cells(spots, side)
    if not len(cells):
        return _made((), (), "squares", [], side)
    west, north = int(cells[:, 0].min()), int(cells[:, 1].max())
    order = np.lexsort((cells[:, 0], -cells[:, 1]))
    names, parts = [], []
    for column, row in cells[order].tolist():
        names.append(f"{_letters(column - west)}{north - row + 1}")
        x, y = column * side, row * side
        ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
        parts.append([np.array(ring, np.float64)])
    return _made(tuple(f"square {n}" for n in names), tuple(names), "squares", parts, side)


def _cells(spots: Floats, side: float) -> npt.NDArray[np.int64]:
    if not len(spots):
        return np.zeros((0, 2), np.int64)
    return np.unique(np.floor(spots / side).astype(np.int64), axis=0)


def _letters(number: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    word = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        word = chr(65 + rest) + word
    return word


def _made(
    ids: tuple[str, ...],
    names: tuple[str, ...],
    origin: str,
    outlines: list[list[Floats]],
    side: float = 0.0,
) -> Districts:
    rings = [ring for outline in outlines for ring in outline]
    owner = [number for number, outline in enumerate(outlines) for _ in outline]
    start = np.cumsum([0, *(len(r) for r in rings)]).astype(np.int32)
    points = np.concatenate(rings) if rings else np.zeros((0, 2))
    return Districts(ids, names, origin, points, start, np.array(owner, np.int32), side)


def _around(spots: list[tuple[float, float]]) -> Floats:
    """A convex line (n, 2) around places, at least `_LEAST_M` off each of them."""
    m = _LEAST_M
    wide = {(x + a, y + b) for x, y in spots for a in (-m, m) for b in (-m, m)}
    points = sorted(wide)
    halves: list[list[tuple[float, float]]] = []
    for row in (points, points[::-1]):
        half: list[tuple[float, float]] = []
        for p in row:
            while len(half) > 1 and _turn(half[-2], half[-1], p) <= 0:
                half.pop()
            half.append(p)
        halves.append(half[:-1])
    return np.array([*halves[0], *halves[1]])


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
