"""A command to the field: its envelope, its permit and its outcome.

On the wire (`lamplighter/1/cmd/<source>`) stands `SignedCommand` as JSON; the Ed25519 signature
covers `canonical(command)`. The device answers on `lamplighter/1/rcp/<source>` with a `Receipt`.
"""

from __future__ import annotations

import base64
from enum import StrEnum

import msgspec
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


class SignedCommand(Struct, frozen=True):
    """What crosses the broker: the command and the signature over its canonical bytes."""

    command: Command
    signature: str
    """Ed25519, 64 bytes, in base64"""


class Receipt(Struct, frozen=True):
    """A device's answer to one command; the same id is answered again, never operated again."""

    id: str
    result: str
    """executed | refused | void"""
    detail: str = ""
    time_ms: int = 0
    """the device's wall time of the actuation or of the refusal"""
    measured: str = ""
    """the state the device reads back, e.g. `closed`"""


def canonical(command: Command) -> bytes:
    """The bytes a signature covers: JSON, UTF-8, keys sorted, no spaces, every field present."""
    return msgspec.json.encode(command, order="sorted")


def envelope(command: Command, signature: bytes) -> bytes:
    """The payload to publish for a command and the signature over `canonical(command)`."""
    signed = SignedCommand(command, base64.b64encode(signature).decode("ascii"))
    return msgspec.json.encode(signed, order="sorted")


def open_envelope(payload: bytes) -> tuple[Command, bytes]:
    """The command and the signature in a payload; nothing is verified yet.

    Raises ValueError when the payload is no signed command.
    """
    try:
        signed = msgspec.json.decode(payload, type=SignedCommand)
        return signed.command, base64.b64decode(signed.signature, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"no signed command: {error}") from None


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
