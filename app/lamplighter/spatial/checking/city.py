"""What contradicts itself across the layers of a city: places, bindings, parents, heights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from lamplighter.domain.city import Asset
from lamplighter.domain.findings import Finding
from lamplighter.spatial import crs
from lamplighter.spatial.checking import codes
from lamplighter.spatial.checking.ground import Ground

if TYPE_CHECKING:
    from lamplighter.spatial.checking.task import CityToCheck

FAR_M: Final = 30_000.0
IN_THE_AIR_M: Final = 15.0
UNDER_GROUND_M: Final = 15.0
_EXAMPLES: Final = 200


def check_city(city: CityToCheck) -> list[Finding]:
    """Findings over all layers; places in local metres."""
    found: list[Finding] = []
    assets = {a.id: a for a in city.assets}
    _layers(city, found)
    _unplaced(city, found)
    _far_away(city, found)
    _parents(city, assets, found)
    _bindings(city, assets, found)
    _heights(city, assets, found)
    return found


def _finding(
    code: str,
    asset: str,
    what: str,
    place: Asset | None = None,
    layer: str = "",
    value: str = "",
) -> Finding:
    """`value` is what a fix would set; without it there is none."""
    spot = None
    if place is not None and place.x is not None and place.y is not None:
        spot = (place.x, place.y, place.z or 0.0)
    name = codes.NAMES.get(code, "")
    return Finding(
        code,
        codes.severity(code),
        asset,
        what,
        name,
        place=spot,
        layer=layer,
        fixable=bool(value and layer),
        value=value,
    )


def _layers(city: CityToCheck, found: list[Finding]) -> None:
    placed = Counter(a.layer for a in city.assets if a.x is not None)
    total = Counter(a.layer for a in city.assets)
    for layer in city.layers:
        if layer.crs.startswith("EPSG:"):
            number = layer.crs.removeprefix("EPSG:")
            if not number.isdigit() or crs.system(int(number)) is None:
                what = f"its coordinate system {layer.crs} is not known"
                found.append(_finding("bad-crs", "", what, layer=layer.id))
        elif total[layer.id] and not placed[layer.id] and not layer.placement:
            what = f"the file does not say where its {total[layer.id]} objects lie"
            value = f"EPSG:{city.frame.epsg}" if city.frame is not None else ""
            found.append(_finding("missing-crs", "", what, layer=layer.id, value=value))


def _unplaced(city: CityToCheck, found: list[Finding]) -> None:
    """Objects without a place in layers that have one; 609 of the file says the rest."""
    placed = {a.layer for a in city.assets if a.x is not None}
    named = {a.parent for a in city.assets if a.parent}
    for asset in city.assets:
        if asset.x is None and asset.layer in placed and asset.id not in named:
            what = f"this {asset.type} has no place"
            found.append(_finding("no-place", asset.id, what, layer=asset.layer))


def _far_away(city: CityToCheck, found: list[Finding]) -> None:
    """Assets far from where most of the city lies."""
    spots = [a for a in city.assets if a.x is not None and a.y is not None]
    if len(spots) < 10:
        return
    xy = np.array([(a.x, a.y) for a in spots], float)
    away = np.linalg.norm(xy - np.median(xy, axis=0), axis=1)
    limit = max(FAR_M, 20.0 * float(np.median(away)))
    for place in np.flatnonzero(away > limit).tolist()[:_EXAMPLES]:
        asset = spots[place]
        what = f"it lies {away[place] / 1000:.0f} km from the middle of the city"
        found.append(_finding("wrong-place", asset.id, what, asset, asset.layer))


def _parents(city: CityToCheck, assets: dict[str, Asset], found: list[Finding]) -> None:
    for asset in city.assets:
        if asset.parent and asset.parent not in assets:
            what = f"its parent '{asset.parent}' is not in the city"
            found.append(
                _finding("missing-parent", asset.id, what, asset, asset.layer, asset.parent)
            )


def _bindings(city: CityToCheck, assets: dict[str, Asset], found: list[Finding]) -> None:
    for stream in city.datastreams:
        if stream.asset and stream.asset not in assets:
            what = f"datastream {stream.key} is bound to '{stream.asset}', which is not in the city"
            found.append(_finding("unbound-datastream", stream.asset, what))
    for edge in city.edges:
        for end in (edge.source, edge.target):
            if end not in assets:
                what = f"a connection {edge.source} {edge.kind} {edge.target} names it"
                found.append(_finding("lost-edge", end, what))


def _heights(city: CityToCheck, assets: dict[str, Asset], found: list[Finding]) -> None:
    """Sensors and devices far above everything built, or far below the ground."""
    measured = {d.asset for d in city.datastreams}
    chosen = [
        a
        for a in assets.values()
        if a.x is not None
        and a.z is not None
        and not a.path
        and "geometry_height_m" not in a.attributes
        and (a.id in measured or "sensor" in a.type.lower() or "station" in a.type.lower())
    ]
    if not chosen or city.frame is None:
        return
    tiles = [Path(city.tiles_folder) / t.name for layer in city.layers for t in layer.finest]
    ground = Ground(tiles, np.array([(a.x, a.y) for a in chosen], float))
    up = city.frame.up
    for asset, low, high in zip(chosen, ground.low.tolist(), ground.high.tolist(), strict=True):
        if not np.isfinite(low) or asset.z is None:
            continue
        height, ground_m = asset.z - up, f"{low + up:.3f}"
        if height > max(low, high) + IN_THE_AIR_M:
            what = f"it hangs {height - low:.0f} m above the ground"
            found.append(
                _finding("sensor-in-the-air", asset.id, what, asset, asset.layer, ground_m)
            )
        elif height < low - UNDER_GROUND_M:
            what = f"it lies {low - height:.0f} m under the ground"
            found.append(
                _finding("sensor-under-ground", asset.id, what, asset, asset.layer, ground_m)
            )
