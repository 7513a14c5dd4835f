"""How much memory this process and its workers held together at most."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Final

import psutil

EVERY_S: Final = 0.5


class PeakMemory:
    """Looks twice a second while the `with` block runs."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(2.0)

    def megabytes(self, largest_worker_mb: float = 0.0) -> float:
        """The peak seen, and no less than this process with its largest worker."""
        return max(self._peak, psutil.Process().memory_info().rss / 1e6 + largest_worker_mb)

    def _watch(self) -> None:
        me = psutil.Process()
        while True:
            total = 0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self._peak = max(self._peak, total / 1e6)
            if self._ended.wait(EVERY_S):
                return
