"""Planned works and suppression by design, checklists, ringing again, and changed rules."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from lamplighter.alarms import AlarmEngine
from lamplighter.alarms.quieting import Quiet
from lamplighter.domain.alarm import AlarmEvent, AlarmRule, AlarmState, Condition, Step, Term
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError
from lamplighter.twin import DependencyGraph

S = AlarmState
WORKS = Quiet("works:w-1", "planned works w-1: new cable", frozenset({"A0"}), to_ms=10_000)


def _rule(n: int = 0, priority: int = 2, **more: object) -> AlarmRule:
    return AlarmRule(f"r{n}", n, f"A{n}", Condition.ABOVE, 10.0, priority, "Too much", **more)  # type: ignore[arg-type]


class _Room:
    def __init__(self, *rules: AlarmRule, quiets: tuple[Quiet, ...] = ()) -> None:
        self.engine = AlarmEngine(rules, DependencyGraph([], []))
        self.engine.replace_quiets(quiets)
        self.now = 0

    def tell(self, *values: float, after_ms: int = 1000) -> list[AlarmEvent]:
        self.now += after_ms
        newest = blank(len(values))
        newest.time_ms[:], newest.value[:] = self.now, values
        stale = np.zeros(len(values), np.bool_)
        return self.engine.step(self.now // 1000, self.now, newest, stale)

    def act(self, action: str, *keys: str, **more: object) -> list[AlarmEvent]:
        return self.engine.act(
            action, keys or ("r0@A0",), actor="maria", batch=1, now_ms=self.now, **more  # type: ignore[arg-type]
        )  # fmt: skip

    def tick(self, step: int, done: bool = True) -> list[AlarmEvent]:
        return self.engine.tick("r0@A0", step, done, actor="maria", batch=1, now_ms=self.now)

    def state(self, key: str = "r0@A0") -> AlarmState:
        record = self.engine.record(key)
        return record.state if record else S.NORM


def test_planned_works_suppress_what_begins_in_their_time_and_say_so() -> None:
    room = _Room(_rule(), _rule(1), quiets=(WORKS,))
    events = room.tell(20.0, 20.0)
    words = [(e.event, e.record.key) for e in events]
    assert words == [("suppressed", "r0@A0"), ("raised", "r0@A0"), ("raised", "r1@A1")]
    record = room.engine.record("r0@A0")
    assert record is not None
    assert (record.state, record.active) == (S.SUPPRESSED, True)
    assert "new cable" in record.reason and record.aside_by == "works:w-1"
    assert room.state("r1@A1") is S.UNACK


def test_works_suppress_what_stood_before_and_give_back_what_still_stands() -> None:
    room = _Room(_rule())
    room.tell(20.0)
    room.engine.replace_quiets([WORKS])
    assert [e.event for e in room.tell(20.0)] == ["suppressed"]
    (event,) = room.tell(20.0, after_ms=8_000)
    assert (event.event, event.after, event.actor) == ("unsuppressed", S.UNACK, "system")


def test_what_returned_to_normal_during_works_is_gone_after_them() -> None:
    room = _Room(_rule(), quiets=(WORKS,))
    room.tell(20.0)
    assert [e.event for e in room.tell(0.0)] == ["cleared"]
    room.tell(0.0, after_ms=20_000)
    assert room.state() is S.NORM


def test_works_that_are_taken_back_give_their_alarms_back() -> None:
    room = _Room(_rule(), quiets=(WORKS,))
    room.tell(20.0)
    room.engine.replace_quiets([])
    assert [e.event for e in room.tell(20.0)] == ["unsuppressed"]


def test_priority_one_is_never_suppressed() -> None:
    room = _Room(_rule(priority=1), quiets=(WORKS,))
    room.tell(20.0)
    assert room.state() is S.UNACK


def test_equipment_that_is_off_suppresses_the_alarms_of_its_assets_while_it_is() -> None:
    off = Quiet(
        "design:off", "the breaker is open", frozenset({"A0"}),
        terms=(Term(1, Condition.EQUALS, 0.0),),
    )  # fmt: skip
    room = _Room(_rule(), quiets=(off,))
    assert [e.event for e in room.tell(20.0, 1.0)] == ["raised"]
    assert [e.event for e in room.tell(20.0, 0.0)] == ["suppressed"]
    assert [e.event for e in room.tell(20.0, 1.0)] == ["unsuppressed"]
    assert room.engine.rules == (_rule(),), "what judges the terms is no rule of the city"


def test_only_the_named_rules_are_covered() -> None:
    quiet = replace(WORKS, rules=("r9",))
    room = _Room(_rule(), quiets=(quiet,))
    room.tell(20.0)
    assert room.state() is S.UNACK


def test_shelving_that_ends_during_works_ends_suppressed() -> None:
    room = _Room(_rule())
    room.tell(20.0)
    room.act("shelve", reason="known", until_ms=3_000)
    room.engine.replace_quiets([WORKS])
    assert [e.event for e in room.tell(20.0, after_ms=2_000)] == ["unshelved", "suppressed"]


def test_what_is_over_when_works_end_does_not_ring_again() -> None:
    room = _Room(_rule(), quiets=(WORKS,))
    room.tell(20.0)
    assert room.state() is S.SUPPRESSED
    room.engine.replace_quiets([])
    assert [e.event for e in room.tell(0.0)] == ["cleared", "unsuppressed"]
    assert room.state() is S.NORM


# ------------------------------------------------------------------ checklists
GATED = _rule(checklist=(Step("Called the crew"), Step("Note written", required=False)))


def test_a_checklist_gates_the_reset_and_notes_who_ticked_when() -> None:
    room = _Room(GATED)
    room.tell(20.0)
    room.act("ack")
    room.tell(0.0)
    assert room.state() is S.LATCHED, "a gated alarm waits for its reset"
    with pytest.raises(LamplighterError, match="checklist is open: Called the crew"):
        room.act("reset")
    (event,) = room.tick(0)
    assert (event.event, event.note, event.actor) == ("ticked", "Called the crew", "maria")
    assert event.record.steps[0].done_by == "maria" and event.record.steps[0].done_ms == room.now
    room.act("reset")
    assert room.state() is S.NORM


def test_a_tick_can_be_taken_back_and_a_step_that_is_not_there_is_refused() -> None:
    room = _Room(GATED)
    room.tell(20.0)
    room.tick(0)
    assert room.tick(0) == []
    assert [e.event for e in room.tick(0, done=False)] == ["unticked"]
    with pytest.raises(LamplighterError, match="no such step"):
        room.tick(7)


def test_no_way_round_the_checklist_leads_to_normal() -> None:
    room = _Room(GATED)
    room.tell(20.0)
    room.act("shelve", reason="known", until_ms=9_000)
    room.tell(0.0)
    room.act("unshelve")
    assert room.state() is S.LATCHED
    room.act("disable", reason="work")
    room.act("enable")
    assert room.state() is S.LATCHED


def test_a_new_occurrence_begins_with_an_empty_checklist() -> None:
    room = _Room(GATED)
    room.tell(20.0)
    room.tick(0)
    room.tell(0.0)
    room.tell(20.0)
    record = room.engine.record("r0@A0")
    assert record is not None and record.open_steps == ("Called the crew",)


# ------------------------------------------------------------------ ringing again
def test_an_acknowledged_alarm_that_still_holds_rings_again_after_its_time() -> None:
    room = _Room(_rule(realarm_ms=60_000))
    room.tell(20.0)
    room.act("ack")
    assert room.tell(20.0, after_ms=59_000) == []
    (event,) = room.tell(20.0)
    assert (event.event, event.before, event.after) == ("realarmed", S.ACKED, S.UNACK)
    assert event.record.acked_by == ""


def test_a_rule_that_is_told_to_ring_again_rings_for_what_is_acknowledged_already() -> None:
    room = _Room(_rule())
    room.tell(20.0)
    room.act("ack")
    assert room.tell(20.0) == []
    room.engine.replace_rules([_rule(realarm_ms=60_000)])
    room.tell(20.0)
    assert [e.event for e in room.tell(20.0, after_ms=60_000)] == ["realarmed"]


def test_a_rule_that_becomes_more_urgent_changes_its_alarm_and_rings_again() -> None:
    room = _Room(_rule(priority=3))
    room.tell(20.0)
    room.act("ack")
    room.engine.replace_rules([_rule(priority=1, cause="A leak")])
    events = room.tell(20.0)
    assert [e.event for e in events] == ["changed", "realarmed"]
    assert events[0].note == "priority 3 became 1"
    assert (events[1].record.priority, events[1].record.cause) == (1, "A leak")


def test_a_rule_that_becomes_less_urgent_leaves_the_acknowledgement() -> None:
    room = _Room(_rule(priority=2))
    room.tell(20.0)
    room.act("ack")
    room.engine.replace_rules([_rule(priority=4)])
    assert [e.event for e in room.tell(20.0)] == ["changed"]
    assert room.state() is S.ACKED


def test_a_suppressed_alarm_that_becomes_critical_comes_forward() -> None:
    room = _Room(_rule(), quiets=(WORKS,))
    room.tell(20.0)
    room.engine.replace_rules([_rule(priority=1)])
    assert [e.event for e in room.tell(20.0)] == ["changed", "unsuppressed"]


def test_a_partial_action_leaves_out_what_is_no_longer_possible() -> None:
    room = _Room(_rule(), _rule(1))
    room.tell(20.0, 20.0)
    room.act("ack")
    done = room.act("ack", "r0@A0", "r1@A1", "gone@away", partial=True)
    assert [e.record.key for e in done] == ["r1@A1"]


def test_a_told_alarm_carries_the_words_it_was_told_with() -> None:
    told = AlarmRule("slept", -1, "console", Condition.TOLD, 0.0, 3, "The console slept")
    room = _Room(told)
    room.engine.tell("slept@console", True, "The console slept from 14:02 to 16:40")
    (event,) = room.tell()
    assert event.record.text.endswith("14:02 to 16:40")
    room.engine.replace_rules([told])
    assert room.tell() == []


@pytest.mark.parametrize("state", ["UNACK", "ACKED", "SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"])
def test_a_return_to_normal_that_came_while_the_recorder_was_dead_is_seen_after_it(
    state: str,
) -> None:
    rule = _rule()
    room = _Room(rule, quiets=(WORKS,) if state == "SUPPRESSED" else ())
    room.tell(20.0)
    if state == "ACKED":
        room.act("ack")
    elif state == "SHELVED":
        room.act("shelve", reason="known", until_ms=9_000_000)
    elif state == "OUT_OF_SERVICE":
        room.act("disable", reason="work")
    assert room.state() is S(state)
    room.engine = AlarmEngine([rule], DependencyGraph([], []), restored=room.engine.records())
    (event,) = [e for e in room.tell(0.0) if e.event == "cleared"]
    assert not event.record.active
