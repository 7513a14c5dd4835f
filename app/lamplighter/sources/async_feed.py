"""A feed that is a coroutine on the shared loop: sessions one after the other, told in one line.

A subclass says what one session is (`_session`): connect, call `_up`, read until something breaks.
This class keeps the link alive, backs off, announces the feed's own source, and words what went
wrong. `PolledFeed` is the session of everything that is asked again and again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final

from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import LamplighterError, Problem, problem
from lamplighter.domain.quality import silent_after_ms
from lamplighter.sources.feed import Counters, Deliver
from lamplighter.sources.loop import leave_loop, submit, take_loop
from lamplighter.sources.own_feeds import Wish
from lamplighter.sources.own_source import Original, OwnSource
from lamplighter.sources.place import Place, Progress

FIRST_WAIT_S: Final = 0.25
LAST_WAIT_S: Final = 30.0
FLAPPING_WAIT_S: Final = 4.0
"""longest wait after a session that worked for a moment"""
STEADY_MS: Final = 10_000
TICK_S: Final = 0.1
PATIENCE_S: Final = 4.0
"""silence of the field after which the feed counts as lost"""


class AsyncFeed:
    """See `Feed`. `what` is how messages call the other side, e.g. `10.0.0.4:502`."""

    def __init__(
        self,
        url: str,
        *,
        feed_id: str,
        source: str,
        deliver: Deliver,
        clock: Clock,
        what: str,
        period_s: float = 0.0,
        on_change: bool = False,
    ) -> None:
        self.url, self.id = url, feed_id or url
        self.counters = Counters()
        self.what = what
        self.clock = clock
        self.progress: Progress | None = None
        """what the next start must know; a subclass that reads times of their own has one"""
        self.source = OwnSource(
            feed_id=self.id,
            source=source,
            deliver=deliver,
            clock=clock,
            counters=self.counters,
            period_s=period_s,
            on_change=on_change,
            stored=self._stored,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: Future[None] | None = None
        self._ending = asyncio.Event()
        self._live = False
        self._refused = False
        self._held = False
        self._problem: Problem | None = None
        self._warning: Problem | None = None
        """what is wrong although the other side answers; the subclass takes it back"""
        self._contact_ms = clock.monotonic_ms()

    def _place_of(self, wish: Wish) -> Place:
        """Where this feed keeps how far it has read."""
        return Place(wish.folder, self.id, f"{self.source.name} {wish.address}")

    def _progress_of(self, wish: Wish) -> Progress:
        """What is on disk of this feed's source: as the store says, else as the file does."""
        stored = wish.stored(self.source.name) if wish.stored is not None else None
        return Progress(self._place_of(wish), self.clock, stored)

    # ---------------------------------------------------------------- what a subclass gives
    async def _session(self) -> None:
        """Connect, `_up`, read; returns or raises when the link is over."""
        raise NotImplementedError

    def _stored(self, note: Any) -> None:
        """What was put with this note is on disk (called on the writer's thread)."""
        if self.progress is not None and isinstance(note, dict):
            self.progress.take(note, last=self._loop is None)

    def _keep_place(self, *, now: bool) -> None:
        """Write down how far we are, when that is due. Raises OSError."""
        if self.progress is not None:
            self.progress.keep(now=now)

    def _explain(self, error: Exception) -> Problem:
        """A failed session in words."""
        return problem("N-304", name=self.what, what=plain_cause(error))

    # ---------------------------------------------------------------- what it says
    @property
    def state(self) -> str:
        """connecting | live | lost | refused | off."""
        if self._done is None or self._done.done():
            return "off"
        if self._live:
            return "live"
        if self._refused:
            return "refused"
        silent = self.clock.monotonic_ms() - self._contact_ms
        return "lost" if silent > silent_after_ms(PATIENCE_S * 1000) else "connecting"

    @property
    def problem(self) -> Problem | None:
        if self._problem is None and self._warning is None and self._held:
            count = f"{self.source.kept} messages are not on disk yet"
            return problem("N-306", name=self.id, what=count)
        return self._problem or self._warning

    def original(self, source: str, name: str) -> Original | None:
        """The newest payload a datastream's value came in."""
        return self.source.original(name) if source == self.source.name else None

    # ---------------------------------------------------------------- what it does
    def start(self) -> None:
        """Begin; returns at once."""
        self._contact_ms = self.clock.monotonic_ms()
        self._loop = take_loop()
        self._done = submit(self._loop, self._main())

    def ack(self, token: int) -> None:
        """The message is on disk."""
        self.source.ack(token)

    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """Messages that are still kept are given again."""
        return source == self.source.name and self.source.resend(epoch, first, last)

    def publish(self, topic: str, payload: bytes) -> bool:
        """It is read only: nothing is ever sent to operate the field."""
        return False

    def stop(self, deadline_s: float = 2.0) -> bool:
        """End the session; False when it did not end in time."""
        loop, done, self._loop = self._loop, self._done, None
        if loop is None or done is None:
            return True
        loop.call_soon_threadsafe(self._ending.set)
        try:
            done.result(deadline_s)
            return True
        except FutureTimeout:
            done.cancel()
            return False
        finally:
            leave_loop()
            with contextlib.suppress(OSError):
                self._keep_place(now=True)

    # ---------------------------------------------------------------- on the loop
    async def _main(self) -> None:
        ticking = asyncio.create_task(self._tick())
        running = asyncio.create_task(self._sessions())
        try:
            await self._ending.wait()
        finally:
            left = {running, ticking}
            while left:  # a library may swallow one cancellation
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=0.2)
            self._down()
            self.source.offline()

    async def _tick(self) -> None:
        while True:
            self.source.beat()
            with contextlib.suppress(OSError):  # a full disk is told by the store itself
                self._keep_place(now=False)
            await asyncio.sleep(TICK_S)

    async def _sessions(self) -> None:
        wait = FIRST_WAIT_S
        while True:
            begun = self.clock.monotonic_ms()
            try:
                await self._session()
            except asyncio.CancelledError:
                raise
            except LamplighterError as error:
                self._refused, self._problem = True, error.problem
            except ImportError as error:
                self._refused = True
                what = f"this build has no part for it ({error.name})"
                self._problem = problem("U-804", name=self.url.partition(":")[0], what=what)
            except Exception as error:  # whatever it is, the feed lives on
                self._problem = self._explain(error)
            if self._ending.is_set():
                return
            was_live = self._live
            self._down()
            if was_live and self.clock.monotonic_ms() - begun > STEADY_MS:
                wait = FIRST_WAIT_S
            await asyncio.sleep(wait * random.uniform(0.75, 1.25))
            wait = min(2 * wait, FLAPPING_WAIT_S if was_live else LAST_WAIT_S)

    def _up(self) -> None:
        """The field answered; call it again whenever it did."""
        self._contact_ms = self.clock.monotonic_ms()
        if not self._live:
            self._live, self._refused = True, False
            self.counters.connects += 1
        self._problem = None
        self.source.online()

    def _down(self) -> None:
        if self._live:
            self._live = False
            self._contact_ms = self.clock.monotonic_ms()
            self.counters.losses += 1
        self.source.offline()

    async def _room(self) -> None:
        """Waits while too much is not on disk yet: the field is not read meanwhile."""
        while not self.source.has_room:
            self._held = True
            await asyncio.sleep(TICK_S)
        self._held = False


