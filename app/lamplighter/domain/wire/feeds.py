"""Questions and requests about feeds and their gaps."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.days import DayQuality
from lamplighter.domain.observation import Account, Gap
from lamplighter.domain.wire.message import Message


class FeedState(Struct, frozen=True):
    id: str
    url: str
    state: str
    """connecting | live | lost | refused | off | paused"""
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
    name: str = ""
    """what people call it; empty: its id"""
    owner: str = ""
    """who answers for it; empty: nobody is named"""
    messages_per_s: float = 0.0
    points_per_s: float = 0.0
    delay_p50_s: float | None = None
    """commit minus phenomenon time over the last minute; None without a point"""
    delay_p95_s: float | None = None
    sources: int = 0
    """senders heard through it"""
    silent_sources: int = 0
    """senders that said they are off, or stopped talking"""
    gaps: int = 0
    """holes in the sequences of its senders that are not filled"""
    missing: int = 0
    """messages in those holes"""
    layer: str = ""
    """the first broken layer: console | broker | gateway | device; empty: none"""
    layer_words: str = ""
    """what is broken there, in words"""
    mapped: bool = False


class GetFeeds(Message, frozen=True):
    pass


class Feeds(Message, frozen=True):
    items: tuple[FeedState, ...]
    schemes: tuple[str, ...] = ()
    """beginnings of the addresses this recorder can connect to"""


class AddFeed(Message, frozen=True):
    url: str
    mapping: str = ""
    """text of the mapping file (TOML); empty for native messages"""
    ca: str = ""
    cert: str = ""
    key: str = ""
    """PEM files of a TLS feed"""
    name: str = ""
    owner: str = ""
    bindings: tuple[tuple[str, str, str], ...] = ()
    """(source/name, asset, unit) of datastreams to bind at once"""


class ChangeFeed(Message, frozen=True):
    """Pause, resume, remove or edit a feed; its recorded history stays in every case."""

    id: str
    action: str
    """pause | resume | remove | edit"""
    reason: str = ""
    url: str | None = None
    """for `edit`, here and below: None leaves it as it is"""
    mapping: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    name: str | None = None
    owner: str | None = None


class GetFeed(Message, frozen=True):
    """One feed with its senders."""

    id: str


class SourceState(Struct, frozen=True):
    """One sender behind a feed."""

    name: str
    age_s: float | None
    """since its newest message; None: not heard since the recorder began"""
    heartbeat_s: float
    """0: it does not announce itself"""
    said_off: bool
    """its last will came: it is off, or its link broke"""
    silent: bool
    datastreams: int
    stale: int
    """of these, without a live value"""
    gaps: int
    missing: int
    account: Account
    words: str = ""
    """what is wrong with it; empty: nothing"""


class FeedDetail(Message, frozen=True):
    """A feed as it is stored and as it is now, layer by layer."""

    state: FeedState
    mapping: str
    ca: str
    cert: str
    key: str
    layers: tuple[tuple[str, str, str], ...]
    """(device | gateway | broker | console, ok | broken | unknown, words)"""
    sources: tuple[SourceState, ...]


class GetDays(Message, frozen=True):
    """How good the data of each feed were on the last days."""

    days: int = 28


class Days(Message, frozen=True):
    items: tuple[DayQuality, ...]
    since: str
    """the first day that was counted; empty: none yet"""


class GetGaps(Message, frozen=True):
    from_ms: int
    to_ms: int


class Gaps(Message, frozen=True):
    items: tuple[Gap, ...]


Request = GetFeeds | AddFeed | ChangeFeed | GetFeed | GetDays | GetGaps
Reply = Feeds | FeedDetail | Days | Gaps
