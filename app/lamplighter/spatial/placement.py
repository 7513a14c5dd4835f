"""Where a file without a coordinate system lies: a similarity from its own numbers to a map.

Drawings, building models and scans have numbers of their own. Two points whose place is known fix
scale, turn and shift; more points show how well they agree, and whether one side is mirrored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
UNITS: Final = {
    "metre": 1.0,
    "millimetre": 0.001,
    "centimetre": 0.01,
    "decimetre": 0.1,
    "kilometre": 1000.0,
    "inch": 0.0254,
    "foot": 0.3048,
    "yard": 0.9144,
    "mile": 1609.344,
}
_LEAST, _MOST = 1e-5, 1e5
"""metres per unit of the file; beyond these a typing error is certain"""


class BadPoints(ValueError):
    """Points that give no placement; the text says why in one line."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A point of the file and its place: longitude, latitude or map coordinates."""

    own: tuple[float, float, float]
    place: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """`spot + turn * (own - pivot)` in the metric system `epsg`; `turn` is a complex number.

    `rise`: metres of height per unit of the file.
    """

    epsg: int
    pivot: tuple[float, float, float]
    turn: tuple[float, float]
    spot: tuple[float, float, float]
    rise: float

    @property
    def scale(self) -> float:
        return math.hypot(*self.turn)

    @property
    def degrees(self) -> float:
        """Turned by so much, anticlockwise."""
        return math.degrees(math.atan2(self.turn[1], self.turn[0]))

    def moved(self, points: Floats) -> Floats:
        """Map coordinates and metres of height (n, 3) of points (n, 3) of the file."""
        x, y = points[:, 0] - self.pivot[0], points[:, 1] - self.pivot[1]
        a, b = self.turn
        return np.stack(
            [
                self.spot[0] + a * x - b * y,
                self.spot[1] + b * x + a * y,
                self.spot[2] + self.rise * (points[:, 2] - self.pivot[2]),
            ],
            axis=1,
        )

    def numbers(self) -> tuple[float, ...]:
        """As a layer keeps it."""
        numbers = (self.epsg, *self.pivot, *self.turn, *self.spot, self.rise)
        return tuple(float(n) for n in numbers)


def from_numbers(numbers: tuple[float, ...]) -> Placement | None:
    """What `numbers` gave; None for an empty or foreign tuple."""
    if len(numbers) != 10 or not all(math.isfinite(n) for n in numbers):
        return None
    n = numbers
    return Placement(int(n[0]), (n[1], n[2], n[3]), (n[4], n[5]), (n[6], n[7], n[8]), n[9])


def parse_pairs(text: str) -> list[Pair]:
    """`x1,y1=LON1,LAT1;x2,y2=LON2,LAT2`, a third number is a height. Raises `BadPoints`."""
    pairs: list[Pair] = []
    for part in text.split(";"):
        if not part.strip():
            continue
        left, sign, right = part.partition("=")
        own, place = _numbers(left), _numbers(right)
        if not sign or own is None or place is None:
            raise BadPoints(f"'{part.strip()[:60]}' is not x,y=LON,LAT")
        pairs.append(Pair(own, place))
    if len(pairs) < 2:
        raise BadPoints("two points are needed, as x1,y1=LON1,LAT1;x2,y2=LON2,LAT2")
    return pairs


def _numbers(text: str) -> tuple[float, float, float] | None:
    try:
        values = [float(word) for word in text.split(",")]
    except ValueError:
        return None
    if not 2 <= len(values) <= 3 or not all(math.isfinite(v) for v in values):
        return None
    return (values[0], values[1], values[2] if len(values) > 2 else 0.0)


def fitted(pairs: list[Pair], epsg: int, fixed: float = 0.0) -> tuple[Placement, float]:
    """The similarity through points whose places are metres in `epsg`, and its residual.

    `fixed` is the scale in metres per unit of the file, 0 leaves it free. The residual is the
    largest distance in metres between a given and a computed place. Raises `BadPoints` for points
    that coincide, that fit only mirrored, or that mean a scale no drawing has.
    """
    own = np.array([complex(p.own[0], p.own[1]) for p in pairs])
    there = np.array([complex(p.place[0], p.place[1]) for p in pairs])
    size = abs(own).max()
    if np.ptp(own.real) + np.ptp(own.imag) <= 1e-9 * max(size, 1e-9):
        raise BadPoints("the points coincide in the file; two different ones are needed")
    if np.ptp(there.real) + np.ptp(there.imag) < 0.001:
        raise BadPoints("the points coincide on the map; two different places are needed")
    turn, residual = _similar(own, there, fixed)
    _, other = _similar(own.conj(), there, fixed)
    if len(pairs) > 2 and residual > 1.0 and other < residual / 10.0:
        raise BadPoints(
            "the points fit only mirrored; east and north are swapped in the file or on the map"
        )
    scale = abs(turn)
    if not _LEAST <= scale <= _MOST:
        raise BadPoints(f"one unit of the file would be {scale:.3g} m; the points cannot be right")
    first = pairs[0]
    centre, spot = own.mean(), there.mean()
    base = spot + turn * (own[0] - centre)
    placement = Placement(
        epsg,
        first.own,
        (float(turn.real), float(turn.imag)),
        (float(base.real), float(base.imag), first.place[2]),
        float(scale),
    )
    return placement, residual


def _similar(
    own: npt.NDArray[np.complex128], there: npt.NDArray[np.complex128], fixed: float
) -> tuple[complex, float]:
    """Turn and scale with least squares, and the largest distance that is left."""
    a, b = own - own.mean(), there - there.mean()
    turn = complex(np.vdot(a, b) / np.vdot(a, a).real)
    if fixed > 0.0 and abs(turn) > 0.0:
        turn *= fixed / abs(turn)
    return turn, float(abs(b - turn * a).max())


def unit_named(scale: float) -> str:
    """The unit with this length in metres within 2 %, empty when it is none."""
    return next((name for name, size in UNITS.items() if abs(scale / size - 1.0) < 0.02), "")
