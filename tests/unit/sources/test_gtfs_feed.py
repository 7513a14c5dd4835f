"""Vehicles of public transport: their positions as datastreams, no bytes that stop the reading."""

from __future__ import annotations

import contextlib
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.own_feed import Opened
from tests.kit.testdata import city_data
from tests.kit.web import WebServer

from lamplighter.sources.gtfs_realtime import OCCUPANCY, STATUS, Damaged, read_vehicles

STAMP = 1_795_341_600


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _field(number: int, value: int | float | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _vehicle(name: str, lat: float, lon: float, *, at: int = STAMP, **more: float) -> bytes:
    position = _field(1, lat) + _field(2, lon)
    position += b"".join(_field({"bearing": 3, "speed": 5}[k], v) for k, v in more.items())
    body = _field(1, _field(1, "trip") + _field(5, "R7")) + _field(2, position) + _field(4, 2)
    body += _field(5, at) + _field(8, _field(1, name)) + _field(9, 1) + _field(99, "unknown")
    return _field(2, _field(1, f"e-{name}") + _field(4, body))


def _feed(*vehicles: bytes) -> bytes:
    return _field(1, _field(1, "2.0") + _field(3, STAMP)) + b"".join(vehicles)


def test_vehicles_move_on_the_map_by_their_own_time() -> None:
    with WebServer() as web:
        web.put("/vp.pb", _feed(_vehicle("bus 12", 53.55, 9.99, bearing=90.0, speed=8.5)))
        with Opened(f"gtfs-rt+{web.url}/vp.pb#interval=0.05&source=buses") as feed:
            feed.until(lambda f: len(web.asked) > 3)
            assert feed.newest == {
                "bus 12/lat": 53.549999, "bus 12/lon": 9.99, "bus 12/bearing": 90.0,
                "bus 12/speed": 8.5, "bus 12/route": "R7", "bus 12/status": "in transit",
                "bus 12/occupancy": "many seats",
            }  # fmt: skip
            assert feed.values("bus 12/lat") == [53.549999] and feed.points[0][1] == 1000 * STAMP
            assert feed.units["bus 12/speed"] == "m/s"
            web.put("/vp.pb", _feed(_vehicle("bus 12", 53.56, 9.98, at=STAMP + 15)))
            feed.until(lambda f: len(f.values("bus 12/lat")) == 2)
            web.put("/vp.pb", b"<html>")
            feed.until(lambda f: f.aside and "D-113" in str(f.feed.problem))


def test_a_vehicle_without_a_time_has_the_one_of_the_feed_and_a_deleted_one_is_none() -> None:
    bare = _field(2, _field(1, "e") + _field(4, _field(2, _field(1, 1.5) + _field(2, 2.5))))
    gone = _field(2, _field(1, "g") + _field(2, 1) + _field(4, b""))
    (vehicle,) = read_vehicles(_feed(bare, gone))
    assert (vehicle.id, vehicle.time_ms, vehicle.lat, vehicle.lon) == ("e", 1000 * STAMP, 1.5, 2.5)
    wrong = _vehicle("w", 5000.0, 9.0)
    assert read_vehicles(_feed(wrong))[0].lat is None


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_can_stop_the_reading(raw: bytes) -> None:
    for payload in (raw, _feed() + raw, _feed(_vehicle("v", 1.0, 2.0))[: len(raw)]):
        with contextlib.suppress(Damaged):
            read_vehicles(payload)


@pytest.mark.data
def test_field_numbers_are_those_of_the_published_definition() -> None:
    text = city_data("transit_gtfs", "google_transit", "gtfs-realtime.proto").read_text()
    text = re.sub(r"//[^\n]*", "", text)

    def number(message: str, name: str) -> int:
        body = text.partition(f"message {message} {{")[2]
        found = re.search(rf"\b{name} = (\d+)", body)
        assert found is not None
        return int(found[1])

    assert [number("FeedMessage", n) for n in ("header", "entity")] == [1, 2]
    assert [number("FeedEntity", n) for n in ("id", "is_deleted", "vehicle")] == [1, 2, 4]
    assert [number("Position", n) for n in ("latitude", "longitude", "bearing", "speed")] == [
        1, 2, 3, 5,
    ]  # fmt: skip
    names = ("trip", "position", "current_status", "timestamp", "vehicle", "occupancy_status")
    assert [number("VehiclePosition", n) for n in names] == [1, 2, 4, 5, 8, 9]
    assert number("TripDescriptor", "route_id") == 5 and number("FeedHeader", "timestamp") == 3
    assert number("VehiclePosition", "IN_TRANSIT_TO") == STATUS.index("in transit")
    assert number("VehiclePosition", "NOT_ACCEPTING_PASSENGERS") == OCCUPANCY.index("not accepting")
