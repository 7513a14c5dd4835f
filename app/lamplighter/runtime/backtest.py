"""Trying a rule on the project's past before it may raise alarms.

Coarse cells first rule out where a plain rule cannot have fired; only the rest is read as points
and judged like live ones. A rule that looks at several things is walked through moment by moment
by the live engine. Nothing is written, and no alarm is raised.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from lamplighter.alarms import backtest as trial
from lamplighter.alarms.backtest import Firings
from lamplighter.alarms.binding import PREFIX, SAME, Between
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.alarm_trial import Firing, Outcome, Step, Trial
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import fault
from lamplighter.domain.units import conversion
from lamplighter.runtime.alarm_design import bound_design, switch_id
from lamplighter.runtime.plugins import load_plugins
from lamplighter.store import Store
from lamplighter.store.cells import Cells

DAY_MS: Final = 86_400_000
SHOWN: Final = 200
"""raisings listed; further ones are counted only"""
MOST_SWEPT: Final = 20_000_000
"""points a try of other thresholds may read"""
STEP: Final = "step "
"""how the verb begins a line that tells where it stands"""
_BLIND: Final = {
    Condition.STALE: "stale values leave no points behind, so the past cannot say when it fired",
    Condition.RESIDUAL: "expected values of the past are not kept",
    Condition.TOLD: "the program says itself when it holds",
}

Progress = Callable[[int, int, str], None]


def backtest(
    store: Store,
    rules: Sequence[AlarmRule],
    name: str,
    *,
    days: int = 90,
    horizon_h: float = 72.0,
    threshold: float | None = None,
    sweep: bool = True,
    progress: Progress = lambda *_: None,
    between: Between = lambda _, unit, to: conversion(unit, to),
    streams: Sequence[Datastream] | None = None,
) -> Trial:
    """What the rules called `name` (`id` or `id@asset`) would have done in the last `days` days.

    `threshold` is in the unit of the first of them; `streams` say in which unit each is, where the
    store alone does not. The days end with the newest value of the datastreams. Raises U-801 when
    there is no such rule.
    """
    begun = time.monotonic()
    names = {name, PREFIX + name}
    chosen = [r for r in rules if names & {r.id, switch_id(r), f"{r.id}@{r.asset}"}]
    if not chosen:
        known = sorted({switch_id(r) for r in rules})
        what = f"there is no rule '{name}' with datastreams here; known: {', '.join(known[:12])}"
        raise fault("U-801", what=what, name="rules backtest")
    known_streams = store.datastreams() if streams is None else streams
    ways = _ways(known_streams, chosen, between)
    if threshold is not None:
        chosen = _moved(chosen, threshold, ways)
    end = _end(store, chosen)
    past = _Past(store, (end - days * DAY_MS, end))
    failures = failures_of(store.work_orders())
    first = chosen[0]
    plain = all(trial.is_plain(r) for r in chosen)
    if plain:
        past.look(chosen)
        found = past.plain(chosen, progress)
    else:
        found = past.walked(chosen, rules, progress)
    horizon_ms = int(horizon_h * 3_600_000)
    steps = _sweep(past, chosen, ways, failures, horizon_ms, progress) if plain and sweep else ()
    unit = {d.id: d.unit for d in known_streams}.get(first.datastream, "")
    return Trial(
        rule=switch_id(first),
        text=first.text,
        days=days,
        from_ms=past.span[0],
        to_ms=end,
        assets=len({r.asset for r in chosen}),
        threshold=first.threshold,
        unit=unit,
        plain=plain,
        outcome=_outcome(chosen, found, failures, past.span, horizon_ms),
        firings=_listed(found),
        sweep=steps,
        points=past.points,
        points_read=past.read,
        seconds=round(time.monotonic() - begun, 3),
        note=_blind(chosen),
    )


def _ways(
    streams: Iterable[Datastream], rules: Sequence[AlarmRule], between: Between
) -> dict[int, tuple[float, float]]:
    """(scale, offset) from the first rule's unit to that of each rule's datastream."""
    known = {d.id: d for d in streams}
    first = known.get(rules[0].datastream)
    found = {}
    for rule in rules:
        stream = known.get(rule.datastream)
        if first is not None and stream is not None and first.unit and stream.unit:
            found[stream.id] = between(stream.kind, first.unit, stream.unit) or SAME
    return found


def _moved(
    rules: Sequence[AlarmRule], threshold: float, ways: dict[int, tuple[float, float]]
) -> list[AlarmRule]:
    """The rules with another threshold, in the first one's unit."""
    moved = []
    for rule in rules:
        scale, offset = ways.get(rule.datastream, SAME)
        offset = 0.0 if rule.condition is Condition.RATE else offset
        moved.append(msgspec.structs.replace(rule, threshold=threshold * scale + offset))
    return moved


