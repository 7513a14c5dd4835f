"""The maintenance forecast as two tasks for a worker: `train` once, `score` the fleet at a time.

What is printed beside a forecast is made from assets the model had not seen: folds leave out
whole assets, bands are calibrated by asset, and a naive rate stands beside. A model that is no
better than that rate is frozen and says so.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics import calibration, drift, fleet, hazard, without_skill
from lamplighter.analytics.fleet import FleetHistory, Rows
from lamplighter.analytics.model_files import save
from lamplighter.analytics.scoring import pack_tables
from lamplighter.domain.models import Figure, ModelCard
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]

VERSION: Final = "bearing hazard 1"
FEWEST_FAILURES: Final = 5
STEP_MS: Final = fleet.DAY_MS // 2
"""training looks at every asset twice a day"""
DAILY_MS: Final = fleet.DAY_MS
SHOWN_FROM: Final = 0.2
"""days are only named where failure within the horizon is at least this likely"""
MOST_ROWS: Final = 12_000


class TrainRequest(Struct, frozen=True):
    history: FleetHistory
    """about hourly rows; wear is counted in days in service where `service_hours` is a signal"""
    folder: str
    """where the model files go; below the cache folder"""
    seed: int = 0
    folds: int = 5


class TrainReport(Struct, frozen=True):
    """The model card: where it was learned, how well, against what."""

    folder: str
    files: dict[str, str]
    """name -> sha256, to be signed"""
    version: str
    basis: str
    assets: int
    failures: int
    from_ms: int
    to_ms: int
    seed: int
    folds: int
    rows: int
    brier: float
    naive_brier: float
    naive_probability: float
    coverage_90: float
    """share of held-out failing assets' days inside the band, each asset weighing the same"""
    width_90: float
    """mean width of that band in days"""
    useful: tuple[str, ...]
    """signals without which there is no forecast"""
    frozen: bool
    seconds: float
    inputs: tuple[str, ...] = ()
    """signals it was given; age in service is never among them"""


def train(payload: TrainRequest, progress: Progress) -> TrainReport:
    """Learn from the past and write the model files.

    Raises LamplighterError (P-604) when there are too few failures to learn from.
    """
    with hazard.one_thread():
        return _train(payload, progress)


def _train(payload: TrainRequest, progress: Progress) -> TrainReport:
    began = time.monotonic()
    told = fleet.sorted_rows(payload.history)
    history = fleet.witnessed(fleet.by_duty(told))
    failures = int(np.count_nonzero(history.renewal_failed))
    if failures < FEWEST_FAILURES:
        what = f"{failures} failures on record, at least {FEWEST_FAILURES} are needed"
        raise fault("P-604", name="the fleet", what=what)
    steps = payload.folds + 3
    progress(1, steps, "features")
    sample = _sample(history, told.time_ms)
    rising = fleet.rising(history.signals)
    held = _held_out(sample, rising, payload, progress)
    progress(payload.folds + 2, steps, "the final model")
    model = hazard.fit(sample.inputs, sample.days_left, sample.failed, rising, payload.seed)
    judged = _judge(sample, held, history)
    useful = _useful(model, sample, judged.naive)
    folder = Path(payload.folder)
    tables = pack_tables(
        sample.book(), judged.quantile, judged.low, judged.high, sample.lowest, sample.highest
    )
    tables["days_offset"] = np.array(judged.offset)
    seen = drift.reference(sample.inputs, sample.asset)
    facts = _facts(history, sample.relative, useful, judged)
    files = save(folder, model, tables | seen | facts)
    progress(steps, steps, "done")
    return TrainReport(
        str(folder),
        files,
        VERSION,
        basis(history.simulated, failures),
        len(history.assets),
        failures,
        int(told.time_ms.min()),
        int(told.time_ms.max()),
        payload.seed,
        payload.folds,
        len(sample.days_left),
        judged.brier,
        judged.naive_brier,
        judged.naive,
        judged.coverage,
        judged.width,
        useful,
        judged.frozen,
        round(time.monotonic() - began, 2),
        fleet.feature_signals(history.signals),
    )


