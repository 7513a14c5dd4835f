"""`evaluate failure` as a task for a worker: failure risk from a table, as a calibrated chance.

Boosted trees and a forest of random cuts, on the columns and on the pairs of columns that earned
their place; everything (pairs, the share of each, calibration, the threshold) is decided on
held-out training rows. The rule without skill is the training share of failures.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import hazard
from lamplighter.analytics.life import pairs, table_file
from lamplighter.analytics.life.pairs import Pair
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FOLDS: Final = 5
FEWEST: Final = 10
"""failures in training"""
SIZES: Final = (0, 4, 8, 16)
"""how many pairs are tried"""
GAIN: Final = 0.005
"""average precision that more pairs must bring"""
SHARES: Final = (0.0, 0.25, 0.5, 0.75)
"""shares of the forest that are tried"""
TREES: Final[dict[str, Any]] = {
    "max_iter": 150,
    "learning_rate": 0.06,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 8,
    "l2_regularization": 1.0,
    "max_features": 0.5,
    "early_stopping": False,
}
FOREST: Final = 150
MOST_ROWS: Final = 200_000


class FailureRequest(Struct, frozen=True):
    train: str
    test: str
    target: str
    ignore: tuple[str, ...] = ()
    unit: str = ""
    """column that names the machine: its rows never stand on both sides of a split"""
    seed: int = 0


class FailureReport(Struct, frozen=True):
    """Figures on the test rows; threshold and calibration are from held-out training rows."""

    rows: int
    failures: int
    average_precision: float | None
    brier: float
    naive_average_precision: float
    naive_brier: float
    f1: float
    mcc: float
    threshold: float
    worse_than_naive: bool | None
    always_alarm_f1: float
    held_out: dict[str, float]
    """the same on training rows that the models had not seen"""
    training_rows: int
    training_failures: int
    columns: tuple[str, ...]
    pairs: tuple[str, ...]
    forest_share: float
    warnings: tuple[str, ...]
    sources: dict[str, str]
    seconds: float


def evaluate(payload: FailureRequest, progress: Progress) -> FailureReport:
    """Train, predict and judge. Raises LamplighterError (U-831) on tables that cannot be judged."""
    began = time.monotonic()
    train = table_file.read(Path(payload.train))
    test = table_file.read(Path(payload.test))
    _check(train, test, payload)
    failed, truth = (table_file.outcome(t, payload.target) for t in (train, test))
    if int(failed.sum()) < FEWEST or failed.all():
        what = f"{int(failed.sum())} failures in {len(failed)} rows, at least {FEWEST} are needed"
        raise fault("U-831", name=train.name, what=what)
    leave = frozenset({payload.target, payload.unit, *payload.ignore})
    inputs = table_file.choose(train, failed, leave)
    if not inputs.numbers and not inputs.words:
        raise fault("U-831", name=train.name, what="no column is left to learn from")
    group = train.columns[payload.unit] if payload.unit else None
    if group is not None:
        _check_machines(train.name, failed, folds(failed, group, payload.seed), payload.unit)
    with hazard.one_thread():
        model = learn(*inputs.of(train), failed, group, payload.seed, progress)
        chance = model.chance(*inputs.of(test))
    progress(FOLDS + 3, FOLDS + 3, "done")
    return FailureReport(
        rows=len(truth),
        failures=int(truth.sum()),
        **_figures(chance, truth, float(failed.mean()), model.threshold),
        held_out=model.held_out,
        training_rows=len(failed),
        training_failures=int(failed.sum()),
        columns=(*inputs.numbers, *inputs.words),
        pairs=tuple(p.words(inputs.numbers) for p in model.pairs),
        forest_share=model.share,
        warnings=inputs.warnings,
        sources={
            "pairs, forest_share, calibration, threshold": f"{FOLDS} folds of the training rows",
            "settings": "fixed in the program for every table",
        },
        seconds=round(time.monotonic() - began, 2),
    )


def _check(train: table_file.Table, test: table_file.Table, ask: FailureRequest) -> None:
    for table in (train, test):
        for name in (ask.target, *ask.ignore, *([ask.unit] if ask.unit else [])):
            if name not in table.columns and not (table is test and name in ask.ignore):
                raise fault("U-831", name=table.name, what=f"it has no column {name}")
    used = set(train.columns) - set(ask.ignore)
    if gone := sorted(used - set(test.columns)):
        raise fault("U-831", name=test.name, what=f"it has no column {gone[0]}")
    if len(train) > MOST_ROWS:
        raise fault("U-831", name=train.name, what=f"{len(train)} rows, at most {MOST_ROWS}")


def _check_machines(name: str, failed: Bools, fold: Ints, unit: str) -> None:
    """Whatever machines are held out, the rest must know failures and their absence."""
    for one in np.unique(fold):
        rest = failed[fold != one]
        if not rest.any() or rest.all():
            what = f"{unit} parts it into too few machines with and without failures"
            raise fault("U-831", name=name, what=what)


class Risk:
    """Fitted models with what held-out rows decided."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.pairs: tuple[Pair, ...] = ()
        self.share = 0.0
        self.threshold = 0.5
        self.slope, self.offset = 1.0, 0.0
        self.held_out: dict[str, float] = {}
        self._trees: list[Any] = []
        self._forests: list[Any] = []

    def fit(self, numbers: Floats, codes: Floats, failed: Bools) -> None:
        """One more model; answers are the mean of all."""
        inputs = np.column_stack([pairs.add(numbers, self.pairs), codes])
        self._trees.append(_trees(inputs, codes.shape[1], failed, self.seed + len(self._trees)))
        if self.share:
            self._forests.append(_forest(inputs, failed, self.seed + len(self._forests)))

    def chance(self, numbers: Floats, codes: Floats) -> Floats:
        """(n,) calibrated chance of a failure."""
        inputs = np.column_stack([pairs.add(numbers, self.pairs), codes])
        said = np.mean([t.predict_proba(inputs)[:, 1] for t in self._trees], axis=0)
        if self._forests:
            filled = np.nan_to_num(inputs, nan=-1e9)
            wood = np.mean([f.predict_proba(filled)[:, 1] for f in self._forests], axis=0)
            said = (1.0 - self.share) * said + self.share * wood
        return self.calibrated(said)

    def calibrated(self, said: Floats) -> Floats:
        result: Floats = 1.0 / (1.0 + np.exp(-(self.slope * _logit(said) + self.offset)))
        return result


