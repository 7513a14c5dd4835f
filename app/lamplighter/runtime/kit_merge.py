"""Merging a field kit: every check before anything is taken, and the same kit twice adds nothing.

Files come first, each by its hash, then observations, exactly once by their keys, and at last all
facts and edits in one transaction. A merge that was cut is begun again and comes to the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from lamplighter.domain.edits import Edit, Merging, merging_of
from lamplighter.domain.exchange import ReceivedChunk
from lamplighter.domain.kit import KitChange, KitOrigin, KitReport, listed
from lamplighter.domain.observation import Committed, Quarantined
from lamplighter.domain.problems import fault
from lamplighter.exchange.kit_file import KitFile
from lamplighter.exchange.kit_points import unpack, without_known
from lamplighter.runtime import kit_facts
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.kit_trust import KEY, NAME, ORIGIN, believe, origin_of
from lamplighter.store import OutgoingStore, Store, WriteAccess

WAITING: Final = 4
"""chunks that may wait for the disk"""
PATIENCE_S: Final = 600.0
TOLD: Final = 300
"""changes a report lists at most"""
MERGED: Final = "kit.merged."
Steps = Callable[[int, int, str], None]


class Door(Protocol):
    def submit(
        self, chunk: ReceivedChunk, aside: tuple[Quarantined, ...] = ()
    ) -> Future[Committed]: ...


@dataclass(slots=True)
class Merged:
    """What came of a merge."""

    report: KitReport
    edits: list[Edit]
    """those that were new here"""
    city: bool
    """whether assets, connections, layers or datastreams changed"""


class Merger:
    """One kit on its way into one open project."""

    def __init__(
        self,
        store: Store,
        desk: EditDesk,
        door: Door,
        kit: KitFile,
        *,
        own_key: str,
        now_ms: int,
        steps: Steps,
        adopt: Callable[[], None] = lambda: None,
        recorded: bool = False,
    ) -> None:
        """`recorded`: a recorder is at work; how alarms stand is then its own affair."""
        self._store, self._desk, self._door, self._kit = store, desk, door, kit
        self._own_key, self._now_ms, self._steps = own_key, now_ms, steps
        self._adopt, self._recorded = adopt, recorded
        self._new: dict[str, int] = {}
        self._warnings: list[str] = []

    def run(self, *, trust: str = "", begin: bool = False) -> Merged:
        """`begin`: the project is new and starts from this kit.

        Raises LamplighterError: A-422, A-423, A-401, and P-607 when `steps` ended it.
        """
        begun = time.monotonic()
        kit, paper = self._kit, self._kit.paper
        if begin:
            if paper.changes:
                raise kit.refused(
                    f"it holds only what was done on {paper.name}: merge it where that came from"
                )
            if paper.expires_ms and self._now_ms > paper.expires_ms:
                raise kit.refused("it has expired: take a new one at its console")
            pinned = {KEY + paper.store: kit.key, NAME + paper.store: paper.name}
        else:
            pinned = believe(self._store, kit, self._own_key, trust)
        kit.check(lambda done, total: self._steps(done, total, "checking the file"))
        rows = self._rows()
        self._check_edits(rows["edit"])
        refresh = begin or self._from_home()
        self._put_files(refresh, begin)
        self._points()
        new, city = self._facts(rows, pinned, begin=begin, refresh=refresh)
        return Merged(self._report(new, time.monotonic() - begun), new, city)

    def _from_home(self) -> bool:
        origin = origin_of(self._store)
        return origin is not None and origin.store == self._kit.paper.store

    # ------------------------------------------------------------------ reading
    def _rows(self) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {kind: [] for kind in kit_facts.KINDS}
        for number, frame in self._kit.frames("facts"):
            if frame.name not in found:
                continue  # of a later version; nothing here needs it
            try:
                found[frame.name] += kit_facts.unpacked(frame.name, [self._kit.read(number)])
            except ValueError as error:
                raise self._kit.refused(f"its {frame.name} rows cannot be read: {error}") from None
        return found

    def _check_edits(self, edits: list[Edit]) -> None:
        """An id stands for one edit for ever."""
        seen: dict[str, Edit] = {}
        for edit in edits:
            known = self._desk.edits.get(edit.id) or seen.get(edit.id)
            if known is not None and known != edit:
                raise self._kit.refused(f"an edit of {edit.object} was rewritten after it was made")
            kind, _, name = edit.object.partition("/")
            if not kind or not name or not edit.field or not edit.id:
                raise self._kit.refused("an edit in it names no record or field")
            seen[edit.id] = edit

    # ------------------------------------------------------------------ files
    def _put_files(self, refresh: bool, begin: bool) -> None:
        """Documents always; tiles from home; models only into a new project, which has none."""
        parts: dict[str, list[int]] = {}
        for number, frame in self._kit.frames("file"):
            parts.setdefault(frame.name, []).append(number)
        for name, numbers in parts.items():
            digest = self._kit.paper.files.get(name)
            if digest is None:
                raise self._kit.refused(f"{name[:60]!r} is not in its list of files")
            tile = name.startswith("cache/tiles/") and refresh
            model = name.startswith("models/") and begin
            if name.startswith("media/") or tile or model:
                self._put_file(name, digest, numbers)

    def _put_file(self, name: str, digest: str, numbers: list[int]) -> None:
        path = self._store.folder / name
        if path.is_file():
            if _hash_of(path) == digest:
                return
            if name.startswith("media/"):
                self._warnings.append(f"{name} is another file here; the one here was kept")
                return
        self._steps(0, 0, "files")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        found = blake2b(digest_size=32)
        with part.open("wb") as out:
            for number in numbers:
                data = self._kit.read(number)
                found.update(data)
                out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if found.hexdigest() != digest:
            part.unlink()
            raise self._kit.refused(f"{name[:60]!r} is not what its list says")
        part.replace(path)
        self._count("files")

    # ------------------------------------------------------------------ observations
    def _points(self) -> None:
        waiting: list[Future[Committed]] = []
        frames = list(self._kit.frames("points"))
        keys = OutgoingStore(self._store).keys() if frames else {}
        for at, (number, _) in enumerate(frames):
            try:
                chunk = unpack(self._kit.read(number))
            except (ValueError, KeyError) as error:
                raise self._kit.refused(f"its points cannot be read: {error}") from None
            fresh = without_known(chunk, keys)
            if fresh is not None:
                waiting.append(self._door.submit(fresh))
            while len(waiting) > WAITING:
                self._settle(waiting.pop(0))
            self._steps(at + 1, len(frames), f"{self._new.get('points', 0):,} points")
        for future in waiting:
            self._settle(future)

    def _settle(self, future: Future[Committed]) -> None:
        try:
            done = future.result(PATIENCE_S)
        except TimeoutError:
            raise fault("A-401", what="a field kit was merged") from None
        self._count("points", sum(account.stored for _, account in done.accounts))
        refused = sum(account.quarantined for _, account in done.accounts)
        if refused:
            self._warnings.append(
                f"{refused} points came under a key that holds others here; see Quarantine"
            )

    def _count(self, what: str, by: int = 1) -> None:
        if by:
            self._new[what] = self._new.get(what, 0) + by

    # ------------------------------------------------------------------ facts
    def _facts(
        self, rows: dict[str, list[Any]], pinned: dict[str, str], *, begin: bool, refresh: bool
    ) -> tuple[list[Edit], bool]:
        self._steps(0, 0, "records")
        store, paper = self._store, self._kit.paper
        ours = _NothingHere() if refresh else _Here(store)
        numbers = {d.key: d.id for d in store.datastreams()}
        before = set(numbers)
        counted: dict[str, int] = {}
        known = self._known_events() if refresh and not begin else set()

        def keep(access: WriteAccess) -> None:
            counted["assets"] = access.put_assets([a for a in rows["asset"] if ours.asset(a.id)])
            counted["edges"] = access.put_edges([e for e in rows["edge"] if ours.edge(e)])
            streams = [d for d in rows["stream"] if ours.stream(d.key)]
            made = access.put_datastream_meta(streams)
            for stream in made:
                numbers[stream.key] = stream.id
            counted["datastreams"] = sum(d.key not in before for d in made)
            if refresh:
                self._put_city(access, rows)
                self._put_alarms(access, rows, numbers, known)
            for key, value in pinned.items():
                access.put_setting(key, value)
            access.put_setting(MERGED + paper.kit, str(self._now_ms))
            if begin:
                for model in rows["model"]:
                    access.put_model(model)
                access.put_setting(ORIGIN, msgspec.json.encode(self._origin()).decode())
            if refresh:
                sources = sorted({d.source for d in rows["stream"]} | set(store.sources().values()))
                access.put_setting(ORIGIN + ".sources", msgspec.json.encode(sources).decode())

        orders = [e.object.partition("/")[2] for e in rows["edit"] if e.object.startswith("order/")]
        self._desk.baseline(sorted(set(orders)))
        new = self._desk.merge(rows["edit"], keep)
        self._adopt()
        for what, count in counted.items():
            self._count(what, count)
        self._count("edits", len(new))
        return new, refresh or any(counted.values())

    def _put_city(self, access: WriteAccess, rows: dict[str, list[Any]]) -> None:
        for frame in rows["frame"]:
            access.put_frame(frame)
        for layer in rows["layer"]:
            access.put_layer(layer)
            access.put_tiles(t.name for t in layer.tiles)
        for one in rows["contents"]:
            access.put_contents(one.layer, one.contents)
        for asset in rows["said"]:
            access.put_said(asset)
        for setting in rows["setting"]:
            if setting.key.startswith(kit_facts.SETTINGS):
                access.put_setting(setting.key, setting.value)
        access.put_prognoses(rows["prognosis"])
        for report in rows["import"]:
            access.record_import(report)

    def _put_alarms(
        self,
        access: WriteAccess,
        rows: dict[str, list[Any]],
        numbers: dict[str, int],
        known: set[tuple[int, str, str]],
    ) -> None:
        batch = access.last_batch
        standing = {s.record.key: s for s in rows["alarm"]}
        for one in rows["event"]:
            event = one.event
            record = replace(event.record, datastream=numbers.get(one.stream, -1))
            if (event.time_ms, record.key, event.event) not in known:
                access.put_alarm_events([replace(event, record=record, batch=batch)])
                self._count("alarm events")
        for one in standing.values() if not self._recorded else ():
            record = replace(one.record, datastream=numbers.get(one.stream, -1))
            access.put_alarm_record(record)
        access.put_incidents(rows["incident"], batch)

    def _known_events(self) -> set[tuple[int, str, str]]:
        return {(e.time_ms, e.record.key, e.event) for e in self._store.alarm_journal()}

    def _origin(self) -> KitOrigin:
        paper = self._kit.paper
        return KitOrigin(
            kit=paper.kit, store=paper.store, name=paper.name, key=self._kit.key,
            scope=paper.scope, made_ms=paper.made_ms, expires_ms=paper.expires_ms,
            begun_ms=self._now_ms, token=paper.token,
        )  # fmt: skip

    # ------------------------------------------------------------------ what came of it
    def _report(self, new: list[Edit], seconds: float) -> KitReport:
        paper, desk = self._kit.paper, self._desk
        conflicts = desk.conflicts()
        open_fields = {(c.object, c.field) for c in conflicts}
        told = [
            e
            for e in new
            if e.origin not in ("", self._store.store_id) and (e.object, e.field) not in open_fields
        ]
        safety = tuple(_change(e) for e in told if merging_of(e.field) is Merging.SAFETY)
        others = [e for e in told if merging_of(e.field) is not Merging.SAFETY][-TOLD:]
        return KitReport(
            action="merge", file=str(self._kit.file.absolute()), kit=paper.kit, name=paper.name,
            key=self._kit.key, scope=paper.scope, purpose=paper.purpose, made_ms=paper.made_ms,
            expires_ms=paper.expires_ms, sealed=self._kit.head.sealed,
            bytes=self._kit.file.stat().st_size, seconds=round(seconds, 3),
            records=sum(self._new.values()), counts=self._new,
            conflicts=listed(conflicts, self._store.store_id), safety=safety,
            changes=tuple(_change(e) for e in others),
            warnings=tuple(self._warnings), objects=tuple(sorted({e.object for e in new})),
        )  # fmt: skip


def _change(edit: Edit) -> KitChange:
    return KitChange(edit.object, edit.field, edit.value, edit.author, edit.made_ms, edit.origin)


class _Here:
    """What a project has already and a kit from elsewhere does not change."""

    def __init__(self, store: Store) -> None:
        self._assets = {a.id for a in store.assets()}
        self._edges = {(e.source, e.kind, e.target, e.owner) for e in store.edges()}
        self.streams = {d.key for d in store.datastreams() if d.asset or d.unit or d.kind}

    def asset(self, id: str) -> bool:
        return id not in self._assets

    def edge(self, edge: Any) -> bool:
        return (edge.source, edge.kind, edge.target, edge.owner) not in self._edges

    def stream(self, key: str) -> bool:
        return key not in self.streams


class _NothingHere(_Here):
    """A project that takes its console's word for everything."""

    def __init__(self) -> None:
        self._assets, self._edges, self.streams = set(), set(), set()


def _hash_of(path: Path) -> str:
    digest = blake2b(digest_size=32)
    with path.open("rb") as source:
        while data := source.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()
