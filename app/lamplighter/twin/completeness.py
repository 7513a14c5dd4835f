"""How completely the twin knows an asset: which of what its kind usually has is missing.

What is usual comes from two sides: the phenomena that the plugins say are measured on assets of its
type, and the attributes that most assets of the type have in this very city. Place, name and a
place in the dependency graph count for every asset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from lamplighter.domain.city import Asset, Datastream, Edge

PEERS: Final = 5
"""assets of a type from which on they say what is usual"""
MOST: Final = 0.8
"""share of them that must have an attribute before its absence means anything"""
NEVER: Final = frozenset({"id", "name", "source", "source_file", "layer"})


class Completeness(Struct, frozen=True):
    """`score` 0..1; `missing` in words, sensors first."""

    asset: str
    score: float
    expected: int
    missing: tuple[str, ...] = ()


class Norms:
    """What is usual for each type of asset in one city."""

    def __init__(
        self,
        assets: Iterable[Asset],
        streams: Iterable[Datastream],
        edges: Iterable[Edge],
        kinds: Mapping[str, tuple[str, Collection[str]]],
    ) -> None:
        """`kinds`: kind of datastream -> (its name, the types of assets it is measured on)."""
        self._attributes = _usual_attributes(assets)
        self._measured: dict[str, set[str]] = {}
        for stream in streams:
            if stream.asset:
                self._measured.setdefault(stream.asset, set()).add(stream.kind)
        self._tied = {end for e in edges for end in (e.source, e.target)}
        self._kinds: dict[str, list[tuple[str, str]]] = {}
        for kind, (name, types) in kinds.items():
            for each in types:
                self._kinds.setdefault(each, []).append((kind, name))

    def of(self, asset: Asset) -> Completeness:
        """One asset against what is usual for its type."""
        measured = self._measured.get(asset.id, set())
        sensors = [name for kind, name in self._kinds.get(asset.type, []) if kind not in measured]
        expected = len(self._kinds.get(asset.type, []))
        usual = self._attributes.get(asset.type, ())
        lacking = [n for n in usual if asset.attributes.get(n) in (None, "")]
        plain = [
            word
            for word, known in (
                ("name", bool(asset.name)),
                ("place", bool(asset.path) or asset.lon is not None or asset.x is not None),
                ("dependencies", asset.id in self._tied or bool(asset.parent)),
            )
            if not known
        ]
        expected += len(usual) + 3
        missing = (*sensors, *plain, *lacking)
        score = 1.0 - len(missing) / expected
        return Completeness(asset.id, round(score, 3), expected, missing)


def _usual_attributes(assets: Iterable[Asset]) -> dict[str, tuple[str, ...]]:
    count: Counter[str] = Counter()
    have: dict[str, Counter[str]] = {}
    for asset in assets:
        count[asset.type] += 1
        names = (n for n, v in asset.attributes.items() if v not in (None, "") and n not in NEVER)
        have.setdefault(asset.type, Counter()).update(names)
    return {
        kind: tuple(sorted(n for n, k in found.items() if k >= MOST * count[kind]))
        for kind, found in have.items()
        if count[kind] >= PEERS
    }
