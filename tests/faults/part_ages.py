"""Risk from ages alone, held against what then happened and against a survival curve of its own.

Random registers and closed orders: assets made over years, of which some fail, some are renewed in
time and most still stand; what had failed before the records began is not there. The lives are
read by the code the recorder runs. Beside it stand a plain Kaplan-Meier from the fleet's own diary,
and the next thirty days, which only the diary knows.

Run it: `python -m tests.faults.part_ages 20`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.analytics.life import ages
from lamplighter.analytics.life.ages import AgesRequest
from lamplighter.domain.city import Asset
from lamplighter.domain.maintenance import Prognosis, WorkOrder
from lamplighter.domain.task import silent
from lamplighter.runtime.age_watch import lives_of

Row = dict[str, Any]
TIER: Final = "N3"
SHORT: Final = {"age_fleets": 16}
LONG: Final = {"age_fleets": 100}
DAY_MS: Final = 86_400_000
NOW_DAY: Final = 20_600
NOW: Final = NOW_DAY * DAY_MS
RECORDS: Final = 1_500
"""days of closed orders"""
BEFORE: Final = 1_500
"""days before them in which assets were made too"""
ASSETS: Final = 250
AT_RISK: Final = 25
"""lives watched at an age from which on the plain curve is smooth enough to compare with"""
CURVE: Final = 0.01
"""mean distance of both survival curves that smoothing explains"""
TENTHS: Final = 10
SIGMA: Final = 3.5
LEANS: Final = 0.12
"""of a stated chance: what a curve of finite fleets may be off by on average"""
BAND: Final = 0.88
"""share of true chances inside the band of ninety percent, below which it is too narrow"""
YOUNG: Final = 0.25
"""of the scale of a class: until then few of it have failed"""
CHANCE: Final = 0.5
"""share of fleets failing by chance alone in which age may look as if it told something"""


@dataclass(slots=True)
class Life:
    """One life as the diary has it, in days; `fails` is when it would fail if left alone."""

    asset: int
    begin: int
    end: int
    failed: bool
    fails: float


@dataclass(slots=True)
class Diary:
    """A fleet's truth. Day 0 is now."""

    seed: int
    shape: float
    scale: float
    made: list[int]
    lives: list[Life]

    def truth(self, age: float) -> float:
        """Chance of failing within the horizon at this age."""
        a, b = age / self.scale, (age + ages.HORIZON) / self.scale
        return float(-np.expm1(a**self.shape - b**self.shape))


def diary(shape: float, seed: int, assets: int = ASSETS) -> Diary:
    """Assets made over years; each lives until it fails or is renewed in time, and anew."""
    rng = np.random.default_rng([seed, round(shape * 10), 5])
    scale = float(rng.uniform(500, 1_100))
    made: list[int] = []
    lives: list[Life] = []
    while len(made) < assets:
        begin = -int(rng.integers(30, RECORDS + BEFORE))
        mine: list[Life] = []
        built = begin
        while begin < 0:
            fails = begin + max(1.0, float(scale * rng.weibull(shape)))
            renewed = begin + max(8.0, float(rng.uniform(0.1, 2.5) * scale))
            end = int(np.ceil(min(fails, renewed)))
            mine.append(Life(len(made), begin, min(end, 0), end < 0 and fails <= renewed, fails))
            begin = end
        if mine[0].end >= -RECORDS:  # what ended before the records is not in the register
            made.append(built)
            lives += mine
    return Diary(seed, shape, scale, made, lives)


def written(truth: Diary) -> tuple[list[Asset], list[WorkOrder]]:
    """The register and the closed orders, as a city has them."""

    def day(at: int) -> str:
        return datetime.fromtimestamp((NOW_DAY + at) * 86_400, UTC).date().isoformat()

    assets = [
        Asset(f"L-{k}", "Lamp", f"Lamp {k}", "power", attributes={"installed_on": day(at)})
        for k, at in enumerate(truth.made)
    ]
    orders = [
        WorkOrder(
            f"W-{n}", f"L-{life.asset}", "Lamp is dark" if life.failed else "Renew the lamp",
            "done", finding="failed: burnt out" if life.failed else "not found: as new",
            closed_ms=NOW + life.end * DAY_MS,
        )
        for n, life in enumerate(truth.lives) if life.end < 0
    ]  # fmt: skip
    return assets, orders


