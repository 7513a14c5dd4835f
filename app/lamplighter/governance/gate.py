"""The gate every command passes: a pure decision from what is asked and what is known.

It never sends anything. A permit names why it was given; a refusal is one line.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from lamplighter.domain.command import CommandRequest
from lamplighter.domain.problems import Problem, problem
from lamplighter.governance.roles import Identity, Permission

EXPIRES_MS: Final = 10_000
RATE_LIMIT: Final = 10
"""commands of one person per minute"""
MIN_REASON: Final = 3


class Mode(StrEnum):
    LIVE = "live"
    REPLAY = "replay"
    SCENARIO = "scenario"


class Interlock(Struct, frozen=True):
    """A condition under which an action is not let through, already judged true or false."""

    action: str
    text: str
    holds: bool
    """true: the action is blocked"""


class Situation(Struct, frozen=True):
    """What the recorder knows at the moment of the request."""

    mode: Mode
    asset_known: bool
    asset_mode: str
    """shadow | twin"""
    actions: tuple[str, ...]
    """actions this asset's type knows"""
    state_now: str
    """the device state as it is now, in the operator's words"""
    device_live: bool
    link_live: bool
    tag: str
    """text of a red tag on the asset, empty for none"""
    interlocks: tuple[Interlock, ...]
    second_person_needed: bool
    recent_commands: int
    """sent by this person in the last minute"""
    unknown_outcome: bool
    """an earlier command to this asset ended as unknown and was not read back"""


class Permit(Struct, frozen=True):
    """The right to send this one command, once, until it expires."""

    identity: Identity
    request: CommandRequest
    expires_in_ms: int = EXPIRES_MS


def decide(request: CommandRequest, who: Identity, now: Situation) -> Permit | Problem:
    """The first reason against it, in the order an operator can act on, else a permit."""
    for reason in _objections(request, who, now):
        return problem("C-701", name=request.asset, what=reason)
    return Permit(who, request)


def _objections(request: CommandRequest, who: Identity, now: Situation) -> list[str]:
    found: list[str] = []
    if now.mode is not Mode.LIVE:
        found.append(f"the view is in {now.mode.value}; commands are locked there")
    if not who.may(Permission.COMMAND):
        found.append(f"the role {who.role.value} may not send commands")
    if not now.asset_known:
        found.append("no such asset")
        return found
    if now.asset_mode != "twin":
        found.append("the asset is a shadow (read-only)")
    if request.action not in now.actions:
        found.append(f"it does not know the action '{request.action}'")
    if now.tag:
        found.append(f"it carries a red tag: {now.tag}")
    if len(request.reason.strip()) < MIN_REASON:
        found.append("a reason is needed")
    if not now.link_live:
        found.append("the link to the field is down; nothing is kept for later")
    elif not now.device_live:
        found.append("the device is not live")
    if now.unknown_outcome:
        found.append("the outcome of the last command is unknown; read the device back first")
    if request.seen and request.seen != now.state_now:
        found.append(f"it changed since you looked (you saw {request.seen}, now {now.state_now})")
    found += [f"interlock: {lock.text}" for lock in now.interlocks if lock.holds]
    if now.second_person_needed and not request.second_person.strip():
        found.append("a second person is needed")
    if now.second_person_needed and request.second_person.strip() == who.user:
        found.append("the second person must be somebody else")
    if now.recent_commands >= RATE_LIMIT:
        found.append(f"more than {RATE_LIMIT} commands in a minute")
    return found
