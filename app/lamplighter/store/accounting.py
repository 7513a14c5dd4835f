"""Conservation: what a message carried is counted once, as what it became.

The parts of a message that were set aside before it came here are known by its token; see
`Quarantined.token`.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from lamplighter.domain.observation import Account, Batch, MessageRecord

STORED: Final = 0
DUPLICATE: Final = 1
CONFLICT: Final = 2
"""what becomes of a message"""


def owners(batch: Batch) -> list[int]:
    """For each thing set aside the message it was part of, -1 when it was a whole message.

    Without a token it is given to the first message of its source that lacks so many points.
    """
    if not batch.quarantined:
        return []
    by_token = {(m.source, m.token): i for i, m in enumerate(batch.messages) if m.token >= 0}
    owner = [by_token.get((q.source, q.token), -1) for q in batch.quarantined]
    missing = _missing(batch)
    for entry, index in zip(batch.quarantined, owner, strict=True):
        if index >= 0:
            missing[index] -= entry.points
    spare = Counter[int]()
    for message, points in zip(batch.messages, missing, strict=True):
        spare[message.source] += max(points, 0)
    spare.subtract(dict(_refused(batch)))
    for at, entry in enumerate(batch.quarantined):
        if owner[at] >= 0 or entry.token >= 0 or spare[entry.source] < entry.points:
            continue
        for index, message in enumerate(batch.messages):
            if message.source == entry.source and missing[index] >= entry.points:
                owner[at] = index
                missing[index] -= entry.points
                spare[entry.source] -= entry.points
                break
    return owner


def _missing(batch: Batch) -> list[int]:
    """Points each message carried that are not among the batch's points."""
    here = np.bincount(batch.points.message, minlength=len(batch.messages)).tolist()
    return [m.points - n for m, n in zip(batch.messages, here, strict=True)]


def _all_stored(messages: tuple[MessageRecord, ...]) -> dict[int, Account]:
    """The account of messages that are stored whole."""
    total: dict[int, int] = {}
    for message in messages:
        total[message.source] = total.get(message.source, 0) + message.points
    return {source: Account(points, stored=points) for source, points in total.items()}


def _refused(batch: Batch) -> Counter[int]:
    found = Counter[int]()
    for source, points in batch.refused:
        found[source] += points
    return found


def accounts(batch: Batch, fate: list[int], owner: list[int]) -> dict[int, Account]:
    """What a batch adds to the account of each source, by what became of each message."""
    lacking = _missing(batch)
    if not (batch.quarantined or batch.refused or any(fate) or any(lacking)):
        return _all_stored(batch.messages)
    found: dict[int, Account] = {}

    def add(source: int, delta: Account) -> None:
        found[source] = found.get(source, Account()).plus(delta)

    aside = [0] * len(fate)
    pool = Counter[int]()
    for entry, index in zip(batch.quarantined, owner, strict=True):
        if index >= 0:
            aside[index] += entry.points
        elif entry.token >= 0:
            add(entry.source, Account(received=entry.points, quarantined=entry.points))
        else:
            pool[entry.source] += entry.points
    refused = _refused(batch)
    for index, (message, lacks) in enumerate(zip(batch.messages, lacking, strict=True)):
        source, here = message.source, message.points - lacks
        rest = max(lacks - aside[index], 0)
        pooled = min(max(rest - refused[source], 0), pool[source])
        pool[source] -= pooled
        refused[source] -= rest - pooled
        set_aside = aside[index] + pooled
        total = here + set_aside + rest - pooled
        if fate[index] == STORED:
            delta = Account(total, stored=here, quarantined=set_aside, refused=rest - pooled)
        elif fate[index] == DUPLICATE:
            delta = Account(total, duplicate=total)
        else:
            delta = Account(total, quarantined=total)
        add(source, delta)
    for source, points in pool.items():
        if points > 0:
            add(source, Account(received=points, quarantined=points))
    for source, points in refused.items():
        if points > 0:
            add(source, Account(received=points, refused=points))
    return found
