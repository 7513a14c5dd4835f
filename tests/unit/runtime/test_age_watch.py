"""The lives of a class, from the register and the closed work orders."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from lamplighter.analytics.life.ages import risks
from lamplighter.domain.city import Asset
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.task import silent
from lamplighter.runtime.age_watch import AgeWatch, lives_of

DAY_MS = 86_400_000
YEAR_2000 = 946_684_800_000
NOW = YEAR_2000 + 9_000 * DAY_MS


def lamp(name: str, **about: object) -> Asset:
    return Asset(name, "Lamp", name, "mobility", attributes=dict(about))


def failure(asset: str, day: int) -> WorkOrder:
    when = YEAR_2000 + day * DAY_MS
    return WorkOrder(f"F-{asset}-{day}", asset, "It failed", "done", when,
                     finding="failed: lamp", closed_ms=when)  # fmt: skip


def test_a_class_with_five_failures_has_lives_that_begin_with_the_making_or_a_failure() -> None:
    lamps = [lamp(f"L-{k}", year_built="2000") for k in range(8)]
    orders = [failure(f"L-{k}", 4_000 + 100 * k) for k in range(7)]
    (lives,) = lives_of(lamps, orders, NOW)
    assert lives.kind == "Lamp"
    assert int(lives.failed.sum()) == 6, "the first one opens the record"
    assert int(lives.running.sum()) == 8
    second = lives.asset == lives.names.tolist().index(b"L-1")
    assert lives.entry[second].tolist() == [4_000.0, 0.0]
    assert lives.end[second].tolist() == [4_100.0, 4_900.0]


def test_too_few_failures_or_unknown_ages_give_no_class() -> None:
    lamps = [lamp(f"L-{k}", year_built=2000) for k in range(8)]
    assert lives_of(lamps, [failure("L-1", 4_000), failure("L-2", 4_100)], NOW) == ()
    unknown = [lamp(f"L-{k}") for k in range(8)]
    orders = [failure(f"L-{k}", 4_000 + k) for k in range(8)]
    assert lives_of(unknown, orders, NOW) == ()


def test_what_comes_after_now_is_not_looked_at() -> None:
    lamps = [lamp(f"L-{k}", year_built="2000") for k in range(8)]
    orders = [failure(f"L-{k}", 4_000 + 100 * k) for k in range(7)]
    (before,) = lives_of(lamps, orders, NOW)
    (after,) = lives_of(lamps, [*orders, failure("L-7", 9_100)], NOW)
    for name in ("entry", "end", "failed", "running"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_the_one_whose_model_is_silent_is_told_by_the_lives_of_its_whole_class() -> None:
    lamps = [lamp(f"L-{k}", year_built="2000") for k in range(40)]
    orders = [failure(f"L-{k}", 2_000 + 150 * k) for k in range(30)]
    city = SimpleNamespace(assets={a.id: a for a in lamps})
    recorder: Any = SimpleNamespace(
        clock=SimpleNamespace(wall_ms=lambda: NOW),
        core=SimpleNamespace(city=city),
        store=SimpleNamespace(work_orders=lambda: orders, setting=lambda name: ""),
    )
    watch = AgeWatch(recorder)
    every = risks(watch.request(frozenset()), silent)
    spoken_of = frozenset(a.id for a in lamps) - {"L-35"}
    (alone,) = risks(watch.request(spoken_of), silent)
    assert alone == next(p for p in every if p.asset == "L-35")
    assert watch.request(frozenset(a.id for a in lamps)).classes == ()


def test_renewals_before_the_first_failure_on_record_tell_ages_and_no_days_without_failure() -> (
    None
):
    lamps = [lamp(f"L-{k}") for k in range(8)]
    early = [
        WorkOrder(f"R-{k}", f"L-{k}", "Replace the lamp", "done",
                  closed_ms=YEAR_2000 + 3_000 * DAY_MS)
        for k in range(8)
    ]  # fmt: skip
    orders = [failure(f"L-{k}", 4_000 + 100 * k) for k in range(7)]
    (lives,) = lives_of(lamps, [*early, *orders], NOW)
    second = lives.asset == lives.names.tolist().index(b"L-1")
    assert lives.entry[second].tolist() == [1_000.0, 0.0]
    assert lives.end[second].tolist() == [1_100.0, 4_900.0]
