"""Builds raw messages by hand, as the field would send them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import ANNOUNCEMENTS, OBSERVATIONS, RawMessage

Point = tuple[Any, ...]
_tickets = itertools.count(1)


class FeedBuilder:
    """One source on one feed. Every message gets a fresh ticket and the clock's time."""

    def __init__(
        self, clock: Clock, source: str = "dev-88", *, epoch: int = 7213, feed: str = "f1"
    ) -> None:
        self.clock = clock
        self.source = source
        self.epoch = epoch
        self.feed = feed

    def body(self, seq: int, points: Iterable[Point] | None = None) -> bytes:
        """A native message; by default one point whose value is the seq."""
        rows = [list(p) for p in points] if points is not None else None
        if rows is None:
            rows = [["P-17", self.clock.wall_ms(), seq]]
        return json.dumps({"epoch": self.epoch, "seq": seq, "points": rows}).encode()

    def message(self, seq: int, points: Iterable[Point] | None = None) -> RawMessage:
        return self.raw(self.body(seq, points))

    def raw(self, payload: bytes, topic: str | bytes | None = None) -> RawMessage:
        """Any payload, on the source's own topic unless another is given."""
        return RawMessage(
            OBSERVATIONS + self.source if topic is None else topic,
            payload,
            self.clock.wall_ms(),
            next(_tickets),
            self.feed,
            self.clock.monotonic_ms(),
        )

    def announcement(
        self,
        next_seq: int,
        *,
        first_seq: int = 0,
        retains: bool = True,
        heartbeat_s: float = 2,
        **more: Any,
    ) -> RawMessage:
        says = {
            "epoch": self.epoch,
            "first_seq": first_seq,
            "next_seq": next_seq,
            "heartbeat_s": heartbeat_s,
            "retains": retains,
            **more,
        }
        return self.raw(json.dumps(says).encode(), ANNOUNCEMENTS + self.source)

    def last_will(self) -> RawMessage:
        body = json.dumps({"epoch": self.epoch, "offline": True}).encode()
        return self.raw(body, ANNOUNCEMENTS + self.source)
