"""When a naive rule takes over from the model, and when it steps back.

Two rules. Over weeks: the naive rule that the training part chose was nearer over the last four of
them. Over days, for a series that changed at once: over the last three days the model missed by far
more than the nearer of both naive rules did, and by more than over any three days of the weeks
before; the model comes back when it was no worse over such days. The second clause keeps series
that are merely restless from flapping. The numbers were chosen on generated series and on the
training rows of public ones, never on rows that are judged.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
WEEKS_DAYS: Final = 28
SUDDEN_DAYS: Final = 3
SUDDEN: Final = 1.5
"""times the miss of the nearer naive rule"""
LEAST: Final = 50
"""judged rows of a window below which it tells nothing"""
LEAST_BEFORE: Final = 7
"""windows before, a day apart, below which nobody knows what is usual"""
TIMES_A_DAY: Final = 4
"""how often a day it is decided which is shown"""


class Frozen(NamedTuple):
    """(n,) steps. `sudden` of `frozen`: by the rule of days; `beside`: place of the naive rule."""

    frozen: Mask
    sudden: Mask
    beside: Longs


def decided(
    miss: Floats, naive_miss: Floats, chosen: int, begins: list[tuple[int, int]],
    horizon: int, day: int,
) -> Frozen:  # fmt: skip
    """What is shown in the stretches `begins` (begin, end) of n steps.

    `miss` (n,) and `naive_miss` (n, 2): absolute misses, NaN = not judged; `chosen`: the naive rule
    of the training part; `day`: steps of a day, or 1. A stretch is decided from outcomes that were
    known one horizon before it.
    """
    steps, day = miss.size, max(day, 1)
    known = np.isfinite(miss) & np.isfinite(naive_miss).all(axis=1)
    span = max(SUDDEN_DAYS * day, LEAST)
    long = max(WEEKS_DAYS * day, 2 * LEAST)
    mine, mine_long = (_trailing(miss, known, w) for w in (span, long))
    theirs = np.stack([_trailing(naive_miss[:, k], known, span) for k in (0, 1)], axis=1)
    theirs_long = _trailing(naive_miss[:, chosen], known, long)
    found = Frozen(
        np.zeros(steps, np.bool_), np.zeros(steps, np.bool_), np.full(steps, chosen, np.int64)
    )
    hot = False
    for begin, end in begins:
        at = begin - horizon + 1
        if at < 1:
            continue
        near = int(np.argmin(theirs[at]))
        if np.isfinite(mine[at]):
            if hot:
                hot = bool(mine[at] > theirs[at, near])
            else:
                last = max(at - span, 0)  # a place before the first row would be one of the last
                before = mine[last : max(last - WEEKS_DAYS * day, 0) : -day]
                hot = bool(mine[at] > SUDDEN * theirs[at, near]) and _unheard(mine[at], before)
        found.sudden[begin:end] = hot
        found.frozen[begin:end] = hot or bool(mine_long[at] > theirs_long[at])
        found.beside[begin:end] = near if hot else chosen
    return found


def _unheard(now: float, before: Floats) -> bool:
    """Whether it is worse than in every window before, of which there are enough."""
    seen = before[np.isfinite(before)]
    return seen.size >= LEAST_BEFORE and now > seen.max()


def _trailing(value: Floats, known: Mask, span: int) -> Floats:
    """(n + 1,) mean over the last `span` rows before each; NaN where too few of them are known."""
    total = np.concatenate([[0.0], np.cumsum(np.where(known, value, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    first = np.maximum(np.arange(value.size + 1) - span, 0)
    there = count - count[first]
    mean = (total - total[first]) / np.maximum(there, 1)
    return np.where(there >= LEAST, mean, np.nan)
