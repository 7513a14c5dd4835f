"""Which assets, connections, datastreams and records a field kit takes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.edits import Edits, Value
from lamplighter.domain.kit import KitWanted
from lamplighter.domain.layers import Layer, TileInfo
from lamplighter.domain.problems import fault
from lamplighter.store import Store

ROUND_M: Final = 150.0
"""how far around the chosen assets the drawn city reaches"""
DISTRICT: Final = ("district", "area", "zone", "quarter")
"""attributes that name an asset's district"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What was chosen; `assets` None: everything."""

    words: str
    assets: frozenset[str] | None
    area: tuple[float, float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    """west, south, east, north in local metres, around the assets"""

    @property
    def whole(self) -> bool:
        return self.assets is None

    def has(self, asset: str) -> bool:
        return self.assets is None or asset in self.assets

    def edges(self, edges: Iterable[Edge]) -> list[Edge]:
        """Connections both of whose ends are taken."""
        return [e for e in edges if self.has(e.source) and self.has(e.target)]

    def streams(self, streams: Iterable[Datastream]) -> list[Datastream]:
        return [d for d in streams if self.assets is None or (d.asset and d.asset in self.assets)]

    def tiles(self, layer: Layer) -> tuple[TileInfo, ...]:
        """Tiles of a layer that touch the chosen ground."""
        if self.assets is None:
            return layer.tiles
        if self.box is None:
            return ()
        west, south, east, north = self.box
        return tuple(
            t
            for t in layer.tiles
            if t.low[0] <= east and t.high[0] >= west and t.low[1] <= north and t.high[1] >= south
        )

    def takes(self, object: str, fields: Mapping[str, Value]) -> bool:
        """Whether a record belongs to what is taken; one that hangs on nothing always does."""
        if self.assets is None:
            return True
        kind, _, name = object.partition("/")
        if kind == "asset":
            return name in self.assets
        if kind == "alarm":
            return name.rpartition("@")[2] in self.assets
        asset = fields.get("asset")
        if isinstance(asset, str) and asset:
            return asset in self.assets
        lon, lat = fields.get("lon"), fields.get("lat")
        if isinstance(lon, int | float) and isinstance(lat, int | float) and self.area:
            return _inside(self.area, float(lon), float(lat))
        return True

    def objects(self, edits: Edits) -> list[str]:
        """Records that are taken, each with its whole history."""
        records = {o: edits.record(o) for o in edits.objects()}
        taken = {o for o, fields in records.items() if self.takes(o, fields)}
        for object, fields in records.items():
            order = fields.get("order")
            if isinstance(order, str) and order and not fields.get("asset"):
                (taken.add if f"order/{order}" in taken else taken.discard)(object)
        return sorted(taken)


def _inside(area: tuple[float, float, float, float], lon: float, lat: float) -> bool:
    return area[0] <= lon <= area[2] and area[1] <= lat <= area[3]


def scope_of(store: Store, wanted: KitWanted) -> Scope:
    """Raises LamplighterError (U-801) when nothing or several things are asked for, or nothing is
    there.
    """
    chosen = [
        wanted.area is not None, bool(wanted.assets), bool(wanted.district), wanted.everything,
        wanted.changes,
    ]  # fmt: skip
    if sum(chosen) != 1:
        what = "say what to take: one of --area, --asset, --district, --all, --changes"
        raise fault("U-801", what=what, name="kit take")
    if wanted.everything or wanted.changes:
        return Scope("what was done here" if wanted.changes else "the whole project", None)
    assets = {a.id: a for a in store.assets()}
    if wanted.area is not None:
        west, south, east, north = wanted.area
        if not (west < east and south < north):
            raise fault("U-801", what="--area is WEST,SOUTH,EAST,NORTH in degrees", name="kit take")
        seed = {
            a.id
            for a in assets.values()
            if a.lon is not None and a.lat is not None and _inside(wanted.area, a.lon, a.lat)
        }
        words = f"area {west:.4f},{south:.4f} to {east:.4f},{north:.4f}"
    elif wanted.assets:
        unknown = [a for a in wanted.assets if a not in assets]
        if unknown:
            raise fault("U-801", what=f"there is no asset {unknown[0]}", name="kit take")
        seed = set(wanted.assets)
        words = ", ".join(wanted.assets[:5]) + (" ..." if len(wanted.assets) > 5 else "")
    else:
        seed = {a.id for a in assets.values() if _of_district(a, wanted.district)}
        words = f"district {wanted.district}"
    if not seed:
        raise fault("U-801", what=f"{words} holds no asset", name="kit take")
    taken = _with_parts(seed, assets)
    return Scope(words, frozenset(taken), wanted.area, _box(assets[a] for a in taken))


def _of_district(asset: Asset, name: str) -> bool:
    if name in (asset.id, asset.name, asset.parent):
        return True
    found = (asset.attributes.get(key) for key in DISTRICT)
    return any(str(value) == name for value in found if value is not None)


def _with_parts(seed: set[str], assets: Mapping[str, Asset]) -> set[str]:
    """With everything that is a part of them, and what they are parts of."""
    parts: dict[str, list[str]] = {}
    for asset in assets.values():
        if asset.parent:
            parts.setdefault(asset.parent, []).append(asset.id)
    found: set[str] = set()
    ahead = list(seed)
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead.extend(parts.get(one, ()))
    for one in list(found):
        while one in assets and assets[one].parent in assets and assets[one].parent not in found:
            one = assets[one].parent
            found.add(one)
    return found


def _box(assets: Iterable[Asset]) -> tuple[float, float, float, float] | None:
    places = [(a.x, a.y) for a in assets if a.x is not None and a.y is not None]
    if not places:
        return None
    east, north = [p[0] for p in places], [p[1] for p in places]
    return (
        min(east) - ROUND_M, min(north) - ROUND_M, max(east) + ROUND_M, max(north) + ROUND_M,
    )  # fmt: skip
