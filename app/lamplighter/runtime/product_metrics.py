"""The product's own figures over a period: alarms, answers of people, forecasts, availability.

For whoever evaluates the console itself. Every figure carries its denominator; what has none yet
is empty and says so.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, to_builtins

from lamplighter.analytics.scoreboard import scoreboard
from lamplighter.domain.clock import iso
from lamplighter.domain.models import ScoreRow
from lamplighter.domain.problems import fault
from lamplighter.runtime import alarm_journal
from lamplighter.store import Store

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MONTH_MS: Final = 30 * DAY_MS
HEAD: Final = ("name", "value", "unit", "n", "of", "definition")


class Metric(Struct, frozen=True):
    """One figure; `n` is what it was counted on."""

    name: str
    value: float | None
    unit: str
    n: int
    of: str
    """what `n` counts"""
    definition: str


def track_record(store: Store, now_ms: int) -> tuple[ScoreRow, ...]:
    """The scoreboard of a project: one row per type of asset that was ever forecast."""
    classes = {a.id: a.type for a in store.assets()}
    return scoreboard(store.prognosis_journal(), store.work_orders(), classes, now_ms)


def metrics(store: Store, from_ms: int, to_ms: int, now_ms: int) -> dict[str, Any]:
    """All figures of a period; 0 for its end is now, for its begin thirty days before that.

    Raises LamplighterError (U-801) for an empty period.
    """
    end = to_ms or now_ms
    begin = from_ms or end - MONTH_MS
    rows = [*_alarms(store, begin, end, now_ms), *_forecasts(store, end), *_live(store, begin, end)]
    return {
        "from": iso(begin),
        "to": iso(end),
        "metrics": [to_builtins(row) for row in rows],
        "scoreboard": [to_builtins(row) for row in track_record(store, end)],
    }


def _alarms(store: Store, begin: int, end: int, now_ms: int) -> list[Metric]:
    found = alarm_journal.figures(store, begin, end, now_ms)
    hours = (end - begin) / 3_600_000
    acked = found.acknowledged
    return [
        Metric("alarms per hour", found.per_hour, "1/h", found.alarms, "alarms",
               f"annunciated alarms over {hours:.1f} hours"),
        Metric("time to acknowledge, median", found.ack_median_s, "s", acked, "acknowledged",
               "from the annunciation to a person's acknowledgement"),
        Metric("time to acknowledge, 95 %", found.ack_p95_s, "s", acked, "acknowledged",
               "the same, nineteen of twenty are faster"),
        Metric("never acknowledged", float(found.unacknowledged), "alarms", found.alarms,
               "alarms", "annunciated and not acknowledged by the end of the period"),
        Metric("time in flood", found.flood_share, "share", found.alarms, "alarms",
               "share of the period in an alarm flood"),
    ]  # fmt: skip


def _forecasts(store: Store, end: int) -> list[Metric]:
    rows = track_record(store, end)
    cases = sum(r.cases for r in rows)
    hits, missed = sum(r.hits for r in rows), sum(r.missed for r in rows)
    false = sum(r.false_alarms for r in rows)
    known = any(r.has_record for r in rows)
    why = "" if known else "; no record yet: fewer than 20 closed cases in every class"
    return [
        Metric("forecast hits", float(hits), "cases", cases, "closed cases",
               "warned, and found faulty or failed" + why),
        Metric("forecast hit rate", hits / (hits + missed) if known and hits + missed else None,
               "share", hits + missed, "faults", "hits / (hits + failures without a warning)"),
        Metric("false alarms", float(false), "cases", cases, "closed cases",
               "warned, looked at, nothing found"),
    ]  # fmt: skip


def _live(store: Store, begin: int, end: int) -> list[Metric]:
    """Share of hours in which a source that had been heard before sent a value."""
    heard: dict[int, set[int]] = {}
    for row in store.days(0, (end - 1) // DAY_MS):
        hours = heard.setdefault(row.source, set())
        hours.update(row.day * 24 + h for h in range(24) if row.spans >> (12 * h) & 0xFFF)
    first, behind = begin // HOUR_MS, -(-end // HOUR_MS)
    filled = possible = 0
    for hours in heard.values():
        if hours:
            since = max(first, min(hours))
            filled += sum(since <= h < behind for h in hours)
            possible += max(0, behind - since)
    share = filled / possible if possible else None
    return [
        Metric("availability of data", share, "share", possible, "hours of sources",
               "hours with a value, of every source from its first value on")
    ]  # fmt: skip


def write(found: dict[str, Any], out: Path) -> None:
    """As CSV or JSON, by the name's ending. Raises LamplighterError (U-801, U-813)."""
    ending = out.suffix.lower()
    if ending not in (".csv", ".json"):
        raise fault("U-801", what=f"{out.name} is neither a .csv nor a .json file", name="metrics")
    try:
        if ending == ".json":
            out.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
            return
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow((*HEAD, "from", "to"))
            for row in found["metrics"]:
                writer.writerow([*(row[k] for k in HEAD), found["from"], found["to"]])
    except OSError as error:
        raise fault("U-813", name=str(out), what=error.strerror or str(error)) from None
