"""The one currency of the data path: columnar points with the messages that brought them.

A message is the unit of idempotence, named by (source, epoch, seq). A point is named by its
message and its place in it. Value, time and quality never travel apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ByteArray = npt.NDArray[np.uint8]

MAX_MESSAGE_BYTES: Final = 1_000_000
MAX_EPOCH: Final = 2**53


@dataclass(frozen=True, slots=True)
class PointColumns:
    """n points as equally long columns.

    `message` is the index of the point's message in the batch, `place` its place in that message
    (0-based, counted before anything was set aside).
    """

    datastream: IntArray
    time_ms: LongArray
    value: FloatArray
    quality: ByteArray
    message: IntArray
    place: IntArray

    def __len__(self) -> int:
        return int(self.datastream.shape[0])

    @staticmethod
    def empty() -> PointColumns:
        return PointColumns(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.float64),
            np.empty(0, np.uint8),
            np.empty(0, np.int32),
            np.empty(0, np.int32),
        )

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> PointColumns:
        """The same columns for a choice of rows (index or mask)."""
        return PointColumns(
            self.datastream[rows],
            self.time_ms[rows],
            self.value[rows],
            self.quality[rows],
            self.message[rows],
            self.place[rows],
        )

    @staticmethod
    def join(parts: Sequence[PointColumns], message_offsets: Iterable[int]) -> PointColumns:
        """Parts one after the other; each part's message index is moved by its offset."""
        if not parts:
            return PointColumns.empty()
        moved = [p.message + np.int32(o) for p, o in zip(parts, message_offsets, strict=True)]
        return PointColumns(
            np.concatenate([p.datastream for p in parts]),
            np.concatenate([p.time_ms for p in parts]),
            np.concatenate([p.value for p in parts]),
            np.concatenate([p.quality for p in parts]),
            np.concatenate(moved).astype(np.int32, copy=False),
            np.concatenate([p.place for p in parts]),
        )


class MessageRecord(Struct, frozen=True, gc=False):
    """One received message: its key, the hash of its body (BLAKE2b, 8 bytes) and its arrival."""

    source: int
    epoch: int
    seq: int
    hash64: int
    received_ms: int
    points: int
    """points it carried, those set aside included"""
    token: int = -1
    """the receiver's ticket for acknowledging it after the commit; not stored"""


class Origin(Struct, frozen=True):
    """Where a message was first recorded, when that was another console's store."""

    store: str
    batch: int
    """number of that store's batch"""
    wall_ms: int
    """wall time of that batch"""


class Account(Struct, frozen=True):
    """Conservation per source, in points; an undecodable message counts as one point.

    received = stored + duplicate + quarantined + refused + waiting
    """

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    refused: int = 0

    def plus(self, other: Account) -> Account:
        return Account(
            self.received + other.received,
            self.stored + other.stored,
            self.duplicate + other.duplicate,
            self.quarantined + other.quarantined,
            self.refused + other.refused,
        )

    @property
    def waiting(self) -> int:
        return self.received - self.stored - self.duplicate - self.quarantined - self.refused


class Quarantined(Struct, frozen=True):
    """Something that was received and set aside, whole and with its reason."""

    source: int
    """-1 when the sender is not known"""
    topic: str
    received_ms: int
    code: str
    reason: str
    body: bytes
    points: int = 1
    token: int = -1
    """the ticket of the message it came in; points set aside from a message whose other points
    are stored carry that message's ticket, which is how the store knows they belong together"""


class Retried(Struct, frozen=True):
    """A row of the quarantine that is stored now and leaves it in the same transaction."""

    number: int
    source: int
    points: int


class Gap(Struct, frozen=True):
    """Messages of a source that were sent and never came: seq `first`..`last`, both included."""

    source: int
    epoch: int
    first: int
    last: int
    found_ms: int
    after_ms: int
    """phenomenon time of the last point before the hole, 0 when not known"""
    before_ms: int
    """phenomenon time of the first point after it, 0 when not known"""
    state: str = "open"
    """open | asked | filled | lost"""


class SourceLife(Struct, frozen=True):
    """What a source last said about itself (its announcement or last will)."""

    source: int
    epoch: int
    first_seq: int = 0
    next_seq: int = 0
    heartbeat_s: float = 0.0
    retains: bool = False
    offline: bool = False
    heard_ms: int = 0
    period_s: float = 0.0
    """its values come this often, as it says itself; 0 = it does not say"""
    on_change: bool = False
    """it sends a value only when that changes: while it lives, its values are no older than it"""


class NewDatastream(Struct, frozen=True):
    """A datastream seen for the first time; its id was handed out by the registry."""

    id: int
    source: int
    name: str
    text: bool = False
    unit: str = ""


class NewState(Struct, frozen=True):
    """A new word of a datastream with text states and the code it is stored as."""

    datastream: int
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one commit writes. `refused` and set-aside counts are per source id."""

    messages: tuple[MessageRecord, ...]
    points: PointColumns
    quarantined: tuple[Quarantined, ...] = ()
    refused: tuple[tuple[int, int], ...] = ()
    gaps: tuple[Gap, ...] = ()
    lives: tuple[SourceLife, ...] = ()
    new_sources: tuple[tuple[int, str], ...] = ()
    new_datastreams: tuple[NewDatastream, ...] = ()
    new_states: tuple[NewState, ...] = ()
    refused_tokens: tuple[int, ...] = ()
    origins: tuple[Origin, ...] = ()
    """one per message when they were recorded elsewhere first, else empty"""
    retried: tuple[Retried, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (
            self.messages
            or self.quarantined
            or self.refused
            or self.gaps
            or self.lives
            or self.new_datastreams
            or self.new_sources
        )


@dataclass(frozen=True, slots=True)
class Committed:
    """What the store made of a batch: its number and what is left of it without duplicates."""

    number: int
    wall_ms: int
    points: PointColumns
    messages: tuple[MessageRecord, ...]
    """the stored messages; `points.message` indexes into these"""
    accounts: tuple[tuple[int, Account], ...]
    """what this batch added, per source id"""
    tokens: tuple[int, ...]
    """every ticket this commit settles: stored, duplicate, set aside and refused alike"""
    conflicts: tuple[Quarantined, ...] = ()
    """same key, other body: the second one, set aside by the store"""
