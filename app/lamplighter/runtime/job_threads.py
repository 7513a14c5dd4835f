"""The threads that do long work for a recorder: none is left behind at its stop without a word."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class JobThreads:
    """Starts them, and waits for them when the recorder stops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[threading.Thread] = []

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Do `work` on a thread of its own."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            self._running = [t for t in self._running if t.is_alive()]
            thread.start()
            self._running.append(thread)

    def join(self, deadline_s: float) -> bool:
        """Wait for all of them; True when none runs any more. Those that do are told in the log."""
        end = time.monotonic() + deadline_s
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(max(end - time.monotonic(), 0.0))
        late = [t.name for t in running if t.is_alive()]
        if late:
            log.warning(
                "work did not end in time; what was kept stays, the same goes on from there",
                work=", ".join(late),
                deadline_s=deadline_s,
            )
        return not late
