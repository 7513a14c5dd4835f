"""An edge node of Sparkplug B built by hand: it knows the protocol and nothing of the product."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

INT8, INT16, INT32, INT64, UINT32, UINT64 = 1, 2, 3, 4, 7, 8
FLOAT, DOUBLE, BOOLEAN, STRING, DATE_TIME, DATA_SET = 9, 10, 11, 12, 13, 16


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def metric(
    name: str | None,
    value: Any,
    kind: int = DOUBLE,
    *,
    alias: int | None = None,
    time: int | None = None,
    historical: bool = False,
    unit: str = "",
    typed: bool = True,
) -> bytes:
    """One metric; value None is null."""
    out = b""
    if name is not None:
        out += block(1, name.encode())
    if alias is not None:
        out += number(2, alias)
    if time is not None:
        out += number(3, time)
    if typed:
        out += number(4, kind)
    if historical:
        out += number(5, 1)
    if unit:
        entry = number(1, STRING) + block(8, unit.encode())
        out += block(9, block(1, b"engUnit") + block(2, entry))
    if value is None:
        out += number(7, 1)
    elif kind in (INT64, UINT64, DATE_TIME):
        out += number(11, value)
    elif kind == FLOAT:
        out += varint(12 << 3 | 5) + struct.pack("<f", value)
    elif kind == DOUBLE:
        out += varint(13 << 3 | 1) + struct.pack("<d", value)
    elif kind == BOOLEAN:
        out += number(14, int(value))
    elif kind == STRING:
        out += block(15, value.encode())
    elif kind == DATA_SET:
        out += block(17, number(1, 0))
    else:
        out += number(10, value & 0xFFFFFFFF)
    return out


def payload(seq: int | None, metrics: Iterable[bytes] = (), *, time: int) -> bytes:
    out = number(1, time) + b"".join(block(2, m) for m in metrics)
    return out + (number(3, seq) if seq is not None else b"")


class EdgeNode:
    """Makes (topic, body) pairs and counts as a node must."""

    def __init__(self, group: str = "plant", node: str = "gw", *, now: int) -> None:
        self.group, self.node, self.now = group, node, now
        self.death = 0
        self.seq = 0

    def topic(self, kind: str, device: str = "") -> str:
        tail = f"/{device}" if device else ""
        return f"spBv1.0/{self.group}/{kind}/{self.node}{tail}"

    def next(self) -> int:
        seq = self.seq
        self.seq = (self.seq + 1) % 256
        return seq

    def birth(self, *metrics: bytes) -> tuple[str, bytes]:
        self.seq = 0
        own = (
            metric("bdSeq", self.death, UINT64, time=self.now),
            metric("Node Control/Rebirth", False, BOOLEAN, time=self.now),
        )
        body = payload(self.next(), (*own, *metrics), time=self.now)
        return self.topic("NBIRTH"), body

    def will(self, death: int | None = None) -> tuple[str, bytes]:
        own = metric("bdSeq", self.death if death is None else death, UINT64, time=self.now)
        return self.topic("NDEATH"), payload(None, (own,), time=self.now)

    def device_birth(self, device: str, *metrics: bytes) -> tuple[str, bytes]:
        return self.topic("DBIRTH", device), payload(self.next(), metrics, time=self.now)

    def device_death(self, device: str) -> tuple[str, bytes]:
        return self.topic("DDEATH", device), payload(self.next(), time=self.now)

    def data(self, device: str, *metrics: bytes) -> tuple[str, bytes]:
        kind = "DDATA" if device else "NDATA"
        return self.topic(kind, device), payload(self.next(), metrics, time=self.now)
