"""The one door of this room: raw messages in, a batch out; and what to ask the field again.

Pure apart from its own state (names, sequences, judgements): it knows no network and no disk, and
no payload can make it raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map
from functools import partial
from typing import Final

import numpy as np

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import (
    ANNOUNCEMENTS,
    LINK,
    OBSERVATIONS,
    RECEIPTS,
    SPARKPLUG,
    RawMessage,
    ResendRequest,
    is_plain_name,
)
from lamplighter.domain.observation import (
    Batch,
    Committed,
    Gap,
    MessageRecord,
    PointColumns,
    SourceLife,
)
from lamplighter.domain.problems import Problem
from lamplighter.domain.quality import WORDS
from lamplighter.pipeline.announcement import read_announcement
from lamplighter.pipeline.aside import Aside, Notices, shown
from lamplighter.pipeline.careful import MAX_NAME, Fault, PointFault, plain_json, storable
from lamplighter.pipeline.columns import Columns
from lamplighter.pipeline.judge import UNREADABLE_TIME, Bounds, Judge
from lamplighter.pipeline.mapped import Keys
from lamplighter.pipeline.mapped_door import MappedDoor
from lamplighter.pipeline.mapping import Mapping
from lamplighter.pipeline.native import Decoded, decode, hash64
from lamplighter.pipeline.own_units import OwnUnits
from lamplighter.pipeline.plain import PlainWay
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.sequence import EpochState, SequenceBook, with_lives
from lamplighter.pipeline.sparkplug import SparkplugDoor

_GAP_WORDS: Final = {
    "asked": "Asked the device to resend.",
    "lost": "The device cannot send them again.",
}


class Pipeline:
    """Belongs to one thread. `take` decodes; `due` says what to ask the field again."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry | None = None,
        states: Iterable[EpochState] = (),
        lives: Iterable[SourceLife] = (),
        bounds: Map[int, Bounds] | None = None,
    ) -> None:
        self._clock = clock
        self.registry = registry if registry is not None else Registry()
        lives = tuple(lives)
        self._book = SequenceBook(with_lives(states, lives))
        self._judge = Judge(bounds)
        self._notices = Notices()
        self._aside = Aside(self.registry, self._notices)
        self._lives: dict[int, SourceLife] = {life.source: life for life in lives}
        self._feeds: dict[int, str] = {}
        self._gaps: list[Gap] = []
        self._new_lives: list[SourceLife] = []
        self._receipts: list[RawMessage] = []
        self._mappings: dict[str, Mapping] = {}
        self._shared: set[str] = set()
        self._units: dict[tuple[int, str], str] = {}
        self._own_units = OwnUnits(self.registry, self._notices)
        self._retrying = False
        self._retry_keys: dict[int, Keys] = {}
        self._mapped = MappedDoor(self._aside, source_of=self._source)
        self._plain = PlainWay(self.registry, self._book, self._feeds)
        self._sparkplug = SparkplugDoor(
            self.registry, self._aside, self._notices, source_of=self._source, live=self._live
        )

    # ---------------------------------------------------------------- the door
    def take(self, messages: Sequence[RawMessage] = ()) -> Batch:
        """Decode what came. Never raises. Call it with nothing once a second to report gaps."""
        columns = Columns()
        for message in messages:
            try:
                if self._is_plain(message) and self._plain.take(message, columns):
                    continue
                self._plain.settle()
                self._one(message, columns)
            except Exception as error:  # a fault of ours must not stop the others
                self._aside.message(message, -1, Fault("D-113", f"{type(error).__name__}"))
        self._plain.settle()
        try:
            points, wrong = columns.close(self._judge)
        except Exception as error:  # nothing of it can be trusted; all of it is kept
            columns, points, wrong = Columns(), PointColumns.empty(), {}
            for message in messages:
                self._aside.message(message, -1, Fault("D-113", type(error).__name__))
        for index, off_ms in wrong.items():
            name = self.registry.source_name(columns.messages[index].source)
            self._notices.add("D-110", name, name=name, what=_duration(off_ms))
        if messages:
            self._look(messages[-1].arrived_ms)
        return self._batch(columns, points)

    def again(self, message: RawMessage) -> Batch:
        """Decode something out of quarantine, under a key of its own: its old one is taken, and
        no sequence of its source is touched.
        """
        self._aside.bodies_freed()
        self._retrying = True
        try:
            return self.take([message])
        finally:
            self._retrying = False

    def quarantine_freed(self) -> None:
        """Rows left the quarantine: there is room for bodies again."""
        self._aside.bodies_freed()

    def due(self, *, idle: bool = True) -> list[ResendRequest]:
        """What to ask the field for now; asking again waits longer each time.

        `idle`: nothing waits to be decoded, so what has not come by now is missing.
        """
        now, wall = self._clock.monotonic_ms(), self._clock.wall_ms()
        if idle:
            self._look(now)
        asked = self._book.requests(now, wall)
        self._look(now if idle else 0)
        return self._sparkplug.due(now) + [
            ResendRequest(
                self._feeds.get(source, ""), self.registry.source_name(source), epoch, first, last
            )
            for source, epoch, first, last in asked
        ]

    def settled(self, committed: Committed) -> None:
        """A batch is on disk; the seconds of conflicting messages become a notice."""
        for conflict in committed.conflicts:
            name = self.registry.source_name(conflict.source) or "?"
            self._notices.add("S-201", name, name=name, what=conflict.reason)

    def also_heard(self, messages: Iterable[MessageRecord]) -> None:
        """Messages that were recorded by another console: they fill gaps of ours."""
        keys: dict[tuple[int, int], list[int]] = {}
        for message in messages:
            keys.setdefault((message.source, message.epoch), []).append(message.seq)
        for (source, epoch), seqs in keys.items():
            self._book.filled(source, epoch, seqs, self._clock.monotonic_ms())

    def use_mapping(self, feed: str, mapping: Mapping | None) -> None:
        """Read the messages of this feed through a mapping; None: they are native again."""
        self._mapped.begins(feed)
        if mapping is None:
            self._mappings.pop(feed, None)
        else:
            self._mappings[feed] = mapping

    def use_sharing(self, feed: str, shared: bool) -> None:
        """Others get a part of this feed's messages: what is not here is no gap."""
        (self._shared.add if shared else self._shared.discard)(feed)

    def set_bounds(self, bounds: Map[int, Bounds]) -> None:
        """What is physically possible, by datastream id (from the plugins' kinds)."""
        self._judge.set_bounds(bounds)

    def set_kind_units(self, units: dict[str, dict[str, float]]) -> None:
        """Factors only a kind knows, e.g. ppb of a gas: kind -> unit -> how much of its unit."""
        self._own_units.of_kinds = units

    def set_marks(self, marks: Map[int, int]) -> None:
        """Mark all points of these datastreams from now on (e.g. in maintenance)."""
        self._judge.set_marks(marks)

    def notices(self) -> list[tuple[Problem, int]]:
        """Faults since the last call, each with how often it happened."""
        return self._notices.take()

    def receipts(self) -> list[RawMessage]:
        """Receipts of commands that came since the last call, undecoded."""
        found, self._receipts = self._receipts, []
        return found

    def forget_feed(self, feed: str) -> None:
        """A feed was removed: its mapping goes, and no source comes through it any more."""
        self.use_mapping(feed, None)
        for source in [s for s, f in self._feeds.items() if f == feed]:
            del self._feeds[source]

    def feed_of(self) -> dict[int, str]:
        """Source id -> the feed that last brought it, for the sources heard so far."""
        return self._feeds.copy()

    def life(self, source: int) -> SourceLife | None:
        """What the source last said about itself."""
        return self._lives.get(source)

    # ---------------------------------------------------------------- one message
    def _is_plain(self, message: RawMessage) -> bool:
        """Whether its feed's messages are native, all of them come here, and this is a new one."""
        feed = message.feed
        return not self._retrying and feed not in self._mappings and feed not in self._shared

    def _one(self, message: RawMessage, columns: Columns) -> None:
        topic = message.topic
        if isinstance(topic, bytes):
            self._aside.message(message, -1, Fault("D-104", "its topic is not UTF-8"))
        elif message.feed in self._mappings:
            mapping = self._mappings[message.feed]
            self._mapped.message(message, topic, mapping, partial(self._keep, columns))
        elif topic.startswith(OBSERVATIONS):
            self._native(message, topic[len(OBSERVATIONS) :], columns)
        elif topic.startswith(ANNOUNCEMENTS):
            self._announcement(message, topic[len(ANNOUNCEMENTS) :])
        elif topic.startswith(SPARKPLUG):
            self._sparkplug.message(message, topic, partial(self._keep, columns))
        elif topic.startswith(LINK):
            self._sparkplug.link(message)
        elif topic.startswith(RECEIPTS):
            self._receipts.append(message)
            self._aside.settle(message.token)
        else:
            self._aside.message(message, -1, Fault("D-113", "no mapping reads this topic"))

    def _keep(
        self,
        columns: Columns,
        message: RawMessage,
        source: int,
        name: str,
        found: Decoded,
        *,
        units: Map[str, str],
        counted: bool,
    ) -> None:
        """A message that was decoded elsewhere, with the units its protocol told."""
        for stream, unit in units.items():
            self._units[(source, stream)] = unit
        self._decoded(message, source, name, found, columns, counted=counted)
        self._units.clear()

    def _live(self, life: SourceLife, now: int) -> None:
        """A source said something about itself."""
        self._lives[life.source] = life
        self._new_lives.append(life)
        if self._feeds.get(life.source) not in self._shared:
            self._book.announced(life, now)

    def _source(self, message: RawMessage, name: str) -> int | None:
        """The id of a sender; None when it was turned away, which is then counted."""
        source = self.registry.source(name) if is_plain_name(name) else None
        if source is None:
            self._aside.refuse_message(message, -1, name, "its source cannot be taken")
            return None
        if not self._retrying:
            self._feeds[source] = message.feed
        return source

    def _native(self, message: RawMessage, name: str, columns: Columns) -> None:
        source = self._source(message, storable(name)[0])
        if source is None:
            return
        if self._aside.too_large(message, source, name):
            return
        if message.fault:
            self._aside.message(message, source, Fault(*message.fault))
            return
        decoded = decode(message.payload)
        if isinstance(decoded, Fault):
            self._unreadable(message, source, decoded, columns)
            return
        for stream, unit in (message.units or {}).items():
            self._units[(source, stream)] = unit
        self._decoded(message, source, name, decoded, columns)
        self._units.clear()

    def _unreadable(self, message: RawMessage, source: int, fault: Fault, columns: Columns) -> None:
        """Set a message aside; one whose key could be read does not count as missing."""
        self._aside.message(message, source, fault)
        if fault.epoch >= 0:
            columns.add(
                self._record(message, source, fault.epoch, fault.seq, 1),
                (),
                np.empty(0, np.int64),
                np.empty(0),
            )
            if message.feed not in self._shared:
                self._book.saw(source, fault.epoch, fault.seq, message.arrived_ms)

    def _decoded(
        self,
        message: RawMessage,
        source: int,
        name: str,
        found: Decoded,
        columns: Columns,
        *,
        counted: bool = True,
    ) -> None:
        """Into the columns. `counted`: its seq was given by the source itself."""
        if self._retrying:
            keys, counted = self._retry_keys.setdefault(source, Keys()), False
            found.epoch, found.seq = keys.epoch, keys.next_seq
            keys.next_seq += 1
        if found.clock_unreadable:
            found.times[list(found.clock_unreadable)] = UNREADABLE_TIME
        if found.replaced:
            self._notices.add("D-105", name)
        if self._units:
            self._own_units.turn(source, found, self._units)
        record = self._record(message, source, found.epoch, found.seq, found.points)
        ids = None
        if not isinstance(found.values, list):
            ids = self._known_ids(source, found.names)
        if ids is None:
            self._careful_points(message, record, found, columns)
        else:
            quality = _quality(found)
            assert not isinstance(found.values, list)
            columns.add(record, ids, found.times, found.values, quality, found.places)
        for fault in found.faults:
            self._aside.point(message, source, name, fault)
        if not counted or message.feed in self._shared:
            return
        first = last = 0
        if len(found.times):
            first, last = int(found.times[0]), int(found.times[-1])
        self._book.saw(source, found.epoch, found.seq, message.arrived_ms, first, last)

    def _known_ids(self, source: int, names: Sequence[str]) -> list[int] | None:
        table = self.registry.numbers(source)
        try:
            return [table[name] for name in names]
        except KeyError:
            return None

    def _careful_points(
        self, message: RawMessage, record: MessageRecord, found: Decoded, columns: Columns
    ) -> None:
        """Point by point: new names, words, changed types."""
        source = record.source
        rows: list[int] = []
        ids: list[int] = []
        values: list[float] = []
        refused = 0
        for row, name in enumerate(found.names):
            place = found.places[row] if found.places is not None else row
            outcome = self._place(source, name, found.values[row], place)
            if isinstance(outcome, PointFault):
                found.faults.append(outcome)
            elif outcome is None:
                refused += 1
            else:
                rows.append(row)
                ids.append(outcome[0])
                values.append(outcome[1])
        if refused:
            self._aside.refuse(source, refused)
            sender = self.registry.source_name(source)
            self._notices.add(
                "D-109",
                sender,
                topic=shown(message.topic),
                what="it names more datastreams than one source may have",
                name=sender,
            )
        quality = _quality(found)
        columns.add(
            record,
            ids,
            found.times[rows],
            np.array(values, np.float64),
            None if quality is None else quality[rows],
            [found.places[r] for r in rows] if found.places is not None else rows,
        )

    def _place(
        self, source: int, name: str, value: float | str, place: int
    ) -> tuple[int, float] | PointFault | None:
        """(datastream, stored value); a fault; or None when the name is one too many."""
        registry = self.registry
        text = isinstance(value, str)
        mine, other = registry.numbers(source), registry.texts(source)
        if text:
            mine, other = other, mine
        number = mine.get(name)
        if number is None and name in other:
            if not isinstance(value, str) and registry.accepts_code(other[name], float(value)):
                return other[name], float(value)
            change = "number → text" if text else "text → number"
            return _misfit("D-107", name, value, change, place)
        if not 0 < len(name) <= MAX_NAME or (isinstance(value, str) and len(value) > MAX_NAME):
            return _misfit("D-113", name[:40] or "?", value, "an unusable name or text", place)
        if number is None:
            unit = self._units.pop((source, name), "")
            number = registry.create(source, name, text=text, unit=unit)
            if number is None:
                return None
        if not isinstance(value, str):
            return number, float(value)
        code = registry.code(number, value)
        if code is None:
            return _misfit("D-107", name, value, "too many different words", place)
        return number, float(code)

    def _announcement(self, message: RawMessage, name: str) -> None:
        if not message.payload and is_plain_name(name):
            self._aside.settle(message.token)  # a retained announcement was deleted
            return
        source = self._source(message, storable(name)[0])
        if source is None:
            return
        life = read_announcement(
            message.payload, source, self._lives.get(source), message.received_ms
        )
        if isinstance(life, Fault):
            self._aside.message(message, source, life)
            return
        self._aside.settle(message.token)
        self._live(life, message.arrived_ms)

    # ---------------------------------------------------------------- the batch
    def _record(
        self, message: RawMessage, source: int, epoch: int, seq: int, points: int
    ) -> MessageRecord:
        return MessageRecord(
            source,
            epoch,
            seq,
            hash64(message.payload),
            message.received_ms,
            points,
            message.token,
        )

    def _look(self, now: int) -> None:
        news = self._book.look(now, self._clock.wall_ms())
        self._sparkplug.gaps(news)
        for gap in news:
            self._gaps.append(gap)
            still = _GAP_WORDS.get(gap.state)
            if still is not None:
                name = self.registry.source_name(gap.source)
                count = gap.last - gap.first + 1
                key = f"{name} {gap.epoch} {gap.first}"
                self._notices.add("D-111", key, what=count, name=name, still=still)

    def _batch(self, columns: Columns, points: PointColumns) -> Batch:
        sources, streams, words = self.registry.take_new()
        aside, refused, tokens = self._aside.take()
        gaps, self._gaps = tuple(self._gaps), []
        lives, self._new_lives = tuple(self._new_lives), []
        return Batch(
            tuple(columns.messages),
            points,
            aside,
            refused,
            gaps,
            lives,
            sources,
            streams,
            words,
            tokens,
        )


def _quality(found: Decoded) -> np.ndarray | None:
    if found.marks is not None or found.qualities is None:
        return found.marks
    return np.array([WORDS[word] for word in found.qualities], np.uint8)


def _misfit(code: str, name: str, value: float | str, what: str, place: int) -> PointFault:
    return PointFault(code, name, what, place, plain_json([name, value]))


def _duration(ms: int) -> str:
    """A long time in words, e.g. `56 years`."""
    days = abs(ms) / 86_400_000
    if days > 365_000:
        return "more than a thousand years"
    if days >= 730:
        return f"{days / 365.25:.0f} years"
    return f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours"
