"""Setting a value by hand, taking a point into maintenance, and what stands of both."""

from __future__ import annotations

from lamplighter.domain.by_hand import HandMark
from lamplighter.domain.wire.message import Message


class SetByHand(Message, frozen=True):
    """Show this instead of what the sensor says, until a time."""

    key: str
    kind: str
    """value | maintenance"""
    until_ms: int
    reason: str
    value: str = ""
    """for `value`: a number, or a word of the datastream's states"""


class EndByHand(Message, frozen=True):
    """The sensor's own value counts again."""

    key: str
    kind: str
    reason: str = ""


class GetByHand(Message, frozen=True):
    pass


class ByHand(Message, frozen=True):
    """All that stands now. Also an event, whenever it changes."""

    items: tuple[HandMark, ...]


class GetOriginal(Message, frozen=True):
    """The newest message a value of this datastream came in, or a camera's picture."""

    key: str
    at_ms: int = 0
    """of a camera: the newest picture by this moment, UTC ms; 0 = now"""


class Original(Message, frozen=True):
    """What the field really sent, as plain text, cut where it is long."""

    key: str
    topic: str
    feed: str
    received_ms: int
    size: int
    body: str
    file: str = ""
    """path of a kept picture, which stands instead of a body"""


Request = SetByHand | EndByHand | GetByHand | GetOriginal
Reply = ByHand | Original
Event = ByHand
