"""Field kits as verbs and the recorder deal in them: taken, shown, merged, and a laptop begun."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.edits import Value
from lamplighter.domain.kit import KitReport, KitState, KitWanted, listed
from lamplighter.domain.problems import LamplighterError, fault, problem
from lamplighter.domain.task import TaskState
from lamplighter.exchange.kit_file import KitFile
from lamplighter.governance.keys import public_hex, signing_key
from lamplighter.governance.roles import Permission, local_identity
from lamplighter.runtime import alarm_edits
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.intake import RecorderDoor, StoreDoor
from lamplighter.runtime.kit_merge import Merged, Merger, Steps
from lamplighter.runtime.kit_models import adopt_models
from lamplighter.runtime.kit_scope import scope_of
from lamplighter.runtime.kit_take import all_edits, take
from lamplighter.runtime.kit_trust import given_away, known_consoles, names_of, origin_of
from lamplighter.runtime.kit_ways import send_back
from lamplighter.runtime.offline_audit import note
from lamplighter.runtime.project import opened
from lamplighter.runtime.received_edits import acknowledge
from lamplighter.store import Store
from lamplighter.store.folder import HISTORY, is_empty

if TYPE_CHECKING:
    from lamplighter.runtime.jobs import OwnTask

log = structlog.get_logger(__name__)
TAKE: Final = "take field kit"
MERGE: Final = "merge field kit"
BEGIN: Final = "begin from field kit"
SEND: Final = "bring field work back"


def _quiet(done: int, total: int, text: str) -> None:
    """No steps are told."""


# ---------------------------------------------------------------------- with no recorder
def take_alone(
    project: Path, file: Path, wanted: KitWanted, passphrase: str = "", steps: Steps = _quiet
) -> KitReport:
    """Take a kit of a project nobody records. Raises LamplighterError (U-801, A-421, A-403)."""
    with opened(project, write=True) as store:
        report = take(
            store, signing_key(store.folder / "keys"), file, wanted, passphrase, steps,
            now_ms=SystemClock().wall_ms(), author=local_identity().user,
        )  # fmt: skip
        note(store.folder, TAKE, report.file, reason=_reason(wanted, report), result=report.kit)
    return report


def _reason(wanted: KitWanted, report: KitReport) -> str:
    return f"{report.scope}; {wanted.purpose}" if wanted.purpose else report.scope


def show(file: Path, passphrase: str = "") -> KitReport:
    """What a kit holds and who signed it; every part of it is checked. Raises A-422."""
    begun = time.monotonic()
    with KitFile(file, passphrase) as kit:
        kit.check()
        paper = kit.paper
        return KitReport(
            action="show", file=str(file.absolute()), kit=paper.kit, name=paper.name, key=kit.key,
            scope=paper.scope, purpose=paper.purpose, made_ms=paper.made_ms,
            expires_ms=paper.expires_ms, sealed=kit.head.sealed, bytes=file.stat().st_size,
            seconds=round(time.monotonic() - begun, 3), records=sum(paper.counts.values()),
            counts=paper.counts, bytes_by_kind=paper.bytes_by_kind,
        )  # fmt: skip


def merge_alone(
    project: Path,
    file: Path,
    passphrase: str = "",
    *,
    trust: str = "",
    steps: Steps = _quiet,
) -> KitReport:
    """Merge a kit into a project nobody records; a missing or empty folder becomes a new one.

    Raises LamplighterError (A-422, A-423, A-403, A-404).
    """
    with KitFile(file, passphrase) as kit:
        if (project / HISTORY).is_file() or not is_empty(project):
            with opened(project, write=True) as store:
                return _merged_alone(store, kit, trust, steps, begin=False)
        return _begin(project, kit, steps)


def _begin(project: Path, kit: KitFile, steps: Steps) -> KitReport:
    """The laptop's project: made beside its place, and put there when it is whole."""
    making = project.absolute().with_name(f".{project.absolute().name}.from-kit")
    shutil.rmtree(making, ignore_errors=True)
    done = False
    try:
        name = f"{kit.paper.name} ({project.absolute().name})"
        making.parent.mkdir(parents=True, exist_ok=True)
        Store.create(making, name=name, clock=SystemClock())
        with opened(making, write=True) as store:
            report = _merged_alone(store, kit, "", steps, begin=True)
        if project.exists():
            project.rmdir()
        making.replace(project)
        done = True
    except OSError as error:
        raise kit.refused(error.strerror or str(error)) from error
    finally:
        if not done:
            shutil.rmtree(making, ignore_errors=True)
    return report


