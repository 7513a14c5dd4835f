"""Model packages in and out of a project, and the registry where no recorder runs.

A package is signed by the console that trained it. It is taken in only when that is this console,
or one whose key the setting `models.trusted_keys` names; it is opened in a worker alone; and it
waits as a candidate until a person promotes it.
"""

from __future__ import annotations

import queue
import secrets
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lamplighter.analytics import model_files
from lamplighter.analytics.model_import import (
    TryRequest,
    UnpackRequest,
    not_taken,
    remove,
)
from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.models import OWN_KINDS, ModelCard, ModelRecord
from lamplighter.domain.problems import LamplighterError, Problem, fault
from lamplighter.governance.audit import AuditFile
from lamplighter.governance.keys import earlier_keys, signing_key
from lamplighter.governance.roles import local_identity
from lamplighter.runtime.model_registry import ModelRegistry
from lamplighter.runtime.resources import own_command
from lamplighter.runtime.settings import user_settings
from lamplighter.store import Store
from lamplighter.workers import WorkerPool

UNPACK_S: Final = 60.0
TRY_S: Final = 60.0
MEMORY_MB: Final = 1_024
Keys = list[Ed25519PublicKey]


def trusted(project: Path, own: Ed25519PublicKey) -> Keys:
    """Keys whose models may be taken in: this console's, now and before, and those of the setting.

    What is no key is passed over.
    """
    found = [own, *earlier_keys(project / "keys")]
    for text in user_settings().get("models.trusted_keys", []):
        try:
            found.append(Ed25519PublicKey.from_public_bytes(bytes.fromhex(str(text).strip())))
        except ValueError:
            continue
    return found


def take_in(
    file: Path,
    registry: ModelRegistry,
    pool: WorkerPool,
    cache: Path,
    keys: Keys,
    by: str,
    *,
    patience_s: float = TRY_S,
) -> ModelRecord:
    """Take a package in as a candidate; waits for the worker.

    The model is opened in a process that ends with it. Raises LamplighterError (P-603, P-610)
    with what is wrong; nothing is left of it then.
    """
    _look(file)
    scratch = cache / "training" / f"import-{secrets.token_hex(6)}"
    brought = scratch.with_name(f"{scratch.name}.zip")
    try:
        reads = [file] if file.is_dir() else []
        if not reads:
            _bring(file, brought)
        ask = UnpackRequest(file.name, str(file.resolve() if reads else brought), str(scratch))
        name = f"Unpack the model {file.name}"
        _awaited(pool, "unpack", ask, list[str], name=name, reads=reads, timeout_s=UNPACK_S)
        manifest = _signed(scratch, keys)
        card = _card(file.name, manifest)
        if card.kind in OWN_KINDS:
            raise not_taken(file.name, "it speaks of another project's own datastreams")
        trial = TryRequest(file.name, str(scratch), manifest.files, card.kind)
        name = f"Try the model {file.name}"
        _awaited(pool, "try_it", trial, str, name=name, timeout_s=patience_s, once=True)
        owner, reason = f"{by}, from {file.name}", "it came in a file"
        return registry.adopt(scratch, manifest.files, card, owner=owner, waits=True, reason=reason)
    except LamplighterError as error:
        if error.problem.code in ("P-604", "P-609"):
            raise not_taken(file.name, _why(error)) from None
        raise
    finally:
        brought.unlink(missing_ok=True)
        remove(scratch)


def _bring(file: Path, to: Path) -> None:
    """A copy that nobody changes under the worker's hands."""
    to.parent.mkdir(parents=True, exist_ok=True)
    left = model_files.MOST_BYTES
    try:
        with file.open("rb") as opened, to.open("xb") as out:
            while piece := opened.read(1_000_000):
                left -= len(piece)
                if left < 0:
                    raise not_taken(file.name, "it is larger than any model")
                out.write(piece)
    except OSError as error:
        raise not_taken(file.name, error.strerror or str(error)) from None


def _look(file: Path) -> None:
    """What can be said of a package without opening it."""
    model_files.refuse_by_name(file)
    if not file.exists():
        raise not_taken(file.name, "there is no such file")
    if file.is_dir():
        return
    if not file.is_file():
        raise not_taken(file.name, "it is no plain file")
    if file.stat().st_size > model_files.MOST_BYTES:
        raise not_taken(file.name, "it is larger than any model")
    with file.open("rb") as opened:
        if model_files.starts_like_pickle(opened.read(2)):
            raise fault("P-603", name=file.name)


