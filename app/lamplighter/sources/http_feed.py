"""JSON or CSV from an address that is asked again and again, read through a mapping."""

from __future__ import annotations

from typing import Final

from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 60.0
ACCEPT: Final = {"Accept": "application/json, text/csv, */*;q=0.5"}


class HttpFeed(WebFeed):
    """`http(s)://host/path?query`, asked at the mapping's `interval_s` (or `#interval=`)."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when there is no mapping or no host."""
        if wish.reader is None:
            raise bad(wish, "a page needs a mapping file (--map)")
        super().__init__(wish, interval_s=INTERVAL_S)
        self._read = wish.reader
        self._last: tuple[bytes, Found] | None = None

    async def _ask(self) -> None:
        answer = await self._get(self._wish.address, ACCEPT)
        now = self.clock.wall_ms()
        if answer.unchanged:
            self._again(now)
            return
        found = self._read(answer.body, now, {})
        good = self._found(found, answer.body)
        self._last = (answer.body, found) if good and isinstance(found, Found) else None

    def _again(self, now: int) -> None:
        """The page is as it was. Values without a time of their own are true now, too."""
        if self._last is None or self._last[1].own_time:
            return
        body, found = self._last
        bare = (found.points[place] for place in sorted(found.bare))
        points = [Point(p.name, now, p.value, p.quality) for p in bare]
        self.source.put(points, units=found.units, original=body)
