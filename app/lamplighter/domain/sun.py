"""Where the sun stands: true shadows need nothing but a place and a moment.

The algorithm is the low-precision one of Meeus, Astronomical Algorithms, chapter 25, which NOAA's
calculator uses too: better than 0.02 degrees for the years 1900 to 2100.
"""

from __future__ import annotations

import math
from typing import Final

from msgspec import Struct

DELTA_T_S: Final = 69.0
"""terrestrial time ahead of UTC; seconds more or less turn the sun by under 0.001 degrees"""
_J2000_MS: Final = 946_728_000_000
_DAY_MS: Final = 86_400_000.0


class SunPosition(Struct, frozen=True):
    """Degrees: azimuth clockwise from true north, elevation above the horizon."""

    azimuth: float
    elevation: float
    """geometric, without the air: what casts the shadow of an ideal building"""
    apparent: float
    """as it is seen, lifted by the air at sea level"""

    @property
    def up(self) -> bool:
        """Whether any of the sun's disc is above the horizon."""
        return self.apparent > -0.27

    def direction(self) -> tuple[float, float, float]:
        """Unit vector towards the sun: true east, true north, up."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        flat = math.cos(elevation)
        return flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation)


def sun_position(lon: float, lat: float, time_ms: float) -> SunPosition:
    """The sun at a place (WGS 84 degrees) and a moment (milliseconds UTC since 1970)."""
    days = (time_ms - _J2000_MS) / _DAY_MS
    ascension, declination = _apparent(days + DELTA_T_S / 86_400.0)
    centuries = days / 36_525.0
    sidereal = 280.46061837 + 360.98564736629 * days + 0.000387933 * centuries**2
    sidereal += _nutation(centuries) * math.cos(math.radians(_obliquity(centuries)))
    hour = math.radians((sidereal + lon - ascension) % 360.0)
    north, height = math.radians(lat), math.radians(declination)
    up = math.sin(north) * math.sin(height) + math.cos(north) * math.cos(height) * math.cos(hour)
    east = -math.cos(height) * math.sin(hour)
    ahead = math.cos(north) * math.sin(height) - math.sin(north) * math.cos(height) * math.cos(hour)
    elevation = math.degrees(math.asin(min(max(up, -1.0), 1.0)))
    elevation -= 0.00244 * math.cos(math.radians(elevation))  # parallax
    azimuth = math.degrees(math.atan2(east, ahead)) % 360.0
    return SunPosition(azimuth, elevation, elevation + refraction(elevation))


def refraction(elevation: float) -> float:
    """Degrees the air lifts the sun at sea level (Saemundsson); 0 well below the horizon."""
    if elevation < -1.0:
        return 0.0
    return 1.02 / 60.0 / math.tan(math.radians(elevation + 10.3 / (elevation + 5.11)))


def _apparent(days: float) -> tuple[float, float]:
    """Apparent right ascension and declination in degrees, `days` of terrestrial time."""
    t = days / 36_525.0
    mean = 280.46646 + 36_000.76983 * t + 0.0003032 * t * t
    anomaly = math.radians(357.52911 + 35_999.05029 * t - 0.0001537 * t * t)
    centre = (
        (1.914602 - 0.004817 * t - 0.000014 * t * t) * math.sin(anomaly)
        + (0.019993 - 0.000101 * t) * math.sin(2.0 * anomaly)
        + 0.000289 * math.sin(3.0 * anomaly)
    )
    longitude = math.radians(mean + centre - 0.00569 + _nutation(t))
    tilt = math.radians(_obliquity(t))
    ascension = math.atan2(math.cos(tilt) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(tilt) * math.sin(longitude))
    return math.degrees(ascension) % 360.0, math.degrees(declination)


def _node(t: float) -> float:
    return math.radians(125.04 - 1_934.136 * t)


def _nutation(t: float) -> float:
    """Its largest term, in longitude, degrees."""
    return -0.00478 * math.sin(_node(t))


def _obliquity(t: float) -> float:
    mean = 23.439291111 - 0.0130041667 * t - 0.000000164 * t * t
    return mean + 0.00256 * math.cos(_node(t))
