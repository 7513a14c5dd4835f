"""Remaining life of units like those that ran to failure: learning, answering, and when not to.

Scale by regime, fuse all sensors into a few health indices, look back over several windows, let
boosted trees answer. Every fifth of the training units is held out in turn: what the five models
say of units they have not seen decides how much a smooth model, and trees on every sensor, help
beside, how far to lean to the careful side, and how wide the band is. The answer is the mean of
the five.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.life import bands, health, regimes, windows
from lamplighter.analytics.life.bands import Band
from lamplighter.analytics.life.fleet_file import Lives
from lamplighter.analytics.life.health import HealthIndex
from lamplighter.analytics.life.regimes import Regimes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDS: Final = 5
ROWS: Final = 15_000
"""neighbouring rows of a unit say nearly the same: training looks at about this many"""
SECOND_ROWS: Final = 4_000
TREES: Final[dict[str, Any]] = {
    "max_iter": 160,
    "learning_rate": 0.08,
    "max_leaf_nodes": 31,
    "max_features": 0.35,
    "early_stopping": False,
}
LEAF: Final = 100
"""fewest rows of a leaf, less where there are few rows"""
BEYOND: Final = 1.2
"""of rows with more than this times the cap to go few are learned: all have the same answer"""
BEYOND_STEP: Final = 3
WIDE_TREES: Final[dict[str, Any]] = {**TREES, "max_iter": 150, "max_features": 0.2}
BLENDS: Final = tuple(
    (1.0 - smooth - wide, smooth, wide)
    for smooth in (0.0, 0.15, 0.3, 0.45)
    for wide in (0.0, 0.15, 0.3)
)
"""shares of the trees on the indices, of the smooth model, of the trees on every sensor"""
GAIN: Final = 0.005
"""models beside the first must better the held-out error by this share to be used"""
LEANS: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
LEAN_COST: Final = 0.01
"""leaning to the careful side may cost this share of the held-out error"""
SOME: Final = 15
"""rows of a unit before it is judged at all while learning"""
CHUNK: Final = 64


@dataclass(frozen=True, slots=True)
class Look:
    """What one model may look at: age, and what refers to the unit's own early life."""

    age: bool = True
    early_life: bool = True


@dataclass(slots=True)
class Learner:
    """One fitted model with the scales it was fitted on."""

    regimes: Regimes
    kept: Ints
    index: HealthIndex
    look: Look
    beside: bool = False
    """whether a smooth model and trees on every sensor stand beside"""
    trees: Any = None
    smooth: Any = None
    wide: Any = None
    shift: Floats = field(default_factory=lambda: np.zeros(0))
    scale: Floats = field(default_factory=lambda: np.zeros(0))

    def scaled(self, lives: Lives) -> Floats:
        """(n, kept) sensors in spreads of their regime."""
        return self.regimes.scaled(lives.settings, lives.sensors)[:, self.kept]

    def features(self, lives: Lives, scaled: Floats | None = None) -> Floats:
        """(n, f) of every row from that unit's rows up to it."""
        z = self.scaled(lives) if scaled is None else scaled
        out: list[Floats] = []
        every: list[Floats] = []
        for begin in range(0, len(lives.length), CHUNK):
            part = slice(begin, begin + CHUNK)
            laid = windows.lay(z, lives.begin[part], lives.length[part])
            block = np.nan_to_num(self.index.of(laid.values))
            out.append(laid.flat(windows.of_index(block, self.look.early_life)))
            if self.beside:
                every.append(laid.flat(windows.of_sensors(np.nan_to_num(laid.values))))
        looked = np.concatenate(out) if out else np.zeros((0, 1))
        if self.look.age:
            looked = np.column_stack([lives.cycle, looked])
        return np.column_stack([looked, np.concatenate(every)]) if every else looked

    def answer(self, features: Floats) -> Floats:
        """(n, 3) by the trees, the smooth model, the wide trees; (n, 1) where nothing is beside."""
        narrow = self.narrow(features)
        first = self.trees.predict(narrow)
        if not self.beside:
            return np.asarray(first, float)[:, None]
        bounded = np.clip((narrow - self.shift) / self.scale, -4.0, 4.0)
        return np.column_stack(
            [first, self.smooth.predict(bounded), self.wide.predict(self.broad(features))]
        )

    def narrow(self, features: Floats) -> Floats:
        """The columns of the health indices, with age where it is looked at."""
        return features[:, : features.shape[1] - 5 * len(self.kept)] if self.beside else features

    def broad(self, features: Floats) -> Floats:
        """Age and the columns of every sensor."""
        return np.column_stack([features[:, 0], features[:, -5 * len(self.kept) :]])


