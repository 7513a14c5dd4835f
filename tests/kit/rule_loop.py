"""Alarm rules judged one by one in a plain loop: the obvious way, to compare and measure by."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.newest_block import NewestValues


@dataclass
class _Memory:
    condition: bool = False
    active: bool = False
    pending_ms: int = 0
    rate_time: int = 0
    rate_value: float = math.nan
    rate: float = math.nan


class RuleLoop:
    """`step` returns the indices of the rules that turned on or off."""

    def __init__(self, rules: list[AlarmRule]) -> None:
        self.rules = rules
        self.memory = [_Memory() for _ in rules]

    def step(self, now_ms: int, newest: NewestValues, stale: object) -> list[int]:
        return [
            i
            for i, (rule, memory) in enumerate(zip(self.rules, self.memory, strict=True))
            if self._turns(rule, memory, now_ms, newest, stale)
        ]

    def _turns(
        self, rule: AlarmRule, memory: _Memory, now_ms: int, newest: NewestValues, stale: object
    ) -> bool:
        stream = rule.datastream
        margin = self._margin(rule, memory, newest, bool(stale[stream]))  # type: ignore[index]
        if margin is not None:
            limit = -abs(rule.deadband) if memory.condition else 0.0
            memory.condition = margin > limit
        if memory.condition == memory.active:
            memory.pending_ms = 0
            return False
        if not memory.pending_ms or memory.pending_ms > now_ms:
            memory.pending_ms = now_ms
        delay = rule.on_delay_ms if memory.condition else rule.off_delay_ms
        if now_ms - memory.pending_ms < delay:
            return False
        memory.active, memory.pending_ms = memory.condition, 0
        return True

    def _margin(
        self, rule: AlarmRule, memory: _Memory, newest: NewestValues, stale: bool
    ) -> float | None:
        stream, kind = rule.datastream, rule.condition
        time, value = int(newest.time_ms[stream]), float(newest.value[stream])
        if time <= 0:
            return None
        if kind is Condition.STALE:
            return math.inf if stale else -math.inf
        believed = math.isfinite(value) and int(newest.quality[stream]) & 3 != 2
        if kind is Condition.RATE and believed and time > memory.rate_time:
            if memory.rate_time:
                change = abs(value - memory.rate_value)
                memory.rate = change * 1000.0 / (time - memory.rate_time)
            memory.rate_time, memory.rate_value = time, value
        if stale or not math.isfinite(value) or int(newest.quality[stream]) & 3 == 2:
            return None
        if kind is Condition.ABOVE:
            return value - rule.threshold
        if kind is Condition.BELOW:
            return rule.threshold - value
        if kind is Condition.EQUALS:
            return math.inf if value == rule.threshold else -math.inf
        if kind is Condition.RATE:
            return None if math.isnan(memory.rate) else memory.rate - rule.threshold
        expected, spread = float(newest.expected[stream]), float(newest.spread[stream])
        if math.isnan(expected) or not spread > 0:
            return None
        return abs(value - expected) / spread - rule.threshold
