"""Every trained model version of a project: kept, compared, promoted, rolled back, frozen.

Whoever trains a model hands its files over with one call (`adopt`) and asks for the version in
use with another (`in_use`). A model that comes by itself is used only where none is; otherwise it
waits as a candidate until a person promotes it. Files lie in `models/KIND/VERSION` and are named
by a signed manifest; what is known of them are facts of the city's log.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from lamplighter.analytics import model_files
from lamplighter.domain.clock import Clock
from lamplighter.domain.models import (
    KEPT_WINDOWS,
    OWN_KINDS,
    Drift,
    Judged,
    ModelCard,
    ModelRecord,
    ModelState,
    said,
)
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.store import Store, WriteAccess

FOLDER: Final = "models"
AUTOMATIC: Final = "automatic"
STORED_S: Final = 10.0
TRAINED: Final = "trained"
"""the reason of a version that nobody decided on"""
KEPT_VERSIONS: Final = 8
"""of a kind that is learned anew on schedule, beside the one in use"""
_KIND: Final = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")
Told = Callable[[str, str, str, str], None]
"""(action, object, reason, result) for the audit record"""


class Usable(NamedTuple):
    """A version whose manifest and files were checked a moment ago."""

    folder: Path
    files: dict[str, str]
    """name -> sha256, for the worker that opens them"""
    card: ModelCard
    frozen: str
    """why it may give no numbers; empty = it may"""


class ModelRegistry:
    """The versions of one project. All methods may be called from any thread."""

    def __init__(
        self,
        store: Store,
        key: Ed25519PrivateKey,
        clock: Clock,
        *,
        told: Told | None = None,
        changed: Callable[[ModelRecord], None] | None = None,
    ) -> None:
        """`told` writes the audit record; `changed` hears every record that became another."""
        self._store, self._key, self._clock = store, key, clock
        self._folder = store.folder / FOLDER
        self._told = told or (lambda *words: None)
        self._changed = changed or (lambda record: None)
        self._lock = threading.RLock()
        self.stamp = 0
        """counts what changed; who keeps a `Usable` asks again when it moved"""
        self._records: dict[tuple[str, int], ModelRecord] = {
            (r.card.kind, r.card.version): r for r in store.models()
        }

    # ------------------------------------------------------------------ reading
    def records(self, kind: str = "") -> tuple[ModelRecord, ...]:
        """All versions, by kind, the newest first."""
        with self._lock:
            found = [r for r in self._records.values() if not kind or r.card.kind == kind]
        return tuple(sorted(found, key=lambda r: (r.card.kind, -r.card.version)))

    def record(self, kind: str, version: int = 0) -> ModelRecord:
        """One version; 0 = the one in use. Raises LamplighterError (P-609, U-809)."""
        with self._lock:
            if version:
                found = self._records.get((kind, version))
            else:
                found = self._used(kind)
        if found is None:
            raise _none(kind, version, any_version=bool(version) or bool(self.records(kind)))
        return found

    def in_use(self, kind: str) -> Usable | None:
        """The version to forecast with, its signature and files checked; None without one.

        Raises LamplighterError (P-603, P-604) when its files are not what was registered.
        """
        with self._lock:
            record = self._used(kind)
        if record is None:
            return None
        folder = self.folder(kind, record.card.version)
        manifest = model_files.check(folder, self._key.public_key())
        if not _same(manifest, record.card):
            raise fault("P-604", name=kind, what="its model is not the one that was registered")
        return Usable(folder, manifest.files, record.card, record.frozen)

    def folder(self, kind: str, version: int) -> Path:
        """Where the files of a version lie."""
        return self._folder / kind / f"{version:04d}"

    def _used(self, kind: str) -> ModelRecord | None:
        of_kind = (r for r in self._records.values() if r.card.kind == kind)
        return next((r for r in of_kind if r.state is ModelState.IN_USE), None)

    # ------------------------------------------------------------------ new versions
    def adopt(
        self,
        folder: Path,
        files: dict[str, str],
        card: ModelCard,
        *,
        owner: str = AUTOMATIC,
        frozen: str = "",
        waits: bool = False,
        renews: bool = False,
        reason: str = "",
    ) -> ModelRecord:
        """Take over freshly trained files (name -> sha256, as the worker said) from `folder`.

        They are moved below the project's models, numbered and signed. The version is used at
        once where its kind has none that is; otherwise, and always with `waits`, it is a
        candidate. One that `renews` (learned anew on schedule) takes the place of the one in use,
        and the oldest of its kind go. One whose first figure does not beat the naive rule is
        frozen, unless it is too young to be judged. Raises LamplighterError: P-603, P-604 when the
        files are not what `files` says, P-609 for a kind that is no name.
        """
        if not _KIND.match(card.kind):
            raise fault("P-609", name=card.kind[:40], what="that is no name for a kind of model")
        model_files.verify_files(folder, files)
        with self._lock:
            number = 1 + max((v for k, v in self._records if k == card.kind), default=0)
            now = self._clock.wall_ms()
            card = replace(card, version=number, made_ms=now, owner=owner, hash=whole(files))
            card = msgspec.json.decode(msgspec.json.encode(card), type=ModelCard)  # NaN is None
            target = self.folder(card.kind, number)
            _move(folder, target, files)
            model_files.sign(target, files, msgspec.to_builtins(card), self._key)
            used = self._sound_in_use(card.kind, now)
            if used and renews:
                self._step_back(card.kind, now, AUTOMATIC, f"version {number} was learned anew")
                used = False
            used = used or waits
            why = frozen or _not_better(card)
            record = ModelRecord(
                card,
                ModelState.CANDIDATE if used else ModelState.IN_USE,
                why,
                now if why else 0,
                changed_ms=now,
                changed_by=owner,
                reason=reason or TRAINED,
            )
            self._keep(record)
            if card.kind in OWN_KINDS:
                self._drop_oldest(card.kind)
        self._told("model trained", record.key, card.basis, record.state.value)
        return record

    def _sound_in_use(self, kind: str, now: int) -> bool:
        """Whether a version is in use whose files are what they were; a damaged one steps back."""
        used = self._used(kind)
        if used is None:
            return False
        try:
            self.sound(used)
        except LamplighterError as error:
            why = f"its files are damaged: {error.problem.text}"
            aside = replace(used, state=ModelState.EARLIER, frozen=why, frozen_ms=now)
            self._keep(replace(aside, changed_ms=now, changed_by=AUTOMATIC, reason=why))
            return False
        return True

    def _step_back(self, kind: str, now: int, by: str, why: str) -> None:
        before = self._used(kind)
        if before is not None:
            earlier = replace(before, state=ModelState.EARLIER)
            self._keep(replace(earlier, changed_ms=now, changed_by=by, reason=why))

    def _drop_oldest(self, kind: str) -> None:
        """The files and records of those nobody will go back to."""
        idle = [r for r in self.records(kind) if r.state is not ModelState.IN_USE]
        for record in idle[KEPT_VERSIONS:]:
            del self._records[record.card.kind, record.card.version]
            removed = partial(_remove, record)
            self._store.writer.call(removed).result(STORED_S)
            with contextlib.suppress(OSError):
                shutil.rmtree(self.folder(record.card.kind, record.card.version))
            self._changed(replace(record, state=ModelState.DROPPED))

    def chosen(self, kind: str) -> bool:
        """Whether a person put the version in use in its place."""
        with self._lock:
            used = self._used(kind)
        return used is not None and used.reason != TRAINED

    # ------------------------------------------------------------------ a person decides
    def promote(self, kind: str, version: int, *, by: str, reason: str) -> ModelRecord:
        """Use this version from now on; the one used before stays and can come back.

        Raises LamplighterError: P-609 for a version that is not there or without a reason, P-604
        when its files are not what was registered.
        """
        if not reason.strip():
            raise fault("P-609", name=f"{kind} {version}", what="a reason is needed")
        record = self.record(kind, version)
        if record.state is ModelState.IN_USE:
            raise fault("P-609", name=record.key, what="it is in use already")
        with self._lock:
            self.sound(record)
            now = self._clock.wall_ms()
            self._step_back(kind, now, by, f"version {version} was promoted: {reason}")
            record = replace(
                self._records[kind, version],
                state=ModelState.IN_USE,
                changed_ms=now,
                changed_by=by,
                reason=reason,
            )
            self._keep(record)
        self._told("promote model", record.key, reason, "done")
        return record

    def roll_back(self, kind: str, *, by: str, reason: str) -> ModelRecord:
        """Use the version again that was used last before the present one.

        Raises LamplighterError: P-609 where there was none before, U-809 where there is no model.
        """
        with self._lock:
            every = self.records(kind)
            if not every:
                raise _none(kind, 0, any_version=False)
            earlier = [r for r in every if r.state is ModelState.EARLIER]
            if not earlier:
                raise fault("P-609", name=kind, what="no earlier version was in use")
            last = max(earlier, key=lambda r: (r.changed_ms, r.card.version))
            return self.promote(kind, last.card.version, by=by, reason=reason)

    def sound(self, record: ModelRecord) -> model_files.Manifest:
        """Its manifest, when signature and files are what was registered.

        Raises LamplighterError (P-603, P-604).
        """
        folder = self.folder(record.card.kind, record.card.version)
        manifest = model_files.check(folder, self._key.public_key())
        if not _same(manifest, record.card):
            raise fault("P-604", name=record.key, what="its files belong to another version")
        return manifest

    # ------------------------------------------------------------------ how it fares
    def judged(self, kind: str, window: Judged, *, version: int = 0) -> ModelRecord | None:
        """Note a window in which forecasts met what came; None where nothing is in use.

        Worse than the naive rule on the latest window: frozen. A frozen version gives numbers
        again only after a back-test over a later window that beats the naive rule.
        """
        with self._lock:
            record = self._records.get((kind, version)) if version else self._used(kind)
            if record is None:
                return None
            kept = (*record.judged, window)[-KEPT_WINDOWS:]
            now, better = self._clock.wall_ms(), window.figure.beats_naive
            changed = replace(record, judged=kept)
            if not better and not record.frozen:
                why = f"no better than the naive rule on its latest window ({said(window)})"
                changed = replace(changed, frozen=why, frozen_ms=now)
            elif better and record.frozen and window.backtest and window.to_ms > _latest(record):
                changed = replace(changed, frozen="", frozen_ms=0)
            self._keep(changed)
        if bool(changed.frozen) != bool(record.frozen):
            action = "freeze model" if changed.frozen else "thaw model"
            self._told(action, record.key, said(window), "done")
        return changed

    def saw(self, kind: str, drift: Drift) -> None:
        """Note how far the inputs of now lie from the training of the version in use."""
        with self._lock:
            record = self._used(kind)
            if record is None:
                return
            before = record.drift
            self._keep(replace(record, drift=drift))
        if drift.moved and (before is None or not before.moved):
            self._told("model inputs moved", record.key, drift.words, "noted")

    def _keep(self, record: ModelRecord) -> None:
        self._records[record.card.kind, record.card.version] = record
        self._store.writer.call(lambda access: access.put_model(record)).result(STORED_S)
        self.stamp += 1
        self._changed(record)


def _remove(record: ModelRecord, access: WriteAccess) -> bool:
    return access.remove_model(record)


def whole(files: dict[str, str]) -> str:
    """One hash over all files of a model."""
    return hashlib.sha256(msgspec.json.encode(files, order="deterministic")).hexdigest()


def _same(manifest: model_files.Manifest, card: ModelCard) -> bool:
    try:
        return msgspec.convert(manifest.card, ModelCard) == card
    except msgspec.ValidationError:
        return False


def _latest(record: ModelRecord) -> int:
    live = [w.to_ms for w in record.judged if not w.backtest]
    return max([record.frozen_ms if not record.judged else 0, *live])


def _not_better(card: ModelCard) -> str:
    if card.young or not card.figures or card.figures[0].beats_naive:
        return ""
    return f"no better than the naive rule in its training ({card.figures[0].name})"


def _move(folder: Path, target: Path, files: dict[str, str]) -> None:
    """The named files and nothing else; the folder they came from goes."""
    if target.exists():
        shutil.rmtree(target)  # left by a recorder that died before it could note it
    target.mkdir(parents=True)
    for name in files:
        shutil.move(folder / name, target / name)
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


def _none(kind: str, version: int, *, any_version: bool = True) -> LamplighterError:
    if not any_version:
        return fault("U-809", what="model", name=kind, lists="models list")
    if version:
        name = f"{kind} {version}"
        return fault("U-809", what="version of a model", name=name, lists="models list")
    return fault("P-609", name=kind, what="no version of it is in use")


def plain(record: ModelRecord) -> dict[str, Any]:
    """A record as the verbs print it."""
    return {
        **msgspec.to_builtins(record.card),
        "state": record.state.value,
        "frozen": record.frozen,
        "drift": msgspec.to_builtins(record.drift),
        "judged": msgspec.to_builtins(record.judged),
        "changed_ms": record.changed_ms,
        "changed_by": record.changed_by,
        "reason": record.reason,
    }
