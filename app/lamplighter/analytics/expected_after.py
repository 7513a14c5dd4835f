"""How a table that was in use fared in the hours since it was learned, beside naive rules.

Those hours were in nobody's training: they are the newest of the history that a new table is
learned from. Runs in the worker that learns.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import neighbours
from lamplighter.analytics.expected import ExpectedTable
from lamplighter.analytics.season import HOUR_MS, mean_error, naive_rules

Floats = npt.NDArray[np.float64]
LEAST_ROWS: Final = 3
"""datastreams below which their median says nothing"""


class Later(Struct, frozen=True):
    """One window that came after a table was learned."""

    from_ms: int
    to_ms: int
    ratio: float
    """median over datastreams: mean absolute error over that of the best naive rule"""
    rows: int
    """datastreams judged"""
    worse: int
    """of them those where the naive rule was nearer"""


def judged_after(
    before: ExpectedTable, datastream: np.ndarray, first_ms: int, mean: Floats
) -> Later | None:
    """The hours of `mean` (m, h) that begin at `first_ms` and that `before` had not seen.

    The best naive rule is chosen in hindsight, datastream by datastream, which is hard on the
    table. None where fewer than three datastreams have enough hours.
    """
    hours = int(mean.shape[1])
    begin = max(0, -(-(before.valid_from_ms - first_ms) // HOUR_MS))
    if not before.rows or begin >= hours or begin < 1:
        return None
    row_of = {int(d): row for row, d in enumerate(datastream)}
    mine = np.array([row_of.get(int(d), -1) for d in before.datastream], np.int64)
    said = _said(before, mine, first_ms + begin * HOUR_MS, mean[:, begin:])
    used = np.ones(before.rows, np.bool_) if before.used is None else np.asarray(before.used)
    rows = np.flatnonzero(used & (mine >= 0))
    rest = mean[mine[rows], begin:] - said[rows]
    ratio = _ratios(mean[mine[rows]], rest, begin)
    known = np.isfinite(ratio)
    if known.sum() < LEAST_ROWS:
        return None
    return Later(
        first_ms + begin * HOUR_MS, first_ms + hours * HOUR_MS, float(np.median(ratio[known])),
        int(known.sum()), int((ratio[known] > 1.0).sum()),
    )  # fmt: skip


def _said(before: ExpectedTable, mine: np.ndarray, first_ms: int, mean: Floats) -> Floats:
    """(rows of the table, hours) what it said of hourly means; NaN where a neighbour is missing."""
    middle = first_ms + np.arange(mean.shape[1], dtype=np.int64) * HOUR_MS + HOUR_MS // 2
    season = np.stack([before.season_of(row, middle) for row in range(before.rows)])
    values = np.where((mine >= 0)[:, None], mean[np.maximum(mine, 0)], np.nan)
    place = {int(d): row for row, d in enumerate(before.datastream)}
    beside = np.array(
        [[place.get(int(n), -1) for n in named] for named in before.neighbour], np.int64
    ).reshape(before.neighbour.shape)
    lost = (beside < 0) & (before.weight != 0.0)
    explained = neighbours.explained(values - season, beside, np.where(lost, 0.0, before.weight))
    return np.where(lost.any(axis=1)[:, None], np.nan, season + explained)


def _ratios(values: Floats, rest: Floats, begin: int) -> Floats:
    """(rows,) error over that of the best naive rule, both over the hours that both know."""
    ratio = np.full(values.shape[0], -np.inf)
    for answer in naive_rules(values, begin).values():
        theirs, count = mean_error(values[:, begin:] - answer, np.isfinite(rest))
        ours, _ = mean_error(rest, np.isfinite(answer))
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(theirs > 0, ours / theirs, np.where(ours > 0, np.inf, 1.0))
        ratio = np.where(count >= neighbours.FEWEST, np.maximum(ratio, found), ratio)
    return np.where(ratio > -np.inf, ratio, np.nan)
