"""Where a city is measured: districts, the rule, and what may never happen to a verdict."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.coverage import (
    LIVE,
    MEASURED,
    NOT_MEASURED,
    STALE,
    SUSPECT,
    THIN,
    Counts,
    Ground,
    Rule,
    ground,
    judged,
    states,
)
from lamplighter.domain.districts import districts_of
from lamplighter.domain.quality import Quality, QualityMark

NOWHERE = np.zeros((0, 2))


def house(name: str, x: float, y: float, people: int = 10, **attributes: str) -> Asset:
    return Asset(name, "Building", name, "buildings", x=x, y=y, people=people,
                 attributes=dict(attributes))  # fmt: skip


def meter(number: int, asset: str, kind: str = "pressure") -> Datastream:
    return Datastream(number, "gw", f"m{number}", kind=kind, asset=asset)


def district(name: str, *rings: list[tuple[float, float]]) -> Asset:
    closed = [tuple((x, y, 0.0) for x, y in [*ring, ring[0]]) for ring in rings]
    return Asset(name, "District", name.title(), "city", x=0, y=0, path=closed[0],
                 more=tuple(closed[1:]))  # fmt: skip


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def by_id(*assets: Asset) -> dict[str, Asset]:
    return {a.id: a for a in assets}


def row(base: Ground, counts: Counts, name: str, subject: str = "") -> tuple[int, int, int, int]:
    """(live, stale, suspect, verdict) of a district."""
    d = base.districts.names.index(name)
    s = [one.id for one in base.subjects].index(subject)
    return (int(counts.live[d, s]), int(counts.stale[d, s]), int(counts.suspect[d, s]),
            int(counts.verdict[d, s]))  # fmt: skip


# ---------------------------------------------------------------- districts
def test_drawn_districts_have_holes_and_islands() -> None:
    ring = district("ring", square(0, 0, 100), square(40, 40, 20))
    split = district("split", square(200, 0, 10), square(300, 0, 10))
    found = districts_of(by_id(ring, split), NOWHERE)
    assert (found.origin, found.names) == ("outline", ("Ring", "Split"))
    places = np.array([[5.0, 5.0], [50, 50], [205, 5], [305, 5], [250, 5], [-1, 5]])
    assert found.of(places).tolist() == [0, -1, 1, 1, -1, -1]
    np.testing.assert_allclose(found.area_m2(), [9600.0, 200.0])


def test_boroughs_around_neighbourhoods_are_not_counted_beside_them() -> None:
    small = [district(f"n{n}", square(100 * n, 0, 100)) for n in range(3)]
    borough = Asset("b", "Borough", "B", "city", path=tuple((x, y, 0.0) for x, y in
                    [*square(0, 0, 300), (0, 0)]))  # fmt: skip
    assert districts_of(by_id(*small, borough), NOWHERE).names == ("N0", "N1", "N2")


def test_an_open_line_of_a_districts_type_is_no_district() -> None:
    line = Asset("d", "District", "D", "city", path=((0, 0, 0), (10, 0, 0), (10, 10, 0)))
    assert districts_of(by_id(line, house("h", 5, 5)), NOWHERE).origin == "squares"


def test_what_assets_name_as_their_district_is_one_and_holds_them() -> None:
    town = by_id(
        house("a", 0, 0, district="North"), house("b", 90, 0, district="North"),
        house("c", 45, 5, district="South"), house("d", 45, 900, district="South"),
    )  # fmt: skip
    found = districts_of(town, NOWHERE)
    assert (found.origin, found.names) == ("named", ("North", "South"))
    assert found.of(np.array([[0.0, 0], [90, 0], [45, 5], [45, 900]])).tolist() == [0, 0, 1, 1]


def test_without_any_district_squares_are_laid_where_something_stands() -> None:
    found = districts_of(by_id(house("a", 10, 10), house("b", 1700, 510)), np.array([[10.0, 900]]))
    assert (found.origin, found.square_m) == ("squares", 500.0)
    assert found.names == ("A1", "D1", "A2")
    assert found.of(np.array([[1600.0, 900], [0.0, 0], [600, 0]])).tolist() == [1, 2, -1]
    far = by_id(*(house(f"h{n}", 501.0 * n, 1009.0 * n) for n in range(2500)))
    assert districts_of(far, NOWHERE).square_m > 500.0  # an enormous city gets larger ones


def test_an_empty_project_has_no_district_and_no_fault() -> None:
    base = ground({}, [])
    assert judged(base, np.zeros(0, np.int8)).live.shape == (0, 1)


# ---------------------------------------------------------------- the rule
def test_stale_and_suspect_sensors_are_counted_and_count_for_nothing() -> None:
    town = by_id(house("a", 10, 10), house("b", 1010, 10), house("c", 2010, 10))
    base = ground(town, [meter(0, "a"), meter(1, "a"), meter(2, "b"), meter(3, "b"),
                         meter(4, "c"), meter(5, "lost")])  # fmt: skip
    counts = judged(base, np.array([LIVE, LIVE, LIVE, STALE, SUSPECT, LIVE], np.int8))
    assert row(base, counts, "A1") == (2, 0, 0, MEASURED)
    assert row(base, counts, "C1") == (1, 1, 0, THIN)
    assert row(base, counts, "E1") == (0, 0, 1, NOT_MEASURED)
    assert base.placeless == 1


def test_people_far_from_every_live_sensor_make_a_district_thin() -> None:
    town = by_id(
        district("d", square(0, 0, 5000)), house("a", 10, 10, 30), house("f", 4000, 10, 70)
    )
    base = ground(town, [meter(0, "a"), meter(1, "a")])
    counts = judged(base, np.zeros(2, np.int8))
    assert row(base, counts, "D") == (2, 0, 0, THIN)
    assert counts.near[0, 0] == pytest.approx(0.3)
    patient = ground(town, [meter(0, "a"), meter(1, "a")], Rule(share=0.3))
    assert row(patient, judged(patient, np.zeros(2, np.int8)), "D")[3] == MEASURED


def test_each_kind_and_domain_is_judged_by_itself() -> None:
    pump = Asset("p", "Pump", "P", "water", x=20, y=20)
    town = by_id(house("a", 10, 10), pump)
    streams = [meter(0, "p", "flow"), meter(1, "p", "flow"), meter(2, "a", "noise")]
    base = ground(town, streams)
    counts = judged(base, np.array([LIVE, LIVE, STALE], np.int8))
    assert row(base, counts, "A1") == (2, 1, 0, MEASURED)
    assert row(base, counts, "A1", "flow") == row(base, counts, "A1", "domain:water")
    assert row(base, counts, "A1", "noise") == (0, 1, 0, NOT_MEASURED)


def test_a_value_is_live_only_when_nothing_speaks_against_it() -> None:
    quality = np.array([0, Quality.UNCERTAIN, Quality.BAD, Quality.STALE, QualityMark.SUSPECT,
                        QualityMark.WITHHELD, QualityMark.HAND_SET, QualityMark.IN_MAINTENANCE,
                        0, 0, QualityMark.SUSPECT], np.uint8)  # fmt: skip
    time = np.array([5] * 9 + [0, 5], np.int64)
    old = np.array([False] * 8 + [True, False, True])
    found = states(time, quality, old).tolist()
    assert found == [LIVE, LIVE, SUSPECT, STALE, *[SUSPECT] * 4, STALE, STALE, STALE]


# ---------------------------------------------------------------- properties
coordinate = st.floats(-3000, 3000, allow_nan=False)
spot = st.tuples(coordinate, coordinate)


Town = tuple[Ground, np.ndarray, list[tuple[float, float]], list[int]]


@st.composite
def towns(draw: st.DrawFn) -> Town:
    """(ground, states, places of sensors, people)."""
    homes = draw(st.lists(st.tuples(spot, st.integers(1, 50)), min_size=1, max_size=12))
    sites = draw(st.lists(spot, min_size=1, max_size=12))
    assets = [house(f"h{n}", x, y, p) for n, ((x, y), p) in enumerate(homes)]
    assets += [Asset(f"s{n}", "Post", "", "air", x=x, y=y) for n, (x, y) in enumerate(sites)]
    streams = [
        meter(n, f"s{n}", draw(st.sampled_from(["no2", "noise"]))) for n in range(len(sites))
    ]
    state = np.array(draw(st.lists(st.sampled_from([LIVE, STALE, SUSPECT]), min_size=len(sites),
                                   max_size=len(sites))), np.int8)  # fmt: skip
    return ground(by_id(*assets), streams), state, sites, [p for _, p in homes]


@settings(deadline=None, max_examples=30)
@given(towns())
def test_every_sensor_is_counted_once_and_none_live_is_never_measured(town: Town) -> None:
    base, state, sites, people = town
    counts = judged(base, state)
    for which, matrix in ((LIVE, counts.live), (STALE, counts.stale), (SUSPECT, counts.suspect)):
        assert matrix[:, 0].sum() == (state == which).sum()
    assert base.weight.sum() == sum(people)
    assert ((counts.verdict == NOT_MEASURED) == (counts.live == 0)).all()
    assert (counts.live[counts.verdict == MEASURED] >= base.rule.least_live).all()
    near = counts.near[np.isfinite(counts.near)]
    assert ((near >= 0) & (near <= 1)).all() and len(sites) == len(state)


@settings(deadline=None, max_examples=30)
@given(towns(), st.integers(0, 11))
def test_a_sensor_that_comes_back_never_makes_a_verdict_worse(town: Town, which: int) -> None:
    base, state, _, _ = town
    better = state.copy()
    better[which % len(state)] = LIVE
    before, after = judged(base, state), judged(base, better)
    assert (after.verdict <= before.verdict).all()
    assert (np.nan_to_num(after.near) >= np.nan_to_num(before.near)).all()


@settings(deadline=None, max_examples=30)
@given(towns())
def test_who_lives_near_a_live_sensor_is_told_as_by_measuring_every_way(town: Town) -> None:
    base, state, sites, _ = town
    near = np.zeros(len(base.weight))
    for place, one in zip(sites, state.tolist(), strict=True):
        if one == LIVE:
            near = np.maximum(
                near, np.hypot(*(base.pool_middle - np.array(place)).T) <= base.rule.within_m
            )
    found = judged(base, state).near[:, 0]
    for d in range(len(base.districts.names)):
        mine = base.pool_district == d
        if mine.any():
            share = (base.weight * near)[mine].sum() / base.weight[mine].sum()
            assert found[d] == pytest.approx(share)
