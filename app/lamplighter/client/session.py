"""One conversation with a recorder: questions with answers, and its events in order.

`Session` does not know how bytes travel; a carrier does. Answers and events are handed to
`deliver`, which decides on which thread they run: the window passes a queued call, verbs call
directly.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Protocol

from lamplighter.domain import wire
from lamplighter.domain.newest_block import BlockReader, NewestValues
from lamplighter.domain.problems import fault, problem

Deliver = Callable[[Callable[[], None]], None]
ANSWER_TIMEOUT_S = 20.0


class Carrier(Protocol):
    """Moves frames; `listen` is called once, and its callback on the carrier's own thread."""

    def send(self, frame: wire.RequestFrame) -> None: ...

    def listen(
        self,
        take: Callable[[wire.ReplyFrame | wire.EventFrame], None],
        lost: Callable[[str], None],
    ) -> None: ...

    def close(self) -> None: ...


def call_directly(work: Callable[[], None]) -> None:
    """`deliver` for programs without an event loop."""
    work()


class Session:
    """The client's end. Thread-safe. `on_lost` is delivered once when the recorder goes away."""

    def __init__(
        self,
        carrier: Carrier,
        deliver: Deliver = call_directly,
        *,
        client: str = "cli",
        version: str = "",
        on_lost: Callable[[str], None] | None = None,
    ) -> None:
        self._carrier = carrier
        self._deliver = deliver
        self._on_lost = on_lost
        self._ids = itertools.count(1)
        self._waiting: dict[int, tuple[Callable[[wire.Reply], None], bool]] = {}
        self._lock = threading.Lock()
        self._listeners: list[Callable[[wire.Event], None]] = []
        self._early: list[wire.Event] = []
        self._block: BlockReader | None = None
        self._lost: str | None = None
        self._closed = False
        carrier.listen(self._take, self._gone)
        try:
            welcome = self.ask_now(wire.Hello(client, version))
            if not isinstance(welcome, wire.Welcome):
                raise fault("U-805", what="it did not say hello")
        except BaseException:  # whoever tries again must not leave a connection behind each time
            self.close()
            raise
        self.welcome: wire.Welcome = welcome
        self._open_block(welcome.block)

    # ------------------------------------------------------------------ questions
    def ask(self, request: wire.Request, done: Callable[[wire.Reply], None]) -> None:
        """Ask; `done` gets the answer through `deliver`. A lost recorder answers `Refused`."""
        self._send(request, done, delivered=True)

    def ask_now(self, request: wire.Request, timeout_s: float = ANSWER_TIMEOUT_S) -> wire.Reply:
        """Ask and wait. Raises LamplighterError (U-805) when no answer comes in time."""
        answer: Future[wire.Reply] = Future()
        self._send(request, answer.set_result, delivered=False)
        try:
            return answer.result(timeout_s)
        except FutureTimeout:
            raise fault("U-805", what=f"no answer within {timeout_s:.0f} s") from None

    def _send(
        self, request: wire.Request, done: Callable[[wire.Reply], None], *, delivered: bool
    ) -> None:
        number = next(self._ids)
        with self._lock:
            gone = self._lost
            if gone is None:
                self._waiting[number] = (done, delivered)
        if gone is not None:
            self._answer(done, delivered, wire.Refused(problem("U-805", what=gone)))
            return
        try:
            self._carrier.send(wire.RequestFrame(number, request))
        except OSError as error:
            with self._lock:
                waits = self._waiting.pop(number, None)
            if waits is not None:  # else the loss of the recorder has answered it
                refusal = wire.Refused(problem("U-805", what=str(error)))
                self._answer(done, delivered, refusal)

    def _answer(
        self, done: Callable[[wire.Reply], None], delivered: bool, reply: wire.Reply
    ) -> None:
        if delivered:
            self._deliver(lambda: done(reply))
        else:
            done(reply)

    # ------------------------------------------------------------------ events and values
    def subscribe(self, listener: Callable[[wire.Event], None]) -> None:
        """Every event from now on, and those that came before the first listener, in order."""
        with self._lock:
            self._listeners.append(listener)
            early, self._early = self._early, []
        for event in early:
            self._deliver(lambda event=event: listener(event))  # type: ignore[misc]

    def newest(self) -> NewestValues | None:
        """A consistent copy of the newest values; None while the recorder replaces the file."""
        block = self._block
        return block.read() if block is not None else None

    def _open_block(self, path: str) -> None:
        old, self._block = self._block, None
        if old is not None:
            old.close()
        if path:
            try:
                self._block = BlockReader(Path(path))
            except (OSError, ValueError):
                self._block = None

    # ------------------------------------------------------------------ the carrier's thread
    def _take(self, frame: wire.ReplyFrame | wire.EventFrame) -> None:
        if isinstance(frame, wire.ReplyFrame):
            with self._lock:
                waiting = self._waiting.pop(frame.id, None)
            if waiting is not None:
                self._answer(*waiting, frame.body)
            return
        event = frame.body
        if isinstance(event, wire.BlockMoved):
            self._deliver(lambda: self._open_block(event.block))
        with self._lock:
            listeners = list(self._listeners)
            if not listeners:
                self._early.append(event)
        for listener in listeners:
            self._deliver(lambda listener=listener: listener(event))  # type: ignore[misc]

    def _gone(self, why: str) -> None:
        with self._lock:
            if self._lost is not None:
                return
            self._lost = why
            waiting, self._waiting = list(self._waiting.values()), {}
        for done, delivered in waiting:
            self._answer(done, delivered, wire.Refused(problem("U-805", what=why)))
        if self._on_lost is not None and not self._closed:
            self._deliver(lambda: self._on_lost and self._on_lost(why))

    def when_lost(self, tell: Callable[[str], None]) -> None:
        """`tell` is delivered once with the reason when the recorder goes away, or at once when
        it is gone already.
        """
        with self._lock:
            self._on_lost, gone = tell, self._lost
        if gone is not None and not self._closed:
            self._deliver(lambda: tell(gone))

    def close(self) -> None:
        """Ends the conversation; the recorder goes on."""
        self._closed = True
        self._carrier.close()
        self._open_block("")
