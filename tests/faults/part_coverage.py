"""Bands of remaining days cover at their stated rate: many fleets, twelve failures each.

Each seed makes the demo's own simulated past, trains on it, and forecasts, at one random moment
in each fifth of the last thirty days before it, every failure of another fleet that the model
never saw. The share of true days inside the 90 % band is counted over all that named days.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.analytics.fleet import DAY_MS, FleetHistory
from lamplighter.analytics.maintenance import TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.domain.task import silent
from lamplighter.field import bearing, past

Row = dict[str, Any]
TIER: Final = "N3"
SHORT: Final = {"coverage_seeds": 2}
LONG: Final = {"coverage_seeds": 40}
PUMPS: Final = tuple(f"P-{n:02}" for n in range(10, 40))
END_MS: Final = 1_795_305_600_000
STATED: Final = 0.9
ALLOWED: Final = 0.05
MOMENTS: Final = 5
"""forecasts of each failure: bands miss near the failure and far from it, seldom in the middle"""


def fleet(seed: int) -> tuple[FleetHistory, list[past.Renewal]]:
    """The demo's past of thirty pumps, twelve of which fail, and its renewals."""
    ages, renewals = past.plan_lives(seed, list(PUMPS))
    rng = np.random.default_rng([seed, 7])
    hours = np.arange(past.DAYS * 24)
    times = END_MS - (past.DAYS * 24 - hours) * past.HOUR_MS
    load = bearing.day_load((hours % 24).astype(float), 0.0)
    values = []
    for number, pump in enumerate(PUMPS):
        columns = bearing.features(ages[pump], load, 20.0 + 2.0 * number, rng)
        values.append(np.column_stack([columns[k] for k in bearing.FEATURES]))
    return FleetHistory(
        PUMPS,
        bearing.FEATURES,
        np.repeat(np.arange(len(PUMPS)), len(hours)),
        np.tile(times, len(PUMPS)),
        np.concatenate(values),
        np.array([PUMPS.index(r.pump) for r in renewals]),
        np.array([_when(r.hour) for r in renewals]),
        np.array([r.failed for r in renewals]),
        simulated=True,
        mode="bearing",
    ), renewals


def _when(hour: int) -> int:
    return END_MS - (past.DAYS * 24 - hour) * past.HOUR_MS


def known_at(history: FleetHistory, asset: int, now_ms: int) -> FleetHistory:
    """What was known of one asset at that moment."""
    rows = (history.time_ms <= now_ms) & (history.asset == asset)
    old = (history.renewal_ms <= now_ms) & (history.renewal_asset == asset)
    return FleetHistory(
        history.assets, history.signals, history.asset[rows], history.time_ms[rows],
        history.values[rows], history.renewal_asset[old], history.renewal_ms[old],
        history.renewal_failed[old], history.simulated, history.mode,
    )  # fmt: skip


def run(seeds: int, folder: Path, squeeze: float = 1.0) -> dict[str, Any]:
    """Counts over all seeds. `squeeze` below 1 narrows every band: the planted fault."""
    inside = named = failures = 0
    widths: list[float] = []
    shares: list[float] = []
    for seed in range(seeds):
        before_this = named, inside
        history, _ = fleet(seed)
        place = folder / str(seed)
        report = train(TrainRequest(history, str(place), seed), silent)
        new, renewals = fleet(10_000 + seed)
        rng = np.random.default_rng([seed, 9])
        failing = [r for r in renewals if r.failed]
        failures += len(failing)
        for gone, part in itertools.product(failing, range(MOMENTS)):
            before = 30.0 * (part + float(rng.random())) / MOMENTS
            if before > gone.hour / 24.0 - 2.0:
                continue  # before its past begins
            now = _when(gone.hour) - int(before * DAY_MS)
            asset = PUMPS.index(gone.pump)
            ask = ScoreRequest(str(place), report.files, known_at(new, asset, now), now, now)
            found = next(p for p in score(ask, silent) if p.asset == gone.pump)
            if found.days_low is None or found.days_high is None:
                continue
            middle = (found.days_low + found.days_high) / 2
            half = squeeze * (found.days_high - found.days_low) / 2
            named += 1
            inside += abs(before - middle) <= half + 0.1
            widths.append(2 * half)
        if named > before_this[0]:
            shares.append((inside - before_this[1]) / (named - before_this[0]))
    return {"seeds": seeds, "failures": failures, "named": named, "inside": inside,
            "coverage": inside / max(named, 1),
            "standard_error": float(np.std(shares) / len(shares) ** 0.5) if shares else 1.0,
            "mean_width_days": float(np.mean(widths)) if widths else 0.0}  # fmt: skip


def holds(found: dict[str, Any]) -> bool:
    """The stated rate within five points, and what as many forecasts can deviate by chance."""
    chance = 1.645 * (STATED * (1 - STATED) / max(found["failures"], 1)) ** 0.5
    room = max(ALLOWED, chance)
    enough = found["named"] >= found["failures"]
    return enough and bool(abs(found["coverage"] - STATED) <= room)


def coverage(size: dict[str, int], folder: Path) -> Row:
    found = run(size["coverage_seeds"], folder)
    return {
        "promise": "Bands of remaining days hold the true day at their stated rate of 90 %",
        "trials": f"{found['seeds']} simulated fleets, {found['failures']} failures of other "
        f"fleets, each forecast {MOMENTS} times in its last thirty days",
        "result": f"{found['inside']} of {found['named']} days inside ({found['coverage']:.1%}, "
        f"standard error {100 * found['standard_error']:.1f} points as fleets differ), "
        f"bands {found['mean_width_days']:.1f} days wide on average",
        "not_shown": "simulated bearings wear alike; a town's own record is the scoreboard; "
        "forecasts more than thirty days before a failure are not counted",
        "bound": "",
        "passed": holds(found),
        "figures": found,
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"coverage": coverage}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(run(int(sys.argv[1]), Path(scratch)))
