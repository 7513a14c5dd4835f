"""Taking a field kit: everything of a chosen part of the city into one signed file.

Also while the project is recorded: the last batch is fixed when it begins. Points come first, then
files, then facts, so that a kit that was cut goes on where it ended.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from lamplighter.domain import order_fields
from lamplighter.domain.alarm import AlarmEvent, AlarmState
from lamplighter.domain.edits import Edits, first_edits
from lamplighter.domain.kit import KitReport, KitWanted
from lamplighter.domain.layers import Layer
from lamplighter.domain.models import OWN_KINDS, ModelRecord, ModelState
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.exchange.kit_file import (
    FRAME_BYTES,
    Head,
    KitWriter,
    Paper,
    part_of,
    unfinished,
)
from lamplighter.exchange.kit_points import chunks, pack
from lamplighter.governance.keys import public_hex
from lamplighter.runtime import kit_facts
from lamplighter.runtime.kit_facts import SETTINGS, Carried, Contents, Setting, Standing
from lamplighter.runtime.kit_scope import Scope, scope_of
from lamplighter.runtime.kit_trust import GIVEN, ORIGIN, Given, names_of, origin_of, proof_of
from lamplighter.runtime.model_registry import FOLDER
from lamplighter.store import OutgoingStore, Store
from lamplighter.store.carried import carried

DAY_MS: Final = 86_400_000
EVER: Final = 2**62
Steps = Callable[[int, int, str], None]


class _Kit:
    """One kit on its way into its file."""

    def __init__(
        self, store: Store, wanted: KitWanted, scope: Scope, writer: KitWriter, steps: Steps
    ) -> None:
        self.store, self.wanted, self.scope = store, wanted, scope
        self.writer, self.steps = writer, steps
        self.counts: dict[str, int] = {}
        self.files: dict[str, str] = {}
        self.edits = all_edits(store)
        self.objects = self._objects()

    def _objects(self) -> list[str]:
        objects = self.scope.objects(self.edits)
        if not self.wanted.changes:
            return objects
        mine = self.store.store_id
        return [o for o in objects if any(e.origin == mine for e in self.edits.history(o))]

    # ------------------------------------------------------------------ points
    def points(self, now_ms: int, last: int) -> None:
        whole = self.scope.whole and not self.wanted.days
        streams = self.scope.streams(self.store.datastreams())
        chosen = None if self.scope.whole else frozenset(d.id for d in streams)
        from_ms = -EVER if not self.wanted.days else now_ms - int(self.wanted.days * DAY_MS)
        names = OutgoingStore(self.store).names()
        found = carried(
            self.store, chosen, from_ms, EVER, last,
            own=self.wanted.changes or (not whole and origin_of(self.store) is not None),
        )  # fmt: skip
        count = 0
        for chunk in chunks(found, names):
            self.writer.add("points", "", pack(chunk))
            count += len(chunk.points.time_ms)
            self.steps(count, 0, f"{count:,} points")
        self.counts["points"] = count

    # ------------------------------------------------------------------ files
    def take_files(self) -> None:
        for path in self._paths():
            self._file(path)
        self.counts["files"] = len(self.files)

    def _paths(self) -> Iterator[Path]:
        folder = self.store.folder
        media = folder / "media"
        taken = self._attached()
        for path in sorted(p for p in media.rglob("*") if p.is_file() and not p.is_symlink()):
            room = path.relative_to(media).parts[0]
            if room == "stills":  # a camera's newest picture is no document
                continue
            sources = room == "sources"
            everything = self.scope.whole and not self.wanted.changes
            if everything or (not sources and (path.name in taken or path.stem in taken)):
                yield path
        if self.wanted.changes:
            return
        for layer in self.store.layers():
            for tile in self.scope.tiles(layer):
                path = folder / "cache" / "tiles" / tile.name
                if path.is_file():
                    yield path
        for record in _models(self.store):
            place = folder / FOLDER / record.card.kind / f"{record.card.version:04d}"
            yield from sorted(p for p in place.rglob("*") if p.is_file() and not p.is_symlink())

    def _attached(self) -> set[str]:
        """Words of the attachments that are taken, among which are the names of their files."""
        found: set[str] = set()
        for object in self.objects:
            if object.startswith("attachment/"):
                for edit in self.edits.history(object):
                    if isinstance(edit.value, str):
                        found |= {edit.value, Path(edit.value).name}
                found.add(object.partition("/")[2])
        return found

    def _file(self, path: Path) -> None:
        name = path.relative_to(self.store.folder).as_posix()
        digest = blake2b(digest_size=32)
        with path.open("rb") as source:
            data = source.read(FRAME_BYTES)
            while True:  # an empty file is one empty frame
                digest.update(data)
                self.writer.add("file", name, data)
                self.steps(len(self.files), 0, "files")
                data = source.read(FRAME_BYTES)
                if not data:
                    break
        self.files[name] = digest.hexdigest()

    # ------------------------------------------------------------------ facts
    def facts(self, now_ms: int) -> None:
        for kind, rows in self._rows(now_ms):
            for data in kit_facts.packed(kind, rows):
                self.writer.add("facts", kind, data)
            if rows:
                self.counts[_PLURAL.get(kind, kind + "s")] = len(rows)
        self.counts["orders"] = sum(o.startswith("order/") for o in self.objects)
        self.counts["notes"] = sum(o.startswith("note/") for o in self.objects)
        self.counts["attachments"] = sum(o.startswith("attachment/") for o in self.objects)

    def _rows(self, now_ms: int) -> Iterator[tuple[str, list[Any]]]:
        store, scope = self.store, self.scope
        streams = scope.streams(store.datastreams())
        if self.wanted.changes:
            own = set(store.sources().values()) - self._received_sources()
            yield "stream", [d for d in streams if d.source in own]
        else:
            frame = store.frame()
            yield "frame", [frame] if frame is not None else []
            yield "layer", [self._layer(one) for one in store.layers()]
            yield "contents", self._contents()
            yield "said", [a for a in store.said() if scope.has(a.id)]
            yield "asset", [a for a in store.assets() if scope.has(a.id)]
            yield "edge", scope.edges(store.edges())
            yield "stream", streams
            yield "setting", self._settings()
            yield from self._alarms(now_ms)
            yield "prognosis", [p for p in store.prognoses() if scope.has(p.asset)]
            yield "import", store.imports() if scope.whole else []
            yield "model", _models(store)
        yield "edit", [e for o in self.objects for e in self.edits.history(o)]

    def _received_sources(self) -> set[str]:
        origin = origin_of(self.store)
        if origin is None:
            return set()
        return set(msgspec.json.decode(self.store.setting(ORIGIN + ".sources") or "[]"))

    def _layer(self, layer: Layer) -> Layer:
        return replace(layer, tiles=self.scope.tiles(layer))

    def _contents(self) -> list[Contents]:
        if not self.scope.whole:
            return []
        return [Contents(k, v) for k, v in self.store.layer_contents().items()]

    def _settings(self) -> list[Setting]:
        every = self.store.settings()
        return [Setting(k, v) for k, v in sorted(every.items()) if k.startswith(SETTINGS)]

    def _alarms(self, now_ms: int) -> Iterator[tuple[str, list[Any]]]:
        names = {d.id: d.key for d in self.store.datastreams()}
        from_ms = None if not self.wanted.days else now_ms - int(self.wanted.days * DAY_MS)
        events: list[AlarmEvent] = [
            e for e in self.store.alarm_journal(from_ms) if self.scope.has(e.record.asset)
        ]
        yield "event", [Carried(e, names.get(e.record.datastream, "")) for e in events]
        standing = [
            r
            for r in self.store.alarms()
            if r.state is not AlarmState.NORM and self.scope.has(r.asset)
        ]
        yield "alarm", [Standing(r, names.get(r.datastream, "")) for r in standing]
        keys = {r.key for r in standing}
        yield "incident", [i for i in self.store.incidents() if i.cause in keys]


_PLURAL: Final = {"prognosis": "forecasts", "said": "descriptions", "import": "imports",
                  "contents": "contents"}  # fmt: skip


def _models(store: Store) -> list[ModelRecord]:
    """The versions that are in use and of use elsewhere."""
    used = (r for r in store.models() if r.state is ModelState.IN_USE)
    return [r for r in used if r.card.kind not in OWN_KINDS]


def all_edits(store: Store) -> Edits:
    """Every edit, with the first states of orders that nobody has edited yet."""
    edits = Edits(store.edits())
    for order in store.work_orders():
        object = order_fields.object_of(order.id)
        if not edits.history(object):
            for edit in first_edits(object, order_fields.fields_of(order), order.created_ms):
                edits.add(edit)
    return edits


def take(
    store: Store,
    key: Ed25519PrivateKey,
    file: Path,
    wanted: KitWanted,
    passphrase: str,
    steps: Steps,
    *,
    now_ms: int,
    author: str,
) -> KitReport:
    """Make a kit of an open project (its writer may belong to this process or be at work).

    Raises LamplighterError: U-801 for a scope that cannot be, A-421 when the file cannot be
    written, P-607 when `steps` ended it; what was written is kept then and gone on with.
    """
    begun = time.monotonic()
    scope = scope_of(store, wanted)
    head, plan = _plan(store, file, wanted, passphrase, now_ms)
    try:
        writer = KitWriter(file, plan.kit, passphrase, head)
    except OSError as error:
        raise _not_made(file, error) from None
    try:
        _keep_plan(file, plan)
        kit = _Kit(store, wanted, scope, writer, steps)
        kit.points(plan.now_ms, plan.last)
        kit.take_files()
        kit.facts(plan.now_ms)
        paper = writer.finish(
            _paper(store, key, plan, wanted, scope, kit), _raw(key), lambda data: key.sign(data)
        )
    except OSError as error:
        writer.close(keep=True)
        raise _not_made(file, error) from None
    except BaseException:
        writer.close(keep=not passphrase)
        raise
    _plan_file(file).unlink(missing_ok=True)
    _remember(store, paper, file, author, wanted)
    return KitReport(
        action="take", file=str(file.absolute()), kit=paper.kit, name=paper.name,
        key=public_hex(key), scope=paper.scope, purpose=paper.purpose, made_ms=paper.made_ms,
        expires_ms=paper.expires_ms, sealed=bool(passphrase), bytes=file.stat().st_size,
        seconds=round(time.monotonic() - begun, 3), records=sum(paper.counts.values()),
        counts=paper.counts, bytes_by_kind=paper.bytes_by_kind,
        warnings=() if passphrase else (PLAIN,), objects=tuple(kit.objects),
    )  # fmt: skip


PLAIN: Final = "The file is not encrypted: whoever has it can read everything in it."


class _Plan(msgspec.Struct, frozen=True):
    """What stays the same when an unfinished kit is gone on with."""

    kit: str
    now_ms: int
    last: int
    wanted: str
    token: str


def _plan_file(file: Path) -> Path:
    return part_of(file).with_name(part_of(file).name + ".plan")


def _plan(
    store: Store, file: Path, wanted: KitWanted, passphrase: str, now_ms: int
) -> tuple[Head | None, _Plan]:
    text = blake2b(msgspec.json.encode((store.store_id, wanted)), digest_size=16).hexdigest()
    fresh = _Plan(secrets.token_hex(16), now_ms, store.last_batch(), text, secrets.token_hex(32))
    head = None if passphrase else unfinished(file)
    if head is None or head.sealed:
        return None, fresh
    try:
        plan = msgspec.json.decode(_plan_file(file).read_bytes(), type=_Plan)
    except (OSError, msgspec.MsgspecError):
        return None, fresh
    fits = plan.wanted == text and plan.kit == head.kit and now_ms - plan.now_ms < DAY_MS
    return (head, plan) if fits else (None, fresh)


def _keep_plan(file: Path, plan: _Plan) -> None:
    handle = os.open(_plan_file(file), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.json.encode(plan))


def _not_made(file: Path, error: OSError) -> LamplighterError:
    return fault("A-421", name=file.name, what=error.strerror or str(error))


def _raw(key: Ed25519PrivateKey) -> bytes:
    return bytes.fromhex(public_hex(key))


def _paper(
    store: Store,
    key: Ed25519PrivateKey,
    plan: _Plan,
    wanted: KitWanted,
    scope: Scope,
    kit: _Kit,
) -> Paper:
    origin = origin_of(store)
    mine = public_hex(key)
    valid = max(int(wanted.valid_days * DAY_MS), 1) if wanted.valid_days else 0
    return Paper(
        kit=plan.kit,
        store=store.store_id,
        name=names_of(store)[store.store_id],
        made_ms=plan.now_ms,
        expires_ms=plan.now_ms + valid if valid and not wanted.changes else 0,
        scope=scope.words,
        purpose=wanted.purpose,
        whole=scope.whole and not wanted.days,
        changes=wanted.changes,
        days=wanted.days,
        last_batch=plan.last,
        counts={k: n for k, n in kit.counts.items() if n},
        files=kit.files,
        token=plan.token,
        answers=origin.kit if origin else "",
        proof=proof_of(origin.token, plan.kit, store.store_id, mine) if origin else "",
    )


def _remember(store: Store, paper: Paper, file: Path, author: str, wanted: KitWanted) -> None:
    """That it was given away, and with which token it will be answered."""
    given = Given(
        paper.token, paper.made_ms, paper.scope, paper.purpose, paper.expires_ms, author, file.name
    )
    origin = origin_of(store)

    def keep(access: Any) -> None:
        access.put_setting(GIVEN + paper.kit, msgspec.json.encode(given).decode())
        if origin is not None:
            returned = replace(origin, returned_ms=paper.made_ms)
            access.put_setting(ORIGIN, msgspec.json.encode(returned).decode())

    store.writer.call(keep).result(30)
