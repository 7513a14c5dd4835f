"""The scoring rules against cases small enough to reckon by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamplighter.analytics.anomaly import judging

N, Y = False, True


def test_rates_pool_rows_of_all_files() -> None:
    r = judging.rates(
        [np.array([Y, Y, N]), np.array([N, N, Y])], [np.array([Y, N, N]), np.array([Y, N, Y])]
    )
    assert (r.f1, r.far, r.mar) == pytest.approx((4 / 6, 1 / 3, 1 / 3))
    always = judging.rates([np.array([Y, N, N])], [np.array([Y, Y, Y])])
    assert (always.f1, always.far, always.mar) == pytest.approx((0.5, 1.0, 0.0))


def test_a_change_point_earns_most_at_once_and_strays_cost() -> None:
    at = np.arange(300.0)
    true = at == 100
    perfect = judging.change_points([at], [true], [at == 100])
    assert perfect == pytest.approx({"standard": 100.0, "low_fp": 100.0, "low_fn": 100.0})
    silent = judging.change_points([at], [true], [at < 0])
    assert silent == pytest.approx({"standard": 0.0, "low_fp": 0.0, "low_fn": 0.0})
    middle = judging.change_points([at], [true], [at == 130])
    assert middle["standard"] == pytest.approx(100 * (0.445 + 1) / 2)
    stray = judging.change_points([at], [true], [(at == 100) | (at == 200)])
    assert stray["standard"] == pytest.approx(100 * (2 - 0.11) / 2)
    assert stray["low_fp"] == pytest.approx(100 * (2 - 0.22) / 2)
    assert stray["low_fn"] == pytest.approx(100 * (3 - 0.11) / 3)
    late = judging.change_points([at], [true], [at == 161])
    assert late["standard"] == pytest.approx(100 * -0.11 / 2)


def test_windows_that_overlap_are_cut_from_the_later_one() -> None:
    at = np.arange(300.0)
    both = judging.change_points([at], [(at == 100) | (at == 140)], [at == 150])
    assert both["standard"] < 100 * (2 + 0.445) / 4  # first at 50 of 60 s, second missed


def sig(x: float) -> float:
    return 2 / (1 + math.exp(5 * x)) - 1


def test_a_stream_counts_the_first_alarm_in_a_window_and_strays_by_distance() -> None:
    windows = [(500, 599)]
    top = sig(-1.0)

    def score(alarms: list[int]) -> float:
        return judging.streams([(1_000, windows, np.array(alarms, np.int64))])["standard"]

    assert score([500]) == pytest.approx(100.0)
    assert score([]) == pytest.approx(0.0)
    assert score([549, 560, 570]) == pytest.approx(100 * (1 + sig(-0.51) / top) / 2)
    assert score([100]) == pytest.approx(0.0)  # in the probation of 150 rows
    assert score([200]) == pytest.approx(100 * -0.11 / 2)
    assert score([500, 650]) == pytest.approx(100 * (2 + 0.11 * sig(51 / 99)) / 2)
    assert score([500, 950]) == pytest.approx(100 * (2 - 0.11) / 2)
    assert judging.probation(1_000) == 150
    assert judging.probation(20_000) == 750


def test_attacks_are_scored_by_time_to_detection_and_by_hours() -> None:
    true = np.zeros(100, np.bool_)
    true[10:20] = true[50:60] = True
    always = judging.attacks(true, np.ones(100, np.bool_))
    never = judging.attacks(true, np.zeros(100, np.bool_))
    assert (always.s, always.tnr, always.attacks_found) == (0.75, 0.0, 2)
    assert (never.s, never.tnr, never.attacks_found) == (0.25, 1.0, 0)
    late = true.copy()
    late[10:15] = False
    found = judging.attacks(true, late)
    assert found.s_ttd == pytest.approx(0.75)
    assert found.s_clf == pytest.approx((0.75 + 1.0) / 2)
    assert found.s == pytest.approx((0.75 + 0.875) / 2)
