"""A page or a file looked at before it is a feed: fetched as it is, before any mapping reads it."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.problems import LamplighterError, Problem, problem
from lamplighter.sources import Counters, TlsFiles
from lamplighter.sources.feed import Deliver, login_of, loose_ticket

AGAIN_S: Final = 15.0
MOST_BYTES: Final = 1_000_000


class PageOnTrial:
    """See `Feed`. The page is delivered whole, as one message without a topic."""

    def __init__(
        self, url: str, *, deliver: Deliver, clock: Clock, tls: TlsFiles | None = None
    ) -> None:
        self.id, self.url = "trial", url
        self.counters = Counters()
        self._deliver, self._clock = deliver, clock
        self._tls = tls or TlsFiles()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._problem: Problem | None = None
        self._last = b""

    @property
    def state(self) -> str:
        """connecting | live | refused | off."""
        if self._thread is None or self._stop.is_set():
            return "off"
        if self._problem is not None:
            return "refused"
        return "live" if self.counters.messages else "connecting"

    @property
    def problem(self) -> Problem | None:
        return self._problem

    def start(self) -> None:
        """Begin to fetch; returns at once."""
        self._thread = threading.Thread(target=self._run, name="feed trial", daemon=True)
        self._thread.start()

    def ack(self, token: int) -> None:
        """A page needs no acknowledgement."""

    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """A page gives nothing twice."""
        return False

    def publish(self, topic: str, payload: bytes) -> bool:
        """Nothing is sent to a page."""
        return False

    def stop(self, deadline_s: float = 2.0) -> bool:
        """End; False when a fetch is still under way at the deadline."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(deadline_s)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            try:
                body = self._fetch()
                self._problem = None
            except LamplighterError as error:
                self._problem, body = error.problem, b""
            except Exception as error:  # whatever the connection raises is told, not thrown
                what = str(error) or type(error).__name__
                self._problem = problem("N-304", name=urlsplit(self.url).netloc, what=what)
                body = b""
            if body and body != self._last and not self._stop.is_set():
                self._last = body
                now = self._clock.wall_ms()
                self.counters.messages += 1
                self.counters.last_message_ms = now
                mono = self._clock.monotonic_ms()
                self._deliver(RawMessage("", body, now, loose_ticket(), self.id, mono))
            if self._stop.wait(AGAIN_S):
                return

    def _fetch(self) -> bytes:
        parts = urlsplit(self.url)
        if parts.scheme in ("http", "https"):
            return asyncio.run(self._get())
        return newest_file(self.url).read_bytes()[:MOST_BYTES]

    async def _get(self) -> bytes:
        from lamplighter.sources.http_client import Web

        parts = urlsplit(self.url)
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        web = Web(place, tls=self._tls, login=login_of(self.url))
        try:
            answer = await web.get(place, most_bytes=MOST_BYTES)
        finally:
            await web.close()
        return answer.body


def newest_file(url: str) -> Path:
    """The file of a `file:` or the newest one of a `folder:` address. Raises OSError for none."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    if path.is_dir():
        options = {**parse_qs(parts.query), **parse_qs(parts.fragment)}
        pattern = options.get("pattern", ["*"])[-1]
        files = [f for f in path.glob(pattern) if f.is_file()]
        if not files:
            raise FileNotFoundError(f"no file {pattern} in {path}")
        return max(files, key=lambda f: f.stat().st_mtime)
    return path