def learner(lives: Lives, cap: float, look: Look, seed: int, beside: bool = False) -> Learner:
    """A model of these units alone: regimes, scales, indices and trees."""
    found = regimes.find(lives.settings, lives.sensors)
    z = found.scaled(lives.settings, lives.sensors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        kept = np.flatnonzero(np.nan_to_num(np.nanstd(z, axis=0)) > 0.1)
    if not kept.size:
        kept = np.arange(min(1, z.shape[1]))
    made = Learner(found, kept, health.HealthIndex(np.zeros(0), np.zeros((0, 0))), look, beside)
    left = lives.remaining()
    target = np.minimum(left, cap)
    rows = _thin(lives, ROWS)
    made.index = health.learn(_smooth(lives, z[:, kept])[rows], target[rows])
    rows = rows[(left[rows] <= BEYOND * cap) | (np.arange(len(rows)) % BEYOND_STEP == 0)]
    inputs = made.features(lives, z[:, kept])[rows]
    narrow = made.narrow(inputs)
    made.trees = _trees(narrow, target[rows], seed, TREES)
    if beside:
        made.shift, made.scale = narrow.mean(axis=0), narrow.std(axis=0) + 1e-9
        step = max(1, len(rows) // SECOND_ROWS)
        made.smooth = _smooth_model(made, narrow[::step], target[rows][::step])
        made.wide = _trees(made.broad(inputs), target[rows], seed, WIDE_TREES)
    return made


def _trees(inputs: Floats, target: Floats, seed: int, settings: dict[str, Any]) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    leaf = max(5, min(LEAF, len(inputs) // 40))
    model = HistGradientBoostingRegressor(**settings, min_samples_leaf=leaf, random_state=seed)
    return model.fit(inputs, target)  # weights would be dear: its bins are then made row by row


def _smooth_model(made: Learner, inputs: Floats, target: Floats) -> Any:
    from sklearn.svm import SVR

    bounded = np.clip((inputs - made.shift) / made.scale, -4.0, 4.0)
    model = SVR(C=30.0, gamma=0.5 / inputs.shape[1], epsilon=5.0)
    return model.fit(bounded, target)


def _thin(lives: Lives, most: int) -> Ints:
    """About `most` rows, every unit's last among them."""
    step = max(1, len(lives.cycle) // most)
    from_end = lives.last[lives.of_row] - np.arange(len(lives.cycle))
    return np.flatnonzero(from_end % step == 0)


def _smooth(lives: Lives, z: Floats) -> Floats:
    out = []
    for begin in range(0, len(lives.length), CHUNK):
        part = slice(begin, begin + CHUNK)
        laid = windows.lay(z, lives.begin[part], lives.length[part])
        out.append(laid.flat(windows.rolling(np.nan_to_num(laid.values), windows.SHORT)))
    return np.concatenate(out)


def folds(length: Ints, count: int = FOLDS) -> Ints:
    """(u,) fold of each unit, long and short lives spread evenly; no rule by number or order."""
    fold = np.empty(len(length), np.int64)
    fold[np.argsort(length, kind="stable")] = np.arange(len(length)) % count
    return fold


@dataclass(slots=True)
class Model:
    """The five learners, how to join them, and what held-out units say of them."""

    learners: list[Learner]
    blend: tuple[float, float, float]
    lean: float
    cap: float
    band: Band | None
    held: Held
    units: int

    def predict(self, lives: Lives, rows: Ints) -> Floats:
        """(r,) remaining life at these rows, 0 to the cap."""
        total = np.zeros(len(rows))
        for one in self.learners:
            total += one.answer(one.features(lives)[rows]) @ np.array(self.blend)
        result: Floats = np.clip(total / len(self.learners) - self.lean, 0.0, self.cap)
        return result


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of units as the models that had not seen them answered: all (n,)."""

    predicted: Floats
    true: Floats
    unit: Ints
    fold: Ints
    weight: Floats


def learn(
    lives: Lives, cap: float, seed: int, tell: Callable[[int, int, str], None], look: Look = Look()
) -> Model:
    """Train on whole lives. Raises ValueError with fewer than two units per fold."""
    if len(lives.length) < 2 * FOLDS:
        raise ValueError(f"{len(lives.length)} whole lives, at least {2 * FOLDS} are needed")
    fold = folds(lives.length)
    made: list[Learner] = []
    seen: list[tuple[Floats, Floats, Ints, Ints]] = []
    for number in range(FOLDS):
        tell(number + 1, FOLDS + 2, f"fold {number + 1} of {FOLDS}")
        train, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        one = learner(lives.chosen(train), cap, look, seed + number, beside=True)
        rest = lives.chosen(out)
        rows = _thin(rest, max(1, ROWS // FOLDS))
        rows = rows[rows - rest.begin[rest.of_row[rows]] >= min(SOME, int(rest.length.min()) // 4)]
        answers = np.column_stack([one.answer(one.features(rest)[rows]), rest.remaining()[rows]])
        seen.append((answers, rest.cycle[rows], out[rest.of_row[rows]], np.full(len(rows), number)))
        made.append(one)
    answers = np.concatenate([s[0] for s in seen])
    unit = np.concatenate([s[2] for s in seen])
    of_fold = np.concatenate([s[3] for s in seen])
    left = answers[:, 3]
    weight = np.where(left > BEYOND * cap, 0.3, 1.0)
    blend, lean = _joined(answers[:, :3], np.minimum(left, cap), weight, cap)
    predicted = np.clip(answers[:, :3] @ np.array(blend) - lean, 0.0, cap)
    held = Held(predicted, np.minimum(left, cap), unit, of_fold, weight)
    band = bands.calibrate(predicted, held.true, unit, of_fold, weight, cap)
    return Model(made, blend, lean, cap, band, held, len(lives.length))


def _joined(
    answers: Floats, true: Floats, weight: Floats, cap: float
) -> tuple[tuple[float, float, float], float]:
    """(shares of the models, lean) by held-out units alone; `answers` (n, 3)."""

    def error(predicted: Floats) -> float:
        apart = np.clip(predicted, 0.0, cap) - true
        return float(np.sqrt(np.average(apart**2, weights=weight)))

    tried = [error(answers @ np.array(b)) for b in BLENDS]
    best = int(np.argmin(tried))
    blend = BLENDS[best if tried[best] < (1.0 - GAIN) * tried[0] else 0]
    joined = answers @ np.array(blend)
    most = min(error(joined - lean) for lean in LEANS) * (1.0 + LEAN_COST)
    allowed = [lean for lean in LEANS if error(joined - lean) <= most]
    cost = [
        float(np.average(phm08(np.clip(joined - lean, 0.0, cap) - true), weights=weight))
        for lean in allowed
    ]
    return blend, allowed[int(np.argmin(cost))]


def phm08(apart: Floats) -> Floats:
    """The turbofan challenge's cost of `predicted - true`: late is dearer than early."""
    result: Floats = np.where(apart < 0, np.exp(-apart / 13.0), np.exp(apart / 10.0)) - 1.0
    return result
