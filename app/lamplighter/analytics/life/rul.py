"""`evaluate rul` as a task for a worker: learn from whole lives, answer for cut ones, judge.

Beside every figure stands what the rule without skill scores (always the training mean), what the
model scores without age and without the unit's own early life, and both forms of the truth.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import hazard
from lamplighter.analytics.life import fleet_file, remaining, told
from lamplighter.analytics.life.familiar import Familiar
from lamplighter.analytics.life.fleet_file import Lives
from lamplighter.analytics.life.remaining import Look, Model, phm08
from lamplighter.analytics.life.told import Case
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]

CASES: Final = 12
"""units nearest to their end that are told in full"""


class RulRequest(Struct, frozen=True):
    train: str
    test: str
    truth: str = ""
    cap: float = 125.0
    seed: int = 0


class Prediction(Struct, frozen=True):
    """One test unit at its last row; without a basis there is no number, and the reason."""

    unit: float
    cycle: float
    remaining: float | None
    low: float | None
    high: float | None
    basis: str = ""


class RulReport(Struct, frozen=True):
    """Figures over all units; None where there is no truth to judge by. Cycles throughout."""

    units: int
    abstained: int
    rmse: float | None
    phm08: float | None
    rmse_uncapped_truth: float | None
    phm08_uncapped_truth: float | None
    rmse_no_age: float | None
    """one model that sees no age"""
    rmse_no_age_no_early_life: float | None
    """... nor anything that refers to the unit's own first rows"""
    coverage_90: float | None
    width_90: float | None
    naive_rmse: float | None
    naive_phm08: float | None
    worse_than_naive: bool | None
    held_out: dict[str, float]
    """the same figures on training units that the model had not seen; chosen by them alone"""
    sources: dict[str, str]
    """where every threshold and setting came from"""
    cap: float
    training_units: int
    training_rows: int
    regimes: int
    sensors_used: int
    seed: int
    fit_seconds: float
    seconds: float
    predictions: tuple[Prediction, ...]
    cases: tuple[Case, ...]


def evaluate(payload: RulRequest, progress: Progress) -> RulReport:
    """Train, predict and judge. Raises LamplighterError (U-831) on files that cannot be judged."""
    with hazard.one_thread():
        train, test = fleet_file.read(Path(payload.train)), fleet_file.read(Path(payload.test))
        if train.sensors.shape[1] != test.sensors.shape[1]:
            what = f"{test.sensors.shape[1]} sensors, the training file has "
            raise fault(
                "U-831", name=Path(payload.test).name, what=f"{what}{train.sensors.shape[1]}"
            )
        true = None
        if payload.truth:
            true = fleet_file.truth(Path(payload.truth), len(test.unit))
        return judge(train, test, true, payload.cap, payload.seed, progress, payload.train)


def judge(
    train: Lives,
    test: Lives,
    true: Floats | None,
    cap: float,
    seed: int,
    progress: Progress,
    name: str = "the fleet",
) -> RulReport:
    """`true` (u,) uncapped remaining life of each test unit, or None."""
    began = time.monotonic()
    try:
        model = remaining.learn(train, cap, seed, progress)
    except ValueError as cause:
        raise fault("U-831", name=Path(name).name, what=str(cause)) from None
    progress(6, 7, "without age")
    no_age = remaining.learner(train, cap, Look(age=False), seed)
    neither = remaining.learner(train, cap, Look(False, early_life=False), seed)
    fitted = time.monotonic() - began
    progress(7, 7, "predictions")
    predicted = model.predict(test, test.last)
    alone = [
        np.clip(o.answer(o.features(test)[test.last])[:, 0], 0, cap) for o in (no_age, neither)
    ]
    familiar = Familiar(no_age, train)
    names = tuple(f"sensor {n + 1}" for n in range(train.sensors.shape[1]))
    why = familiar.why_not(test, names)
    low, high = model.band.around(predicted) if model.band else (predicted * np.nan,) * 2
    near = [int(u) for u in np.argsort(predicted, kind="stable") if not why[int(u)]][:CASES]
    cases = told.tell(model, no_age, familiar, test.chosen(np.array(near, np.int64)), names)
    usual = float(np.average(model.held.true, weights=model.held.weight))
    figures = _figures(predicted, (low, high), alone, usual, true, cap)
    return RulReport(
        units=len(test.unit),
        abstained=sum(bool(w) for w in why),
        **figures,
        held_out=_held_out(model),
        sources=_sources(model, train),
        cap=cap,
        training_units=len(train.unit),
        training_rows=len(train.cycle),
        regimes=no_age.regimes.count,
        sensors_used=len(no_age.kept),
        seed=seed,
        fit_seconds=round(fitted, 2),
        seconds=round(time.monotonic() - began, 2),
        predictions=_predictions(test, predicted, low, high, why),
        cases=cases,
    )


