"""The alarm engine against a second model; an engine with a planted bug is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.faults import part_alarm_states
from tests.faults.part_alarm_states import Found

from lamplighter.alarms import AlarmEngine, AlarmInput, lives
from lamplighter.alarms.lifecycle import TABLE
from lamplighter.domain.alarm import AlarmState as S

pytestmark = pytest.mark.faults
LIVES = 80


def test_the_engine_follows_the_standards_drawing() -> None:
    found = part_alarm_states.run(part_alarm_states.SHORT["traces"])

    assert found.examples == []
    assert part_alarm_states.holds(found), found


class Deaf(AlarmEngine):
    """Loses the return to normal of an alarm that is shelved."""

    def _judged(self, row: int, *rest: Any) -> Any:
        rule = self._rules[row]
        record = self._records.get(f"{rule.id}@{rule.asset}")
        if record is not None and record.state is S.SHELVED and not self._compiled.active[row]:
            return []
        return super()._judged(row, *rest)


class Forgets(AlarmEngine):
    """Lets shelved alarms rest for ever."""

    def _run_timers(self, *_: Any) -> Any:
        return []


class Mute(AlarmEngine):
    """Ends a shelving without a word in the journal."""

    def step(self, *given: Any, **more: Any) -> Any:
        return [e for e in super().step(*given, **more) if e.event != "unshelved"]


class Hasty(AlarmEngine):
    """Ends shelvings by what it knew before it looks at the new values."""

    def step(self, batch: int, now_ms: int, *given: Any, **more: Any) -> Any:
        early = self._run_timers(batch, now_ms)
        return [*early, *super().step(batch, now_ms, *given, **more)]


class Amnesic(AlarmEngine):
    """After a restart it takes every alarm for one whose condition is over."""

    def __init__(self, rules: Any, topology: Any, restored: Any = ()) -> None:
        import msgspec

        super().__init__(
            rules, topology, [msgspec.structs.replace(r, active=False) for r in restored]
        )


@pytest.mark.parametrize("engine", [Deaf, Forgets, Mute, Hasty, Amnesic])
def test_an_engine_with_a_bug_is_found_out(engine: type[AlarmEngine]) -> None:
    assert not part_alarm_states.holds(part_alarm_states.run(LIVES, engine))


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (S.UNACK, AlarmInput.ACK, S.NORM),  # acknowledging also clears
        (S.ACKED, AlarmInput.CLEAR, S.RTN_UNACK),  # asks twice to be seen
        (S.RTN_UNACK, AlarmInput.RAISE, S.RTN_UNACK),  # a second occurrence is silent
        (S.SHELVED, AlarmInput.UNSHELVE, S.NORM),  # comes back as normal though it holds
        (S.LATCHED, AlarmInput.ACK, S.NORM),  # acknowledging also resets
    ],
)
def test_a_wrong_arrow_in_the_table_is_found_out(
    monkeypatch: pytest.MonkeyPatch, state: S, event: AlarmInput, after: S
) -> None:
    monkeypatch.setitem(TABLE, (state, event), (after, after, after))
    assert not part_alarm_states.holds(part_alarm_states.run(LIVES))


def test_a_reset_without_acknowledgement_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Any] = lives.transition

    def careless(*given: Any, seen: bool = False, **more: Any) -> Any:
        return real(*given, seen=given[1] is AlarmInput.RESET or seen, **more)

    monkeypatch.setattr(lives, "transition", careless)
    found = Found()
    part_alarm_states.every_pair(found)
    assert found.differences


def test_a_run_that_tried_nothing_does_not_hold() -> None:
    assert not part_alarm_states.holds(Found())
