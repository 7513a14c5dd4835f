"""A rule over the past gives what the live engine would have given, and only that is read which
could matter.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.alarms.backtest import (
    NEVER,
    Firings,
    is_plain,
    judge_outcome,
    replay,
    thresholds,
    walk,
    windows,
)
from lamplighter.domain.alarm import AlarmRule, Condition, Term
from lamplighter.domain.observation import PointColumns
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.store import cells

START = 1_795_305_600_000
PLAIN = [Condition.ABOVE, Condition.BELOW, Condition.EQUALS]
QUALITIES = [
    int(Quality.GOOD),
    int(Quality.GOOD),
    int(Quality.GOOD),
    int(Quality.UNCERTAIN),
    int(Quality.BAD),
    int(Quality.STALE),
    int(Quality.GOOD) | int(QualityMark.HAND_SET),
    int(Quality.GOOD) | int(QualityMark.HISTORICAL),
]


def rule(condition: Condition = Condition.ABOVE, **more: object) -> AlarmRule:
    made = AlarmRule("r", 0, "A", condition, 5.0, 2, "text")
    return msgspec.structs.replace(made, **more)


points = st.lists(
    st.tuples(
        st.integers(0, 4_000),
        st.sampled_from([float(v) for v in range(10)] + [4.5, 5.5, float("nan")]),
        st.sampled_from(QUALITIES),
    ),
    min_size=1,
    max_size=60,
)
rules = st.builds(
    rule,
    st.sampled_from(PLAIN),
    deadband=st.sampled_from([0.0, 0.5, 2.0]),
    on_delay_ms=st.sampled_from([0, 1, 700, 1_500]),
    off_delay_ms=st.sampled_from([0, 1, 600, 2_000]),
)


def columns(rows: list[tuple[int, float, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ordered = sorted(rows, key=lambda row: row[0])
    time = np.array([START + r[0] for r in ordered], np.int64)
    return time, np.array([r[1] for r in ordered]), np.array([r[2] for r in ordered], np.uint8)


def pairs(found: Firings) -> list[tuple[int, int]]:
    return list(zip(found.raised_ms.tolist(), found.cleared_ms.tolist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(rules, points)
def test_whole_columns_give_what_the_live_engine_gives_moment_by_moment(
    one: AlarmRule, rows: list[tuple[int, float, int]]
) -> None:
    column = columns(rows)

    assert pairs(replay(one, *column)) == pairs(walk([one], "r@A", {0: column}))


@settings(max_examples=300, deadline=None)
@given(rules, points, st.sampled_from([100, 400, 1_600]))
def test_what_the_cells_rule_out_could_not_have_fired(
    one: AlarmRule, rows: list[tuple[int, float, int]], step: int
) -> None:
    """Reading only the windows gives the same as reading everything."""
    time, value, quality = columns(rows)
    last = np.append(time[1:] != time[:-1], True)
    time, value, quality = time[last], value[last], quality[last]
    nothing = np.zeros(len(time), np.int32)
    every = PointColumns(nothing, time, value, quality, nothing, nothing)
    made = cells.merge(cells.of_points(every), step)

    found = windows(one, made.low, made.high, made.worst, made.first_ms, made.last_ms)

    inside = np.zeros(len(time), bool)
    for low, high in found:
        inside |= (time >= low) & (time <= high)
    part = replay(one, time[inside], value[inside], quality[inside])
    assert pairs(part) == pairs(replay(one, time, value, quality))


def test_windows_leave_quiet_stretches_out() -> None:
    low, high = np.array([1.0, 1.0, 6.0, 1.0, 1.0]), np.array([2.0, 2.0, 7.0, 2.0, 2.0])
    first = np.arange(5) * 100
    found = windows(rule(), low, high, np.zeros(5, np.uint8), first, first + 99)

    assert found == [(200, 399)]


def test_a_combined_rule_is_walked_by_the_engine_itself() -> None:
    both = rule(terms=(Term(datastream=1, condition=Condition.BELOW, threshold=2.0),))
    first = (np.array([10, 20, 30]), np.array([9.0, 9.0, 9.0]), np.zeros(3, np.uint8))
    second = (np.array([10, 20, 30]), np.array([5.0, 1.0, 5.0]), np.zeros(3, np.uint8))

    assert not is_plain(both)
    assert pairs(walk([both], "r@A", {0: first, 1: second})) == [(20, 30)]


def test_failures_are_caught_within_the_horizon_and_leads_are_counted_from_the_first() -> None:
    hour = 3_600_000
    fired = Firings(
        np.array([START, START + 5 * hour, START + 200 * hour]),
        np.array([START + hour, START + 6 * hour, NEVER]),
    )
    failures = {"A": [START + 10 * hour, START + 150 * hour, START + 210 * hour, START - 1]}

    found = judge_outcome({"A": fired}, failures, (START, START + 300 * hour), 24 * hour)

    assert (found.fired, found.caught, found.repairs) == (3, 2, 3)
    assert found.lead_time_median_min == pytest.approx(600.0)
    assert found.standing_h == pytest.approx(102.0)


def test_an_alarm_raised_three_times_in_a_minute_chatters() -> None:
    fast = Firings(np.array([0, 20_000, 40_000]), np.array([1, 20_001, 40_001]))
    slow = Firings(np.array([0, 40_000, 80_000]), np.array([1, 40_001, 80_001]))

    found = judge_outcome({"A": fast, "B": slow}, {}, (0, 10**9))

    assert (found.chattering, found.worst_day) == (1, 6)


def test_thresholds_to_try_hold_the_rules_own() -> None:
    found = thresholds(rule(), [0.0, 2.0], [8.0, 10.0])

    assert 5.0 in found and found[0] == 0.0 and found[-1] == 10.0 and len(found) <= 22
    assert thresholds(rule(), [], []) == [5.0]
