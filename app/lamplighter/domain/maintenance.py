"""Forecasts with their evidence, and work orders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

OLD_MS: Final = 3 * 86_400_000
"""a forecast that was not made anew for so long is none"""


class Reason(Struct, frozen=True):
    """One signal's share in a forecast, largest first."""

    signal: str
    share: float
    text: str


class SimilarCase(Struct, frozen=True):
    """A past case like this one and what came of it."""

    asset: str
    when_ms: int
    outcome: str
    distance: float


class Prognosis(Struct, frozen=True):
    """How likely an asset fails within a horizon. Without a basis there is no number."""

    asset: str
    made_ms: int
    horizon_days: float
    probability_30d: float | None
    low: float | None
    high: float | None
    days_low: float | None = None
    days_high: float | None = None
    basis: str = ""
    """what the model learned from, e.g. `simulated history, 12 failures`; or why there is none"""
    reasons: tuple[Reason, ...] = ()
    similar: tuple[SimilarCase, ...] = ()
    trust: float = 1.0
    naive_probability: float | None = None
    model: str = ""
    what: str = ""
    """e.g. `Booster pump, bearing`"""
    people: int = 0
    days_median: float | None = None
    """remaining days, the middle of `days_low` to `days_high`"""
    age_share: float | None = None
    """age's part in the claim, apart from the signals; 0 where age is not looked at"""
    would_change: str = ""
    """the reading that would move the claim most, and by how much"""
    others: tuple[str, ...] = ()
    """what else has a number for the asset, in words; filled in where assets are listed"""


class Step(Struct, frozen=True):
    """One line of an order's checklist: something to do, or a reading with limits."""

    id: str
    text: str
    required: bool = True
    done: bool = False
    done_by: str = ""
    done_ms: int = 0
    unit: str = ""
    """a reading's unit; with `reads` it is a reading, else something to do"""
    reads: bool = False
    low: float | None = None
    high: float | None = None
    reading: float | None = None
    note: str = ""
    """what was seen; a reading outside its limits needs one before the order is closed"""


class Part(Struct, frozen=True):
    """A spare part an order needs or used."""

    id: str
    name: str
    number: str = ""
    quantity: float = 1.0
    used: bool = False


class WorkOrder(Struct, frozen=True):
    """A job on an asset."""

    id: str
    asset: str
    title: str
    state: str = "open"
    """open | planned | done | cancelled"""
    created_ms: int = 0
    due_ms: int = 0
    origin: str = "hand"
    """forecast | alarm | hand"""
    created_by: str = ""
    note: str = ""
    finding: str = ""
    """after closing: `found: ...`, `not found: ...`, or `failed: ...` for a failure on record"""
    closed_ms: int = 0
    closed_by: str = ""
    priority: int = 3
    """1 at once, 2 soon, 3 planned"""
    skill: str = ""
    """what the crew must be able to do, e.g. `electrical`"""
    minutes: int = 60
    """how long the work itself takes"""
    crew: str = ""
    planned_ms: int = 0
    """when the crew begins, 0 = not planned"""
    isolation: str = ""
    """how the asset is made safe for the work; about safety, never merged without a person"""
    signature: str = ""
    """who signed that it is done, and when; about safety"""
    alarm: str = ""
    """key of the alarm it came from"""
    forecast: str = ""
    """key of the forecast it came from: asset and what fails"""
    steps: tuple[Step, ...] = ()
    parts: tuple[Part, ...] = ()


class JobTemplate(Struct, frozen=True):
    """What a kind of job on a type of asset usually takes: its checklist, parts and skill."""

    id: str
    """unique in a project; those of plugins begin with the plugin's id"""
    name: str
    asset_types: tuple[str, ...] = ()
    """empty for any"""
    skill: str = ""
    minutes: int = 60
    isolation: str = ""
    steps: tuple[Step, ...] = ()
    parts: tuple[Part, ...] = ()


AGE_MODEL: Final = "survival by age 1"
TREND_MODEL: Final = "trend 1"
_RANK: Final = {TREND_MODEL: 1, AGE_MODEL: 2}
"""which basis has the word; learned models before all others"""


def one_each(items: Iterable[Prognosis]) -> tuple[Prognosis, ...]:
    """One forecast for each asset, the likeliest to fail first, those without a number last.

    A learned model has the word, then a drift to a limit, then age: the first of them that has a
    number. The other numbers stand in its `others`, and of a silent model its basis says so.
    """
    of_asset: dict[str, list[Prognosis]] = {}
    for item in items:
        of_asset.setdefault(item.asset, []).append(item)
    found = [_first(every) for every in of_asset.values()]
    return tuple(sorted(found, key=_chance, reverse=True))


def _chance(item: Prognosis) -> float:
    """For ranking; without a number behind all that have one."""
    return -1.0 if item.probability_30d is None else item.probability_30d


def _first(every: list[Prognosis]) -> Prognosis:
    if len(every) == 1:
        return every[0]
    ranked = sorted(
        every,
        key=lambda p: (p.probability_30d is None, _RANK.get(p.model, 0), -_chance(p), -p.made_ms),
    )
    first, rest = ranked[0], ranked[1:]
    silent = [p for p in rest if p.probability_30d is None and p.model not in _RANK]
    basis = first.basis
    if first.probability_30d is not None and first.model in _RANK and silent:
        basis += f"; its model says nothing: {silent[0].basis.removeprefix('no basis: ')}"
    besides = tuple(_in_words(p) for p in rest if p.probability_30d is not None)
    return replace(first, basis=basis, others=besides)


def _in_words(item: Prognosis) -> str:
    name = ", ".join(part for part in (item.what, item.model) if part)
    return f"{name}: {item.probability_30d:.1%} within {item.horizon_days:.0f} days"


def without_number(item: Prognosis, why: str) -> Prognosis:
    """The same asset without a forecast."""
    return replace(
        item,
        probability_30d=None,
        low=None,
        high=None,
        days_low=None,
        days_high=None,
        basis=f"no basis: {why}",
        reasons=(),
        similar=(),
        days_median=None,
        would_change="",
    )


def aged(item: Prognosis, now_ms: int) -> Prognosis:
    """The forecast, or one without a number once it is older than `OLD_MS`: nobody made it anew."""
    if item.probability_30d is None or now_ms - item.made_ms <= OLD_MS:
        return item
    days = (now_ms - item.made_ms) / 86_400_000
    return without_number(item, f"the newest forecast is {days:.0f} days old")
