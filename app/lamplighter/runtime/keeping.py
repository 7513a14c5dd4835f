"""Keeps what was read from files: layers, and which of them says what of an asset.

One asset may be described by several layers. What each of them said is kept, so that taking a
layer back leaves what the others said; where one layer alone speaks, the asset itself is all
there is to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.clock import Clock
from lamplighter.domain.importing import FileReport, ImportedFile
from lamplighter.domain.layers import Layer, LayerContents, LayerRemoval
from lamplighter.domain.merging import merged
from lamplighter.runtime.difference import difference
from lamplighter.runtime.sources import keep_sources, source_folder
from lamplighter.store import Store, WriteAccess

EXAMPLES: Final = 10
Described = Callable[[Sequence[Datastream]], list[Datastream]]
Write = Callable[[WriteAccess], None]


class Keeper:
    """The layers of one project while they change. Used by one thread at a time."""

    def __init__(self, store: Store, clock: Clock, described: Described = list) -> None:
        self._store = store
        self._clock = clock
        self._described = described
        self.assets = {a.id: a for a in store.assets()}
        self.layers = {one.id: one for one in store.layers()}
        self.contents = store.layer_contents()
        self._said: dict[str, dict[str, Asset]] = {}
        for asset in store.said():
            self._said.setdefault(asset.id, {})[asset.layer] = asset
        self._writes: list[Write] = []
        self._after: list[Callable[[], None]] = []
        self._of: dict[str, set[str]] = {}
        for asset in self.assets.values():
            self._of.setdefault(asset.layer, set()).add(asset.id)
        for name, by_layer in self._said.items():
            for layer in by_layer:
                self._of.setdefault(layer, set()).add(name)

    # ------------------------------------------------------------------ looking
    def layer_of(self, file: str) -> Layer | None:
        """The layer a file became when it was imported before."""
        return next((one for one in self.layers.values() if one.source_file == file), None)

    def statements(self, layer: str) -> dict[str, Asset]:
        """Asset id -> what the layer says of it."""
        found: dict[str, Asset] = {}
        for name in self._of.get(layer, ()):
            asset = self._said.get(name, {}).get(layer) or self.assets.get(name)
            if asset is not None and asset.layer == layer:
                found[name] = asset
        return found

    def others(self, layer: str) -> OtherIds:
        """Ids that other layers describe."""
        return OtherIds(self.assets, self._said, layer)

    def new_id(self, name: str, file: str) -> str:
        """An id for a layer of that file."""
        taken = {one.id: one.source_file for one in self.layers.values()}
        found, number = name, 1
        while taken.get(found, file) != file:
            number += 1
            found = f"{name}-{number}"
        return found

    # ------------------------------------------------------------------ taking in
    def take(self, imported: ImportedFile, layer_id: str, contents: LayerContents) -> None:
        """Add or renew one layer in memory; `write` brings it to the store.

        `contents` states what the file was read with; its edges and datastreams are filled in.
        """
        report = imported.report
        old = self.layers.get(layer_id)
        before = self.statements(layer_id)
        found = imported.layer or Layer("", Path(report.file).stem, "table")
        layer = replace(
            found,
            id=layer_id,
            content_hash=imported.content_hash,
            imported_ms=self._clock.wall_ms(),
            objects=len(imported.assets),
        )
        report.layer = layer_id
        now = {a.id: replace(a, layer=layer_id) for a in imported.assets}
        if old is not None:
            report.difference = difference(before, now, old.source_file)
        streams = self._described(imported.datastreams)
        contents = replace(
            contents, edges=tuple(imported.edges), datastreams=tuple(streams), key=imported.key
        )
        self.layers[layer_id] = layer
        self._swap_assets(layer_id, now)
        self._swap_rest(layer_id, old, layer, contents)
        self._bind_again(layer_id, set(now) - set(before))
        self._note(report, imported.content_hash)

    def _bind_again(self, layer: str, new: set[str]) -> None:
        """Datastreams that another layer binds to an asset which was not there until now."""
        stated = {
            d.key: d
            for other, contents in self.contents.items()
            if other != layer
            for d in contents.datastreams
            if d.asset in new
        }
        if stated:
            loose = {d.key for d in self._store.datastreams() if not d.asset}
            again = [d for key, d in stated.items() if key in loose]
            self._writes.append(lambda access: _ignore(access.put_datastream_meta(again)))

    def _note(self, report: FileReport, content_hash: str) -> None:
        self._writes.append(lambda access: access.record_import(report, content_hash))

    def write(self) -> None:
        """Everything taken since the last call, in one transaction."""
        writes, self._writes = self._writes, []

        def put(access: WriteAccess) -> None:
            for one in writes:
                one(access)

        if writes:
            self._store.writer.call(put).result()
        after, self._after = self._after, []
        for step in after:
            step()

    # ------------------------------------------------------------------ taking back
    def removal(self, layer_id: str) -> LayerRemoval:
        """What goes when the layer is removed. Raises KeyError."""
        layer = self.layers[layer_id]
        contents = self.contents.get(layer_id, LayerContents())
        alone = [i for i in self.statements(layer_id) if len(self._said.get(i, {})) < 2]
        return LayerRemoval(
            layer=layer_id,
            name=layer.name,
            source_file=layer.source_file,
            assets=len(alone),
            kept_assets=len(self.statements(layer_id)) - len(alone),
            edges=len(self._gone_edges(layer_id, contents, ())),
            tiles=len(self._gone_tiles(layer_id, layer, ())),
            bindings=len(
                {d.key for d in self._streams_of(set(alone))}
                | {d.key for d in self._gone_streams(contents, ())}
            ),
            examples=tuple(sorted(alone)[:EXAMPLES]),
        )

    def remove(self, layer_id: str) -> LayerRemoval:
        """Take the layer back: in memory, in the store and on disk. Raises KeyError."""
        counted = self.removal(layer_id)
        layer = self.layers.pop(layer_id)
        alone = {i for i in self.statements(layer_id) if len(self._said.get(i, {})) < 2}
        bound = [replace(d, asset="") for d in self._streams_of(alone)]
        self._swap_assets(layer_id, {})
        self._writes.append(lambda access: _ignore(access.put_datastream_meta(bound)))
        self._swap_rest(layer_id, layer, None, LayerContents())
        report = FileReport(file=layer.source_file, format=layer.format, layer=layer_id)
        report.warnings.append(f"removed: {counted.assets} assets, {counted.edges} connections")
        self._note(report, layer.content_hash)
        self.write()
        return replace(counted, done=True)

    # ------------------------------------------------------------------ the steps
    def _swap_assets(self, layer: str, now: dict[str, Asset]) -> None:
        """Let the layer say `now` instead of what it said."""
        put: list[Asset] = []
        gone: list[str] = []
        say: list[Asset] = []
        unsay: list[tuple[str, str]] = []
        for name in {*self.statements(layer), *now}:
            said = dict(self._said.get(name, {}))
            current = self.assets.get(name)
            if not said and current is not None and current.layer != layer:
                said = {current.layer: current}
            known = set(self._said.get(name, {}))
            said.pop(layer, None)
            if name in now:
                said[layer] = now[name]
            if len(said) > 1:
                self._said[name] = said
                say.extend(a for key, a in said.items() if key not in known or key == layer)
                unsay.extend((name, key) for key in known - set(said))
            else:
                unsay.extend((name, key) for key in known)
                self._said.pop(name, None)
            if not said:
                gone.append(name)
                self.assets.pop(name, None)
                continue
            stands = reduce(merged, sorted(said.values(), key=self._when))
            if stands != current:
                put.append(stands)
                self.assets[name] = stands
        self._of[layer] = set(now)
        order = {name: place for place, name in enumerate(now)}
        put.sort(key=lambda a: order.get(a.id, len(order)))

        def write(access: WriteAccess) -> None:
            access.put_assets(put)
            access.remove_assets(gone)
            for asset in say:
                access.put_said(asset)
            for name, key in unsay:
                access.remove_said(name, key)

        self._writes.append(write)

    def _when(self, asset: Asset) -> tuple[bool, int]:
        """Later words win; a mesh only shows what a model means, so its words come first."""
        layer = self.layers.get(asset.layer)
        if layer is None:
            return False, 0
        return layer.kind not in ("mesh", "cloud"), layer.imported_ms

    def _swap_rest(
        self, name: str, old: Layer | None, new: Layer | None, contents: LayerContents
    ) -> None:
        """Connections, bindings, tiles and sources of a layer that came, changed or went."""
        before = self.contents.get(name, LayerContents())
        edges = self._gone_edges(name, before, contents.edges)
        streams, again = self._freed_streams(name, before, contents.datastreams)
        tiles = self._gone_tiles(name, old, new.tiles if new else ())
        if new is None:
            self.contents.pop(name, None)
        else:
            self.contents[name] = contents

        def write(access: WriteAccess) -> None:
            access.remove_edges(edges)
            access.put_edges(contents.edges)
            access.remove_datastream_meta(streams)
            access.put_datastream_meta([*again, *contents.datastreams])
            access.remove_tiles(tiles)
            if new is None:
                access.remove_layer(name)
                return
            access.put_tiles(t.name for t in new.tiles if t.rank == 0)
            access.put_layer(new)
            access.put_contents(name, contents)

        self._writes.append(write)
        self._after.append(lambda: self._sweep(tiles, old, new, before))

    def _gone_edges(self, name: str, before: LayerContents, kept: Iterable[Edge]) -> list[Edge]:
        if not before.edges:
            return []
        stay = {_edge_key(e) for e in kept}
        for other, contents in self.contents.items():
            if other != name:
                stay |= {_edge_key(e) for e in contents.edges}
        return [e for e in before.edges if _edge_key(e) not in stay]

    @staticmethod
    def _gone_streams(before: LayerContents, kept: Iterable[Datastream]) -> list[Datastream]:
        stay = {d.key for d in kept}
        return [d for d in before.datastreams if d.key not in stay]

    def _freed_streams(
        self, name: str, before: LayerContents, kept: Iterable[Datastream]
    ) -> tuple[list[Datastream], list[Datastream]]:
        """Datastreams nobody describes any more, and what others say of the rest."""
        gone = {d.key: d for d in self._gone_streams(before, kept)}
        again: dict[str, Datastream] = {}
        for other, contents in self.contents.items():
            if other != name and gone:
                again |= {d.key: d for d in contents.datastreams if d.key in gone}
        return [d for key, d in gone.items() if key not in again], list(again.values())

    def _streams_of(self, assets: set[str]) -> list[Datastream]:
        return [d for d in self._store.datastreams() if d.asset in assets] if assets else []

    def _gone_tiles(self, name: str, old: Layer | None, kept: Iterable[object]) -> list[str]:
        """Names of tiles no layer names any more."""
        if old is None or not old.tiles:
            return []
        stay = {getattr(t, "name", "") for t in kept}
        for other in self.layers.values():
            if other.id != name:
                stay |= {t.name for t in other.tiles}
        return [t.name for t in old.tiles if t.name not in stay]

    def _sweep(
        self, tiles: list[str], old: Layer | None, new: Layer | None, before: LayerContents
    ) -> None:
        """Files nobody names: tiles, what the reader remembered, the copy of the original."""
        folder = self._store.folder / "cache" / "tiles"
        for name in tiles:
            (folder / name).unlink(missing_ok=True)
        if tiles and before.key:
            (folder / f"{before.key}.import").unlink(missing_ok=True)
        if old is None or (new is not None and new.content_hash == old.content_hash):
            return
        if old.content_hash and all(
            one.content_hash != old.content_hash for one in self.layers.values()
        ):
            source_folder(self._store.folder, old.content_hash, remove=True)


class OtherIds:
    """`id in` this: somebody else than the layer describes the asset."""

    def __init__(
        self, assets: dict[str, Asset], said: dict[str, dict[str, Asset]], layer: str
    ) -> None:
        self._assets, self._said, self._layer = assets, said, layer

    def __contains__(self, name: object) -> bool:
        asset = self._assets.get(str(name))
        if asset is None:
            return False
        return asset.layer != self._layer or any(
            key != self._layer for key in self._said.get(str(name), ())
        )


def _edge_key(edge: Edge) -> tuple[str, str, str, str]:
    return edge.source, edge.kind, edge.target, edge.owner


def _ignore(_: object) -> None:
    return None


__all__ = ["Keeper", "OtherIds", "keep_sources"]
