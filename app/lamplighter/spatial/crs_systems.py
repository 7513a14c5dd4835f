"""Coordinate systems by their codes: units, areas of use, and moving coordinates between them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamplighter.spatial.crs_names import custom_system
from lamplighter.spatial.model import Floats


@dataclass(frozen=True, slots=True)
class System:
    """What is needed of a coordinate system: its codes, units, area of use."""

    code: int
    horizontal: int
    projected: bool
    metres: float
    """metres per unit of the horizontal axes (projected systems)"""
    up_metres: float
    north_first: bool
    area: tuple[float, float, float, float] | None
    """west, south, east, north in degrees"""


def _of(code: int) -> Any:
    import pyproj

    pyproj.network.set_network_enabled(False)  # type: ignore[attr-defined]
    return pyproj.CRS.from_epsg(code) if code > 0 else custom_system(code)


@functools.lru_cache(maxsize=64)
def system(code: int) -> System | None:
    """The system with this EPSG code, or None when PROJ does not know it or it has no place."""
    import pyproj

    try:
        crs = _of(code)
    except (pyproj.exceptions.CRSError, IndexError):
        return None
    flat = crs
    up = 1.0
    if crs.is_compound and crs.sub_crs_list:
        flat = crs.sub_crs_list[0]
        up = float(crs.axis_info[-1].unit_conversion_factor or 1.0)
    if not (flat.is_projected or flat.is_geographic):
        return None
    axes = flat.axis_info
    use = crs.area_of_use or flat.area_of_use
    metres = float(axes[0].unit_conversion_factor) if flat.is_projected and axes else 1.0
    if flat.is_projected and not crs.is_compound:
        up = metres
    return System(
        code=code,
        horizontal=int((flat.to_epsg() if code > 0 else None) or code),
        projected=bool(flat.is_projected),
        metres=metres,
        up_metres=up,
        north_first=bool(axes) and axes[0].direction.lower() in ("north", "south"),
        area=(use.west, use.south, use.east, use.north) if use else None,
    )


@functools.lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Any:
    """pyproj transformer, x (east, longitude) first on both sides."""
    import pyproj

    return pyproj.Transformer.from_crs(_of(source), _of(target), always_xy=True)


def move(source: int, target: int, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Coordinates in `target`; what cannot be moved becomes infinite, never an error."""
    if source == target:
        return first, second
    moved = transformer(source, target).transform(first, second, errcheck=False)
    return np.asarray(moved[0], float), np.asarray(moved[1], float)
