"""What people did that explains how values change: works, repairs, set-points, new sensors.

Such times teach nothing, raise no anomaly, and some of them begin a new normal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lamplighter.domain.anomaly import REAL, KnownEvent
from lamplighter.domain.command import Outcome

if TYPE_CHECKING:
    from lamplighter.runtime.city_state import CityState
    from lamplighter.store import Store

WORKS: Final = "works:"
SETTLES_MS: Final = 1_800_000
"""how long a command may be felt before values count again"""
REPLACED: Final = ("replac", "renew", "exchang", "swap", "calibrat", "new sensor", "repair")
"""beginnings of words in an order that say what was there before is there no more"""


def known_events(store: Store, city: CityState) -> list[KnownEvent]:
    """All that the project knows of, in no order."""
    found: list[KnownEvent] = []
    for quiet in city.quiets:
        if quiet.id.startswith(WORKS):
            found += [KnownEvent(a, quiet.from_ms, quiet.to_ms, quiet.text) for a in quiet.assets]
    found += renewals(store)
    for state in store.commands():
        if state.outcome is not Outcome.EXECUTED:
            continue
        command = state.command
        end = state.changed_ms + SETTLES_MS
        text = f"command {command.action} by {command.issuer}"
        anew = command.action == "set"
        for asset in (command.target, *city.graph.neighbours(command.target)[1]):
            here = anew and asset == command.target
            found.append(KnownEvent(asset, state.changed_ms, end, text, anew=here))
    for one in store.anomalies():
        if one.verdict == REAL:
            end = one.until_ms or one.verdict_ms
            found.append(
                KnownEvent(one.asset, one.since_ms, end, one.reason, False, one.datastream)
            )
    return found


def renewals(store: Store) -> list[KnownEvent]:
    """Closed orders that say something was repaired, replaced or calibrated: what was usual of the
    asset before says nothing about what is usual after.
    """
    found = []
    for order in store.work_orders():
        if order.state == "done" and order.closed_ms and renews(order.title, order.finding):
            text = f"work order {order.id}: {order.title}"
            begin = min(order.created_ms or order.closed_ms, order.closed_ms)
            found.append(
                KnownEvent(order.asset, begin, order.closed_ms, text, anew=True, renewed=True)
            )
    return found


def renews(title: str, finding: str) -> bool:
    """Whether a closed order says that something was repaired, replaced or calibrated."""
    words = f"{title} {finding}".lower()
    return finding.startswith("failed") or any(part in words for part in REPLACED)
