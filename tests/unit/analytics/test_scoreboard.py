"""The track record equals a count by hand: what was found, what was not, what failed unannounced.

`Counter` is written from the definition in the manual, walking through time, and shares no line
with the product.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from lamplighter.analytics.scoreboard import latest_window, scoreboard
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import ScoreRow, Told

DAY = 86_400_000
NOW = 400 * DAY


def told(asset: str, day: float, chance: float | None, **more: float | None) -> Told:
    return Told(asset, int(day * DAY), 30.0, chance, **more)  # type: ignore[arg-type]


def order(
    asset: str, day: float, finding: str, *, origin: str = "forecast", opened: float = 1.0
) -> WorkOrder:
    return WorkOrder(
        f"{asset}-{day}", asset, "Look", "done", int((day - opened) * DAY), origin=origin,
        finding=finding, closed_ms=int(day * DAY),
    )  # fmt: skip


def only(rows: tuple[ScoreRow, ...]) -> ScoreRow:
    assert len(rows) == 1
    return rows[0]


# ------------------------------------------------------------------ one case at a time
@pytest.mark.parametrize(
    ("chances", "case", "expected"),
    [
        ([0.1, 0.6, 0.7], order("P", 10, "found: worn"), (1, 0, 0)),
        ([0.1, 0.6, 0.7], order("P", 10, "not found"), (0, 0, 1)),
        ([0.1, 0.6, 0.7], order("P", 10, "failed: seized", origin="hand"), (1, 0, 0)),
        ([0.1, 0.6, 0.2], order("P", 10, "failed: seized", origin="hand"), (1, 0, 0)),
        ([0.1, 0.2, 0.3], order("P", 10, "failed: seized", origin="hand"), (0, 1, 0)),
        ([0.1, None, None], order("P", 10, "failed: seized", origin="hand"), (0, 1, 0)),
        ([0.6, 0.6, 0.6], order("P", 60, "failed: seized", origin="hand"), (0, 1, 0)),
        ([0.1, 0.6, 0.7], order("P", 10, "found: worn", origin="hand"), (0, 0, 0)),
        ([0.1, 0.6, 0.7], order("P", 10, "", origin="forecast"), (0, 0, 0)),
        ([0.1, 0.6, 0.7], order("P", 0.5, "failed", origin="hand"), (0, 0, 0)),
        ([0.1, 0.6, 0.7], order("Q", 10, "failed", origin="hand"), (0, 0, 0)),
    ],
    ids=[
        "found", "not found", "failed although warned", "warned once within the horizon",
        "never warned", "no basis", "the warning was long ago", "nobody asked the forecast",
        "no finding", "before the first forecast", "never forecast",
    ],
)  # fmt: skip
def test_a_case_counts_as_what_it_was(
    chances: list[float | None], case: WorkOrder, expected: tuple[int, int, int]
) -> None:
    forecasts = [told("P", 1 + n, chance) for n, chance in enumerate(chances)]

    row = only(scoreboard(forecasts, [case], {"P": "pump", "Q": "pump"}, NOW))

    assert (row.hits, row.missed, row.false_alarms) == expected
    assert row.cases == sum(expected)


def test_a_failure_the_model_had_no_basis_for_is_missed_and_said_apart() -> None:
    row = only(scoreboard([told("P", 1, None)], [order("P", 5, "failed", origin="hand")], {}, NOW))

    assert (row.missed, row.missed_without_basis, row.asset_class) == (1, 1, "other")


def test_two_orders_about_one_failure_are_one_case() -> None:
    orders = [
        order("P", 10.0, "found: worn"),
        order("P", 10.3, "failed: seized", origin="alarm"),
        order("P", 12.0, "not found"),
    ]

    row = only(scoreboard([told("P", 1, 0.9), told("P", 11, 0.9)], orders, {}, NOW))

    assert (row.cases, row.hits, row.false_alarms) == (2, 1, 1)


def test_a_warning_ends_with_the_case_it_led_to() -> None:
    orders = [order("P", 10, "found"), order("P", 20, "failed", origin="hand")]

    row = only(scoreboard([told("P", 1, 0.9), told("P", 12, 0.1)], orders, {}, NOW))

    assert (row.hits, row.missed) == (1, 1)


def test_below_twenty_closed_cases_there_is_no_figure() -> None:
    def of(count: int) -> ScoreRow:
        forecasts = [told(f"P{n}", 1, 0.9) for n in range(count)]
        orders = [order(f"P{n}", 8, "found") for n in range(count)]
        return only(scoreboard(forecasts, orders, {}, NOW))

    assert (of(19).hits, of(19).hit_rate, of(19).lead_days, of(19).has_record) == (
        19, None, None, False,
    )  # fmt: skip
    assert (of(20).hit_rate, of(20).lead_days, of(20).has_record) == (1.0, 7.0, True)


# ------------------------------------------------------------------ against a count by hand
@dataclass
class Counter:
    """Walks through one class's time, forecast by forecast and order by order."""

    hits: int = 0
    missed: int = 0
    false: int = 0
    leads: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def walk(self, forecasts: list[Told], orders: list[WorkOrder]) -> None:
        first_forecast = min(f.made_ms for f in forecasts)
        of_record = []
        for one in orders:
            tells = one.finding.startswith(("failed", "found", "not found"))
            counts = one.origin == "forecast" or one.finding.startswith("failed")
            if tells and counts and one.closed_ms > first_forecast:
                of_record.append(one)
        of_record.sort(key=lambda o: o.closed_ms)
        groups: list[list[WorkOrder]] = []
        for one in of_record:
            if groups and one.closed_ms - groups[-1][0].closed_ms <= DAY:
                groups[-1].append(one)
            else:
                groups.append([one])
        since_last = -1
        for group in groups:
            self.close(group, [f for f in forecasts if since_last < f.made_ms])
            since_last = group[0].closed_ms

    def close(self, group: list[WorkOrder], forecasts: list[Told]) -> None:
        at = group[0].closed_ms
        words = [o.finding for o in group]
        failed = any(w.startswith("failed") for w in words)
        found = any(w.startswith("found") for w in words)
        earlier = sorted((f for f in forecasts if f.made_ms < at), key=lambda f: f.made_ms)
        numbers = [f for f in earlier if f.probability_30d is not None]
        warning_at = [i for i, f in enumerate(numbers) if (f.probability_30d or 0) >= 0.5]
        begin = None
        if warning_at and at - numbers[warning_at[-1]].made_ms <= 30 * DAY:
            place = warning_at[-1]
            while place - 1 in warning_at:
                place -= 1
            begin = numbers[place].made_ms
        by_forecast = [o for o in group if o.origin == "forecast"]
        if not failed and not found:
            self.false += 1
        elif by_forecast or begin is not None:
            self.hits += 1
            start = begin if begin is not None else min(o.created_ms for o in group)
            self.leads.append(min((at - start) / DAY, 30.0) if earlier else (at - start) / DAY)
        else:
            self.missed += 1
        if failed:
            spans = [f for f in earlier if f.days_low is not None]
            if spans:
                right = 0
                for f in spans:
                    left = (at - f.made_ms) / DAY
                    right += int((f.days_low or 0) <= left <= (f.days_high or 0))
                self.shares.append(right / len(spans))


