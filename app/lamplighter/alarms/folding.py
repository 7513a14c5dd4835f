"""One cause instead of forty alarms: alarms folded under the one that explains them.

A consequence is an alarm on an asset that depends, by the graph, on an asset with an active cause
alarm, and that began after it. Folding hides nothing: an incident lists every key it covers, and
an alarm of priority 1 always keeps its own row.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.clock import iso
from lamplighter.domain.ports import Topology

ONSET_TOLERANCE_MS: Final = 5_000
"""a consequence may be seen this long before its cause: sensors report at different times"""
EXPLAINS_FOR_MS: Final = 3_600_000
"""what begins later than this after a cause is not put down to it"""
_CAUSING: Final = frozenset({AlarmState.UNACK, AlarmState.ACKED})
_OPEN: Final = _CAUSING | {AlarmState.RTN_UNACK, AlarmState.LATCHED}


def fold(
    records: Iterable[AlarmRecord],
    topology: Topology,
    name_of: Callable[[str], str] = str,
) -> list[Incident]:
    """Open incidents, the most urgent first. Pure: the same records give the same incidents.

    An incident needs at least one folded alarm. A cause that another cause explains is folded
    itself. `name_of` gives the words for an asset in the reason.
    """
    opened = [r for r in records if r.state in _OPEN]
    causes = [r for r in opened if r.is_cause and r.active and r.state in _CAUSING]
    if not causes:
        return []
    explains = _Explains(causes, topology)
    parent = {r.key: explains.best(r) for r in opened}
    by_root: dict[str, list[AlarmRecord]] = defaultdict(list)
    for record in opened:
        root = _root(record.key, parent)
        if root != record.key:
            by_root[root].append(record)
    found = {c.key: c for c in causes}
    incidents = []
    for key, consequences in by_root.items():
        folded = [r for r in consequences if r.priority > 1]
        if folded:
            incidents.append(_incident(found[key], folded, consequences, topology, name_of))
    now = max(r.changed_ms for r in opened)
    return sorted(
        incidents, key=lambda i: urgency(i.people_affected, i.since_ms, now, i.priority, i.id)
    )


def urgency(
    people: int, since_ms: int, now_ms: int, priority: int, key: str
) -> tuple[float, int, int, str]:
    """Sort key of an alarm or incident row: people × time first, then priority and onset."""
    return (-float(people) * max(now_ms - since_ms, 1), priority, since_ms, key)


def sorted_records(records: Iterable[AlarmRecord], now_ms: int) -> list[AlarmRecord]:
    """Alarm rows in the order of the list: people × time, descending."""
    return sorted(records, key=lambda r: urgency(r.people, r.since_ms, now_ms, r.priority, r.key))


def folded_under(incidents: Sequence[Incident]) -> dict[str, str]:
    """Incident id by the key of each alarm that is folded; the cause itself is not."""
    return {key: i.id for i in incidents for key in i.folded}


def incident_id(cause: AlarmRecord) -> str:
    """The same for the same cause and onset, on every console and after every restart."""
    seed = f"{cause.key}|{cause.since_ms}".encode()
    return "INC-" + hashlib.blake2b(seed, digest_size=4).hexdigest()


class _Explains:
    """Which cause explains an alarm best."""

    def __init__(self, causes: Sequence[AlarmRecord], topology: Topology) -> None:
        self._on: dict[str, list[AlarmRecord]] = defaultdict(list)
        for cause in causes:
            self._on[cause.asset].append(cause)
        self._down = {asset: topology.downstream(asset) for asset in self._on}
        self._above: dict[str, list[str]] = {}

    def best(self, record: AlarmRecord) -> AlarmRecord | None:
        """The latest cause that began before the alarm, or None."""
        candidates = [
            cause
            for asset in self._sources(record.asset)
            for cause in self._on[asset]
            if cause.key != record.key
            and -ONSET_TOLERANCE_MS <= record.since_ms - cause.since_ms <= EXPLAINS_FOR_MS
            and self._first(cause, record)
        ]
        return max(candidates, key=lambda c: (c.since_ms, -c.priority, c.key), default=None)

    def _sources(self, asset: str) -> list[str]:
        known = self._above.get(asset)
        if known is None:
            known = [a for a, down in self._down.items() if a == asset or asset in down]
            self._above[asset] = known
        return known

    def _first(self, cause: AlarmRecord, other: AlarmRecord) -> bool:
        """Between two causes that depend on each other, only the earlier explains the later."""
        if not (other.is_cause and other.active and other.state in _CAUSING):
            return True
        mutual = cause.asset == other.asset or cause.asset in self._down.get(other.asset, ())
        return not mutual or (cause.since_ms, cause.priority, cause.key) < (
            other.since_ms,
            other.priority,
            other.key,
        )


def _root(key: str, parent: dict[str, AlarmRecord | None]) -> str:
    above = parent.get(key)
    while above is not None:
        key = above.key
        above = parent.get(key)
    return key


def _incident(
    cause: AlarmRecord,
    folded: list[AlarmRecord],
    consequences: list[AlarmRecord],
    topology: Topology,
    name_of: Callable[[str], str],
) -> Incident:
    folded = sorted(folded, key=lambda r: (r.since_ms, r.key))
    return Incident(
        id=incident_id(cause),
        cause=cause.key,
        asset=cause.asset,
        text=cause.text,
        priority=min(cause.priority, *(r.priority for r in consequences)),
        since_ms=cause.since_ms,
        folded=tuple(r.key for r in folded),
        people_affected=topology.people_behind(cause.asset),
        reason=_reason(cause, folded, len(consequences) - len(folded), name_of),
    )


def _reason(
    cause: AlarmRecord, folded: list[AlarmRecord], critical: int, name_of: Callable[[str], str]
) -> str:
    assets = len({r.asset for r in folded})
    span = max(r.since_ms for r in folded) - cause.since_ms
    within = "at the same time" if span < 1_000 else f"within {max(span, 0) // 1000} s"
    one = len(folded) == 1
    text = (
        f"{name_of(cause.asset)}: {cause.text} at {iso(cause.since_ms)[11:19]} UTC; "
        f"{'1 alarm' if one else f'{len(folded)} alarms'} on "
        f"{'1 asset that depends' if assets == 1 else f'{assets} assets that depend'} on it "
        f"began {within}."
    )
    if critical:
        text += f" {critical} critical alarm{'s' if critical > 1 else ''} kept in the list."
    return text
