"""Earth-centred coordinates, in which 3D Tiles are written: do they lie on the ground?"""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.spatial.model import Flags, Floats

_LOWEST, _HIGHEST = 6_346_000.0, 6_388_000.0
"""distances from the earth's centre between which there is ground, metres"""
CENTRED: Final = 4978
DEGREES: Final = 4979


def on_ground(points: Floats) -> Flags:
    """For points (n, 3) whether each lies near the surface of the Earth."""
    with np.errstate(all="ignore"):
        far = np.linalg.norm(points, axis=1)
    found: Flags = (far > _LOWEST) & (far < _HIGHEST)
    return found


def degrees(points: Floats) -> Floats:
    """Longitude, latitude and height above the ellipsoid (n, 3) of earth-centred points (n, 3)."""
    from lamplighter.spatial.crs import transformer

    moved = transformer(CENTRED, DEGREES).transform(*points.T, errcheck=False)
    return np.stack([np.asarray(axis, float) for axis in moved], axis=1)
