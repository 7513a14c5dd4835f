"""The cost of waiting follows the forecast's band and the user's own amounts."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.waiting import HORIZON_DAYS, WaitingCosts, rate, weigh

LIKELY = Prognosis("P-1", 0, 30, 0.7, 0.5, 0.85, basis="12 failures", naive_probability=0.05,
                   people=800)  # fmt: skip
COSTS = WaitingCosts(2_000, 8_000, 12, 1.0, "EUR", True)


def test_a_pump_that_will_likely_fail_is_repaired_now() -> None:
    found = weigh(LIKELY, "P-1", "pump", COSTS)
    assert [c.name for c in found.choices] == ["now", "in two weeks", "never"]
    assert found.advice.startswith("Repair now") and "whole band" in found.advice


def test_a_pump_like_all_others_is_left_alone() -> None:
    usual = replace(LIKELY, probability_30d=0.02, low=0.01, high=0.04, naive_probability=0.02,
                    people=0)  # fmt: skip
    assert weigh(usual, "P-1", "pump", COSTS).advice.startswith("Leave it")


def test_without_a_forecast_there_is_no_number() -> None:
    none = replace(LIKELY, probability_30d=None, basis="too few failures")
    assert weigh(none, "P", "pump", COSTS).basis == "no basis: too few failures"
    assert weigh(None, "P", "pump", COSTS).choices == ()


@pytest.mark.parametrize("seed", range(20))
def test_bands_hold_their_middle_and_waiting_longer_is_never_safer(seed: int) -> None:
    chance = random.Random(seed)
    low, middle, high = sorted(chance.random() for _ in range(3))
    item = replace(LIKELY, probability_30d=middle, low=low, high=high,
                   naive_probability=chance.random() * low)  # fmt: skip
    found = weigh(item, "P", "pump", COSTS).choices
    for choice in found:
        assert choice.fails_low <= choice.fails <= choice.fails_high
        assert choice.cost_low <= choice.cost <= choice.cost_high
    assert found[0].fails <= found[1].fails + 1e-12 <= found[2].fails + 2e-12


def test_never_agrees_with_a_simulation() -> None:
    chance, days = random.Random(4), rate(0.7, 30)
    failed = sum(chance.expovariate(days) < HORIZON_DAYS for _ in range(20_000)) / 20_000
    never = weigh(LIKELY, "P", "pump", COSTS).choices[2]
    assert never.fails == pytest.approx(failed, abs=0.01)
    assert never.cost == pytest.approx(never.fails * (8_000 + 800 * 12), rel=1e-9)


def test_the_turning_point_is_where_both_cost_the_same() -> None:
    found = weigh(LIKELY, "P", "pump", COSTS)
    price = float(found.turning.split("less than ")[1].split(" ")[0].replace(",", ""))
    at = weigh(LIKELY, "P", "pump", replace(COSTS, planned=price)).choices
    assert at[0].cost == pytest.approx(at[2].cost, rel=1e-3)
