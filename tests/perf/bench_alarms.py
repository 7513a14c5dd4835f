"""Alarm rules judged at once against one after the other, and the cost of a flood."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from tests.kit.rule_loop import RuleLoop
from tests.perf.row import Row, row

from lamplighter.alarms import AlarmEngine
from lamplighter.alarms.compiled import CompiledRules
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.newest_block import NewestValues, blank
from lamplighter.twin import DependencyGraph

RULES = 5_000
LIMIT_MS = 5_000.0
"""an incident is to be folded within this time"""
CONDITIONS = (
    Condition.ABOVE,
    Condition.BELOW,
    Condition.EQUALS,
    Condition.RATE,
    Condition.RESIDUAL,
    Condition.STALE,
)


def rows() -> list[Row]:
    """Rows of `name, figure, unit, against, ratio`; `ratio` above 1 means faster than `against`."""
    return [_judging(), _flood()]


def _judging() -> Row:
    rules, frames = _rules(), _frames(30)
    compiled, loop = CompiledRules(rules), RuleLoop(rules)
    ours = _median_ms(lambda n: compiled.judge(1000 * n + 1000, *frames[n]), len(frames))
    plain = _median_ms(lambda n: loop.step(1000 * n + 1000, *frames[n]), len(frames))
    return row("5,000 alarm rules, one step", ours, "ms", "one rule after the other", plain)


def _flood() -> Row:
    """All rules raise in one step, on a chain of dependencies, and are folded."""
    assets = [Asset(f"A{n}", "T", f"A{n}", "d", people=3) for n in range(RULES)]
    edges = [Edge(f"A{(n - 1) // 4}", "feeds", f"A{n}", "project") for n in range(1, RULES)]
    graph = DependencyGraph(assets, edges)
    rules = [
        AlarmRule(f"r{n}", n, f"A{n}", Condition.ABOVE, 1.0, 3, "x", is_cause=n % 10 == 0)
        for n in range(RULES)
    ]
    engine = AlarmEngine(rules, graph)
    values, fresh = blank(RULES), np.zeros(RULES, np.bool_)
    values.time_ms[:], values.value[:] = 1000, 9.0
    begin = time.perf_counter()
    engine.step(1, 1000, values, fresh)
    raised_ms = (time.perf_counter() - begin) * 1000
    name = "5,000 alarms at once, raised and folded under their cause"
    return row(name, raised_ms, "ms", "the promised limit", LIMIT_MS)


def _rules() -> list[AlarmRule]:
    return [
        AlarmRule(
            f"r{n}", n, f"A{n}", CONDITIONS[n % len(CONDITIONS)], 3.0, 3, "x",
            deadband=0.5, on_delay_ms=1000, off_delay_ms=1000,
        )
        for n in range(RULES)
    ]  # fmt: skip


def _frames(count: int) -> list[tuple[NewestValues, np.ndarray]]:
    random = np.random.default_rng(4)
    frames = []
    for n in range(count):
        values = blank(RULES)
        values.time_ms[:] = 1000 * n + 900
        values.value[:] = random.normal(1.0, 1.0, RULES)
        values.expected[:], values.spread[:] = 1.0, 1.0
        frames.append((values, np.zeros(RULES, np.bool_)))
    return frames


def _median_ms(step: Callable[[int], object], count: int) -> float:
    spent = []
    for n in range(count):
        begin = time.perf_counter()
        step(n)
        spent.append((time.perf_counter() - begin) * 1000)
    return float(np.median(spent))


if __name__ == "__main__":
    for line in rows():
        print(line)
