"""Judges the forecast of one column of a recording, walking forward; runs in a worker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.forecasting.grid import Grid, missing_mark, to_grid
from lamplighter.analytics.forecasting.table import Recording, read_recording
from lamplighter.analytics.forecasting.walk import LEAST_TRAINING, LEVEL, Walk, Walked
from lamplighter.domain.problems import fault
from lamplighter.domain.task import Progress

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
TRAINED_SHARE: Final = 0.8


class JudgeRequest(Struct, frozen=True):
    """What to judge. `test_from_ms` None: the last fifth is judged. Times are wall clock."""

    file: str
    time: str
    target: str
    horizon_ms: int
    test_from_ms: int | None = None
    seed: int = 0
    boosted: bool = True
    rows: bool = False
    """give every judged forecast back as well"""


class Judged(Struct, frozen=True):
    """The figures, the naive rules beside them, and what the program found out by itself."""

    mae: float
    naive_mae: float
    """of the better of both rules on the judged rows"""
    coverage_90: float
    width_90: float
    raw_coverage_90: float
    raw_width_90: float
    naive_day_mae: float
    naive_week_mae: float
    blended_mae: float
    """of the model alone, without being frozen"""
    against_naive: float
    """mae / naive_mae - 1"""
    mean: float
    judged: int
    judged_without_naive: int
    """observed steps left out because a naive rule has no value there"""
    frozen: bool
    """at the end of the recording"""
    frozen_share: float
    model: dict[str, float]
    chosen: str
    candidates_mae: dict[str, float]
    naive_chosen: str
    step_s: float
    horizon_s: float
    steps: int
    missing: int
    doubles: int
    missing_mark: float | None
    bad_times: int
    bad_values: int
    time_layout: str
    time_columns: tuple[str, ...]
    separator: str
    decimal: str
    test_from_ms: int
    thresholds_from: str
    fits: int
    fit_seconds: float
    time_ms: np.ndarray = np.zeros(0, np.int64)
    outcome: np.ndarray = np.zeros(0)
    forecast: np.ndarray = np.zeros(0)
    low: np.ndarray = np.zeros(0)
    high: np.ndarray = np.zeros(0)
    naive: np.ndarray = np.zeros(0)


def judge_file(payload: JudgeRequest, progress: Progress) -> Judged:
    """Read, walk, judge. Raises LamplighterError (P-604) with one line."""
    begun = time.monotonic()
    progress(0, 1, "reading")
    file = Path(payload.file)
    recording = read_recording(file, payload.time, payload.target)
    grid, cut, mark = _prepared(recording, payload, file.name)
    horizon = max(-(-payload.horizon_ms // grid.step_ms), 1)
    if cut >= grid.steps:
        raise fault("P-604", name=file.name, what="nothing was measured in the part to be judged")
    known = int(np.isfinite(grid.value[:cut]).sum())
    if known < LEAST_TRAINING or cut <= 3 * horizon:
        what = f"{known} values before the judged part are too few for a forecast"
        raise fault("P-604", name=file.name, what=what)
    walked = Walk(grid, horizon, cut, seed=payload.seed, boosted=payload.boosted).run(progress)
    return _figures(payload, recording, grid, walked, horizon, mark, time.monotonic() - begun)


def _prepared(
    recording: Recording, payload: JudgeRequest, name: str
) -> tuple[Grid, int, float | None]:
    """(grid without marks of missing values, first judged step, the mark)."""
    try:
        grid = to_grid(recording.moments, recording.columns, payload.target)
    except ValueError as error:
        raise fault("P-604", name=name, what=str(error)) from None
    cut = int(grid.steps * TRAINED_SHARE)
    if payload.test_from_ms is not None:
        wall = grid.wall_ms()
        cut = int(np.searchsorted(wall, payload.test_from_ms))
    early = recording.moments.utc_ms < grid.time_ms(cut)
    mark = missing_mark(recording.columns[payload.target][early])
    if mark is not None:
        columns = {n: np.where(c == mark, np.nan, c) for n, c in recording.columns.items()}
        grid = to_grid(recording.moments, columns, payload.target, grid.step_ms)
    return grid, cut, mark


def _figures(
    payload: JudgeRequest, recording: Recording, grid: Grid, walked: Walked, horizon: int,
    mark: float | None, seconds: float,
) -> Judged:  # fmt: skip
    y, after = grid.value, np.arange(grid.steps) >= walked.cut
    observed = np.isfinite(y) & np.isfinite(walked.shown) & after
    both = np.isfinite(walked.naive_day) & np.isfinite(walked.naive_week)
    rows = observed & both
    if not rows.any():
        what = "no step of the judged part has a value and both naive rules"
        raise fault("P-604", name=Path(payload.file).name, what=what)

    def miss(column: Floats) -> float:
        return float(np.abs(column[rows] - y[rows]).mean())

    day, week = miss(walked.naive_day), miss(walked.naive_week)
    naive = walked.naive_day if day <= week else walked.naive_week
    mae = miss(walked.shown)
    moments = recording.moments
    kept = {
        name: column[rows] if payload.rows else np.zeros(0)
        for name, column in (("outcome", y), ("forecast", walked.shown), ("low", walked.low),
                             ("high", walked.high), ("naive", naive))
    }  # fmt: skip
    times = grid.first_ms + grid.step_ms * np.flatnonzero(rows).astype(np.int64)
    return Judged(
        mae=mae,
        naive_mae=min(day, week),
        coverage_90=_covered(y, walked.low, walked.high, rows),
        width_90=float((walked.high - walked.low)[rows].mean()),
        raw_coverage_90=_covered(y, walked.raw_low, walked.raw_high, rows),
        raw_width_90=float((walked.raw_high - walked.raw_low)[rows].mean()),
        naive_day_mae=day,
        naive_week_mae=week,
        blended_mae=miss(walked.blended),
        against_naive=mae / min(day, week) - 1.0 if min(day, week) > 0 else 0.0,
        mean=float(y[rows].mean()),
        judged=int(rows.sum()),
        judged_without_naive=int((observed & ~both).sum()),
        frozen=bool(walked.frozen[-1]),
        frozen_share=float(walked.frozen[rows].mean()),
        model={n: round(s, 4) for n, s in walked.share.items()},
        chosen=_in_words(walked.trained_share),
        candidates_mae={n: miss(c) for n, c in walked.candidates.items()},
        naive_chosen=walked.naive_name,
        step_s=grid.step_ms / 1000.0,
        horizon_s=horizon * grid.step_ms / 1000.0,
        steps=grid.steps,
        missing=int((~np.isfinite(y)).sum()),
        doubles=grid.doubles,
        missing_mark=mark,
        bad_times=recording.bad_times,
        bad_values=recording.bad_values,
        time_layout=moments.layout,
        time_columns=recording.time_columns,
        separator=recording.separator,
        decimal=recording.decimal,
        test_from_ms=grid.time_ms(walked.cut),
        thresholds_from=(
            "weights: back-test on the part before the judged one, then outcomes known one "
            f"horizon earlier; band {LEVEL:.0%}: misses of the last 28 known days"
        ),
        fits=walked.fits,
        fit_seconds=round(seconds, 3),
        time_ms=times if payload.rows else np.zeros(0, np.int64),
        **kept,
    )


def _covered(y: Floats, low: Floats, high: Floats, rows: Mask) -> float:
    inside = (y[rows] >= low[rows]) & (y[rows] <= high[rows])
    return float(inside.mean())


def _in_words(share: dict[str, float]) -> str:
    parts = sorted(((s, n) for n, s in share.items() if s >= 0.05), reverse=True)
    return ", ".join(f"{s:.0%} {n}" for s, n in parts) or "all alike"