def card(report: TrainReport, kind: str = "maintenance", of: str = "") -> ModelCard:
    """The report as a model card; `of` names the asset class where it is not of bearings."""
    return ModelCard(
        kind=kind,
        title=f"Failure of {of or 'bearings'} within 30 days",
        method=f"{of} hazard 1" if of else report.version,
        basis=report.basis,
        from_ms=report.from_ms,
        to_ms=report.to_ms,
        units=report.assets,
        rows=report.rows,
        seeds=(report.seed,),
        split=f"{report.folds} folds, each leaves out whole assets",
        thresholds="bands and useful signals from assets held out of training; none by hand",
        figures=(
            Figure(
                "Brier score",
                report.brier,
                report.naive_brier,
                without_age=report.brier,
                n=report.assets,
            ),
        ),
        naive=f"{report.naive_probability:.0%} for every asset, the rate of the past; scored "
        "against it or the age since renewal, whichever is nearer",
        stated=0.9,
        covered=report.coverage_90,
        covered_n=report.failures,
        width=report.width_90,
        width_unit="days",
        signals=report.useful,
        inputs=report.inputs,
        with_age=False,
        seconds=report.seconds,
    )


def basis(simulated: bool, failures: int) -> str:
    """What the model learned from, as every forecast says it."""
    return f"{'simulated history' if simulated else 'history'}, {failures} failures"