@dataclass(slots=True)
class Outcome:
    fleets: int = 0
    miscounted: int = 0
    """fleets whose failures or days in service differ from the diary's"""
    chance: list[float] = field(default_factory=list)
    came: list[bool] = field(default_factory=list)
    inside: list[bool] = field(default_factory=list)
    young: list[bool] = field(default_factory=list)
    """the same of those younger than a quarter of how long their class lasts"""
    apart: list[float] = field(default_factory=list)
    """distance of both survival curves, one number a fleet"""
    ours: float = 0.0
    naive: float = 0.0
    """squared misses in all"""
    spoke_too_soon: int = 0
    spoke_by_chance: int = 0
    by_chance: int = 0
    changed_by_future: int = 0

    def tenths(self) -> list[tuple[float, float, int]]:
        """(chance stated, share that failed, how many) of ten equal parts, the least likely
        first."""
        said, came = np.array(self.chance), np.array(self.came)
        parts = np.array_split(np.argsort(said, kind="stable"), TENTHS)
        return [(float(said[p].mean()), float(came[p].mean()), p.size) for p in parts if p.size]

    def off(self) -> list[float]:
        """Of each tenth, how many times what chance and a finite fleet allow it is off."""
        return [abs(came - said) / (SIGMA * np.sqrt(max(said * (1 - said), 1e-9) / n)
                                    + LEANS * said) for said, came, n in self.tenths()]  # fmt: skip

    def verdict(self) -> dict[str, bool]:
        return {
            "counted": self.miscounted == 0,
            "curve": bool(self.apart) and float(np.mean(self.apart)) <= CURVE,
            "chance": bool(self.chance) and bool(max(self.off()) <= 1.0),
            "band": bool(self.inside) and float(np.mean(self.inside)) >= BAND,
            "young": bool(self.young) and float(np.mean(self.young)) >= BAND,
            "naive": self.ours < self.naive,
            "silent": self.spoke_too_soon == 0,
            "frozen": self.spoke_by_chance <= CHANCE * self.by_chance,
            "past": self.changed_by_future == 0,
        }


def kaplan_meier(lives: list[Life], since: int) -> tuple[list[float], list[float]]:
    """(ages, share that lasts beyond each), from the first age at which enough are watched.

    A life counts from the age at which the records find it, and as long as it was watched.
    """
    watched = [(max(life.begin, since) - life.begin, life.end - life.begin, life.failed)
               for life in lives if life.end > since and life.end > life.begin]  # fmt: skip
    day, lasting, share = [], [], 1.0
    for age in sorted({end for _, end, failed in watched if failed}):
        here = sum(entry < age <= end for entry, end, _ in watched)
        fell = sum(failed and end == age for _, end, failed in watched)
        if here < AT_RISK:
            if day:
                break
            continue
        if not day:
            day, lasting = [float(age)], [1.0]
            continue
        share *= 1.0 - fell / here
        day.append(float(age))
        lasting.append(share)
    return day, lasting


def _apart(lives: ages.Lives, truth: Diary, since: int) -> float:
    """Mean distance of the product's survival from the plain one, from the same first age on."""
    day, lasting = kaplan_meier(truth.lives, since)
    if len(day) < 5:
        return float("nan")
    curve = ages.Lasting(lives.entry, lives.end, lives.failed)
    at = np.arange(day[0], day[-1] - 1.0)
    each = np.log1p(-curve.chance(np.maximum(at + 0.5 - ages.HORIZON / 2, 0.0))) / ages.HORIZON
    ours = np.exp(np.concatenate([[0.0], np.cumsum(each)]))
    return float(np.mean([abs(np.interp(d, np.append(at, at[-1] + 1), ours) - share)
                          for d, share in zip(day, lasting, strict=True)]))  # fmt: skip


def play(truth: Diary, found: Outcome) -> None:
    """One fleet that wears: what is said of it now, and what came."""
    assets, orders = written(truth)
    said_of = _said(assets, orders)
    lives = lives_of(assets, orders, NOW)[0]
    ended = [life for life in truth.lives if life.end < 0]
    since = min(life.end for life in ended if life.failed)
    days = sum(life.end - max(life.begin, since) for life in truth.lives if life.end > since)
    fell = sum(life.failed and life.end > since for life in ended)
    found.fleets += 1
    found.miscounted += (int(lives.failed.sum()), round(float((lives.end - lives.entry).sum()))) \
        != (fell, days)  # fmt: skip
    apart = _apart(lives, truth, since)
    if np.isfinite(apart):
        found.apart.append(apart)
    for life in truth.lives:
        one = said_of.get(f"L-{life.asset}")
        if life.end < 0 or one is None or one.probability_30d is None:
            continue
        came = life.fails <= ages.HORIZON
        found.chance.append(one.probability_30d)
        found.came.append(came)
        real = truth.truth(-life.begin)
        found.inside.append((one.low or 0.0) <= real <= (one.high or 0.0))
        if -life.begin < YOUNG * truth.scale:
            found.young.append(found.inside[-1])
        found.ours += (one.probability_30d - came) ** 2
        found.naive += ((one.naive_probability or 0.0) - came) ** 2


