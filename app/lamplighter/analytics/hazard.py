"""Time to failure from lives that mostly did not fail: the chance per bucket of days, in turn.

Each row asks, bucket by bucket, "given it lasts until here, does it fail before there?". Lives
that were cut off teach the buckets they lasted through and no others, so nothing is assumed of
what was not seen. Needs scikit-learn: training runs in a worker.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

EDGES: Final = (0.0, 1.0, 3.0, 5.0, 8.0, 12.0, 16.0, 20.0, 25.0, 30.0)
"""bounds of the buckets in days; the last is the horizon"""
BUCKETS: Final = len(EDGES) - 1
HORIZON: Final = EDGES[-1]
SETTINGS: Final[dict[str, Any]] = {
    "max_iter": 80,
    "learning_rate": 0.06,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 250,
    "l2_regularization": 2.0,
    "early_stopping": False,
}


def expand(
    features: Floats, days_left: Floats, failed: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """(inputs (m, f + 1), outcome (m,), row (m,)): one line per row and bucket it entered whole.

    The last input is the middle of the bucket in days.
    """
    inputs, outcomes, origin = [], [], []
    for low, high in itertools.pairwise(EDGES):
        fails = failed & (days_left >= low) & (days_left < high)
        lasts = days_left >= high
        rows = np.flatnonzero(fails | lasts)
        inputs.append(np.column_stack([features[rows], np.full(rows.size, (low + high) / 2)]))
        outcomes.append(fails[rows].astype(np.int8))
        origin.append(rows)
    return np.concatenate(inputs), np.concatenate(outcomes), np.concatenate(origin)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Beside a busy core, threads that wait for each other cost seconds: use one."""
    import sklearn.ensemble  # noqa: F401  (only a library that is loaded can be limited)
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1):
        yield


def fit(
    features: Floats,
    days_left: Floats,
    failed: npt.NDArray[np.bool_],
    rising: list[int],
    seed: int,
) -> Any:
    """A fitted classifier for `survival`. Raises ValueError when no life failed."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    inputs, outcome, _ = expand(features, days_left, failed)
    if outcome.max(initial=0) == 0:
        raise ValueError("no failure to learn from")
    model = HistGradientBoostingClassifier(
        **SETTINGS, random_state=seed, monotonic_cst=[*rising, 0]
    )
    return model.fit(inputs, outcome)


def survival(model: Any, features: Floats) -> Floats:
    """(n, buckets + 1): chance to be still running at each of `EDGES`, for all rows in one call."""
    count = features.shape[0]
    if not count:
        return np.ones((0, BUCKETS + 1))
    middles = (np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2
    inputs = np.column_stack([np.repeat(features, BUCKETS, axis=0), np.tile(middles, count)])
    hazard = model.predict_proba(inputs)[:, 1].reshape(count, BUCKETS)
    lasting = np.cumprod(1.0 - hazard, axis=1)
    return np.column_stack([np.ones(count), lasting])


def median_days(curve: Floats) -> Floats:
    """(n,) the day by which half of the failures within the horizon have happened."""
    target = 1.0 - (1.0 - curve[:, -1]) / 2.0
    out = np.empty(curve.shape[0])
    edges = np.array(EDGES)
    for row, (line, level) in enumerate(zip(curve, target, strict=True)):
        out[row] = np.interp(-level, -line, edges) if line[-1] < 1.0 else HORIZON
    return out
