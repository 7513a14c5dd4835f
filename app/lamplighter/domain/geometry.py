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


TILE_KINDS: Final = ("model", "mesh", "cloud", "terrain", "imagery")
"""semantic objects, reality mesh, points without triangles, ground, picture on the ground"""


@dataclass(frozen=True, slots=True)
class TileArrays:
    """One tile of triangles in local metres (east, north, up).

    points (n, 3) float32; triangles (m, 3) int32 into points; owner (m,) int32 into `assets`;
    surface (m,) uint8 into SURFACES. Points are shared only inside one owner. A cloud has points
    and colours and no triangles.
    """

    name: str
    assets: tuple[str, ...]
    points: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.int32]
    owner: npt.NDArray[np.int32]
    surface: npt.NDArray[np.uint8]
    kind: str = "model"
    """one of TILE_KINDS"""
    lod: float = 0.0
    """level of detail of the source (0 when it names none)"""
    colours: npt.NDArray[np.uint8] | None = None
    """(n, 3) red, green, blue of each point"""
    uv: npt.NDArray[np.float32] | None = None
    """(n, 2) place of each point in `image`, (0, 0) at its lower left"""
    image: bytes = b""
    """an encoded PNG or JPEG; empty without texture"""
