"""Conditions of several parts, counted onsets, rates over a window, and rules the program tells."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.domain.alarm import AlarmRule, Condition, Term
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import QualityMark

NAN = float("nan")


def _rule(name: str, stream: int, threshold: float, **more: object) -> AlarmRule:
    condition = more.pop("condition", Condition.ABOVE)
    return AlarmRule(name, stream, "A", condition, threshold, 3, "text", **more)  # type: ignore[arg-type]


def _values(time_ms: int, *values: float) -> NewestValues:
    newest = blank(len(values))
    newest.value[:] = values
    newest.time_ms[:] = np.where(np.isnan(values), 0, time_ms)
    return newest


def _run(
    rules: list[AlarmRule], frames: list[tuple[float, ...]], every_ms: int = 1000
) -> list[str]:
    """After each frame the names of the active rules."""
    compiled, shown = CompiledRules(rules), []
    for n, values in enumerate(frames, 1):
        stale = np.isnan(np.array(values))
        compiled.judge(n * every_ms, _values(n * every_ms, *values), stale)
        shown.append("".join(r.id for r, on in zip(rules, compiled.active, strict=True) if on))
    return shown


RUNNING = Term(1, Condition.EQUALS, 1.0)


def test_all_parts_must_hold() -> None:
    low = _rule("L", 0, 2.0, condition=Condition.BELOW, terms=(RUNNING,))
    frames = [(1.0, 0.0), (1.0, 1.0), (3.0, 1.0), (1.0, 1.0), (1.0, 0.0)]
    assert _run([low], frames) == ["", "L", "", "L", ""]


def test_any_part_is_enough_and_a_part_may_be_turned_round() -> None:
    stopped = Term(1, Condition.EQUALS, 1.0, negate=True)
    rule = _rule("R", 0, 10.0, combine="any", terms=(stopped,))
    assert _run([rule], [(0.0, 1.0), (11.0, 1.0), (0.0, 1.0), (0.0, 0.0)]) == ["", "R", "", "R"]


def test_a_combined_rule_has_no_condition_of_its_own() -> None:
    rule = _rule("C", 0, 0.0, condition=Condition.COMBINED, terms=(Term(0, threshold=5.0), RUNNING))
    assert _run([rule], [(6.0, 0.0), (6.0, 1.0), (4.0, 1.0)]) == ["", "C", ""]


def test_rules_look_at_other_rules_after_their_delays_in_the_same_step() -> None:
    slow = _rule("S", 0, 10.0, on_delay_ms=1000)
    other = _rule("O", 1, 10.0)
    both = _rule("B", 0, 0.0, condition=Condition.COMBINED, terms=(Term(rule="S"), Term(rule="O")))
    deep = _rule("D", 0, 0.0, condition=Condition.COMBINED, terms=(Term(rule="B", negate=True),))
    frames = [(20.0, 20.0), (20.0, 20.0), (20.0, 0.0)]
    assert _run([deep, both, other, slow], frames) == ["DO", "BOS", "DS"]


def test_a_part_that_names_no_rule_never_holds_however_it_is_turned() -> None:
    rule = _rule("R", 0, 0.0, condition=Condition.COMBINED, terms=(Term(rule="?", negate=True),))
    assert _run([rule], [(1.0,)]) == [""]


def test_rules_in_a_circle_are_an_error() -> None:
    one = _rule("one", 0, 1.0, terms=(Term(rule="two"),))
    two = _rule("two", 0, 1.0, terms=(Term(rule="one"),))
    with pytest.raises(ValueError, match="circle: one -> two -> one"):
        CompiledRules([one, two])


def test_an_unknown_part_leaves_the_rule_as_it_was_unless_the_others_decide() -> None:
    rule = _rule("R", 0, 10.0, terms=(RUNNING,))
    compiled = CompiledRules([rule])
    compiled.restore(0, True)
    compiled.judge(1000, _values(1000, 20.0, NAN), np.array([False, True]))
    assert compiled.active[0], "whether it runs is not known yet"
    compiled.judge(2000, _values(2000, 5.0, NAN), np.array([False, True]))
    assert not compiled.active[0], "one part that fails decides"


def test_a_count_needs_its_onsets_within_the_window_and_ends_when_the_window_is_empty() -> None:
    rule = _rule("N", 0, 10.0, count=3, count_window_ms=5000)
    up, down = (20.0,), (0.0,)
    frames = [up, down, up, down, up, down, down, down, up, down, down, down, down]
    assert _run([rule], frames) == ["", "", "", "", "N", "N", "", "", "", "", "", "", ""]


def test_a_counted_rule_stays_while_its_last_onset_lasts() -> None:
    rule = _rule("N", 0, 10.0, count=2, count_window_ms=3000)
    frames = [(20.0,), (0.0,), (20.0,), (20.0,), (20.0,), (20.0,), (0.0,)]
    assert _run([rule], frames) == ["", "", "N", "N", "N", "N", ""]


def test_a_rate_over_a_window_sees_a_slow_climb_and_no_single_step() -> None:
    short = _rule("S", 0, 0.5, condition=Condition.RATE)
    wide = _rule("W", 0, 0.5, condition=Condition.RATE, rate_window_ms=10_000)
    step = [(0.0,)] * 12 + [(2.0,)] * 3
    assert _run([short], step)[12] == "S"
    assert set(_run([wide], step)) == {""}
    climb = [(0.6 * n,) for n in range(20)]
    shown = _run([wide], climb)
    assert shown[:9] == [""] * 9 and shown[-1] == "W"


@pytest.mark.parametrize("mark", ["HAND_SET", "IN_MAINTENANCE", "HISTORICAL"])
def test_a_point_that_is_not_measured_now_raises_nothing(mark: str) -> None:
    rules = [_rule("H", 0, 10.0), _rule("S", 0, 0.0, condition=Condition.STALE)]
    compiled, values = CompiledRules(rules), _values(1000, 20.0)
    values.quality[:] = int(QualityMark[mark])
    assert compiled.judge(1000, values, np.array([False])).size == 0
    assert compiled.judge(9000, values, np.array([True])).size == 0


def test_a_datastream_of_a_silent_source_is_not_called_stale() -> None:
    rule, stale = _rule("S", 0, 0.0, condition=Condition.STALE), np.array([True])
    compiled = CompiledRules([rule])
    assert compiled.judge(1000, _values(500, 1.0), stale, np.array([True])).size == 0
    assert compiled.judge(2000, _values(500, 1.0), stale, np.array([False])).tolist() == [0]


def test_a_told_rule_follows_what_the_program_says() -> None:
    compiled = CompiledRules([_rule("T", -1, 0.0, condition=Condition.TOLD)])
    values, stale = blank(0), np.zeros(0, np.bool_)
    assert compiled.judge(1000, values, stale).size == 0
    compiled.tell(0, True)
    assert compiled.judge(2000, values, stale).tolist() == [0]
    compiled.tell(0, False)
    assert compiled.judge(3000, values, stale).tolist() == [0]
    assert not compiled.active[0]


def test_new_rules_keep_what_the_same_ones_remember() -> None:
    rules = [
        _rule("N", 0, 10.0, count=2, count_window_ms=60_000),
        _rule("C", 0, 10.0, terms=(RUNNING,)),
    ]
    first = CompiledRules(rules)
    fresh = np.zeros(2, np.bool_)
    for n, value in enumerate((20.0, 0.0), 1):
        first.judge(n * 1000, _values(n * 1000, value, 1.0), fresh)
    second = CompiledRules([rules[1], rules[0]])
    second.take_over(first)
    assert second.judge(3000, _values(3000, 20.0, 1.0), fresh).tolist() == [0, 1]
