"""Closing work orders, and what jobs usually take. Everything else of an order is an edit."""

from __future__ import annotations

from msgspec import field

from lamplighter.domain.maintenance import JobTemplate
from lamplighter.domain.wire.message import Message


class CloseOrder(Message, frozen=True):
    """Sign an order as done; refused while something of its checklist is missing.

    Answered with `Edited`, as every change of an order.
    """

    order: str
    finding: str
    """found | not found | failed"""
    cause: str = ""
    """what was wrong; needed unless nothing was found"""
    signer: str = ""
    """name of who answers for it"""
    reason: str = ""
    """what the signature says, e.g. `tested and handed back`"""
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)


class GetJobs(Message, frozen=True):
    """Checklists of plugins and of this project; for one type of asset when given."""

    asset_type: str = ""


class Jobs(Message, frozen=True):
    items: tuple[JobTemplate, ...]


class PutJob(Message, frozen=True):
    """Keep a checklist of this project's own; an empty id makes a new one."""

    job: JobTemplate


class DropJob(Message, frozen=True):
    """Forget one of this project's own checklists; orders made from it stay."""

    id: str


Request = CloseOrder | GetJobs | PutJob | DropJob
Reply = Jobs
Event = Jobs
