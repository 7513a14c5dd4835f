"""Wall time that does not jump because somebody, or something, set the machine's clock.

It runs on with a clock that nobody can set and that also counts while the machine sleeps. When the
machine's clock departs from it by more than a second, the field decides: the new time is taken
when newly measured values agree with it better than with the time so far (a clock that was set
right), or when nothing came in that could tell. A clock that was set wrong changes the labels of
stored batches and nothing else: no value grows stale, no timer runs out, and no device is called
wrong. Slow corrections are followed as they come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.clock import Clock

FOLLOWED_MS: Final = 1_000
"""departures up to this are followed at once"""
ENOUGH: Final = 20
"""batches since the jump before the field is believed"""
ALONE_MS: Final = 60_000
"""without a word from the field the machine's time is taken after this long"""


class SteadyClock:
    """A `Clock` over another. `hear` and `wall_ms` from any thread, `look` from one."""

    def __init__(self, clock: Clock, awake_ms: Callable[[], int] | None = None) -> None:
        """`awake_ms`: what time runs on with; the clock's monotonic time unless given."""
        self._clock = clock
        self._running = awake_ms or clock.monotonic_ms
        self._lock = threading.Lock()
        self._offset = self._machine_offset()
        self._apart_since: int | None = None
        self._heard: deque[tuple[float, float]] = deque(maxlen=ENOUGH)

    def wall_ms(self) -> int:
        return self._running() + self._offset

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    @property
    def machine(self) -> Clock:
        """The clock beneath: what the machine itself says."""
        return self._clock

    @property
    def apart_ms(self) -> int:
        """How far the machine's clock is ahead of this one."""
        return self._machine_offset() - self._offset

    def hear(self, times_ms: npt.NDArray[np.int64]) -> None:
        """Phenomenon times of a batch just stored."""
        if self._apart_since is None or not times_ms.size:
            return
        middle = float(np.median(times_ms))
        with self._lock:
            self._heard.append((self._clock.wall_ms() - middle, self.wall_ms() - middle))

    def look(self) -> int:
        """Follow the machine where that is right; returns by how many ms time was moved, 0 mostly.

        Small corrections are not reported: nothing that counts seconds notices them.
        """
        apart = self.apart_ms
        if abs(apart) <= FOLLOWED_MS:
            self._forget()
            self._offset += apart
            return 0
        now = self._running()
        if self._apart_since is None:
            self._apart_since = now
            return 0
        with self._lock:
            heard = list(self._heard)
        if len(heard) >= ENOUGH:
            machine, steady = (abs(float(np.median([pair[n] for pair in heard]))) for n in (0, 1))
            take = machine < steady
            if not take:
                with self._lock:
                    self._heard.clear()  # ask again: the devices may be set later than we were
        else:
            take = not heard and now - self._apart_since > ALONE_MS
        if not take:
            return 0
        self._forget()
        self._offset += apart
        return apart

    def _forget(self) -> None:
        self._apart_since = None
        with self._lock:
            self._heard.clear()

    def _machine_offset(self) -> int:
        return self._clock.wall_ms() - self._running()
