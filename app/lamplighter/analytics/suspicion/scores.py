"""The scores of all checks on a grid of values; every score uses its own past only."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.suspicion.model import (
    CHECKS,
    CLIP,
    COLUMN,
    REPEAT,
    SHIFTS,
    SPANS,
    Bools,
    Floats,
    Longs,
    SuspicionModel,
    crooked,
    forward_filled,
    inputs,
    season,
    straightened,
)

WIDE: Final = 48
"""samples that a comparison of two whole curves looks back"""
PARTNERS: Final = 8
"""nearest neighbours it may have been exchanged with"""
BEYOND: Final = 0.05
"""share of the range of training by which a value may leave it"""
STRANGE: Final = 0.25
STRANGERS: Final = 3
"""neighbours outside their range, as a share and in number, with which a channel abstains"""
QUIET: Final = 12
"""samples over which a channel's own liveliness is measured"""


def units(model: SuspicionModel, values: Floats) -> Floats:
    """(n, m) in spreads from the mean, not clipped; NaN where nothing was heard."""
    found: Floats = (straightened(values, model.offset) - model.mean) / model.scale
    return found


def standard(model: SuspicionModel, values: Floats) -> Floats:
    """(n, m) in spreads from the mean, clipped, holes filled from before; 0 where never heard."""
    z = forward_filled(units(model, values))
    return np.clip(np.nan_to_num(z, nan=0.0), -CLIP, CLIP)


def predictions(model: SuspicionModel, values: Floats, time_ms: Longs) -> tuple[Floats, Floats]:
    """(by neighbours alone, with its own last value): (n, m) in spreads from the mean."""
    z, waves = standard(model, values), season(time_ms)
    alone, step = np.empty_like(z), np.empty_like(z)
    before = np.vstack([z[:1], z[:-1]])
    for row in range(model.rows):
        seen = inputs(z, waves, model.neighbour[row])
        alone[:, row] = seen @ model.weight[row]
        step[:, row] = np.column_stack([seen, before[:, row]]) @ model.own[row]
    return alone, step


def strange(model: SuspicionModel, values: Floats) -> Bools:
    """(n, m) where too many neighbours read what they never read in training: nothing can be said.

    One that lies makes nothing strange; a whole city in a state that was never learned does.
    """
    z = standard(model, values)
    wide = BEYOND * (model.high - model.low)
    outside = (z < model.low - wide) | (z > model.high + wide)
    has = model.neighbour >= 0
    rows = np.maximum(model.neighbour, 0)
    count = np.empty(z.shape)
    for row in range(model.rows):
        count[:, row] = outside[:, rows[row][has[row]]].sum(axis=1)
    most = np.maximum(STRANGERS, STRANGE * has.sum(axis=1))
    # what was averaged over strange samples is strange for as long
    return trailing_count(count >= most, SPANS[-1]) > 0


def raw_scores(model: SuspicionModel, values: Floats, time_ms: Longs) -> Floats:
    """(n, m, checks) before they are divided by their limits; NaN where a check abstains."""
    alone, step = predictions(model, values, time_ms)
    return scores_of(model, values, units(model, values), alone, step)


def scores_of(
    model: SuspicionModel, values: Floats, z: Floats, alone: Floats, step: Floats
) -> Floats:
    """The scores for given predictions."""
    n, m = values.shape
    found = np.full((n, m, len(CHECKS)), np.nan)
    rest, jump = z - alone, z - step
    for span in SPANS:
        found[:, :, COLUMN[f"mean {span}"]] = np.abs(trailing_mean(rest, span))
    for span in SPANS[2:]:
        found[:, :, COLUMN[f"energy {span}"]] = trailing_mean(np.abs(rest), span)
    for span in SPANS[:4]:
        found[:, :, COLUMN[f"step {span}"]] = np.abs(trailing_mean(jump, span))
    steps = np.diff(z, axis=0, prepend=z[:1])
    found[:, :, COLUMN["rate"]] = np.abs(steps)
    lively = np.sqrt(trailing_mean(steps * steps, QUIET))
    usual = np.sqrt(trailing_mean(np.diff(alone, axis=0, prepend=alone[:1]) ** 2, QUIET))
    with np.errstate(divide="ignore", invalid="ignore"):
        found[:, :, COLUMN["quiet"]] = (usual + 0.02) / (lively + 0.02)
        found[:, :, COLUMN["noisy"]] = (lively + 0.02) / (usual + 0.02)
    found[:, :, COLUMN["shift"]] = shift_score(z, alone)
    found[:, :, COLUMN["swap"]] = swap_score(model, values, alone)
    found[:, :, COLUMN["still"]] = run_length(still(values))
    found[:, :, COLUMN["gap"]] = run_length(~np.isfinite(values))
    found[:, :, COLUMN["lost"]] = trailing_count(~np.isfinite(values), WIDE)
    found[:, :, COLUMN["repeat"]] = repeats(values, model.resolution)
    return found


