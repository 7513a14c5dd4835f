"""A rule tried on a stored past: only what could matter is read, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.unit.store.store_kit import Bench, message, names

from lamplighter.alarms.backtest import replay
from lamplighter.domain.alarm import AlarmRule, Condition, Term
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.observation import Batch, PointColumns
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime.backtest import backtest, failures_of
from lamplighter.store import WriteAccess

STREAMS, MINUTES = 40, 1_440
HOUR = 3_600_000


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A day of 40 datastreams, a value a minute, with a few hours in which stream 3 is high."""
    made = Bench(tmp_path)
    start = made.clock.wall_ms() - MINUTES * 60_000
    rng = np.random.default_rng(4)
    for first in range(0, MINUTES, 60):
        count = 60 * STREAMS
        stream = np.tile(np.arange(STREAMS, dtype=np.int32), 60)
        time = np.repeat(start + (first + np.arange(60)) * 60_000, STREAMS).astype(np.int64)
        value = np.round(rng.normal(50.0, 3.0, count), 2)
        value[(stream == 3) & ((time - start) // HOUR % 7 == 3)] += 40.0
        points = PointColumns(
            stream, time, value, np.zeros(count, np.uint8), np.zeros(count, np.int32),
            np.arange(count, dtype=np.int32),
        )  # fmt: skip
        more = names(STREAMS) if not first else {}
        made.commit(Batch((message(first, count),), points, **more))  # type: ignore[arg-type]
    made.store.writer.flush(20.0)
    yield made
    made.store.close()


def rules(threshold: float = 80.0) -> list[AlarmRule]:
    return [
        AlarmRule("hot", n, f"A-{n}", Condition.ABOVE, threshold, 2, "too hot", deadband=1.0,
                  on_delay_ms=120_000)
        for n in range(STREAMS)
    ]  # fmt: skip


@pytest.mark.parametrize("threshold", [80.0, 55.0, 48.0])
def test_the_trial_gives_the_same_as_judging_every_point(bench: Bench, threshold: float) -> None:
    found = backtest(bench.store, rules(threshold), "hot", days=2, sweep=False)

    raised = 0
    for rule in rules(threshold):
        every = bench.store.points(rule.datastream, 0, 1 << 62)
        raised += len(replay(rule, every.first_ms, every.first, every.worst))
    assert found.outcome.fired == raised
    assert found.points == STREAMS * MINUTES


def test_what_cannot_have_fired_is_not_read(bench: Bench) -> None:
    found = backtest(bench.store, rules(), "hot", days=2, sweep=False)

    assert found.outcome.fired == 3 and {f.asset for f in found.firings} == {"A-3"}
    assert 0 < found.points_read < MINUTES


def test_thresholds_are_swept_and_one_of_them_is_the_rules_own(bench: Bench) -> None:
    found = backtest(bench.store, rules(), "hot@A-3", days=2)

    assert found.assets == 1 and found.threshold in [s.threshold for s in found.sweep]
    fired = [s.outcome.fired for s in found.sweep if s.outcome]
    assert max(fired) > found.outcome.fired > 0 == fired[-1]


def test_failures_on_record_are_set_against_it(bench: Bench) -> None:
    start = bench.clock.wall_ms() - MINUTES * 60_000
    order = WorkOrder("W-1", "A-3", "bearing", "done", finding="failed: seized",
                      closed_ms=start + 5 * HOUR)  # fmt: skip

    def keep(access: WriteAccess) -> None:
        access.put_work_order(order)

    bench.store.writer.call(keep).result(20)
    found = backtest(bench.store, rules(), "hot", days=2, horizon_h=3, sweep=False)

    assert (found.outcome.caught, found.outcome.repairs) == (1, 1)
    assert found.outcome.lead_time_median_min == pytest.approx(118.0)
    assert failures_of([msgspec.structs.replace(order, finding="not found: fine")]) == {}


def test_a_rule_that_looks_at_two_things_is_walked_and_says_so(bench: Bench) -> None:
    both = msgspec.structs.replace(
        rules()[3], terms=(Term(datastream=4, condition=Condition.ABOVE, threshold=0.0),)
    )
    found = backtest(bench.store, [both], "hot", days=2)

    assert not found.plain and found.sweep == ()
    assert found.outcome.fired == 3


def test_an_unknown_rule_is_told_with_those_there_are(bench: Bench) -> None:
    with pytest.raises(LamplighterError, match=r"no rule 'cold'.*hot"):
        backtest(bench.store, rules(), "cold")


def test_a_rule_of_the_project_answers_to_its_short_name(bench: Bench) -> None:
    own = [msgspec.structs.replace(rules()[3], id="project.hot")]
    found = backtest(bench.store, own, "hot", days=2, sweep=False)
    assert (found.rule, found.outcome.fired) == ("project.hot", 3)


def test_one_threshold_is_tried_on_datastreams_of_two_units(bench: Bench) -> None:
    def units(access: WriteAccess) -> None:
        named = {2: "bar", 3: "kPa"}
        known = [d for d in bench.store.datastreams() if d.id in named]
        access.put_datastream_meta(msgspec.structs.replace(d, unit=named[d.id]) for d in known)

    bench.store.writer.call(units).result(20)
    both = [r for r in rules() if r.datastream in (2, 3)]
    found = backtest(bench.store, both, "hot", days=2, threshold=0.8, sweep=False)
    assert found.unit == "bar" and {f.asset for f in found.firings} == {"A-2", "A-3"}
    alone = backtest(bench.store, both[1:], "hot", days=2, threshold=80.0, sweep=False)
    mine = [f for f in found.firings if f.asset == "A-3"]
    assert alone.unit == "kPa" and mine == list(alone.firings)
