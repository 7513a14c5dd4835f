"""The short way of small native messages with nothing unusual about them: most of all messages.

It decides nothing of its own. Whatever is not plainly in order (a new name, a word, a quality, a
unit, a fault of any kind) is left to the way that knows all of it, and both come to the same.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from lamplighter.domain.field_message import OBSERVATIONS, RawMessage, is_plain_name
from lamplighter.domain.observation import MAX_EPOCH, MessageRecord
from lamplighter.pipeline.careful import storable
from lamplighter.pipeline.columns import Columns
from lamplighter.pipeline.native import hash64
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.sequence import SequenceBook

MOST_BYTES: Final = 2_000
"""larger messages are faster as arrays"""
TOPICS: Final = 20_000
_WHOLE: Final = float(2**63)
_LONG: Final = 2**63


class _Plain(Struct, forbid_unknown_fields=True, gc=False):
    epoch: int
    seq: int
    points: list[tuple[str, int, float]]


_decode = msgspec.json.Decoder(_Plain).decode


class PlainWay:
    """Belongs to the pipeline and its thread."""

    def __init__(self, registry: Registry, book: SequenceBook, feeds: dict[int, str]) -> None:
        """`feeds`: source id -> the feed that brought it last, kept up to date here."""
        self._registry = registry
        self._book = book
        self._feeds = feeds
        self._sources: dict[str | bytes, int] = {}
        self._run: tuple[int, int] | None = None
        """(source, epoch) of messages in a row that the book has not been told yet"""
        self._first = self._last = self._first_ms = self._last_ms = self._now = 0

    def take(self, message: RawMessage, columns: Columns) -> bool:
        """Put the message into the columns; False with nothing done when it is not plain."""
        payload = message.payload
        if len(payload) > MOST_BYTES or message.size >= 0:
            return False
        if message.fault is not None or message.units is not None:
            return False
        source = self._sources.get(message.topic, -1)
        if source < 0 and (source := self._known(message.topic)) < 0:
            return False
        if b"\\" in payload or payload.count(b'"epoch"') != 1:
            return False
        if payload.count(b'"seq"') != 1 or payload.count(b'"points"') != 1:
            return False
        try:
            plain = _decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False
        epoch, seq = plain.epoch, plain.seq
        if not (0 <= epoch < MAX_EPOCH and 0 <= seq < MAX_EPOCH):
            return False
        table = self._registry.numbers(source)
        ids, times, values = [], [], []
        for name, time, value in plain.points:
            number = table.get(name, -1)
            if number < 0 or not (-_WHOLE < value < _WHOLE and -_LONG <= time < _LONG):
                return False
            ids.append(number)
            times.append(time)
            values.append(value)
        record = MessageRecord(
            source, epoch, seq, hash64(payload), message.received_ms, len(ids), message.token
        )
        columns.add_plain(record, ids, times, values)
        self._feeds[source] = message.feed
        self._saw(source, epoch, seq, message.arrived_ms, times)
        return True

    def settle(self) -> None:
        """Tell the book what was taken; before anything else is told to it or asked of it."""
        run, self._run = self._run, None
        if run is not None:
            self._book.saw_run(
                *run, self._first, self._last, self._now, self._first_ms, self._last_ms
            )

    def _saw(self, source: int, epoch: int, seq: int, now: int, times: list[int]) -> None:
        if self._run != (source, epoch) or seq != self._last + 1:
            self.settle()
            self._run, self._first = (source, epoch), seq
            self._first_ms = times[0] if times else 0
        self._last, self._now = seq, now
        self._last_ms = times[-1] if times else 0

    def _known(self, topic: str | bytes) -> int:
        """The source of a topic of observations, remembered; -1 for one that is not known yet."""
        if isinstance(topic, bytes) or not topic.startswith(OBSERVATIONS):
            return -1
        name = topic[len(OBSERVATIONS) :]
        source = self._registry.known_source(name)
        if source is None or not is_plain_name(name) or storable(name)[1]:
            return -1
        if len(self._sources) >= TOPICS:
            self._sources.clear()
        self._sources[topic] = source
        return source
