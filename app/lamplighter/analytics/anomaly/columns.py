"""What detectors read and what they say: columns on a common grid, scores, and findings in words.

A detector is fitted on columns of the past and judges later columns causally: the score of a row
uses rows up to it and nothing later, so what comes afterwards changes no score by one bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KINDS: Final = ("point", "drift", "change", "stuck", "noisy", "repeat", "together")
"""What an anomaly can be: one odd value, a slow departure, a step that stays, a value that no
longer moves, more noise than usual, a stretch that repeats an older one exactly, and signals that
are each plausible but not together."""


class Columns(Struct, frozen=True):
    """n rows of s signals on one grid of time, oldest first.

    `time_ms` (n,) rising; `values` (n, s), NaN = not known or not to be used; `units` one per
    signal, or none at all.
    """

    names: tuple[str, ...]
    time_ms: np.ndarray
    values: np.ndarray
    units: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return int(self.time_ms.shape[0])

    def unit(self, place: int) -> str:
        """The unit with a space before it, or nothing."""
        known = self.units[place] if place < len(self.units) else ""
        return f" {known}" if known else ""

    def part(self, begin: int, end: int) -> Columns:
        """Rows `begin` to `end` (not included)."""
        return Columns(self.names, self.time_ms[begin:end], self.values[begin:end], self.units)


class Event(Struct, frozen=True):
    """A repair, a changed set-point, a swapped sensor, planned work: no anomaly while it lasts.

    With `rebase` the level after `end_ms` is learned anew before anything is judged again.
    An empty `signal` means all signals.
    """

    begin_ms: int
    end_ms: int
    signal: str = ""
    rebase: bool = True


class PastWindow(Struct, frozen=True):
    """A stretch of the past that looked alike; `distance` 0 = the same shape and size."""

    begin_ms: int
    end_ms: int
    distance: float


class Share(Struct, frozen=True):
    """How much one signal has to do with a finding, and where it went.

    `spreads`: how many usual spreads it departs, signed; `share` of the finding, 0 to 1.
    """

    signal: str
    spreads: float
    share: float


class Finding(Struct, frozen=True):
    """One anomaly: what, when, in which signals, why, and what was like it before.

    `score`: the largest score in it; 1 is the limit that training set.
    """

    kind: str
    begin_ms: int
    end_ms: int
    peak_ms: int
    score: float
    signals: tuple[Share, ...]
    reason: str
    similar: tuple[PastWindow, ...] = ()


def quiet(columns: Columns, events: tuple[Event, ...]) -> Bools:
    """(n, s) True where an event says that the value is not to be judged or learned from."""
    found = np.zeros(columns.values.shape, np.bool_)
    for event in events:
        rows = (columns.time_ms >= event.begin_ms) & (columns.time_ms <= event.end_ms)
        places = [i for i, n in enumerate(columns.names) if event.signal in ("", n)]
        found[np.ix_(np.flatnonzero(rows), np.array(places, np.int64))] = True
    return found


def usable(columns: Columns, masked: Bools) -> Floats:
    """(n, s) values with NaN where masked or no number."""
    values = columns.values.astype(np.float64)
    return np.where(masked | ~np.isfinite(values), np.nan, values)


def usual_step_ms(time_ms: np.ndarray) -> int:
    """The usual distance of two rows in ms; 1 for less than two rows."""
    return max(int(np.median(np.diff(time_ms))), 1) if time_ms.shape[0] > 1 else 1


def runs(flags: Bools, patience: int) -> list[tuple[int, int]]:
    """Stretches [begin, end) of True, joined across gaps of at most `patience` rows."""
    places = np.flatnonzero(flags)
    if not places.size:
        return []
    cut = np.flatnonzero(np.diff(places) > patience + 1)
    begins = places[np.concatenate(([0], cut + 1))]
    ends = places[np.concatenate((cut, [places.size - 1]))] + 1
    return list(zip(begins.tolist(), ends.tolist(), strict=True))
