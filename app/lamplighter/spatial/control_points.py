"""Places a file by points whose longitude and latitude, or map coordinates, the user gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.spatial import crs
from lamplighter.spatial.model import Refused, SourceModel
from lamplighter.spatial.placement import (
    BadPoints,
    Pair,
    Placement,
    fitted,
    from_numbers,
    parse_pairs,
    unit_named,
)


@dataclass(frozen=True, slots=True)
class PointsOrder:
    """What the user said: points as text, whether the scale is the file's unit, or the
    placement (`Placement.numbers`) that an earlier import of the same file was given."""

    text: str = ""
    fixed_scale: bool = False
    kept: tuple[float, ...] = ()


REACH_METRES: Final = 200_000.0
NO_POINTS: Final = PointsOrder()


def apply_points(
    model: SourceModel, order: PointsOrder, frame: Frame | None, override: int | None
) -> tuple[Placement, str] | None:
    """Move all coordinates of the model to a metric map system; the placement and its evidence.

    None when there is neither an order nor a placement of the file's own. Raises `Refused`
    (I-509) for points that give no placement.
    """
    if order.text:
        found, evidence = _by_points(model, order, frame, override)
        if model.crs_text or model.placement is not None:
            model.warnings.append("the file states a place itself; the points given count instead")
    elif order.kept and override is None and (kept := from_numbers(order.kept)) is not None:
        found = kept
        evidence = f"placed as at its import before: {_words(found)}"
    elif model.placement is not None and override is None:
        found, evidence = model.placement, model.placement_evidence
    else:
        return None
    _move(model, found)
    return found, evidence


def _by_points(
    model: SourceModel, order: PointsOrder, frame: Frame | None, override: int | None
) -> tuple[Placement, str]:
    try:
        pairs = parse_pairs(order.text)
        epsg, metric = _metric(pairs, frame, override)
        fixed = (model.unit_metres or 1.0) if order.fixed_scale else 0.0
        found, residual = fitted(metric, epsg, fixed)
    except BadPoints as bad:
        raise Refused("I-509", str(bad)) from bad
    scale = found.scale
    expected = model.unit_metres
    if expected and abs(scale / expected - 1.0) > 0.05:
        model.warnings.append(
            f"the file's unit is {expected:g} m, the points make it {scale:.6g} m; check them"
        )
    elif not expected and not unit_named(scale):
        model.warnings.append(
            f"the points make one unit of the file {scale:.6g} m, no usual unit; check them"
        )
    if residual > 1.0:
        model.warnings.append(f"the points disagree by up to {residual:.2f} m")
    count = "two" if len(pairs) == 2 else str(len(pairs))
    return found, f"placed by {count} points: {_words(found)}, residual {residual:.3f} m"


def _words(found: Placement) -> str:
    unit = unit_named(found.scale)
    named = f" ({unit})" if unit else ""
    return f"scale {found.scale:.6g}{named}, turned {found.degrees:.2f}°"


def _metric(pairs: list[Pair], frame: Frame | None, override: int | None) -> tuple[int, list[Pair]]:
    """The metric system to place in, and the pairs with their places in it."""
    source = override or 4326
    known = crs.system(source)
    if known is None:
        raise BadPoints(f"EPSG:{source} is not known")
    x = np.array([p.place[0] for p in pairs])
    y = np.array([p.place[1] for p in pairs])
    lon, lat = crs.move(known.horizontal, 4326, x, y)
    if not (np.isfinite(lon) & np.isfinite(lat) & (abs(lon) <= 180.0) & (abs(lat) <= 90.0)).all():
        what = "longitudes and latitudes" if source == 4326 else f"coordinates of EPSG:{source}"
        raise BadPoints(f"the places are no {what}")
    if frame is None:
        frame = crs.found_frame(
            crs.Place(known.horizontal, "", False, ""), np.stack([x, y, x * 0.0], axis=1)
        )
    east, north = crs.to_frame(frame, known.horizontal, x, y)
    far = float(np.hypot(east, north).max())
    if not far < REACH_METRES:
        if float(np.hypot(*crs.to_frame(frame, known.horizontal, y, x)).max()) < REACH_METRES:
            raise BadPoints("the places lie in the project only with east and north swapped")
        raise BadPoints(f"the places lie {far / 1000.0:.0f} km from the project")
    return frame.epsg, [
        replace(pair, place=(float(e) + frame.east, float(n) + frame.north, pair.place[2]))
        for pair, e, n in zip(pairs, east, north, strict=True)
    ]


def _move(model: SourceModel, place: Placement) -> None:
    """All coordinates of the model, at once for each sort."""
    for feature in model.features:
        if feature.at is not None:
            feature.at = _spots(place, [feature.at])[0]
        if feature.path:
            feature.path = _spots(place, feature.path)
        if feature.more:
            feature.more = [_spots(place, part) for part in feature.more]
    if model.faces is not None:
        model.faces = model.faces.moved(place.moved(model.faces.vertices))
    for mesh in model.meshes:
        mesh.points = place.moved(mesh.points)
    for cloud in model.clouds:
        cloud.points = place.moved(cloud.points)
    model.crs_text, model.assumed_crs, model.fixed_crs = f"EPSG:{place.epsg}", 0, True
    model.heights_in_metres = True


def _spots(
    place: Placement, spots: list[tuple[float, float, float]]
) -> list[tuple[float, float, float]]:
    return [(x, y, z) for x, y, z in place.moved(np.array(spots, float).reshape(-1, 3)).tolist()]
