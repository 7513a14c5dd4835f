"""The console's own figures, counted by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.domain.days import DayCount
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.models import Told
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import product_metrics

DAY = 86_400_000
HOUR = 3_600_000


class Kept:
    """Stands where the store stands."""

    def __init__(self, days: list[DayCount], told: list[Told], orders: list[WorkOrder]) -> None:
        self._days, self._told, self._orders = days, told, orders

    def days(self, first: int, last: int) -> list[DayCount]:
        return [d for d in self._days if first <= d.day <= last]

    def prognosis_journal(self) -> Iterator[Told]:
        return iter(self._told)

    def work_orders(self) -> list[WorkOrder]:
        return self._orders

    def assets(self) -> list[object]:
        return []

    def alarm_journal(self) -> Iterator[object]:
        return iter(())


def day(number: int, source: int, hours: list[int]) -> DayCount:
    spans = sum(1 << (12 * hour + 5) for hour in hours)
    return DayCount(number, source, len(hours), 0, 0, 0, 0, spans)


def value(found: dict[str, object], name: str) -> tuple[float | None, int]:
    rows = {m["name"]: m for m in found["metrics"]}  # type: ignore[attr-defined]
    return rows[name]["value"], rows[name]["n"]


def test_availability_counts_hours_of_every_source_from_its_first_value_on() -> None:
    kept = Kept([day(0, 1, [20, 21]), day(1, 1, [0, 1, 2]), day(1, 2, [22])], [], [])

    found = product_metrics.metrics(kept, 0, 2 * DAY, 2 * DAY)  # type: ignore[arg-type]

    # source 1 from hour 20 of the first day: 28 hours, 5 heard; source 2: the last 2, 1 heard
    assert value(found, "availability of data") == (pytest.approx(6 / 30), 30)


def test_a_period_counts_only_its_own_hours() -> None:
    kept = Kept([day(0, 1, [20, 21]), day(1, 1, [0, 1, 2])], [], [])

    begin, end = DAY, DAY + 4 * HOUR
    found = product_metrics.metrics(kept, begin, end, end)  # type: ignore[arg-type]

    assert value(found, "availability of data") == (pytest.approx(3 / 4), 4)


def test_forecast_hits_are_the_scoreboards_and_need_twenty_cases_for_a_rate() -> None:
    def town(count: int) -> Kept:
        told = [Told(f"P{n}", DAY, 30.0, 0.9) for n in range(count)]
        orders = [
            WorkOrder(str(n), f"P{n}", "", "done", 2 * DAY, origin="forecast",
                      finding="found" if n % 2 else "not found", closed_ms=3 * DAY)
            for n in range(count)
        ]  # fmt: skip
        return Kept([], told, orders)

    few = product_metrics.metrics(town(10), 0, 9 * DAY, 9 * DAY)  # type: ignore[arg-type]
    many = product_metrics.metrics(town(20), 0, 9 * DAY, 9 * DAY)  # type: ignore[arg-type]

    assert value(few, "forecast hits") == (5, 10)
    assert value(few, "forecast hit rate") == (None, 5)
    assert value(many, "forecast hit rate") == (1.0, 10)
    assert value(many, "false alarms") == (10, 20)


@pytest.mark.parametrize("name", ["m.csv", "m.json"])
def test_figures_are_written_whole(tmp_path: Path, name: str) -> None:
    found = product_metrics.metrics(Kept([], [], []), 0, DAY, DAY)  # type: ignore[arg-type]

    product_metrics.write(found, tmp_path / name)

    if name.endswith("json"):
        assert json.loads((tmp_path / name).read_text()) == found
    else:
        with (tmp_path / name).open() as opened:
            rows = list(csv.DictReader(opened))
        assert [r["name"] for r in rows] == [m["name"] for m in found["metrics"]]


def test_another_ending_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(LamplighterError, match=r"neither a .csv nor a .json.*\[U-801\]"):
        product_metrics.write({}, tmp_path / "m.xls")
