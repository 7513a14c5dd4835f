"""Do the heights of earth-centred tiles stand above the sea or above the ellipsoid?

The format asks for the ellipsoid; many producers write heights above sea level all the same, and
the two lie tens of metres apart. Where objects state their own ground level, the difference
between it and their foot tells which it is.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.spatial.model import Cloud, MeshPart, SourceModel

_GROUND: Final = (
    "groundlevel", "ground_level", "ground_height", "ground_z", "b3_h_maaiveld", "h_maaiveld",
    "z_min", "zmin", "terrain_height",
)  # fmt: skip
_SAME: Final = 3.0
_LEAST, _MOST = 5.0, 110.0
"""how far the ellipsoid lies from the sea where they can be told apart, metres"""
_SPREAD: Final = 2.0
_FEW: Final = 3


def settle_heights(model: SourceModel) -> str:
    """Compare feet with stated ground levels; lowers the points when that is certain.

    Meshes hold longitude, latitude and height. Returns what was found, in words.
    """
    stated = _stated(model)
    if len(stated) < _FEW:
        return "heights as the file has them"
    feet = _feet(model)
    apart = np.array([feet[n] - level for n, level in stated.items() if np.isfinite(feet[n])])
    if len(apart) < _FEW:
        return "heights as the file has them"
    middle = float(np.median(apart))
    spread = float(np.median(np.abs(apart - middle)))
    told = f"the feet of {len(apart)} objects and the ground levels they state"
    if abs(middle) <= _SAME:
        return f"heights above sea level: {told} differ by {abs(middle):.2f} m (median)"
    if _LEAST <= abs(middle) <= _MOST and spread <= _SPREAD:
        parts: list[MeshPart | Cloud] = [*model.meshes, *model.clouds]
        for part in parts:
            part.points[:, 2] -= middle
        return (
            f"heights above the ellipsoid moved by {-middle:.2f} m to sea level, as far as {told} "
            "differ"
        )
    return f"heights as the file has them; {told} differ by {middle:.1f} m without a pattern"


def _stated(model: SourceModel) -> dict[int, float]:
    """Ground level by number of the object, for those that state one."""
    found: dict[int, float] = {}
    for number, feature in enumerate(model.features):
        held = {name.lower(): value for name, value in feature.attributes.items()}
        for name in _GROUND:
            try:
                level = float(held[name])  # type: ignore[arg-type]
            except (KeyError, TypeError, ValueError):
                continue
            if np.isfinite(level):
                found[number] = level
                break
    return found


def _feet(model: SourceModel) -> np.ndarray:
    """Lowest height of every object (features,); infinite without a mesh."""
    feet = np.full(len(model.features), np.inf)
    for part in model.meshes:
        low = part.points[part.triangles, 2].min(axis=1)
        owners = np.full(len(low), part.owner) if part.owners is None else part.owners
        np.minimum.at(feet, owners, low)
    return feet
