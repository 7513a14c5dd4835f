"""The fake city with real records behind it: orders, edits and files of a project on disk."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lamplighter.domain import wire
from lamplighter.domain.edits import Conflict
from lamplighter.domain.problems import LamplighterError
from lamplighter.runtime import project as projects
from lamplighter.runtime.life_line import life_of
from lamplighter.runtime.records_alone import Alone
from lamplighter.store import Store
from tests.ui.fake_session import Deliver, FakeSession

RECORDS = (
    wire.EditFields, wire.PutWorkOrder, wire.CloseOrder, wire.GetJobs, wire.PutJob, wire.AttachFile,
)  # fmt: skip


class RecordsSession(FakeSession):
    """Answers about records come from the desks a recorder uses; events as well."""

    def __init__(self, deliver: Deliver, folder: Path, **more: object) -> None:
        projects.create(folder)
        self._opened = projects.opened(folder, write=True)
        self.store: Store = self._opened.__enter__()
        self.desks = Alone(self.store)
        super().__init__(deliver, **more)  # type: ignore[arg-type]
        self.welcome = msgspec.structs.replace(
            self.welcome, path=str(folder), console=self.store.store_id
        )
        assets = self.city.assets
        self.store.writer.call(lambda access: access.put_assets(assets)).result()
        told = self.desks.edits.on_change

        def changed(object: str, conflicts: tuple[Conflict, ...]) -> None:
            told(object, conflicts)
            edits = self.desks.edits
            self.emit(wire.Edited(object, edits.edits.record(object), conflicts))
            self.emit(wire.Conflicts(edits.conflicts()))

        self.desks.edits.on_change = changed
        self.desks.edits.on_order = lambda order: self.emit(wire.WorkOrderChanged(order))
        self.desks.attachments.on_change = lambda item: self.emit(wire.AttachmentChanged(item))

    def _reply(self, request: wire.Request) -> wire.Reply:
        edits = self.desks.edits.edits
        match request:
            case wire.GetEdits(object):
                return wire.EditHistory(object, edits.history(object))
            case wire.GetConflicts():
                return wire.Conflicts(edits.conflicts())
            case wire.GetWorkOrders():
                return wire.WorkOrders(tuple(self.store.work_orders()))
            case wire.FindAttachments():
                return self.desks.attachments.find(request)
            case wire.GetLife(asset):
                found = next(a for a in self.city.assets if a.id == asset)
                files = self.desks.attachments.find(wire.FindAttachments(asset=asset)).items
                return wire.Life(asset, life_of(self.store, found, files))
        if isinstance(request, RECORDS):
            try:
                return self.desks.answer(request)
            except LamplighterError as error:
                return wire.Refused(error.problem)
        return super()._reply(request)

    def close(self) -> None:
        super().close()
        self._opened.__exit__(None, None, None)
