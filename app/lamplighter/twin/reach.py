"""Who depends on whom, for all assets at once: one bit set per asset, from one walk of the graph.

A flood asks thousands of times who stands behind an asset. Rings are folded into one node, and
each node's set is the union of its successors' sets, so a whole city takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

MOST_ASSETS: Final = 20_000
"""beyond it the sets would take too much memory, and single searches are used"""


class Reach:
    """Downstream sets; `names` gives the asset of each bit."""

    def __init__(self, forward: Mapping[str, Sequence[str]]) -> None:
        nodes = list(forward)
        known = set(nodes)
        for targets in list(forward.values()):
            for name in targets:
                if name not in known:
                    known.add(name)
                    nodes.append(name)
        at = {name: i for i, name in enumerate(nodes)}
        follow = [[at[t] for t in forward.get(name, ())] for name in nodes]
        rings = _rings(follow)
        # sinks come first: a small number for those that many depend through keeps the sets short
        order = [node for ring in rings for node in ring]
        self.names: list[str] = [nodes[i] for i in order]
        self._bit = {name: i for i, name in enumerate(self.names)}
        place = [0] * len(nodes)
        for bit, node in enumerate(order):
            place[node] = bit
        self._sets = _unions(rings, follow, place)

    def bit(self, asset: str) -> int | None:
        """The asset's place among `names`; None when no edge touches it."""
        return self._bit.get(asset)

    def mask(self, asset: str) -> npt.NDArray[np.bool_]:
        """True for every asset downstream of this one and for itself, in the order of `names`."""
        size = len(self.names)
        raw = self._sets[self._bit[asset]].to_bytes((size + 7) // 8, "little")
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little", count=size)
        return bits.astype(np.bool_)


def _unions(rings: list[list[int]], follow: list[list[int]], place: list[int]) -> list[int]:
    sets = [0] * len(follow)
    """by bit number"""
    for ring in rings:
        reached = 0
        for node in ring:
            reached |= 1 << place[node]
            for target in follow[node]:
                reached |= sets[place[target]]
        for node in ring:
            sets[place[node]] = reached
    return sets


def _rings(follow: list[list[int]]) -> list[list[int]]:
    """Strongly connected parts, sinks first (Tarjan's walk, without recursion)."""
    count = len(follow)
    index, low = [-1] * count, [0] * count
    waiting: list[int] = []
    on_stack = [False] * count
    found: list[list[int]] = []
    number = 0
    for start in range(count):
        if index[start] >= 0:
            continue
        path: list[tuple[int, int]] = [(start, 0)]
        while path:
            node, edge = path.pop()
            if edge == 0:
                index[node] = low[node] = number
                number += 1
                waiting.append(node)
                on_stack[node] = True
            descended = False
            targets = follow[node]
            while edge < len(targets):
                target = targets[edge]
                edge += 1
                if index[target] < 0:
                    path += [(node, edge), (target, 0)]
                    descended = True
                    break
                if on_stack[target]:
                    low[node] = min(low[node], index[target])
            if descended:
                continue
            if low[node] == index[node]:
                ring = []
                while True:
                    member = waiting.pop()
                    on_stack[member] = False
                    ring.append(member)
                    if member == node:
                        break
                found.append(ring)
            if path:
                above = path[-1][0]
                low[above] = min(low[above], low[node])
    return found
