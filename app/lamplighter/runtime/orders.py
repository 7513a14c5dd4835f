"""Work orders of a project: made, checked before every change, closed with a signature.

Whatever an order says is kept as edits; this desk only decides what may become of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from lamplighter.domain import order_fields, wire
from lamplighter.domain.clock import Clock, iso
from lamplighter.domain.edits import Value
from lamplighter.domain.maintenance import JobTemplate, WorkOrder
from lamplighter.domain.order_rules import FINDINGS, NOT_FOUND, STATES, finding_text, missing
from lamplighter.domain.problems import LamplighterError, fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.edits import EditDesk

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

JOB: Final = "job "
"""prefix of the settings that hold a project's own checklists"""
SIGNED: Final = ("finding", "signature", "closed_ms", "closed_by")
"""fields that closing writes, and nothing else"""
MOST_STEPS: Final = 200


class OrderDesk:
    """A project's work orders. Methods may be called from any thread."""

    def __init__(
        self,
        store: Store,
        edits: EditDesk,
        *,
        clock: Clock,
        user: str,
        note: Callable[[str, str, str, str], None],
        jobs: Callable[[], tuple[JobTemplate, ...]] = tuple,
    ) -> None:
        """`note(action, object, reason, after)` writes to the audit record."""
        self._store, self._edits, self._clock = store, edits, clock
        self._user, self._note, self._given = user, note, jobs

    def get(self, order_id: str) -> WorkOrder:
        """An order as it stands. Raises LamplighterError (U-809) when there is none."""
        found = self._edits.order(order_id) or self._stored(order_id)
        if found is None:
            raise fault("U-809", what="work order", name=order_id or "''", lists="orders list")
        return found

    def _stored(self, order_id: str) -> WorkOrder | None:
        return next((o for o in self._store.work_orders() if o.id == order_id), None)

    # ------------------------------------------------------------------ changing
    def keep(self, order: WorkOrder) -> WorkOrder:
        """Store an order; a new one gets its id, time and author. Raises LamplighterError."""
        if not order.title.strip() or not order.asset.strip():
            raise fault("U-801", what="a work order needs an asset and a title", name="orders")
        before = self._stored(order.id) if order.id else None
        now = self._clock.wall_ms()
        if not order.id:
            order = replace(order, id=f"WO-{secrets.token_hex(4)}")
        if before is None and not order.created_ms:
            order = replace(order, created_ms=now, created_by=self._user)
        if order.state == "done" and (before is None or before.state != "done"):
            self._may_close(order)
        if before is not None and before.state == order.state == "done" and order != before:
            raise _no(order.id, "it is signed; open it again first, with a reason")
        if order.state == "done" and not order.closed_ms:
            order = replace(order, closed_ms=now)
        order = self._edits.put_order(order, before)
        self._note("work order", order.id, order.title, order.state)
        return order

    def check(self, order_id: str, changes: Mapping[str, Value]) -> None:
        """Whether an order can take these changes. Raises LamplighterError (U-841)."""
        before = self._edits.order(order_id) or self._stored(order_id)
        fields = order_fields.fields_of(before) if before is not None else {}
        merged = {**fields, **changes}
        try:
            after = order_fields.order_from(
                order_id, {f: v for f, v in merged.items() if v is not None}
            )
        except msgspec.MsgspecError as error:
            raise _no(order_id, f"a value does not fit its field ({error})") from None
        if not after.title.strip() or not after.asset.strip():
            raise _no(order_id, "it needs an asset and a title")
        if after.state not in STATES:
            raise _no(order_id, f"'{after.state}' is none of {', '.join(STATES)}")
        if len(after.steps) > MOST_STEPS:
            raise _no(order_id, f"a checklist has at most {MOST_STEPS} lines")
        if after.state == "done" and (before is None or before.state != "done"):
            raise _no(order_id, "it is closed with a finding and a signature")
        self._as_signed(order_id, before, changes)

    def _as_signed(
        self, order_id: str, before: WorkOrder | None, changes: Mapping[str, Value]
    ) -> None:
        """What is signed stays until it is opened again; only a conflict may be decided."""
        disputed = {
            c.field for c in self._edits.edits.conflicts([order_fields.object_of(order_id)])
        }
        meant = {f: v for f, v in changes.items() if f not in disputed}
        if before is not None and before.state == "done" == meant.get("state", "done") and meant:
            raise _no(order_id, "it is signed; open it again first, with a reason")
        if any(meant.get(field) for field in SIGNED):
            raise _no(order_id, "finding and signature are given when it is closed")

    def close(self, ask: wire.CloseOrder) -> WorkOrder:
        """Sign an order as done. Raises LamplighterError (U-841) with what is missing."""
        order = self.get(ask.order)
        if order.state in ("done", "cancelled"):
            raise _no(order.id, f"it is {order.state} already")
        if ask.finding not in FINDINGS:
            raise _no(order.id, f"say what was found: {', '.join(FINDINGS)}")
        if ask.finding != NOT_FOUND and not ask.cause.strip():
            raise _no(order.id, "say what was wrong")
        if not ask.signer.strip() or not ask.reason.strip():
            raise _no(order.id, "a signature is a name and what it stands for")
        self._may_close(order)
        now = self._clock.wall_ms()
        changes: dict[str, Value] = {
            "state": "done",
            "finding": finding_text(ask.finding, ask.cause),
            "closed_ms": now,
            "closed_by": self._user,
            "signature": f"{ask.signer.strip()}, {iso(now)[:16]}Z: {ask.reason.strip()}",
        }
        object = order_fields.object_of(order.id)
        self._edits.change(object, changes, reason=ask.reason.strip(), seen=ask.seen or None)
        closed = self.get(order.id)
        self._note("close work order", order.id, ask.reason.strip(), closed.finding)
        return closed

    def _may_close(self, order: WorkOrder) -> None:
        open_conflicts = self._edits.edits.conflicts([order_fields.object_of(order.id)])
        if open_conflicts:
            fields = ", ".join(c.field for c in open_conflicts)
            raise _no(order.id, f"two places disagree on {fields}; decide that first")
        lacking = missing(order)
        if lacking:
            more = f", and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise _no(order.id, "; ".join(lacking[:3]) + more)

    # ------------------------------------------------------------------ checklists
    def jobs(self, asset_type: str = "") -> tuple[JobTemplate, ...]:
        """Checklists of this project first, then of plugins; those of one type or all."""
        own = stored_jobs(self._store)
        found = (*own, *(j for j in self._given() if all(o.id != j.id for o in own)))
        if not asset_type:
            return found
        return tuple(j for j in found if not j.asset_types or asset_type in j.asset_types)

    def put_job(self, job: JobTemplate) -> JobTemplate:
        """Keep one of the project's own. Raises LamplighterError (U-801)."""
        if not job.name.strip() or not job.steps:
            raise fault("U-801", what="a checklist needs a name and lines", name="orders")
        if len(job.steps) > MOST_STEPS:
            raise fault("U-801", what=f"a checklist has at most {MOST_STEPS} lines", name="orders")
        if not job.id:
            job = replace(job, id=f"own.{secrets.token_hex(4)}")
        steps = tuple(replace(s, done=False, done_by="", done_ms=0, reading=None, note="")
                      for s in job.steps)  # fmt: skip
        job = replace(job, steps=steps, parts=tuple(replace(p, used=False) for p in job.parts))
        text = msgspec.json.encode(job).decode()

        def keep(access: WriteAccess) -> None:
            access.put_setting(f"{JOB}{job.id}", text)

        self._store.writer.call(keep).result()
        self._note("keep checklist", job.id, job.name, "")
        return job

    def drop_job(self, job_id: str) -> None:
        """Forget one of the project's own. Raises LamplighterError (U-801)."""
        if self._store.setting(f"{JOB}{job_id}") is None:
            what = f"no checklist of this project is called {job_id}"
            raise fault("U-801", what=what, name="orders")
        self._store.writer.call(lambda access: access.remove_setting(f"{JOB}{job_id}")).result()
        self._note("drop checklist", job_id, "", "")


