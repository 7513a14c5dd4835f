"""Walks over a series as time did: every forecast is made from what was known at its origin.

The training part is walked over first; it chooses the weights of the candidates. In the judged
part the candidates are fitted anew at set moments on what is known by then, the weights and the
band follow the latest known outcomes, and the naive rule takes over while it is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.forecasting import blend, experts, freezing
from lamplighter.analytics.forecasting.features import Known, known_before
from lamplighter.analytics.forecasting.grid import DAY_MS, Grid
from lamplighter.domain.task import Progress, silent

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
LEVEL: Final = 0.9
AIM: Final = 0.91
"""aimed at by the correction: neighbouring steps are alike, so the days it is learned from hold
fewer independent outcomes than they count"""
WEIGH_DAYS: Final = 112
BAND_DAYS: Final = 28
BACK_TESTS: Final = 3
REFITS: Final = 5
LEAST_TRAINING: Final = 30
"""known values below which nothing is judged"""


class Taught(Struct, frozen=True):
    """What the training part taught for one lead, so that a later walk need not learn it again.

    Trees are not in it: they grow anew from the same hours and the same seed.
    """

    naive: int
    """place in `experts.NAIVE` of the rule that was nearer"""
    share: tuple[float, ...]
    """of each candidate, in the order of `experts.names`"""
    shift: tuple[experts.Shift, ...]
    """how the latest departures count, for each moment of fitting"""


@dataclass(frozen=True, slots=True)
class Walked:
    """n steps; everything is NaN before `cut`. `shown` is what a user would have seen."""

    cut: int
    shown: Floats
    blended: Floats
    low: Floats
    high: Floats
    raw_low: Floats
    raw_high: Floats
    naive_day: Floats
    naive_week: Floats
    candidates: dict[str, Floats]
    frozen: Mask
    """the naive rule was shown because it had been better"""
    sudden: Mask
    """of these: because it had been much better over the last days"""
    naive_name: str
    """which naive rule the training part found better"""
    beside: str
    """which one stands beside the newest step: another one only after a sudden change"""
    share: dict[str, float]
    """share of each candidate, mean over the judged part"""
    trained_share: dict[str, float]
    """the same as the training part alone chose it"""
    fits: int
    taught: Taught


class Walk:
    """One series, one horizon. `run` may be called once."""

    def __init__(
        self, grid: Grid, horizon: int, cut: int, *, boosted: bool = True, seed: int = 0,
        refits: int = REFITS, back_tests: int = BACK_TESTS, start: int = 0,
        taught: Taught | None = None,
    ) -> None:  # fmt: skip
        """`cut`: the first judged step; `horizon` in steps; `start`: the first step of the
        training part that is walked over, 0 = at 45 % of it; `taught` by an earlier walk with the
        same `start` and `cut`: nothing is learned but trees.
        """
        self.grid, self.horizon, self.cut = grid, horizon, cut
        self.boosted, self.seed = boosted, seed
        self.known: Known = known_before(grid, horizon)
        self.refits, self.back_tests = refits, back_tests
        self.names = experts.names(self.known, boosted=boosted)
        self._start = start or max(int(cut * 0.45), 1)
        self._taught = taught

    # ---------------------------------------------------------------- fitting
    def moments(self) -> list[int]:
        """Steps before which the candidates are fitted anew: in the training part, then after."""
        before = np.linspace(self._start, self.cut, self.back_tests + 1)[:-1].astype(int).tolist()
        month = max(round(28 * DAY_MS / self.grid.step_ms), 1)
        every = max(month, -(-(self.grid.steps - self.cut) // max(self.refits, 1)))
        return sorted({*before, *range(self.cut, self.grid.steps, every)})

    def _fit_all(
        self, progress: Progress
    ) -> tuple[dict[str, Floats], Floats, Floats, tuple[experts.Shift, ...]]:
        n, y = self.grid.steps, self.grid.value
        table = {name: np.full(n, np.nan) for name in self.names}
        table |= experts.unlearned(self.known)
        low, high = np.full(n, np.nan), np.full(n, np.nan)
        moments = self.moments()
        at = np.arange(n)
        shifts: list[experts.Shift] = []
        for turn, begin in enumerate(moments):
            end = moments[turn + 1] if turn + 1 < len(moments) else n
            fit, rows = at <= begin - self.horizon, slice(begin, end)
            progress(turn, len(moments), f"fit {turn + 1} of {len(moments)}")
            shifts.append(
                self._taught.shift[turn]
                if self._taught is not None
                else experts.fitted_shift(self.known, y, fit)
            )
            found = experts.learned(
                self.known, y, fit, rows,
                boosted=self.boosted, seed=self.seed + turn, shift=shifts[-1],
            )  # fmt: skip
            for name, column in found.items():
                table[name][rows] = column
            if self.boosted:
                sides = experts.edges(self.known, y, fit, rows, level=LEVEL, seed=self.seed + turn)
                if sides is not None:
                    low[rows], high[rows] = sides
        return table, low, high, tuple(shifts)

    # ---------------------------------------------------------------- walking
    def run(self, progress: Progress = silent) -> Walked:
        table, low, high, shifts = self._fit_all(progress)
        progress(1, 1, "bands")
        y = self.grid.value
        stack = np.stack([table[name] for name in self.names], axis=1)
        stack = _without_holes(stack)
        usable = np.isfinite(y) & np.isfinite(stack).all(axis=1)
        trained = np.flatnonzero(usable[: max(self.cut - self.horizon + 1, 0)])
        trained = trained[trained >= self._start]
        if self._taught is not None:
            first, naive_at = np.array(self._taught.share), self._taught.naive
        else:
            first = blend.weights(stack[trained], y[trained])
            naive_at = int(np.argmin(_mean_miss(stack[trained, :2], y[trained])))
        blended, mean_share = self._blended(stack, usable, first)
        frozen, sudden, beside = self._frozen(blended, stack[:, :2], naive_at, y)
        naive = np.take_along_axis(stack[:, :2], beside[:, None], axis=1)[:, 0]
        shown = np.where(frozen, naive, blended)
        raw_low, raw_high = self._raw(shown, low, high, y)
        low, high = self._banded(shown, raw_low, raw_high, y)
        for column in (shown, blended, low, high, raw_low, raw_high):
            column[: self.cut] = np.nan
        return Walked(
            self.cut, shown, blended, low, high, raw_low, raw_high,
            self.known.naive_day, self.known.naive_week,
            {name: stack[:, k] for k, name in enumerate(self.names)},
            frozen, sudden, experts.NAIVE[naive_at], experts.NAIVE[beside[-1]],
            dict(zip(self.names, mean_share.tolist(), strict=True)),
            dict(zip(self.names, first.tolist(), strict=True)), len(shifts),
            Taught(naive_at, tuple(first.tolist()), shifts),
        )  # fmt: skip

    def _blocks(self, a_day: int = 1) -> list[tuple[int, int]]:
        """(begin, end) of stretches that share a decision: a day or part of it, from the first
        back-test.
        """
        size = max(self.grid.day // a_day, 1)
        begins = [*range(self._start, self.cut, size), *range(self.cut, self.grid.steps, size)]
        return [(b, min(b + size, self.cut if b < self.cut else self.grid.steps)) for b in begins]

    def _span(self, days: int) -> int:
        return max(round(days * DAY_MS / self.grid.step_ms), blend.LEAST * 2)

    def _known_rows(self, begin: int, days: int, usable: Mask) -> npt.NDArray[np.int64]:
        """Rows whose outcome was known one horizon before `begin`, at most `days` of them."""
        last = begin - self.horizon + 1
        first = max(last - self._span(days), self._start)
        return first + np.flatnonzero(usable[first : max(last, first)])

    def _blended(self, stack: Floats, usable: Mask, first: Floats) -> tuple[Floats, Floats]:
        """Half as the training part chose, half as the last weeks would have chosen.

        Within the training part itself only the weeks before count, so that a band learned from
        it is not flattered by weights that saw the outcome.
        """
        y = self.grid.value
        blended = np.full(self.grid.steps, np.nan)
        total, judged = np.zeros(stack.shape[1]), 0
        for begin, end in self._blocks():
            rows = self._known_rows(begin, WEIGH_DAYS, usable)
            share = blend.weights(stack[rows], y[rows])
            if begin >= self.cut:
                share = (share + first) / 2.0
                total, judged = total + share, judged + 1
            blended[begin:end] = stack[begin:end] @ share
        return blended, total / max(judged, 1)

    def _frozen(self, blended: Floats, both: Floats, naive_at: int, y: Floats) -> freezing.Frozen:
        """Where one of `both` naive rules (n, 2) is shown, and which."""
        return freezing.decided(
            np.abs(y - blended), np.abs(y[:, None] - both), naive_at,
            self._blocks(freezing.TIMES_A_DAY), self.horizon, self.grid.day,
        )  # fmt: skip

    def _raw(self, shown: Floats, low: Floats, high: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Edges before their correction: learned, else by the usual miss at that time of day."""
        if np.isfinite(low[self.cut :]).any():
            return np.fmin(low, shown), np.fmax(high, shown)
        slots = max(self.grid.day, 1)
        slot = (self.grid.wall_ms() // self.grid.step_ms) % slots
        rest = y - shown
        usable = np.isfinite(rest)
        wide = np.full(self.grid.steps, np.nan)
        for begin, end in self._blocks():
            rows = self._known_rows(begin, BAND_DAYS, usable)
            miss = blend.usual_miss(rest[rows], slot[rows], slots)
            wide[begin:end] = 2.0 * miss[slot[begin:end]]
        return shown - wide, shown + wide

    def _banded(self, shown: Floats, low: Floats, high: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Rolling conformal: both edges moved by what the last weeks would have needed."""
        usable = np.isfinite(low) & np.isfinite(high) & np.isfinite(y)
        found_low, found_high = np.full(y.shape, np.nan), np.full(y.shape, np.nan)
        for begin, end in self._blocks():
            if begin < self.cut:
                continue
            rows = self._known_rows(begin, BAND_DAYS, usable)
            down, up = blend.corrections(low[rows], high[rows], y[rows], AIM)
            width = high[begin:end] - low[begin:end]
            found_low[begin:end] = low[begin:end] - down * width
            found_high[begin:end] = high[begin:end] + up * width
        return np.fmin(found_low, shown), np.fmax(found_high, shown)


def _without_holes(stack: Floats) -> Floats:
    """A candidate that has nothing to say takes the mean of the others at that step."""
    holes = ~np.isfinite(stack)
    if not holes.any():
        return stack
    count = np.maximum((~holes).sum(axis=1), 1)
    mean = np.where(holes, 0.0, stack).sum(axis=1) / count
    mean[holes.all(axis=1)] = np.nan
    return np.where(holes, mean[:, None], stack)


def _mean_miss(columns: Floats, outcome: Floats) -> Floats:
    if not outcome.size:
        return np.zeros(columns.shape[1])
    found: Floats = np.abs(columns - outcome[:, None]).mean(axis=0)
    return found