def _said(assets: list[Asset], orders: list[WorkOrder]) -> dict[str, Prognosis]:
    classes = lives_of(assets, orders, NOW)
    return {p.asset: p for p in ages.risks(AgesRequest(classes, NOW), silent)}


def future(truth: Diary, found: Outcome) -> None:
    """Orders closed from tomorrow on change nothing that is said today."""
    assets, orders = written(truth)
    later = [WorkOrder(f"Z-{k}", f"L-{k}", "Lamp is dark", "done", finding="failed: burnt out",
                       closed_ms=NOW + (k + 1) * DAY_MS) for k in range(60)]  # fmt: skip
    found.changed_by_future += _said(assets, [*orders, *later]) != _said(assets, orders)


def too_few(truth: Diary, found: Outcome) -> None:
    """The same fleet with four failures on record: nobody may speak."""
    assets, orders = written(truth)
    failed = [o for o in orders if o.finding.startswith("failed")]
    found.spoke_too_soon += bool(_said(assets, failed[:4]))


def by_chance(truth: Diary, found: Outcome) -> None:
    """The same number of assets, which fail at one rate whatever their age."""
    said = _said(*written(diary(1.0, truth.seed)))
    found.by_chance += 1
    found.spoke_by_chance += any(p.probability_30d is not None for p in said.values())


TRIALS: Final[tuple[Callable[[Diary, Outcome], None], ...]] = (play, too_few, future, by_chance)


def run(
    fleets: int, seed: int = 0, trials: tuple[Callable[[Diary, Outcome], None], ...] = TRIALS
) -> Outcome:
    """So many fleets through every trial."""
    found = Outcome()
    for number in range(seed, seed + fleets):
        truth = diary((2.0, 3.0, 4.0)[number % 3], number)
        for trial in trials:
            trial(truth, found)
    return found


def ages_row(size: dict[str, int], folder: Path) -> Row:
    found = run(size["age_fleets"])
    verdict = found.verdict()
    tenths = found.tenths()
    least, most = tenths[0], tenths[-1]
    stated, came = float(np.sum(found.chance)), int(np.sum(found.came))
    return {
        "promise": "A chance from ages alone is the share that then fails; what still stands or "
        "was renewed in time is counted as long as it lasted; too few failures give no number",
        "trials": f"{found.fleets} random fleets of {ASSETS} assets that wear, "
        f"{len(found.chance):,} forecasts held against the thirty days that followed, and "
        f"{found.by_chance} fleets that fail by chance alone",
        "result": f"{came:,} failed, {stated:,.0f} were stated; least likely tenth "
        f"{least[0]:.1%} stated, {least[1]:.1%} failed; likeliest {most[0]:.1%} stated, "
        f"{most[1]:.1%} failed; the band of 90 % held the true chance in "
        f"{np.mean(found.inside):.0%}, of the young in {np.mean(found.young):.0%}; "
        f"survival {np.mean(found.apart):.3f} from a plain "
        f"Kaplan-Meier; {found.miscounted} fleets miscounted; squared miss "
        f"{found.ours / max(found.naive, 1e-9):.2f} of the plain rate's; spoke in "
        f"{found.spoke_by_chance} of {found.by_chance} fleets without wear and "
        f"{found.spoke_too_soon} with four failures",
        "not_shown": "generated lives of one shape each; a register with wrong dates",
        "bound": "",
        "passed": all(verdict.values()),
        "figures": {
            "fleets": found.fleets, "forecasts": len(found.chance), "stated": round(stated, 1),
            "came": came, "tenths": [[round(a, 4), round(b, 4), n] for a, b, n in tenths],
            "inside": float(np.mean(found.inside)),
            "inside_young": float(np.mean(found.young)), "apart": float(np.mean(found.apart)),
            "miscounted": found.miscounted, "spoke_by_chance": found.spoke_by_chance,
            "spoke_too_soon": found.spoke_too_soon, "changed_by_future": found.changed_by_future,
            **{f"holds_{k}": v for k, v in verdict.items()},
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"ages": ages_row}

if __name__ == "__main__":
    told = ages_row({"age_fleets": int(sys.argv[1])}, Path())
    print(told["result"], told["figures"], sep="\n")