class _Sample:
    """Rows to learn from: the history twice a day as it is, and once a day thinly sampled, so
    that a device that reports once a day is not a stranger."""

    def __init__(
        self,
        dense: Rows,
        thin: Rows,
        relative: tuple[str, ...],
        end_ms: int,
        clock: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    ) -> None:
        """`clock`: when each row of both was measured, where `time_ms` is time in service."""
        self.relative = relative
        self.parts = (dense, thin)
        chosen = []
        for rows in self.parts:
            cell = rows.asset * (2**40) + rows.time_ms // STEP_MS
            last = np.flatnonzero(np.append(np.diff(cell) != 0, True))
            chosen.append(last[:: max(1, len(last) * 2 // MOST_ROWS)])
        self.inputs = np.concatenate(
            [fleet.features(r, relative)[c] for r, c in zip(self.parts, chosen, strict=True)]
        )
        self.asset = self._join("asset", chosen)
        self.life = self._join("life", chosen)
        self.time_ms = self._join("time_ms", chosen)
        self.clock_ms = np.concatenate([t[c] for t, c in zip(clock, chosen, strict=True)])
        self.days_left = self._join("days_left", chosen)
        self.failed = self._join("failed", chosen)
        horizon_ms = int(hazard.HORIZON * fleet.DAY_MS)
        # known either way: the horizon lies inside the record and nobody renewed it in between
        self.known = (self.time_ms + horizon_ms <= end_ms) & (
            self.failed | (self.days_left >= hazard.HORIZON)
        )
        self.outcome = (self.failed & (self.days_left < hazard.HORIZON)).astype(float)
        self.lowest = np.nanmin(self.inputs, axis=0)
        self.highest = np.nanmax(self.inputs, axis=0)

    def _join(self, name: str, chosen: list[npt.NDArray[np.intp]]) -> Any:
        pairs = zip(self.parts, chosen, strict=True)
        return np.concatenate([getattr(rows, name)[c] for rows, c in pairs])

    def book(self) -> Any:
        """Rows of past lives for comparison: one a day."""
        from lamplighter.analytics.evidence import CaseBook

        sound = ~self.failed | (self.days_left > hazard.HORIZON)
        pool = self.inputs[sound] if sound.any() else self.inputs
        spread = np.nanstd(self.inputs, axis=0)
        every = slice(None, None, 2)
        return CaseBook(
            self.parts[0].history.assets,
            self.inputs[every],
            self.life[every],
            self.asset[every],
            self.clock_ms[every],
            self.days_left[every],
            self.failed[every],
            np.nanmedian(pool, axis=0),
            np.where(spread > 0, spread, 1.0),
        )


def _sample(history: FleetHistory, clock_ms: npt.NDArray[np.int64]) -> _Sample:
    rows = fleet.order(history)
    relative = fleet.telling_identity(rows)
    few = fleet.first_per_step(history, DAILY_MS)
    thin = fleet.order(fleet.chosen(history, few))
    end_ms = int(history.time_ms.max())
    return _Sample(rows, thin, relative, end_ms, (clock_ms, clock_ms[few]))


def _held_out(
    sample: _Sample, rising: list[int], payload: TrainRequest, progress: Progress
) -> Floats:
    """(n, buckets + 1) survival of every row by a model that saw nothing of its asset."""
    rng = np.random.default_rng(payload.seed)
    failing = np.unique(sample.asset[sample.failed])
    others = np.setdiff1d(np.unique(sample.asset), failing)
    fold = np.zeros(int(sample.asset.max()) + 1, np.int64)
    for group in (failing, others):  # every fold gets its part of both
        fold[rng.permutation(group)] = np.arange(group.size) % payload.folds
    held = np.ones((len(sample.asset), hazard.BUCKETS + 1))
    for number in range(payload.folds):
        progress(number + 2, payload.folds + 3, f"fold {number + 1} of {payload.folds}")
        out = fold[sample.asset] == number
        if not out.any():
            continue
        model = hazard.fit(
            sample.inputs[~out],
            sample.days_left[~out],
            sample.failed[~out],
            rising,
            payload.seed,
        )
        held[out] = hazard.survival(model, sample.inputs[out])
    return held


class _Judged(Struct, frozen=True):
    quantile: float
    offset: float
    low: Any
    high: Any
    brier: float
    naive_brier: float
    naive: float
    coverage: float
    width: float
    frozen: bool


def _judge(sample: _Sample, held: Floats, history: FleetHistory) -> _Judged:
    chance = 1.0 - held[:, -1]
    known = sample.known
    low, high, _ = calibration.reliability(
        chance[known], sample.outcome[known], sample.asset[known]
    )
    span_days = sum(
        float(np.ptp(history.time_ms[history.asset == a])) / fleet.DAY_MS
        for a in np.unique(history.asset)
    )
    failures = np.count_nonzero(history.renewal_failed)
    naive = float(-np.expm1(-failures / max(span_days, 1.0) * hazard.HORIZON))
    aged = without_skill.by_age(
        sample.asset, sample.life, sample.time_ms, sample.days_left, sample.failed
    )
    skill = without_skill.compared(
        chance[known], sample.outcome[known], sample.asset[known], naive, aged[known]
    )
    shown = (chance >= SHOWN_FROM) & sample.failed & (sample.days_left < hazard.HORIZON)
    median = hazard.median_days(held[shown])
    true, asset = sample.days_left[shown], sample.asset[shown]
    offset, quantile = calibration.narrowest(true, median, asset)
    score = calibration.days_score(true, median, offset)
    coverage, width = _coverage(score, median, asset, offset)
    return _Judged(
        quantile,
        offset,
        low,
        high,
        skill.ours,
        skill.naive,
        naive,
        coverage,
        width,
        not skill.better,
    )


def _coverage(
    score: Floats, median: Floats, asset: npt.NDArray[np.int64], offset: float
) -> tuple[float, float]:
    """(coverage, mean width) with each asset's band calibrated on the others alone."""
    inside, width = [], []
    for one in np.unique(asset):
        mine = asset == one
        quantile = calibration.score_quantile(score[~mine], asset[~mine])
        inside.append(float((score[mine] <= quantile).mean()))
        low, high = calibration.days_band(median[mine], quantile, offset)
        width.append(float((high - low).mean()))
    return (float(np.mean(inside)), float(np.mean(width))) if inside else (float("nan"),) * 2


def _useful(model: Any, sample: _Sample, naive: float) -> tuple[str, ...]:
    """Signals whose shuffling costs at least a twentieth of what the model is better by."""
    rng = np.random.default_rng(1)
    signals = fleet.feature_signals(sample.parts[0].history.signals)
    rows = np.flatnonzero(sample.known)[:: max(1, int(sample.known.sum()) // 2000)]
    truth, asset = sample.outcome[rows], sample.asset[rows]

    def score(inputs: Floats) -> float:
        return calibration.brier(1.0 - hazard.survival(model, inputs)[:, -1], truth, asset)

    whole = score(sample.inputs[rows])
    room = max(calibration.brier(np.full(rows.size, naive), truth, asset) - whole, 1e-9)
    found = []
    for place, signal in enumerate(signals):
        mixed = sample.inputs[rows].copy()
        own = slice(2 * place, 2 * place + 2)
        mixed[:, own] = mixed[rng.permutation(rows.size), own]
        if score(mixed) - whole > 0.05 * room:
            found.append(signal)
    return tuple(found)


def _facts(
    history: FleetHistory, relative: tuple[str, ...], useful: tuple[str, ...], judged: _Judged
) -> dict[str, np.ndarray]:
    failures = int(np.count_nonzero(history.renewal_failed))
    return {
        "signals": np.array(history.signals),
        "relative": np.array(relative, dtype="U40"),
        "useful": np.array(useful, dtype="U40"),
        "naive": np.array(judged.naive),
        "frozen": np.array(judged.frozen),
        "basis": np.array(basis(history.simulated, failures)),
        "mode": np.array(history.mode),
    }
