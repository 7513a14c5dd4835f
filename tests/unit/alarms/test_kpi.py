"""The figures of a period on journals small enough to reckon by hand."""

from __future__ import annotations

import pytest

from lamplighter.alarms.kpi import kpis
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState

S = AlarmState
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def _event(
    at: int, word: str, before: AlarmState, after: AlarmState, key: str = "r@A", priority: int = 3
) -> AlarmEvent:
    rule, asset = key.split("@")
    record = AlarmRecord(rule, asset, 0, after, priority, "text", word != "cleared", at, at)
    return AlarmEvent(rule, asset, 1, at, word, before, after, record)


def _raised(at: int, key: str = "r@A", priority: int = 3) -> AlarmEvent:
    return _event(at, "raised", S.NORM, S.UNACK, key, priority)


def test_rates_are_alarms_over_the_length_of_the_period() -> None:
    found = kpis([_raised(n * HOUR, f"r{n}@A") for n in range(12)], 0, DAY)
    assert (found.alarms, found.per_day, found.per_hour) == (12, 12.0, 0.5)
    assert found.per_10_min == pytest.approx(12 / 144)


def test_what_lies_outside_the_period_does_not_count() -> None:
    events = [_raised(-1), _raised(0, "b@A"), _raised(HOUR, "c@A")]
    assert kpis(events, 0, HOUR).alarms == 1


def test_a_flood_lasts_from_its_first_slice_above_ten_to_before_the_next_below_five() -> None:
    counts = [3, 11, 6, 5, 4, 12, 0, 20]  # alarms in each ten minutes
    events = [
        _raised(n * 10 * MINUTE + i * 1000, f"r{n}-{i}@A")
        for n, count in enumerate(counts)
        for i in range(count)
    ]
    found = kpis(events, 0, 80 * MINUTE)
    assert found.flood_share == pytest.approx(5 / 8)
    assert found.over_10_share == pytest.approx(3 / 8)
    assert (found.peak_10_min, found.peak_from_ms) == (20, 70 * MINUTE)


def test_the_ten_most_frequent_and_the_chattering() -> None:
    events = [_raised(n * 20_000, "often@A") for n in range(30)]
    events += [_raised(n * 31_000, f"r{n}@A") for n in range(20)]
    found = kpis(sorted(events, key=lambda e: e.time_ms), 0, DAY)
    assert found.top_10[0] == ("often@A", 30)
    assert found.top_10_share == pytest.approx(39 / 50)
    assert found.chattering == ("often@A",)


def test_what_comes_and_goes_within_seconds_three_times_is_fleeting() -> None:
    events: list[AlarmEvent] = []
    for n in range(3):
        for key, after in (("quick@A", 10_000), ("slow@A", 10_001)):
            events += [_raised(n * HOUR, key)]
            cleared = _event(n * HOUR + after, "cleared", S.UNACK, S.RTN_UNACK, key)
            events += [cleared, _event(n * HOUR + 20_000, "acked", S.RTN_UNACK, S.NORM, key)]
    events.sort(key=lambda e: e.time_ms)
    assert kpis(events, 0, DAY).fleeting == ("quick@A",)
    assert kpis(events, HOUR, DAY).fleeting == ()


def test_an_alarm_is_stale_when_its_condition_held_for_more_than_a_day() -> None:
    events = [
        _raised(0, "long@A"), _raised(0, "short@A"), _raised(0, "before@A"),
        _event(DAY, "cleared", S.UNACK, S.RTN_UNACK, "short@A"),
        _event(DAY + 1, "cleared", S.UNACK, S.RTN_UNACK, "long@A"),
        _raised(2 * DAY, "still@A"),
        _event(2 * DAY, "cleared", S.UNACK, S.RTN_UNACK, "before@A"),
    ]  # fmt: skip
    assert kpis(events, 0, 3 * DAY).stale == ("before@A", "long@A")
    assert kpis(events, 0, 3 * DAY + 1).stale == ("before@A", "long@A", "still@A")
    assert kpis(events, 2 * DAY + 1, 3 * DAY).stale == ()


def test_the_time_to_acknowledge_is_until_the_next_acknowledgement_of_the_same_alarm() -> None:
    events: list[AlarmEvent] = []
    for n in range(20):
        events += [_raised(n * HOUR, f"r{n}@A")]
        events += [_event(n * HOUR + (n + 1) * 1000, "acked", S.UNACK, S.ACKED, f"r{n}@A")]
    events += [_raised(21 * HOUR), _event(21 * HOUR + 5, "cleared", S.UNACK, S.RTN_UNACK)]
    events += [_event(21 * HOUR + 9, "raised", S.RTN_UNACK, S.UNACK)]
    events += [_event(25 * HOUR, "acked", S.UNACK, S.ACKED)]
    found = kpis(events, 0, DAY)
    assert (found.acknowledged, found.unacknowledged) == (21, 1)
    assert (found.ack_median_s, found.ack_p95_s) == (11.0, 20.0)


def test_priorities_shelved_suppressed_and_what_was_never_annunciated() -> None:
    events = [
        _raised(1, "a@A", 1), _raised(2, "b@A", 3), _raised(3, "c@A", 4), _raised(4, "d@A", 4),
        _event(5, "shelved", S.UNACK, S.SHELVED, "a@A"),
        _event(6, "suppressed", S.NORM, S.SUPPRESSED, "e@A"),
        _event(7, "raised", S.SUPPRESSED, S.SUPPRESSED, "e@A"),
        _event(8, "unsuppressed", S.SUPPRESSED, S.UNACK, "e@A", 2),
    ]  # fmt: skip
    found = kpis(events, 0, HOUR)
    assert (found.alarms, found.shelved, found.suppressed) == (5, 1, 1)
    assert found.priorities == {"1": 0.2, "2": 0.2, "3": 0.2, "4": 0.4}


def test_nothing_happened_and_an_empty_period() -> None:
    found = kpis([], 0, DAY)
    assert (found.alarms, found.flood_share, found.ack_median_s) == (0, 0.0, None)
    with pytest.raises(ValueError, match="empty"):
        kpis([], 5, 5)
