"""One rule says when a value is no longer live."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import Committed, MessageRecord, PointColumns, SourceLife
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.twin import (
    StreamTable,
    TwinState,
    empty,
    live_counts,
    shown_quality,
    stale,
    step,
    stream_table,
    trust,
)

START = 1_000_000


def _table() -> StreamTable:
    streams = [Datastream(0, "pump", "P-1", kind="pressure"), Datastream(1, "pump", "P-2")]
    return stream_table(streams, {"pump": 0}, {("pressure", ""): (0.0, 10.0)})


def _heard(
    period: int = 1_000, count: int = 10, value: float = 3.0, quality: int = 0, moving: bool = True
) -> TwinState:
    """Datastreams 0 and 1 of source 0, heard `count` times, the last time at START."""
    state = empty(2, 1)
    for n in range(count):
        time = START - (count - 1 - n) * period
        points = PointColumns(
            np.array([0, 1], np.int32),
            np.array([time, time], np.int64),
            np.array([value + (0.01 * n if moving else 0.0)] * 2),
            np.array([quality] * 2, np.uint8),
            np.zeros(2, np.int32),
            np.arange(2, dtype=np.int32),
        )
        message = MessageRecord(0, 1, n, 0, time, 2)
        state = step(state, Committed(n + 1, time, points, (message,), (), ()))
    return state


SOURCE = np.zeros(2, np.int32)


def _stale(state: TwinState, now: int, life: SourceLife | None = None) -> bool:
    lives = {} if life is None else {0: life}
    mask = stale(state, now, lives, SOURCE)
    assert mask[0] == mask[1]
    return bool(mask[0])


@pytest.mark.parametrize(("period", "limit"), [(200, 2_000), (1_000, 2_000), (5_000, 10_000)])
def test_a_value_is_live_up_to_twice_its_period_and_at_least_two_seconds(
    period: int, limit: int
) -> None:
    state = _heard(period)
    assert not _stale(state, START + limit)
    assert _stale(state, START + limit + 1)


def test_a_goodbye_makes_values_stale_two_seconds_later() -> None:
    life = SourceLife(0, 1, heartbeat_s=30, offline=True, heard_ms=START)
    state = _heard(60_000)
    assert not _stale(state, START + 1_999, life)
    assert _stale(state, START + 2_000, life)


def test_an_announced_source_is_judged_by_its_heartbeat() -> None:
    life = SourceLife(0, 1, heartbeat_s=4, heard_ms=START)
    state = _heard(60_000)
    assert not _stale(state, START + 7_000, life)
    assert _stale(state, START + 7_001, life)


def test_an_unannounced_source_is_judged_by_what_was_learned() -> None:
    state = _heard(1_000)
    slow = _heard(20_000)
    table = np.array([3_600_000.0, 3_600_000.0])
    lives: dict[int, SourceLife] = {}
    few = _heard(1_000, count=2)  # too few intervals to have learned the datastream's period
    assert not stale(few, START + 10_000, lives, SOURCE, table).any()
    assert stale(few, START + 10_001, lives, SOURCE, table).all()
    assert _stale(state, START + 10_001)
    assert not _stale(slow, START + 40_000)
    assert _stale(slow, START + 60_001)


def test_what_was_never_heard_is_not_live() -> None:
    mask = stale(empty(3, 1), START, {}, np.zeros(3, np.int32))
    assert mask.all()
    assert live_counts(empty(3, 1), mask) == (0, 0)


def test_live_and_stale_are_counted() -> None:
    state = _heard()
    assert live_counts(state, stale(state, START, {}, SOURCE)) == (2, 0)
    assert live_counts(state, stale(state, START + 5_000, {}, SOURCE)) == (0, 2)


def test_the_shown_quality_says_stale_and_keeps_the_marks() -> None:
    state = _heard(quality=int(Quality.UNCERTAIN) | int(QualityMark.HAND_SET))
    shown = shown_quality(state, np.array([True, False]))
    assert shown[0] & CLASS_MASK == Quality.STALE and shown[0] & QualityMark.HAND_SET
    assert shown[1] == state.quality[1]


def _trust(state: TwinState, now: int = START) -> np.ndarray:
    return trust(state, now, stale(state, now, {}, SOURCE), _table())


def test_a_fresh_good_value_is_fully_trusted() -> None:
    assert _trust(_heard()).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("quality", "expected"),
    [
        (Quality.UNCERTAIN, 0.5),
        (Quality.BAD, 0.0),
        (Quality.GOOD | QualityMark.TIME_UNCERTAIN, 0.8),
    ],
)
def test_quality_and_provenance_lower_trust(quality: int, expected: float) -> None:
    assert _trust(_heard(quality=int(quality)))[0] == pytest.approx(expected)


def test_trust_falls_with_age_to_nothing() -> None:
    state = _heard()
    values = [float(_trust(state, START + age)[0]) for age in (0, 2_001, 6_000, 20_000)]
    assert values == sorted(values, reverse=True)
    assert values[1] <= 0.5 and values[3] == 0.0


def test_an_implausible_value_is_hardly_trusted_where_a_range_is_known() -> None:
    known, unknown = _trust(_heard(value=50.0))
    assert known == pytest.approx(0.1) and unknown == 1.0


def test_a_value_that_stopped_moving_is_less_trusted_and_one_that_never_moved_is_not() -> None:
    constant = _heard(count=300, moving=False)
    assert _trust(constant)[0] == 1.0
    moving = _heard(count=300)
    stuck = moving
    for n in range(130):
        time = START + (n + 1) * 1_000
        points = PointColumns(
            np.array([0], np.int32),
            np.array([time], np.int64),
            np.array([5.0]),
            np.zeros(1, np.uint8),
            np.zeros(1, np.int32),
            np.zeros(1, np.int32),
        )
        message = MessageRecord(0, 1, 400 + n, 0, time, 1)
        stuck = step(stuck, Committed(400 + n, time, points, (message,), (), ()))
    assert _trust(stuck, START + 130_000)[0] == pytest.approx(0.4)


def test_a_source_that_says_how_often_it_sends_is_given_that_long() -> None:
    state = _heard(count=1)
    slow = SourceLife(0, 1, heartbeat_s=5, heard_ms=START + 60_000, period_s=60.0)
    assert _stale(state, START + 60_000)
    assert not _stale(state, START + 60_000, slow)
    assert _stale(state, START + 121_000, slow)


def test_a_value_sent_only_when_it_changes_is_live_as_long_as_its_source() -> None:
    state, now = _heard(), START + 3_600_000
    life = SourceLife(0, 1, heartbeat_s=5, heard_ms=now - 1_000, on_change=True)
    assert not _stale(state, now, life)
    fresh = trust(state, now, np.zeros(2, np.bool_), _table(), {0: life})
    assert fresh[0] > 0.9
    assert _stale(state, now + 30_000, life)


def test_a_value_its_source_calls_stale_is_stale_at_once() -> None:
    said = SourceLife(0, 1, heartbeat_s=5, heard_ms=START, on_change=True)
    assert not _stale(_heard(), START + 1_000, said)
    assert _stale(_heard(quality=int(Quality.STALE)), START + 1_000, said)
