"""Geometry as plain arrays, the same in worker, cache file and scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SURFACES: Final = (
    "Unknown",
    "GroundSurface",
    "WallSurface",
    "RoofSurface",
    "ClosureSurface",
    "Window",
    "Door",
    "OuterFloorSurface",
    "OuterCeilingSurface",
    "Terrain",
    "Road",
    "Water",
    "Vegetation",
    "Bridge",
    "Furniture",
)


@dataclass(frozen=True, slots=True)
class TileArrays:
    """One tile of triangles in local metres (east, north, up).

    points (n, 3) float32; triangles (m, 3) int32 into points; owner (m,) int32 into `assets`;
    surface (m,) uint8 into SURFACES. Points are shared only inside one owner.
    """

    name: str
    assets: tuple[str, ...]
    points: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    owner: npt.NDArray[np.int32]
    surface: npt.NDArray[np.uint8]
