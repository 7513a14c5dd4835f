"""A command to the field: its envelope, its permit and its outcome."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Outcome(StrEnum):
    """How a command ended, or where it stands."""

    REQUESTED = "requested"
    SENT = "sent"
    EXECUTED = "executed"
    REFUSED = "refused"
    TIMED_OUT = "timed out"
    UNKNOWN = "unknown"


class CommandRequest(Struct, frozen=True):
    """What a person asks for. `seen` is the device state the operator saw (precondition)."""

    asset: str
    action: str
    """open | close | start | stop | set"""
    value: float | None
    reason: str
    seen: str = ""
    second_person: str = ""


class Command(Struct, frozen=True):
    """The signed envelope's content; the signature covers its canonical bytes."""

    id: str
    issuer: str
    role: str
    zone: str
    target: str
    source: str
    action: str
    value: float | None
    precondition: str
    not_before_ms: int
    expires_ms: int
    counter: int
    reason: str
    approvers: tuple[str, ...] = ()


class CommandState(Struct, frozen=True):
    """A command and where it stands; every change is a stored fact."""

    command: Command
    outcome: Outcome
    changed_ms: int
    detail: str = ""
    round_trip_ms: int | None = None
    measured: str = ""


class AuditEntry(Struct, frozen=True):
    """Who did what, why, with which result."""

    seq: int
    wall_ms: int
    monotonic_ms: int
    actor: str
    role: str
    host: str
    action: str
    object: str
    before: str
    after: str
    reason: str
    approvers: tuple[str, ...]
    result: str
