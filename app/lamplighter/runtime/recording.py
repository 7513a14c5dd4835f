"""One run of the recorder: from its start until a signal, a client or the clock ends it."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

from lamplighter.domain.clock import Clock, SystemClock
from lamplighter.domain.problems import fault
from lamplighter.runtime.logs import configure
from lamplighter.runtime.recorder import Recorder

LINGER_MS: Final = 3_000
"""how long a recorder started by a window goes on after its last client left"""
FIRST_CLIENT_MS: Final = 60_000


def record(
    project: Path,
    *,
    seconds: float = 0.0,
    say: Callable[[str], None],
    ends_with_last_client: bool = False,
    plugin_code: bool = True,
) -> dict[str, Any]:
    """Record until stopped by a signal, a client or the clock; returns the run's report."""
    configure()
    clock = SystemClock()
    service = not ends_with_last_client
    try:
        recorder = Recorder(project, clock, service=service, plugin_code=plugin_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise fault("A-401", what="it was started") from error
    _stop_on_signals(recorder)
    company = _Company(recorder, clock)
    try:
        recorder.start()
        say(f"recording {recorder.project} (process {os.getpid()}); end with Ctrl+C")
        end = clock.monotonic_ms() + seconds * 1000 if seconds > 0 else None
        while not recorder.wait(0.1):
            if end is not None and clock.monotonic_ms() >= end:
                break
            if ends_with_last_client and company.gone():
                say("the last window has gone; recording ends")
                break
    finally:
        recorder.stop()
    return recorder.report()


def _stop_on_signals(recorder: Recorder) -> None:
    def ask(number: int, frame: FrameType | None) -> None:
        recorder.ask_stop()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)


class _Company:
    """Who is connected to a recorder that lives for its clients."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder, self._clock = recorder, clock
        self._came = False
        self._alone_since = clock.monotonic_ms()

    def gone(self) -> bool:
        """Whether the last client has gone for good (or none ever came)."""
        now = self._clock.monotonic_ms()
        if self._recorder.server.clients:
            self._came, self._alone_since = True, now
            return False
        return now - self._alone_since > (LINGER_MS if self._came else FIRST_CLIENT_MS)
