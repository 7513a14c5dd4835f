"""The shown alarms as a file for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from lamplighter.domain.alarm import AlarmRecord
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.ui.alarm_filter import domain_of
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.words import tr

COLUMNS: Final = (
    "state", "priority", "since", "asset", "name", "domain", "text", "value", "people", "rule",
    "acknowledged_by", "shelved_until", "reason", "note", "cause", "consequence", "incident",
)  # fmt: skip


def write_alarms(path: Path, alarms: Sequence[AlarmRecord], city: CityIndex) -> str:
    """Write CSV with UTC times; what was written, or why not, in one line."""
    ordered = sorted(alarms, key=lambda a: (a.priority, a.since_ms, a.key))
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for alarm in ordered:
                writer.writerow([safe_cell(c) for c in _cells(alarm, city)])
    except OSError as error:
        return tr("Not written: {why}", why=error.strerror or str(error))
    return tr("{n} alarms written to {file}", n=f"{len(ordered):,}", file=path.name)


def _cells(alarm: AlarmRecord, city: CityIndex) -> tuple[object, ...]:
    return (
        alarm.state.value, alarm.priority, _iso(alarm.since_ms), alarm.asset,
        city.name(alarm.asset), domain_of(alarm, city), alarm.text, alarm.value, alarm.people,
        alarm.rule, alarm.acked_by, _iso(alarm.shelved_until_ms), alarm.reason, alarm.note,
        alarm.cause, alarm.consequence, alarm.incident,
    )  # fmt: skip


def _iso(ms: int) -> str:
    if not ms:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