def learn(
    numbers: Floats,
    codes: Floats,
    failed: Bools,
    group: tuple[str, ...] | None,
    seed: int,
    progress: Progress,
) -> Risk:
    """`numbers` (n, a), `codes` (n, b) of words, NaN = missing; `group` (n,) names machines."""
    fold = folds(failed, group, seed)
    order = pairs.ranked(numbers, failed, fold) if numbers.shape[1] > 1 else ()
    risk = Risk(seed)
    best, said = -1.0, np.zeros(len(failed))
    for step, size in enumerate(sorted({min(size, len(order)) for size in SIZES})):
        progress(step + 1, FOLDS + 3, f"{size} pairs of columns")
        tried = _held(np.column_stack([pairs.add(numbers, order[:size]), codes]), codes.shape[1],
                      failed, fold, seed)  # fmt: skip
        score = precision(tried, failed)
        if score > best + (GAIN if step else 0.0):
            best, said, risk.pairs = score, tried, order[:size]
    progress(FOLDS, FOLDS + 3, "a forest beside")
    inputs = np.column_stack([pairs.add(numbers, risk.pairs), codes])
    wood = np.zeros(len(failed))
    for one in np.unique(fold):
        out = fold == one
        filled = np.nan_to_num(inputs[out], nan=-1e9)
        wood[out] = _forest(inputs[~out], failed[~out], seed).predict_proba(filled)[:, 1]
    scores = [precision((1 - s) * said + s * wood, failed) for s in SHARES]
    risk.share = SHARES[int(np.argmax(scores))]
    joined = (1.0 - risk.share) * said + risk.share * wood
    risk.slope, risk.offset = _calibration(joined, failed)
    chance = risk.calibrated(joined)
    risk.threshold = _best_threshold(chance, failed)
    risk.held_out = {
        "average_precision": round(precision(joined, failed), 4),
        "average_precision_without_pairs_or_forest": round(
            precision(_held(np.column_stack([numbers, codes]), codes.shape[1], failed, fold, seed)
                      if risk.pairs else said, failed), 4),
        "brier": round(float(((chance - failed) ** 2).mean()), 5),
        "naive_brier": round(float(failed.mean() * (1 - failed.mean())), 5),
    }  # fmt: skip
    progress(FOLDS + 2, FOLDS + 3, "the final models")
    for _ in range(3):
        risk.fit(numbers, codes, failed)
    return risk


