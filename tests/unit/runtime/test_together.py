"""Two kinds of values of a neighbourhood, from the store of a project alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.breathing_town import LAG_H, BreathingTown

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.runtime.together import together
from lamplighter.store import Store


@pytest.fixture
def town(tmp_path: Path) -> BreathingTown:
    made = BreathingTown(tmp_path / "town", SystemClock(), each=2, days=40)
    made.write()
    return made


def test_air_follows_traffic_and_too_short_a_span_says_nothing(town: BreathingTown) -> None:
    store = Store.open(town.folder, write=False, clock=SystemClock())
    traffic, air = (4, 5), (6, 7)
    begin = town.end_ms - 39 * 86_400_000
    plain = wire.GetTogether(traffic, air, begin, town.end_ms, without_course=False)
    found = together(store, plain)
    rest = together(store, wire.GetTogether(traffic, air, begin, town.end_ms))
    short = together(store, wire.GetTogether(traffic, air, town.end_ms - 7_200_000, town.end_ms))
    none = together(store, wire.GetTogether(traffic, (99,), begin, town.end_ms))
    store.close()

    for one in (found, rest):
        assert int(one.lag_h[one.at]) == LAG_H
        assert one.low[one.at] > 0.2
        assert one.worth[one.at] <= one.hours[one.at]
        assert one.first.size == one.second.size == one.time_ms.size > 800
        assert np.isfinite(one.first).all() and np.isfinite(one.second).all()
    assert (found.used_first, found.used_second) == (2, 2)
    np.testing.assert_allclose(found.first, found.raw_first)
    assert short.at == -1 and "hours with values of both" in short.why
    assert none.used_second == 0 and none.at == -1
