"""What will fail, and the orders for the work on it."""

from __future__ import annotations

from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.wire.message import Message


class GetPrognosis(Message, frozen=True):
    pass


class Prognoses(Message, frozen=True):
    items: tuple[Prognosis, ...]


class GetWorkOrders(Message, frozen=True):
    pass


class WorkOrders(Message, frozen=True):
    items: tuple[WorkOrder, ...]


class PutWorkOrder(Message, frozen=True):
    order: WorkOrder


class PrognosisChanged(Message, frozen=True):
    items: tuple[Prognosis, ...]


class WorkOrderChanged(Message, frozen=True):
    order: WorkOrder


Request = GetPrognosis | GetWorkOrders | PutWorkOrder
Reply = Prognoses | WorkOrders
Event = PrognosisChanged | WorkOrderChanged
