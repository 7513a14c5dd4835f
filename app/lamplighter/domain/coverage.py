"""Where a city is measured and where it is not: sensors against districts and the people in them.

A figure of a district that nobody measures is no good news, so it must never look like one. The
rule is stated once, here: a district is *not measured* while no sensor in it is live, *thinly
measured* while fewer than `least_live` are or while fewer than `share` of its people (without
people: of its buildings) have a live sensor within `within_m`, and *measured* otherwise. Stale and
suspect sensors are counted, and count for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.districts import Districts, districts_of, place_of
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MEASURED, THIN, NOT_MEASURED = 0, 1, 2
VERDICTS: Final = ("measured", "thinly measured", "not measured")
LIVE, STALE, SUSPECT = 0, 1, 2
POOL_M: Final = 50.0
"""people of one district are taken together in squares of this side: far finer than `within_m`"""
EVERYTHING: Final = ""
_DOUBTED: Final = np.uint8(
    QualityMark.SUSPECT | QualityMark.WITHHELD | QualityMark.HAND_SET | QualityMark.IN_MAINTENANCE
)
_PAIRS_AT_ONCE: Final = 2_000_000


class Rule(Struct, frozen=True):
    """From when on a district counts as measured."""

    least_live: int = 2
    """sensors; one alone has nothing that it could be compared with"""
    within_m: float = 400.0
    """metres, five minutes on foot"""
    share: float = 0.5
    """of the people, or of the buildings where no people are known"""


class Subject(Struct, frozen=True):
    """What is asked for: everything, one domain or one kind of datastream."""

    id: str
    """empty for everything, `domain:water`, or the kind"""
    domain: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Ground:
    """What stays while only values change: who lives where, and which sensor stands in which
    district. Arrays by datastream are as long as the highest datastream id plus one.
    """

    districts: Districts
    subjects: tuple[Subject, ...]
    columns: tuple[tuple[str, str], ...]
    """(domain, kind) of the columns that subjects are made of"""
    column_of: Ints
    """by datastream; -1 for one without an asset that has a place"""
    district_of: Ints
    """by datastream; -1 outside of every district"""
    pool_middle: Floats
    """(p, 2) where they live, local metres"""
    weight: Floats
    """(p,) people (or buildings) of a pool"""
    pool_district: Ints
    """(p,) ascending"""
    pair_pool: Ints
    """(n,) with `pair_stream`: this sensor stands within `within_m` of this pool"""
    pair_stream: Ints
    counted: str
    """people | buildings | empty where neither is known"""
    placeless: int
    """datastreams that belong to no asset with a place"""
    rule: Rule


@dataclass(frozen=True, slots=True)
class Counts:
    """(districts, subjects) each. `near`: share of people with a live sensor, NaN for no people."""

    live: Ints
    stale: Ints
    suspect: Ints
    near: Floats
    verdict: npt.NDArray[np.uint8]


def states(
    time_ms: npt.NDArray[np.int64], quality: npt.NDArray[np.uint8], old: Mask
) -> npt.NDArray[np.int8]:
    """LIVE, STALE or SUSPECT by datastream. `old`: too old to be shown as live.

    Suspect are those in doubt, withheld, bad, set by hand or in maintenance: they say something,
    and it is no measurement that counts.
    """
    grade = quality & CLASS_MASK
    found = np.zeros(len(time_ms), np.int8)
    found[((quality & _DOUBTED) != 0) | (grade == Quality.BAD)] = SUSPECT
    found[old | (grade == Quality.STALE) | (time_ms == 0)] = STALE
    return found


def ground(
    assets: Mapping[str, Asset],
    streams: Sequence[Datastream],
    rule: Rule | None = None,
) -> Ground:
    """Everything that can be worked out before a value is known."""
    rule = rule or Rule()
    size = max((s.id for s in streams), default=-1) + 1
    column_of = np.full(size, -1, np.int32)
    at = np.full((size, 2), np.nan)
    columns: dict[tuple[str, str], int] = {}
    known: dict[str, tuple[float, float] | None] = {}
    for stream in streams:
        if stream.asset not in known:
            known[stream.asset] = place_of(assets, stream.asset)
        spot = known[stream.asset]
        if spot is None:
            continue
        at[stream.id] = spot
        name = (assets[stream.asset].domain or "other", stream.kind or "other")
        column_of[stream.id] = columns.setdefault(name, len(columns))
    placed = column_of >= 0
    found = districts_of(assets, at[placed])
    district_of = np.full(size, -1, np.int32)
    district_of[placed] = found.of(at[placed])
    spots, weight, counted = _people(assets)
    middle, weight, owner = _pooled(spots, weight, found.of(spots))
    pools, pairs = _pairs(middle, at, np.flatnonzero(placed), rule.within_m)
    return Ground(
        found, _subjects(columns), tuple(columns), column_of, district_of, middle, weight, owner,
        pools, pairs, counted, len(streams) - int(placed.sum()), rule,
    )  # fmt: skip


def judged(base: Ground, state: npt.NDArray[np.int8]) -> Counts:
    """Counts and verdicts of every district for every subject. `state`: see `states`; datastreams
    beyond its end were never heard.
    """
    size, areas, width = len(base.column_of), len(base.districts.names), len(base.columns)
    now = np.full(size, STALE, np.int8)
    rows = min(size, len(state))
    now[:rows] = state[:rows]
    inside = (base.column_of >= 0) & (base.district_of >= 0)
    cell = base.district_of * width + base.column_of
    by_state = [
        np.bincount(cell[inside & (now == which)], minlength=areas * width).reshape(areas, width)
        for which in (LIVE, STALE, SUSPECT)
    ]
    reached = _reached(base, now == LIVE)
    heads = np.zeros(areas)
    np.add.at(heads, base.pool_district, base.weight)
    shape = (areas, len(base.subjects))
    live, stale, suspect = (np.zeros(shape, np.int32) for _ in range(3))
    near = np.full(shape, np.nan)
    for number, subject in enumerate(base.subjects):
        mine = [n for n, (domain, kind) in enumerate(base.columns) if _meant(subject, domain, kind)]
        for counts, each in zip((live, stale, suspect), by_state, strict=True):
            counts[:, number] = each[:, mine].sum(axis=1)
        met = np.zeros(areas)
        np.add.at(met, base.pool_district, base.weight * reached[:, mine].any(axis=1))
        np.divide(met, heads, out=near[:, number], where=heads > 0)
    return Counts(live, stale, suspect, near, verdicts(live, near, base.rule))


def verdicts(live: Ints, near: Floats, rule: Rule) -> npt.NDArray[np.uint8]:
    """MEASURED, THIN or NOT_MEASURED; NaN in `near` (nobody lives there) speaks for no verdict."""
    thin = (live < rule.least_live) | (near < rule.share)
    found = np.where(thin, THIN, MEASURED).astype(np.uint8)
    found[live == 0] = NOT_MEASURED
    return found


def _meant(subject: Subject, domain: str, kind: str) -> bool:
    return (not subject.domain or subject.domain == domain) and (
        not subject.kind or subject.kind == kind
    )


def _subjects(columns: Mapping[tuple[str, str], int]) -> tuple[Subject, ...]:
    """Everything first, then domains and kinds by name."""
    domains = sorted({domain for domain, _ in columns})
    kinds = sorted({kind for _, kind in columns})
    return (
        Subject(EVERYTHING),
        *(Subject(f"domain:{d}", domain=d) for d in domains),
        *(Subject(k, kind=k) for k in kinds),
    )


def _people(assets: Mapping[str, Asset]) -> tuple[Floats, Floats, str]:
    """(places (n, 2), how many of each (n,), what is counted)."""
    for counted in ("people", "buildings"):
        spots, weight = [], []
        for asset in assets.values():
            here = asset.people if counted == "people" else asset.type == "Building"
            spot = place_of(assets, asset.id) if here else None
            if spot is not None:
                spots.append(spot)
                weight.append(float(here))
        if spots:
            return np.array(spots, np.float64), np.array(weight), counted
    return np.zeros((0, 2)), np.zeros(0), ""


def _pooled(spots: Floats, weight: Floats, owner: Ints) -> tuple[Floats, Floats, Ints]:
    """People of one district and one small square as one, at their common middle."""
    some = owner >= 0
    spots, weight, owner = spots[some], weight[some], owner[some]
    if not len(spots):
        return np.zeros((0, 2)), np.zeros(0), np.zeros(0, np.int32)
    square = np.floor(spots / POOL_M).astype(np.int64)
    rows = np.column_stack((owner.astype(np.int64), square))
    kept, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.reshape(-1)
    total = np.bincount(number, weights=weight).astype(np.float64)
    middle = np.column_stack(
        [np.bincount(number, weights=weight * spots[:, axis]) / total for axis in (0, 1)]
    )
    return middle, total, kept[:, 0].astype(np.int32)


def _pairs(middle: Floats, at: Floats, streams: npt.NDArray[np.intp], reach: float) -> (
    tuple[Ints, Ints]
):  # fmt: skip
    """Every (pool, datastream) at most `reach` metres apart."""
    order = streams[np.argsort(at[streams, 0], kind="stable")]
    east = at[order, 0]
    first = np.searchsorted(east, middle[:, 0] - reach, "left")
    last = np.searchsorted(east, middle[:, 0] + reach, "right")
    pools: list[Ints] = []
    found: list[Ints] = []
    for begin, end in _chunks(last - first):
        count = (last - first)[begin:end]
        pool = np.repeat(np.arange(begin, end, dtype=np.int32), count)
        ahead = np.arange(len(pool)) - np.repeat(np.cumsum(count) - count, count)
        stream = order[np.repeat(first[begin:end], count) + ahead]
        way = at[stream] - middle[pool]
        close = np.einsum("ij,ij->i", way, way) <= reach * reach
        pools.append(pool[close])
        found.append(stream[close].astype(np.int32))
    none = np.zeros(0, np.int32)
    return np.concatenate([none, *pools]), np.concatenate([none, *found])


def _chunks(count: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Stretches of rows with a bounded number of pairs each."""
    part = np.cumsum(count) // _PAIRS_AT_ONCE
    cut = np.flatnonzero(np.diff(part)) + 1
    ends = [*cut.tolist(), len(count)]
    return [(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True) if b > a]


def _reached(base: Ground, live: Mask) -> Mask:
    """(pools, columns) whether a live sensor of the column is near the pool."""
    width = len(base.columns)
    here = live[base.pair_stream]
    found = np.zeros((len(base.weight), width), np.bool_)
    found[base.pair_pool[here], base.column_of[base.pair_stream[here]]] = True
    return found
