"""The strain of one bridge that creeps towards its limit, in the past and live: one level for both.

Nothing of the demo's bridges ever failed, so this is what a trend to a limit is shown on: a girder
whose strain rises by a little every day under the same traffic.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.field import shapes

Floats = npt.NDArray[np.float64]

BRIDGE: Final = "BR-5"
KIND: Final = "strain_4"
LEVEL: Final = 146.0
"""µε where the past ends and live begins; the limit is 180"""
A_DAY: Final = 1.25
SWING: Final = 0.1
"""of the level, with the traffic of the day"""
SHAPE: Final = "traffic"


def past(hours: Floats, days_left: Floats, rng: np.random.Generator) -> Floats:
    """µε at these hours of the day, so many days before the past ends."""
    level = LEVEL - A_DAY * days_left
    of_day = shapes.deviation(np.full(len(hours), shapes.NAMES.index(SHAPE)), hours)
    weather = np.zeros(len(hours))
    for hour in range(1, len(hours)):
        weather[hour] = 0.98 * weather[hour - 1] + rng.normal(0, 0.8)
    weather *= np.minimum(1.0, days_left)  # live begins where the past ends
    result: Floats = level + LEVEL * SWING * of_day + weather + rng.normal(0, 1.6, len(hours))
    return result
