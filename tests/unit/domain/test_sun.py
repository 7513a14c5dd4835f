"""The sun's place against published examples."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from lamplighter.domain.sun import _apparent, sun_position


def ms(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp() * 1000.0


def test_right_ascension_and_declination_are_those_of_the_textbook_example() -> None:
    # Meeus, example 25.a: 13 October 1992, 0 h terrestrial time
    days = (ms(1992, 10, 13) - ms(2000, 1, 1, 12)) / 86_400_000.0
    ascension, declination = _apparent(days)
    assert ascension == pytest.approx(198.38083, abs=0.0005)
    assert declination == pytest.approx(-7.78507, abs=0.0005)


def test_the_published_example_of_the_solar_position_algorithm() -> None:
    # Reda and Andreas, NREL/TP-560-34302: 17 October 2003 12:30:30, seven hours behind UTC
    sun = sun_position(-105.1786, 39.742476, ms(2003, 10, 17, 19, 30, 30))
    assert sun.azimuth == pytest.approx(194.34024, abs=0.01)
    assert sun.elevation == pytest.approx(39.872046, abs=0.01)
    assert sun.apparent == pytest.approx(39.888378, abs=0.02)


@pytest.mark.parametrize(
    ("lon", "lat", "when", "elevation"),
    [
        (
            0.0,
            0.0,
            (2024, 3, 20, 12, 7, 25),
            90.0 - 0.149,
        ),  # nine hours after the equinox, true noon
        (0.0, 51.4769, (2024, 6, 20, 12, 1, 50), 90.0 - 51.4769 + 23.4363),
        (24.94, 60.17, (2024, 12, 21, 10, 18, 30), 90.0 - 60.17 - 23.4365),
        (18.42, -33.92, (2024, 6, 20, 10, 48, 10), 90.0 - 33.92 - 23.4363),
    ],
)
def test_noon_heights_follow_latitude_and_season(lon, lat, when, elevation) -> None:
    sun = sun_position(lon, lat, ms(*when))
    assert sun.elevation == pytest.approx(elevation, abs=0.1)
    assert sun.up


def test_morning_is_east_evening_is_west_and_night_is_down() -> None:
    morning = sun_position(4.5, 51.9, ms(2024, 6, 20, 5))
    evening = sun_position(4.5, 51.9, ms(2024, 6, 20, 18))
    assert morning.direction()[0] > 0.8 and evening.direction()[0] < -0.8
    assert not sun_position(4.5, 51.9, ms(2024, 6, 20, 23, 40)).up
    assert math.hypot(*morning.direction()) == pytest.approx(1.0)
