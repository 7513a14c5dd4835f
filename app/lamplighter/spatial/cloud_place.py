"""The coordinate system of a cloud, from the full definition that its header carries.

Headers often define a system in words of their own, without a code. Where a known code means the
same it is used; else the points are moved by the definition itself, so that nothing is guessed.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lamplighter.spatial import crs
from lamplighter.spatial.model import Floats, SourceModel

_SAME_METRES: Final = 1.0
_WIDEST_DEGREES: Final = 3.0


def place_by(model: SourceModel, system: Any, points: Floats) -> None:
    """Set the system of `model`, whose clouds hold `points` (n, 3) that may be changed here.

    `system` is a pyproj CRS. Heights become metres.
    """
    flat, up = _parts(system)
    if not (flat.is_geographic or flat.is_projected):
        model.warnings.append(f"its coordinate system has no place on the Earth: {flat.name}")
        return
    model.heights_in_metres = True
    points[:, 2] *= up
    if not len(points):
        return
    if flat.is_geographic and float(np.ptp(points[:, :2], axis=0).max()) > _WIDEST_DEGREES:
        model.nowhere = (
            f"it names {flat.name} (degrees), but its coordinates span "
            f"{float(np.ptp(points[:, 0])):.0f} x {float(np.ptp(points[:, 1])):.0f}"
        )
        return
    code = _code(flat, points)
    if code:
        model.crs_text = f"EPSG:{code}"
        return
    import pyproj

    try:
        mover = pyproj.Transformer.from_crs(flat, 4326, always_xy=True)
        lon, lat = mover.transform(points[:, 0], points[:, 1], errcheck=False)
    except pyproj.exceptions.ProjError:
        model.nowhere = f"its coordinate system cannot be used: {flat.name}"
        return
    points[:, 0], points[:, 1] = lon, lat
    model.assumed_crs, model.fixed_crs = 4326, True
    model.evidence = f"moved by its own definition of {flat.name}, which has no EPSG code"


def _parts(system: Any) -> tuple[Any, float]:
    """The horizontal system, and how many metres one unit of height is."""
    if system.is_bound:
        system = system.source_crs
    if system.is_compound and system.sub_crs_list:
        flat, high = system.sub_crs_list[0], system.sub_crs_list[-1]
        factor = high.axis_info[-1].unit_conversion_factor if high.axis_info else 1.0
        return (flat.source_crs if flat.is_bound else flat), float(factor or 1.0)
    axes = system.axis_info
    if len(axes) > 2:
        return system, float(axes[2].unit_conversion_factor or 1.0)
    return system, float(axes[0].unit_conversion_factor or 1.0) if system.is_projected else 1.0


def _code(flat: Any, points: Floats) -> int:
    """An EPSG code that puts the points where the definition puts them; 0 for none."""
    import pyproj

    spot = np.median(points[:, :2], axis=0)
    own = pyproj.Transformer.from_crs(flat, 4326, always_xy=True).transform(*spot)
    for code in (flat.to_epsg(), flat.to_epsg(min_confidence=60), crs.parse_name(flat.name)):
        if not code or crs.system(int(code)) is None:
            continue
        other = crs.move(int(code), 4326, spot[:1], spot[1:])
        east = (float(other[0][0]) - own[0]) * np.cos(np.radians(own[1])) * 111_320.0
        north = (float(other[1][0]) - own[1]) * 111_320.0
        if float(np.hypot(east, north)) < _SAME_METRES:
            return int(code)
    return 0
