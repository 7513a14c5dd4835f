"""The alarm figures against two calculations by hand; a report with a planted bug is found out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from tests.faults import part_alarm_figures
from tests.kit.eemua import DAY, TEN

from lamplighter.alarms import kpi
from lamplighter.domain.alarm import AlarmEvent
from lamplighter.domain.alarm_report import AlarmKpis

pytestmark = pytest.mark.faults
Events = Sequence[AlarmEvent]


def test_the_figures_are_exact() -> None:
    found = part_alarm_figures.run(part_alarm_figures.SHORT["random_years"])

    assert (found.built, found.defined, found.between) == ([], [], [])
    assert found.holds


def _flood_by_alarms(events: Events, begin: int, end: int) -> AlarmKpis:
    """Counts the alarms in floods instead of the time."""
    report = kpi.kpis(events, begin, end)
    counts: dict[int, int] = {}
    for event in events:
        if kpi.annunciates(event) and begin <= event.time_ms < end:
            number = (event.time_ms - begin) // TEN
            counts[number] = counts.get(number, 0) + 1
    flooded = sum(n for n in counts.values() if n > 10)
    return msgspec.structs.replace(report, flood_share=flooded / max(report.alarms, 1))


def _a_day_short(events: Events, begin: int, end: int) -> AlarmKpis:
    """Leaves the last day out."""
    report = kpi.kpis(events, begin, end)
    per_day = report.alarms / max((end - begin) / DAY - 1, 1)
    return msgspec.structs.replace(report, per_day=per_day)


def _days_of_utc(events: Events, begin: int, end: int) -> AlarmKpis:
    """Moves the borders to the midnights of UTC."""
    return kpi.kpis(events, begin // DAY * DAY, -(-end // DAY) * DAY)


def _slices_of_the_clock(events: Events, begin: int, end: int) -> AlarmKpis:
    """Cuts the slices at full ten minutes of UTC."""
    moved = kpi.kpis(events, begin // TEN * TEN, end)
    report = kpi.kpis(events, begin, end)
    return msgspec.structs.replace(
        report, flood_share=moved.flood_share, peak_10_min=moved.peak_10_min
    )


def _whole_border(events: Events, begin: int, end: int) -> AlarmKpis:
    """Counts the first moment after the period as well."""
    return msgspec.structs.replace(
        kpi.kpis(events, begin, end), alarms=kpi.kpis(events, begin, end + 1).alarms
    )


def _forgets_before(events: Events, begin: int, end: int) -> AlarmKpis:
    """Does not know what stood when the period began."""
    return kpi.kpis([e for e in events if e.time_ms >= begin], begin, end)


@pytest.mark.parametrize(
    "report",
    [
        _flood_by_alarms, _a_day_short, _days_of_utc, _slices_of_the_clock, _whole_border,
        _forgets_before,
    ],
)  # fmt: skip
def test_a_report_with_a_bug_is_found_out(report: Callable[..., AlarmKpis]) -> None:
    assert part_alarm_figures.run(0, report).built


@pytest.mark.parametrize(
    ("name", "value"), [("DAY_MS", DAY + 1), ("TOP", 11), ("FLEETING_MS", 10_001), ("FLEETS", 4)]
)
def test_a_wrong_border_is_found_out(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    monkeypatch.setattr(kpi, name, value)
    assert part_alarm_figures.run(0).built