def folds(failed: Bools, group: tuple[str, ...] | None, seed: int) -> Ints:
    """(n,) fold of each row, failures spread evenly; a machine's rows stay together.

    With few machines there are fewer folds.
    """
    rng = np.random.default_rng(seed)
    if group is None:
        fold = np.zeros(len(failed), np.int64)
        for kind in (failed, ~failed):
            rows = rng.permutation(np.flatnonzero(kind))
            fold[rows] = np.arange(len(rows)) % FOLDS
        return fold
    names, place = np.unique(np.array(group), return_inverse=True)
    mixed = rng.permutation(len(names))
    fell = np.bincount(place, failed, len(names))[mixed]
    order = mixed[np.argsort(-fell, kind="stable")]
    of_group = np.zeros(len(names), np.int64)
    of_group[order] = np.arange(len(names)) % FOLDS
    return of_group[place]


def _held(inputs: Floats, words: int, failed: Bools, fold: Ints, seed: int) -> Floats:
    said = np.zeros(len(failed))
    for one in np.unique(fold):
        out = fold == one
        model = _trees(inputs[~out], words, failed[~out], seed)
        said[out] = model.predict_proba(inputs[out])[:, 1]
    return said


def _trees(inputs: Floats, words: int, failed: Bools, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    count = inputs.shape[1]
    kinds = np.arange(count) >= count - words
    model = HistGradientBoostingClassifier(
        **TREES, categorical_features=kinds if words else None, random_state=seed
    )
    empty = np.isnan(inputs).all(axis=0)  # the binning cannot count what is never there
    return model.fit(np.where(empty, 0.0, inputs) if empty.any() else inputs, failed)


def _forest(inputs: Floats, failed: Bools, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        FOREST, min_samples_leaf=2, max_features=0.6, class_weight="balanced", random_state=seed
    )
    return model.fit(np.nan_to_num(inputs, nan=-1e9), failed)


def _logit(chance: Floats) -> Floats:
    bounded = np.clip(chance, 1e-5, 1 - 1e-5)
    result: Floats = np.log(bounded / (1 - bounded))
    return result


def _calibration(said: Floats, failed: Bools) -> tuple[float, float]:
    """(slope, offset) on the log odds that make held-out chances come true."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0).fit(_logit(said)[:, None], failed)
    slope = float(model.coef_[0, 0])
    return (slope, float(model.intercept_[0])) if slope > 0 else (1.0, 0.0)


def precision(said: Floats, failed: Bools) -> float:
    """Average precision."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(failed, said))


def _best_threshold(chance: Floats, failed: Bools) -> float:
    """The threshold of the best F1 on held-out rows."""
    rank = np.argsort(-chance, kind="stable")
    hits = np.cumsum(failed[rank])
    f1 = 2.0 * hits / (np.arange(1, len(rank) + 1) + failed.sum())
    return float(chance[rank[int(np.argmax(f1))]])


def _figures(chance: Floats, truth: Bools, usual: float, threshold: float) -> dict[str, Any]:
    flag = chance >= threshold
    hit, false = float((flag & truth).sum()), float((flag & ~truth).sum())
    miss, quiet = float((~flag & truth).sum()), float((~flag & ~truth).sum())
    power = np.sqrt((hit + false) * (hit + miss) * (quiet + false) * (quiet + miss))
    share = float(truth.mean())
    both = bool(truth.any())
    found = precision(chance, truth) if both else None
    return {
        "average_precision": found,
        "brier": float(((chance - truth) ** 2).mean()),
        "naive_average_precision": share,
        "naive_brier": float(((usual - truth) ** 2).mean()),
        "f1": 2 * hit / max(2 * hit + false + miss, 1.0),
        "mcc": float((hit * quiet - false * miss) / power) if power else 0.0,
        "threshold": threshold,
        "worse_than_naive": None if found is None else found <= share,
        "always_alarm_f1": 2 * share / (1 + share),
    }
