"""An asset's life from its register, orders, alarms and forecasts."""

from __future__ import annotations

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.city import Asset
from lamplighter.domain.life import (
    alarm_events,
    built_events,
    forecast_events,
    in_order,
    order_events,
)
from lamplighter.domain.maintenance import AGE_MODEL, Part, WorkOrder
from lamplighter.domain.models import Told

HOUR = 3_600_000


def test_years_and_days_of_building_are_read_from_the_usual_attributes() -> None:
    attributes = {
        "Year_Built": 1974, "bldg:yearOfConstruction": "1981.0", "installed_on": "2003-05-06",
        "renovated": "2019", "built": "long ago", "height": 1990,
    }  # fmt: skip
    found = built_events(Asset("a", "Pump", "A", "water", attributes=attributes))
    told = {(e.kind, e.text, e.precision) for e in found}
    assert told == {
        ("built", "built 1974", "year"), ("built", "built 1981.0", "year"),
        ("built", "built 2003-05-06", "day"), ("renewed", "renewed 2019", "year"),
    }  # fmt: skip


def test_orders_tell_what_was_done_and_whether_the_forecast_was_right() -> None:
    orders = [
        WorkOrder("1", "a", "Inspect", "done", finding="not found", closed_ms=10, forecast="a: x"),
        WorkOrder("2", "a", "Inspect", "done", finding="found: worn", closed_ms=20),
        WorkOrder("3", "a", "Mend", "done", finding="failed: x", closed_ms=30, forecast="a: x"),
        WorkOrder("4", "a", "Mend", "done", finding="found: worn", closed_ms=40,
                  parts=(Part("p", "Bearing", used=True),)),
        WorkOrder("5", "a", "Grease", "planned", planned_ms=90, due_ms=95),
        WorkOrder("6", "a", "Grease", "cancelled", due_ms=99),
    ]  # fmt: skip
    found = in_order(order_events(orders))
    assert [(e.at_ms, e.kind) for e in found] == [
        (10, "inspected"), (10, "outcome"), (20, "repaired"), (30, "failed"), (30, "outcome"),
        (40, "replaced"), (90, "planned"),
    ]  # fmt: skip
    assert found[1].text.startswith("the forecast was wrong")


def _raised(at: int, priority: int = 1, rule: str = "r", asset: str = "a") -> AlarmEvent:
    record = AlarmRecord(rule, asset, 1, AlarmState.UNACK, priority, "High", True, at, at)
    return AlarmEvent(rule, asset, 1, at, "raised", AlarmState.NORM, AlarmState.UNACK, record)


def test_only_urgent_alarms_of_the_asset_count_and_a_burst_is_one() -> None:
    events = [_raised(0), _raised(HOUR // 2), _raised(HOUR), _raised(3 * HOUR), _raised(5, 3),
              _raised(6, 1, "s"), _raised(7, 1, "r", "b")]  # fmt: skip
    assert [e.at_ms for e in alarm_events(events, "a")] == [0, 3 * HOUR, 6]


def test_a_forecast_is_told_where_it_crosses_a_quarter() -> None:
    chances = (0.1, 0.2, 0.3, 0.45, None, 0.8, 0.1)
    items = [Told("a", n, 30.0, c) for n, c in enumerate(chances)]
    items.append(Told("b", 9, 30.0, 0.9))
    assert [e.at_ms for e in forecast_events(items, "a")] == [0, 2, 5, 6]
    for model, word in ((AGE_MODEL, ", in 40 to"), ("hazard 1", ", if so in 40 to")):
        one = Told("a", 0, 30.0, 0.3, days_low=40.0, days_high=900.0, model=model)
        assert word in forecast_events([one], "a")[0].text