def _signed(folder: Path, keys: Keys) -> model_files.Manifest:
    for key in keys:
        try:
            return model_files.check(folder, key)
        except LamplighterError as error:
            last = error
    raise last


def _why(error: LamplighterError) -> str:
    """What was wrong, without the words around it that speak of a forecast in use."""
    text = error.problem.text
    if error.problem.code == "P-609":
        return text.partition(": ")[2].partition(". ")[0]
    inside = text.partition("(")[2].rpartition(")")[0]
    return inside.replace("this console", "this console or one it trusts") or text


def _card(name: str, manifest: model_files.Manifest) -> ModelCard:
    try:
        return msgspec.convert(manifest.card, ModelCard)
    except msgspec.ValidationError as error:
        raise not_taken(name, f"its card cannot be read: {error}") from None


def _awaited(
    pool: WorkerPool,
    task: str,
    payload: object,
    result: Any,
    *,
    name: str,
    timeout_s: float,
    reads: list[Path] | None = None,
    once: bool = False,
) -> Any:
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    pool.submit(
        f"lamplighter.analytics.model_import:{task}",
        payload,
        name=name,
        timeout_s=timeout_s,
        on_end=answers.put,
        result=result,
        reads=reads or [],
        once=once,
        memory_mb=MEMORY_MB,
        code="P-610",
    )
    answer = answers.get()
    if isinstance(answer, Problem):
        raise LamplighterError(answer)
    return answer


def package(project: Path, kind: str, version: int, out: Path) -> dict[str, Any]:
    """Write a version as a package others may take in.

    Raises LamplighterError: U-809 for a name nothing bears, P-604 for files that are not what was
    registered, P-609 for a kind of this project alone, U-813 when it cannot be written.
    """
    if out.exists():
        raise fault("U-813", name=out.name, what="there is a file of that name already")
    if kind in OWN_KINDS:
        what = "it speaks of this project's own datastreams and is of no use elsewhere"
        raise fault("P-609", name=kind, what=what)
    with alone(project, write=False) as (registry, _):
        record = registry.record(kind, version)
        folder = registry.folder(kind, record.card.version)
        manifest = registry.sound(record)
        try:
            with zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED) as archive:
                for name in sorted([*manifest.files, model_files.MANIFEST]):
                    archive.write(folder / name, name)
        except OSError as error:
            if not isinstance(error, FileExistsError):
                out.unlink(missing_ok=True)  # half a package is none
            raise fault("U-813", name=out.name, what=error.strerror or str(error)) from None
    return {"out": str(out), "model": record.key, "bytes": out.stat().st_size}


@contextmanager
def alone(project: Path, *, write: bool) -> Iterator[tuple[ModelRegistry, Store]]:
    """The registry of a project where no recorder runs (or read beside one)."""
    clock, who = SystemClock(), local_identity()
    store = Store.open(project, write=write, clock=clock)
    audit: AuditFile | None = None
    try:
        key = signing_key(store.folder / "keys")
        told: Callable[..., None] | None = None
        if write:
            audit = AuditFile(store.folder / "audit.db", key, clock, who.host)

            def note(action: str, object: str, reason: str, result: str) -> None:
                assert audit is not None
                audit.record(
                    actor=who.user, role=who.role.value, action=action, object=object,
                    reason=reason, result=result,
                )  # fmt: skip

            told = note
        yield ModelRegistry(store, key, clock, told=told), store
    finally:
        if audit is not None:
            audit.close()
        store.close()


def changed_alone(project: Path, ask: wire.PromoteModel | wire.ImportModel) -> str:
    """Promote, roll back or take in where no recorder runs; the version it was done to."""
    who = local_identity().user
    with alone(project, write=True) as (registry, store):
        if isinstance(ask, wire.ImportModel):
            cache = store.folder / "cache"
            pool = WorkerPool(own_command(), cache, SystemClock(), limit=1, keep_warm=False)
            try:
                keys = trusted(store.folder, signing_key(store.folder / "keys").public_key())
                return take_in(Path(ask.path), registry, pool, cache, keys, who).key
            finally:
                pool.stop()
        if ask.version:
            return registry.promote(ask.kind, ask.version, by=who, reason=ask.reason).key
        return registry.roll_back(ask.kind, by=who, reason=ask.reason).key
