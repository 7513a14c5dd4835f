"""Reads foreign JSON through a mapping, and gives its messages the key they lack.

Such messages carry no epoch and no seq: each source gets a random epoch per start of the recorder
and counts what it receives. A message that comes twice is told by its content: always when it
carries its own time, and when the broker marks it as sent again. That holds while the recorder
runs. What was stored but not yet acknowledged at the moment of a crash is delivered again under
the next epoch and stored twice, and what was lost on the way cannot be seen: only native messages
promise more.
"""

from __future__ import annotations

import math
import random
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.pipeline.careful import (
    MAX_NAME,
    Fault,
    PointFault,
    Salvaged,
    is_integer,
    plain_json,
    read_time,
    storable,
    value_fault,
)
from lamplighter.pipeline.mapping import EVERY_FIELD, Mapping, Path, ValueRule, fill, holes
from lamplighter.pipeline.senml import read_senml
from lamplighter.pipeline.tables import parse_as

OUR_TIME: Final = -1
"""stands in a column of times for: the time we received it"""
REMEMBERED: Final = 20_000
"""contents of one source that are remembered, to tell what comes twice"""
REMEMBERED_IN_ALL: Final = 300_000
"""of all sources together: a city has thousands of them, and months to fill this"""
_SOON_MS: Final = 1_800_000
_AHEAD_MS: Final = 60_000
"""how late, and how early by its clock, what is sent live may come"""
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOST_RECORDS: Final = 100_000


@dataclass(slots=True)
class Reading:
    """What a mapping found in one message."""

    saved: Salvaged
    units: list[str] = field(default_factory=list)
    own_time: bool = True
    """every point carried its own time"""
    received_ms: int = 0
    """when it came, UTC; 0 = not known"""