def _merged_alone(
    store: Store, kit: KitFile, trust: str, steps: Steps, *, begin: bool
) -> KitReport:
    clock, who = SystemClock(), local_identity().user
    key = signing_key(store.folder / "keys")
    desk = EditDesk(store, author=who, now_ms=clock.wall_ms)
    merger = Merger(
        store, desk, StoreDoor(store), kit, own_key=public_hex(key), now_ms=clock.wall_ms(),
        steps=steps,
    )  # fmt: skip
    merged = merger.run(trust=trust, begin=begin)
    alarm_edits.settle_alone(store, desk, names_of(store), clock.wall_ms())
    adopt_models(store.folder, bytes.fromhex(kit.key), key)
    note(
        store.folder, BEGIN if begin else MERGE, merged.report.file,
        reason=f"{merged.report.name}; {merged.report.scope}", result=_outcome(merged.report),
    )  # fmt: skip
    return merged.report


def _outcome(report: KitReport) -> str:
    return f"{report.records} new, {len(report.conflicts)} conflicts"


# ---------------------------------------------------------------------- conflicts, alone
def conflicts(project: Path) -> list[dict[str, Any]]:
    """What waits for a decision, as two sides."""
    with opened(project) as store:
        desk = EditDesk(store, author="", now_ms=lambda: 0)
        return [msgspec.to_builtins(c) for c in listed(desk.conflicts(), store.store_id)]


def given(project: Path) -> dict[str, Any]:
    """Kits that were taken from a project, and consoles it believes."""
    with opened(project) as store:
        return {"kits": given_away(store), "consoles": known_consoles(store)}


def decision(
    store: Store, object: str, field: str, take: str, value: str | None
) -> tuple[Value, tuple[str, ...]]:
    """(the value that is to stand, all heads of the conflict). Raises LamplighterError (U-801)."""
    desk = EditDesk(store, author="", now_ms=lambda: 0)
    found = next((c for c in desk.edits.conflicts([object]) if c.field == field), None)
    if found is None:
        raise fault("U-801", what=f"{object} {field} is no conflict", name="kit settle")
    heads = tuple(sorted(h.id for h in found.heads))
    if value is not None:
        return _like(found.heads[0].value, value), heads
    rows = listed((found,), store.store_id)
    return (rows[0].mine if take == "mine" else rows[0].theirs), heads


def _like(known: Value, text: str) -> Value:
    """What was typed, as the kind of value the field holds."""
    try:
        if isinstance(known, bool):
            return text.casefold() in ("true", "yes", "1")
        if isinstance(known, int | float):
            return float(text) if "." in text else int(text)
    except ValueError:
        return text
    return text


def settle_alone(
    project: Path,
    object: str,
    field: str,
    *,
    take: str = "",
    value: str | None = None,
    reason: str = "",
    second: str = "",
) -> None:
    """Decide a conflict in a project nobody records. Raises LamplighterError (U-801)."""
    who = local_identity().user
    with opened(project, write=True) as store:
        chosen, heads = decision(store, object, field, take, value)
        desk = EditDesk(store, author=who, now_ms=SystemClock().wall_ms)
        ask = wire.EditFields(object, {field: chosen}, reason, {field: heads}, second)
        reason = desk.agreed(ask)
        desk.change(object, ask.changes, reason=reason, seen=ask.seen)
        note(store.folder, "settle conflict", object, reason=reason, result=field)


def state_of(store: Store) -> KitState:
    """Where a project comes from, and how many of its edits were not in the last bundle."""
    origin = origin_of(store)
    places = names_of(store)
    if origin is None:
        return KitState(store=store.store_id, places=places)
    own = [e for e in store.edits() if e.origin == store.store_id]
    waiting = sum(e.made_ms > origin.returned_ms for e in own)
    return KitState(origin=origin, waiting=waiting, store=store.store_id, places=places)


