"""The dependency graph: who needs whom, and how many people stand behind an asset.

Assets are nodes. Along every edge kind the target depends on the source: what is fed, controlled,
served, contained or measured. Owners never overwrite each other: an edge holds while any owner
says so, and `disagreements` shows where owners contradict each other.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.domain.city import Asset, Edge
from lamplighter.twin.reach import MOST_ASSETS, Reach

_CACHED_NODES: Final = 2_000_000
"""cached answers together hold at most this many asset names"""


class Disagreement(Struct, frozen=True):
    """Two owners who see the same dependency in opposite directions."""

    source: str
    kind: str
    target: str
    owners: tuple[str, ...]
    opposed_by: tuple[str, ...]


class DependencyGraph:
    """Implements `domain.ports.Topology`. Immutable: a changed city is a new graph."""

    def __init__(
        self,
        assets: Iterable[Asset],
        edges: Iterable[Edge],
        at_ms: int | None = None,
        closed_owners: Iterable[str] = (),
    ) -> None:
        """`at_ms`: only edges valid then (None: edges without an end). `closed_owners`: plugins
        that are switched off; their edges stay stored and are not followed."""
        self._assets = {a.id: a for a in assets}
        self._parent = {a.id: a.parent for a in self._assets.values() if a.parent}
        closed = frozenset(closed_owners)
        owners: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for edge in edges:
            if edge.owner not in closed and _valid(edge, at_ms):
                owners[edge.source, edge.kind, edge.target].add(edge.owner)
        self._owners = {key: frozenset(value) for key, value in owners.items()}
        self._forward: dict[str, list[str]] = defaultdict(list)
        self._backward: dict[str, list[str]] = defaultdict(list)
        for source, kind, target in self._owners:
            if source == target:
                continue
            self._forward[source].append(target)
            self._backward[target].append(source)
            if kind == "contains":
                self._parent.setdefault(target, source)
        self._down = _Cache()
        self._up = _Cache()
        self._people: dict[str, int] = {}
        self._reached: Reach | None = None
        self._counts: _PeopleCounts | None = None

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def gaps(self) -> int:
        """Edges that name an asset nobody knows."""
        known = self._assets
        return sum(s not in known or t not in known for s, _, t in self._owners)

    def name(self, asset: str) -> str:
        """The asset's name, or its id where it has none."""
        found = self._assets.get(asset)
        return found.name if found is not None and found.name else asset

    def owners(self, source: str, kind: str, target: str) -> frozenset[str]:
        """Who says so; empty when nobody does."""
        return self._owners.get((source, kind, target), frozenset())

    def downstream(self, asset: str) -> frozenset[str]:
        """Every asset that depends on this one, directly or through others (itself excluded)."""
        return self._down.get(asset, self._forward)

    def upstream(self, asset: str) -> frozenset[str]:
        """Every asset this one depends on, directly or through others (itself excluded)."""
        return self._up.get(asset, self._backward)

    def depends(self, assets: Sequence[str], on: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Matrix (assets x on): true where `assets[i]` is downstream of `on[j]`."""
        found = np.zeros((len(assets), len(on)), np.bool_)
        reach = self._all()
        if reach is None:
            for column, name in enumerate(on):
                below = self.downstream(name)
                found[:, column] = [asset in below for asset in assets]
            return found
        places = [reach.bit(asset) for asset in assets]
        rows = np.array([i for i, bit in enumerate(places) if bit is not None], np.intp)
        bits = np.array([bit for bit in places if bit is not None], np.intp)
        for column, name in enumerate(on):
            own = reach.bit(name)
            if own is not None:
                found[rows, column] = reach.mask(name)[bits] & (bits != own)
        return found

    def neighbours(self, asset: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(what it depends on directly, what depends on it directly)."""
        return tuple(self._backward.get(asset, ())), tuple(self._forward.get(asset, ()))

    def people_behind(self, asset: str) -> int:
        """People who lose service when this asset fails, each counted once.

        A part's people are not counted where the thing that contains it already counts them.
        """
        known = self._people.get(asset)
        if known is None:
            known = self._people[asset] = self._count_behind(asset)
        return known

    def _count_behind(self, asset: str) -> int:
        reach = self._all()
        if reach is None or reach.bit(asset) is None:
            return self.people_among(self.downstream(asset) | {asset})
        if self._counts is None:
            self._counts = _PeopleCounts(reach, self._assets, self._holders)
        return self._counts.behind(asset)

    def _all(self) -> Reach | None:
        """Reachability of all assets at once; None where the city is too large for it."""
        if self._reached is None and len(self._forward) + len(self._backward) <= 2 * MOST_ASSETS:
            self._reached = Reach(self._forward)
        return self._reached

    def people_among(self, assets: Iterable[str]) -> int:
        """People served by these assets together, each counted once."""
        group = assets if isinstance(assets, (set, frozenset)) else set(assets)
        total = 0
        for name in group:
            found = self._assets.get(name)
            if found is not None and found.people and not self._counted_above(name, group):
                total += found.people
        return total

    def disagreements(self) -> list[Disagreement]:
        """Edges that another owner sees in the opposite direction."""
        found = []
        for (source, kind, target), owners in self._owners.items():
            opposed = self._owners.get((target, kind, source), frozenset()) - owners
            if opposed and source < target:
                found.append(
                    Disagreement(
                        source, kind, target, tuple(sorted(owners)), tuple(sorted(opposed))
                    )
                )
        return found

    def _counted_above(self, asset: str, group: set[str] | frozenset[str]) -> bool:
        return any(holder in group for holder in self._holders(asset))

    def _holders(self, asset: str) -> list[str]:
        """What contains the asset, directly or further up, and counts people itself."""
        found: list[str] = []
        seen = {asset}
        above = self._parent.get(asset, "")
        while above and above not in seen:
            holder = self._assets.get(above)
            if holder is not None and holder.people:
                found.append(above)
            seen.add(above)
            above = self._parent.get(above, "")
        return found


class _PeopleCounts:
    """People behind each asset as one masked sum."""

    def __init__(
        self, reach: Reach, assets: dict[str, Asset], holders: Callable[[str], list[str]]
    ) -> None:
        self._reach = reach
        self._people = np.zeros(len(reach.names), np.int64)
        parts, wholes = [], []
        for bit, name in enumerate(reach.names):
            asset = assets.get(name)
            if asset is None or not asset.people:
                continue
            self._people[bit] = asset.people
            for holder in holders(name):
                above = reach.bit(holder)
                if above is not None:
                    parts.append(bit)
                    wholes.append(above)
        self._parts = np.array(parts, np.intp)
        self._wholes = np.array(wholes, np.intp)

    def behind(self, asset: str) -> int:
        reached = self._reach.mask(asset)
        counted = reached.copy()
        counted[self._parts[reached[self._wholes]]] = False
        return int(self._people[counted].sum())


class _Cache:
    """Reachable sets, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._nodes = 0

    def get(self, asset: str, next_of: dict[str, list[str]]) -> frozenset[str]:
        found = self._kept.get(asset)
        if found is not None:
            self._kept.move_to_end(asset)
            return found
        found = _reach(asset, next_of)
        self._kept[asset] = found
        self._nodes += len(found) + 1
        while self._nodes > _CACHED_NODES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._nodes -= len(dropped) + 1
        return found


def _reach(start: str, next_of: dict[str, list[str]]) -> frozenset[str]:
    seen = {start}
    frontier: Sequence[str] = [start]
    while frontier:
        found: list[str] = []
        for name in frontier:
            for other in next_of.get(name, ()):
                if other not in seen:
                    seen.add(other)
                    found.append(other)
        frontier = found
    seen.discard(start)
    return frozenset(seen)


def _valid(edge: Edge, at_ms: int | None) -> bool:
    if at_ms is None:
        return edge.valid_to_ms is None
    return edge.valid_from_ms <= at_ms and (edge.valid_to_ms is None or at_ms < edge.valid_to_ms)