def _figures(
    predicted: Floats,
    band: tuple[Floats, Floats],
    alone: list[Floats],
    usual: float,
    true: Floats | None,
    cap: float,
) -> dict[str, Any]:
    if true is None:
        names = (
            "rmse", "phm08", "rmse_uncapped_truth", "phm08_uncapped_truth", "rmse_no_age",
            "rmse_no_age_no_early_life", "coverage_90", "naive_rmse", "naive_phm08",
            "worse_than_naive",
        )  # fmt: skip
        return {**dict.fromkeys(names), "width_90": _mean(band[1] - band[0])}
    capped = np.minimum(true, cap)
    naive = np.full(len(true), usual)
    inside = (capped >= band[0] - 1e-9) & (capped <= band[1] + 1e-9)
    return {
        "rmse": rmse(predicted - capped),
        "phm08": float(phm08(predicted - capped).sum()),
        "rmse_uncapped_truth": rmse(predicted - true),
        "phm08_uncapped_truth": float(phm08(predicted - true).sum()),
        "rmse_no_age": rmse(alone[0] - capped),
        "rmse_no_age_no_early_life": rmse(alone[1] - capped),
        "coverage_90": _mean(inside.astype(float)) if np.isfinite(band[0]).all() else None,
        "width_90": _mean(band[1] - band[0]),
        "naive_rmse": rmse(naive - capped),
        "naive_phm08": float(phm08(naive - capped).sum()),
        "worse_than_naive": rmse(predicted - capped) >= rmse(naive - capped),
    }


def rmse(apart: Floats) -> float:
    return float(np.sqrt((apart**2).mean()))


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if values.size and np.isfinite(values).all() else None


def _held_out(model: Model) -> dict[str, float]:
    held = model.held
    apart = held.predicted - held.true
    naive = held.true - np.average(held.true, weights=held.weight)
    found = {
        "rmse": float(np.sqrt(np.average(apart**2, weights=held.weight))),
        "naive_rmse": float(np.sqrt(np.average(naive**2, weights=held.weight))),
        "phm08_per_row": float(np.average(phm08(apart), weights=held.weight)),
        "rows": float(len(apart)),
    }
    if model.band:
        found["coverage_90"] = model.band.covered
    return {k: round(v, 4) for k, v in found.items()}


def _sources(model: Model, train: Lives) -> dict[str, str]:
    held = f"by {remaining.FOLDS} folds of the {len(train.unit)} training units"
    level = f"level {model.band.level:.3f}, " if model.band else "none: too few units; "
    return {
        "regimes": "the fewest that explain the training sensors",
        "models_beside": f"{model.blend[1]:.0%} smooth, {model.blend[2]:.0%} wide trees, {held}",
        "lean": f"{model.lean:g} cycles to the careful side, {held}",
        "band": f"{level}{held}",
        "unlike_training": "range and longest repeat of each sensor in the training rows",
        "settings": "fixed in the program for every fleet",
    }


def _predictions(
    test: Lives, predicted: Floats, low: Floats, high: Floats, why: list[str]
) -> tuple[Prediction, ...]:
    made = []
    for place, reason in enumerate(why):
        unit, cycle = float(test.unit[place]), float(test.cycle[test.last[place]])
        if reason:
            made.append(Prediction(unit, cycle, None, None, None, f"no basis: {reason}"))
            continue
        numbers = (predicted[place], low[place], high[place])
        found = [round(float(n), 2) if np.isfinite(n) else None for n in numbers]
        made.append(Prediction(unit, cycle, found[0], found[1], found[2]))
    return tuple(made)
