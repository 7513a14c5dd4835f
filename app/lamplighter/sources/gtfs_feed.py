"""GTFS-realtime: the vehicles of a public transport company as things that move.

Every vehicle gives `<vehicle>/lat` and `/lon` in degrees, `/bearing`, `/speed` and its state: the
names by which anything that moves can be drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lamplighter.sources.gtfs_realtime import Damaged, Vehicle, read_vehicles
from lamplighter.sources.own_feeds import Wish
from lamplighter.sources.own_source import Point
from lamplighter.sources.reading import Found, Unreadable
from lamplighter.sources.web_feed import WebFeed

INTERVAL_S: Final = 15.0
UNITS: Final = {"lat": "°", "lon": "°", "bearing": "°", "speed": "m/s"}


class GtfsRealtimeFeed(WebFeed):
    """`gtfs-rt+http(s)://host/vehicle-positions.pb[#interval=15]`."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish, interval_s=INTERVAL_S)

    async def _ask(self) -> None:
        answer = await self._get(self._wish.address)
        if answer.unchanged:
            return
        now = self.clock.wall_ms()
        try:
            vehicles = read_vehicles(answer.body)
        except Damaged as error:
            self._found(Unreadable("D-113", str(error)), answer.body)
            return
        found = Found()
        for vehicle in vehicles:
            for name, point in points_of(vehicle, now):
                found.points.append(point)
                if name in UNITS:
                    found.units[point.name] = UNITS[name]
        self._found(found, answer.body)


def points_of(vehicle: Vehicle, now_ms: int) -> Iterator[tuple[str, Point]]:
    """(what, point) of one report; nothing that was not said."""
    time = vehicle.time_ms or now_ms
    base = vehicle.id.replace("/", "-") or "vehicle"
    readings = {
        "lat": vehicle.lat,
        "lon": vehicle.lon,
        "bearing": vehicle.bearing,
        "speed": vehicle.speed,
        "route": vehicle.route or None,
        "status": vehicle.status or None,
        "occupancy": vehicle.occupancy or None,
    }
    for name, value in readings.items():
        if value is not None:
            yield name, Point(f"{base}/{name}", time, value)
