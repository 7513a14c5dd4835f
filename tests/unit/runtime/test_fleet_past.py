"""A failure and its repair are one event, not two."""

from __future__ import annotations

from lamplighter.domain.maintenance import WorkOrder
from lamplighter.runtime.fleet_past import renewals

DAY = 86_400_000


def closed(name: str, day: float, title: str, finding: str, asset: str = "P") -> WorkOrder:
    return WorkOrder(name, asset, title, "done", finding=finding, closed_ms=int(day * DAY))


def test_the_repair_of_a_failure_is_no_second_failure() -> None:
    orders = [
        closed("W", 10.2, "Replace the bearing", "found: worn"),
        closed("F", 10.0, "Bearing seized", "failed: bearing"),
        closed("R", 40.0, "Renew the bearing", "found: worn"),
        closed("O", 10.5, "Replace the bearing", "found: worn", asset="Q"),
    ]

    told = sorted((r.asset, r.time_ms / DAY, r.failed) for r in renewals(orders))

    assert told == [("P", 10.0, True), ("P", 40.0, True), ("Q", 10.5, True)]
