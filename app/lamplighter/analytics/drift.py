"""Whether the inputs of now are those a model was trained on.

Per input five parts of the training are kept: the middle and two tails on either side; the
population stability index compares how the rows of now fall into them. The tails weigh most, so a
fleet that is only newer or older than the training's is not called strange. One asset that wears is
a fault and not drift: assets count, not rows, and the bound grows where there are few.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics import fleet
from lamplighter.analytics.scoring import ScoreRequest, fleet_inputs, loaded
from lamplighter.domain.models import Drift
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Tables = dict[str, np.ndarray]

CUTS: Final = (0.02, 0.10, 0.90, 0.98)
BINS: Final = len(CUTS) + 1
BOUND: Final = 0.25
"""index above which inputs are said to have moved, where there are many assets"""
FLOOR: Final = 1e-3
"""share given to a bin that nothing fell into"""


def reference(inputs: Floats, asset: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """What is kept of the training's inputs ((n, features), NaN = unknown), as plain arrays."""
    edges = np.full((inputs.shape[1], BINS - 1), np.nan)
    share = np.full((inputs.shape[1], BINS), np.nan)
    for column in range(inputs.shape[1]):
        known = np.isfinite(inputs[:, column])
        values = inputs[known, column]
        if np.unique(values).size < BINS:
            continue
        edges[column] = np.quantile(values, CUTS)
        share[column] = _shares(values, asset[known], edges[column])
    units = np.array(float(np.unique(asset).size))
    return {"drift_edges": edges, "drift_share": share, "drift_units": units}


def index(inputs: Floats, asset: npt.NDArray[np.int64], kept: Tables) -> Floats:
    """Population stability index of every feature; NaN where there is nothing to compare."""
    found = np.full(inputs.shape[1], np.nan)
    for column in range(inputs.shape[1]):
        edges = kept["drift_edges"][column]
        known = np.isfinite(inputs[:, column])
        if not known.any() or not np.isfinite(edges).all():
            continue
        now = _shares(inputs[known, column], asset[known], edges)
        then = np.maximum(kept["drift_share"][column], FLOOR)
        found[column] = float(np.sum((now - then) * np.log(now / then)))
    return found


def bound(units: float, units_then: float) -> float:
    """The index that chance alone seldom reaches with so many assets."""
    unsure = (BINS - 1) * (1.0 / max(units, 1.0) + 1.0 / max(units_then, 1.0))
    return BOUND + 2.0 * unsure


def judge(
    inputs: Floats,
    asset: npt.NDArray[np.int64],
    names: tuple[str, ...],
    kept: Tables,
    lowest: Floats,
    highest: Floats,
    at_ms: int,
) -> Drift:
    """How far (n, features) lie from the training; `names` has the signal of every feature."""
    each = index(inputs, asset, kept)
    limit = bound(np.unique(asset).size, float(kept["drift_units"]))
    worst: dict[str, float] = {}
    for name, value in zip(names, each, strict=True):
        if np.isfinite(value):
            worst[name] = max(worst.get(name, 0.0), float(value))
    ranked = sorted(worst, key=lambda name: -worst[name])
    beyond = (inputs < lowest) | (inputs > highest)
    return Drift(
        at_ms,
        len(inputs),
        ranked[0] if ranked else "",
        round(worst[ranked[0]], 4) if ranked else 0.0,
        round(float(beyond.any(axis=1).mean()), 4) if len(inputs) else 0.0,
        tuple(name for name in ranked if worst[name] > limit),
    )


def _shares(values: Floats, asset: npt.NDArray[np.int64], edges: Floats) -> Floats:
    """Share of the bins, each asset weighing the same, none quite empty."""
    place = np.searchsorted(edges, values, side="right")
    total = np.zeros(BINS)
    every = np.unique(asset)
    for one in every:
        mine = np.bincount(place[asset == one], minlength=BINS)
        total += mine / max(mine.sum(), 1)
    share = np.maximum(total / max(every.size, 1), FLOOR)
    result: Floats = share / share.sum()
    return result


def fleet_drift(payload: ScoreRequest, progress: Progress) -> Drift:
    """The fleet's inputs of the last days against the training of its model; for a worker.

    Raises LamplighterError (P-604) when the model files are not what the manifest says.
    """
    _, tables = loaded(payload.folder, tuple(sorted(payload.files.items())))
    rows, inputs = fleet_inputs(payload.history, tables)
    newest = np.full(int(rows.asset.max(initial=0)) + 1, np.iinfo(np.int64).min)
    np.maximum.at(newest, rows.asset, rows.time_ms)  # time in service, of each asset its own
    recent = rows.time_ms >= newest[rows.asset] - fleet.LONG_MS
    signals = fleet.feature_signals(tuple(str(s) for s in tables["signals"]))
    names = tuple(s for s in signals for _ in fleet.WINDOWS)
    if "drift_edges" not in tables:
        return Drift(payload.now_ms, int(recent.sum()), "", 0.0, 0.0)
    progress(1, 1, f"{int(recent.sum())} rows")
    return judge(
        inputs[recent], rows.asset[recent], names, tables,
        tables["lowest"], tables["highest"], payload.now_ms,
    )  # fmt: skip
