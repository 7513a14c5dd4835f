"""How long the window did not answer: gaps between the ticks of a precise 10 ms timer.

Counts-based quantiles, the maximum and the share of time spent in gaps over 100 ms, from the
first live frame on; beside it the baseline, the first ten seconds after the first 3D frame.
"""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS: Final = 10
LONG_MS: Final = 100.0
BASELINE_MS: Final = 10_000.0


class GapCounts:
    """Gaps of one phase in cells of 0.1 ms up to 10 s; everything longer is in the last cell."""

    CELL_MS: Final = 0.1

    def __init__(self) -> None:
        self._cells: dict[int, int] = {}
        self.count = 0
        self.total_ms = 0.0
        self.long_ms = 0.0
        self.max_ms = 0.0

    def add(self, gap_ms: float) -> None:
        cell = min(100_000, int(gap_ms / self.CELL_MS))
        self._cells[cell] = self._cells.get(cell, 0) + 1
        self.count += 1
        self.total_ms += gap_ms
        self.max_ms = max(self.max_ms, gap_ms)
        if gap_ms > LONG_MS:
            self.long_ms += gap_ms

    def quantile(self, share: float) -> float:
        """The gap in ms that `share` of all gaps do not exceed; 0 without any."""
        left = share * self.count
        for cell in sorted(self._cells):
            left -= self._cells[cell]
            if left <= 0:
                return min(self.max_ms, (cell + 1) * self.CELL_MS)
        return self.max_ms

    @property
    def long_share(self) -> float:
        """Share of TIME, not of gaps, spent in gaps over 100 ms."""
        return self.long_ms / self.total_ms if self.total_ms else 0.0


class GapMeter(QObject):
    """Ticks all the time; counts in `baseline` and `live` when told that they have begun."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.baseline = GapCounts()
        self.live = GapCounts()
        self._baseline_from: float | None = None
        self._live = False
        self._last = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def first_3d_frame(self) -> None:
        """The baseline begins; it lasts ten seconds, or until the first live frame."""
        if self._baseline_from is None:
            self._baseline_from = time.perf_counter()
            self._last = self._baseline_from

    def first_live_frame(self) -> None:
        if not self._live:
            self._live = True
            self._last = time.perf_counter()

    def _tick(self) -> None:
        now = time.perf_counter()
        gap = (now - self._last) * 1000.0
        self._last = now
        if self._live:
            self.live.add(gap)
        elif (
            self._baseline_from is not None
            and (now - self._baseline_from) * 1000.0 <= BASELINE_MS + gap
        ):
            self.baseline.add(gap)
