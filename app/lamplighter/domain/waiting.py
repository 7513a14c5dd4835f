"""Repair now, in two weeks, or never: what each choice is likely to cost, as a band.

Over one horizon the three choices are compared on the same footing. Until a repair the asset fails
at the rate its forecast says, after it at the usual rate of its class. A failure costs its repair
and the hours its people are without service. The band follows the forecast's band; the amounts are
the user's own and always shown. A worn asset's rate grows, so waiting long costs rather more than
this says.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

from lamplighter.domain.maintenance import Prognosis

HORIZON_DAYS: Final = 90.0
LATER_DAYS: Final = 14.0
SOON_DAYS: Final = 1.0
"""a repair "now" takes this long to begin"""


class WaitingCosts(Struct, frozen=True):
    """What a class of assets costs. One currency for all amounts."""

    planned: float = 2_000.0
    """a planned repair"""
    failure: float = 8_000.0
    """a repair after a failure, with its call-out and damage"""
    hours_out: float = 12.0
    """without service after a failure"""
    person_hour: float = 1.0
    """what an hour without service is worth to one person"""
    currency: str = "EUR"
    own: bool = False
    """set by a person; else these are only examples"""


class Choice(Struct, frozen=True):
    """One choice over the horizon: chance of a failure, people-hours lost, cost; each a band."""

    name: str
    """now | in two weeks | never"""
    fails_low: float
    fails: float
    fails_high: float
    hours_low: float
    hours: float
    hours_high: float
    cost_low: float
    cost: float
    cost_high: float


class Waiting(Struct, frozen=True):
    """The three choices, or why there is no basis for them."""

    asset: str
    asset_class: str
    costs: WaitingCosts
    choices: tuple[Choice, ...] = ()
    basis: str = ""
    advice: str = ""
    turning: str = ""
    """what would change the advice"""
    horizon_days: float = HORIZON_DAYS


def rate(probability: float, days: float) -> float:
    """Failures a day that give this chance within `days`."""
    return -math.log1p(-min(max(probability, 0.0), 0.9999)) / days


def weigh(item: Prognosis | None, asset: str, asset_class: str, costs: WaitingCosts) -> Waiting:
    """The choices for an asset; without a forecast with a band there is no number."""
    if item is None or item.probability_30d is None or item.low is None or item.high is None:
        why = item.basis if item is not None and item.basis else "there is no forecast"
        return Waiting(asset, asset_class, costs, basis=f"no basis: {why}")
    usual = item.naive_probability if item.naive_probability is not None else item.low
    people = max(item.people, 0)
    rates = [rate(p, item.horizon_days) for p in (item.low, item.probability_30d, item.high)]
    after = rate(usual, item.horizon_days)
    choices = tuple(
        _choice(name, days, rates, after, costs, people)
        for name, days in (
            ("now", SOON_DAYS), ("in two weeks", LATER_DAYS), ("never", math.inf),
        )
    )  # fmt: skip
    return Waiting(
        asset, asset_class, costs, choices, item.basis, _advice(choices, costs),
        _turning(rates, after, costs, people),
    )  # fmt: skip


def _choice(
    name: str, days: float, rates: list[float], after: float, costs: WaitingCosts, people: int
) -> Choice:
    harm = costs.failure + people * costs.hours_out * costs.person_hour
    rows = []
    for worn in rates:
        before = 1.0 - math.exp(-worn * min(days, HORIZON_DAYS))
        rest = max(HORIZON_DAYS - min(days, HORIZON_DAYS), 0.0)
        later = (1.0 - before) * (1.0 - math.exp(-min(after, worn) * rest))
        fails = before + later
        planned = 0.0 if math.isinf(days) else (1.0 - before) * costs.planned
        rows.append((fails, fails * people * costs.hours_out, planned + fails * harm))
    (f0, h0, c0), (f1, h1, c1), (f2, h2, c2) = rows
    low, high = min(c0, c1, c2), max(c0, c1, c2)
    return Choice(name, f0, f1, f2, h0, h1, h2, low, c1, high)


def _advice(choices: tuple[Choice, ...], costs: WaitingCosts) -> str:
    best = min(choices, key=lambda c: c.cost)
    others = [c for c in choices if c is not best]
    clear = all(best.cost_high < o.cost_low for o in others)
    words = {"now": "Repair now", "in two weeks": "Repair in two weeks", "never": "Leave it"}
    how = "is cheapest over the whole band" if clear else (
        "is cheapest in the middle, but the bands overlap"
    )  # fmt: skip
    return f"{words[best.name]}: about {best.cost:,.0f} {costs.currency}, {how}."


def _turning(rates: list[float], after: float, costs: WaitingCosts, people: int) -> str:
    """The price of a planned repair at which repairing now and never repairing cost the same."""

    def gap(planned: float) -> float:
        at = WaitingCosts(planned, costs.failure, costs.hours_out, costs.person_hour)
        now = _choice("now", SOON_DAYS, rates, after, at, people).cost
        return now - _choice("never", math.inf, rates, after, at, people).cost

    if gap(0.0) >= 0:
        return "No price of a planned repair would make repairing now worth it."
    low, high = 0.0, max(costs.failure, 1.0)
    while gap(high) < 0 and high < 1e12:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if gap(middle) < 0 else (low, middle)
    return (
        f"Repairing now pays while a planned repair costs less than {low:,.0f} {costs.currency}"
        f" (it is set to {costs.planned:,.0f})."
    )
