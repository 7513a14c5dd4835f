"""What every datastream should read now, as coefficient tables evaluated in one numpy expression.

A row holds a season (one coefficient per slot of the day or week), weights of neighbours and a
spread, and is good for a window of time. Where an input is stale, bad or missing, or where the
history was too short, the answer is NaN: the model abstains rather than guesses.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.learner import OnlineLearner
from lamplighter.domain.ports import Newest
from lamplighter.domain.quality import CLASS_MASK, Quality

Floats = npt.NDArray[np.float64]

DAY_MS: Final = 86_400_000
WEEK_MS: Final = 7 * DAY_MS
MONDAY_MS: Final = 4 * DAY_MS
"""1970-01-01 was a Thursday; slots of a week count from Monday 00:00 UTC"""


class ExpectedTable(Struct, frozen=True):
    """Coefficients of m datastreams; all arrays have m rows.

    `season` (m, s): value per slot, NaN where the history was too short. `neighbour` (m, k):
    datastream ids, -1 for none; a neighbour without a row of its own makes its weight unusable.
    `spread` (m,): one standard deviation of what remains, in the datastream's unit.
    """

    datastream: np.ndarray
    period_ms: int
    """length of the season: one day or one week"""
    season: np.ndarray
    neighbour: np.ndarray
    weight: np.ndarray
    spread: np.ndarray
    stale_ms: np.ndarray
    """age from which a neighbour's value counts for nothing, per row"""
    valid_from_ms: int
    valid_to_ms: int
    used: np.ndarray | None = None
    """(m,) false for rows that only others lean on: their own answer is NaN; None = all are used"""
    hourly: np.ndarray | None = None
    """(m,) spread of hourly means, narrower than that of single values"""
    tail: np.ndarray | None = None
    """(m,) the farthest that an hour not learned from lay off, in hourly spreads"""
    long_tail: np.ndarray | None = None
    """(m,) the same of means over a whole day"""

    @property
    def rows(self) -> int:
        return int(self.datastream.shape[0])

    def seasonal(self, now_ms: int) -> Floats:
        """(m,) the season at `now_ms`, linear between the middles of two slots."""
        slots = self.season.shape[1]
        offset = MONDAY_MS if self.period_ms == WEEK_MS else 0
        place = ((now_ms - offset) % self.period_ms) / self.period_ms * slots - 0.5
        before = int(np.floor(place))
        share = place - before
        now: Floats = (1.0 - share) * self.season[:, before % slots] + share * self.season[
            :, (before + 1) % slots
        ]
        return now

    def season_of(self, row: int, time_ms: npt.NDArray[np.int64]) -> Floats:
        """The season of one row at many times, as `seasonal` has it at one."""
        slots = self.season.shape[1]
        offset = MONDAY_MS if self.period_ms == WEEK_MS else 0
        place = ((time_ms - offset) % self.period_ms) / self.period_ms * slots - 0.5
        before = np.floor(place).astype(np.int64)
        share = place - before
        own = self.season[row]
        found: Floats = (1.0 - share) * own[before % slots] + share * own[(before + 1) % slots]
        return found

    def evaluate(self, newest: Newest, now_ms: int) -> tuple[Floats, Floats]:
        """(expected, spread), each indexed by datastream id like `newest`; NaN = abstains."""
        count = int(newest.value.shape[0])
        expected, spread = np.full(count, np.nan), np.full(count, np.nan)
        if not self.valid_from_ms <= now_ms < self.valid_to_ms or not self.rows:
            return expected, spread
        known = self.datastream < count
        ids = self.datastream[known]
        season = self.seasonal(now_ms)[known]
        departure = np.full(count + 1, np.nan)  # the last one stands for "no neighbour"
        usable = (newest.quality[ids] & CLASS_MASK) <= int(Quality.UNCERTAIN)
        usable &= (newest.time_ms[ids] > 0) & (now_ms - newest.time_ms[ids] <= self.stale_ms[known])
        departure[ids] = np.where(usable, newest.value[ids] - season, np.nan)
        neighbour, weight = self.neighbour[known], self.weight[known]
        missing = (neighbour < 0) | (neighbour >= count)
        place = np.where(missing, count, neighbour)
        part = np.where(weight == 0.0, 0.0, weight * departure[place])
        found = season + part.sum(axis=1)
        if self.used is not None:
            found[~self.used[known]] = np.nan
        expected[ids] = found
        spread[ids] = np.where(np.isnan(expected[ids]), np.nan, self.spread[known])
        return expected, spread


class Basis(IntEnum):
    """What an expected value rests on."""

    NONE = 0
    SINCE_START = 1
    """what was learned while values arrived since the start"""
    HISTORY = 2
    """a table trained on the project's own history"""
    PLUGIN = 3
    """a table that a plugin's model made"""


class Expectation:
    """Expected values of all datastreams: a plugin's tables where they are, else the one trained on
    history, else what was learned since the start. One thread calls `tick`, about once a second."""

    def __init__(self, learner: OnlineLearner | None = None) -> None:
        self.learner = learner or OnlineLearner()
        self._tables: tuple[ExpectedTable, ...] = ()
        self.trained: ExpectedTable | None = None
        """learned from the project's own history; set by who trains it, between two ticks"""
        self.basis: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        """by datastream id: `Basis` of the last tick's answer"""

    def use(self, tables: tuple[ExpectedTable, ...]) -> None:
        """Replace the plugins' tables; later ones win where two know the same datastream."""
        self._tables = tables

    def tick(self, newest: Newest, now_ms: int) -> tuple[Floats, Floats]:
        """(expected, spread) by datastream id for the values that are there now.

        What is expected is fixed before the newest value is learned from.
        """
        expected, spread = self.learner.evaluate(newest, now_ms)
        basis = np.where(np.isnan(expected), Basis.NONE, Basis.SINCE_START).astype(np.uint8)
        own = () if self.trained is None else (self.trained,)
        for table in (*own, *self._tables):
            theirs, width = table.evaluate(newest, now_ms)
            known = ~np.isnan(theirs)
            expected[known], spread[known] = theirs[known], width[known]
            basis[known] = Basis.HISTORY if table is self.trained else Basis.PLUGIN
        self.basis = basis
        self.learner.learn(newest, now_ms)
        return expected, spread


def residual(newest: Newest, expected: Floats, spread: Floats) -> Floats:
    """How many spreads each value departs from what was expected; NaN where the model abstains."""
    with np.errstate(divide="ignore", invalid="ignore"):
        score: Floats = (newest.value - expected) / spread
    usable = (newest.quality & CLASS_MASK) <= int(Quality.UNCERTAIN)
    return np.where(usable & np.isfinite(score), score, np.nan)
