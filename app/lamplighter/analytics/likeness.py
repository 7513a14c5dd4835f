"""Which earlier anomalies look like a new one: by course of the last day, kind and phenomenon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.anomaly import Anomaly

Floats = npt.NDArray[np.float64]

CASES: Final = 3
HOURS: Final = 24
OTHER_KIND: Final = 0.6
OTHER_PHENOMENON: Final = 0.5
OTHER_ASSET: Final = 0.05
"""between two that are equal else, the one on the same asset says more"""


def alike(
    one: Anomaly, earlier: Sequence[Anomaly], phenomenon: dict[int, str]
) -> list[tuple[Anomaly, float]]:
    """At most three of `earlier` with their distance (0 = the same), the most alike first.

    `phenomenon`: kind of each datastream. What is told of a datastream several times counts once.
    """
    mine, peak = _shape(one.curve), _peak(one.curve)
    found: list[tuple[float, int, Anomaly]] = []
    for other in earlier:
        if other.id == one.id or other.found_ms > one.found_ms:
            continue
        apart = float(np.sqrt(np.mean((mine - _shape(other.curve)) ** 2)))
        apart += OTHER_KIND * (other.kind != one.kind)
        same = phenomenon.get(other.datastream) == phenomenon.get(one.datastream)
        apart += OTHER_PHENOMENON * (not same)
        apart += OTHER_ASSET * (other.asset != one.asset)
        apart += 0.2 * abs(float(np.log((1.0 + _peak(other.curve)) / (1.0 + peak))))
        found.append((apart, -other.found_ms, other))
    found.sort(key=lambda f: f[:2])
    return [(other, round(apart, 3)) for apart, _, other in found[:CASES]]


def _shape(curve: Sequence[float]) -> Floats:
    """The last day, the newest hour last, at most 1 in size."""
    filled = np.zeros(HOURS)
    last = np.asarray(curve[-HOURS:], np.float64)
    if last.size:
        filled[-last.size :] = last
    largest = float(np.abs(filled).max())
    return filled / largest if largest > 0 else filled


def _peak(curve: Sequence[float]) -> float:
    return max((abs(v) for v in curve), default=0.0)
