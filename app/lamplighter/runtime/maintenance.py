"""Work orders and forecasts of a recorder: kept as facts, trained and scored in a worker."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from lamplighter.domain.maintenance import WorkOrder
from lamplighter.domain.problems import fault

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder


class MaintenanceDesk:
    """One recorder's maintenance."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def start(self) -> None:
        """Begin to forecast, where the project has a recorded past to learn from."""

    def every_second(self) -> None:
        """Score the fleet when it is due."""

    def keep_order(self, order: WorkOrder) -> WorkOrder:
        """Store an order; a new one gets its id, time and author. Raises LamplighterError."""
        recorder = self._recorder
        if not order.title.strip() or not order.asset.strip():
            raise fault("U-801", what="a work order needs an asset and a title", name="order")
        if not order.id:
            now = recorder.clock.wall_ms()
            order = msgspec.structs.replace(
                order,
                id=f"WO-{secrets.token_hex(4)}",
                created_ms=now,
                created_by=recorder.identity.user,
            )
        recorder.store.writer.call(lambda access: access.put_work_order(order)).result(10)
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
