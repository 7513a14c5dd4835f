"""The city as the window asks for it: by id, by asset, by domain, by kind."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lamplighter.domain import wire
from lamplighter.domain.city import Asset, Datastream, Frame
from lamplighter.domain.layers import Layer
from lamplighter.ui.words import plain


@dataclass(slots=True)
class CityIndex:
    """Assets and datastreams with their look-ups; `streams` is indexed by datastream id."""

    assets: dict[str, Asset] = field(default_factory=dict)
    streams: dict[int, Datastream] = field(default_factory=dict)
    of_asset: dict[str, list[Datastream]] = field(default_factory=dict)
    by_kind: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    feeds: dict[str, list[str]] = field(default_factory=dict)
    fed_by: dict[str, list[str]] = field(default_factory=dict)
    contents: dict[str, list[str]] = field(default_factory=dict)
    """what stands in an area or a plant, by edges of kind `contains`"""
    domains: dict[str, list[Asset]] = field(default_factory=dict)
    tiles: tuple[str, ...] = ()
    frame: Frame | None = None
    period_ms: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    total_people: int = 0
    asset_ids: tuple[str, ...] = ()
    asset_of: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """place in `asset_ids` per datastream id, -1 for none"""
    bound: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    keys: dict[str, int] = field(default_factory=dict)
    """id by `source/name`"""
    imported: dict[str, Layer] = field(default_factory=dict)
    """imported files by the id of their layer"""

    def layer_of(self, asset: str) -> Layer | None:
        """The imported file an asset came with; None for what was made by hand."""
        found = self.assets.get(asset)
        return self.imported.get(found.layer) if found is not None else None

    def stream_of(self, key: str) -> Datastream | None:
        """The datastream of a `source/name`; None when there is none."""
        number = self.keys.get(key)
        return self.streams.get(number) if number is not None else None

    def name(self, asset: str) -> str:
        """What people call it; the id itself when it is not known."""
        found = self.assets.get(asset)
        return (found.name or found.id) if found else asset

    def path(self, asset: str) -> str:
        """`Water > Zone 3 > Pumps`: domain, parents, type."""
        found = self.assets.get(asset)
        if found is None:
            return ""
        parts = [plain(found.type)] if found.type else []
        parent, seen = found.parent, {asset}
        while parent and parent in self.assets and parent not in seen:
            seen.add(parent)
            parts.append(self.name(parent))
            parent = self.assets[parent].parent
        parts.append(found.domain.capitalize())
        return " › ".join(p for p in reversed(parts) if p)

    def people(self) -> int:
        """People served in the whole city."""
        return self.total_people


def build(city: wire.City) -> CityIndex:
    """Look-ups of a city answer; O(assets + edges + datastreams)."""
    index = CityIndex(tiles=city.tiles, frame=city.frame)
    index.imported = {layer.id: layer for layer in city.layers}
    index.assets = {a.id: a for a in city.assets}
    index.streams = {d.id: d for d in city.datastreams}
    index.keys = {d.key: d.id for d in city.datastreams}
    of_asset: dict[str, list[Datastream]] = defaultdict(list)
    by_kind: dict[str, list[int]] = defaultdict(list)
    for stream in city.datastreams:
        if stream.asset:
            of_asset[stream.asset].append(stream)
        by_kind[stream.kind].append(stream.id)
    index.of_asset = dict(of_asset)
    index.by_kind = {k: np.array(v, np.int64) for k, v in by_kind.items()}
    domains: dict[str, list[Asset]] = defaultdict(list)
    children: dict[str, list[str]] = defaultdict(list)
    for asset in city.assets:
        if asset.parent and asset.parent in index.assets:
            children[asset.parent].append(asset.id)
        domains[asset.domain or "other"].append(asset)
    index.domains = dict(sorted(domains.items()))
    index.children = dict(children)
    feeds: dict[str, list[str]] = defaultdict(list)
    fed_by: dict[str, list[str]] = defaultdict(list)
    contents: dict[str, list[str]] = defaultdict(list)
    for edge in city.edges:
        if edge.valid_to_ms is not None:
            continue
        if edge.kind == "contains":
            contents[edge.source].append(edge.target)
        elif edge.kind in {"feeds", "serves", "controls"}:
            feeds[edge.source].append(edge.target)
            fed_by[edge.target].append(edge.source)
    index.feeds, index.fed_by, index.contents = dict(feeds), dict(fed_by), dict(contents)
    count = 1 + max(index.streams, default=-1)
    index.period_ms = np.full(count, 1000.0)
    index.bound = np.zeros(count, np.bool_)
    index.total_people = sum(a.people for a in city.assets)
    index.asset_ids = tuple(index.of_asset)
    index.asset_of = np.full(count, -1, np.int64)
    for number, streams in enumerate(index.of_asset.values()):
        for stream in streams:
            index.asset_of[stream.id] = number
    for stream in city.datastreams:
        index.period_ms[stream.id] = stream.period_ms
        index.bound[stream.id] = True
    return index
