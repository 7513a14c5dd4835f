from __future__ import annotations

import numpy as np

from lamplighter.runtime.live_samples import KEPT, STEP_MS, LiveSamples, Sample


def _second(at_ms: int, first: float, second: float, quality: int = 0) -> Sample:
    return (
        np.array([4, 9], np.int32),
        np.array([at_ms, at_ms - 5], np.int64),
        np.array([first, second]),
        np.array([0, quality], np.uint8),
    )


def test_the_newest_minutes_stay_as_they_were_and_older_ones_become_means_of_what_was_good() -> (
    None
):
    live = LiveSamples()
    bad = 2
    steps = STEP_MS // 1_000
    for second in range(3 * steps):
        quality = bad if second % 2 else 0
        live.take(
            second * 1_000, _second(second * 1_000, second, -1.0 if quality else 7.0, quality)
        )

    every = live.all()

    ids, times, values, quality = every[0]
    assert ids.tolist() == [4, 9]
    assert times.tolist() == [(steps - 1) * 1_000, (steps - 1) * 1_000 - 5]
    assert values.tolist() == [(steps - 1) / 2, 7.0]
    assert quality.tolist() == [0, 0]
    assert len(every) == 1 + 2 * steps
    assert every[-1][2][0] == 3 * steps - 1


def test_a_datastream_that_was_never_good_stays_bad() -> None:
    live = LiveSamples()
    for at in (0, 1_000, 3 * STEP_MS):
        live.take(at, _second(at, 1.0, float(at), 2))

    assert live.all()[0][3].tolist() == [0, 2]
    assert live.all()[0][2].tolist() == [1.0, 1_000.0]


def test_months_take_no_more_than_two_months_and_some_minutes() -> None:
    live = LiveSamples()
    for step in range(2 * KEPT):
        live.take(step * STEP_MS, _second(step * STEP_MS, 1.0, 2.0))

    assert len(live) == KEPT + 2


def test_of_many_datastreams_coarser_means_take_less() -> None:
    live = LiveSamples(6 * STEP_MS)
    for step in range(2 * KEPT):
        live.take(step * STEP_MS, _second(step * STEP_MS, 1.0, 2.0))

    assert len(live) == KEPT // 6 + 12
