"""Work orders of a recorder: made, kept as edits, told to everybody."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import fault

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class OrderDesk:
    """One recorder's work orders. Methods may be called from any thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def keep(self, order: WorkOrder) -> WorkOrder:
        """Store an order; a new one gets its id, time and author. Raises LamplighterError."""
        recorder = self._recorder
        if not order.title.strip() or not order.asset.strip():
            raise fault("U-801", what="a work order needs an asset and a title", name="order")
        now = recorder.clock.wall_ms()
        if not order.id:
            order = msgspec.structs.replace(
                order,
                id=f"WO-{secrets.token_hex(4)}",
                created_ms=now,
                created_by=recorder.identity.user,
            )
        if order.state == "done" and not order.closed_ms:
            order = msgspec.structs.replace(order, closed_ms=now)
        before = next((o for o in recorder.store.work_orders() if o.id == order.id), None)
        order = recorder.edits.put_order(order, before)
        recorder.audit.record(
            actor=recorder.identity.user,
            role=recorder.identity.role.value,
            action="work order",
            object=order.id,
            after=order.state,
            reason=order.title,
            result="done",
        )
        return order
