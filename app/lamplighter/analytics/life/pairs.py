"""Products, ratios and differences of two columns, and which of them are worth looking at.

Trees cut one column at a time, so a limit on power, clearance or load (two columns at once) costs
them many cuts and many rows. Which pairs help is decided on training rows alone.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

MOST_COLUMNS: Final = 10
MOST_ROWS: Final = 6_000
DEPTH: Final = 4
TIMES, OVER, MINUS = "x", "/", "-"


class Pair(Struct, frozen=True):
    """`left` and `right` place columns; `how` is `x`, `/` or `-`."""

    left: int
    right: int
    how: str

    def of(self, numbers: Floats) -> Floats:
        """(n,) NaN where a part is missing or is divided by zero."""
        a, b = numbers[:, self.left], numbers[:, self.right]
        if self.how == TIMES:
            return np.asarray(a * b, float)
        if self.how == MINUS:
            return np.asarray(a - b, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = a / b
        return np.where(np.isfinite(ratio), ratio, np.nan)

    def words(self, names: tuple[str, ...]) -> str:
        return f"{names[self.left]} {self.how} {names[self.right]}"


def add(numbers: Floats, chosen: tuple[Pair, ...]) -> Floats:
    """The numbers (n, a) with the pairs behind them."""
    return np.column_stack([numbers, *(pair.of(numbers) for pair in chosen)])


def ranked(numbers: Floats, failed: Bools, fold: Ints) -> tuple[Pair, ...]:
    """All pairs, first the one that most betters a small tree on its two columns alone."""
    rows = _some(failed)
    numbers, failed, fold = numbers[rows], failed[rows], fold[rows]
    columns = _best_columns(numbers, failed, fold)
    gains: list[tuple[float, Pair]] = []
    for a, b in itertools.combinations(columns, 2):
        both = numbers[:, [a, b]]
        alone = _score(both, failed, fold)
        for how in (TIMES, OVER, MINUS):
            pair = Pair(a, b, how)
            gains.append(
                (_score(np.column_stack([both, pair.of(numbers)]), failed, fold) - alone, pair)
            )
    gains.sort(key=lambda g: -g[0])
    return tuple(pair for _, pair in gains)


def _some(failed: Bools) -> Ints:
    """All failures and as many of the rest as fit, evenly."""
    rest = np.flatnonzero(~failed)
    step = max(1, len(rest) // MOST_ROWS)
    return np.sort(np.concatenate([np.flatnonzero(failed), rest[::step]]))


def _best_columns(numbers: Floats, failed: Bools, fold: Ints) -> list[int]:
    every = list(range(numbers.shape[1]))
    if len(every) <= MOST_COLUMNS:
        return every
    score = [_score(numbers[:, [c]], failed, fold) for c in every]
    return sorted(int(c) for c in np.argsort(score)[::-1][:MOST_COLUMNS])


def _score(inputs: Floats, failed: Bools, fold: Ints) -> float:
    """Average precision of a small tree on rows it has not seen."""
    from sklearn.metrics import average_precision_score
    from sklearn.tree import DecisionTreeClassifier

    said = np.zeros(len(failed))
    for one in np.unique(fold)[:3]:
        out = fold == one
        if failed[~out].all() or not failed[~out].any():
            return 0.0
        tree: Any = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=5, random_state=0)
        said[out] = tree.fit(inputs[~out], failed[~out]).predict_proba(inputs[out])[:, 1]
    judged = np.isin(fold, np.unique(fold)[:3])
    return (
        float(average_precision_score(failed[judged], said[judged]))
        if failed[judged].any()
        else 0.0
    )
