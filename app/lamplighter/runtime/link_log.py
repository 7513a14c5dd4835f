"""A line in the log when a feed is lost or refused and when it is back, for who has no window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import structlog

from lamplighter.domain.wire import FeedState

log = structlog.get_logger(__name__)
TROUBLE: Final = ("lost", "silent", "refused")


class LinkLog:
    """Remembers the last state of each feed."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def look(self, feeds: Iterable[FeedState]) -> None:
        """Tell what changed since the last look."""
        for feed in feeds:
            before = self._last.get(feed.id, "")
            if feed.state == before or feed.state == "connecting":
                continue
            self._last[feed.id] = feed.state
            if feed.state in TROUBLE:
                log.warning("feed", feed=feed.id, state=feed.state, why=feed.detail)
            elif before in TROUBLE:
                log.info("feed", feed=feed.id, state=feed.state)
