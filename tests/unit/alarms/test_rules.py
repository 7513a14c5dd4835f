"""Every condition, delay and deadband, one by one and against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.rule_loop import RuleLoop

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.domain.quality import Quality, QualityMark

FRESH = np.zeros(1, np.bool_)


def _rule(condition: Condition, threshold: float, **more: object) -> AlarmRule:
    return AlarmRule("r", 0, "A", condition, threshold, 3, "text", **more)  # type: ignore[arg-type]


def _values(value: float, time_ms: int = 1_000, **columns: float) -> NewestValues:
    values = blank(1)
    values.time_ms[0], values.value[0] = time_ms, value
    for name, number in columns.items():
        getattr(values, name)[0] = number
    return values


def _history(rule: AlarmRule, points: list[tuple[int, float]]) -> list[bool]:
    """Whether the rule is active after each (time, value)."""
    compiled, states = CompiledRules([rule]), []
    for time, value in points:
        compiled.judge(time, _values(value, time), FRESH)
        states.append(bool(compiled.active[0]))
    return states


def test_above_holds_through_the_deadband() -> None:
    rule = _rule(Condition.ABOVE, 10.0, deadband=2.0)
    points = [(1000, 10.0), (2000, 10.1), (3000, 8.5), (4000, 8.0), (5000, 9.9)]
    assert _history(rule, points) == [False, True, True, False, False]


def test_below_holds_through_the_deadband() -> None:
    rule = _rule(Condition.BELOW, 2.0, deadband=0.5)
    points = [(1000, 2.0), (2000, 1.9), (3000, 2.4), (4000, 2.5), (5000, 2.1)]
    assert _history(rule, points) == [False, True, True, False, False]


def test_equals_looks_for_one_state() -> None:
    rule = _rule(Condition.EQUALS, 2.0)
    assert _history(rule, [(1000, 1.0), (2000, 2.0), (3000, 0.0)]) == [False, True, False]


def test_rate_needs_two_values_and_holds_until_the_next() -> None:
    rule = _rule(Condition.RATE, 5.0)
    points = [(1000, 0.0), (2000, 4.0), (3000, 10.0), (3000, 10.0), (4000, 10.0)]
    assert _history(rule, points) == [False, False, True, True, False]


def test_residual_counts_spreads_and_abstains_without_an_expected_value() -> None:
    compiled = CompiledRules([_rule(Condition.RESIDUAL, 3.0)])
    compiled.judge(1000, _values(10.0, 1000, expected=7.0, spread=0.5), FRESH)
    assert compiled.active[0]
    compiled.judge(2000, _values(10.0, 2000), FRESH)
    assert compiled.active[0], "an abstaining model decides nothing"
    compiled.judge(3000, _values(7.1, 3000, expected=7.0, spread=0.5), FRESH)
    assert not compiled.active[0]


def test_a_stale_rule_turns_with_the_mask_and_not_before_the_first_value() -> None:
    compiled = CompiledRules([_rule(Condition.STALE, 0.0)])
    stale = np.ones(1, np.bool_)
    assert compiled.judge(1000, blank(1), stale).size == 0
    assert compiled.judge(2000, _values(1.0), stale).tolist() == [0]
    assert compiled.pending_time_ms[0] == 2000, "it became stale then, not when it was measured"
    assert compiled.judge(3000, _values(1.0, 3000), FRESH).tolist() == [0]


@pytest.mark.parametrize("mark", [Quality.BAD, QualityMark.HAND_SET, QualityMark.WITHHELD])
def test_there_is_no_rate_from_or_to_a_value_that_decides_nothing(mark: int) -> None:
    compiled = CompiledRules([_rule(Condition.RATE, 5.0)])
    for time, value, quality in ((1000, 50.0, 0), (2000, 0.0, mark), (3000, 51.0, 0)):
        values = _values(value, time)
        values.quality[0] = quality
        assert compiled.judge(time, values, FRESH).size == 0
    assert compiled.judge(4000, _values(60.0, 4000), FRESH).tolist() == [0]


@pytest.mark.parametrize("spoil", ["stale", "bad", "missing"])
def test_a_value_that_cannot_be_trusted_neither_raises_nor_clears(spoil: str) -> None:
    compiled = CompiledRules([_rule(Condition.ABOVE, 10.0)])
    stale = np.array([spoil == "stale"])

    def spoiled(value: float, time: int) -> NewestValues:
        values = _values(np.nan if spoil == "missing" else value, time)
        values.quality[0] = Quality.BAD if spoil == "bad" else Quality.GOOD
        return values

    assert compiled.judge(1000, spoiled(99.0, 1000), stale).size == 0
    compiled.judge(2000, _values(99.0, 2000), FRESH)
    assert compiled.judge(3000, spoiled(0.0, 3000), stale).size == 0
    assert compiled.active[0]


def test_delays_run_without_new_values_and_start_again_after_a_relapse() -> None:
    compiled = CompiledRules([_rule(Condition.ABOVE, 10.0, on_delay_ms=3000, off_delay_ms=2000)])
    high, low = _values(20.0, 900), _values(0.0, 900)
    active = []
    for now, values in (
        (1000, high), (3900, high), (3950, low), (4000, high), (6900, high), (7000, high),
        (8000, low), (9900, low), (10_000, low),
    ):  # fmt: skip
        compiled.judge(now, values, FRESH)
        active.append(bool(compiled.active[0]))
    assert active == [False, False, False, False, False, True, True, True, False]


def test_the_onset_is_the_time_of_the_value_that_began_it() -> None:
    compiled = CompiledRules([_rule(Condition.ABOVE, 10.0, on_delay_ms=2000)])
    compiled.judge(5_000, _values(20.0, 4_400), FRESH)
    compiled.judge(7_000, _values(21.0, 6_400), FRESH)
    assert compiled.active[0] and compiled.pending_time_ms[0] == 4_400


def test_a_clock_set_back_makes_a_delay_begin_again_and_never_hang() -> None:
    compiled = CompiledRules([_rule(Condition.ABOVE, 10.0, on_delay_ms=1000)])
    compiled.judge(1_000_000, _values(20.0), FRESH)
    compiled.judge(500, _values(20.0), FRESH)
    compiled.judge(1_500, _values(20.0), FRESH)
    assert compiled.active[0]


def test_a_rule_on_a_datastream_nobody_heard_of_stays_quiet() -> None:
    rule = AlarmRule("r", 7, "A", Condition.ABOVE, 1.0, 3, "text")
    compiled = CompiledRules([rule])
    assert compiled.judge(1000, _values(9.0), FRESH).size == 0


def test_a_rule_is_quiet_while_the_one_that_says_more_holds() -> None:
    low = _rule(Condition.BELOW, 3.0, unless="lost", deadband=0.1, on_delay_ms=1000)
    lost = AlarmRule("lost", 0, "A", Condition.BELOW, 1.0, 2, "text", on_delay_ms=1000)
    other = AlarmRule("lost", 1, "B", Condition.BELOW, 99.0, 2, "text")
    compiled, shown = CompiledRules([low, lost, other]), []
    for time, value in enumerate([5.0, 0.0, 0.0, 0.0, 2.0, 2.0, 5.0, 2.0, 2.0, 0.0, 0.0]):
        compiled.judge(1000 + 1000 * time, _values(value, 1000 + 1000 * time), FRESH)
        shown.append("".join(n for n, on in zip("LX", compiled.active, strict=False) if on))
    assert shown == ["", "", "X", "X", "", "L", "", "", "L", "L", "X"]


def test_a_value_that_swings_about_the_worse_limit_is_not_left_unsaid() -> None:
    low = _rule(Condition.BELOW, 3.0, unless="lost", on_delay_ms=5_000)
    lost = AlarmRule("lost", 0, "A", Condition.BELOW, 1.0, 2, "text", on_delay_ms=3_000)
    compiled, shown = CompiledRules([low, lost]), []
    for second in range(1, 9):
        compiled.judge(1000 * second, _values(2.0 * (second % 2), 1000 * second), FRESH)
        shown.append(compiled.active.tolist())
    assert shown == [[False, False]] * 5 + [[True, False]] * 3


def test_of_a_chain_of_rules_only_the_one_that_says_most_stands() -> None:
    names = ("low", "lower", "lowest")
    chain = [
        AlarmRule(
            name, 0, "A", Condition.BELOW, 3.0 - n, 2, "text", unless="".join(names[n + 1 : n + 2])
        )
        for n, name in enumerate(names)
    ]
    compiled = CompiledRules(chain)
    for time, value, stands in (
        (1, 9.0, ""),
        (2, 2.5, "low"),
        (3, 0.5, "lowest"),
        (4, 1.5, "lower"),
    ):
        compiled.judge(1000 * time, _values(value, 1000 * time), FRESH)
        assert "".join(n for n, on in zip(names, compiled.active, strict=True) if on) == stands


STREAMS = 4
rules = st.lists(
    st.builds(
        lambda i, s, c, t, d, on, off: AlarmRule(
            f"r{i}", s, "A", c, t, 3, "x", deadband=d, on_delay_ms=on, off_delay_ms=off
        ),
        st.integers(0, 10**6),
        st.integers(0, STREAMS - 1),
        st.sampled_from([c for c in Condition if c not in (Condition.COMBINED, Condition.TOLD)]),
        st.sampled_from([0.0, 1.0, 2.0, 3.0]),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([0, 500, 2000]),
        st.sampled_from([0, 500, 2000]),
    ),
    min_size=1,
    max_size=12,
)
cell = st.tuples(
    st.sampled_from([0, 1, 2]),
    st.sampled_from([0.0, 1.0, 1.5, 2.0, 4.0, float("nan")]),
    st.sampled_from([0, 1, 2]),
    st.booleans(),
    st.sampled_from([float("nan"), 1.0, 2.0]),
)
frames = st.lists(st.lists(cell, min_size=STREAMS, max_size=STREAMS), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(rules, frames)
def test_all_rules_at_once_agree_with_one_after_the_other(
    chosen: list[AlarmRule], shown: list[list[tuple[int, float, int, bool, float]]]
) -> None:
    compiled, loop = CompiledRules(chosen), RuleLoop(chosen)
    values, now = blank(STREAMS), 0
    for frame in shown:
        now += 500
        values.time_ms += np.array([500 * c[0] for c in frame])
        values.value[:] = [c[1] for c in frame]
        values.quality[:] = [c[2] for c in frame]
        values.expected[:] = [c[4] for c in frame]
        values.spread[:] = 0.5
        stale = np.array([c[3] for c in frame])
        assert compiled.judge(now, values, stale).tolist() == loop.step(now, values, stale)