@dataclass(slots=True)
class Keys:
    """Hands out (epoch, seq) for the messages of one source without any."""

    epoch: int = field(default_factory=lambda: random.randrange(MAX_EPOCH))
    next_seq: int = 0
    recent: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def key(self, content: int, *, tell_by_content: bool, sources: int = 1) -> int:
        """The seq for a message with this content hash; an old one when it came before.

        `sources`: among how many the memory is shared out.
        """
        known = self.recent.get(content)
        if known is not None and tell_by_content:
            return known
        seq = self.next_seq
        self.next_seq += 1
        self.recent[content] = seq
        most = min(REMEMBERED, REMEMBERED_IN_ALL // sources)
        while len(self.recent) > most:
            self.recent.popitem(last=False)
        return seq


def read(
    mapping: Mapping, captures: tuple[str, ...], payload: bytes, received_ms: int = 0
) -> Reading | Fault:
    """All points the mapping finds. `received_ms`: for times that are relative to now. Never
    raises."""
    if mapping.format == "senml":
        pack = read_senml(payload, received_ms)
        return pack if isinstance(pack, Fault) else Reading(pack.saved, pack.units, pack.own_time)
    tree = parse_as(mapping, payload)
    if isinstance(tree, Fault):
        return tree
    names = {str(at): text for at, text in enumerate(captures, 1)}
    return read_tree(mapping, names, tree, received_ms)


def read_tree(mapping: Mapping, base: dict[str, str], tree: Any, received_ms: int = 0) -> Reading:
    """All points in what was parsed; `base` fills the holes of names. `received_ms` tells which
    of two is meant where a local time happens twice. Never raises.
    """
    reading = Reading(Salvaged(0, 0, 0), received_ms=received_ms)
    for count, (record, key) in enumerate(_records(tree, mapping.records, ())):
        if count >= _MOST_RECORDS:
            what = f"more than {_MOST_RECORDS:,} records; the rest was not read"
            place = reading.saved.points
            reading.saved.points += 1
            reading.saved.faults.append(PointFault("D-113", mapping.name, what, place, b""))
            break
        for rule in mapping.values:
            _apply(reading, mapping, rule, record, {**base, **key})
    return reading


def _records(tree: Any, steps: Path, key: tuple[str, ...]) -> Iterator[tuple[Any, dict[str, str]]]:
    if not steps:
        yield tree, ({"key": key[-1]} if key else {})
        return
    step, rest = steps[0], steps[1:]
    if step == "[]":
        for item in tree if isinstance(tree, list) else ():
            yield from _records(item, rest, key)
    elif step == "*":
        for name, item in tree.items() if isinstance(tree, dict) else ():
            yield from _records(item, rest, (*key, name))
    else:
        found, item = at(tree, (step,))
        if found:
            yield from _records(item, rest, key)


def at(tree: Any, path: Path) -> tuple[bool, Any]:
    """(found, value) at a path; a number steps into a list."""
    for step in path:
        if isinstance(tree, dict) and step in tree:
            tree = tree[step]
        elif isinstance(tree, list) and step.isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return False, None
    return True, tree


def _apply(
    reading: Reading, mapping: Mapping, rule: ValueRule, record: Any, names: dict[str, str]
) -> None:
    if rule.value != EVERY_FIELD:
        found, value = at(record, rule.value)
        if found:
            _point(reading, mapping, rule, record, value, names)
        return
    skip = {path[0] for path in (rule.time, mapping.quality) if path}
    for name, value in record.items() if isinstance(record, dict) else ():
        if name not in skip and not isinstance(value, dict | list):
            _point(reading, mapping, rule, record, value, {**names, "field": name})


def _point(
    reading: Reading,
    mapping: Mapping,
    rule: ValueRule,
    record: Any,
    value: Any,
    names: dict[str, str],
) -> None:
    for hole in holes(rule.datastream):
        if hole not in names:
            found, text = at(record, tuple(hole.split(".")))
            if found and isinstance(text, str | int) and not isinstance(text, bool):
                names = {**names, hole: str(text)}
    name = fill(rule.datastream, names)
    if name is None:
        return  # the record has no such name: it is another kind of record
    saved = reading.saved
    place = saved.points
    saved.points += 1
    name, changed = storable(name)
    bad = value_fault(value) if not isinstance(value, bool) else None
    if not name or len(name) > MAX_NAME:
        bad = ("D-113", "a point without a usable name")
    if bad is not None:
        saved.faults.append(PointFault(bad[0], name or "?", bad[1], place, plain_json(value)))
        return
    time = _time(reading, rule, record)
    if time is None:
        saved.clock_unreadable.append(len(saved.names))
    saved.replaced = saved.replaced or changed
    saved.names.append(name)
    saved.times.append(time or 0)
    saved.values.append(_value(rule, value))
    saved.qualities.append(_quality(mapping, record))
    saved.places.append(place)
    reading.units.append(rule.unit)


def _value(rule: ValueRule, value: Any) -> float | str:
    if isinstance(value, str):
        if not (rule.text_numbers and _PLAIN_NUMBER.fullmatch(value.strip())):
            return storable(value)[0]
        value = float(value)
        if not math.isfinite(value):
            return str(value)
    return float(value) * rule.scale + rule.offset


def _quality(mapping: Mapping, record: Any) -> str:
    if mapping.quality is None:
        return "good"
    found, word = at(record, mapping.quality)
    text = str(word)
    if text in ("good", "uncertain", "bad") and text not in mapping.quality_words:
        return text
    return mapping.quality_words.get(text, "uncertain") if found else "uncertain"


def _time(reading: Reading, rule: ValueRule, record: Any) -> int | None:
    """UTC ms; `OUR_TIME` when the mapping names none, None when it cannot be read."""
    if rule.time is None:
        reading.own_time = False
        return OUR_TIME
    found, value = at(record, rule.time)
    time = _in_ms(value, rule.time_format, rule.zone, reading.received_ms) if found else None
    if time is None:
        reading.own_time = False
    return time


def _in_ms(value: Any, form: str, zone: tzinfo | None = None, received_ms: int = 0) -> int | None:
    if form in ("ms", "s", "us"):
        if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
            value = float(value)
        if not (is_integer(value) or isinstance(value, float)):
            return None
        return read_time({"ms": value, "s": value * 1000, "us": value / 1000}[form])
    if not isinstance(value, str):
        return None
    try:
        moment = (
            datetime.fromisoformat(value)
            if form == "iso"
            else datetime.strptime(value.strip(), form)
        )
        if moment.tzinfo is None:
            return _local(moment.replace(tzinfo=zone or UTC), received_ms)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _local(moment: datetime, received_ms: int) -> int:
    """A local time in UTC ms. Of the two it may be when clocks are set back it is the first,
    unless it came just after the second.
    """
    first = int(moment.timestamp() * 1000)
    second = int(moment.replace(fold=1).timestamp() * 1000)
    came_ms = received_ms - second
    return second if second > first and -_AHEAD_MS <= came_ms <= _SOON_MS else first
