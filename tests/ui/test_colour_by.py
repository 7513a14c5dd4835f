"""Colouring the city: off by default, one range while it is looked at, nothing without a basis."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from lamplighter.domain import wire
from lamplighter.domain.anomaly import Anomaly
from lamplighter.domain.city import Asset, Datastream, Edge
from lamplighter.domain.maintenance import Prognosis
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import Quality
from lamplighter.ui.beat import Shown
from lamplighter.ui.city_index import build
from lamplighter.ui.colour_by import (
    AGE,
    FORECAST,
    TRUST,
    UNUSUAL,
    ColourBy,
    ColourKey,
    choices,
    spread_of,
)
from lamplighter.ui.desk import Desk
from lamplighter.ui.time_model import Mode


@pytest.fixture
def desk(qtbot: QtBot) -> Desk:
    made = Desk()
    assets = [Asset(n, "Junction", n, "water") for n in ("a", "b", "c")]
    assets += [Asset("house", "Building", "", "buildings"), Asset("far", "Building", "", "b")]
    streams = [
        Datastream(n, "s", f"p{n}", unit="bar", kind="pressure", asset=name)
        for n, name in enumerate(("a", "b", "c"))
    ]
    streams.append(Datastream(3, "s", "state", kind="mode", asset="a", states=("off", "on")))
    city = wire.City(tuple(assets), (Edge("a", "serves", "house", "t"),), tuple(streams), (), None)
    made.city = build(city)
    made.city_known = True
    return made


def shown(values: list[float], now_ms: int = 10_000, quality: int = 0) -> Shown:
    count = len(values)
    newest = NewestValues(
        1, now_ms, np.full(count, 4_000), np.array(values), np.full(count, np.nan),
        np.ones(count), np.full(count, 0.5, np.float32), np.full(count, quality, np.uint8),
    )  # fmt: skip
    return Shown(newest, now_ms, Mode.LIVE, 1)


def chosen(colour: ColourBy, desk: Desk, id: str) -> None:
    colour.choose(next(c for c in choices(desk) if c.id == id))


def test_nothing_is_coloured_until_somebody_asks(desk: Desk) -> None:
    colour = ColourBy(desk)
    assert colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False) is None and colour.key is None


def test_what_is_unusual_colours_its_assets_and_what_people_called_false_does_not(
    desk: Desk,
) -> None:
    def odd(name: str, asset: str, score: float, verdict: str = "", until: int = 0) -> Anomaly:
        return Anomaly(name, "together", asset, -1, 1, 5_000, "x", until, score=score,
                       verdict=verdict)  # fmt: skip

    assert UNUSUAL not in {c.id for c in choices(desk)}
    items = (
        odd("1", "a", 1.5),
        odd("2", "a", 3.0),
        odd("3", "b", 2.0),
        odd("4", "c", 9.0, "false"),
    )
    desk.unusual.take(wire.AnomaliesChanged((*items, odd("5", "far", 9.0, until=6_000))))
    colour = ColourBy(desk)
    chosen(colour, desk, UNUSUAL)
    tint = colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False)
    assert tint is not None and set(tint) == {"a", "b"} and tint["a"] > tint["b"] > 0
    past = colour.tint_of(shown([1.0, 2.0, 3.0, 0.0], now_ms=4_000))
    assert past == {}


def test_words_are_no_colours_and_kinds_carry_their_unit(desk: Desk) -> None:
    found = {c.id: c.unit for c in choices(desk)}
    assert found["pressure"] == "bar" and "mode" not in found and FORECAST not in found


def test_values_become_shares_of_a_round_range(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, "pressure")
    tint = colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False)
    assert tint is not None and tint["a"] < tint["b"] < tint["c"]
    assert colour.key is not None and (colour.key.low, colour.key.high) == (1.0, 3.0)


def test_what_is_served_shows_the_value_of_what_serves_it(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, "pressure")
    tint = colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False)
    assert tint is not None and tint["house"] == tint["a"] and "far" not in tint
    assert colour.key is not None and colour.key.lent == 1


def test_the_range_stays_until_it_is_fitted_again(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, "pressure")
    colour.tint(shown([1.0, 2.0, 3.0, 0.0], 10_000), False)
    colour.tint(shown([5.0, 6.0, 9.0, 0.0], 12_000), False)
    assert colour.key is not None and colour.key.high == 3.0
    colour.fit_range()
    colour.tint(shown([5.0, 6.0, 9.0, 0.0], 14_000), False)
    assert colour.key.high == 9.0


def test_bad_and_missing_values_get_no_colour(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, "pressure")
    tint = colour.tint(shown([float("nan"), 2.0, 3.0, 0.0]), False)
    assert tint is not None and "a" not in tint and "house" not in tint
    assert colour.tint(shown([1.0, 2.0, 3.0, 0.0], 20_000, int(Quality.BAD)), False) == {}
    assert colour.key is not None and colour.key.shown == 0


def test_age_and_trust_can_be_seen_too(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, AGE)
    colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False)
    assert colour.key is not None and colour.key.low == 0.0 and colour.key.high >= 6.0
    chosen(colour, desk, TRUST)
    tint = colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False)
    assert tint is not None and set(tint.values()) == {0.5}


def test_forecasts_colour_only_what_has_a_basis(desk: Desk) -> None:
    given = Prognosis("a", 0, 30.0, 0.8, 0.6, 0.9), Prognosis("b", 0, 30.0, None, None, None)
    desk.take_event(wire.PrognosisChanged(given))
    colour = ColourBy(desk)
    chosen(colour, desk, FORECAST)
    assert colour.tint(shown([1.0, 2.0, 3.0, 0.0]), False) == {"a": 0.8}


def test_the_key_names_both_ends_with_the_unit(desk: Desk) -> None:
    colour = ColourBy(desk)
    chosen(colour, desk, "pressure")
    colour.tint(shown([1.0, 2.0, 3.0, 0.0]), True)
    assert colour.key is not None and colour.key.hidden
    low, high = ColourKey.ends(colour.key)
    assert low == "1.0" and high.endswith("bar")


def test_equal_values_still_have_a_range() -> None:
    low, high = spread_of(np.array([4.0, 4.0, 4.0]), "pressure")
    assert low < 4.0 < high
