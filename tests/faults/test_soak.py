"""The judge of the long run finds what it is there for."""

from __future__ import annotations

import pytest
from tests.faults.part_soak import Handles, Memory

pytestmark = pytest.mark.faults


def test_a_planted_leak_is_found_and_a_warm_up_is_none() -> None:
    warm = [100.0 + 40.0 * min(second / 60, 1.0) for second in range(600)]
    leak = [value + 0.02 * second for second, value in enumerate(warm)]

    assert Memory(recorder=warm).growth("recorder") == pytest.approx(0.0)
    assert Memory(recorder=leak).growth("recorder") > 5.0


def test_a_file_left_open_every_minute_is_found_and_one_opened_for_a_moment_is_not() -> None:
    left = [40 + second // 60 for second in range(600)]
    moments = [40 + (3 if second % 50 == 0 else 0) for second in range(600)]

    assert Handles.growth(left) > 2
    assert Handles.growth(moments) == 0
