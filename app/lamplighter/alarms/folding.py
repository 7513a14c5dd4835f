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

import numpy as np

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.clock import iso
from lamplighter.domain.ports import Topology

ONSET_TOLERANCE_MS: Final = 5_000
"""a consequence may be seen this long before its cause: sensors report at different times"""
EXPLAINS_FOR_MS: Final = 3_600_000
"""what begins later than this after a cause is not put down to it"""
MOST_CAUSES: Final = 1_000
"""in a flood only the earliest causes explain; the others are explained or stand alone"""
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
    causes = sorted(
        (i for i, r in enumerate(opened) if _can_explain(r)), key=lambda i: _rank(opened[i])
    )
    if not causes:
        return []
    parent = _parents(opened, causes[:MOST_CAUSES], topology)
    by_root: dict[int, list[AlarmRecord]] = defaultdict(list)
    for row, record in enumerate(opened):
        root = row
        while parent[root] >= 0:
            root = parent[root]
        if root != row:
            by_root[root].append(record)
    incidents = []
    for root, consequences in by_root.items():
        folded = [r for r in consequences if r.priority > 1]
        if folded:
            incidents.append(_incident(opened[root], folded, consequences, topology, name_of))
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


def _can_explain(record: AlarmRecord) -> bool:
    return record.is_cause and record.active and record.state in _CAUSING


def _rank(record: AlarmRecord) -> tuple[int, int, str]:
    """Among causes that depend on each other the first in this order explains the others."""
    return (record.since_ms, record.priority, record.key)


def _parents(opened: Sequence[AlarmRecord], causes: Sequence[int], topology: Topology) -> list[int]:
    """By row of `opened`: the row of the cause that explains it best, -1 for none.

    Best is the latest cause that began before it. `causes` are rows in the order of `_rank`.
    """
    since = np.array([r.since_ms for r in opened], np.int64)
    numbers: dict[str, int] = {}
    asset = np.array([numbers.setdefault(r.asset, len(numbers)) for r in opened])
    names = list(numbers)
    cause_names = list(dict.fromkeys(opened[row].asset for row in causes))
    column = {name: j for j, name in enumerate(cause_names)}
    below = topology.depends(names, cause_names)
    chain = np.array(causes)
    parent = np.full(len(opened), -1)
    for place, row in enumerate(causes):
        cause = opened[row]
        depends = below[:, column[cause.asset]][asset] | (asset == asset[row])
        late = since - cause.since_ms
        fits = depends & (late >= -ONSET_TOLERANCE_MS) & (late <= EXPLAINS_FOR_MS)
        # of two causes that depend on each other only the earlier explains the later
        before = chain[: place + 1]
        columns = [column[opened[k].asset] for k in before]
        mutual = below[asset[row], columns] | (asset[before] == asset[row])
        fits[before[mutual]] = False
        fits[row] = False
        parent[fits] = row
    return [int(p) for p in parent]


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


def _where(assets: int) -> str:
    if assets == 0:
        return "the same asset"
    return "1 asset that depends on it" if assets == 1 else f"{assets} assets that depend on it"


def _reason(
    cause: AlarmRecord, folded: list[AlarmRecord], critical: int, name_of: Callable[[str], str]
) -> str:
    assets = len({r.asset for r in folded} - {cause.asset})
    span = max(r.since_ms for r in folded) - cause.since_ms
    within = "at the same time" if span < 1_000 else f"within {max(span, 0) // 1000} s"
    one = len(folded) == 1
    text = (
        f"{name_of(cause.asset)}: {cause.text} at {iso(cause.since_ms)[11:19]} UTC; "
        f"{'1 alarm' if one else f'{len(folded)} alarms'} on {_where(assets)} began {within}."
    )
    if critical:
        text += f" {critical} critical alarm{'s' if critical > 1 else ''} kept in the list."
    return text
