"""What the fleet measured since the start: every second of the newest minutes, means before that.

A recorder runs for months and the fleet is scored every few seconds; what is kept for it is bounded
by time and not by how long the recorder has run.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

Sample = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""datastreams (n,) int32, milliseconds (n,) int64, values (n,) float64, qualities (n,) uint8"""

STEP_MS: Final = 600_000
"""older samples are means over this long"""
KEPT_MS: Final = 60 * 86_400_000
KEPT: Final = KEPT_MS // STEP_MS
"""means of sixty days"""


class LiveSamples:
    """`take` once a second, or seldomer; `all` is what a scoring reads. Used from one thread."""

    def __init__(self, step_ms: int = STEP_MS) -> None:
        """`step_ms`: how long a mean is of; those of sixty days are kept."""
        self._step_ms = step_ms
        self._fresh: deque[tuple[int, Sample]] = deque()
        self._means: deque[Sample] = deque(maxlen=KEPT_MS // step_ms)

    def __len__(self) -> int:
        """Samples that are kept, means counted as one each."""
        return len(self._fresh) + len(self._means)

    def take(self, now_ms: int, sample: Sample) -> None:
        """Add values taken at `now_ms` by a clock that only goes forward."""
        step = now_ms // self._step_ms
        self._fresh.append((step, sample))
        while self._fresh[0][0] < step - 1:
            first = self._fresh[0][0]
            old = []
            while self._fresh and self._fresh[0][0] == first:
                old.append(self._fresh.popleft()[1])
            self._means.append(_mean(old))

    def all(self) -> list[Sample]:
        """Oldest first."""
        return [*self._means, *(sample for _, sample in self._fresh)]


def _mean(samples: list[Sample]) -> Sample:
    """One value per datastream, at its newest time: the mean of what was good, else the newest."""
    ids, times, values, quality = (np.concatenate(c) for c in zip(*samples, strict=True))
    every, row = np.unique(ids, return_inverse=True)
    good = np.isfinite(values) & ((quality & 0b11) <= 1)
    count = np.bincount(row[good], minlength=every.size)
    total = np.bincount(row[good], values[good], every.size)
    newest = np.zeros(every.size, np.int64)
    newest[row] = np.arange(ids.size)  # the last of each wins
    latest = np.zeros(every.size, np.int64)
    np.maximum.at(latest, row, times)
    some = count > 0
    mean = np.where(some, total / np.maximum(count, 1), values[newest])
    worst = np.zeros(every.size, np.uint8)
    np.maximum.at(worst, row[good], quality[good])
    return every, latest, mean, np.where(some, worst, quality[newest])