def plain_cause(error: BaseException) -> str:
    """What the system says under everything libraries wrapped around it, in one line."""
    found: BaseException | None = error
    for _ in range(12):
        if isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if isinstance(found, OSError) and found.errno is not None and found.errno > 0:
            return os.strerror(found.errno)
        deeper = None if found is None else found.__cause__ or found.__context__
        if deeper is None:
            break
        found = deeper
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]


class PolledFeed(AsyncFeed):
    """Asks every `interval_s`. A poll that fails is told and tried again after a wait."""

    def __init__(
        self,
        url: str,
        *,
        feed_id: str,
        source: str,
        deliver: Deliver,
        clock: Clock,
        what: str,
        interval_s: float,
    ) -> None:
        super().__init__(
            url,
            feed_id=feed_id,
            source=source,
            deliver=deliver,
            clock=clock,
            what=what,
            period_s=interval_s,
        )
        self.interval_s = interval_s
        self.polls = 0

    async def _open(self) -> None:
        """Whatever a session needs before its first poll."""

    async def _close(self) -> None:
        """Whatever a session leaves behind."""

    async def _poll(self) -> None:
        """Ask once and put what came; raises when that failed."""
        raise NotImplementedError

    async def _session(self) -> None:
        try:
            await self._open()
            due = self.clock.monotonic_ms()
            while True:
                await self._room()
                await self._poll()
                self.polls += 1
                self._up()
                due = max(due + round(1000 * self.interval_s), self.clock.monotonic_ms())
                await asyncio.sleep((due - self.clock.monotonic_ms()) / 1000)
        finally:
            await self._close()
