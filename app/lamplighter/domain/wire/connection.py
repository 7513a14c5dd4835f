"""A connection to the recorder: greeting, farewell, plain answers, what it says of itself."""

from __future__ import annotations

from lamplighter.domain.city import Frame
from lamplighter.domain.observation import Account
from lamplighter.domain.problems import Problem
from lamplighter.domain.wire.feeds import FeedState
from lamplighter.domain.wire.message import Message


class Hello(Message, frozen=True):
    """First request of a connection."""

    client: str
    version: str
    """the client program's version"""


class Welcome(Message, frozen=True):
    project: str
    path: str
    demo: bool
    version: str
    pid: int
    user: str
    role: str
    block: str
    """path of the newest-values file (see `newest_block`)"""
    frame: Frame | None
    started_ms: int
    """wall time at which this recorder began"""
    first_ms: int
    """the earliest moment the past reaches back to, 0 when there is none"""
    console: str = ""
    """the origin of edits that are made here"""


class Ok(Message, frozen=True):
    text: str = ""


class Refused(Message, frozen=True):
    problem: Problem


class StopRecorder(Message, frozen=True):
    """Ask the recorder to end (source, queue, writer). Honoured unless it runs as a service."""


class Status(Message, frozen=True):
    """Once a second."""

    wall_ms: int
    batch: int
    account: Account
    waiting: int
    points_per_s: float
    messages_per_s: float
    delay_p95_s: float
    """commit minus phenomenon time, over the points of the last ten seconds"""
    queue: int
    write_lag_ms: float
    feeds: tuple[FeedState, ...]
    datastreams: int
    live: int
    stale: int
    disk_free_gb: float
    disk_days_left: float | None
    rss_mb: float


class BlockMoved(Message, frozen=True):
    """The newest-values file was replaced by a larger one."""

    block: str


class ProblemRaised(Message, frozen=True):
    """A fault to show in place; `count` grows while it repeats, `over` when it has ended."""

    problem: Problem
    count: int = 1
    over: bool = False


Request = Hello | StopRecorder
Reply = Welcome | Ok | Refused
Event = Status | BlockMoved | ProblemRaised
