"""The host side of Sparkplug B as a state machine: births, deaths, aliases, sequence, rebirth.

Each edge node is one source, its devices' metrics are named `device/metric`. A birth begins an
epoch; within it the eight-bit sequence is counted on, so a message has a key and a lost one leaves
a hole. What the protocol cannot show stays hidden here too: a loss of exactly 256 messages (or a
multiple), what was sent last before a new birth, and that a birth overtook a message unless its
number tells. Nothing waits for order: each message is taken as it comes, and only if what was
overtaken stays away for a moment is it missing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.domain.quality import Quality, QualityMark
from lamplighter.pipeline.careful import Fault, PointFault, plain_json
from lamplighter.pipeline.sparkplug_payload import Metric, Payload, signed

FIRST_WAIT_MS: Final = 5_000
LAST_WAIT_MS: Final = 60_000
BIRTHS: Final = frozenset({"NBIRTH", "DBIRTH"})
OF_DEVICES: Final = frozenset({"DBIRTH", "DDEATH", "DDATA"})
KINDS: Final = frozenset({"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"})
_LATE: Final = 64
"""messages by which one may be overtaken"""
_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message comes from."""

    kind: str
    group: str
    node: str
    device: str = ""

    @property
    def source(self) -> str:
        """The edge node's name as a source: `group:node`."""
        return f"{self.group}:{self.node}"


@dataclass(frozen=True, slots=True)
class Value:
    """One point of a message."""

    name: str
    time_ms: int
    """0: the message does not say"""
    value: float | str
    quality: int
    place: int


@dataclass(slots=True)
class Taken:
    """What a message means. `epoch` is -1 when it has no place in a sequence."""

    epoch: int = -1
    seq: int = -1
    carried: int = 0
    """metrics it carried, those with a fault included"""
    values: list[Value] = field(default_factory=list)
    faults: list[PointFault] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    life: str = ""
    """online | offline | empty: nothing new"""
    stranger: bool = False
    """it comes from somebody who has not introduced himself, or not all his metrics"""
    void: bool = False
    """it changes nothing: a will of an earlier session"""


@dataclass(slots=True)
class _Known:
    """One metric as its birth introduced it."""

    name: str
    device: str
    datatype: int
    value: float | str | None = None


@dataclass(slots=True)
class _Session:
    """From one birth of a node to the next."""

    epoch: int
    floor: int
    end: int
    """one past the highest sequence number, counted on beyond 255"""
    death: int | None
    """bdSeq of its will"""
    born: int
    """hash of the birth"""
    hashes: dict[int, int] = field(default_factory=dict)
    aliases: dict[int, _Known] = field(default_factory=dict)
    metrics: dict[str, _Known] = field(default_factory=dict)
    devices: dict[str, bool] = field(default_factory=dict)

    def number(self, seq: int, content: int) -> int:
        """The whole number of an eight-bit one: the one that is due, one that came before with
        this content, one that is missing and not far behind, else the next one with these bits."""
        ahead = (seq - self.end) % 256
        number = self.end + ahead
        behind = number - 256
        if ahead == 0:
            return number
        known = self.hashes.get(behind)
        if known == content or (known is None and self.end - behind <= _LATE):
            return behind
        return number

    def saw(self, number: int, content: int) -> None:
        self.hashes[number] = content
        if number >= self.end:
            self.end = number + 1
            for old in [n for n in self.hashes if n < self.end - _REMEMBERED]:
                del self.hashes[old]


@dataclass(slots=True)
class _Node:
    session: _Session | None = None
    before: _Session | None = None
    """the session until the newest birth, for what was overtaken by it"""
    online: bool = False
    wanted: bool = False
    """it should introduce itself again"""
    ask_at_ms: int = 0
    wait_ms: int = FIRST_WAIT_MS


def read_topic(topic: str) -> Address | None:
    """`spBv1.0/group/KIND/node[/device]`; None for anything else."""
    parts = topic.split("/")
    if not 4 <= len(parts) <= 5 or parts[2] not in KINDS or not all(parts):
        return None
    if (len(parts) == 5) != (parts[2] in OF_DEVICES):
        return None
    return Address(parts[2], parts[1], parts[3], parts[4] if len(parts) == 5 else "")