def town(seed: int) -> tuple[list[Told], list[WorkOrder], dict[str, str]]:
    """A year of forecasts, failures, looks and gaps of 30 assets in two classes."""
    rng = random.Random(seed)
    forecasts: list[Told] = []
    orders: list[WorkOrder] = []
    classes = {}
    for number in range(30):
        asset = f"A{number}"
        classes[asset] = ("pump", "transformer")[number % 2]
        chance = 0.1
        for day in range(rng.randrange(1, 30), 360, 3):
            chance = min(0.99, max(0.01, chance + rng.uniform(-0.2, 0.22)))
            days = (rng.uniform(0, 9), rng.uniform(10, 40)) if chance > 0.4 else (None, None)
            forecasts.append(
                told(asset, day + rng.random(), None if rng.random() < 0.1 else chance,
                     days_low=days[0], days_high=days[1])
            )  # fmt: skip
        for _ in range(rng.randrange(2, 8)):
            day = rng.uniform(0, 390)
            finding = rng.choice(["found: worn", "not found", "failed: seized", "", "painted"])
            origin = rng.choice(["forecast", "hand", "alarm"])
            orders.append(order(asset, day, finding, origin=origin, opened=rng.uniform(0.1, 9)))
            if rng.random() < 0.3:
                orders.append(order(asset, day + rng.uniform(0, 1.4), "failed", origin="alarm"))
    rng.shuffle(orders)
    forecasts.sort(key=lambda f: f.made_ms)
    return forecasts, orders, classes


