"""Quality of a point and the one rule that says when a value is no longer live.

The quality byte: its two lowest bits are the class (OPC UA's good/uncertain/bad, and stale), the
higher bits are marks that travel with the point.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
CLASS_MASK: Final = 0b11
STALE_PERIODS: Final = 2.0
STALE_LEAST_MS: Final = 2_000.0


class Quality(IntEnum):
    """Class of a quality byte (`byte & CLASS_MASK`)."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    STALE = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class QualityMark(IntFlag):
    """Marks above the class bits."""

    NONE = 0
    SUSPECT = 4
    """it does not go with its neighbours, its own past or its sender's messages"""
    WITHHELD = 8
    """a person said that nothing may be decided by it"""
    TIME_UNCERTAIN = 16
    HAND_SET = 32
    IN_MAINTENANCE = 64
    HISTORICAL = 128


WORDS: Final = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD}


def stale_after_ms(expected_period_ms: float) -> float:
    """Age from which a value is stale: twice its expected period, at least two seconds."""
    return max(STALE_PERIODS * expected_period_ms, STALE_LEAST_MS)


def stale_ages_ms(expected_period_ms: Floats) -> Floats:
    """`stale_after_ms` of many periods at once."""
    return np.maximum(STALE_PERIODS * expected_period_ms, STALE_LEAST_MS)


def silent_after_ms(heartbeat_ms: float) -> float:
    """Silence after which a source or link that promised a beat is dead or lost."""
    return 1.5 * heartbeat_ms + 1_000.0


def unannounced_silences_ms(learned_period_ms: Floats) -> Floats:
    """Silence after which sources without announcements are dead, by their learned periods."""
    return np.maximum(3.0 * learned_period_ms, 10_000.0)
