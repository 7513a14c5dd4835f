"""One recorder's edits: made here, merged from elsewhere, kept as facts, and what follows.

Work orders, notes and attachments are records of this kind. An edit and the order it changes are
written in one transaction, so a crash leaves both or neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from lamplighter.domain import order_fields, wire
from lamplighter.domain.edits import Conflict, Edit, Edits, Value, first_edits
from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import fault
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder
    from lamplighter.store import Store, WriteAccess

ANSWER_S: Final = 10.0
MERGE_S: Final = 300.0
KINDS: Final = frozenset({"order", "note", "attachment", "alarm", "asset", "plan"})
"""kinds of records that may be edited over the wire"""
MADE_HERE: Final = frozenset({"alarm"})
"""kinds whose edits only the recorder itself makes"""


class EditDesk:
    """All edits of one open store. Methods may be called from any thread."""

    def __init__(self, store: Store, *, author: str, now_ms: Callable[[], int]) -> None:
        self._store, self._author, self._now_ms = store, author, now_ms
        self._lock = threading.RLock()
        self.edits = Edits(store.edits())
        self.on_change: Callable[[str, tuple[Conflict, ...]], None] = lambda object, conflicts: None
        self.on_conflicts: Callable[[tuple[Conflict, ...]], None] = lambda conflicts: None
        """told once after each change or merge, with all that wait"""
        self._told: tuple[Conflict, ...] = ()
        self.on_order: Callable[[WorkOrder], None] = lambda order: None

    # ------------------------------------------------------------------ making
    def agreed(self, ask: wire.EditFields) -> str:
        """The reason to keep with these changes: it names who decided along.

        A conflict about safety is settled by two people who say why, wherever it is asked from.
        Raises LamplighterError (U-801) with what is missing.
        """
        second, reason = ask.second.strip(), ask.reason.strip()
        with self._lock:
            found = self.edits.conflicts([ask.object])
        safety = sorted(c.field for c in found if c.safety and c.field in ask.changes)
        if safety:
            what = f"{safety[0]} is about safety and was changed in several places"
            if not reason or not second:
                what += ": say why, and name the second person who decides with you"
                raise fault("U-801", what=what, name="kit settle")
            if second.casefold() == self._author.casefold():
                what += f": {second} decides already; the second person is somebody else"
                raise fault("U-801", what=what, name="kit settle")
        return f"{reason} (decided with {second})".strip() if second else ask.reason

    def change(
        self,
        object: str,
        changes: Mapping[str, Value],
        *,
        reason: str = "",
        seen: Mapping[str, tuple[str, ...]] | None = None,
        author: str = "",
    ) -> list[Edit]:
        """Set fields and keep them; returns the edits that were needed."""
        return self.change_many({object: changes}, reason=reason, seen=seen, author=author)

    def change_many(
        self,
        changes: Mapping[str, Mapping[str, Value]],
        *,
        reason: str = "",
        seen: Mapping[str, tuple[str, ...]] | None = None,
        author: str = "",
        wait: bool = True,
    ) -> list[Edit]:
        """Set fields of several objects in one transaction; returns the edits that were needed.

        Without `wait` they are written when they can be, also after a full disk: for what was done
        already, such as an acknowledged alarm.
        """
        with self._lock:
            made: list[Edit] = []
            for object, fields in changes.items():
                made += self._grown(object)
                for field, value in fields.items():
                    edit = self.edits.set(
                        object,
                        field,
                        value,
                        origin=self._store.store_id,
                        author=author or self._author,
                        made_ms=self._now_ms(),
                        reason=reason,
                        seen=(seen or {}).get(field),
                    )
                    if edit is not None:
                        made.append(edit)
            self._keep(made, {e.object for e in made}, wait=wait)
        return made

    def _grown(self, object: str) -> list[Edit]:
        """The first state of an order that was made before it was ever edited."""
        kind, _, name = object.partition("/")
        if kind != order_fields.KIND or self.edits.history(object):
            return []
        order = next((o for o in self._store.work_orders() if o.id == name), None)
        if order is None:
            return []
        first = first_edits(object, order_fields.fields_of(order), order.created_ms)
        return [e for e in first if self.edits.add(e)]

    def baseline(self, order_ids: Iterable[str]) -> None:
        """Give orders that were never edited their first state, the same on every console."""
        with self._lock:
            made = [e for o in order_ids for e in self._grown(order_fields.object_of(o))]
            self._keep(made, set())

    def put_order(self, order: WorkOrder, before: WorkOrder | None, reason: str = "") -> WorkOrder:
        """Keep an order as edits of what differs from `before`; returns how it stands then."""
        object = order_fields.object_of(order.id)
        old = before or WorkOrder(order.id, "", "", state="")
        self.change(object, order_fields.changes_between(old, order), reason=reason)
        return self.order(order.id) or order

    # ------------------------------------------------------------------ merging
    def merge(
        self, edits: Iterable[Edit], also: Callable[[WriteAccess], None] | None = None
    ) -> list[Edit]:
        """Take edits of other consoles in; returns those that were new. Order does not matter.

        `also` writes more in the same transaction.
        """
        with self._lock:
            new = [e for e in edits if self.edits.add(e)]
            self._keep(new, {e.object for e in new}, also)
        return new

    # ------------------------------------------------------------------ reading
    def order(self, order_id: str) -> WorkOrder | None:
        """An order as its edits say, or None when it has none."""
        with self._lock:
            fields = self.edits.record(order_fields.object_of(order_id))
        return order_fields.order_as_far_as(order_id, fields) if fields else None

    def conflicts(self) -> tuple[Conflict, ...]:
        """All that wait for a decision."""
        with self._lock:
            return self.edits.conflicts()

    # ------------------------------------------------------------------ keeping
    def _keep(
        self,
        made: list[Edit],
        objects: set[str],
        also: Callable[[WriteAccess], None] | None = None,
        *,
        wait: bool = True,
    ) -> None:
        if not made and also is None:
            return
        orders = []
        for object in sorted(objects):
            kind, _, name = object.partition("/")
            order = self.order(name) if kind == order_fields.KIND else None
            if order is not None:
                orders.append(order)

        def keep(access: WriteAccess) -> None:
            access.put_edits(made)
            for order in orders:
                access.put_work_order(order)
            if also is not None:
                also(access)

        if wait:
            kept = self._store.writer.call(keep)
            try:
                _settled(kept, ANSWER_S if also is None else MERGE_S)
            except BaseException:
                self.edits = Edits(self._store.edits())  # what was not kept was not done
                raise
        else:
            self._store.writer.keep(keep)
        for order in orders:
            self.on_order(order)
        for object in sorted(objects):
            self.on_change(object, self.edits.conflicts([object]))
        found = self.edits.conflicts() if objects else self._told
        others = any(not o.startswith("alarm/") for o in objects)
        if others or found != self._told:
            self._told = found
            self.on_conflicts(found)


def _settled(kept: Future[None], patience_s: float) -> None:
    """Wait until it is written. What was not begun in time is not done later either: whoever asked
    is told that it failed, and may have asked again.
    """
    try:
        kept.result(patience_s)
    except TimeoutError:
        if kept.cancel():
            raise
        kept.result(MERGE_S)  # it is being written


class EditAnswers(Answering):
    """The wire's end of it."""

    def table(self) -> Table:
        return {
            wire.EditFields: self._edit,
            wire.GetRecords: self._records,
            wire.GetEdits: lambda ask: wire.EditHistory(
                ask.object, self._recorder.edits.edits.history(ask.object)
            ),
            wire.GetConflicts: lambda _: wire.Conflicts(self._recorder.edits.conflicts()),
        }

    def _edit(self, ask: wire.EditFields) -> wire.Reply:
        kind, _, name = ask.object.partition("/")
        self._need(Permission.WORK, ask.object)
        if kind not in KINDS - MADE_HERE or not name or not all(ask.changes):
            raise fault("U-801", what=f"{ask.object or 'nothing'} cannot be edited", name="edit")
        if kind == order_fields.KIND:
            self._recorder.orders.check(name, ask.changes)
        elif kind == "attachment":
            self._recorder.attachments.check(name, ask.changes)
        desk = self._recorder.edits
        reason = desk.agreed(ask)
        made = desk.change(ask.object, ask.changes, reason=reason, seen=ask.seen)
        if made:
            words = ", ".join(sorted({e.field for e in made}))
            self._audit("edit", ask.object, reason, words[:400])
        return wire.Edited(
            ask.object, desk.edits.record(ask.object), desk.edits.conflicts([ask.object])
        )

    def _records(self, ask: wire.GetRecords) -> wire.Reply:
        edits = self._recorder.edits.edits
        chosen = (ask.kind,) if "/" in ask.kind else edits.objects(ask.kind)
        return wire.Records({o: edits.record(o) for o in chosen})


def attach(recorder: Recorder) -> EditDesk:
    """The desk of a running recorder: changes are told to every client."""
    desk = EditDesk(recorder.store, author=recorder.identity.user, now_ms=recorder.clock.wall_ms)

    def told(object: str, conflicts: tuple[Conflict, ...]) -> None:
        if object.startswith("alarm/") and not conflicts:
            return  # the alarm itself is told already, hundreds at once in a flood
        recorder.server.emit(wire.Edited(object, desk.edits.record(object), conflicts))

    desk.on_change = told
    desk.on_conflicts = lambda found: recorder.server.emit(wire.Conflicts(found))
    desk.on_order = lambda order: recorder.server.emit(wire.WorkOrderChanged(order))
    return desk
