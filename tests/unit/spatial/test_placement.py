"""Files without a coordinate system, placed by points whose place is known."""

from __future__ import annotations

import numpy as np
import pytest

from lamplighter.domain.city import Frame
from lamplighter.spatial import crs
from lamplighter.spatial.control_points import PointsOrder, apply_points
from lamplighter.spatial.model import Feature, Refused, SourceModel
from lamplighter.spatial.placement import (
    BadPoints,
    Pair,
    Placement,
    fitted,
    from_numbers,
    parse_pairs,
)

FRAME = Frame(epsg=25832, east=691_000.0, north=5_335_000.0)


def pairs(*rows: tuple[float, float, float, float]) -> list[Pair]:
    return [Pair((a, b, 0.0), (c, d, 0.0)) for a, b, c, d in rows]


def surveyed(turn: complex, shift: complex, own: complex) -> complex:
    return turn * own + shift


def text_of(own: list[complex], there: list[complex]) -> str:
    parts = []
    for p, q in zip(own, there, strict=True):
        lon, lat = crs.move(25832, 4326, np.array([q.real]), np.array([q.imag]))
        parts.append(f"{p.real},{p.imag}={lon[0]:.10f},{lat[0]:.10f}")
    return ";".join(parts)


def test_a_third_surveyed_point_is_met_within_a_centimetre() -> None:
    turn, shift = 0.001 * np.exp(1j * np.radians(33.0)), 691_200 + 5_335_100j
    own = [1000 + 2000j, 181_000 + 92_000j, 60_000 - 45_000j]
    there = [surveyed(turn, shift, p) for p in own]
    model = SourceModel("x", features=[Feature("a", "P", at=(own[2].real, own[2].imag, 3000.0))])
    done = apply_points(model, PointsOrder(text_of(own[:2], there[:2])), FRAME, None)
    assert done is not None and "millimetre" in done[1] and "residual 0.000 m" in done[1]
    at = model.features[0].at
    assert at is not None
    assert abs(complex(at[0], at[1]) - there[2]) < 0.01
    assert at[2] == pytest.approx(3.0, abs=0.01)


def test_every_part_of_a_model_moves_with_it() -> None:
    model = SourceModel(
        "x",
        features=[Feature("a", "L", path=[(0, 0, 1), (10, 0, 1)], more=[[(0, 5, 0), (1, 5, 0)]])],
    )
    text = text_of([0j, 10 + 0j], [691_000 + 5_335_000j, 691_000 + 5_335_010j])
    apply_points(model, PointsOrder(text), FRAME, None)
    line, part = model.features[0].path, model.features[0].more
    assert line and part
    assert line[1] == pytest.approx((691_000, 5_335_010, 1), abs=1e-3)
    assert part[0][1] == pytest.approx((690_995, 5_335_001, 0), abs=1e-3)


def test_a_fixed_scale_shows_what_the_points_leave_over() -> None:
    there = pairs((0, 0, 0, 0), (100, 0, 101, 0))
    place, residual = fitted(there, 25832, fixed=1.0)
    assert place.scale == pytest.approx(1.0) and residual == pytest.approx(0.5)
    free, none = fitted(there, 25832)
    assert free.scale == pytest.approx(1.01) and none == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pairs((5, 5, 0, 0), (5, 5, 10, 0)), "coincide in the file"),
        (pairs((0, 0, 7, 7), (5, 5, 7, 7)), "coincide on the map"),
        (pairs((0, 0, 0, 0), (1e-6, 0, 100, 0)), "would be 1e"),
        (pairs((0, 0, 0, 0), (1e9, 0, 100, 0)), "would be 1e"),
        (pairs((0, 0, 0, 0), (10, 0, 0, 10), (0, 30, 30, 0)), "only mirrored"),
    ],
)
def test_points_that_give_no_place_say_why(rows: list[Pair], words: str) -> None:
    with pytest.raises(BadPoints, match=words):
        fitted(rows, 25832)


@pytest.mark.parametrize("text", ["", "1,2=3,4", "1,2=3;4,5=6,7", "a,b=1,2;c,d=3,4", "1,2,3,4"])
def test_what_is_no_pair_of_points_is_refused(text: str) -> None:
    with pytest.raises(BadPoints):
        parse_pairs(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,0=48.1,11.5;9,9=48.2,11.6", "east and north swapped"),
        ("0,0=2.3,48.8;9,9=2.4,48.8", "km from the project"),
        ("0,0=300,48;9,9=301,48", "no longitudes and latitudes"),
    ],
)
def test_places_that_cannot_be_meant_are_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        apply_points(SourceModel("x"), PointsOrder(text), FRAME, None)


def test_map_coordinates_are_taken_in_the_system_given() -> None:
    model = SourceModel("x", features=[Feature("a", "P", at=(5.0, 0.0, 0.0))])
    order = PointsOrder("0,0=691000,5335000;10,0=691010,5335000")
    apply_points(model, order, FRAME, 25832)
    assert model.features[0].at == pytest.approx((691_005, 5_335_000, 0), abs=1e-6)


def test_a_scale_unlike_the_files_unit_is_warned_of() -> None:
    model = SourceModel("x", unit_metres=0.001)
    order = PointsOrder("0,0=691000,5335000;10,0=691010,5335000")
    apply_points(model, order, FRAME, 25832)
    assert any("unit is 0.001 m" in text for text in model.warnings)


def test_a_kept_placement_is_used_again() -> None:
    place = Placement(25832, (1.0, 2.0, 0.0), (0.6, 0.8), (691_000.0, 5_335_000.0, 500.0), 1.0)
    assert from_numbers(place.numbers()) == place
    model = SourceModel("x", features=[Feature("a", "P", at=(1.0, 2.0, 3.0))])
    done = apply_points(model, PointsOrder(kept=place.numbers()), FRAME, None)
    assert done is not None and "as at its import before" in done[1]
    assert model.features[0].at == pytest.approx((691_000, 5_335_000, 503))
