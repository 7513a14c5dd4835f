"""Fits a suspicion model on clean history: neighbours, their weights, and limits that hold.

The limits come from rows that the weights were not fitted on (eight blocks of time, each predicted
from the others), and are widened until clean blocks stay below a stated rate of false flags.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.suspicion import scores as checks
from lamplighter.analytics.suspicion.model import (
    CHECKS,
    CLIP,
    COLUMN,
    HARMONICS,
    OWN,
    REPEAT,
    Bools,
    Floats,
    Longs,
    SuspicionModel,
    forward_filled,
    inputs,
    season,
    straightened,
)

NEIGHBOURS: Final = 24
BLOCKS: Final = 8
LEAST: Final = 200
"""samples with which a channel is trained at all"""
WINDOW: Final = 96
"""samples of a stretch that is judged clean or flagged"""
FALSE_RATE: Final = 0.03
"""share of clean stretches, of one channel, that may be flagged in training"""
MARGINS: Final = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5, 3.0)
USUAL: Final = 0.995
COUNTED_USUAL: Final = 0.975
COUNTED: Final = {"still": 4.0, "gap": 3.0, "lost": 6.0, "repeat": REPEAT + 1.0}
"""checks whose score counts samples, and the least that means anything"""
PENALTY: Final = 0.01
SKEWED: Final = 1.0
LEAST_EXPLAINED: Final = 0.3
"""of its variance; with less, a channel is not compared with its neighbours"""
DISTINCT: Final = 12
"""values that a channel must have to be more than a switch"""


def fit(
    values: Floats,
    time_ms: Longs,
    datastream: Longs,
    *,
    group: Longs | None = None,
) -> SuspicionModel:
    """From (n, m) values on an even grid; NaN where nothing was heard.

    Channels of one `group` may be neighbours (none given: all). Raises ValueError for fewer than
    `LEAST` samples.
    """
    n, m = values.shape
    if n < LEAST:
        raise ValueError(f"{n} samples are too few to train on; {LEAST} are needed")
    offset = _offsets(values)
    straight = straightened(values, offset)
    filled = forward_filled(straight)
    mean, scale = np.nan_to_num(np.nanmean(filled, axis=0)), np.nanstd(filled, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    distinct = np.array([np.unique(c[np.isfinite(c)]).size for c in values.T])
    z = np.clip(np.nan_to_num((filled - mean) / scale), -CLIP, CLIP)
    waves = season(time_ms)
    alike = _likeness(z, np.zeros(m, np.int64) if group is None else group)
    neighbour = np.full((m, min(NEIGHBOURS, max(m - 1, 1))), -1, np.int64)
    for row in range(m):
        best = np.argsort(-alike[row], kind="stable")[: neighbour.shape[1]]
        best = best[alike[row, best] > 0.0]
        neighbour[row, : best.size] = best
    width = 2 * neighbour.shape[1] + 2 * HARMONICS
    weight, own = np.zeros((m, width)), np.zeros((m, width + 1))
    alone, step = np.empty_like(z), np.empty_like(z)
    block = np.arange(n) * BLOCKS // n
    known = np.isfinite(values)
    before = np.vstack([z[:1], z[:-1]])
    for row in range(m):
        seen = inputs(z, waves, neighbour[row])
        both = np.column_stack([seen, before[:, row]])
        weight[row], alone[:, row] = _ridge(seen, z[:, row], block, known[:, row])
        own[row], step[:, row] = _ridge(both, z[:, row], block, known[:, row])
    rest = np.where(known, z - alone, np.nan)
    explained = 1.0 - np.nanmean(rest**2, axis=0) / np.maximum(np.nanvar(z, axis=0), 1e-9)
    steps: Floats = np.abs(np.diff(values, axis=0))
    steps[steps == 0] = np.nan
    resolution = np.where(distinct >= DISTINCT, _least(steps), 0.0)
    model = SuspicionModel(
        datastream, int(np.median(np.diff(time_ms))), offset, mean, scale,
        z.min(axis=0), z.max(axis=0), neighbour, weight,
        own, np.full((m, len(CHECKS)), np.inf), resolution,
        explained, 1.0, int(time_ms[0]), int(time_ms[-1]), n,
    )  # fmt: skip
    return _with_limits(model, values, alone, step, block)


def _offsets(values: Floats) -> Floats:
    """(m,) what is added before the logarithm of a channel that is skewed; NaN for the others."""
    offset = np.full(values.shape[1], np.nan)
    for row, column in enumerate(values.T):
        known = column[np.isfinite(column)]
        if known.size < LEAST or known.min() < 0.0 or known.std() == 0.0:
            continue
        skew = float((((known - known.mean()) / known.std()) ** 3).mean())
        if skew > SKEWED and np.median(known) > 0.0:
            offset[row] = 0.2 * np.median(known)
    return offset


def _least(steps: Floats) -> Floats:
    known = np.isfinite(steps).any(axis=0)
    least = np.zeros(steps.shape[1])
    least[known] = np.nanmin(steps[:, known], axis=0)
    return least


def _likeness(z: Floats, group: Longs) -> Floats:
    """(m, m) how much each channel goes with each other of its group; 0 for itself."""
    unit = z - z.mean(axis=0)
    norm = np.sqrt((unit**2).sum(axis=0))
    unit = unit / np.where(norm > 0, norm, 1.0)
    alike: Floats = np.abs(unit.T @ unit)
    alike *= group[:, None] == group[None, :]
    alike[:, norm == 0] = 0.0
    np.fill_diagonal(alike, 0.0)
    return alike


def _ridge(seen: Floats, wanted: Floats, block: Longs, usable: Bools) -> tuple[Floats, Floats]:
    """(weights from all rows, predictions of each block from the others)."""
    parts: list[tuple[Floats, Floats, float]] = []
    for number in range(BLOCKS):
        rows = (block == number) & usable
        parts.append((seen[rows].T @ seen[rows], seen[rows].T @ wanted[rows], float(rows.sum())))
    square: Floats = np.sum([p[0] for p in parts], axis=0)
    cross: Floats = np.sum([p[1] for p in parts], axis=0)
    count = float(sum(p[2] for p in parts))
    width = seen.shape[1]

    def solved(a: Floats, b: Floats, rows: float) -> Floats:
        found = np.linalg.solve(a + PENALTY * max(rows, 1.0) * np.eye(width), b)
        return np.asarray(found, np.float64)

    out = np.empty(wanted.size)
    for number, (a, b, rows) in enumerate(parts):
        mine = block == number
        out[mine] = seen[mine] @ solved(square - a, cross - b, count - rows)
    return solved(square, cross, count), out


def _with_limits(
    model: SuspicionModel, values: Floats, alone: Floats, step: Floats, block: Longs
) -> SuspicionModel:
    """Limits from the rows the weights had not seen, then widened by one margin for all."""
    from msgspec.structs import replace

    found = checks.scores_of(model, values, checks.units(model, values), alone, step)
    stretch, of_block = _stretches(found, block)
    margin = MARGINS[-1]
    for one in MARGINS:
        if _false_rate(stretch, of_block, one) <= FALSE_RATE:
            margin = one
            break
    limit = _limits(stretch, margin)
    limit[model.resolution <= 0] = np.inf
    compared = np.array([name not in OWN | {"rate"} for name in COLUMN])
    limit[(model.explained < LEAST_EXPLAINED)[:, None] & compared] = np.inf
    return replace(model, limit=limit, margin=margin)


def _stretches(found: Floats, block: Longs) -> tuple[Floats, Longs]:
    """(highest score of each stretch (stretches, m, checks), the block each belongs to)."""
    count = found.shape[0] // WINDOW
    cut = found[: count * WINDOW].reshape(count, WINDOW, *found.shape[1:])
    highest = np.where(np.isfinite(cut), cut, -np.inf).max(axis=1)
    return highest, block[: count * WINDOW : WINDOW]


def _limits(stretch: Floats, margin: float) -> Floats:
    """(m, checks): what all but very few clean stretches stay below; infinite where unknown."""
    limit = np.quantile(stretch, USUAL, axis=0, method="higher") * margin
    limit = np.where(np.isfinite(limit) & (limit > 0), limit, np.inf)
    for name, least in COUNTED.items():
        at = COLUMN[name]
        most = np.quantile(stretch[:, :, at], COUNTED_USUAL, axis=0, method="higher")
        limit[:, at] = np.maximum(np.maximum(1.3 * most, most + 2), least)
    return limit


def _false_rate(stretch: Floats, of_block: Longs, margin: float) -> float:
    """Share of clean stretches that limits from the other blocks would flag.

    What counts samples is left out: an outage in clean history is a true dropout, and no margin
    would change it.
    """
    flagged = total = 0
    stretch = np.delete(stretch, [COLUMN[name] for name in COUNTED], axis=2)
    for number in range(BLOCKS):
        mine = of_block == number
        limit = np.quantile(stretch[~mine], USUAL, axis=0, method="higher") * margin
        over = stretch[mine] > np.where(np.isfinite(limit), limit, np.inf)
        flagged, total = (
            flagged + int(over.any(axis=2).sum()),
            total + over.shape[0] * over.shape[1],
        )
    return flagged / total if total else 1.0