class SparkplugHost:
    """All edge nodes of all feeds, by source name. Pure: it is told the time."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._feeds: dict[str, set[str]] = {}

    # ---------------------------------------------------------------- messages
    def take(self, at: Address, payload: Payload, content: int, feed: str) -> Taken | Fault:
        """One message. `content` is the hash of its body. Never raises on a payload."""
        node = self._nodes.setdefault(at.source, _Node())
        self._feeds.setdefault(feed, set()).add(at.source)
        if at.kind == "NBIRTH":
            return self._node_birth(node, at, payload, content)
        if at.kind == "NDEATH":
            return self._node_death(node, payload)
        session, number = self._place(node, payload.seq, content)
        if at.kind == "DDEATH":
            return self._device_death(session, number, at, payload, content)
        if payload.seq < 0:
            return Fault("D-113", "it has no sequence number")
        if session is None or (at.kind == "DDATA" and not session.devices.get(at.device)):
            return self._stranger(node, session, number, at, payload, content)
        session.saw(number, content)
        if at.kind == "DBIRTH":
            session.devices[at.device] = True
        taken = Taken(session.epoch, number)
        self._read(taken, session, at, payload)
        node.wanted = node.wanted or taken.stranger
        return taken

    def _node_birth(
        self, node: _Node, at: Address, payload: Payload, content: int
    ) -> Taken | Fault:
        if payload.seq < 0:
            return Fault("D-113", "a birth without a sequence number")
        old = node.session
        death = payload.number("bdSeq")
        epoch = _epoch(payload, death)
        if old is not None and epoch == old.epoch and content != old.born:
            epoch += 1
        if old is None or epoch != old.epoch:
            node.before = old
            node.session = _Session(epoch, payload.seq, payload.seq + 1, death, content)
        session = node.session
        assert session is not None
        session.saw(payload.seq, content)
        node.online, node.wanted = True, False
        taken = Taken(session.epoch, payload.seq, life="online")
        self._read(taken, session, at, payload)
        return taken

    def _node_death(self, node: _Node, payload: Payload) -> Taken:
        death, session = payload.number("bdSeq"), node.session
        current = session.death if session is not None else None
        if death is not None and current is not None and death != current:
            return Taken(void=True)
        if session is not None:
            session.devices.clear()
        node.online = False
        return Taken(life="offline")

    def _device_death(
        self,
        session: _Session | None,
        number: int,
        at: Address,
        payload: Payload,
        content: int,
    ) -> Taken:
        """Every metric of the device keeps its value and becomes stale at that time."""
        if session is None:
            return Taken(void=True)
        taken = Taken()
        if payload.seq >= 0:
            session.saw(number, content)
            taken.epoch, taken.seq = session.epoch, number
        session.devices[at.device] = False
        for name, known in session.metrics.items():
            if known.device == at.device and known.value is not None:
                place = len(taken.values)
                stale = int(Quality.STALE)
                taken.values.append(Value(name, payload.time_ms, known.value, stale, place))
        taken.carried = len(taken.values)
        return taken

    def _stranger(
        self,
        node: _Node,
        session: _Session | None,
        number: int,
        at: Address,
        payload: Payload,
        content: int,
    ) -> Taken:
        """Data without a birth: what has a name is kept, and a birth is asked for."""
        node.wanted = True
        taken = Taken(stranger=True)
        if session is not None:
            session.saw(number, content)
            taken.epoch, taken.seq = session.epoch, number
        self._read(taken, _Session(-1, 0, 0, None, 0), at, payload)
        return taken

    def _place(self, node: _Node, seq: int, content: int) -> tuple[_Session | None, int]:
        """The session a message belongs to and its whole number there."""
        session = node.session
        if session is None or seq < 0:
            return session, -1
        number = session.number(seq, content)
        if number >= session.floor:
            return session, number
        if node.before is not None:
            return node.before, node.before.number(seq, content)
        return None, -1

    def _read(self, taken: Taken, session: _Session, at: Address, payload: Payload) -> None:
        birth = at.kind in BIRTHS
        for place, metric in enumerate(payload.metrics):
            if _is_control(metric.name):
                continue
            taken.carried += 1
            known = self._known(session, at, metric, birth)
            if known is None:
                taken.faults.append(_fault("D-113", metric, "an alias nobody introduced", place))
                taken.stranger = True
                continue
            if metric.unit:
                taken.units[known.name] = metric.unit
            if metric.odd:
                taken.faults.append(_fault("D-113", metric, metric.odd, place, known.name))
                continue
            value, quality = metric.value, int(metric.quality)
            if isinstance(value, int):
                value = signed(value, known.datatype)
            if value is None:
                if known.value is None:
                    taken.carried -= 1  # it is there and has no value yet
                    continue
                value, quality = known.value, int(Quality.BAD)
            if metric.historical:
                quality |= int(QualityMark.HISTORICAL)
            else:
                known.value = value
            time = metric.time_ms or payload.time_ms
            taken.values.append(Value(known.name, time, value, quality, place))

    def _known(self, session: _Session, at: Address, metric: Metric, birth: bool) -> _Known | None:
        if not metric.name:
            known = session.aliases.get(metric.alias)
            return known if known is not None and known.device == at.device else None
        name = f"{at.device}/{metric.name}" if at.device else metric.name
        known = session.metrics.get(name)
        if known is None:
            known = session.metrics[name] = _Known(name, at.device, metric.datatype)
        if birth:
            known.datatype = metric.datatype
            if metric.alias >= 0:
                session.aliases[metric.alias] = known
        return known

    # ---------------------------------------------------------------- what follows from it
    def link_begins(self, feed: str) -> None:
        """A new link: what was said while it was away is not known, so all are strangers."""
        for source in self._feeds.get(feed, ()):
            node = self._nodes[source]
            node.before, node.session = node.session or node.before, None
            node.wanted = node.wanted or node.online
            node.ask_at_ms = 0

    def online(self, feed: str) -> Iterator[tuple[str, int, int, int]]:
        """(source, epoch, first, next) of every node of this feed that is introduced and lives."""
        for source in self._feeds.get(feed, ()):
            node = self._nodes[source]
            if node.online and node.session is not None:
                yield source, node.session.epoch, node.session.floor, node.session.end

    def session(self, source: str) -> tuple[int, int, int] | None:
        """(epoch, first, next) of a node's session."""
        node = self._nodes.get(source)
        found = node.session if node is not None else None
        return (found.epoch, found.floor, found.end) if found is not None else None

    def missed(self, source: str, epoch: int) -> None:
        """Messages of that epoch are missing: the node is asked to introduce itself anew."""
        node = self._nodes.get(source)
        if node is not None and node.session is not None and node.session.epoch == epoch:
            node.wanted = True

    def due(self, now: int) -> list[str]:
        """Nodes to ask for a birth now (`now` monotonic ms); asking again waits longer."""
        found = []
        for source, node in self._nodes.items():
            if not node.wanted:
                if now >= node.ask_at_ms:
                    node.wait_ms = FIRST_WAIT_MS
                continue
            if now >= node.ask_at_ms:
                found.append(source)
                node.ask_at_ms = now + node.wait_ms
                node.wait_ms = min(2 * node.wait_ms, LAST_WAIT_MS)
        return found


def _is_control(name: str) -> bool:
    """Metrics of the protocol itself: they measure nothing."""
    return name == "bdSeq" or name.startswith(("Node Control/", "Device Control/"))


def _epoch(payload: Payload, death: int | None) -> int:
    """The same birth always begins the same epoch."""
    if payload.time_ms <= 0:
        return random.randrange(MAX_EPOCH - 1)
    return (payload.time_ms * 256 + (death or 0) % 256) % (MAX_EPOCH - 1)


def _fault(code: str, metric: Metric, what: str, place: int, name: str = "") -> PointFault:
    shown = name or metric.name or f"alias {metric.alias}"
    body = plain_json({"name": shown, "alias": metric.alias, "type": metric.datatype,
                       "time": metric.time_ms, "value": metric.value})  # fmt: skip
    return PointFault(code, shown, what, place, body)
