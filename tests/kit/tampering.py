"""Ways to tamper with a sensor, injected with a seed into clean rows: what was done is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ABRUPT: Final = ("bias", "freeze", "replay", "scale", "swap", "spoof", "drop")
NINE: Final = ("bias", "drift", "freeze", "replay", "scale", "swap", "clock shift", "spoof", "drop")
STEALTHY: Final = "coordinated stealthy"
RATIOS: Final = (3.6, 1 / 3.6, 10.0, 0.1, 1000.0, 0.001, 1.8)
LONG: Final = 96
"""samples that a tampering lasts"""


class Tampering:
    """Works on a copy of clean values (n, m); the tampering begins at row `begin`.

    `partners`: for each channel those of its own kind; `spread` (m,) of each channel while clean.
    """

    def __init__(
        self, clean: Floats, begin: int, partners: list[list[int]], spread: Floats, seed: int
    ) -> None:
        self.clean, self.begin, self.partners, self.spread = clean, begin, partners, spread
        self.rng = np.random.default_rng(seed)
        self.end = min(begin + LONG, len(clean))

    def apply(self, kind: str, row: int) -> Floats:
        """The values with channel `row` tampered with."""
        made: Callable[[Floats, int], None] = getattr(self, "_" + kind.replace(" ", "_"))
        values = self.clean.copy()
        made(values, row)
        return values

    @property
    def _span(self) -> slice:
        return slice(self.begin, self.end)

    def _sign(self) -> float:
        return float(self.rng.choice((-1.0, 1.0)))

    def _bias(self, values: Floats, row: int) -> None:
        values[self._span, row] += self._sign() * self.rng.uniform(1.5, 4.0) * self.spread[row]

    def _drift(self, values: Floats, row: int) -> None:
        ramp = np.linspace(0.0, 1.0, self.end - self.begin)
        far = self._sign() * self.rng.uniform(2.0, 4.0) * self.spread[row]
        values[self._span, row] += far * ramp

    def _freeze(self, values: Floats, row: int) -> None:
        values[self._span, row] = values[self.begin, row]

    def _replay(self, values: Floats, row: int) -> None:
        """A stretch of its own past of the same hours of the day, exactly as it was."""
        most = self.begin // LONG
        back = LONG * int(self.rng.integers(1, most + 1))
        values[self._span, row] = self.clean[self.begin - back : self.end - back, row]

    def _scale(self, values: Floats, row: int) -> None:
        values[self._span, row] *= self.rng.choice(RATIOS)

    def _swap(self, values: Floats, row: int) -> None:
        other = int(self.rng.choice(self.partners[row]))
        values[self._span, row] = self.clean[self._span, other]
        values[self._span, other] = self.clean[self._span, row]

    def _clock_shift(self, values: Floats, row: int) -> None:
        late = int(self.rng.integers(3, 9))
        values[self._span, row] = self.clean[self.begin - late : self.end - late, row]

    def _spoof(self, values: Floats, row: int) -> None:
        """A second publisher: every other value or so is its own, inside the usual range."""
        count = self.end - self.begin
        walk = np.cumsum(self.rng.normal(0.0, 0.3, count)) + self.rng.normal(0.0, 1.0)
        own = np.nanmean(self.clean[:, row]) + self.spread[row] * np.clip(walk, -2.0, 2.0)
        theirs = self.rng.random(count) < 0.5
        theirs[0] = True
        part = values[self._span, row]
        values[self._span, row] = np.where(theirs, own, part)

    def _drop(self, values: Floats, row: int) -> None:
        gone = self.rng.random(self.end - self.begin) < self.rng.uniform(0.7, 1.0)
        values[self._span, row] = np.where(gone, np.nan, values[self._span, row])

    def stealthy(self, row: int, with_: npt.NDArray[np.int64], pull: Floats) -> Floats:
        """Several channels moved slowly together, `pull` (channels,) in spreads each, so that they
        agree with each other: the worst that one who knows the model can do."""
        values = self.clean.copy()
        ramp = np.linspace(0.0, 1.0, self.end - self.begin)[:, None]
        far = self._sign() * self.rng.uniform(2.0, 4.0)
        values[self._span, with_] += far * ramp * pull[None, :] * self.spread[with_]
        return values
