"""The fold keeps the newest value of each datastream, whatever order facts arrive in."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.domain.observation import Committed, MessageRecord, PointColumns
from lamplighter.twin import TwinState, empty, newest_values, restored, step


def committed(
    number: int, rows: list[tuple[int, int, float]], received_ms: int = 0, source: int = 0
) -> Committed:
    count = len(rows)
    points = PointColumns(
        np.array([r[0] for r in rows], np.int32),
        np.array([r[1] for r in rows], np.int64),
        np.array([r[2] for r in rows], np.float64),
        np.zeros(count, np.uint8),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int32),
    )
    message = MessageRecord(source, 7, number, 0, received_ms or number * 1000, count)
    return Committed(number, number * 1000, points, (message,), (), ())


def _fold(batches: list[Committed], state: TwinState | None = None) -> TwinState:
    state = state or empty()
    for batch in batches:
        state = step(state, batch)
    return state


def _same(a: TwinState, b: TwinState) -> bool:
    return all(
        np.array_equal(getattr(a, f.name), getattr(b, f.name), equal_nan=True)
        if isinstance(getattr(a, f.name), np.ndarray)
        else getattr(a, f.name) == getattr(b, f.name)
        for f in fields(TwinState)
    )


def test_a_late_value_never_replaces_a_newer_one() -> None:
    state = _fold([committed(1, [(0, 5_000, 1.0)]), committed(2, [(0, 4_000, 9.0)])])
    assert (state.time_ms[0], state.value[0]) == (5_000, 1.0)


def test_the_last_of_several_points_at_the_same_moment_counts() -> None:
    state = _fold([committed(1, [(0, 5_000, 1.0), (0, 5_000, 2.0), (0, 4_000, 3.0)])])
    assert (state.time_ms[0], state.value[0]) == (5_000, 2.0)


def test_a_point_without_a_number_leaves_the_last_good_value_to_grow_old() -> None:
    state = _fold([committed(1, [(0, 5_000, 1.0)]), committed(2, [(0, 6_000, float("nan"))])])
    assert (state.time_ms[0], state.value[0], state.batch) == (5_000, 1.0, 2)


def test_a_step_changes_nothing_in_the_state_before() -> None:
    before = _fold([committed(1, [(0, 1_000, 1.0), (1, 1_000, 1.0)])])
    kept = _fold([committed(1, [(0, 1_000, 1.0), (1, 1_000, 1.0)])])
    step(before, committed(2, [(0, 2_000, 5.0), (3, 2_000, 5.0)]))
    assert _same(before, kept)


@pytest.mark.parametrize("period", [100, 1_000, 60_000])
def test_the_period_is_learned_from_the_intervals(period: int) -> None:
    state = _fold([committed(n, [(0, n * period, 1.0 * n)]) for n in range(1, 12)])
    assert state.period_ms[0] == pytest.approx(period)
    assert state.intervals[0] == 10


def test_outages_now_and_then_teach_nothing() -> None:
    state, at, number = empty(), 0, 0
    for _ in range(12):
        for wait in (*[1_000] * 9, 60_000):
            at, number = at + wait, number + 1
            state = step(state, committed(number, [(0, at, 1.0)]))
    assert state.period_ms[0] == pytest.approx(1_000)


def test_a_lasting_change_of_pace_is_learned() -> None:
    steps = [1_000] * 30 + [5_000] * 40
    state = _fold([committed(n, [(0, sum(steps[:n]), 1.0)]) for n in range(1, len(steps) + 1)])
    assert state.period_ms[0] == pytest.approx(5_000, rel=0.1)


def test_a_pace_of_short_and_long_steps_settles_above_the_short_ones() -> None:
    steps = [1_000, 1_000, 1_000, 1_000, 1_000, 1_000] + [1_000, 10_000] * 40
    state = _fold([committed(n, [(0, sum(steps[:n]), 1.0)]) for n in range(1, len(steps) + 1)])
    assert 2 * state.period_ms[0] > 4_000


def test_unchanged_values_are_counted_within_and_across_batches() -> None:
    state = _fold(
        [
            committed(1, [(0, 1_000, 1.0), (0, 2_000, 2.0), (0, 3_000, 2.0)]),
            committed(2, [(0, 4_000, 2.0)]),
        ]
    )
    assert (state.same_since_ms[0], state.same_count[0]) == (2_000, 3)


point = st.tuples(
    st.integers(0, 3), st.integers(1, 30).map(lambda s: s * 1000), st.integers(0, 5).map(float)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(point, max_size=8), max_size=8))
def test_the_fold_agrees_with_a_plain_loop(batches: list[list[tuple[int, int, float]]]) -> None:
    state = _fold([committed(n + 1, rows) for n, rows in enumerate(batches)])
    expected: dict[int, tuple[int, float]] = {}
    for rows in batches:
        for stream, time, value in rows:
            if time >= expected.get(stream, (0, 0.0))[0]:
                expected[stream] = (time, value)
    for stream, (time, value) in expected.items():
        assert (state.time_ms[stream], state.value[stream]) == (time, value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(point, max_size=8), min_size=1, max_size=8))
def test_newest_values_do_not_depend_on_how_points_were_batched(
    batches: list[list[tuple[int, int, float]]],
) -> None:
    rows = [row for batch in batches for row in batch]
    one = _fold([committed(1, rows)])
    many = _fold([committed(n + 1, rows) for n, rows in enumerate(batches)])
    assert np.array_equal(one.time_ms, many.time_ms)
    assert np.array_equal(one.value, many.value, equal_nan=True)


def test_a_restored_state_keeps_its_batch_and_goes_on_like_the_old_one() -> None:
    before = _fold([committed(n, [(0, n * 1_000, 1.0 * n)]) for n in range(1, 6)])
    again = restored(newest_values(before), datastreams=3, sources=2)
    assert (again.batch, again.wall_ms, again.datastreams, again.sources) == (5, 5_000, 3, 2)
    late = committed(6, [(0, 4_500, 9.0), (2, 6_000, 7.0)])
    for state in (step(before, late), step(again, late)):
        assert (state.time_ms[0], state.value[0], state.value[2]) == (5_000, 5.0, 7.0)


def test_the_newest_values_have_the_length_asked_for() -> None:
    state = _fold([committed(1, [(1, 1_000, 4.0)])])
    values = newest_values(state, expected=np.array([1.0]), count=5)
    assert len(values) == 5
    assert np.array_equal(values.time_ms, [0, 1_000, 0, 0, 0])
    assert values.expected[0] == 1.0 and np.isnan(values.expected[1:]).all()
    assert (values.trust == 1.0).all()
