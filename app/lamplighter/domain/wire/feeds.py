"""Questions and requests about feeds and their gaps."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.observation import Gap
from lamplighter.domain.wire.message import Message


class FeedState(Struct, frozen=True):
    id: str
    url: str
    state: str
    """connecting | live | lost | refused | off"""
    messages: int
    last_value_age_s: float | None
    detail: str = ""
    """what is wrong or will be soon, worded; empty when nothing is"""
    protocol: str = ""
    """what the link speaks, e.g. `MQTT 5, TLSv1.3`; empty when it has none"""
    reconnects: int = 0
    """how often it connected again after the first time"""
    losses: int = 0
    """how often a live link was lost"""
    held: int = 0
    """messages the feed holds back because the queue behind it is full"""
    certificate_days: float | None = None
    """days until the first of our certificate and the server's ends; negative: ended; None: no
    certificate is in use or its end is not known"""
    certificate_of: str = ""
    """whose that is: `ours` or `server`"""


class GetFeeds(Message, frozen=True):
    pass


class Feeds(Message, frozen=True):
    items: tuple[FeedState, ...]


class AddFeed(Message, frozen=True):
    url: str
    mapping: str = ""
    """text of the mapping file (TOML); empty for native messages"""
    ca: str = ""
    cert: str = ""
    key: str = ""
    """PEM files of a TLS feed"""


class GetGaps(Message, frozen=True):
    from_ms: int
    to_ms: int


class Gaps(Message, frozen=True):
    items: tuple[Gap, ...]


Request = GetFeeds | AddFeed | GetGaps
Reply = Feeds | Gaps
