"""Messages of feeds with a mapping: read through it, and numbered by us, as they bring no key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from lamplighter.domain.field_message import RawMessage
from lamplighter.pipeline.aside import Aside
from lamplighter.pipeline.careful import Fault, storable
from lamplighter.pipeline.mapped import OUR_TIME, Keys, read
from lamplighter.pipeline.mapping import Mapping, fill
from lamplighter.pipeline.native import from_salvage, hash64
from lamplighter.pipeline.sparkplug import Keep


class MappedDoor:
    """Belongs to one pipeline and its thread."""

    def __init__(self, aside: Aside, *, source_of: Callable[[RawMessage, str], int | None]) -> None:
        self._aside = aside
        self._source_of = source_of
        self._matched: set[str] = set()
        """feeds whose mapping has found a value in some message"""
        self._misses: Counter[str] = Counter()
        self._keys: dict[int, Keys] = {}

    def begins(self, feed: str) -> None:
        """The feed has another mapping, or none: whether it understands anything is open."""
        self._matched.discard(feed)
        self._misses.pop(feed, None)

    def message(self, message: RawMessage, topic: str, mapping: Mapping, keep: Keep) -> None:
        """One message of a feed that uses this mapping."""
        captures = mapping.captures(topic)
        if captures is None:
            self._unmapped(message, mapping, -1)
            return
        names = {str(at): text for at, text in enumerate(captures, 1)}
        name = storable(fill(mapping.source, names) or mapping.name)[0].replace("/", "-")
        source = self._source_of(message, name)
        if source is None or self._aside.too_large(message, source, name):
            return
        reading = read(mapping, captures, message.payload, message.received_ms)
        if isinstance(reading, Fault):
            self._aside.message(message, source, reading)
            return
        saved = reading.saved
        if not saved.points:
            self._unmapped(message, mapping, source)
            return
        self._matched.add(message.feed)
        self._misses.pop(message.feed, None)
        keys = self._keys.setdefault(source, Keys())
        again = reading.own_time or message.again
        content = hash64(topic.encode() + b"\x00" + message.payload)
        seq = keys.key(content, tell_by_content=again, sources=len(self._keys))
        saved.epoch, saved.seq = keys.epoch, seq
        found = from_salvage(saved)
        found.times[found.times == OUR_TIME] = message.received_ms
        told = zip(found.names, reading.units, strict=False)
        units = {stream: unit for stream, unit in told if unit}
        keep(message, source, name, found, units=units, counted=False)

    def _unmapped(self, message: RawMessage, mapping: Mapping, source: int) -> None:
        """Keep what the mapping did not understand; say so loudly when it never understood any."""
        if message.feed in self._matched:
            self._aside.message(message, source, Fault("D-113", "the mapping finds no value in it"))
            return
        self._misses[message.feed] += 1
        count = self._misses[message.feed]
        self._aside.message(message, source, Fault("D-114", str(count)), mapping.name)
