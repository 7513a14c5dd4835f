"""Ids of one file among those of all others: nothing is replaced silently."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from lamplighter.domain.city import Asset, Edge
from lamplighter.domain.importing import ImportedFile


def settle(item: ImportedFile, name: str, taken: Container[str], placed: Container[str]) -> None:
    """Make sure that `item` does not silently replace what another file states.

    `taken` are ids that other layers describe, `placed` those of them that have a place. A
    network that uses ids of another file gets `name` before all its own; an object without a
    place never replaces one that has one.
    """
    same = sum(asset.id in taken for asset in item.assets)
    if same and item.report.kind == "network":
        _rename(item, name, same)
    elif same:
        item.report.warnings.append(f"{same} objects are also described by another file")
    kept = [a for a in item.assets if a.x is not None or a.id not in placed]
    if len(kept) < len(item.assets):
        item.report.warnings.append(
            f"{len(item.assets) - len(kept)} objects without a place are placed by another "
            "file; that one counts"
        )
        item.assets = kept


def _rename(item: ImportedFile, stem: str, count: int) -> None:
    """Put the network's name before all its ids: `10` becomes `Net1/10`."""

    def new(name: str) -> str:
        return f"{stem}/{name}"

    def asset(old: Asset) -> Asset:
        parent = new(old.parent) if old.parent else ""
        return msgspec.structs.replace(old, id=new(old.id), parent=parent)

    def edge(old: Edge) -> Edge:
        return msgspec.structs.replace(old, source=new(old.source), target=new(old.target))

    item.assets = [asset(a) for a in item.assets]
    item.edges = [edge(e) for e in item.edges]
    item.report.unplaced = [msgspec.structs.replace(u, id=new(u.id)) for u in item.report.unplaced]
    item.report.warnings.append(
        f"{count} ids are also used by another file; all ids of this network begin with '{stem}/'"
    )