# ---------------------------------------------------------------------- within the recorder
class KitAnswers(Answering):
    def table(self) -> Table:
        return {
            wire.TakeKit: self._take,
            wire.MergeKit: self._merge,
            wire.SendKit: self._send,
            wire.PreviewKit: self._preview,
            wire.GetKitState: lambda _: wire.KitIs(state_of(self._recorder.store)),
        }

    def _preview(self, ask: wire.PreviewKit) -> wire.Reply:
        self._need(Permission.BACKUP, "a field kit")
        store = self._recorder.store
        scope = scope_of(store, ask.wanted)
        objects = scope.objects(all_edits(store))
        tiles = [t.name for layer in store.layers() for t in scope.tiles(layer)]
        folder = self._recorder.project / "cache" / "tiles"
        size = 0
        for name in tiles:
            with contextlib.suppress(OSError):
                size += (folder / name).stat().st_size
        counts = {
            "assets": sum(scope.has(a.id) for a in store.assets()),
            "edges": len(scope.edges(store.edges())),
            "datastreams": len(scope.streams(store.datastreams())),
            "orders": sum(o.startswith("order/") for o in objects),
            "notes": sum(o.startswith("note/") for o in objects),
            "attachments": sum(o.startswith("attachment/") for o in objects),
        }
        return wire.KitPreview(scope.words, counts, size)

    def _take(self, ask: wire.TakeKit) -> wire.Reply:
        self._need(Permission.BACKUP, ask.file)
        scope_of(self._recorder.store, ask.wanted)
        self._audit(TAKE, ask.file, ask.wanted.purpose, "begun")
        return self._begin(f"Field kit {Path(ask.file).name}", ask.file, self._taken, ask)

    def _taken(self, task: OwnTask, ask: wire.TakeKit) -> KitReport:
        recorder = self._recorder
        return take(
            recorder.store, recorder.key, Path(ask.file), ask.wanted, ask.passphrase, task.step,
            now_ms=recorder.clock.wall_ms(), author=recorder.identity.user,
        )  # fmt: skip

    def _merge(self, ask: wire.MergeKit) -> wire.Reply:
        self._need(Permission.WORK, ask.file)
        if ask.trust:
            self._need(Permission.BACKUP, "a new key")
        return self._begin(f"Merge {Path(ask.file).name}", ask.file, self._merged, ask)

    def _merged(self, task: OwnTask, ask: wire.MergeKit) -> KitReport:
        recorder = self._recorder
        with KitFile(Path(ask.file), ask.passphrase) as kit:
            merger = Merger(
                recorder.store, recorder.edits, RecorderDoor(recorder, past=False), kit,
                own_key=public_hex(recorder.key), now_ms=recorder.clock.wall_ms(),
                steps=task.step, adopt=recorder.adopt_streams, recorded=True,
            )  # fmt: skip
            merged = merger.run(trust=ask.trust)
        self._settle(merged)
        report = merged.report
        self._audit(MERGE, report.file, f"{report.name}; {report.scope}", _outcome(report))
        return report

    def _send(self, ask: wire.SendKit) -> wire.Reply:
        self._need(Permission.WORK, ask.where)
        self._audit(SEND, ask.where, "", "begun")
        return self._begin(f"Bring back to {ask.where}", "back.kit", self._sent, ask)

    def _sent(self, task: OwnTask, ask: wire.SendKit) -> KitReport:
        recorder = self._recorder

        def made(file: Path) -> KitReport:
            wanted = KitWanted(changes=True)
            return take(
                recorder.store, recorder.key, file, wanted, "", task.step,
                now_ms=recorder.clock.wall_ms(), author=recorder.identity.user,
            )  # fmt: skip

        return send_back(
            recorder.project, made, ask.where, ask.code, lambda text: task.step(0, 0, text)
        )

    def _settle(self, merged: Merged) -> None:
        """What follows in the running console: acknowledgements, and a changed city."""
        recorder = self._recorder
        if merged.city:
            recorder.core.city_changed()
        self._on_beat(acknowledge(recorder))

    def _begin(self, name: str, file: str, work: Any, ask: Any) -> wire.Reply:
        task = self._recorder.jobs.own(name)
        self._recorder.jobs.thread("field kit", lambda: self._run(task, Path(file), work, ask))
        return wire.TaskStarted(task.number)

    def _run(self, task: OwnTask, file: Path, work: Any, ask: Any) -> None:
        report, found, state = None, None, TaskState.DONE
        try:
            report = work(task, ask)
        except LamplighterError as error:
            state = TaskState.CANCELLED if task.cancelled else TaskState.FAILED
            found = error.problem
        except Exception as error:
            log.exception("field kit failed")
            state = TaskState.FAILED
            code = "A-421" if isinstance(ask, wire.TakeKit) else "A-422"
            found = problem(code, name=file.name, what=str(error))
        task.end(state, str(found) if found and state is TaskState.FAILED else "")
        self._recorder.server.emit(wire.KitDone(task.number, report, found))
