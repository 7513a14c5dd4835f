"""JSON or CSV from an address that is asked again and again, read through a mapping."""

from __future__ import annotations

import asyncio
from typing import Final

from lamplighter.domain.problems import Problem, problem
from lamplighter.sources.async_feed import PolledFeed
from lamplighter.sources.http_client import Busy, Web
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.own_source import Point
from lamplighter.sources.place import Place, Progress
from lamplighter.sources.reading import Found, News, Unreadable, put_found
from lamplighter.sources.tls import explain

INTERVAL_S: Final = 60.0


class HttpFeed(PolledFeed):
    """`http(s)://host/path?query`, asked at the mapping's `interval_s` (or `#interval=`)."""

    def __init__(self, wish: Wish) -> None:
        """Raises U-801 when there is no mapping or no host."""
        if wish.reader is None:
            raise bad(wish, "a page needs a mapping file (--map)")
        if not wish.host:
            raise bad(wish, "it names no host")
        super().__init__(
            wish.url,
            feed_id=wish.feed_id,
            source=wish.source(),
            deliver=wish.deliver,
            clock=wish.clock,
            what=wish.place,
            interval_s=wish.interval(INTERVAL_S),
        )
        self._wish = wish
        self._read = wish.reader
        self._web: Web | None = None
        self.progress = Progress(Place(wish.folder, self.id), wish.clock)
        self._news = News(self.progress.times())
        self._last: tuple[bytes, Found] | None = None
        self._bad_page = b""

    async def _open(self) -> None:
        self._web = Web(self._wish.address, tls=self._wish.tls, login=self._wish.who())

    async def _close(self) -> None:
        web, self._web = self._web, None
        if web is not None:
            await web.close()

    async def _poll(self) -> None:
        assert self._web is not None
        try:
            answer = await self._web.get(
                self._wish.address, headers={"Accept": "application/json, text/csv, */*;q=0.5"}
            )
        except Busy as busy:
            self._problem = problem("N-304", name=self.what, what=str(busy))
            await asyncio.sleep(busy.wait_s)
            return
        now = self.clock.wall_ms()
        if answer.unchanged:
            self._again(now)
            return
        found = self._read(answer.body, now, {})
        if isinstance(found, Unreadable):
            self._unreadable(answer.body, found)
            return
        self._last, self._warning = (answer.body, found), None
        put_found(self.source, found, self._news, answer.body)

    def _again(self, now: int) -> None:
        """The page is as it was. Values without a time of their own are true now, too."""
        if self._last is None or self._last[1].own_time:
            return
        body, found = self._last
        points = [Point(p.name, now, p.value, p.quality) for p in found.points]
        self.source.put(points, units=found.units, original=body)

    def _unreadable(self, body: bytes, found: Unreadable) -> None:
        self._last = None
        if body != self._bad_page:
            self._bad_page = body
            self.source.set_aside(body, found.what, found.code)
        self._warning = problem("D-113", topic=self.what, what=found.what)

    def _explain(self, error: Exception) -> Problem:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        return explain(cause or error, self._wish.host, self._wish.port)
