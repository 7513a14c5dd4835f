"""An asset's life line."""

from __future__ import annotations

from lamplighter.domain.life import LifeEvent
from lamplighter.domain.wire.message import Message


class GetLife(Message, frozen=True):
    """Everything the project knows of an asset's life."""

    asset: str


class Life(Message, frozen=True):
    asset: str
    events: tuple[LifeEvent, ...]
    """the oldest first"""


Request = GetLife
Reply = Life
