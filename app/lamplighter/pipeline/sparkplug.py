"""Sparkplug messages on their way through the pipeline: the state machine's word made into points.

What is decided here: a birth's epoch and the counted-on sequence are the message's key; what has no
place in a sequence (a stranger's data) is counted by us, as mapped messages are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import numpy as np

from lamplighter.domain.field_message import LINK_BEGINS, RawMessage, ResendRequest
from lamplighter.domain.observation import Gap, SourceLife
from lamplighter.pipeline.aside import Aside, Notices
from lamplighter.pipeline.careful import Fault, storable
from lamplighter.pipeline.mapped import Keys
from lamplighter.pipeline.native import Decoded, hash64
from lamplighter.pipeline.registry import Registry
from lamplighter.pipeline.sparkplug_host import SparkplugHost, Taken, read_topic
from lamplighter.pipeline.sparkplug_payload import read_payload

BEAT_S: Final = 4.0
"""promised to freshness: while the link lives each node is heard of this often"""


class Keep(Protocol):
    """Puts a decoded message into the batch."""

    def __call__(
        self,
        message: RawMessage,
        source: int,
        name: str,
        found: Decoded,
        *,
        units: dict[str, str],
        counted: bool,
    ) -> None: ...


class SparkplugDoor:
    """Belongs to one pipeline and its thread."""

    def __init__(
        self,
        registry: Registry,
        aside: Aside,
        notices: Notices,
        *,
        source_of: Callable[[RawMessage, str], int | None],
        live: Callable[[SourceLife, int], None],
    ) -> None:
        self._registry = registry
        self._aside = aside
        self._notices = notices
        self._source_of = source_of
        self._live = live
        self._host = SparkplugHost()
        self._keys: dict[int, Keys] = {}
        self._feed_of: dict[str, str] = {}

    def message(self, message: RawMessage, topic: str, keep: Keep) -> None:
        """One message on a Sparkplug topic."""
        at = read_topic(topic)
        if at is None:
            self._aside.message(message, -1, Fault("D-113", "no topic of Sparkplug data"))
            return
        name = storable(at.source)[0]
        source = self._source_of(message, name)
        if source is None or self._aside.too_large(message, source, name):
            return
        payload = read_payload(message.payload)
        content = hash64(topic.encode() + b"\x00" + message.payload)
        taken: Taken | Fault = payload if isinstance(payload, Fault) else self._host.take(
            at, payload, content, message.feed
        )  # fmt: skip
        if isinstance(taken, Fault):
            self._aside.message(message, source, taken)
            return
        self._feed_of[name] = message.feed
        if taken.stranger:
            self._notices.add("D-112", name, name=name)
        if taken.life:
            self._tell(name, source, message, offline=taken.life == "offline")
        if taken.void or (taken.life == "offline" and not taken.carried):
            self._aside.settle(message.token)
            return
        counted = taken.epoch >= 0
        if not counted:
            keys = self._keys.setdefault(source, Keys())
            taken.epoch = keys.epoch
            taken.seq = keys.key(content, tell_by_content=message.again, sources=len(self._keys))
        found = _decoded(taken, message.received_ms)
        keep(message, source, name, found, units=taken.units, counted=counted)

    def link(self, message: RawMessage) -> None:
        """A sign of life of a feed's link: its nodes are heard of, or all are strangers again."""
        if message.topic == LINK_BEGINS:
            self._host.link_begins(message.feed)
        else:
            for name, epoch, first, following in self._host.online(message.feed):
                source = self._registry.known_source(name)
                if source is not None:
                    life = _life(source, epoch, first, following, message.received_ms)
                    self._live(life, message.arrived_ms)
        self._aside.settle(message.token)

    def gaps(self, gaps: Iterable[Gap]) -> None:
        """Gaps the sequence shows: their nodes are asked for a birth."""
        for gap in gaps:
            if gap.state == "open":
                self._host.missed(self._registry.source_name(gap.source), gap.epoch)

    def due(self, now: int) -> list[ResendRequest]:
        """Births to ask for now: requests without a range."""
        return [
            ResendRequest(self._feed_of.get(name, ""), name, 0, 0, 0)
            for name in self._host.due(now)
        ]

    def _tell(self, name: str, source: int, message: RawMessage, *, offline: bool) -> None:
        epoch, first, following = self._host.session(name) or (0, 0, 0)
        life = _life(source, epoch, first, following, message.received_ms, offline=offline)
        self._live(life, message.arrived_ms)


def _life(
    source: int, epoch: int, first: int, following: int, heard_ms: int, *, offline: bool = False
) -> SourceLife:
    return SourceLife(
        source, epoch, first, following, BEAT_S, False, offline, heard_ms, on_change=True
    )


def _decoded(taken: Taken, received_ms: int) -> Decoded:
    values = [v.value for v in taken.values]
    plain = [v for v in values if isinstance(v, float)]
    return Decoded(
        taken.epoch,
        taken.seq,
        tuple(v.name for v in taken.values),
        np.array([v.time_ms or received_ms for v in taken.values], np.int64),
        np.array(plain, np.float64) if len(plain) == len(values) else values,
        None,
        tuple(v.place for v in taken.values),
        taken.carried,
        taken.faults,
        marks=np.array([v.quality for v in taken.values], np.uint8),
    )
