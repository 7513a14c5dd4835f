"""What every polled feed over HTTP shares: one server, its manners, and how failures are told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping

from lamplighter.domain.problems import Problem, problem
from lamplighter.sources.async_feed import PolledFeed
from lamplighter.sources.http_client import MOST_BYTES, Answer, Busy, Web
from lamplighter.sources.own_feeds import Wish, bad
from lamplighter.sources.reading import Found, News, Unreadable, put_found
from lamplighter.sources.tls import explain


class WebFeed(PolledFeed):
    """Asks one server every interval. A subclass gives `_ask`."""

    def __init__(self, wish: Wish, *, interval_s: float, source: str = "") -> None:
        """Raises U-801 when the address names no host or the interval cannot be."""
        if not wish.host:
            raise bad(wish, "it names no host")
        super().__init__(
            wish.url,
            feed_id=wish.feed_id,
            source=wish.source(source),
            deliver=wish.deliver,
            clock=wish.clock,
            what=wish.place,
            interval_s=wish.interval(interval_s),
        )
        self._wish = wish
        self._web: Web | None = None
        self.progress = self._progress_of(wish)
        self._news = News(self.progress.times())
        self._bad_page = b""

    async def _ask(self) -> None:
        """Ask once and put what came; raises when that failed."""
        raise NotImplementedError

    async def _open(self) -> None:
        self._web = Web(self._wish.address, tls=self._wish.tls, login=self._wish.who())

    async def _close(self) -> None:
        web, self._web = self._web, None
        if web is not None:
            await web.close()

    async def _poll(self) -> None:
        try:
            await self._ask()
        except Busy as busy:
            self._problem = problem("N-304", name=self.what, what=str(busy))
            await asyncio.sleep(busy.wait_s)

    async def _get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        most_bytes: int = MOST_BYTES,
    ) -> Answer:
        web = self._web
        assert web is not None
        answer = await web.get(url, headers=headers, most_bytes=most_bytes)
        self.counters.protocol = web.protocol
        self.counters.server_ends_ms = web.certificate_ends_ms
        return answer

    def _found(self, found: Found | Unreadable, body: bytes) -> bool:
        """Put what a page holds; one that cannot be read is told, and set aside when it is new."""
        if isinstance(found, Unreadable):
            if body != self._bad_page:
                self._bad_page = body
                self.source.set_aside(body, found.what, found.code)
            self._warning = problem("D-113", topic=self.what, what=found.what)
            return False
        self._warning, self._bad_page = None, b""
        put_found(self.source, found, self._news, body)
        return True

    def _explain(self, error: Exception) -> Problem:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLError):
                return explain(cause, self._wish.host, self._wish.port)
            cause = cause.__cause__ or cause.__context__
        return super()._explain(error)
