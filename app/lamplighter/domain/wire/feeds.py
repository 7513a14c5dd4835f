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
