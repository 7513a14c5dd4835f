"""How a pump's bearing wears, in the past and live: one function for both.

The features follow the age of the bearing in days. A bearing fails at an age that is drawn per
bearing, so a given level of vibration means a chance of failure, not a certainty.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEATURES: Final = (
    "vibration_rms",
    "vibration_kurtosis",
    "bearing_temperature",
    "motor_current",
    "service_hours",
)
LIFE_DAYS: Final = 85.0
LIFE_SPREAD_DAYS: Final = 12.0


def features(
    age_days: Floats, load: Floats, rated_kw: float, rng: np.random.Generator
) -> dict[str, Floats]:
    """Feature columns for bearings of these ages under these loads (share of rated, 0..1.3).

    Vibration in mm/s rms, temperature in °C, current in A, hours since grease in h. Vibration
    passes 9 mm/s at an age of about 101 days.
    """
    n = len(age_days)
    late = np.maximum(age_days - 18.0, 0.0)
    wear = 0.24 * np.expm1(late / 25.0)
    rms = (2.3 + 0.45 * load + wear) * (1 + rng.normal(0, 0.018, n))
    kurtosis = 3.0 + 0.9 * np.sqrt(np.maximum(wear, 0.0)) * 1.6 + rng.normal(0, 0.07, n)
    temperature = 41.0 + 14.0 * load + 3.6 * wear + rng.normal(0, 0.35, n)
    current = rated_kw * 1.9 * (0.35 + 0.65 * load) * (1 + 0.004 * wear) + rng.normal(0, 0.15, n)
    return {
        "vibration_rms": rms,
        "vibration_kurtosis": kurtosis,
        "bearing_temperature": temperature,
        "motor_current": current,
        "service_hours": age_days * 24.0,
    }


def day_load(hour: Floats, phase: float) -> Floats:
    """Share of rated load by the hour of the day."""
    return (
        0.72
        + 0.16 * np.sin((hour - 7.0 + phase) * np.pi / 12.0)
        + 0.07 * np.sin((hour - 2.0) * np.pi / 6.0)
    )
