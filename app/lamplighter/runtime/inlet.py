"""From the feeds to the writer: one bounded queue, one decoding thread, acknowledgement after disk.

A message is acknowledged to its broker only when the batch that holds it is committed. While the
queue is full, feeds hold what they have; the broker then holds back what is not acknowledged, so
a burst is delayed and counted, never dropped.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Batch, Committed
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.originals import Originals
from lamplighter.sources import FeedSet
from lamplighter.store import Writer

log = structlog.get_logger(__name__)
OnDone = Callable[[Committed | BaseException], None]
QUEUE_MESSAGES: Final = 20_000
BATCH_S: Final = 0.1
BURST_S: Final = 0.02
"""the same while there was more than one batch holds: what comes last need not wait for nothing"""
BATCH_MESSAGES: Final = 1_000
WRITER_POINTS: Final = 200_000
"""points in the writer's queue above which decoding waits"""
IDLE_S: Final = 0.5


class Inlet:
    """Owns the queue and the decoding thread.

    `committed` is called on the writer's thread for every committed batch, `failed` when a batch
    could not be written (the writer keeps it and tries again), `decoded` on the decoding thread,
    `waits` there too, for a batch that must wait until the disk has room.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        feeds: FeedSet,
        writer: Writer,
        *,
        committed: Callable[[Committed], None],
        failed: Callable[[BaseException], None],
        decoded: Callable[[Batch, Pipeline], None],
        waits: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        self._pipeline = pipeline
        self._feeds = feeds
        self._writer = writer
        self._committed = committed
        self._failed = failed
        self._decoded = decoded
        self._waits = waits
        self.originals = Originals()
        self._queue: queue.SimpleQueue[RawMessage] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._settled: queue.SimpleQueue[Committed] = queue.SimpleQueue()
        self._between: queue.SimpleQueue[Callable[[Pipeline], None]] = queue.SimpleQueue()
        self._asked_at = 0.0
        self._burst = False
        self._thread = threading.Thread(target=self._run, name="decode", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def deliver(self, message: RawMessage) -> bool:
        """Take a message from a feed's thread; False when there is no room now."""
        if self._stopping.is_set() or self._queue.qsize() >= QUEUE_MESSAGES:
            return False
        self._queue.put(message)
        self.originals.note(message)
        return True

    def deliver_all(self, messages: Sequence[RawMessage]) -> int:
        """Take messages in their order; says how many, fewer when there is no room for all."""
        if self._stopping.is_set():
            return 0
        room = max(0, QUEUE_MESSAGES - self._queue.qsize())
        taken = messages[:room]
        put = self._queue.put
        for message in taken:
            put(message)
        self.originals.note_all(taken)
        return len(taken)

    def between(self, work: Callable[[Pipeline], None]) -> None:
        """Run `work` on the decoding thread, between two batches."""
        self._between.put(work)

    def put(self, batch: Batch, pipeline: Pipeline, done: OnDone) -> None:
        """Into the store, from work given to `between`; `done` is told as the writer tells it."""
        self._tell(batch)

        def both(outcome: Committed | BaseException) -> None:
            self._done(outcome)
            done(outcome)

        self._writer.submit(batch, both)

    @property
    def waiting_messages(self) -> int:
        """Messages received and not yet decoded."""
        return self._queue.qsize()

    def stop(self, deadline_s: float) -> bool:
        """Decode what is queued, hand it to the writer and end. True when that was finished."""
        self._stopping.set()
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    # ------------------------------------------------------------------ the decoding thread
    def _run(self) -> None:
        while True:
            messages = self._gather()
            if not messages and self._stopping.is_set() and self._queue.empty():
                return
            try:
                self._take(messages)
            except Exception:
                # The pipeline never raises on a payload; whatever this is must not end ingest.
                log.exception("decoding failed", messages=len(messages))

    def _gather(self) -> list[RawMessage]:
        """Messages of at most `BATCH_S`; in a burst of less."""
        try:
            found = [self._queue.get(timeout=0.05)]
        except queue.Empty:
            return []
        end = time.monotonic() + (BURST_S if self._burst else BATCH_S)
        take = self._queue.get_nowait
        while len(found) < BATCH_MESSAGES:
            try:
                found.append(take())
                continue
            except queue.Empty:
                pass
            left = end - time.monotonic()
            if left <= 0:
                break
            try:
                found.append(self._queue.get(timeout=left))
            except queue.Empty:
                break
        self._burst = len(found) >= BATCH_MESSAGES
        return found

    def _take(self, messages: Sequence[RawMessage]) -> None:
        while not self._between.empty():
            self._do_between(self._between.get())
        while not self._settled.empty():
            self._pipeline.settled(self._settled.get())
        self._ask_again()
        batch = self._pipeline.take(messages)
        if not messages and batch.is_empty:
            return
        self._tell(batch)
        while self._writer.queue_points > WRITER_POINTS and not self._stopping.is_set():
            time.sleep(0.01)
        self._writer.submit(batch, self._done)
        if self._writer.full_since_ms is not None:
            self._waits(batch)

    def _do_between(self, work: Callable[[Pipeline], None]) -> None:
        try:
            work(self._pipeline)
        except Exception:  # what came in the meantime must not be lost with it
            log.exception("work between two batches failed")

    def _tell(self, batch: Batch) -> None:
        try:
            self._decoded(batch, self._pipeline)
        except Exception:  # it only tells of the batch, which is stored whatever becomes of that
            log.exception("a decoded batch was not told", messages=len(batch.messages))

    def _ask_again(self) -> None:
        now = time.monotonic()
        if now - self._asked_at >= IDLE_S:
            self._asked_at = now
            self._feeds.ask(self._pipeline.due(idle=self._queue.empty()))

    # ------------------------------------------------------------------ the writer's thread
    def _done(self, outcome: Committed | BaseException) -> None:
        if isinstance(outcome, BaseException):
            self._failed(outcome)
            return
        self._feeds.ack(outcome.tokens)
        self._settled.put(outcome)
        self._committed(outcome)
