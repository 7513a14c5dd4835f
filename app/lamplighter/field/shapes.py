"""The shapes of a day: how loads, traffic, light and water use go with the hour."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.field.water_network import DAY as WATER_DAY

Floats = npt.NDArray[np.float64]

_LOAD: tuple[float, ...] = (0.6, 0.55, 0.53, 0.52, 0.55, 0.66, 0.86, 1.0, 1.0, 0.97, 0.98, 1.05)
_LOAD += (1.08, 1.02, 0.98, 0.98, 1.05, 1.22, 1.34, 1.33, 1.22, 1.05, 0.86, 0.7)
_TRAFFIC: tuple[float, ...] = (0.2, 0.13, 0.1, 0.12, 0.25, 0.6, 1.2, 1.75, 1.6, 1.2, 1.1, 1.15)
_TRAFFIC += (1.2, 1.2, 1.25, 1.4, 1.7, 1.85, 1.5, 1.1, 0.8, 0.65, 0.5, 0.3)
_SUN: tuple[float, ...] = (0.2, 0.15, 0.1, 0.1, 0.1, 0.15, 0.35, 0.7, 1.0, 1.3, 1.55, 1.7)
_SUN += (1.8, 1.85, 1.8, 1.65, 1.45, 1.2, 0.95, 0.75, 0.6, 0.45, 0.35, 0.25)

DAYS: Final[dict[str, tuple[float, ...]]] = {
    "flat": (1.0,) * 24,
    "load": _LOAD,
    "traffic": _TRAFFIC,
    "sun": _SUN,
    "water": WATER_DAY,
}
NAMES: Final = tuple(DAYS)
_TABLE: Final = np.array([[*day, day[0]] for day in DAYS.values()])


def deviation(shape: npt.NDArray[np.intp], hour: Floats) -> Floats:
    """How far each series stands from its mean at its hour, as a share: about -0.9 to 0.9."""
    low = np.floor(hour).astype(int) % 24
    share = hour - np.floor(hour)
    here = _TABLE[shape, low]
    there = here + share * (_TABLE[shape, low + 1] - here)
    return np.asarray(there - 1.0, np.float64)
