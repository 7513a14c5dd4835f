"""The one timer of data frames: all visible views repaint in one beat, nothing in between.

At most every 100 ms; 500 ms when the last frame took over 40 ms from its start to the first idle
turn of the event loop after it. Hidden views are skipped. The costly 3D view shows the same values
one idle turn after the others, so that no single turn of the event loop carries both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from lamplighter.domain.newest_block import NewestValues
from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode

FAST_MS: Final = 100
SLOW_MS: Final = 500
HEAVY_MS: Final = 40.0
AGE_CELL_MS: Final = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """What one beat shows: the values of the shown time, its 'now' and the mode."""

    values: NewestValues | None
    now_ms: int
    mode: Mode
    number: int


class View(Protocol):
    """Something that repaints in the beat."""

    def isVisible(self) -> bool: ...

    def show_frame(self, shown: Shown) -> None: ...


class AgeCounts:
    """Age of points at the first frame that shows them, in cells of 5 ms up to 60 s."""

    def __init__(self) -> None:
        self.cells = np.zeros(12_001, np.int64)

    def add(self, ages_ms: np.ndarray) -> None:
        index = np.clip(ages_ms // AGE_CELL_MS, 0, 12_000).astype(np.int64)
        self.cells += np.bincount(index, minlength=12_001)

    def quantile_s(self, share: float) -> float | None:
        total = int(self.cells.sum())
        if not total:
            return None
        cell = int(np.searchsorted(np.cumsum(self.cells), share * total))
        return (cell + 1) * AGE_CELL_MS / 1000


class Beat(QObject):
    """Runs the frames. `first_value` is emitted once, after the first frame with live data."""

    first_value = Signal()
    done = Signal(float)
    """duration of the last frame in ms, from its start to the first idle turn"""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._views: list[View] = []
        self._late: list[View] = []
        self._waiting: Shown | None = None
        self.before_paint: Callable[[], None] = lambda: None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._frame)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(0)
        self._idle.timeout.connect(self._idled)
        self._hurry = False
        self._start = 0.0
        self._seen: np.ndarray = np.zeros(0, np.int64)
        self._fresh_ages: tuple[np.ndarray, int] | None = None
        self._connected_ms = 0
        self._first = False
        self.ages = AgeCounts()
        self.last_ms = 0.0
        self.number = 0
        """of the frame that was begun last"""
        self.shown = 0
        """of the frame that was shown wholly, in 3D too"""
        self.most_live = 0
        """the largest number of datastreams that were live at the same moment"""

    def add(self, view: View) -> None:
        self._views.append(view)

    def add_late(self, view: View) -> None:
        """A view that is shown after the others have been painted."""
        self._late.append(view)

    def start(self) -> None:
        self._connected_ms = self._desk.clock.wall_ms()
        self._timer.start(0)

    def soon(self) -> None:
        """Shows what changed at once; used when another moment was asked for."""
        if self._timer.isActive():
            self._timer.start(0)
        else:
            self._hurry = self._idle.isActive()  # with the end of the frame that is under way

    def stop(self) -> None:
        self._timer.stop()
        self._idle.stop()

    def _frame(self) -> None:
        self._start = time.perf_counter()
        desk = self._desk
        desk.take_newest()
        self.number += 1
        shown = Shown(desk.values, desk.time.now_ms, desk.time.mode, self.number)
        for view in self._views:
            if view.isVisible():
                view.show_frame(shown)
        self._mark_new(desk.live_values)
        self._count_live()
        self._waiting = shown
        self.before_paint()
        self._idle.start()

    def _count_live(self) -> None:
        """Live datastreams of this beat; only in live mode, for the past is not counted."""
        desk = self._desk
        if desk.time.mode is Mode.LIVE and desk.live_values is not None:
            live = int((~desk.stale_mask() & desk.city.bound).sum())
            self.most_live = max(self.most_live, live)

    def _mark_new(self, values: NewestValues | None) -> None:
        if values is None:
            return
        if len(self._seen) < len(values):
            grown = np.zeros(len(values), np.int64)
            grown[: len(self._seen)] = self._seen
            self._seen = grown
        new = values.time_ms > self._seen[: len(values)]
        times = values.time_ms[new]
        self._seen[: len(values)][new] = times
        self._fresh_ages = times[times >= self._connected_ms], int(new.sum())

    def _idled(self) -> None:
        if self._waiting is not None:
            shown, self._waiting = self._waiting, None
            late = [view for view in self._late if view.isVisible()]
            for view in late:
                view.show_frame(shown)
            if late:
                self.before_paint()
                self._idle.start()
                return
        self.last_ms = (time.perf_counter() - self._start) * 1000.0
        if self._fresh_ages is not None:
            times, _ = self._fresh_ages
            self._fresh_ages = None
            if len(times):
                self.ages.add(self._desk.clock.wall_ms() - times)
                if not self._first:
                    self._first = True
                    self.first_value.emit()
        self.shown = self.number
        wait = SLOW_MS if self.last_ms > HEAVY_MS else FAST_MS
        rest = max(1, round(wait - self.last_ms)) if wait == FAST_MS else wait
        self._hurry, hurry = False, self._hurry
        self._timer.start(0 if hurry else rest)
        self.done.emit(self.last_ms)
