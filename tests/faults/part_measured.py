"""Sensors fall silent, break and are withheld at random: no district looks measured that is not.

Random towns, random rules, random troubles. What the console says of every district and kind is
compared with a count by hand: each sensor and each person one by one, with plain arithmetic.

Run it: `python -m tests.faults.part_measured 200`
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.domain import coverage
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.quality import Quality, QualityMark

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"measured_towns": 40}
LONG: Final = {"measured_towns": 2_000}
SIDE: Final = 600.0
"""metres of a district's side"""
CELL: Final = 60.0
"""one house at most in each, so that nobody's place is an average"""
KINDS: Final = ("no2", "pressure")
NOW: Final = 1_795_305_600_000
TROUBLES: Final = ("silent", "never", "stale", "bad", "suspect", "withheld", "by hand", "mended")
MARKS: Final = {
    "suspect": QualityMark.SUSPECT, "withheld": QualityMark.WITHHELD,
    "by hand": QualityMark.HAND_SET, "mended": QualityMark.IN_MAINTENANCE,
}  # fmt: skip


@dataclass(slots=True)
class Sensor:
    x: float
    y: float
    district: int
    kind: str
    trouble: str = ""


@dataclass(slots=True)
class Outcome:
    towns: int = 0
    verdicts: int = 0
    looked_better: int = 0
    """verdicts that claimed more than was measured"""
    other: int = 0
    """verdicts that differ in another way"""
    gaps: int = 0
    """districts and kinds that really were not measured"""
    examples: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.gaps > 0 and self.looked_better == self.other == 0


def town(rng: random.Random) -> tuple[dict[str, Asset], list[Datastream], list[Sensor]]:
    """A row of square districts with houses and sensors; district n begins at x = n * SIDE."""
    assets: dict[str, Asset] = {}
    streams: list[Datastream] = []
    sensors: list[Sensor] = []
    cells = int(SIDE // CELL)
    for n in range(rng.randint(2, 5)):
        left, low, right, high = n * SIDE, 0.0, (n + 1) * SIDE, SIDE
        corners = ((left, low), (right, low), (right, high), (left, high), (left, low))
        ring = tuple((x, y, 0.0) for x, y in corners)
        assets[f"d{n}"] = Asset(f"d{n}", "District", f"D{n}", "city", path=ring)
        for cell in rng.sample(range(cells * cells), rng.randint(0, 12)):
            x, y = left + (cell % cells + 0.5) * CELL, (cell // cells + 0.5) * CELL
            name = f"h{n}-{cell}"
            assets[name] = Asset(name, "Building", name, "buildings", x=x, y=y,
                                 people=rng.randint(1, 40))  # fmt: skip
        for _ in range(rng.randint(0, 5)):
            x, y = left + rng.uniform(1, SIDE - 1), rng.uniform(1, SIDE - 1)
            number = len(sensors)
            name, kind = f"s{number}", rng.choice(KINDS)
            assets[name] = Asset(name, "Mast", name, "environment", x=x, y=y)
            streams.append(Datastream(number, "gw", f"m{number}", kind=kind, asset=name))
            sensors.append(Sensor(x, y, n, kind))
    return assets, streams, sensors


def by_hand(
    assets: dict[str, Asset], sensors: list[Sensor], district: int, kind: str, rule: coverage.Rule
) -> int:
    """The verdict, counted one by one."""
    alive = [s for s in sensors if not s.trouble and (not kind or s.kind == kind)]
    live = sum(s.district == district for s in alive)
    people = near = 0
    for asset in assets.values():
        if not asset.people or asset.x is None or asset.y is None:
            continue
        if int(asset.x // SIDE) == district:
            people += asset.people
            reached = any(math.hypot(s.x - asset.x, s.y - asset.y) <= rule.within_m for s in alive)
            near += asset.people * reached
    if not live:
        return coverage.NOT_MEASURED
    if live < rule.least_live or (people and near / people < rule.share):
        return coverage.THIN
    return coverage.MEASURED


def told(streams: list[Datastream], sensors: list[Sensor], base: coverage.Ground) -> Any:
    """The verdicts of the product for what the newest values say."""
    count = len(streams)
    time_ms = np.full(count, NOW, np.int64)
    quality = np.zeros(count, np.uint8)
    old = np.zeros(count, bool)
    for number, sensor in enumerate(sensors):
        if sensor.trouble == "never":
            time_ms[number] = 0
        elif sensor.trouble == "silent":
            old[number] = True
        elif sensor.trouble == "stale":
            quality[number] = Quality.STALE
        elif sensor.trouble == "bad":
            quality[number] = Quality.BAD
        elif sensor.trouble:
            quality[number] |= np.uint8(MARKS[sensor.trouble])
    return coverage.judged(base, coverage.states(time_ms, quality, old)).verdict


def run(towns: int, seed: int = 11) -> Outcome:
    """So many towns, each through some troubles."""
    found = Outcome()
    rng = random.Random(seed)
    for _ in range(towns):
        assets, streams, sensors = town(rng)
        rule = coverage.Rule(rng.randint(1, 3), rng.choice((150.0, 400.0, 900.0)),
                             rng.choice((0.2, 0.5, 0.9)))  # fmt: skip
        base = coverage.ground(assets, streams, rule)
        found.towns += 1
        for _ in range(4):
            for sensor in sensors:
                if rng.random() < 0.35:
                    sensor.trouble = rng.choice(("", *TROUBLES))
            verdict = told(streams, sensors, base)
            for row, name in enumerate(base.districts.names):
                for column, subject in enumerate(base.subjects):
                    if subject.domain:
                        continue
                    true = by_hand(assets, sensors, int(name[1:]), subject.kind, rule)
                    _compare(found, int(verdict[row, column]), true, f"{name} {subject.id}")
    return found


def _compare(found: Outcome, said: int, true: int, where: str) -> None:
    found.verdicts += 1
    found.gaps += true == coverage.NOT_MEASURED
    if said != true:
        found.looked_better += said < true
        found.other += said > true
        words = coverage.VERDICTS
        found.examples = [*found.examples, f"{where}: {words[said]}, is {words[true]}"][:5]


def measured(size: dict[str, int], folder: Path) -> Row:
    found = run(size["measured_towns"])
    return {
        "promise": "No district looks measured where no live sensor measures it, whatever falls "
        "silent, breaks or is withheld",
        "trials": f"{found.towns} random towns through four rounds of trouble, "
        f"{found.verdicts:,} verdicts counted by hand",
        "result": f"{found.gaps:,} true gaps; {found.looked_better} verdicts claimed too much, "
        f"{found.other} too little",
        "not_shown": "wrong places and wrong counts of people in the city's own data",
        "bound": "",
        "passed": found.passed,
        "figures": {"towns": found.towns, "verdicts": found.verdicts, "gaps": found.gaps,
                    "looked_better": found.looked_better, "other": found.other,
                    "examples": found.examples},
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"measured": measured}

if __name__ == "__main__":
    print(run(int(sys.argv[1])))
