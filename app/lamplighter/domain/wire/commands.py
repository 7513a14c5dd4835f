"""Commands to assets through the gate, and which assets take any."""

from __future__ import annotations

from lamplighter.domain.command import CommandRequest, CommandState
from lamplighter.domain.wire.message import Message


class SendCommand(Message, frozen=True):
    request: CommandRequest
    mode: str = "live"
    """live | replay | scenario: the mode of the view that asks; only live is ever let through"""


class SetMode(Message, frozen=True):
    """Switch an asset between shadow and twin."""

    asset: str
    mode: str
    reason: str


class GetCommands(Message, frozen=True):
    pass


class Commands(Message, frozen=True):
    items: tuple[CommandState, ...]


class CommandChanged(Message, frozen=True):
    state: CommandState


Request = SendCommand | SetMode | GetCommands
Reply = Commands
Event = CommandChanged
