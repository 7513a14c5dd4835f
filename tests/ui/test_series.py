"""Charts get few cells, keep every spike and never bridge a gap."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.domain import wire
from lamplighter.ui.series import Trace, envelope


@given(st.integers(1, 30_000), st.integers(0, 29_999), st.integers(50, 400))
def test_a_spike_survives_any_reduction(count: int, at: int, cells: int) -> None:
    time = np.arange(count, dtype=np.int64) * 1000
    value = np.zeros(count)
    value[at % count] = 99.0
    t, _, high = envelope(time, value, value, 0, count * 1000, cells, 2500)
    assert np.nanmax(high) == 99.0
    assert len(t) <= 2 * cells + 2


def test_no_line_crosses_a_hole() -> None:
    time = np.array([0, 1000, 2000, 60_000, 61_000], dtype=np.int64)
    value = np.ones(5)
    t, low, _ = envelope(time, value, value, 0, 62_000, 100, 2500)
    assert np.isnan(low).sum() == 1
    assert 2.0 < t[np.isnan(low)][0] < 60.0


def test_history_and_live_edge_join_without_doubles() -> None:
    trace = Trace()
    assert trace.add(5_000, 5.0, 0)
    assert trace.add(6_000, 6.0, 2)
    past = np.array([1000, 2000, 5000], dtype=np.int64)
    value = past / 1000.0
    nothing = np.zeros(3, np.uint8)
    series = wire.Series(0, past, value, nothing, value, value, False, ((3000, 4000),))
    trace.take_history(series)
    assert trace.time_ms.tolist() == [1000, 2000, 5000, 6000]
    assert np.isnan(trace.value[-1])  # a bad value is never drawn as if it were good
    assert not trace.add(6_000, 1.0, 0)
    assert trace.gaps == ((3000, 4000),)
