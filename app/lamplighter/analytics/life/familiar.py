"""Whether a unit is like anything that was learned from, and which past lives it is most like.

A model answers whatever it is given. Here stands when its answer has no basis: a sensor is
missing, repeats itself as none did in training, or lies outside all that was seen; or the unit
runs in an operating regime that no training unit ran in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.life import windows
from lamplighter.analytics.life.fleet_file import Lives
from lamplighter.analytics.life.remaining import Learner

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST_ROWS: Final = 5
RECENT: Final = windows.SHORT
MARGIN: Final = 0.5
"""share of a sensor's training range by which its recent mean may leave it"""
REPEATS: Final = 2.0
"""times the longest exact repeat in training"""
ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class LikeCase:
    """A past life that was like this one, and how it went on."""

    unit: float
    cycle: float
    left: float
    distance: float


class Familiar:
    """What training looked like, by a learner of all its units."""

    def __init__(self, learner: Learner, lives: Lives) -> None:
        self._learner = learner
        z = learner.scaled(lives)
        smooth = _smooth(lives, z)
        self._low, self._high = smooth.min(axis=0), smooth.max(axis=0)
        self._longest = np.maximum(RECENT, REPEATS * _longest_repeats(lives, learner.kept))
        step = max(1, len(lives.cycle) // ROWS)
        rows = np.arange(0, len(lives.cycle), step)
        inputs = learner.features(lives, z)[rows]
        self._centre, self._scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
        self._inputs = (inputs - self._centre) / self._scale
        self._unit = lives.unit[lives.of_row[rows]]
        self._cycle, self._left = lives.cycle[rows], lives.remaining()[rows]

    def why_not(self, lives: Lives, names: tuple[str, ...]) -> list[str]:
        """(u,) why there is nothing to say of each unit at its last row; empty = there is."""
        z = self._learner.scaled(lives)
        smooth = _smooth(lives, z)[lives.last]
        _, known = self._learner.regimes.assign(lives.settings)
        runs = _repeats_at_end(lives, self._learner.kept)
        room = MARGIN * (self._high - self._low)
        outside = (smooth < self._low - room) | (smooth > self._high + room)
        said = []
        for place, (begin, count) in enumerate(zip(lives.begin, lives.length, strict=True)):
            recent = slice(max(begin, begin + count - RECENT), begin + count)
            said.append(
                self._one(
                    int(count),
                    np.isnan(lives.sensors[recent][:, self._learner.kept]).mean(axis=0),
                    float(known[recent].mean()),
                    runs[place] > self._longest,
                    outside[place],
                    names,
                )
            )
        return said

    def _one(
        self,
        count: int,
        missing: Floats,
        known: float,
        stuck: npt.NDArray[np.bool_],
        outside: npt.NDArray[np.bool_],
        names: tuple[str, ...],
    ) -> str:
        kept = self._learner.kept
        if count < FEWEST_ROWS:
            return f"{count} rows, at least {FEWEST_ROWS} are needed"
        if known < 0.5:
            return "it runs in a regime that no training unit ran in"
        for words, where in (
            ("is missing", missing > 0.5),
            ("repeats one value", stuck),
            ("is unlike anything in training", outside),
        ):
            if where.any():
                return f"{names[int(kept[int(np.argmax(where))])]} {words}"
        return ""

    def alike(self, inputs: Floats, most: int = 3) -> list[LikeCase]:
        """The nearest rows of `most` different past lives for one row of features (f,)."""
        apart = self._inputs - (inputs - self._centre) / self._scale
        distance = np.sqrt((apart**2).mean(axis=1))
        found: list[LikeCase] = []
        for row in np.argsort(distance, kind="stable"):
            if any(case.unit == self._unit[row] for case in found):
                continue
            numbers = (self._unit[row], self._cycle[row], self._left[row], distance[row])
            found.append(LikeCase(*(round(float(n), 3) for n in numbers)))
            if len(found) == most:
                break
        return found


def _smooth(lives: Lives, z: Floats) -> Floats:
    out = []
    for begin, count in zip(lives.begin, lives.length, strict=True):
        laid = windows.lay(z, np.array([begin]), np.array([count]))
        out.append(windows.rolling(laid.values, RECENT)[0])
    return np.concatenate(out)


def _repeats_at_end(lives: Lives, kept: Ints) -> Floats:
    """(u, k) rows at each unit's end that hold one and the same value."""
    out = np.zeros((len(lives.length), len(kept)))
    for place, (begin, count) in enumerate(zip(lives.begin, lives.length, strict=True)):
        rows = lives.sensors[begin : begin + count][:, kept]
        other = rows[::-1] != rows[-1]
        out[place] = np.where(other.any(axis=0), np.argmax(other, axis=0), count)
    return out


def _longest_repeats(lives: Lives, kept: Ints) -> Floats:
    """(k,) longest run of one value within a training unit."""
    longest = np.ones(len(kept))
    for begin, count in zip(lives.begin, lives.length, strict=True):
        rows = lives.sensors[begin : begin + count][:, kept]
        same = np.vstack([np.zeros((1, len(kept)), bool), rows[1:] == rows[:-1]])
        step = np.arange(count)[:, None]
        since = np.maximum.accumulate(np.where(same, -1, step), axis=0)
        longest = np.maximum(longest, (step - since + 1).max(axis=0))
    return longest
