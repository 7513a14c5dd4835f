"""A flood said in few rows: alarms grouped until they fit on a screen.

Nothing is left out: every alarm that asks for attention is in exactly one group. The groups are as
fine as the row limit allows: incidents with their consequences first, then by rule and area, then
by rule, by domain, and by priority. Priority 1 keeps rows of its own as long as they fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from lamplighter.domain.alarm import AlarmRecord, AlarmState
from lamplighter.domain.alarm_report import AlarmGroup

MOST_ROWS: Final = 50
_SET_ASIDE: Final = frozenset(
    {AlarmState.NORM, AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
)
_ASKS: Final = frozenset({AlarmState.UNACK, AlarmState.RTN_UNACK, AlarmState.LATCHED})
Key = tuple[str, ...]


def grouped(
    records: Iterable[AlarmRecord],
    *,
    area_of: Callable[[str], str] = str,
    domain_of: Callable[[str], str] = lambda _: "",
    most: int = MOST_ROWS,
) -> list[AlarmGroup]:
    """At most `most` rows (at least 5), the most urgent first. `area_of`, `domain_of`: by asset."""
    shown = [r for r in records if r.state not in _SET_ASIDE]
    first = [r for r in shown if r.priority == 1]
    rest = [r for r in shown if r.priority != 1]
    finest: list[Callable[[AlarmRecord], Key]] = [
        lambda r: ("alarm", r.incident or r.key),
        lambda r: ("incident", r.incident) if r.incident else ("rule", r.text, area_of(r.asset)),
        lambda r: ("rule", r.text),
        lambda r: ("domain", domain_of(r.asset) or "other", str(r.priority)),
        lambda r: ("priority", str(r.priority)),
    ]
    own = _fitting(first, finest, most - 3)
    others = _fitting(rest, finest, most - len(own))
    groups = [_group(key, members) for key, members in [*own.items(), *others.items()]]
    return sorted(groups, key=lambda g: (g.priority, -g.people, g.since_ms, g.title))


def _fitting(
    records: list[AlarmRecord], ways: list[Callable[[AlarmRecord], Key]], most: int
) -> dict[Key, list[AlarmRecord]]:
    """The finest grouping that fits; the coarsest has one row a priority and always does."""
    found: dict[Key, list[AlarmRecord]] = {}
    for way in ways:
        found = defaultdict(list)
        for record in records:
            found[way(record)].append(record)
        if len(found) <= most:
            break
    return found


def _group(key: Key, members: list[AlarmRecord]) -> AlarmGroup:
    worst = min(members, key=lambda r: (r.priority, r.since_ms, r.key))
    more = len(members) - 1
    title = {
        "alarm": worst.text,
        "incident": worst.text,
        "rule": worst.text,
        "domain": f"{key[1].capitalize()}: {worst.text}",
        "priority": f"Priority {worst.priority}: {worst.text}",
    }[key[0]]
    return AlarmGroup(
        title=f"{title} and {more} more" if more else title,
        keys=tuple(r.key for r in members),
        priority=worst.priority,
        since_ms=min(r.since_ms for r in members),
        people=max(r.people for r in members),
        unacknowledged=sum(r.state in _ASKS and not r.acked_ms for r in members),
    )
