"""Where coordinates without a usable system belong, tried against the project's neighbourhood.

Tried are, in this order: the project's own system, degrees, Web Mercator, and all systems meant
for the place where the project lies, each in both axis orders. Coordinates that come out next to
the project in one of them are taken so; what else would have fitted is said.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lamplighter.domain.city import Frame
from lamplighter.spatial.crs_systems import move, system
from lamplighter.spatial.model import Floats

NEAR_METRES: Final = 30_000.0
SAME_METRES: Final = 2.0
OWN_ZERO_METRES: Final = 10_000.0
"""numbers nearer to a system's own zero than this are most probably a drawing's or a building's
own, and say nothing of the system"""
_MAX_SYSTEMS: Final = 300


@dataclass(frozen=True, slots=True)
class Guess:
    """One system and axis order in which the coordinates come out next to the project."""

    code: int
    swap: bool
    metres: float
    """from the project's origin"""
    east: float
    north: float

    @property
    def words(self) -> str:
        order = "northing first" if self.swap else "easting first"
        return f"EPSG:{self.code} ({order})"


def guesses(points: Floats, frame: Frame) -> list[Guess]:
    """Possible readings of points (n, 2 or more), the most probable first.

    The project's own system comes first, then those everybody uses, then the nearest.
    """
    middle = np.median(points[:, :2], axis=0)
    first = _tried((frame.epsg,), middle, frame)
    if first:
        return first
    common = _tried((4326, 3857), middle, frame)
    local = _tried(_local_systems(frame), middle, frame)
    return common + sorted(local, key=lambda guess: guess.metres)


def others(chosen: Guess, found: list[Guess]) -> list[Guess]:
    """Readings that put the coordinates elsewhere than `chosen`, one for each place."""
    kept = [chosen]
    for guess in found:
        if all(math.hypot(guess.east - k.east, guess.north - k.north) > SAME_METRES for k in kept):
            kept.append(guess)
    return kept[1:]


def _tried(codes: tuple[int, ...], middle: Floats, frame: Frame) -> list[Guess]:
    from pyproj.exceptions import ProjError

    found = []
    for code in codes:
        for swap in (False, True):
            x, y = (middle[1], middle[0]) if swap else (middle[0], middle[1])
            if code == 4326 and not (abs(x) <= 180.0 and abs(y) <= 90.0):
                continue
            if code not in (4326, frame.epsg) and math.hypot(x, y) < OWN_ZERO_METRES:
                continue
            try:
                moved = move(code, frame.epsg, np.array([x]), np.array([y]))
            except ProjError:  # systems that nothing leads to
                continue
            east, north = float(moved[0][0]) - frame.east, float(moved[1][0]) - frame.north
            far = math.hypot(east, north)
            if far < NEAR_METRES:
                found.append(Guess(code, swap, far, east, north))
    return found


@functools.lru_cache(maxsize=8)
def _local_systems(frame: Frame) -> tuple[int, ...]:
    """Projected systems in metres whose area of use holds the project's origin."""
    from pyproj.aoi import AreaOfInterest
    from pyproj.database import query_crs_info
    from pyproj.enums import PJType

    lon, lat = move(frame.epsg, 4326, np.array([frame.east]), np.array([frame.north]))
    west, south = float(lon[0]), float(lat[0])
    if not math.isfinite(west + south):
        return ()
    infos = query_crs_info(
        auth_name="EPSG",
        pj_types=PJType.PROJECTED_CRS,
        area_of_interest=AreaOfInterest(west, south, west + 1e-6, south + 1e-6),
        contains=True,
    )
    codes = [int(info.code) for info in infos if not info.deprecated][:_MAX_SYSTEMS]
    return tuple(code for code in codes if code != frame.epsg and system(code) is not None)
