"""What people do with alarms, what the clock does, and what changes of the city do."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.alarms import AlarmEngine, chattering, chatters, flood_since
from lamplighter.domain.alarm import AlarmEvent, AlarmRule, AlarmState, Condition
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError
from lamplighter.twin import DependencyGraph

GRAPH = DependencyGraph([], [])
HOUR = 3_600_000


def _rules(count: int = 2, **more: object) -> list[AlarmRule]:
    return [
        AlarmRule(f"r{i}", i, f"A{i}", Condition.ABOVE, 10.0, 2, "Too much", **more)  # type: ignore[arg-type]
        for i in range(count)
    ]


class _City:
    """An engine with a running batch number and clock."""

    def __init__(self, rules: list[AlarmRule] | None = None) -> None:
        self.engine = AlarmEngine(_rules() if rules is None else rules, GRAPH)
        self.now = 1_000_000
        self.batch = 0

    def tell(self, *values: float, after_ms: int = 1000) -> list[AlarmEvent]:
        self.now += after_ms
        self.batch += 1
        newest = blank(len(values))
        newest.time_ms[:], newest.value[:] = self.now, values
        return self.engine.step(self.batch, self.now, newest, np.zeros(len(values), np.bool_))

    def act(self, action: str, *keys: str, **more: object) -> list[AlarmEvent]:
        return self.engine.act(
            action, keys, actor="maria", batch=self.batch, now_ms=self.now, **more  # type: ignore[arg-type]
        )  # fmt: skip

    def state(self, key: str = "r0@A0") -> AlarmState:
        record = self.engine.record(key)
        return record.state if record else AlarmState.NORM


def test_an_acknowledgement_says_who_and_keeps_the_note() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    (event,) = city.act("ack", "r0@A0", note="crew is on the way")
    assert (event.actor, event.before, event.after) == ("maria", AlarmState.UNACK, AlarmState.ACKED)
    record = city.engine.record("r0@A0")
    assert record is not None
    assert (record.acked_by, record.note) == ("maria", "crew is on the way")


@pytest.mark.parametrize(("ahead_ms", "since"), [(7_200_000, 0), (60_000, 60_000)])
def test_an_alarm_does_not_begin_in_the_future_of_a_wrong_device_clock(
    ahead_ms: int, since: int
) -> None:
    city = _City()
    newest = blank(2)
    newest.time_ms[:], newest.value[:] = city.now + ahead_ms, (20.0, 0.0)
    (event,) = city.engine.step(1, city.now, newest, np.zeros(2, np.bool_))
    assert event.record.since_ms == city.now + since


def test_several_alarms_are_acknowledged_together_or_not_at_all() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    with pytest.raises(LamplighterError, match="U-806"):
        city.act("ack", "r0@A0", "r1@A1")
    assert city.state() is AlarmState.UNACK
    city.tell(20.0, 20.0)
    assert len(city.act("ack", "r0@A0", "r1@A1")) == 2


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("shelve", {"until_ms": 1_000_000 + HOUR}),
        ("shelve", {"reason": "known"}),
        ("shelve", {"reason": "known", "until_ms": 5}),
        ("shelve", {"reason": "known", "until_ms": 1_000_000 + 48 * HOUR}),
        ("disable", {}),
        ("suppress", {}),
        ("unshelve", {}),
        ("dance", {}),
    ],
)
def test_what_is_incomplete_or_impossible_is_refused_and_changes_nothing(
    action: str, more: dict[str, object]
) -> None:
    city = _City()
    city.tell(20.0, 0.0)
    with pytest.raises(LamplighterError, match="was not changed"):
        city.act(action, "r0@A0", **more)
    assert city.state() is AlarmState.UNACK


def test_an_unknown_alarm_is_refused() -> None:
    with pytest.raises(LamplighterError, match="no alarm called nothing@nowhere"):
        _City().act("ack", "nothing@nowhere")


def test_a_critical_alarm_is_never_suppressed() -> None:
    city = _City([AlarmRule("r0", 0, "A0", Condition.ABOVE, 10.0, 1, "Fire")])
    city.tell(20.0)
    with pytest.raises(LamplighterError, match="priority 1 is never suppressed"):
        city.act("suppress", "r0@A0", reason="test")


def test_shelving_ends_by_itself_and_shows_an_alarm_that_still_stands() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.act("shelve", "r0@A0", until_ms=city.now + 60_000, reason="known leak")
    assert city.tell(20.0, 0.0, after_ms=59_000) == []
    (event,) = city.tell(20.0, 0.0)
    assert (event.event, event.actor, event.after) == ("unshelved", "system", AlarmState.UNACK)


def test_an_alarm_that_returned_while_shelved_is_gone_when_the_time_is_over() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.act("shelve", "r0@A0", until_ms=city.now + 60_000, reason="known leak")
    (cleared,) = city.tell(0.0, 0.0)
    assert (cleared.event, cleared.after) == ("cleared", AlarmState.SHELVED)
    city.tell(0.0, 0.0, after_ms=60_000)
    assert city.state() is AlarmState.NORM


def test_shelving_survives_a_restart_and_still_ends() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.act("shelve", "r0@A0", until_ms=city.now + 60_000, reason="known leak")
    city.engine = AlarmEngine(_rules(), GRAPH, restored=city.engine.records())
    assert city.state() is AlarmState.SHELVED
    assert [e.event for e in city.tell(20.0, 0.0, after_ms=61_000)] == ["unshelved"]


def test_a_normal_alarm_can_be_taken_out_of_service_before_work_begins() -> None:
    city = _City()
    city.act("disable", "r0@A0", reason="pump is dismantled")
    city.tell(20.0, 0.0)
    assert city.state() is AlarmState.OUT_OF_SERVICE
    city.act("enable", "r0@A0")
    assert city.state() is AlarmState.UNACK


def test_a_new_occurrence_needs_a_new_acknowledgement() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.act("ack", "r0@A0")
    city.tell(0.0, 0.0)
    city.tell(20.0, 0.0)
    record = city.engine.record("r0@A0")
    assert record is not None and (record.state, record.acked_by) == (AlarmState.UNACK, "")


def test_a_latched_alarm_waits_for_its_reset() -> None:
    city = _City(_rules(1, latching=True))
    city.tell(20.0)
    city.tell(0.0)
    assert city.state() is AlarmState.LATCHED
    with pytest.raises(LamplighterError, match="acknowledge it first"):
        city.act("reset", "r0@A0")
    city.act("ack", "r0@A0")
    with pytest.raises(LamplighterError, match="'ack' is not possible"):
        city.act("ack", "r0@A0")
    city.act("reset", "r0@A0")
    assert city.state() is AlarmState.NORM


def test_what_is_over_when_its_shelving_ends_does_not_ring_again() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.act("shelve", "r0@A0", reason="known", until_ms=city.now + 500)
    assert [e.event for e in city.tell(0.0, 0.0)] == ["cleared", "unshelved"]
    assert city.state() is AlarmState.NORM


def test_folding_a_batch_again_writes_the_same_facts() -> None:
    first, again = _City(), _City()
    assert first.tell(20.0, 0.0) == again.tell(20.0, 0.0)


def test_an_alarm_without_its_rule_goes_out_of_service_and_returns_with_it() -> None:
    city = _City()
    city.tell(20.0, 20.0)
    city.engine.replace_rules(_rules(1))
    (event,) = city.tell(20.0, 20.0)
    assert (event.record.key, event.after) == ("r1@A1", AlarmState.OUT_OF_SERVICE)
    assert "switched off" in event.record.reason
    city.engine.replace_rules(_rules())
    (event,) = city.tell(20.0, 20.0)
    assert (event.event, event.after) == ("enabled", AlarmState.UNACK)
    assert [e.event for e in city.tell(20.0, 0.0)] == ["cleared"]


def test_new_rules_do_not_disturb_an_alarm_that_stands() -> None:
    city = _City()
    city.tell(20.0, 0.0)
    city.engine.replace_rules([*_rules(3)][::-1])
    assert city.tell(20.0, 0.0, 0.0) == []
    assert [e.record.key for e in city.tell(0.0, 0.0, 0.0)] == ["r0@A0"]


def test_two_rules_of_one_name_on_one_asset_are_an_error() -> None:
    with pytest.raises(ValueError, match="same id on the same asset"):
        AlarmEngine([*_rules(1), *_rules(1)], GRAPH)


def test_every_alarm_of_a_flood_is_a_fact_and_the_critical_one_is_there_at_once() -> None:
    rules = _rules(3000)
    rules[1234] = AlarmRule("r1234", 1234, "A1234", Condition.ABOVE, 10.0, 1, "Critical")
    city = _City(rules)
    events = city.tell(*([20.0] * 3000))
    assert sum(e.event == "raised" for e in events) == 3000
    assert city.state("r1234@A1234") is AlarmState.UNACK
    assert len(city.act("ack", *(f"r{i}@A{i}" for i in range(3000)))) == 3000


def test_chatter_is_three_onsets_in_a_minute() -> None:
    assert chatters([0, 30_000, 60_000])
    assert not chatters([0, 30_000, 60_001])
    assert not chatters([0, 1])


def test_chattering_alarms_are_named_worst_first() -> None:
    city = _City()
    events: list[AlarmEvent] = []
    for n in range(8):
        events += city.tell(20.0 if n % 2 else 0.0, 20.0 if n in {1, 3, 5} else 0.0)
    assert chattering(events) == ["r0@A0", "r1@A1"]


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    onsets = list(range(0, 11_000, 1000))
    assert flood_since(onsets[:10], 10_000) == 0
    since = flood_since(onsets, 10_000)
    assert since == 10_000
    assert flood_since(onsets, 600_000 + 5_999, since) == since
    assert flood_since(onsets, 600_000 + 6_000, since) == 0