def stored_jobs(store: Store) -> tuple[JobTemplate, ...]:
    """A project's own checklists; one that cannot be read is passed over."""
    found = []
    for text in store.settings(JOB).values():
        try:
            found.append(msgspec.json.decode(text, type=JobTemplate))
        except msgspec.MsgspecError:
            continue
    return tuple(found)


def _no(order_id: str, what: str) -> LamplighterError:
    return fault("U-841", name=order_id, what=what)


class OrderAnswers(Answering):
    """The wire's end of it."""

    def table(self) -> Table:
        desk = self._recorder.orders
        return {
            wire.PutWorkOrder: self._put,
            wire.CloseOrder: self._close,
            wire.GetJobs: lambda ask: wire.Jobs(desk.jobs(ask.asset_type)),
            wire.PutJob: self._put_job,
            wire.DropJob: self._drop_job,
        }

    def _put(self, ask: wire.PutWorkOrder) -> wire.Reply:
        self._need(Permission.WORK, ask.order.asset)
        return wire.Ok(self._recorder.orders.keep(ask.order).id)

    def _close(self, ask: wire.CloseOrder) -> wire.Reply:
        self._need(Permission.WORK, ask.order)
        order = self._recorder.orders.close(ask)
        object, edits = order_fields.object_of(order.id), self._recorder.edits.edits
        return wire.Edited(object, edits.record(object), edits.conflicts([object]))

    def _put_job(self, ask: wire.PutJob) -> wire.Reply:
        self._need(Permission.WORK, ask.job.name)
        job = self._recorder.orders.put_job(ask.job)
        self._recorder.server.emit(wire.Jobs(self._recorder.orders.jobs()))
        return wire.Ok(job.id)

    def _drop_job(self, ask: wire.DropJob) -> wire.Reply:
        self._need(Permission.WORK, ask.id)
        self._recorder.orders.drop_job(ask.id)
        self._recorder.server.emit(wire.Jobs(self._recorder.orders.jobs()))
        return wire.Ok(ask.id)


def attach(recorder: Recorder) -> OrderDesk:
    """The desk of a running recorder."""

    def note(action: str, object: str, reason: str, after: str) -> None:
        recorder.audit.record(
            actor=recorder.identity.user,
            role=recorder.identity.role.value,
            action=action,
            object=object,
            after=after,
            reason=reason,
            result="done",
        )

    return OrderDesk(
        recorder.store,
        recorder.edits,
        clock=recorder.clock,
        user=recorder.identity.user,
        note=note,
        jobs=recorder.plugins.jobs,
    )
