"""The record of anomalies and suspicions equals what a person counts by hand."""

from __future__ import annotations

import pytest

from lamplighter.analytics.verdict_board import verdicts
from lamplighter.domain.anomaly import FALSE, REAL
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import FEWEST_CASES, ToldOf

DAY = 86_400_000
MONTH = 365.25 / 12
CLASS_OF = {"P1": "Pump", "P2": "Pump", "T1": "Tank"}


def order(asset: str, day: float, finding: str, number: int = 0) -> WorkOrder:
    at = int(day * DAY)
    return WorkOrder(f"WO-{asset}-{number}-{at}", asset, "Look at it", "done", finding=finding,
                     created_ms=at - DAY, closed_ms=at)  # fmt: skip


def told(asset: str, day: float, verdict: str, detector: str = "drift") -> ToldOf:
    return ToldOf(detector, asset, int(day * DAY), verdict)


def test_the_record_equals_a_count_by_hand() -> None:
    found = [
        *(told("P1", 10 + n, REAL) for n in range(12)),  # days 10 to 21
        *(told("P2", 40 + n, FALSE, "stuck") for n in range(6)),
        *(told("P2", 60 + n, REAL, "sensor: replay") for n in range(4)),
        told("P2", 70, ""),
        told("T1", 5, REAL),
        told("gone", 5, FALSE),
    ]
    orders = [
        order("P1", 25, "failed: bearing"),  # after all twelve, the last one 4 days before
        order("P1", 80, "failed again"),  # nothing was told since day 21: missed
        order("P2", 58, "failed"),  # only what was called false came before: missed
        order("P2", 62.5, "found: a replayed signal"),  # ends the lead of days 60, 61 and 62
        order("P2", 90, "not found"),
        order("T1", 36, "failed"),  # 31 days after: too late to have been told of
        order("elsewhere", 12, "failed"),  # without a class, like `gone`
    ]

    rows = {(r.group, r.name): r for r in verdicts(found, orders, CLASS_OF, 100 * DAY)}

    assert set(rows) == {
        ("class", "Pump"), ("class", "Tank"), ("class", "other"),
        ("detector", "drift"), ("detector", "stuck"), ("detector", "sensor: replay"),
    }  # fmt: skip
    pump = rows["class", "Pump"]
    assert (pump.told, pump.real, pump.false, pump.missed) == (23, 16, 6, 2)
    assert pump.hit_rate == pytest.approx(16 / 18)
    assert pump.right_when_told == pytest.approx(16 / 22)
    assert pump.false_per_month == pytest.approx(6 / (90 / MONTH))
    # twelve of P1: 15, 14, ... 4 days; of P2: 2.5, 1.5 and 0.5 (day 63 has no order after it)
    leads = sorted([*range(4, 16), 2.5, 1.5, 0.5])
    assert (pump.lead_n, pump.lead_days) == (15, leads[7])
    tank = rows["class", "Tank"]
    assert (tank.real, tank.missed, tank.lead_n) == (1, 1, 0)
    assert tank.hit_rate is None and not tank.has_record
    other = rows["class", "other"]
    assert (other.told, other.false, other.missed) == (1, 1, 1)
    drift = rows["detector", "drift"]
    assert (drift.told, drift.real, drift.false, drift.missed) == (15, 13, 1, None)
    assert drift.judged < FEWEST_CASES and drift.right_when_told is None


def test_one_that_was_told_but_not_judged_yet_is_no_miss() -> None:
    rows = verdicts([told("P1", 10, "")], [order("P1", 20, "failed")], CLASS_OF, 30 * DAY)
    assert (rows[0].told, rows[0].judged, rows[0].missed) == (1, 0, 0)


def test_a_past_that_was_brought_in_is_not_missed() -> None:
    orders = [order("P1", 2, "failed"), order("P2", 9, "failed"), order("P2", 20, "failed")]
    rows = verdicts([told("P1", 10, "")], orders, CLASS_OF, 30 * DAY)
    assert rows[0].missed == 1
