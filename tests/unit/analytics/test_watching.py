"""A departure is told as what it is, from limits that training set, and never where there is none.

The watch is fed one value a minute; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lamplighter.analytics.expected import DAY_MS, Basis, ExpectedTable
from lamplighter.analytics.watching import Departure, Watch, reaches, shape_of
from lamplighter.domain.newest_block import blank
from lamplighter.domain.quality import Quality, QualityMark

BEGIN = 1_795_305_600_000
MINUTE = 60_000
SPREAD, HOURLY = 0.1, 0.05


def table(tail: float = 2.0) -> ExpectedTable:
    return ExpectedTable(
        np.arange(2), DAY_MS, np.full((2, 24), 10.0), np.full((2, 1), -1), np.zeros((2, 1)),
        np.full(2, SPREAD), np.full(2, 5_000), BEGIN, BEGIN + 9 * DAY_MS, np.ones(2, np.bool_),
        np.full(2, HOURLY), np.full(2, tail), np.full(2, 0.5),
    )  # fmt: skip


def run(
    value: Callable[[int], float],
    minutes: int,
    *,
    watch: Watch | None = None,
    basis: Basis = Basis.HISTORY,
    quality: int = 0,
    unfit: bool = False,
    start: int = 0,
) -> tuple[list[tuple[int, Departure]], Watch]:
    """What is told of datastream 0, with the minute; 1 always reads as expected."""
    if watch is None:
        watch = Watch()
        watch.use(table())
    rng = np.random.default_rng(5)
    found = []
    for minute in range(start, start + minutes):
        values = blank(2)
        values.time_ms[:] = BEGIN + minute * MINUTE
        values.value[:] = (value(minute) + rng.normal(0, 0.03), 10.0)
        values.expected[:] = 10.0
        values.spread[:] = SPREAD
        values.quality[:] = quality
        watch.second(values, np.full(2, basis, np.uint8), np.full(2, unfit))
        found += [(minute, d) for d in watch.minute(BEGIN + minute * MINUTE)]
    return found, watch


def test_what_reads_as_expected_is_never_told() -> None:
    assert run(lambda m: 10.0, 30 * 60)[0] == []


def test_an_unusual_value_is_told_when_two_minutes_agree() -> None:
    one, _ = run(lambda m: 12.0 if m == 100 else 10.0, 300)
    two, _ = run(lambda m: 12.0 if m >= 100 else 10.0, 105)

    assert one == []
    assert two[0][0] == 101
    assert two[0][1].datastream == 0
    assert two[0][1].gap == pytest.approx(2.0, abs=0.2)


def test_a_step_inside_the_noise_of_single_values_is_told_as_a_step() -> None:
    found, _ = run(lambda m: 10.0 + (0.35 if m >= 600 else 0.0), 900)

    assert found[0][0] < 720
    assert found[-1][1].kind == "change"


def test_a_slow_drift_is_told_as_a_drift_with_its_pace() -> None:
    found, _ = run(lambda m: 10.0 + max(0, m - 600) / 60 * 0.02, 600 + 40 * 60)

    last = found[-1][1]
    assert last.kind == "drift"
    assert last.slope == pytest.approx(0.02, rel=0.3)
    assert found[0][0] - 600 < 12 * 60
    assert abs(found[-1][1].since_ms - (BEGIN + 600 * MINUTE)) < 6 * 60 * MINUTE


def test_limits_come_from_training() -> None:
    wild = Watch()
    wild.use(table(tail=20.0))

    assert run(lambda m: 10.0 + (0.35 if m >= 600 else 0.0), 900, watch=wild)[0] == []


@pytest.mark.parametrize(
    "poor",
    [
        {"quality": int(Quality.BAD)},
        {"quality": int(Quality.UNCERTAIN)},
        {"quality": int(QualityMark.HAND_SET)},
        {"quality": int(QualityMark.IN_MAINTENANCE)},
        {"unfit": True},
        {"basis": Basis.SINCE_START},
        {"basis": Basis.NONE},
    ],
)
def test_poor_inputs_are_not_judged(poor: dict[str, object]) -> None:
    assert run(lambda m: 20.0, 200, **poor)[0] == []  # type: ignore[arg-type]


def test_after_a_repair_the_new_level_is_the_usual_one() -> None:
    _, watch = run(lambda m: 10.0, 300)
    watch.anew(np.array([0]))
    after, _ = run(lambda m: 11.0, 600, watch=watch, start=300)
    later, _ = run(lambda m: 12.0, 100, watch=watch, start=900)

    assert after == []
    assert later[0][1].gap == pytest.approx(1.0, abs=0.1)


def test_it_is_over_when_the_value_came_back_for_a_while() -> None:
    _, watch = run(lambda m: 12.0 if m > 60 else 10.0, 120)
    assert not watch.over(0)
    run(lambda m: 10.0, 200, watch=watch, start=120)
    assert watch.over(0)


def test_the_time_to_the_limit_follows_season_and_pace() -> None:
    at = reaches(table(), 0, gap=1.0, slope=0.1, limit=13.0, now_ms=BEGIN)
    assert (at - BEGIN) / 3_600_000 == pytest.approx(20, abs=1)
    assert reaches(table(), 0, 1.0, -0.1, 8.0, BEGIN) > BEGIN
    assert reaches(table(), 9, 1.0, 0.1, 13.0, BEGIN) == 0


def test_a_course_with_holes_is_still_a_drift() -> None:
    ring = np.concatenate([np.zeros(40), np.linspace(0, 3, 20)])
    ring[[45, 46, 51]] = np.nan
    kind, start, slope = shape_of(ring)
    assert kind == "drift"
    assert 38 <= start <= 48
    assert slope == pytest.approx(3 / 19, rel=0.2)


def test_a_whole_city_that_departs_does_not_fill_the_beat_with_suspects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lamplighter.analytics.watching.MOST_SUSPECTS", 80, raising=False)
    count = 300
    watch = Watch()
    watch.use(ExpectedTable(
        np.arange(count), DAY_MS, np.zeros((count, 24)), np.full((count, 1), -1),
        np.zeros((count, 1)), np.ones(count), np.full(count, 5_000), BEGIN, BEGIN + 9 * DAY_MS,
        np.ones(count, np.bool_), np.ones(count), np.ones(count), np.ones(count),
    ))  # fmt: skip
    for minute in range(6):
        values = blank(count)
        values.time_ms[:] = BEGIN + minute * MINUTE
        values.value[:] = 100.0 + np.arange(count)
        values.expected[:], values.spread[:] = 0.0, 1.0
        watch.second(values, np.full(count, Basis.HISTORY, np.uint8), np.zeros(count, np.bool_))
        told = watch.minute(BEGIN + minute * MINUTE)

    assert len(watch.suspects) == 80
    assert {d.datastream for d in told} == set(range(220, 300)), "those that are farthest off"
