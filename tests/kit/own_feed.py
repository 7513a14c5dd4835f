"""Opens a feed that is its own source, without a recorder, and gathers what it delivers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.runtime.feeds import FeedConfig, connect

PATIENCE_S = 30.0


class Opened:
    """A started feed and its messages; use it as a context manager."""

    def __init__(
        self, url: str, mapping: str = "", *, folder: Path | None = None, feed_id: str = "feed-1",
        ack: bool = True, **more: str,
    ) -> None:  # fmt: skip
        self.got: list[RawMessage] = []
        self.problems: list[str] = []
        self._ack = ack
        config = FeedConfig(feed_id, url, mapping, **more)
        self.feed = connect(config, "test", self._take, SystemClock(), folder=folder)

    def _take(self, message: RawMessage) -> bool:
        self.got.append(message)
        return True

    def __enter__(self) -> Opened:
        self.feed.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        assert self.feed.stop(20)
        self._settle()

    def _settle(self) -> None:
        if self._ack:
            for message in list(self.got):
                self.feed.ack(message.token)

    def until(self, what: Callable[[Opened], object]) -> None:
        """Waits until it is so; fails with what the feed says when it does not become so."""
        end = time.monotonic() + PATIENCE_S
        while not what(self):
            found = str(self.feed.problem)
            if not self.problems or self.problems[-1] != found:
                self.problems.append(found)
            assert time.monotonic() < end, f"{self.feed.state}: {self.problems}"
            self._settle()
            time.sleep(0.01)
        self._settle()

    @property
    def points(self) -> list[list[Any]]:
        """All points delivered: [name, time, value] or with a quality."""
        found: list[list[Any]] = []
        for message in list(self.got):
            if "/obs/" in str(message.topic) and message.fault is None:
                found += json.loads(message.payload)["points"]
        return found

    def values(self, name: str) -> list[Any]:
        """The values of one datastream in the order they came."""
        return [p[2] for p in self.points if p[0] == name]

    @property
    def newest(self) -> dict[str, Any]:
        return {p[0]: p[2] for p in self.points}

    @property
    def aside(self) -> list[tuple[bytes, tuple[str, str]]]:
        """What it could not read, with the reason."""
        return [(m.payload, m.fault) for m in list(self.got) if m.fault is not None]

    @property
    def units(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for message in list(self.got):
            found.update(message.units or {})
        return found

    @property
    def announcements(self) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in list(self.got) if "/src/" in str(m.topic)]
