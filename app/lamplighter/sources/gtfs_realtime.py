"""GTFS-realtime vehicle positions from their protocol buffer, read field by field.

Only what a map of moving vehicles needs is read. Every unknown field is passed over, every
damaged one ends the reading of its message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_VEHICLES: Final = 20_000
STATUS: Final = ("incoming", "stopped", "in transit")
OCCUPANCY: Final = (
    "empty", "many seats", "few seats", "standing room", "crushed", "full", "not accepting",
    "no data", "not boardable",
)  # fmt: skip

Field = tuple[int, int, int | bytes]


@dataclass(slots=True)
class Vehicle:
    """One vehicle's report."""

    id: str
    time_ms: int | None = None
    lat: float | None = None
    lon: float | None = None
    bearing: float | None = None
    """degrees clockwise from north"""
    speed: float | None = None
    """m/s"""
    route: str = ""
    status: str = ""
    occupancy: str = ""


class Damaged(ValueError):
    """The bytes are no GTFS-realtime message."""


def read_vehicles(payload: bytes) -> list[Vehicle]:
    """All vehicles of a feed message. Raises Damaged."""
    vehicles: list[Vehicle] = []
    stamp: int | None = None
    known = False
    for number, kind, value in fields(payload):
        if number == 1 and isinstance(value, bytes):
            known = True
            stamp = _header_time(value)
        elif number == 2 and isinstance(value, bytes) and kind == 2:
            vehicle = _entity(value)
            if vehicle is not None and len(vehicles) < MOST_VEHICLES:
                vehicles.append(vehicle)
    if not known:
        raise Damaged("it has no header of GTFS-realtime")
    for vehicle in vehicles:
        vehicle.time_ms = vehicle.time_ms or stamp
    return vehicles


def fields(payload: bytes) -> Iterator[Field]:
    """(number, wire type, value) of a message's fields. Raises Damaged."""
    at, end = 0, len(payload)
    while at < end:
        key, at = _varint(payload, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Damaged("a field without a number")
        if kind == 0:
            value, at = _varint(payload, at)
            yield number, kind, value
            continue
        if kind == 2:
            size, at = _varint(payload, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Damaged(f"wire type {kind}")
        if at + size > end:
            raise Damaged("it ends too early")
        yield number, kind, payload[at : at + size]
        at += size


def _varint(payload: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(payload) and shift < 70:
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise Damaged("it ends too early")


def _header_time(payload: bytes) -> int | None:
    for number, _, value in fields(payload):
        if number == 3 and isinstance(value, int):
            return 1000 * value
    return None


def _entity(payload: bytes) -> Vehicle | None:
    """The vehicle of an entity; None for anything else, or for one that was deleted."""
    identity, body = "", None
    for number, _, value in fields(payload):
        if number == 1 and isinstance(value, bytes):
            identity = value.decode("utf-8", "replace")
        elif number == 2 and value == 1:
            return None
        elif number == 4 and isinstance(value, bytes):
            body = value
    return None if body is None else _vehicle(identity, body)


def _vehicle(identity: str, payload: bytes) -> Vehicle:
    vehicle = Vehicle(identity)
    for number, _, value in fields(payload):
        if isinstance(value, int):
            if number == 4 and value < len(STATUS):
                vehicle.status = STATUS[value]
            elif number == 5:
                vehicle.time_ms = 1000 * value
            elif number == 9 and value < len(OCCUPANCY):
                vehicle.occupancy = OCCUPANCY[value]
        elif number == 1:
            vehicle.route = _text(value, 5)
        elif number == 2:
            _position(vehicle, value)
        elif number == 8:
            vehicle.id = _text(value, 1) or _text(value, 2) or identity
    return vehicle


def _position(vehicle: Vehicle, payload: bytes) -> None:
    for number, kind, value in fields(payload):
        if kind != 5 or not isinstance(value, bytes):
            continue
        reading = struct.unpack("<f", value)[0]
        if not abs(reading) < 1e9:
            continue
        if number == 1 and abs(reading) <= 90:
            vehicle.lat = round(reading, 6)
        elif number == 2 and abs(reading) <= 180:
            vehicle.lon = round(reading, 6)
        elif number == 3:
            vehicle.bearing = round(reading, 2)
        elif number == 5:
            vehicle.speed = round(reading, 3)


def _text(payload: bytes, wanted: int) -> str:
    for number, _, value in fields(payload):
        if number == wanted and isinstance(value, bytes):
            return value.decode("utf-8", "replace")[:200]
    return ""
