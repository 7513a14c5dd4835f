"""Judges the columns of a batch: clocks that cannot be right, values outside their kind's range.

All datastreams at once, in numpy. A judgement only ever makes a quality worse; values are never
changed and points never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.observation import ByteArray, FloatArray, IntArray, LongArray
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

EARLIEST_MS: Final = 631_152_000_000
"""1990-01-01: an older stamp is a broken clock"""
UNREADABLE_TIME: Final = -(2**62)
"""stands in a column of times for a time that could not be read"""
FUTURE_MS: Final = 300_000
"""further ahead than this is marked uncertain"""
OURS_EARLIEST_MS: Final = 1_704_067_200_000
"""2024: this program did not exist before; a console that says so has a clock without a battery"""
ABSURD_FUTURE_MS: Final = 86_400_000
"""further ahead than this is a broken clock: our receive time takes its place"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is physically possible for a datastream, in its unit; None = no bound."""

    low: float | None = None
    high: float | None = None
    stuck_after_ms: int = 0
    """a value unchanged to the last bit for this long is uncertain; 0 = never"""


class Judge:
    """Holds the bounds and, for stuck values, what each datastream last read."""

    def __init__(self, bounds: Mapping[int, Bounds] | None = None) -> None:
        self._low: FloatArray = np.empty(0)
        self._high: FloatArray = np.empty(0)
        self._stuck: LongArray = np.empty(0, np.int64)
        self._last: FloatArray = np.empty(0)
        self._since: LongArray = np.empty(0, np.int64)
        self._any_stuck = False
        self._marks: ByteArray = np.empty(0, np.uint8)
        self.set_bounds(bounds or {})

    def set_bounds(self, bounds: Mapping[int, Bounds]) -> None:
        """Add or replace bounds by datastream id."""
        if not bounds:
            return
        self._grow(max(bounds) + 1)
        for number, bound in bounds.items():
            self._low[number] = -np.inf if bound.low is None else bound.low
            self._high[number] = np.inf if bound.high is None else bound.high
            self._stuck[number] = bound.stuck_after_ms
        self._any_stuck = bool((self._stuck > 0).any())

    def set_marks(self, marks: Mapping[int, int]) -> None:
        """Marks that every point of a datastream gets; those not named get none any more."""
        self._marks = np.zeros(max(marks) + 1 if marks else 0, np.uint8)
        for number, mark in marks.items():
            self._marks[number] = mark

    def clocks(
        self, time_ms: LongArray, received_ms: LongArray, quality: ByteArray
    ) -> dict[int, int]:
        """Put right, in place, the times and marks of points with a clock that is wrong.

        Returns the points that got our receive time instead of their own: row -> how many ms
        they were off.
        """
        ahead = time_ms - received_ms
        # where our own clock cannot be right the device's time stands, marked
        ours = received_ms >= OURS_EARLIEST_MS
        broken = (time_ms < EARLIEST_MS) | ((ahead > ABSURD_FUTURE_MS) & ours)
        doubtful = broken | (ahead > FUTURE_MS)
        if doubtful.any():
            time_ms[broken] = received_ms[broken]
            _worsen(quality, doubtful, Quality.UNCERTAIN)
            quality[doubtful] |= np.uint8(QualityMark.TIME_UNCERTAIN)
        rows = np.nonzero(broken)[0]
        return dict(zip(rows.tolist(), ahead[rows].tolist(), strict=True))

    def values(
        self, datastream: IntArray, time_ms: LongArray, value: FloatArray, quality: ByteArray
    ) -> None:
        """Mark, in place, values outside their bounds, values that stand still too long, and all
        of the datastreams that `set_marks` named.
        """
        if self._marks.size and datastream.size:
            known = datastream < self._marks.size
            quality[known] |= self._marks[datastream[known]]
            withheld = (quality & np.uint8(QualityMark.WITHHELD)) != 0
            if withheld.any():  # nothing learns from it, also not later from the history
                _worsen(quality, withheld, Quality.UNCERTAIN)
        if not self._low.size or not datastream.size:
            return
        known = datastream < self._low.size
        if not known.all():
            rows = np.nonzero(known)[0]
            part = quality[rows]
            self.values(datastream[rows], time_ms[rows], value[rows], part)
            quality[rows] = part
            return
        outside = (value < self._low[datastream]) | (value > self._high[datastream])
        if outside.any():
            _worsen(quality, outside, Quality.UNCERTAIN)
        if self._any_stuck:
            self._stand_still(datastream, time_ms, value, quality)

    def _stand_still(
        self, datastream: IntArray, time_ms: LongArray, value: FloatArray, quality: ByteArray
    ) -> None:
        watched = np.nonzero(self._stuck[datastream] > 0)[0]
        for row in watched.tolist():
            number = int(datastream[row])
            if value[row] != self._last[number]:
                self._last[number] = value[row]
                self._since[number] = time_ms[row]
            elif time_ms[row] - self._since[number] >= self._stuck[number]:
                _worsen(quality, slice(row, row + 1), Quality.UNCERTAIN)

    def _grow(self, size: int) -> None:
        more = size - self._low.size
        if more <= 0:
            return
        self._low = np.concatenate([self._low, np.full(more, -np.inf)])
        self._high = np.concatenate([self._high, np.full(more, np.inf)])
        self._stuck = np.concatenate([self._stuck, np.zeros(more, np.int64)])
        self._last = np.concatenate([self._last, np.full(more, np.nan)])
        self._since = np.concatenate([self._since, np.zeros(more, np.int64)])


def _worsen(quality: ByteArray, rows: npt.NDArray[np.bool_] | slice, at_least: Quality) -> None:
    """Raise the class of the chosen rows to `at_least`; marks stay."""
    chosen = quality[rows]
    quality[rows] = (chosen & ~np.uint8(CLASS_MASK)) | np.maximum(
        chosen & CLASS_MASK, np.uint8(at_least)
    )
