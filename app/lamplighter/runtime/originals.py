"""The newest messages as they came, so that the payload behind a value is one question away.

Bounded in topics and bytes. Reading one out happens when a person asks, not when it arrives.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Final

import msgspec

from lamplighter.domain.field_message import OBSERVATIONS, SPARKPLUG, RawMessage
from lamplighter.pipeline import Mapping
from lamplighter.pipeline.careful import Fault
from lamplighter.pipeline.mapped import read
from lamplighter.pipeline.mapping import fill
from lamplighter.pipeline.native import decode
from lamplighter.pipeline.sparkplug_payload import read_payload

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
            rows = [m for kept in self._topics.values() for m in kept][
                ::-1
            ]  # the latest topic first
        rows.sort(key=lambda m: m.received_ms, reverse=True)
        nodes = [m for m in rows if _node(m.topic) == source]
        if nodes:
            return _of_node(nodes, name)
        for message in rows[:MOST_READ]:
            if isinstance(message.topic, str) and _holds(message, source, name, mappings):
                return message
        return None


def _node(topic: str | bytes) -> str:
    """The source a Sparkplug message is of, `group:node`; empty for other topics."""
    if not isinstance(topic, str) or not topic.startswith(SPARKPLUG):
        return ""
    parts = topic.split("/")
    return f"{parts[1]}:{parts[3]}" if len(parts) > 3 else ""


def _of_node(rows: Sequence[RawMessage], name: str) -> RawMessage | None:
    """The newest message of an edge node with this metric, by its name or by its alias, which a
    birth introduced. `rows`: the newest first.
    """
    read = [(m, str(m.topic).split("/"), read_payload(m.payload)) for m in rows[:MOST_READ]]
    found = [
        (message, "/".join(parts[4:5]), parts[2], payload.metrics)
        for message, parts, payload in read
        if not isinstance(payload, Fault)
    ]
    aliases = {
        metric.alias
        for _, device, kind, metrics in found
        if kind.endswith("BIRTH")
        for metric in metrics
        if metric.alias >= 0 and _full(device, metric.name) == name
    }
    for message, device, _, metrics in found:
        for metric in metrics:
            if metric.name and _full(device, metric.name) == name:
                return message
            if not metric.name and metric.alias in aliases:
                return message
    return None


def _full(device: str, metric: str) -> str:
    return f"{device}/{metric}" if device else metric


def as_text(message: RawMessage) -> bytes | None:
    """A Sparkplug payload as JSON, for a person; None for what is text already or not readable."""
    payload = read_payload(message.payload) if _node(message.topic) else None
    if payload is None or isinstance(payload, Fault):
        return None
    return msgspec.json.format(msgspec.json.encode(payload), indent=2)


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
