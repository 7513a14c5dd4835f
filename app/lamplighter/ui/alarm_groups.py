"""A flood said in few rows: like alarms under one row, as fine as the room allows.

Every alarm stands in exactly one row; priority 1 keeps rows of its own as long as they fit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from lamplighter.domain.alarm import AlarmRecord
from lamplighter.ui.alarm_filter import ASKING, QUIET

MOST_ROWS: Final = 50
GROUP_FROM: Final = 4
Key = tuple[object, ...]
Way = Callable[[AlarmRecord], Key]


class Group(NamedTuple):
    """`by`: what its members share: alarm, text, domain or priority."""

    by: str
    members: list[AlarmRecord]


def ladder(domain_of: Callable[[AlarmRecord], str]) -> tuple[tuple[str, Way], ...]:
    """From fine to coarse; the last has one row a priority, and one for what is set aside."""
    return (
        ("text", lambda a: (a.text, a.priority, a.state)),
        ("text", lambda a: (a.text, a.priority, a.state in QUIET)),
        ("domain", lambda a: (domain_of(a), a.priority, a.state in QUIET)),
        ("priority", lambda a: (a.priority, a.state in QUIET)),
    )


def lead(alarm: AlarmRecord) -> tuple[int, bool, int]:
    """The alarm that a group shows comes first by this."""
    return alarm.priority, alarm.state not in ASKING, alarm.since_ms


def grouped(
    alarms: Sequence[AlarmRecord], domain_of: Callable[[AlarmRecord], str], most: int
) -> list[Group]:
    """At most `most` rows, where that is at least 8; all alarms by themselves when they fit."""
    if len(alarms) <= most:
        return [Group("alarm", [a]) for a in alarms]
    first = [a for a in alarms if a.priority == 1]
    rest = [a for a in alarms if a.priority != 1]
    ways = ladder(domain_of)
    own = [Group("alarm", [a]) for a in first]
    if len(own) > most - min(3, len(rest)):
        own = _finest(first, ways, most - min(3, len(rest)))
    return own + _finest(rest, ways, most - len(own))


def _finest(
    alarms: Sequence[AlarmRecord], ways: tuple[tuple[str, Way], ...], most: int
) -> list[Group]:
    found: list[Group] = []
    for by, way in ways:
        groups: dict[Key, list[AlarmRecord]] = defaultdict(list)
        for alarm in alarms:
            groups[way(alarm)].append(alarm)
        single = sum(len(m) for m in groups.values() if len(m) < GROUP_FROM)
        large = sum(len(m) >= GROUP_FROM for m in groups.values())
        if single + large <= most:  # few of a kind may stand by themselves
            found = []
            for members in groups.values():
                if len(members) >= GROUP_FROM:
                    found.append(Group(by, members))
                else:
                    found += [Group("alarm", [a]) for a in members]
            return found
        found = [Group(by if len(m) > 1 else "alarm", m) for m in groups.values()]
        if len(found) <= most:
            break
    return found
