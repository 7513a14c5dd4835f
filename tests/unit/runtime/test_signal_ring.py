"""The ring keeps one value each five minutes of what was good then, and nothing of the rest."""

from __future__ import annotations

import numpy as np

from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.runtime.signal_ring import ROWS, STEP_MS, SignalRing

NOW = 1_795_305_600_000


def values(*numbers: float, at: int = NOW, quality: int = 0) -> NewestValues:
    made = blank(len(numbers))
    made.value[:] = numbers
    made.time_ms[:] = at
    made.quality[:] = quality
    return made


def fit(count: int) -> np.ndarray:
    return np.zeros(count, np.bool_)


def test_a_slot_is_closed_once_and_a_value_counts_once() -> None:
    ring = SignalRing()
    assert ring.take(values(1.0), fit(1), NOW)
    assert not ring.take(values(2.0, at=NOW + 1), fit(1), NOW + 1)
    assert ring.take(values(1.0), fit(1), NOW + STEP_MS)

    assert ring.values[-2, 0] == 1.0
    assert np.isnan(ring.values[-1, 0])
    assert ring.time_ms[-1] == NOW + STEP_MS


def test_missed_slots_stay_unknown_and_new_datastreams_find_room() -> None:
    ring = SignalRing()
    ring.take(values(1.0), fit(1), NOW)
    ring.take(values(3.0, 4.0, at=NOW + 5 * STEP_MS), fit(2), NOW + 5 * STEP_MS)

    assert ring.values.shape == (ROWS, 2)
    assert np.isnan(ring.values[-5:-1]).all()
    assert ring.values[-1].tolist() == [3.0, 4.0]
    assert ring.values[-6, 0] == 1.0


def test_what_is_not_good_is_not_known() -> None:
    ring = SignalRing()
    for n, quality in enumerate(
        (Quality.UNCERTAIN, Quality.BAD, QualityMark.HAND_SET, QualityMark.IN_MAINTENANCE)
    ):
        at = NOW + n * STEP_MS
        ring.take(values(1.0, at=at, quality=int(quality)), fit(1), at)
    at = NOW + 9 * STEP_MS
    ring.take(values(1.0, at=at), np.ones(1, np.bool_), at)

    assert np.isnan(ring.values).all()


def test_the_past_is_laid_under_what_was_seen_meanwhile() -> None:
    ring = SignalRing()
    ring.take(values(7.0), fit(1), NOW)
    slot = ring.slot - 1
    past = np.full((ROWS, 2), 5.0, np.float32)
    ring.adopt(past, slot)

    assert ring.values[-1, 0] == 7.0
    assert ring.values[-2].tolist() == [5.0, 5.0]