def failures_of(orders: Iterable[WorkOrder]) -> dict[str, list[int]]:
    """Asset -> times of failures and of repairs that found something, from closed orders."""
    found: dict[str, list[int]] = {}
    for order in orders:
        if order.closed_ms and order.finding.startswith(("failed", "found")):
            found.setdefault(order.asset, []).append(order.closed_ms)
    return found


def _blind(chosen: Sequence[AlarmRule]) -> str:
    kinds = {r.condition for r in chosen} | {t.condition for r in chosen for t in r.terms}
    return "; ".join(text for kind, text in _BLIND.items() if kind in kinds)


def _end(store: Store, chosen: Sequence[AlarmRule]) -> int:
    times = store.newest().time_ms
    mine = [int(times[r.datastream]) for r in chosen if 0 <= r.datastream < len(times)]
    return max(mine, default=0) + 1


class _Past:
    """The span's values, read as far as they are needed."""

    def __init__(self, store: Store, span: tuple[int, int]) -> None:
        self._store = store
        self.span = span
        self.cells: dict[int, Cells] = {}
        self.points = 0
        self.read = 0
        self._whole: dict[int, tuple[Any, Any, Any]] = {}

    def look(self, rules: Sequence[AlarmRule]) -> None:
        """Read the coarse cells of the rules' datastreams."""
        streams = sorted({r.datastream for r in rules})
        self.cells = dict(self._store.coarse_cells(streams, *self.span))
        self.points = sum(int(c.count.sum()) for c in self.cells.values())

    def windows(self, rule: AlarmRule) -> list[tuple[int, int]]:
        """Where the rule could have begun to hold, clipped to the span."""
        made = self.cells.get(rule.datastream)
        if made is None:
            return []
        columns = (made.low, made.high, made.worst, made.first_ms, made.last_ms)
        low, high = self.span
        clipped = [(max(a, low), min(b + 1, high)) for a, b in trial.windows(rule, *columns)]
        return [(a, b) for a, b in clipped if a < b]

    def weight(self, rule: AlarmRule) -> int:
        """About how many points its windows hold."""
        made = self.cells.get(rule.datastream)
        if made is None:
            return 0
        inside = np.zeros(len(made), np.bool_)
        for low, high in self.windows(rule):
            inside |= (made.last_ms >= low) & (made.first_ms < high)
        return int(made.count[inside].sum())

    def plain(
        self, rules: Sequence[AlarmRule], progress: Progress = lambda *_: None
    ) -> dict[str, Firings]:
        """Key of each alarm -> when it would have been raised."""
        found: dict[str, Firings] = {}
        for place, rule in enumerate(rules):
            progress(place, len(rules), f"trying {rule.id} on {rule.asset}")
            columns = self._whole.get(rule.datastream) or self._parts(rule)
            key = f"{rule.id}@{rule.asset}"
            nothing = np.empty(0, np.int64)
            found[key] = trial.replay(rule, *columns) if columns else Firings(nothing, nothing)
        return found

    def keep_whole(self) -> None:
        """Read every point once, for many tries of other thresholds."""
        for stream in self.cells:
            self._whole[stream] = self._points(stream, *self.span)

    def _parts(self, rule: AlarmRule) -> tuple[Any, ...] | None:
        parts = [self._points(rule.datastream, *window) for window in self.windows(rule)]
        return tuple(np.concatenate(c) for c in zip(*parts, strict=True)) if parts else None

    def _points(self, stream: int, low: int, high: int) -> tuple[Any, Any, Any]:
        made = self._store.points(stream, low, high)
        self.read += len(made)
        return made.first_ms, made.first, made.worst

    def walked(
        self, chosen: Sequence[AlarmRule], rules: Sequence[AlarmRule], progress: Progress
    ) -> dict[str, Firings]:
        """The same for rules of any kind, by the live engine over every point."""
        by_key = {(r.id, r.asset): r for r in rules}
        found: dict[str, Firings] = {}
        for place, rule in enumerate(chosen):
            progress(place, len(chosen), f"walking {rule.id} on {rule.asset}")
            needed = _closure(rule, by_key)
            streams = {r.datastream for r in needed} | {
                t.datastream for r in needed for t in r.terms
            }
            columns = {s: self._points(s, *self.span) for s in sorted(streams) if s >= 0}
            self.points += sum(len(c[0]) for c in columns.values())
            key = f"{rule.id}@{rule.asset}"
            found[key] = trial.walk(needed, key, columns)
        return found


