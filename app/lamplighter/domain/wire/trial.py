"""Trying a feed before it is added: real messages, a proposed mapping, a preview of its values.

A trial connects in the recorder beside its feeds. Nothing of it is stored.
"""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.mapping_draft import MappingDraft
from lamplighter.domain.wire.message import Message


class TryFeed(Message, frozen=True):
    """Connect for a look; the answer is `TrialStarted`."""

    url: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    topics: tuple[str, ...] = ()
    """MQTT filters to listen to; empty: everything the broker lets us hear"""
    mapping: str = ""
    """for feeds that need one to ask at all (registers, nodes)"""


class TrialStarted(Message, frozen=True):
    id: int


class LookAtTrial(Message, frozen=True):
    """What came so far; a trial nobody looks at ends by itself."""

    id: int
    group: str = ""
    """topic of one of `Trial.groups`; empty: the first"""
    mapping: str = ""
    """text of the mapping to preview; empty: as proposed"""


class EndTrial(Message, frozen=True):
    id: int


class TrialMessage(Struct, frozen=True):
    """One message as it came, cut where it is long. Plain text only."""

    topic: str
    received_ms: int
    size: int
    body: str


class TrialGroup(Struct, frozen=True):
    """Topics whose messages look alike."""

    topic: str
    topics: int
    messages: int
    draft: MappingDraft | None = None
    why_not: str = ""


class PreviewRow(Struct, frozen=True):
    """A datastream as it would be stored."""

    key: str
    """source/name"""
    unit: str
    value: str
    time_ms: int
    quality: str
    points: int
    low: float | None = None
    high: float | None = None
    asset: str = ""
    """the asset it is bound to, or would be by its name"""
    how: str = ""
    """why that asset"""


class Trial(Message, frozen=True):
    """A trial as it stands."""

    id: int
    state: str
    """connecting | live | lost | refused | off"""
    detail: str
    messages: int
    first_message_s: float | None
    """from connecting to the first message"""
    seconds: float
    native: bool
    """it speaks the native message: no mapping is needed"""
    groups: tuple[TrialGroup, ...] = ()
    samples: tuple[TrialMessage, ...] = ()
    """of the chosen group, the newest first"""
    mapping: str = ""
    """the text that was previewed"""
    rows: tuple[PreviewRow, ...] = ()
    set_aside: tuple[tuple[str, int], ...] = ()
    """(reason, points) of what would go to quarantine"""
    problem: str = ""
    """why the mapping cannot be used"""
    points_per_s: float = 0.0


Request = TryFeed | LookAtTrial | EndTrial
Reply = TrialStarted | Trial
