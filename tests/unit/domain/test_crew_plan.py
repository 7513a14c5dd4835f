"""The day's plan respects skills, shifts and risk, and comes close to the best there is."""

from __future__ import annotations

import itertools
import random

import pytest

from lamplighter.domain.crew_plan import (
    Crew,
    Job,
    Plan,
    distance_m,
    propose,
    reason,
    schedule,
    sound,
    worth,
)

DAY = 1_795_305_600_000


def chance_jobs(seed: int, count: int) -> list[Job]:
    chance = random.Random(seed)
    return [
        Job(
            f"WO-{n}", f"Job {n}", f"A-{n}", chance.choice(["", "electrical", "water"]),
            chance.choice([30, 60, 120]), 7.0 + chance.random() / 10, 51.0 + chance.random() / 10,
            DAY + chance.choice([0, 10, 14, 40]) * 3_600_000, chance.choice([1, 2, 3, 3]),
            chance.random() * 500,
        )
        for n in range(count)
    ]  # fmt: skip


CREWS = (
    Crew("a", "Ash", ("electrical",), lon=7.05, lat=51.05),
    Crew("b", "Birch", ("water", "electrical"), 8 * 60, 14 * 60, 7.02, 51.02),
    Crew("c", "Cedar", ("water",), lon=7.08, lat=51.08),
)


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_keeps_to_skills_and_shifts_and_names_every_job_once(seed: int) -> None:
    jobs = chance_jobs(seed, 25)
    plan = propose(CREWS, jobs, DAY)
    assert sound(plan.visits)
    named = [v.order for v in plan.visits] + [u.order for u in plan.unplanned]
    assert sorted(named) == sorted(j.order for j in jobs)
    for crew in CREWS:
        visits = plan.of(crew.id)
        assert all(a.end_ms <= b.begin_ms for a, b in itertools.pairwise(visits))
    assert all(u.why for u in plan.unplanned)


def test_the_same_jobs_in_another_order_give_the_same_plan() -> None:
    jobs = chance_jobs(3, 20)
    assert propose(CREWS, jobs, DAY) == propose(CREWS, jobs[::-1], DAY)


def test_what_a_person_decided_stays() -> None:
    jobs = chance_jobs(5, 12)
    plan = propose(CREWS, jobs, DAY, keep={"c": ["WO-4", "WO-1"]})
    assert [v.order for v in plan.of("c") if v.order in {"WO-4", "WO-1"}] == ["WO-4", "WO-1"]


def test_the_weightiest_job_is_served_when_not_all_fit() -> None:
    crew = Crew("a", "Ash", begin=480, end=480 + 130)
    jobs = [Job("low", "L", minutes=120), Job("high", "H", minutes=120, priority=1)]
    plan = propose([crew], jobs, DAY)
    assert [v.order for v in plan.visits] == ["high"]
    assert plan.unplanned[0].why == "no room left in the shift of Ash"


def best(jobs: list[Job], crews: tuple[Crew, ...]) -> tuple[float, float]:
    """(worth, -way) of the best plan, by trying all of them."""
    found = (0.0, 0.0)
    for owners in itertools.product(range(-1, len(crews)), repeat=len(jobs)):
        ways = [[j for j, o in zip(jobs, owners, strict=True) if o == n] for n in range(len(crews))]
        served = sum(worth(j, DAY) for j, o in zip(jobs, owners, strict=True) if o >= 0)
        if served < found[0]:
            continue
        shortest = 0.0
        for crew, way in zip(crews, ways, strict=True):
            options = [schedule(crew, list(p), DAY) for p in itertools.permutations(way)]
            lengths = [sum(v.travel_m for v in o) for o in options if sound(o)]
            if not lengths:
                break
            shortest += min(lengths)
        else:
            found = max(found, (served, -shortest))
    return found


def test_small_days_come_close_to_the_best_there_is() -> None:
    crews = (Crew("a", "Ash", ("electrical", "water"), 420, 660, 7.05, 51.05),
             Crew("b", "Birch", ("water",), 420, 600, 7.02, 51.02))  # fmt: skip
    share, longer = [], []
    for seed in range(12):
        jobs = chance_jobs(seed + 100, 5)
        plan = propose(crews, jobs, DAY)
        by_id = {j.order: j for j in jobs}
        mine = sum(worth(by_id[v.order], DAY) for v in plan.visits)
        top, way = best(jobs, crews)
        share.append(mine / top)
        if mine == pytest.approx(top):
            longer.append(plan.travel_m / max(-way, 1.0))
    assert sum(share) / len(share) > 0.95
    assert sum(longer) / len(longer) < 1.15


def test_a_visit_out_of_place_says_what_is_wrong() -> None:
    crew = Crew("a", "Ash", ("water",), 420, 480)
    job = Job("o", "O", skill="electrical", minutes=90, due_ms=DAY + 8 * 3_600_000)
    (visit,) = schedule(crew, [job], DAY)
    assert visit.troubles == (
        "skill missing: electrical", "ends after the shift", "later than it is due",
    )  # fmt: skip


def test_distances_are_driven_ways_in_metres() -> None:
    assert distance_m((7.0, 51.0), (7.0, 51.01)) == pytest.approx(1.4 * 1_112, rel=0.01)


def test_a_place_in_the_plan_is_explained() -> None:
    job = Job("o", "O", skill="water", due_ms=DAY + 1, risk=120.0, priority=2)
    plan: Plan = propose(CREWS, [job], DAY)
    visit = plan.visits[0]
    crew = next(c for c in CREWS if c.id == visit.crew)
    text = reason(job, visit, crew, DAY)
    assert "priority 2" in text and "due today" in text and "can do water" in text
