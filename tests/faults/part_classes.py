"""The learned failure risk of a class of assets, held against fleets it has not seen.

Random fleets of transformers: the oil warms as the winding ages, the load tells nothing. Values
are recorded live, failures and renewals are closed orders, and all of it goes through the code that
the recorder runs: which values count, hours, lives, training, scoring. Then the model speaks of
another fleet, whose diary tells when each asset would have failed. Fleets whose values tell nothing
stand beside, and a store in which everything after a moment was shuffled.

Run it: `python -m tests.faults.part_classes 6`
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics import fleet, scoring
from lamplighter.analytics.maintenance import TrainReport, TrainRequest, train
from lamplighter.analytics.scoring import ScoreRequest, score
from lamplighter.domain.city import Datastream
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent
from lamplighter.runtime.fleet_past import class_streams, past_points, renewals

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]
TIER: Final = "N3"
SHORT: Final = {"class_fleets": 4}
LONG: Final = {"class_fleets": 12}
DAY_MS: Final = 86_400_000
BEGIN: Final = 20_000 * DAY_MS
DAYS: Final = 120
ASSETS: Final = 24
KINDS: Final = ("oil_temperature", "load")
MOMENTS: Final = tuple(float(day) for day in range(36, 118, 6))
"""days at which the other fleet is spoken of"""
HORIZON: Final = 30.0
BAND: Final = 0.8
"""share of failures inside a band of ninety percent, below which it is too narrow"""
BINS: Final = (0.0, 0.1, 0.35, 0.65, 0.9, 1.01)
SIGMA: Final = 2.0
WITNESSES: Final = 10
"""assets of which about that much was stated, below which their share says little"""
USELESS: Final = 0.25
"""share of fleets without a telling value in which one may look telling"""


@dataclass(slots=True)
class Life:
    """One life in days since the beginning; `fails` is when it fails if left alone."""

    asset: int
    begin: float
    end: float
    failed: bool
    fails: float


@dataclass(slots=True)
class Fleet:
    """What really happened, and what stands in the store."""

    lives: list[Life]
    day: Floats
    values: Floats
    """(assets, times, kinds)"""

    def fails(self, asset: int, now: float) -> float:
        """The day on which the life that runs at `now` fails if left alone."""
        return next(x.fails for x in self.lives if x.asset == asset and x.begin <= now < x.end)


def made(seed: int, *, telling: bool = True, step_h: int = 6) -> Fleet:
    """A fleet whose lives began before, at all ages; some lives are ended in time."""
    rng = np.random.default_rng([seed, 41])
    day = np.arange(step_h / 24 / 2, DAYS, step_h / 24)
    values = np.empty((ASSETS, day.size, len(KINDS)))
    lives: list[Life] = []
    for asset in range(ASSETS):
        begin = -float(rng.uniform(0.0, 45.0))
        load = 0.6 + 0.2 * np.sin(day * 2 * np.pi) + rng.normal(0, 0.03, day.size)
        worn = np.zeros(day.size)
        while begin < DAYS:
            lasts = float(np.clip(rng.normal(80.0, 14.0), 50.0, 120.0))
            in_time = begin + lasts * float(rng.uniform(0.3, 0.9)) if rng.random() < 0.4 else np.inf
            end = min(begin + lasts, max(in_time, 1.0))
            lives.append(Life(asset, begin, end, begin + lasts <= in_time, begin + lasts))
            mine = (day >= begin) & (day < end)
            worn[mine] = ((day[mine] - begin) / lasts) ** 4
            begin = end
        wear = 12.0 * worn if telling else 0.0
        values[asset] = np.column_stack(
            [48.0 + 10.0 * load + wear + rng.normal(0, 0.6, day.size), load]
        )
    return Fleet(lives, day, values)


class Recorded:
    """Stands where the store stands: what was recorded until a day."""

    def __init__(self, fleet_: Fleet, until: float = DAYS) -> None:
        self.kept = fleet_.day <= until
        self.time_ms = (BEGIN + fleet_.day[self.kept] * DAY_MS).astype(np.int64)
        self.values = fleet_.values

    def series(self, stream: int, *_: int) -> Any:
        asset, kind = divmod(stream, len(KINDS))
        return SimpleNamespace(
            time_ms=self.time_ms, value=self.values[asset, self.kept, kind],
            quality=np.zeros(self.time_ms.size, np.uint8), reduced=False,
        )  # fmt: skip

    def setting(self, _: str) -> str:
        return ""


STREAMS: Final = [
    Datastream(a * len(KINDS) + k, "s", f"{a}.{kind}", "", kind, f"T-{a}")
    for a in range(ASSETS) for k, kind in enumerate(KINDS)
]  # fmt: skip


def orders(truth: Fleet, until: float = DAYS) -> list[WorkOrder]:
    """Closed orders: every failure, and every renewal in time."""
    return [
        WorkOrder(
            f"W-{n}", f"T-{life.asset}", "Winding failed" if life.failed else "Renew the winding",
            "done", finding="failed: winding" if life.failed else "not found: sound",
            closed_ms=BEGIN + int(life.end * DAY_MS),
        )
        for n, life in enumerate(truth.lives) if 0.0 < life.end <= until
    ]  # fmt: skip


def history(truth: Fleet, until: float = DAYS) -> fleet.FleetHistory:
    """What the recorder would learn from on that day."""
    known = orders(truth, until)
    meaning = {d.id: (d.asset, d.kind) for d in STREAMS}
    points = past_points(Recorded(truth, until), meaning)  # type: ignore[arg-type]
    return fleet.from_points(points, renewals(known))


@dataclass(slots=True)
class Outcome:
    fleets: int = 0
    chance: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    came: list[bool] = field(default_factory=list)
    who: list[int] = field(default_factory=list)
    """assets: the forecasts of one are one witness"""
    naive: list[float] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    stated: list[float] = field(default_factory=list)
    """coverage each card states"""
    silent: int = 0
    useless: int = 0
    useless_spoke: int = 0
    too_few: int = 0
    too_few_spoke: int = 0
    changed: int = 0
    """values that a shuffled future changed"""
    compared: int = 0

    def bins(self) -> list[tuple[float, float, float, float, int]]:
        """(stated, low, high, share that failed, assets) where about that much was stated."""
        said, came, who = np.array(self.chance), np.array(self.came), np.array(self.who)
        low, high = np.array(self.low), np.array(self.high)
        which = np.digitize(said, BINS) - 1
        rows = [np.flatnonzero(which == n) for n in range(len(BINS) - 1)]
        return [
            (float(said[r].mean()), float(low[r].mean()), float(high[r].mean()),
             float(came[r].mean()), np.unique(who[r]).size)
            for r in rows if r.size
        ]  # fmt: skip

    def outside(self) -> int:
        """Bins whose share that failed lies outside the stated band by more than chance allows."""
        wrong = 0
        for _, low, high, came, assets in self.bins():
            room = SIGMA * float(np.sqrt(max(came * (1.0 - came), 0.04) / assets))
            wrong += assets >= WITNESSES and not low - room <= came <= high + room
        return wrong

    def miss(self) -> tuple[float, float]:
        """Mean squared miss: (ours, the rate of the past's)."""
        came = np.array(self.came, float)
        return (float(np.mean((np.array(self.chance) - came) ** 2)),
                float(np.mean((np.array(self.naive) - came) ** 2)))  # fmt: skip

    def verdict(self) -> dict[str, bool]:
        spoke = bool(self.chance)
        return {
            "chance": spoke and self.outside() == 0,
            "band": bool(self.inside) and float(np.mean(self.inside)) >= BAND,
            "naive": spoke and self.miss()[0] < self.miss()[1],
            "useless": self.useless_spoke <= USELESS * self.useless,
            "few": self.too_few_spoke == 0,
            "past": self.compared > 0 and self.changed == 0,
        }


def _learned(truth: Fleet, folder: Path, folds: int) -> TrainReport:
    return train(TrainRequest(history(truth), str(folder), folds=folds), silent)


def _said(report: TrainReport, truth: Fleet, now: float) -> dict[str, Prognosis]:
    at = BEGIN + int(now * DAY_MS)
    request = ScoreRequest(report.folder, report.files, history(truth, now), at, at)
    return {p.asset: p for p in score(request, silent)}


def known_apart(number: int, folder: Path, found: Outcome, folds: int) -> None:
    """Learn from one fleet, speak of another."""
    report = _learned(made(2 * number), folder, folds)
    found.fleets += 1
    found.stated.append(report.coverage_90)
    other = made(2 * number + 1)
    for now in MOMENTS:
        for name, one in _said(report, other, now).items():
            left = other.fails(int(name[2:]), now) - now
            if one.probability_30d is None or one.low is None or one.high is None:
                found.silent += 1
                continue
            found.chance.append(one.probability_30d)
            found.low.append(one.low)
            found.high.append(one.high)
            found.came.append(left < HORIZON)
            found.who.append(number * ASSETS + int(name[2:]))
            found.naive.append(report.naive_probability)
            if left < HORIZON and one.days_low is not None and one.days_high is not None:
                found.inside.append(one.days_low - 0.1 <= left <= one.days_high + 0.1)
                found.width.append(one.days_high - one.days_low)


def useless(number: int, folder: Path, found: Outcome, folds: int) -> None:
    """Values that tell nothing: nothing may be said."""
    truth = made(2 * number, telling=False)
    report = _learned(truth, folder, folds)
    found.useless += 1
    said = _said(report, truth, DAYS - 1.0)
    found.useless_spoke += any(p.probability_30d is not None for p in said.values())


def too_few(number: int, folder: Path, found: Outcome, folds: int) -> None:
    """Four failures on record: no class is followed, and no model is made if one asks."""
    truth = made(2 * number)
    failed = [life for life in truth.lives if life.failed and 0.0 < life.end <= DAYS]
    kept = [life for life in truth.lives if not life.failed] + failed[:4]
    few = Fleet(kept, truth.day, truth.values)
    found.too_few += 1
    followed = class_streams(STREAMS, lambda _: "Transformer", orders(few))
    try:
        _learned(few, folder, folds)
        found.too_few_spoke += 1
    except LamplighterError:
        found.too_few_spoke += bool(followed)


def shuffled(number: int, folder: Path, found: Outcome, folds: int) -> None:
    """What the model sees of a day is the same whatever the days after it will bring."""
    truth = made(2 * number)
    rng = np.random.default_rng(number)
    cut = float(rng.uniform(30.0, 90.0))
    later = truth.day > cut
    values = truth.values.copy()
    values[:, later] = rng.permutation(values[:, later], axis=1) * 2.0
    tables = {"relative": np.array([], "U40")}
    seen = []
    for one in (truth, Fleet(truth.lives, truth.day, values)):
        rows, inputs = scoring.fleet_inputs(history(one), tables)
        seen.append(inputs[rows.time_ms <= BEGIN + cut * DAY_MS])
    found.compared += int(np.isfinite(seen[0]).sum())
    found.changed += int((~np.isclose(seen[0], seen[1], equal_nan=True)).sum())


Trial = Callable[[int, Path, Outcome, int], None]
TRIALS: Final[tuple[Trial, ...]] = (known_apart, useless, too_few, shuffled)


def run(fleets: int, trials: tuple[Trial, ...] = TRIALS, folds: int = 5) -> Outcome:
    """So many fleets through every trial."""
    found = Outcome()
    for number in range(fleets):
        for trial in trials:
            with tempfile.TemporaryDirectory() as folder:
                trial(number, Path(folder), found, folds)
    return found


def classes(size: dict[str, int], folder: Path) -> Row:
    found = run(size["class_fleets"])
    verdict = found.verdict()
    ours, naive = found.miss()
    bins = found.bins()
    words = ", ".join(f"{said:.0%} stated ({low:.0%} to {high:.0%}), {came:.0%} failed"
                      for said, low, high, came, _ in bins)  # fmt: skip
    covered, width = float(np.mean(found.inside)), float(np.mean(found.width))
    return {
        "promise": "The learned failure risk of a class is what then happens to assets it had not "
        "seen; values that tell nothing, or four failures, give no number; nothing looks ahead",
        "trials": f"{found.fleets} models of random fleets of {ASSETS} assets, each spoken of "
        f"another fleet on {len(MOMENTS)} days: {len(found.chance):,} forecasts; "
        f"{found.useless} fleets whose values tell nothing; {found.compared:,} inputs with the "
        "future shuffled",
        "result": f"{words}; squared miss {ours:.3f} (the rate of the past: {naive:.3f}); the band "
        f"of 90 % held {covered:.0%} of the days left, {width:.1f} days wide (the cards state "
        f"{np.mean(found.stated):.0%}); {found.silent} without a number; spoke in "
        f"{found.useless_spoke} of {found.useless} useless fleets and {found.too_few_spoke} of "
        f"{found.too_few} with four failures; {found.changed} inputs changed by the future",
        "not_shown": "generated wear that one value follows; assets that are alike",
        "bound": "",
        "passed": all(verdict.values()),
        "figures": {
            "fleets": found.fleets, "forecasts": len(found.chance), "brier": ours,
            "naive_brier": naive, "covered": covered, "width_days": width,
            "judged_days": len(found.inside), "silent": found.silent,
            "bins": [[round(v, 4) for v in one] for one in bins],
            "useless": found.useless, "useless_spoke": found.useless_spoke,
            "too_few_spoke": found.too_few_spoke, "compared": found.compared,
            "changed": found.changed, **{f"holds_{k}": v for k, v in verdict.items()},
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"classes": classes}

if __name__ == "__main__":
    told = classes({"class_fleets": int(sys.argv[1])}, Path())
    print(told["result"], told["figures"], sep="\n")
