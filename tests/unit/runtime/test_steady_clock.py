"""Time that does not jump with the machine's clock, unless the field agrees with it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kit.clocks import FakeClock

from lamplighter.runtime.steady_clock import ALONE_MS, ENOUGH, SteadyClock

HOUR = 3_600_000


def live(steady: SteadyClock, clock: FakeClock, true_ms: int, batches: int) -> int:
    """Batches of a field that tells the true time; what `look` moved time by in all."""
    moved = 0
    for n in range(batches):
        steady.hear(np.array([true_ms + 100 * n - 300], np.int64))
        clock.advance(100)
        moved += steady.look()
    return moved


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 24 * HOUR, -(2**40), 2**41])
def test_a_clock_set_wrong_is_not_followed(jump: int) -> None:
    clock = FakeClock()
    steady, true = SteadyClock(clock), clock.wall_ms()
    clock.jump(jump)
    assert steady.look() == 0
    assert live(steady, clock, true, 5 * ENOUGH) == 0
    assert steady.wall_ms() == true + 5 * ENOUGH * 100
    assert steady.apart_ms == jump


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, -(2**40)])
def test_a_clock_set_right_is_followed_once_the_field_has_told(wrong: int) -> None:
    clock = FakeClock()
    true = clock.wall_ms()
    clock.jump(wrong)
    steady = SteadyClock(clock)
    clock.jump(-wrong)
    assert steady.look() == 0
    assert live(steady, clock, true, ENOUGH + 1) == -wrong
    assert steady.apart_ms == 0


def test_there_and_back_is_no_jump() -> None:
    clock = FakeClock()
    steady, true = SteadyClock(clock), clock.wall_ms()
    clock.jump(HOUR)
    assert live(steady, clock, true, 3) == 0
    clock.jump(-HOUR)
    assert live(steady, clock, true + 300, 3) == 0
    assert steady.wall_ms() == clock.wall_ms()


def test_without_a_field_the_machine_is_believed_after_a_minute() -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)
    clock.jump(HOUR)
    moved = []
    for _ in range(ALONE_MS // 1_000 + 3):
        clock.advance(1_000)
        moved.append(steady.look())
    assert sum(moved) == HOUR
    assert moved[0] == 0
    assert steady.wall_ms() == clock.wall_ms()


def test_small_corrections_are_followed_as_they_come() -> None:
    clock = FakeClock()
    steady = SteadyClock(clock)
    for _ in range(50):
        clock.jump(400)
        assert steady.look() == 0
        assert steady.wall_ms() == clock.wall_ms()


def test_sleep_is_time_that_passed() -> None:
    clock = FakeClock()
    awake = {"ms": clock.monotonic_ms()}
    steady = SteadyClock(clock, lambda: awake["ms"])
    clock.jump(8 * HOUR)  # the wall went on, the monotonic clock stood still
    awake["ms"] += 8 * HOUR
    assert steady.look() == 0
    assert steady.wall_ms() == clock.wall_ms()
