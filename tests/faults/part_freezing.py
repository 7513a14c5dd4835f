"""Forecasts that stop being good: how soon the naive rule takes over, and how rarely for nothing.

Generated hourly series. Some change at once: their level, their clock, or they fall nearly still.
Others stay as they are, restless ones among them. Every freeze is counted again by hand from what
was known one horizon before, and a shuffled future may change none.

Run it: `python -m tests.faults.part_freezing 10`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from tests.unit.analytics.forecasting.series_kit import course, grid

from lamplighter.analytics.forecasting import experts
from lamplighter.analytics.forecasting.walk import Walk, Walked

Row = dict[str, Any]
Floats = npt.NDArray[np.float64]
TIER: Final = "N3"
SHORT: Final = {"freeze_series": 6}
LONG: Final = {"freeze_series": 60}
DAY: Final = 24
DAYS: Final = 130
CUT: Final = 70 * DAY
AT: Final = 102 * DAY
"""row of the change"""
HORIZON: Final = 6
STRETCH: Final = 6
"""hours that share a decision"""
SOON: Final = 5.0
"""days after the change"""
FOUND: Final = 0.9
"""share of changes after which the naive rule must have taken over by then"""
CALM: Final = 0.002
"""freezes a day of a sound series that are still called rare"""
CHANGES: Final = ("level", "clock", "still")
SOUND: Final = ("breathes", "week", "spikes", "drifts")


def sound(kind: str, seed: int) -> Floats:
    """A series that stays as it is."""
    rng = np.random.default_rng([seed, 17])
    hours = np.arange(DAYS * DAY)
    turn = np.sin(hours / DAY * 2 * np.pi)
    if kind == "week":
        return course(DAYS, seed + 500, noise=15.0)
    if kind == "spikes":
        spikes: Floats = 20 + 5 * turn + rng.standard_t(2.5, hours.size)
        return spikes
    slow = 0.3 * np.sin(hours / DAY / 20.0 * 2 * np.pi) if kind == "drifts" else 0.0
    found: Floats = 3.0 + 0.6 * turn + slow + 0.1 * rng.standard_normal(hours.size)
    return found


def changed(kind: str, seed: int) -> Floats:
    """The breathing series, changed at once and for good at `AT`."""
    value = sound("breathes", seed + 1_000)
    after = value[AT:].copy()
    if kind == "level":
        after += 2.0
    elif kind == "clock":
        after = np.roll(value, 8)[AT:]
    else:
        after = 4.0 + (after - after.mean()) / 20.0
    return np.concatenate([value[:AT], after])


def walked(value: Floats) -> Walked:
    return Walk(grid(value), HORIZON, CUT, boosted=False).run()


@dataclass(slots=True)
class Outcome:
    changes: int = 0
    after: list[float] = field(default_factory=list)
    """days until the naive rule took over; infinite for never"""
    missed: list[float] = field(default_factory=list)
    """error of three weeks after a change as shown, in that of the model alone"""
    series: int = 0
    days: float = 0.0
    freezes: int = 0
    rows: int = 0
    """frozen hours that were counted again"""
    unfair: int = 0
    """of these: the model had been nearer than the naive rule over days and over weeks"""
    compared: int = 0
    changed: int = 0

    def soon(self) -> float:
        return float(np.mean(np.array(self.after) <= SOON)) if self.after else 0.0

    def verdict(self) -> dict[str, bool]:
        return {
            "soon": self.soon() >= FOUND,
            "gains": bool(self.missed) and float(np.mean(self.missed)) < 1.0,
            "calm": self.days > 0 and self.freezes <= max(1.0, CALM * self.days),
            "fair": self.unfair == 0,
            "past": self.compared > 0 and self.changed == 0,
        }


def _mean(miss: Floats, end: int, days: int) -> float:
    """Of the last so many days before `end`; NaN where the walk does not show them whole."""
    begin = end - days * DAY
    if begin < CUT:
        return float("nan")
    known = miss[begin:end]
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")


def count_again(value: Floats, shown: Walked, found: Outcome) -> None:
    """Each frozen stretch: was the model really further off than a naive rule had been?"""
    mine = np.abs(value - shown.blended)
    day, week = np.abs(value - shown.naive_day), np.abs(value - shown.naive_week)
    chosen = (day, week)[experts.NAIVE.index(shown.naive_name)]
    for begin in range(CUT, value.size, STRETCH):
        if not shown.frozen[begin]:
            continue
        end = begin - HORIZON + 1
        weeks = (_mean(mine, end, 28), _mean(chosen, end, 28))
        days = (_mean(mine, end, 3), min(_mean(day, end, 3), _mean(week, end, 3)))
        if not np.isfinite([*weeks, *days]).all():
            continue
        found.rows += STRETCH
        found.unfair += STRETCH * (weeks[0] <= weeks[1] and days[0] <= days[1])


def change(number: int, found: Outcome) -> None:
    """One series of every kind of change."""
    for kind in CHANGES:
        value = changed(kind, number)
        shown = walked(value)
        frozen = np.flatnonzero(shown.frozen[AT:])
        found.changes += 1
        found.after.append(float(frozen[0]) / DAY if frozen.size else float("inf"))
        weeks = slice(AT, AT + 21 * DAY)
        alone = np.abs(shown.blended - value)[weeks].mean()
        found.missed.append(float(np.abs(shown.shown - value)[weeks].mean() / alone))
        count_again(value, shown, found)


def calm(number: int, found: Outcome) -> None:
    """One series of every sound kind."""
    for kind in SOUND:
        value = sound(kind, number)
        shown = walked(value)
        frozen = shown.frozen[CUT:].astype(int)
        found.series += 1
        found.days += frozen.size / DAY
        found.freezes += int((np.diff(frozen) > 0).sum()) + int(frozen[0])
        count_again(value, shown, found)


def future(number: int, found: Outcome) -> None:
    """A change to come, or shuffled hours, alter nothing that is shown before."""
    usual = sound("breathes", number + 1_000)
    shuffled = usual.copy()
    shuffled[AT:] = np.random.default_rng(number).permutation(shuffled[AT:]) * 3.0
    one = walked(usual)
    seen = slice(CUT, AT)
    for value in (changed(CHANGES[number % len(CHANGES)], number), shuffled):
        two = walked(value)
        found.compared += AT - CUT
        found.changed += int((one.frozen[seen] != two.frozen[seen]).sum())
        found.changed += int((one.shown[seen] != two.shown[seen]).sum())


Trial = Callable[[int, Outcome], None]
TRIALS: Final[tuple[Trial, ...]] = (change, calm, future)


def run(series: int, trials: tuple[Trial, ...] = TRIALS, seed: int = 100) -> Outcome:
    """So many seeds through every trial."""
    found = Outcome()
    for number in range(seed, seed + series):
        for trial in trials:
            trial(number, found)
    return found


def freezing(size: dict[str, int], folder: Path) -> Row:
    found = run(size["freeze_series"])
    verdict = found.verdict()
    after = np.array(found.after)
    worst = f"{after.max():.1f}" if np.isfinite(after).all() else "never"
    rate = found.freezes / found.days
    return {
        "promise": "After an abrupt change the naive rule takes over within days; a sound series "
        "is hardly ever frozen, and never while its model was the nearer one",
        "trials": f"{found.changes} series that change level or clock or fall still, "
        f"{found.series} sound ones over {found.days:,.0f} days, {found.compared:,} hours before "
        "a future that was exchanged",
        "result": f"{found.soon():.0%} taken over within {SOON:.0f} days ({np.median(after):.1f} "
        f"median, {worst} latest), error of three weeks {np.mean(found.missed):.2f} of the model's "
        f"alone; {found.freezes} freezes of sound series: {rate:.4f} a day; {found.unfair} of "
        f"{found.rows:,} frozen hours counted again were unfair; {found.changed} hours changed by "
        "the future",
        "not_shown": "generated series; a change that the model itself learns within days needs no "
        "freeze",
        "bound": "",
        "passed": all(verdict.values()),
        "figures": {
            "changes": found.changes, "soon": found.soon(), "median_days": float(np.median(after)),
            "worst_days": worst, "error": float(np.mean(found.missed)), "series": found.series,
            "calm_days": found.days, "freezes": found.freezes, "rows": found.rows,
            "unfair": found.unfair, "compared": found.compared, "changed": found.changed,
            **{f"holds_{k}": v for k, v in verdict.items()},
        },
    }  # fmt: skip


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"freezing": freezing}

if __name__ == "__main__":
    told = freezing({"freeze_series": int(sys.argv[1])}, Path())
    print(told["result"], told["figures"], sep="\n")
