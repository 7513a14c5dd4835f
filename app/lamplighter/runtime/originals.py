"""The newest messages as they came, so that the payload behind a value is one question away.

Bounded in topics and bytes. Reading one out happens when a person asks, not when it arrives.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Final

from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.pipeline import Mapping
from lamplighter.pipeline.careful import Fault
from lamplighter.pipeline.mapped import read
from lamplighter.pipeline.mapping import fill
from lamplighter.pipeline.native import decode

TOPICS: Final = 4_000
EACH: Final = 3
MOST_BYTES: Final = 32_000_000
LARGEST: Final = 64_000
MOST_READ: Final = 4_000


class Originals:
    """Written by the feeds' threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: OrderedDict[tuple[str, str | bytes], deque[RawMessage]] = OrderedDict()
        self._bytes = 0

    def note(self, message: RawMessage) -> None:
        """Keep one; the topic that was silent longest goes when there is no room."""
        with self._lock:
            self._note(message)

    def note_all(self, messages: Sequence[RawMessage]) -> None:
        """Keep what would be left if each were kept: of each topic the newest ones."""
        newest: dict[tuple[str, str | bytes], list[RawMessage]] = {}
        for message in reversed(messages):
            if len(message.payload) > LARGEST:
                continue
            rows = newest.setdefault((message.feed, message.topic), [])
            if len(rows) < EACH:
                rows.append(message)
        with self._lock:
            for rows in reversed(newest.values()):
                for message in reversed(rows):
                    self._note(message)

    def _note(self, message: RawMessage) -> None:
        size = len(message.payload)
        if size > LARGEST:
            return
        key = (message.feed, message.topic)
        rows = self._topics.get(key)
        if rows is None:
            rows = self._topics[key] = deque()
        else:
            self._topics.move_to_end(key)
        rows.append(message)
        self._bytes += size
        if len(rows) > EACH:
            self._bytes -= len(rows.popleft().payload)
        while len(self._topics) > TOPICS or self._bytes > MOST_BYTES:
            _, gone = self._topics.popitem(last=False)
            self._bytes -= sum(len(m.payload) for m in gone)

    def find(self, source: str, name: str, mappings: Map[str, Mapping]) -> RawMessage | None:
        """The newest kept message that holds a value of this datastream; None for none."""
        with self._lock:
            rows = [m for kept in self._topics.values() for m in kept]
        rows.sort(key=lambda m: m.received_ms, reverse=True)
        for message in rows[:MOST_READ]:
            if isinstance(message.topic, str) and _holds(message, source, name, mappings):
                return message
        return None


def _holds(message: RawMessage, source: str, name: str, mappings: Map[str, Mapping]) -> bool:
    topic = str(message.topic)
    mapping = mappings.get(message.feed)
    if mapping is None:
        if topic != OBSERVATIONS + source:
            return False
        found = decode(message.payload)
        return not isinstance(found, Fault) and name in found.names
    captures = mapping.captures(topic)
    if captures is None:
        return False
    whole = fill(mapping.source, {str(at): text for at, text in enumerate(captures, 1)})
    if (whole or mapping.name).replace("/", "-") != source:
        return False
    reading = read(mapping, captures, message.payload)
    return not isinstance(reading, Fault) and name in reading.saved.names
