"""How often a value comes is written down once it was learned, where nobody has declared it.

Live, staleness goes by what was learned. A replay, coverage and the sums of a past day know only
what is written beside the datastream: without this a value that comes once an hour would be
called dead there two seconds after it came.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import structlog

from lamplighter.domain.city import Datastream
from lamplighter.store import WriteAccess

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

log = structlog.get_logger(__name__)
EVERY_MS: Final = 60_000
UNDECLARED_MS: Final = Datastream(0, "", "").period_ms
SLOWER: Final = 2.5
"""times the declared period from which the learned one is written down"""
LONGEST_MS: Final = 8 * 86_400_000
MOST: Final = 2_000
"""datastreams written at one look"""


class Cadence:
    """`look` is called once a second on the core's beat."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._due_ms = recorder.clock.monotonic_ms() + EVERY_MS
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Every minute: datastreams whose period was learned and never declared."""
        now = self._recorder.clock.monotonic_ms()
        busy = self._thread is not None and self._thread.is_alive()
        if now < self._due_ms or busy:
            return
        self._due_ms = now + EVERY_MS
        learned = self.learned()
        if learned:
            self._thread = threading.Thread(
                target=self._write, args=(learned,), name="cadence", daemon=True
            )
            self._thread.start()

    def learned(self) -> dict[str, int]:
        """Key -> period in ms, for those it was learned of and nobody has declared."""
        core = self._recorder.core
        period = core.learned_periods_ms()
        streams = core.city.streams[: len(period)]
        slow = np.flatnonzero((period >= SLOWER * UNDECLARED_MS) & (period <= LONGEST_MS))
        found = {}
        for at in slow.tolist():
            if at < len(streams) and streams[at].period_ms == UNDECLARED_MS:
                found[streams[at].key] = rounded(float(period[at]))
            if len(found) >= MOST:
                break
        return found

    def stop(self, deadline_s: float) -> None:
        """Wait for what is being written."""
        if self._thread is not None:
            self._thread.join(deadline_s)

    def _write(self, learned: dict[str, int]) -> None:
        recorder = self._recorder

        def write(access: WriteAccess) -> None:  # read here: what a person said meanwhile stays
            wanted = [
                msgspec.structs.replace(s, period_ms=learned[s.key])
                for s in recorder.store.datastreams()
                if s.key in learned and s.period_ms == UNDECLARED_MS
            ]
            access.put_datastream_meta(wanted)

        try:
            recorder.store.writer.call(write).result(60)
            recorder.core.city_changed()
        except Exception as error:  # a full disk is told by the store itself; it is tried again
            log.warning("periods not kept", why=str(error))


def rounded(period_ms: float) -> int:
    """A learned period as somebody would write it: tenths of a second, or seconds from ten on."""
    step = 100 if period_ms < 10_000 else 1_000
    return max(step, round(period_ms / step) * step)
