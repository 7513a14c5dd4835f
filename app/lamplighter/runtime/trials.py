"""All feeds on trial of one recorder: a few at a time, none that nobody looks at any more."""

from __future__ import annotations

import threading
import time
from typing import Final

from lamplighter.domain import wire
from lamplighter.domain.clock import Clock
from lamplighter.domain.problems import fault
from lamplighter.runtime.feed_trial import FeedTrial, Known

MOST_TRIALS: Final = 4
UNWATCHED_S: Final = 60.0


class Trials:
    """The trials of a recorder by number; those nobody looks at any more are ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trials: dict[int, FeedTrial] = {}
        self._next = 1
        self._lock = threading.Lock()
        self._sweeper: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, ask: wire.TryFeed) -> int:
        """Raises LamplighterError (U-801, N-3xx ...) when it can be no feed."""
        with self._lock:
            if len(self._trials) >= MOST_TRIALS:
                oldest = min(self._trials.values(), key=lambda t: t.watched)
                self._drop(oldest.number)
            number, self._next = self._next, self._next + 1
            self._trials[number] = FeedTrial(number, ask, self._clock)
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._sweep, name="trials", daemon=True)
                self._sweeper.start()
        return number

    def look(self, ask: wire.LookAtTrial, known: Known) -> wire.Trial:
        """Raises LamplighterError (U-804) when the trial has ended."""
        with self._lock:
            trial = self._trials.get(ask.id)
        if trial is None:
            raise fault("U-804", name="the trial of this feed", what="it has ended")
        return trial.look(ask.group, ask.mapping, known)

    def end(self, number: int) -> None:
        """Leave one; an unknown number does nothing."""
        with self._lock:
            self._drop(number)

    def stop(self) -> None:
        """Leave all of them."""
        self._stopping.set()
        with self._lock:
            left, self._trials = list(self._trials.values()), {}
            sweeper = self._sweeper
        for trial in left:
            trial.stop()
        if sweeper is not None:
            sweeper.join(2.0)

    def _drop(self, number: int) -> None:
        trial = self._trials.pop(number, None)
        if trial is not None:
            threading.Thread(target=trial.stop, name="trial end", daemon=True).start()

    def _sweep(self) -> None:
        while not self._stopping.wait(2.0):
            now = time.monotonic()
            with self._lock:
                for trial in list(self._trials.values()):
                    if now - trial.watched > UNWATCHED_S:
                        self._drop(trial.number)
                if not self._trials:
                    self._sweeper = None
                    return
