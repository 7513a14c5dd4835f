"""An asset's life as a line of events: built, inspected, failed, repaired, replaced, forecast."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from msgspec import Struct

from lamplighter.domain.alarm import AlarmEvent
from lamplighter.domain.city import Asset
from lamplighter.domain.maintenance import AGE_MODEL, TREND_MODEL, WorkOrder
from lamplighter.domain.models import Told
from lamplighter.domain.order_rules import FAILED, FOUND, NOT_FOUND, finding_of

KINDS: Final = (
    "built", "renewed", "failed", "repaired", "replaced", "inspected", "alarm", "forecast",
    "outcome", "planned", "file",
)  # fmt: skip
BUILT: Final = {
    "built", "year_built", "yearbuilt", "built_year", "year_of_construction", "yearofconstruction",
    "construction_year", "construction_date", "dateofconstruction", "installed", "installed_on",
    "year_installed", "installation_date", "commissioned", "commissioned_on", "bouwjaar",
    "baujahr", "start_date", "oorspronkelijkbouwjaar", "inbetriebnahme",
}  # fmt: skip
RENEWED: Final = {
    "renovated", "year_of_renovation", "renewed", "replaced_on", "refurbished", "yearofrenovation",
}  # fmt: skip
NOTABLE: Final = 2
"""alarms of this priority or a more urgent one belong into a life"""
JUMP: Final = 0.25
"""a forecast is told of when its chance crosses a multiple of this"""
SAME_MS: Final = 3_600_000
"""alarms of one rule within this time are one event"""


class LifeEvent(Struct, frozen=True):
    """One moment of a life."""

    at_ms: int
    kind: str
    """one of `KINDS`"""
    text: str
    ref: str = ""
    """order, rule or attachment it tells of"""
    precision: str = "ms"
    """year | day | ms: how exactly the time is known"""


def built_events(asset: Asset) -> list[LifeEvent]:
    """What the register says of its making, by the usual names of such attributes."""
    found = []
    for name, value in asset.attributes.items():
        short = re.sub(r"[^a-z_]", "", name.rpartition(":")[2].rpartition(".")[2].lower())
        kind = "built" if short in BUILT else "renewed" if short in RENEWED else ""
        when = _when(value) if kind else None
        if when is not None:
            words = "built" if kind == "built" else "renewed"
            found.append(LifeEvent(when[0], kind, f"{words} {value}", name, when[1]))
    return found


def _when(value: object) -> tuple[int, str] | None:
    text = str(value).strip()
    if text.endswith(".0") and text[:-2].isdigit():
        text = text[:-2]
    try:
        if re.fullmatch(r"(1[5-9]|20)\d\d", text):
            moment = datetime(int(text), 1, 1, tzinfo=UTC)
            return round(moment.timestamp() * 1000), "year"
        day = date.fromisoformat(text[:10])
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:
        return None
    return round(moment.timestamp() * 1000), "day"


def order_events(orders: Iterable[WorkOrder]) -> list[LifeEvent]:
    """What was done, and what is still to be done."""
    found = []
    for order in orders:
        kind, cause = finding_of(order)
        if order.state == "done" and order.closed_ms:
            found.append(
                LifeEvent(order.closed_ms, _deed(order, kind), _done(order, kind, cause), order.id)
            )
            if order.forecast:
                came = {FOUND: "the forecast was right", FAILED: "it failed",
                        NOT_FOUND: "the forecast was wrong: nothing was found"}  # fmt: skip
                if kind in came:
                    found.append(LifeEvent(order.closed_ms, "outcome", came[kind], order.id))
        elif order.state in ("open", "planned"):
            at = order.planned_ms or order.due_ms or order.created_ms
            word = "" if order.planned_ms else ", due" if order.due_ms else ", no day given"
            found.append(LifeEvent(at, "planned", f"{order.title}{word}", order.id))
    return found


def _deed(order: WorkOrder, kind: str) -> str:
    title = order.title.lower()
    if kind == FAILED:
        return "failed"
    if any(p.used for p in order.parts) or "replace" in title or "renew" in title:
        return "replaced"
    return "repaired" if kind == FOUND else "inspected"


def _done(order: WorkOrder, kind: str, cause: str) -> str:
    words = {FOUND: "found", FAILED: "failed", NOT_FOUND: "nothing found"}.get(kind, "")
    tail = ": ".join(w for w in (words, cause) if w)
    return f"{order.title} ({tail})" if tail else order.title


def alarm_events(events: Iterable[AlarmEvent], asset: str) -> list[LifeEvent]:
    """Urgent alarms of the asset, those of one rule in quick succession as one."""
    found: list[LifeEvent] = []
    last: dict[str, int] = {}
    for event in events:
        if event.asset != asset or event.event != "raised" or event.record.priority > NOTABLE:
            continue
        before = last.get(event.rule)
        last[event.rule] = event.time_ms
        if before is None or event.time_ms - before > SAME_MS:
            words = f"alarm {event.record.priority}: {event.record.text}"
            found.append(LifeEvent(event.time_ms, "alarm", words, event.rule))
    return found


def forecast_events(items: Iterable[Told], asset: str) -> list[LifeEvent]:
    """Where the forecast chance crossed a quarter, up or down; the first one always."""
    found: list[LifeEvent] = []
    level: int | None = None
    for item in items:
        if item.asset != asset or item.probability_30d is None:
            continue
        now = int(min(0.999, item.probability_30d) / JUMP)
        if now != level:
            level = now
            text = f"{item.probability_30d:.0%} within 30 days"
            if item.days_low is not None and item.days_high is not None:
                always = item.model.startswith((TREND_MODEL, AGE_MODEL))
                text += ", in " if always else ", if so in "
                text += f"{item.days_low:.0f} to {item.days_high:.0f} days"
            found.append(LifeEvent(item.made_ms, "forecast", text, item.model))
    return found


def in_order(events: Iterable[LifeEvent]) -> tuple[LifeEvent, ...]:
    """The oldest first."""
    return tuple(sorted(events, key=lambda e: (e.at_ms, KINDS.index(e.kind), e.text)))