def trailing_mean(columns: Floats, span: int) -> Floats:
    """(n, m) mean of the last `span` known values; NaN with fewer than half of them."""
    known = np.isfinite(columns)
    total = np.cumsum(np.where(known, columns, 0.0), axis=0)
    count = np.cumsum(known, axis=0)
    total[span:] -= total[:-span].copy()
    count[span:] -= count[:-span].copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = np.where(count * 2 > span, total / count, np.nan)
    mean[: span - 1] = np.nan
    return mean


def trailing_count(holds: Bools, span: int) -> Floats:
    """(n, m) how often it held in the last `span` samples."""
    total = np.cumsum(holds, axis=0, dtype=np.float64)
    total[span:] -= total[:-span].copy()
    return total


def still(values: Floats) -> Bools:
    """(n, m) whether a value equals, to the last bit, the one before it."""
    same = np.zeros(values.shape, np.bool_)
    same[1:] = values[1:] == values[:-1]
    return same


def run_length(holds: Bools) -> Floats:
    """(n, m) for how many samples in a row it has held."""
    at = np.arange(1, holds.shape[0] + 1)[:, None]
    last = np.maximum.accumulate(np.where(holds, 0, at), axis=0)
    return (at - last).astype(np.float64)


def shift_score(z: Floats, alone: Floats) -> Floats:
    """(n, m) by how much the curve fits better when it is moved in time against its neighbours."""
    here = trailing_mean(np.abs(z - alone), WIDE)
    best = np.full(z.shape, np.inf)
    for by in range(1, SHIFTS + 1):
        late = np.full(z.shape, np.nan)  # the channel tells what was true `by` samples ago
        late[by:] = z[by:] - alone[:-by]
        early = np.full(z.shape, np.nan)  # what it said `by` samples ago is true only now
        early[by:] = z[:-by] - alone[by:]
        for moved in (late, early):
            best = np.fmin(best, trailing_mean(np.abs(moved), WIDE))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (here + 1e-2) / (best + 1e-2)


def swap_score(model: SuspicionModel, values: Floats, alone: Floats) -> Floats:
    """(n, m) by how much a channel and its best partner fit better when they are exchanged."""
    own = crooked(alone * model.scale + model.mean, model.offset)
    skewed = np.isfinite(model.offset)
    wide = np.where(skewed, np.exp(np.where(skewed, model.mean, 0.0)), 1.0) * model.scale
    rest = trailing_mean(np.abs(values - own) / wide, WIDE)
    best = np.full(values.shape, np.nan)
    for place in range(min(model.neighbour.shape[1], PARTNERS)):
        other = model.neighbour[:, place]
        rows = np.maximum(other, 0)
        crossed = trailing_mean(np.abs(values - own[:, rows]) / wide, WIDE)
        back = trailing_mean(np.abs(values[:, rows] - own) / wide[rows], WIDE)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (rest + rest[:, rows] + 2e-2) / (crossed + back + 2e-2)
        best = np.fmax(best, np.where(other >= 0, ratio, np.nan))
    return best


def repeats(values: Floats, resolution: Floats) -> Floats:
    """(n, m) how many values in a row, up to now, equal an earlier stretch of the channel itself.

    Only stretches that move count: a channel at rest repeats itself all day. Times of the same
    value a sample apart belong to standing still.
    """
    n, m = values.shape
    found = np.zeros((n, m))
    if n <= 2 * REPEAT:
        return found
    for row in np.flatnonzero(resolution > 0):
        found[:, row] = _repeats(values[:, row])
    return found


def _repeats(column: Floats) -> Floats:
    n = column.size
    bits = np.where(np.isfinite(column), column, 0.0).view(np.uint64)
    hashed = np.zeros(n, np.uint64)
    for back in range(REPEAT):
        moved = np.roll(bits, back)
        hashed ^= (moved * np.uint64(0x9E3779B97F4A7C15) + np.uint64(back * 2 + 1)) * np.uint64(
            2 * back + 0xBF58476D1CE4E5B9
        )
    changes = np.r_[0, np.cumsum(np.diff(column) != 0)]
    moving = np.zeros(n, np.bool_)
    moving[REPEAT:] = changes[REPEAT:] - changes[: n - REPEAT] >= REPEAT - 1
    moving &= np.isfinite(column)
    order = np.argsort(hashed, kind="stable")
    same = np.zeros(n, np.bool_)
    same[order[1:]] = hashed[order[1:]] == hashed[order[:-1]]
    gap = np.full(n, n)
    gap[order[1:]] = order[1:] - order[:-1]
    again = same & moving & (gap > REPEAT)
    length = run_length(again[:, None])[:, 0]
    return np.where(length > 0, length + REPEAT - 1, 0.0)
