"""The alarm journal: filtered, written to a file, and the figures of a period made from it."""

from __future__ import annotations

import csv
import json
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from lamplighter.alarms.kpi import DAY_MS, kpis
from lamplighter.domain.alarm import AlarmEvent
from lamplighter.domain.alarm_report import AlarmKpis
from lamplighter.domain.clock import iso
from lamplighter.domain.problems import fault
from lamplighter.domain.spreadsheet import safe_cell
from lamplighter.domain.wire import JournalFilter
from lamplighter.store import Store

COLUMNS: Final = (
    "time", "event", "rule", "asset", "priority", "text", "before", "after", "active", "value",
    "since", "actor", "note", "people", "incident",
)  # fmt: skip
INNER: Final = frozenset({"folded", "unfolded"})
"""housekeeping of incidents: only shown when asked for by name"""


def entries(store: Store, wanted: JournalFilter) -> Iterator[AlarmEvent]:
    """What of the journal fits, oldest first."""
    needle = wanted.text.casefold()
    for event in store.alarm_journal(_early(wanted.from_ms), None):
        record = event.record
        if wanted.from_ms is not None and event.time_ms < wanted.from_ms:
            continue
        if wanted.to_ms is not None and event.time_ms >= wanted.to_ms:
            continue
        if wanted.events and event.event not in wanted.events:
            continue
        if not wanted.events and event.event in INNER:
            continue
        if wanted.assets and event.asset not in wanted.assets:
            continue
        if wanted.rules and not any(event.rule.startswith(r) for r in wanted.rules):
            continue
        if wanted.priorities and record.priority not in wanted.priorities:
            continue
        if wanted.actor and event.actor != wanted.actor:
            continue
        words = (record.text, event.note, event.asset, event.rule)
        if needle and not any(needle in w.casefold() for w in words):
            continue
        yield event


def _early(from_ms: int | None) -> int | None:
    """Facts are written after they happened, never long before: an index of sorts."""
    return None if from_ms is None else from_ms - 60_000


def newest(store: Store, wanted: JournalFilter, limit: int) -> tuple[list[AlarmEvent], int]:
    """The newest `limit` entries that fit, oldest first, and how many older ones fit as well."""
    kept: deque[AlarmEvent] = deque(maxlen=max(limit, 1))
    count = 0
    for event in entries(store, wanted):
        kept.append(event)
        count += 1
    return list(kept), count - len(kept)


def row(event: AlarmEvent) -> dict[str, Any]:
    """One entry with the names of `COLUMNS`."""
    record = event.record
    return {
        "time": iso(event.time_ms),
        "event": event.event,
        "rule": event.rule,
        "asset": event.asset,
        "priority": record.priority,
        "text": record.text,
        "before": event.before.value,
        "after": event.after.value,
        "active": record.active,
        "value": record.value,
        "since": iso(record.since_ms),
        "actor": event.actor,
        "note": event.note,
        "people": record.people,
        "incident": record.incident,
    }


def write(store: Store, path: Path, wanted: JournalFilter) -> int:
    """Write what fits as .csv (safe for spreadsheets) or .json, whole or not at all; how many.

    Raises LamplighterError: U-801 for another ending, U-813 for a place that cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in {".csv", ".json"}:
        raise fault("U-801", what=f"{path.name} ends neither in .csv nor .json", name="alarms")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as out:
            found = entries(store, wanted)
            count = _csv(out, found) if ending == ".csv" else _json(out, found)
        os.replace(part, path)  # noqa: PTH105
    except OSError as error:
        raise fault("U-813", name=str(path), what=error.strerror or str(error)) from None
    return count


def _csv(out: Any, events: Iterable[AlarmEvent]) -> int:
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for event in events:
        writer.writerow([safe_cell(v) for v in row(event).values()])
        count += 1
    return count


def _json(out: Any, events: Iterable[AlarmEvent]) -> int:
    out.write('{"journal": [')
    count = 0
    for event in events:
        out.write(",\n" if count else "\n")
        json.dump(row(event), out, ensure_ascii=False)
        count += 1
    out.write("\n]}\n")
    return count


def figures(store: Store, from_ms: int, to_ms: int, now_ms: int) -> AlarmKpis:
    """Figures of a period; 0 for an end means now, for a beginning a day before the end.

    Raises LamplighterError (U-801) for an empty period.
    """
    end = to_ms or now_ms
    begin = from_ms or end - DAY_MS
    if end <= begin:
        raise fault("U-801", what="the period ends before it begins", name="alarms")
    return kpis(store.alarm_journal(), begin, end)


def kpi_rows(found: AlarmKpis) -> list[tuple[str, str, str]]:
    """(what, value, recommended) for people."""
    split = " / ".join(f"{100 * found.priorities[p]:.1f}" for p in ("1", "2", "3", "4"))
    median = "—" if found.ack_median_s is None else f"{found.ack_median_s:.0f} s"
    slowest = "—" if found.ack_p95_s is None else f"{found.ack_p95_s:.0f} s"
    return [
        ("alarms", str(found.alarms), ""),
        ("per 10 minutes", f"{found.per_10_min:.2f}", "1 or fewer"),
        ("per hour", f"{found.per_hour:.2f}", "6 or fewer"),
        ("per day", f"{found.per_day:.1f}", "150 or fewer"),
        ("time in flood", f"{100 * found.flood_share:.2f} %", "under 1 %"),
        ("10-minute slices above 10", f"{100 * found.over_10_share:.2f} %", "under 1 %"),
        ("peak in 10 minutes", str(found.peak_10_min), "10 or fewer"),
        ("share of the ten most frequent", f"{100 * found.top_10_share:.1f} %", "5 % or less"),
        ("chattering", str(len(found.chattering)), "0"),
        ("fleeting", str(len(found.fleeting)), "0"),
        ("standing for more than 24 h", str(len(found.stale)), "fewer than 5"),
        ("priorities 1 / 2 / 3 / 4, %", split, "few high, most low"),
        ("time to acknowledge, median", median, ""),
        ("time to acknowledge, 95 %", slowest, ""),
        ("never acknowledged", str(found.unacknowledged), "0"),
        ("shelved", str(found.shelved), ""),
        ("suppressed by design", str(found.suppressed), ""),
    ]


def filter_of(
    from_ms: int | None,
    to_ms: int | None,
    **more: Any,
) -> JournalFilter:
    """A filter from the options of a verb."""
    return msgspec.convert({"from_ms": from_ms, "to_ms": to_ms, **more}, JournalFilter)