def _closure(rule: AlarmRule, by_key: dict[tuple[str, str], AlarmRule]) -> list[AlarmRule]:
    """The rule and every rule it looks at, directly or not."""
    found: dict[tuple[str, str], AlarmRule] = {}
    open_ = [rule]
    while open_:
        one = open_.pop()
        if (one.id, one.asset) in found:
            continue
        found[one.id, one.asset] = one
        named = [(t.rule, t.asset or one.asset) for t in one.terms if t.rule]
        named += [(one.unless, one.asset)] if one.unless else []
        open_ += [by_key[key] for key in named if key in by_key]
    return list(found.values())


def _outcome(
    rules: Sequence[AlarmRule],
    found: dict[str, Firings],
    failures: dict[str, list[int]],
    span: tuple[int, int],
    horizon_ms: int,
) -> Outcome:
    asset = {f"{r.id}@{r.asset}": r.asset for r in rules}
    known = {key: failures.get(asset[key], []) for key in found}
    return trial.judge_outcome(found, known, span, horizon_ms)


def _sweep(
    past: _Past,
    rules: Sequence[AlarmRule],
    ways: dict[int, tuple[float, float]],
    failures: dict[str, list[int]],
    horizon_ms: int,
    progress: Progress,
) -> tuple[Step, ...]:
    lows, highs = [], []
    for stream, cells in past.cells.items():
        scale, offset = ways.get(stream, SAME)
        lows.append((float(np.nanmin(cells.low)) - offset) / scale)
        highs.append((float(np.nanmax(cells.high)) - offset) / scale)
    steps = []
    tries = trial.thresholds(rules[0], lows, highs)
    before = past.read
    whole = past.points <= MOST_SWEPT
    if whole:
        past.keep_whole()
    for place, limit in enumerate(tries):
        progress(place, len(tries), f"trying {limit:g}")
        moved = _moved(rules, limit, ways)
        outcome = None
        if whole or sum(past.weight(r) for r in moved) <= MOST_SWEPT:
            found = past.plain(moved)
            outcome = _outcome(moved, found, failures, past.span, horizon_ms)
        steps.append(Step(limit, outcome))
    past.read = before
    return tuple(steps)


def _listed(found: dict[str, Firings]) -> tuple[Firing, ...]:
    rows = [
        Firing(key.partition("@")[2], raised, cleared if cleared < trial.NEVER else 0)
        for key, fire in found.items()
        for raised, cleared in zip(fire.raised_ms.tolist(), fire.cleared_ms.tolist(), strict=True)
    ]
    return tuple(sorted(rows, key=lambda r: -r.raised_ms)[:SHOWN])


def try_rule(project: Path, name: str, **more: Any) -> Trial:
    """The trial of a rule of a project on disk; a running recorder is not disturbed."""
    from lamplighter.runtime.project import opened

    with opened(project) as store:
        plugins = load_plugins()
        streams = sorted(store.datastreams(), key=lambda d: d.id)
        every = bound_design(store, plugins, store.assets(), streams).every
        described = plugins.described(streams)
        return backtest(store, every, name, between=plugins.between, streams=described, **more)
