"""Lagged correlation: the right lag, honest intervals for alike neighbours, silence otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.analytics.association import lagged, moved, without_course, worth_of


def red(seed: int, n: int = 800, alike: float = 0.9) -> np.ndarray:
    """Noise whose neighbouring hours are alike."""
    rng = np.random.default_rng(seed)
    found = np.zeros(n)
    for t in range(1, n):
        found[t] = alike * found[t - 1] + rng.normal()
    return found


@pytest.mark.parametrize("lag", [-5, 0, 3])
def test_the_lag_at_which_one_follows_the_other_is_found_through_holes(lag: int) -> None:
    first = red(1, alike=0.6)
    second = moved(first, -lag) + 0.3 * np.random.default_rng(2).normal(size=800)
    first[100:130] = np.nan
    second[500:520] = np.nan
    found = lagged(first, second, 12)
    at = found.strongest()
    assert at is not None
    assert int(found.lag_h[at]) == lag
    assert found.low[at] > 0.8


def test_alike_neighbours_are_worth_fewer_hours_than_they_count() -> None:
    noise = np.random.default_rng(3).normal(size=(2, 800))
    assert worth_of(noise[0], noise[1]) > 500
    assert worth_of(red(4), red(5)) < 300


def test_what_has_nothing_to_do_with_each_other_is_seldom_called_related() -> None:
    """Plain intervals for n hours would call half of these pairs related."""
    wrong = 0
    for seed in range(40):
        found = lagged(red(2 * seed, 500), red(2 * seed + 1, 500), 12)
        at = found.strongest()
        assert at is not None
        wrong += bool(found.low[at] > 0 or found.high[at] < 0)
    assert wrong <= 6


def test_a_shared_daily_course_alone_is_no_relation_once_it_is_taken_away() -> None:
    hours = np.arange(24 * 40)
    course = 10 * np.sin(2 * np.pi * hours / 24)
    rng = np.random.default_rng(6)
    a, b = course + rng.normal(size=hours.size), 3 * course + rng.normal(size=hours.size)
    raw = lagged(a, b, 3)
    assert raw.r[3] > 0.9
    rest = lagged(without_course(a, 0), without_course(b, 0), 3)
    assert abs(rest.r[3]) < 0.15
    assert rest.low[3] < 0 < rest.high[3]


def test_too_few_hours_or_no_change_say_nothing() -> None:
    assert lagged(red(1, 30), red(2, 30), 2).strongest() is None
    assert lagged(np.ones(500), red(2, 500), 2).strongest() is None


def test_order_of_the_two_only_turns_the_lags_around() -> None:
    a, b = red(7), red(8)
    there, back = lagged(a, b, 6), lagged(b, a, 6)
    np.testing.assert_allclose(there.r, back.r[::-1], atol=1e-12)
