"""Figures of measurements against shapes whose size is known."""

from __future__ import annotations

import pytest

from lamplighter.domain.measuring import measured


def test_a_distance_has_length_level_length_and_rise() -> None:
    found = measured([(0, 0, 10), (3, 4, 22)])
    assert (found.length, found.level, found.rise) == (13.0, 5.0, 12.0)
    assert found.area == 0


def test_a_line_adds_up_its_steps() -> None:
    found = measured([(0, 0, 0), (3, 4, 0), (3, 4, 12)])
    assert (found.length, found.level) == (17.0, 5.0)


def test_a_sloped_roof_has_more_true_area_than_on_the_map() -> None:
    found = measured([(0, 0, 0), (4, 0, 3), (4, 10, 3), (0, 10, 0)], closed=True)
    assert found.area == pytest.approx(40.0)
    assert found.true_area == pytest.approx(50.0)
    assert found.perimeter == pytest.approx(30.0)


def test_a_wall_has_no_area_on_the_map() -> None:
    found = measured([(0, 0, 0), (4, 0, 0), (4, 0, 3), (0, 0, 3)], closed=True)
    assert found.area == pytest.approx(0.0) and found.true_area == pytest.approx(12.0)


def test_large_coordinates_cost_no_digits() -> None:
    east, north = 92_345.678, 437_654.321
    ring = [(east, north, 1.0), (east + 2, north, 1.0), (east + 2, north + 2, 1.0)]
    assert measured(ring, closed=True).area == pytest.approx(2.0, abs=1e-9)


def test_direction_of_the_ring_does_not_matter() -> None:
    ring = [(0, 0, 0), (4, 0, 0), (4, 4, 0), (0, 4, 0)]
    assert measured(ring, closed=True).area == measured(ring[::-1], closed=True).area == 16.0


def test_one_point_measures_nothing() -> None:
    assert measured([(1, 2, 3)]).length == 0
