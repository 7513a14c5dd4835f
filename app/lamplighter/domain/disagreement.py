"""Where two departments' records of one asset contradict each other.

The later file's word stands in the asset; the others are kept, and what they say differently is
told, so that somebody can ask.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from lamplighter.domain.city import Asset, Attribute

APART_M: Final = 5.0
"""records closer than this mean the same place"""
_SAME: Final = 1e-6


class Disagreement(Struct, frozen=True):
    """One thing that the sources say differently."""

    what: str
    """name, type, place, people, or the attribute's name"""
    said: tuple[tuple[str, str], ...]
    """(who, value) in the order in which they came"""


def disagreements(records: Sequence[Asset], names: Mapping[str, str]) -> list[Disagreement]:
    """What the records of one asset contradict each other in. `names`: layer id -> its name."""
    found: list[Disagreement] = []

    def look(what: str, values: list[tuple[str, Attribute]]) -> None:
        told = [(who, value) for who, value in values if value not in (None, "")]
        if any(not _alike(told[0][1], value) for _, value in told[1:]):
            found.append(Disagreement(what, tuple((who, _words(value)) for who, value in told)))

    who = [names.get(r.layer) or r.source_file or "by hand" for r in records]
    pairs = list(zip(who, records, strict=True))
    look("name", [(w, "" if r.name == r.id else r.name) for w, r in pairs])
    look("type", [(w, r.type) for w, r in pairs])
    look("people", [(w, r.people or None) for w, r in pairs])
    places = [(w, (r.x, r.y)) for w, r in pairs if r.x is not None and r.y is not None]
    if places:
        first = places[0][1]
        ways = [(w, math.dist(first, p)) for w, p in places[1:]]
        apart = max((d for _, d in ways), default=0.0)
        if apart > APART_M:
            told = [(places[0][0], "here"), *((w, f"{d:.0f} m away") for w, d in ways)]
            found.append(Disagreement("place", tuple(told)))
    for key in sorted({key for r in records for key in r.attributes}):
        look(key, [(w, r.attributes.get(key)) for w, r in pairs])
    return found


def _alike(one: Attribute, other: Attribute) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_SAME, abs_tol=_SAME)
    a, b = str(one).strip().casefold(), str(other).strip().casefold()
    if a == b:
        return True
    try:
        return math.isclose(float(a), float(b), rel_tol=_SAME, abs_tol=_SAME)
    except ValueError:
        return False


def _words(value: Attribute) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
