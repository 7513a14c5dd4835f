"""What is usual for assets by the plugins' kinds, for a project's completeness scores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.twin.completeness import Norms

if TYPE_CHECKING:
    from lamplighter.runtime.plugins import LoadedPlugins


def norms_of(
    assets: Iterable[Asset],
    streams: Iterable[Datastream],
    edges: Iterable[Edge],
    plugins: LoadedPlugins,
) -> Norms:
    """What each type of asset should have here."""
    kinds = {k.id: (k.name, tuple(k.asset_types)) for k in plugins.kinds.values()}
    return Norms(assets, streams, edges, kinds)
