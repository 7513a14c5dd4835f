"""The asset register: what it brings is planned, shown, and applied exactly as planned.

Datastreams find their asset by the table itself, by a pattern of their names, or by position. The
unbound are listed with the reason. A register that was applied is a layer like any other import.
"""

from __future__ import annotations

import math
import re
import threading
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.importing import (
    Binding,
    ImportedFile,
    RegisterMapping,
    RegisterReport,
    Unbound,
    Unplaced,
)
from lamplighter.domain.layers import LayerContents
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.runtime.importing import parse_epsg
from lamplighter.runtime.keeping import Keeper
from lamplighter.runtime.offline_audit import note
from lamplighter.runtime.plugins import LoadedPlugins, load_plugins
from lamplighter.runtime.project import opened
from lamplighter.runtime.reading import HowToRead, Progress, Reading
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.sources import keep_sources
from lamplighter.store import Store
from lamplighter.workers import WorkerPool

CELL_M: Final = 50.0
_GROUPS: Final = (
    {"{asset}": "(?P<asset>[^/]+?)", "{kind}": "(?P<kind>[^/]+)", "*": ".*?"},
    {"{asset}": "(?P<asset>[^/]+)", "{kind}": "(?P<kind>[^/]+?)", "*": ".*"},
)
"""the shortest asset first, then the longest: ids may hold the character between the parts"""


