"""Running figures of ingest: rates, delay and sums, for the status and the final report."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

import numpy as np

from lamplighter.domain.observation import Account, Committed

WINDOW_S: Final = 10
_EDGES: Final = np.concatenate([np.arange(0, 2_000, 5), np.geomspace(2_000, 86_400_000, 200)])
"""bounds of the delay histogram in milliseconds: 5 ms steps up to two seconds"""


class Meters:
    """Counts what was committed. Written by the core's thread, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.account = Account()
        self.messages = 0
        self.gaps = 0
        self._recent: deque[tuple[int, int, int, np.ndarray]] = deque()
        self._delays = np.zeros(len(_EDGES) + 1, np.int64)

    def add(self, committed: Committed, monotonic_ms: int) -> None:
        """One committed batch; delay = commit (wall) minus phenomenon time."""
        delay = committed.wall_ms - committed.points.time_ms
        counts = np.bincount(
            np.searchsorted(_EDGES, np.maximum(delay, 0), side="right"), minlength=len(_EDGES) + 1
        )
        with self._lock:
            for _, account in committed.accounts:
                self.account = self.account.plus(account)
            self.messages += len(committed.messages)
            self._delays += counts
            self._recent.append(
                (monotonic_ms, len(committed.points), len(committed.messages), counts)
            )
            while self._recent and self._recent[0][0] < monotonic_ms - WINDOW_S * 1000:
                self._recent.popleft()

    def rates(self, monotonic_ms: int) -> tuple[float, float, float]:
        """(points/s, messages/s, p95 delay in s) over the last ten seconds; 0 without data."""
        with self._lock:
            recent = [r for r in self._recent if r[0] >= monotonic_ms - WINDOW_S * 1000]
        if not recent:
            return 0.0, 0.0, 0.0
        span = max((monotonic_ms - recent[0][0]) / 1000.0, 1.0)
        counts = np.sum([r[3] for r in recent], axis=0)
        points, messages = sum(r[1] for r in recent), sum(r[2] for r in recent)
        return points / span, messages / span, _p95(counts)

    def age_p95_s(self) -> float | None:
        """p95 of commit minus phenomenon time over the whole run, None without a point."""
        with self._lock:
            return _p95(self._delays) if self._delays.any() else None


def _p95(counts: np.ndarray) -> float:
    total = int(counts.sum())
    if not total:
        return 0.0
    bucket = int(np.searchsorted(np.cumsum(counts), 0.95 * total))
    return float(_EDGES[min(bucket, len(_EDGES) - 1)]) / 1000.0
