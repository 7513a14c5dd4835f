"""Failure risk from ages and failures alone: right where age tells, silent where it does not."""

from __future__ import annotations

import numpy as np

from lamplighter.analytics.life import ages
from lamplighter.analytics.life.ages import DAY_MS, AgesRequest, Lives
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.task import silent

NOW = 20_600 * DAY_MS
YEARS = 365.25


def fleet(shape: float, *, n: int = 300, seed: int = 0, scale: float = 8.0) -> Lives:
    """Made over twenty years, watched for the last ten, renewed when they fail."""
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(n):
        begin = -float(rng.uniform(0.0, 20.0))
        while True:
            end = begin + float(scale * rng.weibull(shape))
            entry, until = max(0.0, -10.0 - begin), min(end, 0.0)
            if until - begin > entry:
                rows.append((entry, until - begin, end < 0.0, place, NOW + until, end >= 0.0))
            if end >= 0.0:
                break
            begin = end
    entry, end_, failed, asset, when, running = (np.array(c) for c in zip(*rows, strict=True))
    names = np.array([f"L-{k}".encode() for k in range(n)])
    return Lives("Lamp", names, entry * YEARS, end_ * YEARS, failed, asset, when, running)


def said(lives: Lives) -> dict[str, Prognosis]:
    return {p.asset: p for p in ages.risks(AgesRequest((lives,), NOW), silent)}


def truth(age: float, shape: float, scale: float = 8.0) -> float:
    """The chance of failing within thirty days at an age in days."""
    a, b = age / YEARS, (age + ages.HORIZON) / YEARS
    return float(-np.expm1((a / scale) ** shape - (b / scale) ** shape))


def age_of(lives: Lives) -> dict[str, float]:
    rows = np.flatnonzero(lives.running)
    return {lives.name(r): float(lives.end[r]) for r in rows.tolist()}


def test_where_things_wear_out_the_old_are_likelier_to_fail_and_the_band_holds() -> None:
    inside = []
    for seed in range(6):
        lives = fleet(3.0, seed=seed)
        found, age = said(lives), age_of(lives)
        given = [p for p in found.values() if p.probability_30d is not None]
        assert len(given) > 100
        old = max(given, key=lambda p: age[p.asset])
        young = min(given, key=lambda p: age[p.asset])
        assert (old.probability_30d or 0) > 2 * (young.probability_30d or 0)
        inside += [(p.low or 0) <= truth(age[p.asset], 3.0) <= (p.high or 0) for p in given]
    assert np.mean(inside) > 0.8


def test_a_forecast_says_age_record_and_similar_lives() -> None:
    lives = fleet(3.0)
    one = next(p for p in said(lives).values() if p.probability_30d is not None)
    assert one.basis == f"ages, {int(lives.failed.sum())} failures among 300 assets of its class"
    assert "in service" in one.reasons[0].text
    assert 0 < len(one.similar) <= 3
    assert one.age_share == 1.0
    assert one.would_change.startswith("renewed now: ")
    assert one.naive_probability is not None


def test_what_fails_by_chance_alone_gets_no_number_but_the_plain_rate() -> None:
    frozen = 0
    for seed in range(5):
        found = said(fleet(1.0, seed=seed)).values()
        frozen += all(p.basis.startswith("frozen: ") and p.low is None for p in found)
        assert all(p.naive_probability for p in found)
    assert frozen >= 3


def test_with_fewer_than_five_failures_nothing_is_said() -> None:
    lives = fleet(3.0, n=4, scale=30.0)
    assert int(lives.failed.sum()) < ages.FEWEST
    assert said(lives) == {}


def test_an_asset_older_than_all_others_has_no_basis() -> None:
    lives = fleet(3.0)
    oldest = int(np.flatnonzero(lives.running)[0])
    lives.end[oldest] = 60 * YEARS
    one = said(lives).get(lives.name(oldest))
    assert one is None or one.low is None


def test_the_plain_rate_counts_only_what_was_watched() -> None:
    lasting = ages.Lasting(
        np.array([0.0, 900.0]), np.array([100.0, 1000.0]), np.array([True, False])
    )
    assert lasting.served == 200.0
    assert lasting.naive() == np.float64(-np.expm1(-30.0 / 200.0))
