"""What is wrong with a feed is shown in the window: once, when it lasts, and that it is over.

A link that breaks and is back in a moment is no news; a refusal or a certificate that ends is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lamplighter.domain.problems import Problem
from lamplighter.sources import Feed

LASTS_MS: Final = 5_000
TellProblem = Callable[[Problem], None]


class FeedNotices:
    """Looks at the feeds' problems once a second; belongs to that thread."""

    def __init__(self, tell: TellProblem, over: TellProblem) -> None:
        self._tell = tell
        self._over = over
        self._seen: dict[str, tuple[str, int]] = {}
        """feed -> (code of its problem, since when)"""
        self._told: dict[str, Problem] = {}

    def look(self, feeds: Iterable[Feed], now: int) -> None:
        """`now`: monotonic ms."""
        problems = {feed.id: feed.problem for feed in feeds}
        for feed, found in problems.items():
            told = self._told.get(feed)
            if found is None:
                self._seen.pop(feed, None)
            elif self._seen.get(feed, ("", 0))[0] != found.code:
                self._seen[feed] = (found.code, now)
            if told is not None and (found is None or found.code != told.code):
                self._over(self._told.pop(feed))
                told = None
            if found is not None and told is None and now - self._seen[feed][1] >= LASTS_MS:
                self._told[feed] = found
                self._tell(found)
        for feed in self._told.keys() - problems.keys():
            self._over(self._told.pop(feed))
