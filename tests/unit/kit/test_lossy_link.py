"""The reset a lossy link makes of a packet is one that TCP believes."""

from __future__ import annotations

import struct

from tests.kit.lossy_link import _checksum, reset_of


def packet(data: bytes) -> bytes:
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 7, 0, 64, 6, 0, b"\x0a\x4d\x01\x01",
        b"\x0a\x4d\x01\x02",
    )  # fmt: skip
    return ip + struct.pack("!HHIIBBHHH", 1883, 40_000, 1_000, 2_000, 0x50, 0x18, 500, 0, 0) + data


def test_a_reset_stands_where_the_data_stood_and_its_sums_are_right() -> None:
    found = reset_of(packet(b"hello"))

    assert found is not None and len(found) == 40
    assert _checksum(found[:20]) == 0
    assert _checksum(found[12:20] + struct.pack("!BBH", 0, 6, 20) + found[20:]) == 0
    assert struct.unpack("!I", found[24:28])[0] == 1_000
    assert found[33] == 0x04


def test_packets_without_data_are_left_alone() -> None:
    assert reset_of(packet(b"")) is None
    assert reset_of(b"\x60" + bytes(60)) is None
