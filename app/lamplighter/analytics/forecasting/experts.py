"""The candidates a forecast is blended from; each is fitted on known rows alone.

Two of them learn nothing (the seasonal naive rules), one is the middle of the last weeks, one
corrects that middle by how far the latest values departed from it, the rest are boosted trees
under absolute error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.forecasting.features import Known

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
TREES: Final = 200
RATE: Final = 0.07
LEAST_ROWS: Final = 200
"""known rows below which nothing is boosted"""
NAIVE: Final = ("same time yesterday", "same time last week")
USUAL: Final = "middle of the last weeks"
SHIFTED: Final = "middle, corrected by the latest departure"
BOOSTED: Final = "trees on the past"
DEPARTED: Final = "trees on the departure from the middle"
BESIDE: Final = "trees with the other columns"


class Shift(NamedTuple):
    """How the latest departures correct the middle: a weight for each, and the widest miss."""

    weight: tuple[float, ...]
    wide: float


def names(known: Known, *, boosted: bool) -> tuple[str, ...]:
    """The candidates there are for a series, in a fixed order."""
    found = [*NAIVE, USUAL, SHIFTED]
    if boosted:
        found += [BOOSTED, DEPARTED]
        if known.beside.shape[1]:
            found.append(BESIDE)
    return tuple(found)


def unlearned(known: Known) -> dict[str, Floats]:
    """(n,) of those that need no fit; a hole of one is filled by the next best."""
    day = _filled(known.naive_day, known.usual)
    week = _filled(known.naive_week, known.usual)
    return {NAIVE[0]: day, NAIVE[1]: week, USUAL: _filled(known.usual, day)}


def learned(
    known: Known, y: Floats, fit: Rows, rows: slice, *, boosted: bool, seed: int, shift: Shift
) -> dict[str, Floats]:
    """What each candidate that learns from the rows `fit` says for `rows`."""
    base = unlearned(known)[USUAL]
    fit = fit & np.isfinite(y) & np.isfinite(base)
    moved = np.nan_to_num(known.shift)[rows] @ np.array(shift.weight)
    found = {SHIFTED: base[rows] + np.clip(moved, -3 * shift.wide, 3 * shift.wide)}
    if boosted:
        enough = int(fit.sum()) >= LEAST_ROWS
        plain = base[rows]
        found[BOOSTED] = _trees(known.own, y, fit, seed)(known.own[rows]) if enough else plain
        found[DEPARTED] = plain + (
            _trees(known.own, y - base, fit, seed)(known.own[rows]) if enough else 0.0
        )
        if known.beside.shape[1]:
            both = np.concatenate([known.own, known.beside], axis=1)
            found[BESIDE] = _trees(both, y, fit, seed)(both[rows]) if enough else plain
    return found


def edges(
    known: Known, y: Floats, fit: Rows, rows: slice, *, level: float, seed: int
) -> tuple[Floats, Floats] | None:
    """(low, high) raw quantiles around the middle for `rows`; None where there are too few rows."""
    base = unlearned(known)[USUAL]
    fit = fit & np.isfinite(y) & np.isfinite(base)
    if int(fit.sum()) < LEAST_ROWS:
        return None
    side = (1.0 - level) / 2.0
    low, high = (
        base[rows] + _trees(known.own, y - base, fit, seed, quantile=q)(known.own[rows])
        for q in (side, 1.0 - side)
    )
    return np.minimum(low, high), np.maximum(low, high)


def _filled(value: Floats, other: Floats) -> Floats:
    return np.where(np.isfinite(value), value, other)


def fitted_shift(known: Known, y: Floats, fit: Rows) -> Shift:
    """Ridge of the departure on the latest known departures; far ones count less."""
    inputs, base = np.nan_to_num(known.shift), unlearned(known)[USUAL]
    fit = fit & np.isfinite(y) & np.isfinite(base)
    if int(fit.sum()) < 3 * inputs.shape[1]:
        return Shift((0.0,) * inputs.shape[1], 0.0)
    a, b = inputs[fit], (y - base)[fit]
    wide = float(np.percentile(np.abs(b), 98))
    b = np.clip(b, -wide, wide)
    scatter = a.T @ a
    penalty = (0.01 * np.trace(scatter) / a.shape[1] + 1e-9) * np.eye(a.shape[1])
    return Shift(tuple(np.linalg.solve(scatter + penalty, a.T @ b).tolist()), wide)


def _trees(
    inputs: Floats, target: Floats, fit: Rows, seed: int, *, quantile: float | None = None
) -> Callable[[Floats], Floats]:
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = inputs[fit]
    spread = np.nanmax(rows, axis=0, initial=-np.inf, where=np.isfinite(rows)) - np.nanmin(
        rows, axis=0, initial=np.inf, where=np.isfinite(rows)
    )
    telling = spread > 0.0  # a column that says one thing only can part nothing
    model = HistGradientBoostingRegressor(
        loss="absolute_error" if quantile is None else "quantile",
        quantile=quantile,
        max_iter=TREES if quantile is None else TREES // 2,
        learning_rate=RATE,
        max_leaf_nodes=31 if quantile is None else 15,
        max_features=0.5,
        early_stopping=False,
        random_state=seed,
    )
    model.fit(rows[:, telling], target[fit])

    def predict(of: Floats) -> Floats:
        found: Floats = model.predict(of[:, telling])
        return found

    return predict
