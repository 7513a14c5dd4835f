"""What a project's history takes on the disk and how long it is kept, for verbs and the window."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.retention import Retention
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.backups import last_backup
from lamplighter.runtime.offline_audit import note
from lamplighter.runtime.project import opened
from lamplighter.store import RETENTION, Store

if TYPE_CHECKING:
    from lamplighter.store import WriteAccess


def keep_retention(access: WriteAccess, retention: Retention) -> None:
    access.put_setting(RETENTION, msgspec.json.encode(retention).decode())


def storage_of(store: Store, now_ms: int, points_per_s: float = 0.0) -> wire.Storage:
    """Figures of the project as it lies there."""
    free = shutil.disk_usage(store.folder).free
    use = store.disk_use(now_ms, points_per_s, free)
    return wire.Storage(
        retention=use.retention,
        points=use.points,
        expired_points=use.expired_points,
        segments=use.segments,
        sealed_points=use.sealed_points,
        sealed_bytes=use.sealed_bytes,
        history_bytes=use.history_bytes,
        oldest_ms=store.first_ms(),
        points_per_day=use.growth.points_per_day,
        bytes_per_point=use.growth.sealed_per_point + use.growth.staying_per_point,
        disk_free_bytes=free,
        days_left=use.days_left,
        measured=use.growth.measured,
        parts=tuple(
            wire.StoragePart(p.kind, p.bytes, p.files, p.whole) for p in store.parts(now_ms)
        ),
        bytes_per_day=use.growth.points_per_day
        * (use.growth.sealed_per_point + use.growth.staying_per_point)
        + use.growth.other_per_day,
        backup=last_backup(store.folder),
    )


def show(project: Path) -> dict[str, Any]:
    """What `retention --json` prints."""
    with opened(project) as store:
        return as_row(storage_of(store, store.last_wall_ms()))


def change(project: Path, retention: Retention) -> dict[str, Any]:
    """Set the rule of a project nobody records; it is carried out when somebody does."""
    with opened(project, write=True) as store:
        before = storage_of(store, store.last_wall_ms()).retention
        store.writer.call(lambda access: keep_retention(access, retention)).result(30)
        note(store.folder, "change retention", "history",
             reason=f"{before.words} -> {retention.words}")  # fmt: skip
    return show(project)


def as_row(storage: wire.Storage) -> dict[str, Any]:
    """Plain values; the rule's numbers stand beside the others."""
    found = dict(msgspec.to_builtins(storage))
    found.pop("type", None)
    rule: dict[str, Any] = found.pop("retention")
    return rule | found


class StorageAnswers(Answering):
    """Answers about the history's size and age."""

    def table(self) -> Table:
        return {
            wire.GetStorage: lambda _: self._storage(),
            wire.SetRetention: self._set,
            wire.PreviewRetention: self._preview,
        }

    def _storage(self) -> wire.Storage:
        recorder = self._recorder
        rate = recorder.meters.rates(recorder.clock.monotonic_ms())[0]
        return storage_of(recorder.store, recorder.clock.wall_ms(), rate)

    def _preview(self, ask: wire.PreviewRetention) -> wire.RetentionPreview:
        recorder = self._recorder
        rate = recorder.meters.rates(recorder.clock.monotonic_ms())[0]
        free = shutil.disk_usage(recorder.store.folder).free
        found = recorder.store.retention_preview(
            ask.retention.checked(), recorder.clock.wall_ms(), rate, free
        )
        return wire.RetentionPreview(
            found.points, found.segments, found.bytes, found.until_ms, found.rollup_points,
            found.days_left,
        )  # fmt: skip

    def _set(self, ask: wire.SetRetention) -> wire.Reply:
        self._need(Permission.RETENTION, "retention")
        retention = ask.retention.checked()
        before = self._recorder.store.retention()
        self._audit("change retention", "history", f"{before.words} -> {retention.words}")
        writer = self._recorder.store.writer
        writer.call(lambda access: keep_retention(access, retention)).result(30)
        return self._storage()
