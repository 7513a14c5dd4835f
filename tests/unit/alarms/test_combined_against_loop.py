"""Combined and counted rules judged in arrays against the obvious way, on random histories."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.domain.alarm import AlarmRule, Condition, Term
from lamplighter.domain.newest_block import blank

STREAMS = 3
PLAIN = (Condition.ABOVE, Condition.BELOW, Condition.EQUALS)
Truth = bool | None


class _Loop:
    """One rule after the other with plain booleans; None = not known yet."""

    def __init__(self, rules: list[AlarmRule]) -> None:
        self.rules = rules
        self.memory: dict[object, Truth] = {}
        self.condition = dict.fromkeys(range(len(rules)), False)
        self.active = dict.fromkeys(range(len(rules)), False)
        self.pending: dict[int, int] = {}
        self.began = dict.fromkeys(range(len(rules)), False)
        self.onsets: dict[int, list[int]] = {n: [] for n in range(len(rules))}

    def step(self, now: int, values: list[float | None]) -> list[bool]:
        for n, rule in enumerate(self.rules):
            holds = self._together(n, rule, values)
            if rule.count > 1:
                if holds and not self.began[n]:
                    self.onsets[n].append(now)
                self.began[n] = holds
                recent = [t for t in self.onsets[n] if now - t <= rule.count_window_ms]
                holds = len(recent) >= rule.count or (holds and self.condition[n])
            self.condition[n] = holds
            self._delay(n, rule, now)
        return list(self.active.values())

    def _together(self, n: int, rule: AlarmRule, values: list[float | None]) -> bool:
        parts: list[Truth] = []
        own = self._compare((n, "own"), rule, values)
        if not rule.terms:
            return bool(own)
        if rule.condition is not Condition.COMBINED:
            parts.append(own)
        for place, term in enumerate(rule.terms):
            if term.rule:
                parts.append(self.active[int(term.rule)] != term.negate)
                continue
            found = self._compare((n, place), term, values)
            parts.append(None if found is None else found != term.negate)
        decides = rule.combine == "any"
        if decides in parts:
            return decides
        return self.condition[n] if None in parts else not decides

    def _compare(self, key: object, what: AlarmRule | Term, values: list[float | None]) -> Truth:
        value = values[what.datastream] if what.datastream >= 0 else None
        before = self.memory.get(key)
        if value is None or what.condition is Condition.COMBINED:
            return before
        edge = -what.deadband if before else 0.0
        margin = {
            Condition.ABOVE: value - what.threshold,
            Condition.BELOW: what.threshold - value,
            Condition.EQUALS: np.inf if value == what.threshold else -np.inf,
        }[what.condition]
        self.memory[key] = bool(margin > edge)
        return self.memory[key]

    def _delay(self, n: int, rule: AlarmRule, now: int) -> None:
        if self.condition[n] == self.active[n]:
            self.pending.pop(n, None)
            return
        since = self.pending.setdefault(n, now)
        if now - since >= (rule.on_delay_ms if self.condition[n] else rule.off_delay_ms):
            self.active[n] = self.condition[n]
            del self.pending[n]


def _term(draw: st.DrawFn, below: int) -> Term:
    if below and draw(st.booleans()):
        return Term(rule=str(draw(st.integers(0, below - 1))), negate=draw(st.booleans()))
    return Term(
        draw(st.integers(0, STREAMS - 1)),
        draw(st.sampled_from(PLAIN)),
        draw(st.sampled_from([0.0, 1.0, 2.0])),
        draw(st.sampled_from([0.0, 0.5])),
        negate=draw(st.booleans()),
    )


@st.composite
def some_rules(draw: st.DrawFn) -> list[AlarmRule]:
    rules = []
    for n in range(draw(st.integers(1, 7))):
        terms = tuple(_term(draw, n) for _ in range(draw(st.integers(0, 3))))
        combined = bool(terms) and draw(st.booleans())
        count = draw(st.sampled_from([1, 1, 2, 3]))
        rules.append(
            AlarmRule(
                str(n), draw(st.integers(0, STREAMS - 1)), "A",
                Condition.COMBINED if combined else draw(st.sampled_from(PLAIN)),
                draw(st.sampled_from([0.0, 1.0, 2.0])), 3, "x",
                deadband=draw(st.sampled_from([0.0, 0.5])),
                on_delay_ms=draw(st.sampled_from([0, 1000])),
                off_delay_ms=draw(st.sampled_from([0, 1000])),
                combine=draw(st.sampled_from(["all", "any"])), terms=terms,
                count=count, count_window_ms=2500,
            )
        )  # fmt: skip
    return rules


frames = st.lists(
    st.lists(st.sampled_from([None, 0.0, 0.7, 1.0, 1.7, 3.0]), min_size=STREAMS, max_size=STREAMS),
    min_size=1,
    max_size=14,
)


@settings(max_examples=250, deadline=None)
@given(some_rules(), frames, st.randoms(use_true_random=False))
def test_arrays_and_levels_agree_with_one_rule_after_the_other(
    rules: list[AlarmRule], shown: list[list[float | None]], chance: object
) -> None:
    mixed = list(rules)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    compiled, loop, now = CompiledRules(mixed), _Loop(rules), 0
    for frame in shown:
        now += 500
        values = blank(STREAMS)
        values.time_ms[:] = now
        values.value[:] = [np.nan if v is None else v for v in frame]
        compiled.judge(now, values, np.array([v is None for v in frame]))
        found = {r.id: bool(on) for r, on in zip(mixed, compiled.active, strict=True)}
        assert [found[r.id] for r in rules] == loop.step(now, frame)
