"""The limits of a curve: what they are called, and which of them its axis must reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from lamplighter.domain import wire
from lamplighter.domain.city import Datastream
from lamplighter.ui.units import bare

NEAR_LIMIT: Final = 3.0
NEAR_SHARE: Final = 0.35
"""a limit is shown within so many times the range of what is drawn, or this share of its size"""
MOST_RULES: Final = 6


def limits(
    stream: Datastream, rules: Sequence[wire.Threshold] = ()
) -> list[tuple[str, float, bool]]:
    """Name with number, value, solid: its own limits, and where its `rules` fire."""
    found = (
        ("LL", stream.limits.low_low, True),
        ("L", stream.limits.low, False),
        ("H", stream.limits.high, False),
        ("HH", stream.limits.high_high, True),
    )
    step = max(stream.resolution, 0.1)
    named = [(f"{w} {bare(v, stream.unit, step)}", v, s) for w, v, s in found if v is not None]
    known = {value for _, value, _ in named}
    for rule in rules[:MOST_RULES]:
        if rule.value not in known:
            known.add(rule.value)
            sign = ">" if rule.above else "<"
            words = f"P{rule.priority} {sign} {bare(rule.value, stream.unit, step)}"
            named.append((words, rule.value, rule.priority == 1))
    return named


def reached(low: float, high: float, values: Iterable[float]) -> tuple[float, float]:
    """The range with the limits that are near: a far one must not press the curve flat.

    Without a finite range the limits alone make one.
    """
    known = list(values)
    if not np.isfinite(low):
        return (min(known), max(known)) if known else (low, high)
    reach = max(NEAR_LIMIT * (high - low), NEAR_SHARE * max(abs(low), abs(high)))
    near = [v for v in known if low - reach <= v <= high + reach]
    return min([low, *near]), max([high, *near])
