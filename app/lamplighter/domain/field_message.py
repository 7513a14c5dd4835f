"""What travels between the field and the pipeline: raw messages, their topics, and resend requests.

The rooms that receive and the room that decodes do not know each other; they share these words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from msgspec import Struct

ROOT: Final = "lamplighter/1/"
OBSERVATIONS: Final = ROOT + "obs/"
ANNOUNCEMENTS: Final = ROOT + "src/"
RECEIPTS: Final = ROOT + "rcp/"
COMMANDS: Final = ROOT + "cmd/"
SPARKPLUG: Final = "spBv1.0/"
LINK: Final = "$link/"
LINK_BEGINS: Final = LINK + "begins"
LINK_LIVES: Final = LINK + "lives"
"""topics no broker can send: what a feed says of its own link to the room that decodes"""
NATIVE_TOPICS: Final = (OBSERVATIONS + "+", ANNOUNCEMENTS + "+", RECEIPTS + "+")


class RawMessage(Struct, frozen=True, gc=False):
    """One message as it came. `topic` is bytes when it is not UTF-8."""

    topic: str | bytes
    payload: bytes
    received_ms: int
    """wall time of arrival, UTC ms"""
    token: int
    """ticket to acknowledge it by; -1 when there is nothing to acknowledge"""
    feed: str
    """id of the feed that received it"""
    arrived_ms: int = 0
    """monotonic time of arrival"""
    size: int = -1
    """length of the payload as sent, when it was too long to be kept; else -1"""
    again: bool = False
    """the broker says it delivers this for a second time"""
    retained: bool = False
    units: Mapping[str, str] | None = None
    """unit by datastream name, when the protocol says it; a hint for what nobody described"""
    fault: tuple[str, str] | None = None
    """(code, what): its feed could not read it; the payload is what came and goes to quarantine"""


class ResendRequest(NamedTuple):
    """Ask `source` for its messages `first`..`last` (both included) of `epoch`."""

    feed: str
    """the feed that last brought this source; empty when not known: ask on every native feed"""
    source: str
    epoch: int
    first: int
    last: int


def is_plain_name(text: str) -> bool:
    """True for a source name that may stand in a topic: one level, no wildcard, no NUL."""
    return bool(text) and not any(mark in text for mark in "+#/\x00")


def matches(filter_: str, topic: str) -> bool:
    """MQTT's rule: `+` is one level, `#` the rest; neither reaches what begins with `$`."""
    wanted, given = filter_.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(given) or level not in ("+", given[at]):
            return False
    return len(wanted) == len(given)
