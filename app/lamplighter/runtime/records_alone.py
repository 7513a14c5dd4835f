"""Work orders and attachments of a project that nobody records: verbs change it by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamplighter.domain import attachments, order_fields, wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission, local_identity
from lamplighter.runtime import offline_audit
from lamplighter.runtime.attachments import AttachmentDesk
from lamplighter.runtime.crews import CrewDesk
from lamplighter.runtime.edits import EditDesk
from lamplighter.runtime.orders import OrderDesk
from lamplighter.runtime.plugins import load_plugins
from lamplighter.runtime.project import opened
from lamplighter.store import Store


class Alone:
    """The desks of one open store; `answer` takes the same requests as a recorder."""

    def __init__(self, store: Store) -> None:
        clock, who = SystemClock(), local_identity()
        self._store = store
        self._who = who
        self.edits = EditDesk(store, author=who.user, now_ms=clock.wall_ms)
        self.orders = OrderDesk(
            store, self.edits, clock=clock, user=who.user, note=self._note,
            jobs=lambda: load_plugins().jobs(),
        )  # fmt: skip
        self.crews = CrewDesk(store, self.edits)
        self.attachments = AttachmentDesk(
            store.folder, self.edits, clock=clock, user=who.user, known=self._known
        )

    def _note(self, action: str, object: str, reason: str, after: str) -> None:
        offline_audit.note(
            self._store.folder, action, object, reason=reason, result=after or "done"
        )

    def _known(self, asset: str, order: str) -> str:
        if asset and all(a.id != asset for a in self._store.assets()):
            return f"there is no asset {asset}"
        if order and all(o.id != order for o in self._store.work_orders()):
            return f"there is no work order {order}"
        return ""

    def answer(self, ask: wire.Request) -> wire.Reply:
        """Raises LamplighterError for a refusal."""
        if not self._who.may(Permission.WORK):
            what = f"the role {self._who.role.value} may not {Permission.WORK.value}"
            raise fault("C-701", name="work orders", what=what)
        match ask:
            case wire.PutWorkOrder(order):
                return wire.Ok(self.orders.keep(order).id)
            case wire.CloseOrder():
                return self._edited(order_fields.object_of(self.orders.close(ask).id))
            case wire.GetJobs(asset_type):
                return wire.Jobs(self.orders.jobs(asset_type))
            case wire.PutJob(job):
                return wire.Ok(self.orders.put_job(job).id)
            case wire.DropJob(job_id):
                self.orders.drop_job(job_id)
                return wire.Ok(job_id)
            case wire.EditFields():
                kind, _, name = ask.object.partition("/")
                if kind == order_fields.KIND:
                    self.orders.check(name, ask.changes)
                elif kind == attachments.KIND:
                    self.attachments.check(name, ask.changes)
                reason = self.edits.agreed(ask)
                self.edits.change(ask.object, ask.changes, reason=reason, seen=ask.seen)
                self._note("edit", ask.object, reason, ", ".join(sorted(ask.changes))[:400])
                return self._edited(ask.object)
            case wire.PutCrew(crew):
                return wire.Ok(self.crews.put(crew).id)
            case wire.DropCrew(id):
                self.crews.drop(id)
                return wire.Ok(id)
            case wire.TakeCrewPlan():
                self._note("crew plan", str(ask.day_ms), ask.reason, f"{len(ask.ways)} crews")
                return self.crews.take(ask.day_ms, ask.ways, ask.reason)
            case wire.SetWaitingCosts():
                self.crews.set_costs(ask.asset_class, ask.costs)
                return wire.Ok(ask.asset_class)
            case wire.AttachFile():
                item = self.attachments.attach(ask)
                self._note("attach", item.asset or item.order or "a place", item.caption, item.name)
                return wire.Attachments((item,), 1)
        raise TypeError(type(ask).__name__)

    def _edited(self, object: str) -> wire.Edited:
        edits = self.edits.edits
        return wire.Edited(object, edits.record(object), edits.conflicts([object]))


@contextmanager
def alone(project: Path) -> Iterator[Alone]:
    """The project opened for writing. Raises LamplighterError when somebody else writes it."""
    with opened(project, write=True) as store:
        yield Alone(store)
