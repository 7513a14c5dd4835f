"""Anomalies in one sentence, and what came of past ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from lamplighter.analytics.watching import Departure
from lamplighter.domain.anomaly import FALSE, REAL, Anomaly, lasting
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.runtime.expected_words import number, with_unit

if TYPE_CHECKING:
    from lamplighter.store import Store

HOUR_MS: Final = 3_600_000
FOLLOWS_MS: Final = 7 * 24 * HOUR_MS
"""an order or alarm on the asset within this time is said to have followed"""


def reason_of(
    stream: Datastream,
    asset: str,
    departure: Departure,
    expected: float,
    spread: float,
    now_ms: int,
    reaches_ms: int,
    limit: float | None,
    beside: Sequence[tuple[str, bool]],
) -> str:
    """One sentence: what, how far, since when, what follows, and what speaks for it."""
    label = stream.label or stream.name
    name = label if not asset or asset.lower() in label.lower() else f"{asset}, {label},"
    side = "over" if departure.gap > 0 else "under"
    gap = with_unit(abs(departure.gap), stream)
    usual = f"{number(expected, stream.resolution)} ± {with_unit(spread, stream)}"
    since = lasting(now_ms - departure.since_ms)
    if departure.kind == "drift":
        pace = number(abs(departure.slope), stream.resolution / 10)
        unit = f" {stream.unit}" if stream.unit else ""
        text = f"{name} has drifted {gap} {side} what is expected within {since}"
        text += f" ({pace}{unit} an hour)" if departure.slope else ""
        if reaches_ms and limit is not None:
            ahead = lasting(reaches_ms - now_ms)
            text += f"; if it goes on it passes its limit of {with_unit(limit, stream)} in {ahead}"
    elif departure.kind == "change":
        began = dt.datetime.fromtimestamp(departure.since_ms / 1000, dt.UTC)
        text = f"{name} stepped {gap} {side} what is expected ({usual}) at about {began:%H:%M} UTC"
        text += " and stays there"
    else:
        now = with_unit(expected + departure.gap, stream)
        far = abs(departure.gap) / spread if spread > 0 else 0.0
        text = f"{name} reads {now} where {usual} is expected: {far:.0f} spreads {side}"
    return f"{text}{_neighbours(beside)}."


def _neighbours(beside: Sequence[tuple[str, bool]]) -> str:
    usual = [name for name, good in beside if good]
    odd = [name for name, good in beside if not good]
    if odd:
        return f"; {' and '.join(odd)}, on which that rests, {_is(odd)} unusual too"
    if usual:
        return f"; {' and '.join(usual)} {'reads' if len(usual) == 1 else 'read'} as usual"
    return ""


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def outcome_of(past: Anomaly, orders: Sequence[WorkOrder], store: Store) -> str:
    """What came of an earlier anomaly: what people said, the order, the alarms that followed."""
    parts: list[str] = []
    if past.verdict == REAL:
        parts.append("called real")
    elif past.verdict == FALSE:
        parts.append("called a false alarm")
    order = next((o for o in orders if o.id == past.order), None) if past.order else None
    order = order or next(
        (
            o
            for o in orders
            if past.asset and o.asset == past.asset
            and 0 <= o.created_ms - past.since_ms <= FOLLOWS_MS
        ),
        None,
    )  # fmt: skip
    if order is not None:
        found = f", {order.finding}" if order.finding else ""
        parts.append(f"order {order.id} {order.state}{found}")
    alarms = {
        e.record.text
        for e in store.alarm_journal(past.since_ms, past.since_ms + FOLLOWS_MS)
        if e.event == "raised" and past.asset and e.asset == past.asset
    }
    if alarms:
        parts.append(f"alarm followed: {sorted(alarms)[0]}")
    if not parts:
        if past.until_ms:
            return f"went back by itself after {lasting(past.until_ms - past.since_ms)}"
        return "nobody has said yet"
    return "; ".join(parts)
