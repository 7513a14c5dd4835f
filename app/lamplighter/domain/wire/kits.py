"""Field kits: taken, looked into and merged beside a running recorder."""

from __future__ import annotations

from lamplighter.domain.kit import KitReport, KitState, KitWanted
from lamplighter.domain.problems import Problem
from lamplighter.domain.wire.message import Message


class TakeKit(Message, frozen=True):
    """Make a field kit; a task, ended by a `KitDone` event."""

    file: str
    wanted: KitWanted
    passphrase: str = ""


class MergeKit(Message, frozen=True):
    """Merge a field kit that came back; a task, ended by a `KitDone` event."""

    file: str
    passphrase: str = ""
    trust: str = ""
    """the signer's key, from its beginning on, as a person compared it"""


class SendKit(Message, frozen=True):
    """Bring what was done here over the network; a task, ended by a `KitDone` event."""

    where: str
    """HOST:PORT or the address of a broker"""
    code: str


class PreviewKit(Message, frozen=True):
    """What such a kit would hold, before it is made; answered with `KitPreview`."""

    wanted: KitWanted


class KitPreview(Message, frozen=True):
    scope: str
    counts: dict[str, int]
    bytes: int
    """of the files; points and facts come to it"""


class KitDone(Message, frozen=True):
    """How it ended; one of the two is there."""

    task: int
    report: KitReport | None = None
    problem: Problem | None = None


class GetKitState(Message, frozen=True):
    """Whether this project was begun from a kit, and what waits to go back."""


class KitIs(Message, frozen=True):
    state: KitState


Request = TakeKit | MergeKit | SendKit | PreviewKit | GetKitState
Reply = KitPreview | KitIs
Event = KitDone
