"""What the recorder knows of the city in memory: assets, datastreams, graph, rules, by id.

Rebuilt as a whole whenever an import or a new datastream changes it; readers hold one consistent
snapshot.
"""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.alarms.quieting import Quiet
from lamplighter.domain.alarm import AlarmRule
from lamplighter.domain.city import Asset, Datastream, Edge, Frame
from lamplighter.domain.layers import Layer
from lamplighter.runtime.alarm_design import bound_design, quiets, stored_design
from lamplighter.runtime.alarm_watch import system_rules
from lamplighter.runtime.feeds import stored_feeds
from lamplighter.runtime.plugins import LoadedPlugins
from lamplighter.store import Store
from lamplighter.twin import DependencyGraph, StreamTable, stream_table


class CityState(msgspec.Struct, frozen=True):
    """One snapshot. `streams` is indexed by datastream id (ids are dense)."""

    assets: dict[str, Asset]
    edges: tuple[Edge, ...]
    streams: tuple[Datastream, ...]
    sources: dict[int, str]
    tiles: tuple[str, ...]
    frame: Frame | None
    graph: DependencyGraph
    rules: tuple[AlarmRule, ...]
    table: StreamTable
    by_asset: dict[str, tuple[int, ...]]
    layers: tuple[Layer, ...] = ()
    quiets: tuple[Quiet, ...] = ()

    @property
    def source_of(self) -> npt.NDArray[np.int32]:
        return self.table.source

    def name_of(self, asset: str) -> str:
        known = self.assets.get(asset)
        return known.name or asset if known is not None else asset

    def type_of(self, asset: str) -> str:
        known = self.assets.get(asset)
        return known.type if known is not None else ""


def load(store: Store, plugins: LoadedPlugins) -> CityState:
    """The city as the store has it, with the rules the enabled plugins bind to it."""
    assets = store.assets()
    streams = sorted(store.datastreams(), key=lambda d: d.id)
    edges = store.edges()
    sources = store.sources()
    ids = {name: number for number, name in sources.items()}
    by_asset: dict[str, list[int]] = {}
    for stream in streams:
        if stream.asset:
            by_asset.setdefault(stream.asset, []).append(stream.id)
    design = stored_design(store)
    graph = DependencyGraph(assets, edges, closed_owners=plugins.closed_owners())
    rules = bound_design(store, plugins, assets, streams, design).live
    named = {a.id: a for a in assets}
    return CityState(
        assets=named,
        edges=tuple(edges),
        streams=tuple(streams),
        sources=sources,
        tiles=tuple(store.tiles()),
        frame=store.frame(),
        graph=graph,
        rules=(*rules, *system_rules(sources.values(), (f.id for f in stored_feeds(store)))),
        table=stream_table(streams, ids, plugins.plausible(streams)),
        by_asset={a: tuple(found) for a, found in by_asset.items()},
        layers=tuple(store.layers()),
        # their limits and states may be those of the kind, as they were when it was checked
        quiets=tuple(quiets(design, named, plugins.described(streams), graph)),
    )