@pytest.mark.parametrize("seed", range(12))
def test_the_scoreboard_equals_a_count_by_hand(seed: int) -> None:
    forecasts, orders, classes = town(seed)

    rows = {r.asset_class: r for r in scoreboard(forecasts, orders, classes, NOW)}

    for name in ("pump", "transformer"):
        counted = Counter()
        mine = [a for a in classes if classes[a] == name]
        for asset in mine:
            counted.walk(
                [f for f in forecasts if f.asset == asset],
                [o for o in orders if o.asset == asset],
            )
        row = rows[name]
        assert (row.hits, row.missed, row.false_alarms) == (
            counted.hits, counted.missed, counted.false,
        )  # fmt: skip
        assert row.cases == counted.hits + counted.missed + counted.false >= 20
        assert row.hit_rate == pytest.approx(counted.hits / (counted.hits + counted.missed))
        leads = sorted(counted.leads)
        middle = len(leads) // 2
        median = leads[middle] if len(leads) % 2 else (leads[middle - 1] + leads[middle]) / 2
        assert row.lead_days == pytest.approx(median)
        months = (NOW - min(f.made_ms for f in forecasts if f.asset in mine)) / DAY / 30.4375
        assert row.false_per_month == pytest.approx(counted.false / months)
        assert row.covered_n == len(counted.shares)
        assert row.covered == pytest.approx(sum(counted.shares) / len(counted.shares))


# ------------------------------------------------------------------ the latest judged window
def judged_town(chance: float, failing: set[int]) -> tuple[list[Told], list[WorkOrder]]:
    forecasts = [
        told(f"P{n}", day, chance if n not in failing else 0.9, naive_probability=0.3)
        for day in range(20)
        for n in range(5)
    ]
    return forecasts, [order(f"P{n}", 25, "failed", origin="hand") for n in failing]


def test_a_window_is_judged_when_its_horizon_has_passed_and_not_before() -> None:
    forecasts, orders = judged_town(0.1, {0})

    assert latest_window(forecasts, orders, 30 * DAY - 1) is None
    early = latest_window(forecasts, orders, 40 * DAY)
    late = latest_window(forecasts, orders, 60 * DAY)

    assert early is not None and late is not None
    assert (early.to_ms, late.to_ms) == (10 * DAY, 19 * DAY)
    assert late.figure.ours == pytest.approx((4 * 0.01 + 0.01) / 5)
    assert late.figure.naive == pytest.approx((4 * 0.09 + 0.49) / 5)
    assert late.figure.beats_naive


def test_what_comes_later_changes_no_window_of_before() -> None:
    forecasts, orders = judged_town(0.1, {0})
    later = [order("P3", 90, "failed", origin="hand")]
    more = [told("P1", 70, 0.99, naive_probability=0.3)]

    assert latest_window(forecasts, orders, 60 * DAY) == latest_window(
        forecasts + more, orders + later, 60 * DAY
    )


def test_a_model_worse_than_its_naive_rule_is_seen_to_be() -> None:
    forecasts, orders = judged_town(0.9, set())

    window = latest_window(forecasts, orders, 60 * DAY)
    assert window is not None and not window.figure.beats_naive
    assert latest_window(forecasts, orders, 60 * DAY, model="another") is None