def parse_mapping(text: str) -> RegisterMapping:
    """The mapping of a TOML text; empty for none. Raises LamplighterError (U-801)."""
    try:
        found = msgspec.convert(tomllib.loads(text), RegisterMapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        what = f"the mapping cannot be used: {error}"
        raise fault("U-801", what=what, name="register") from None
    if found.pattern and found.pattern.count("{asset}") != 1:
        raise fault("U-801", what="the pattern does not hold {asset} once", name="register")
    if found.pattern.count("{kind}") > 1:
        raise fault("U-801", what="the pattern holds {kind} twice", name="register")
    return found


def register_into(
    project: Path, file: Path, *, mapping: str = "", crs: str = "", preview: bool
) -> dict[str, Any]:
    """`register PROJECT FILE` in a project nobody records; the report as it prints it."""
    with opened(project, write=True) as store:
        if not preview:
            note(store.folder, "register assets", file.name)
        pool = WorkerPool(own_command(), store.folder / "cache", SystemClock(), keep_warm=False)
        try:
            desk = RegisterDesk(store, load_plugins(), pool, SystemClock())
            report = desk.run(file, mapping, crs, preview=preview, progress=lambda *step: None)
        finally:
            pool.stop()
    return dict(msgspec.to_builtins(report))


class RegisterDesk:
    """Reads, plans and applies one register."""

    def __init__(
        self, store: Store, plugins: LoadedPlugins, pool: WorkerPool, clock: Clock
    ) -> None:
        self._store, self._plugins, self._pool, self._clock = store, plugins, pool, clock
        self._cancelled = threading.Event()
        self._reading: Reading | None = None

    def cancel(self) -> None:
        """Stop, from any thread; before the register is written nothing of it is kept."""
        self._cancelled.set()
        if self._reading is not None:
            self._reading.cancel()

    def _unless_cancelled(self, file: Path) -> None:
        if self._cancelled.is_set():
            raise fault("P-607", name=f"Register {file.name}")

    def run(
        self, file: Path, mapping: str, crs: str, *, preview: bool, progress: Progress
    ) -> RegisterReport:
        """Raises LamplighterError when the file or the mapping cannot be used, or it was cancelled
        (P-607).
        """
        wanted = parse_mapping(mapping)
        file = file.resolve()
        found = self._read(file, wanted, parse_epsg(crs) or 0, progress)
        keeper = Keeper(self._store, self._clock, self._plugins.described)
        report = plan(found, wanted, keeper, self._store.datastreams())
        before = keeper.layer_of(str(file))
        report.layer = before.id if before else keeper.new_id(file.stem, str(file))
        self._unless_cancelled(file)
        if not preview:
            main = keep_sources(self._store.folder, file, (), found.content_hash)
            contents = LayerContents(main=main, epsg=parse_epsg(crs) or 0)
            if self._store.frame() is None:
                self._found_frame(found)
            keeper.take(found, report.layer, contents)
            keeper.write()
            report.applied = True
        return report

    def _found_frame(self, found: ImportedFile) -> None:
        from lamplighter.spatial import choose_frame

        frame = choose_frame([found])
        if frame is not None:
            self._store.writer.call(lambda access: access.put_frame(frame)).result()

    def _read(
        self, file: Path, mapping: RegisterMapping, epsg: int, progress: Progress
    ) -> ImportedFile:
        from lamplighter.spatial import FileWish

        importers = self._plugins.importers()
        tiles = self._store.folder / "cache" / "tiles"
        tiles.mkdir(parents=True, exist_ok=True)
        how = HowToRead(tiles, tuple(sorted(set(importers.values()))), tuple(importers), ())
        reading = self._reading = Reading(self._pool, how)
        self._unless_cancelled(file)
        files = list(reading.scout([file], progress).files)
        self._unless_cancelled(file)
        one = files[0]
        wish = FileWish(digest=one.digest, parts=one.parts, epsg=epsg, register=mapping)
        batch = reading.start([one], self._store.frame(), None, {one.path: wish}, (), progress)
        found, _, _ = batch.outcome()
        if not found:
            raise fault("P-607", name=file.name)
        if found[0].report.error:
            text, _, code = found[0].report.error.rpartition(" [")
            raise LamplighterError(Problem(code.rstrip("]"), text))
        return found[0]


def plan(
    found: ImportedFile,
    mapping: RegisterMapping,
    keeper: Keeper,
    streams: Sequence[Datastream],
) -> RegisterReport:
    """What the register brings to the city as it is; `found` keeps only what will be taken."""
    report = RegisterReport(file=found.report.file, warnings=list(found.report.warnings))
    mine = {a.id for a in found.assets}
    report.known = sum(name in keeper.assets for name in mine)
    report.new = len(mine) - report.known
    assets = {**keeper.assets, **{a.id: a for a in found.assets}}
    refused = {u.id for u in found.report.unplaced} - mine
    report.refused = [u for u in found.report.unplaced if u.id in refused]
    report.unplaced = [u for u in found.report.unplaced if u.id in mine]
    _connections(found, assets, report)
    _bindings(found, mapping, assets, streams, report)
    return report


def _connections(found: ImportedFile, assets: dict[str, Asset], report: RegisterReport) -> None:
    taken = []
    for edge in found.edges:
        missing = next((end for end in (edge.source, edge.target) if end not in assets), "")
        if missing:
            words = f"{edge.source} {edge.kind} {edge.target}"
            report.refused.append(Unplaced(words, f"there is no asset {missing}"))
        else:
            taken.append(edge)
    found.edges = taken
    report.connections = len(taken)


def _bindings(
    found: ImportedFile,
    mapping: RegisterMapping,
    assets: dict[str, Asset],
    streams: Sequence[Datastream],
    report: RegisterReport,
) -> None:
    """Table first, then position, then pattern; the pattern also takes what is unbound so far."""
    pattern = NamePattern(mapping.pattern, assets) if mapping.pattern else None
    near = Nearest(assets, mapping.near_type, mapping.near_m) if mapping.near_m > 0 else None
    stated = {d.key: d for d in found.datastreams}
    loose = [d for d in streams if not d.asset and d.key not in stated]
    taken: list[Datastream] = []
    for stream in (*found.datastreams, *(loose if pattern is not None else ())):
        binding, why = _bound(stream, assets, found.spots, pattern, near)
        if binding is None:
            report.unbound.append(Unbound(stream.key, why))
        else:
            report.bindings.append(binding)
            taken.append(
                replace(stream, asset=binding.asset, kind=binding.kind or stream.kind, id=0)
            )
    if pattern is None:
        report.unbound += [Unbound(d.key, "the register does not name it") for d in loose]
    found.datastreams = taken


def _bound(
    stream: Datastream,
    assets: dict[str, Asset],
    spots: dict[str, tuple[float, float]],
    pattern: NamePattern | None,
    near: Nearest | None,
) -> tuple[Binding | None, str]:
    if stream.asset:
        if stream.asset in assets:
            return Binding(stream.key, stream.asset, "table", stream.kind), ""
        return None, f"there is no asset {stream.asset}"
    why = "neither asset, position nor pattern binds it"
    spot = spots.get(stream.key)
    if spot is not None and near is not None:
        name, metres = near.find(spot)
        if name:
            how = f"position, {metres:.1f} m"
            return Binding(stream.key, name, how, stream.kind), ""
        why = near.why
    if pattern is not None:
        name, kind, said = pattern.match(stream)
        if name:
            return Binding(stream.key, name, "pattern", stream.kind or kind), ""
        why = said if spot is None else f"{why}; {said}"
    return None, why


class NamePattern:
    """Names of datastreams that hold the asset's id or name, and perhaps their kind."""

    def __init__(self, pattern: str, assets: dict[str, Asset]) -> None:
        self._whole = "/" in pattern
        parts = re.split(r"(\{asset\}|\{kind\}|\*)", pattern)
        self._tries = [
            re.compile("".join(_GROUPS[way].get(p, re.escape(p)) for p in parts), re.IGNORECASE)
            for way in range(2)
        ]
        self._by: dict[str, str] = {}
        for asset in assets.values():
            self._by.setdefault(_plain(asset.name), asset.id)
        self._by |= {_plain(name): name for name in assets}

    def match(self, stream: Datastream) -> tuple[str, str, str]:
        """Asset and kind, or two empty texts and the reason."""
        why = "its name does not fit the pattern"
        for one in self._tries:
            found = one.fullmatch(stream.key if self._whole else stream.name)
            if found is None:
                continue
            asset = self._by.get(_plain(found["asset"]), "")
            if asset:
                return asset, found.groupdict().get("kind") or "", ""
            why = f"there is no asset {found['asset']}"
        return "", "", why


def _plain(name: str) -> str:
    """Ids as people vary them: `P-14`, `p_14` and `P 14` are one."""
    return re.sub(r"[-_ .]+", "-", name.strip().casefold())


class Nearest:
    """Assets by position."""

    def __init__(self, assets: dict[str, Asset], kind: str, metres: float) -> None:
        self._metres = metres
        self.why = f"no {kind or 'asset'} lies within {metres:g} m"
        self._cells: dict[tuple[int, int], list[tuple[float, float, str]]] = {}
        self._cell = max(metres, CELL_M)
        for asset in assets.values():
            if asset.x is not None and asset.y is not None and kind in ("", asset.type):
                place = (asset.x, asset.y, asset.id)
                self._cells.setdefault(self._where(asset.x, asset.y), []).append(place)

    def _where(self, x: float, y: float) -> tuple[int, int]:
        return math.floor(x / self._cell), math.floor(y / self._cell)

    def find(self, spot: tuple[float, float]) -> tuple[str, float]:
        """The nearest one and its distance; an empty text when none is near enough."""
        column, row = self._where(*spot)
        best, name = self._metres, ""
        for c in range(column - 1, column + 2):
            for r in range(row - 1, row + 2):
                for x, y, ident in self._cells.get((c, r), ()):
                    way = math.dist(spot, (x, y))
                    if way < best or (way == best and not name):
                        best, name = way, ident
        return name, best
