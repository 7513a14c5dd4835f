"""What a newer version of a file says otherwise than the one before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from lamplighter.domain.city import Asset, Attribute
from lamplighter.domain.importing import Difference, Example

LISTED: Final = 20
MOVED_M: Final = 0.01
_FIELDS: Final = ("type", "name", "domain", "parent", "people", "mode")


def difference(before: Mapping[str, Asset], now: Mapping[str, Asset], file: str) -> Difference:
    """Objects added, removed, moved (by more than a centimetre) and changed in what they say."""
    found = Difference(before=file)
    added = [name for name in now if name not in before]
    removed = [name for name in before if name not in now]
    found.added, found.removed = len(added), len(removed)
    found.added_ids, found.removed_ids = sorted(added)[:LISTED], sorted(removed)[:LISTED]
    for name, asset in now.items():
        old = before.get(name)
        if old is None:
            continue
        way = _way(old, asset)
        changes = _changes(old, asset)
        found.moved += way > MOVED_M
        found.changed += bool(changes)
        found.same += not changes and way <= MOVED_M
        if way > MOVED_M and len(found.moved_ids) < LISTED:
            found.moved_ids.append(Example(name, "moved by metres", None, round(way, 3)))
        for key, was, is_now in changes:
            found.attributes[key] = found.attributes.get(key, 0) + 1
            if len(found.changed_ids) < LISTED:
                found.changed_ids.append(Example(name, key, was, is_now))
    return found


def _way(old: Asset, new: Asset) -> float:
    """Metres between the places; an object that got or lost its place moved endlessly."""
    first, second = (old.x, old.y, old.z), (new.x, new.y, new.z)
    if None in first or None in second:
        if old.lon != new.lon or old.lat != new.lat:
            return math.inf if (old.lon is None) != (new.lon is None) else 1.0
        return 0.0
    way = math.dist(first, second)  # type: ignore[arg-type]
    if way <= MOVED_M and old.path != new.path:
        corners = [math.dist(a, b) for a, b in zip(old.path, new.path, strict=False)]
        return max([*corners, 0.0 if len(old.path) == len(new.path) else 1.0])
    return way


def _changes(old: Asset, new: Asset) -> list[tuple[str, Attribute, Attribute]]:
    found: list[tuple[str, Attribute, Attribute]] = [
        (name, getattr(old, name), getattr(new, name))
        for name in _FIELDS
        if getattr(old, name) != getattr(new, name)
    ]
    for key in old.attributes.keys() | new.attributes.keys():
        was, now = old.attributes.get(key), new.attributes.get(key)
        if was != now:
            found.append((key, was, now))
    return sorted(found, key=lambda change: change[0])


def words(found: Difference) -> str:
    """One line for the task drawer and the terminal."""
    return (
        f"{found.added} added, {found.removed} removed, {found.moved} moved, "
        f"{found.changed} changed, {found.same} as before"
    )
