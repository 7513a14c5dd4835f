"""What passes between a project's store and the historian: whole batches, names, facts.

Numbers of sources, datastreams and words are local to a store; what crosses carries names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from lamplighter.domain.city import Datastream
from lamplighter.domain.observation import (
    ByteArray,
    FloatArray,
    Gap,
    IntArray,
    LongArray,
    MessageRecord,
    Origin,
    PointColumns,
)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A committed batch as it lies in the store, with the ids of that store.

    `points.message` indexes into `messages`. `received`: it came from the historian, so it is
    not sent there again.
    """

    number: int
    wall_ms: int
    messages: tuple[MessageRecord, ...]
    points: PointColumns
    received: bool = False
    damaged: bool = False
    """its stored bytes cannot be read any more: what is left of it must not count as the whole"""


@dataclass(frozen=True, slots=True)
class StoreNames:
    """The registry of a store: source names, datastreams, and words of text states by code."""

    sources: dict[int, str]
    datastreams: dict[int, Datastream]
    words: dict[int, dict[int, str]]


class StoredFact(Struct, frozen=True):
    """One fact of the city's log; `body` is JSON, None when the fact removes."""

    n: int
    kind: str
    key: str
    batch: int
    wall_ms: int
    body: str | None
    hash: bytes = b""
    """its link of the chain over all facts"""


class Outgoing(Protocol):
    """What the exchange may read of a store."""

    store_id: str
    name: str

    def last_batch(self) -> int: ...

    def mark_of(self, batch: int) -> int:
        """A number that tells the batch from another one of the same number; 0 when there is
        none."""
        ...

    def fact_mark(self, n: int) -> int:
        """The same for a fact."""
        ...

    def batches(self, first: int, last: int, points: int) -> list[StoredBatch]:
        """Batches first..last in recorded order, ending early after about `points` points."""
        ...

    def names(self) -> StoreNames: ...

    def names_stamp(self) -> tuple[int, ...]:
        """Changes when a name is added; cheap to ask."""
        ...

    def gaps(self, first: int, last: int) -> list[Gap]:
        """Gaps that changed in these batches."""
        ...

    def facts(self, after: int, limit: int) -> list[StoredFact]:
        """Facts to be shared with n > `after`, in order."""
        ...

    def keys(self) -> dict[tuple[str, int], tuple[tuple[int, int], ...]]:
        """(source name, epoch) -> stored seq intervals, both ends included."""
        ...


class NamedStream(Struct, frozen=True):
    """A datastream by name; `text`: its values are words."""

    source: str
    name: str
    text: bool
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ReceivedPoints:
    """Points as columns of equal length; `stream` and `message` index into the two lists.

    A text datastream's `value` indexes into `words`.
    """

    stream: IntArray
    time_ms: LongArray
    value: FloatArray
    quality: ByteArray
    message: IntArray
    place: IntArray


@dataclass(frozen=True, slots=True)
class ReceivedChunk:
    """What came from elsewhere, by names, ready to be given local numbers."""

    streams: tuple[NamedStream, ...]
    words: tuple[str, ...]
    sources: tuple[str, ...]
    messages: tuple[MessageRecord, ...]
    """their `source` indexes into `sources`"""
    points: ReceivedPoints
    origins: tuple[Origin, ...] = ()
    """one per message, or none"""


class Intake(Protocol):
    """The way of a received chunk into a store."""

    def take(self, chunk: ReceivedChunk) -> int:
        """Blocks until the chunk is committed; returns the points that were new.

        Raises LamplighterError when it could not be stored.
        """
        ...


class Poison(Struct, frozen=True):
    """One record the historian refused, with the reason it gave."""

    n: int
    kind: str
    """observation | message | fact | batch"""
    batch: int
    source: str
    epoch: int
    seq: int
    place: int
    """place in its message; -1 for a whole message or a fact"""
    text: str
    """what it is, for a person"""
    reason: str
    since_ms: int


class ExchangeState(Struct, frozen=True):
    """How the exchange with the historian stands."""

    name: str
    """host and database, without user and password; empty when none is configured"""
    connected: bool = False
    waiting: int = 0
    """batches that were not acknowledged by the historian yet"""
    sent: int = 0
    received: int = 0
    receipts: int = 0
    poison: int = 0
    oldest_poison_ms: int = 0
    problem: str = ""


def spans_with(spans: Sequence[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Sorted disjoint closed intervals, with first..last added."""
    found: list[tuple[int, int]] = []
    for low, high in sorted([*spans, (first, last)]):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def spans_missing(spans: Sequence[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    """What of 1..last is in none of the sorted intervals."""
    found, at = [], 1
    for low, high in spans:
        if low > last:
            break
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    if at <= last:
        found.append((at, last))
    return found
