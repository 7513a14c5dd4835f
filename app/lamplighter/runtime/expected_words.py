"""One sentence about what a datastream should read, for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lamplighter.domain.city import Datastream


def number(value: float, step: float) -> str:
    """With as many decimals as the step of the values has."""
    decimals = max(0, min(6, -math.floor(math.log10(step)))) if step > 0 else 2
    return f"{value:.{decimals}f}"


def with_unit(value: float, stream: Datastream) -> str:
    unit = f" {stream.unit}" if stream.unit else ""
    return number(value, stream.resolution) + unit


def said(
    stream: Datastream,
    value: float | None,
    expected: float,
    spread: float,
    basis: str,
    season: str,
    neighbours: Sequence[str],
) -> str:
    """`Measured 3.2 bar, expected 3.9 ± 0.2 bar: 3.5 spreads under; from ...`"""
    if not math.isfinite(expected):
        return "There is no expected value now."
    width = spread if math.isfinite(spread) else 0.0
    unit = f" {stream.unit}" if stream.unit else ""
    should = f"expected {number(expected, stream.resolution)} ± {number(width, stream.resolution)}"
    parts = [f"{should}{unit}"]
    if value is not None and math.isfinite(value):
        parts[0] = f"measured {with_unit(value, stream)}, {should}{unit}"
        parts.append(away(value - expected, width))
    text = ": ".join(parts)
    return f"{text[0].upper()}{text[1:]}; {_from(basis, season, neighbours)}."


def away(gap: float, spread: float) -> str:
    """How far off, in spreads and direction."""
    if spread <= 0:
        return "as expected" if gap == 0 else ("over" if gap > 0 else "under")
    score = gap / spread
    if abs(score) < 1.0:
        return "within one spread"
    return f"{abs(score):.1f} spreads {'over' if gap > 0 else 'under'}"


def _from(basis: str, season: str, neighbours: Sequence[str]) -> str:
    if basis == "plugin":
        return "from a plugin's model"
    if basis == "since the start":
        return "from what was seen since the recorder started"
    parts = "a steady level" if season == "level" else f"the {season}" if season else "its season"
    if not neighbours:
        return f"from {parts}"
    return f"from {parts} and {', '.join(neighbours)}"
