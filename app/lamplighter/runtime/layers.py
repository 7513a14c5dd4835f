"""The imported layers of a project: listed, and taken back with a preview of what goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.layers import Layer, LayerRemoval
from lamplighter.domain.problems import fault
from lamplighter.runtime.keeping import Keeper
from lamplighter.runtime.plugins import LoadedPlugins
from lamplighter.runtime.project import opened
from lamplighter.store import Store

_LISTED = (
    "id", "name", "kind", "domain", "format", "version", "crs", "objects", "lods", "licence",
    "attribution", "terms_from", "date", "imported_ms", "source_file", "extent_wgs84",
)  # fmt: skip


def row(layer: Layer) -> dict[str, Any]:
    """A layer as `layers --json` prints it."""
    found: dict[str, Any] = {name: getattr(layer, name) for name in _LISTED}
    found["triangles"] = sum(t.triangles for t in layer.finest)
    found["points"] = sum(t.points for t in layer.finest if t.kind == "cloud")
    found["tiles"] = len(layer.tiles)
    return dict(msgspec.to_builtins(found))


def list_layers(project: Path) -> list[dict[str, Any]]:
    """`layers PROJECT`."""
    with opened(project) as store:
        return [row(layer) for layer in store.layers()]


def remove_layer(
    project: Path, layer: str, *, preview: bool, plugins: LoadedPlugins | None = None
) -> dict[str, Any]:
    """`layers remove PROJECT ID` in a project nobody records. Raises LamplighterError (U-801)."""
    with opened(project, write=not preview) as store:
        found = take_back(store, layer, preview=preview, plugins=plugins)
    return dict(msgspec.to_builtins(found))


def take_back(
    store: Store, layer: str, *, preview: bool, plugins: LoadedPlugins | None = None
) -> LayerRemoval:
    """Remove a layer with all it brought, or only count it. Raises LamplighterError (U-801)."""
    described = plugins.described if plugins is not None else list
    keeper = Keeper(store, SystemClock(), described)
    if layer not in keeper.layers:
        known = ", ".join(list(keeper.layers)[:5]) or "none"
        raise fault("U-801", what=f"there is no layer {layer} (there are: {known})", name="layers")
    return keeper.removal(layer) if preview else keeper.remove(layer)
