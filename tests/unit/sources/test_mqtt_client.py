"""The client that reads ahead takes and leaves exactly what the library would have seen."""

from __future__ import annotations

import random
import socket
import time

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from lamplighter.sources.mqtt_client import AHEAD, EagerClient


def pair(
    version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
) -> tuple[EagerClient, socket.socket]:
    here, there = socket.socketpair()
    here.setblocking(False)
    client = EagerClient(CallbackAPIVersion.VERSION2, protocol=version)
    client._sock = here
    return client, there


@pytest.mark.parametrize("sizes", [[1] * 40, [1, 1, 38], [40], [7, 100]])
def test_bytes_come_in_order_and_whole(sizes: list[int]) -> None:
    client, there = pair()
    there.sendall(bytes(range(40)))
    found = b"".join(client._sock_recv(size) for size in sizes)
    assert found == bytes(range(40))
    assert client.buffered == 0
    with pytest.raises(BlockingIOError):
        client._sock_recv(1)
    there.close()
    assert client._sock_recv(1) == b""
    client._sock.close()


def test_what_was_read_ahead_is_told() -> None:
    client, there = pair()
    there.sendall(b"abcdef")
    client._sock_recv(2)
    assert client.buffered == 4
    assert client._sock_recv(AHEAD) == b"cdef"
    there.close()
    client._sock.close()


def test_many_acknowledgements_are_one_write_and_each_is_whole() -> None:
    client, there = pair()
    client.ack_all([1, 258, 65_535])
    assert there.recv(100) == b"\x40\x02\x00\x01\x40\x02\x01\x02\x40\x02\xff\xff"
    there.close()
    client._sock.close()


def packet(head: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, low = divmod(rest, 128)
        length += bytes([low | (128 if rest else 0)])
        if not rest:
            return bytes([head]) + length + body


def published(topic: bytes, body: bytes, mid: int, flags: int, properties: bytes | None) -> bytes:
    """`properties`: None for MQTT 3.1.1."""
    number = mid.to_bytes(2, "big") if flags & 6 else b""
    more = b"" if properties is None else bytes([len(properties)]) + properties
    return packet(0x30 | flags, len(topic).to_bytes(2, "big") + topic + number + more + body)


class Reader:
    """Reads as a link does and notes what came, in order, and which way."""

    def __init__(self, version: MQTTProtocolVersion) -> None:
        self.client, self.there = pair(version)
        self.client._state = paho._ConnectionState.MQTT_CS_CONNECTED
        self.client.manual_ack_set(True)
        self.client.on_message = lambda _client, _data, m: self.note(m)
        self.client.suppress_exceptions = False
        self.came: list[tuple[bytes, bytes, int, int]] = []
        self.plain = 0
        self.code = 0

    def note(self, message: paho.MQTTMessage) -> None:
        flags = message.dup << 3 | message.qos << 1 | message.retain
        self.came.append((bytes(message._topic), bytes(message.payload), message.mid, flags))

    def read(self) -> None:
        while True:
            found = self.client.plain()
            self.came += found
            self.plain += len(found)
            other = self.client.is_other_next
            if other:
                self.code = self.client.loop_read()
            if self.code or (not found and not (other and self.client.buffered)):
                return

    def close(self) -> None:
        self.there.close()
        if self.client._sock is not None:
            self.client._sock.close()


@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
def test_every_message_comes_once_in_order_whatever_its_kind_and_pieces(
    version: MQTTProtocolVersion,
) -> None:
    luck = random.Random(int(version))
    five = version == MQTTProtocolVersion.MQTTv5
    sent, wire = [], b""
    for mid in range(1, 200):
        topic = luck.choice([b"a", b"lamplighter/1/obs/device", b"\xff\xfe", b"t" * 300])
        body = luck.randbytes(luck.choice([0, 1, 40, 127, 128, 20_000]))
        flags = luck.choice([0, 1, 2, 2, 2, 10, 3])
        properties = luck.choice([b"", b"", b"\x02\x00\x00\x00\x09"]) if five else None
        sent.append((topic, body, mid if flags & 6 else 0, flags))
        wire += published(*sent[-1], properties)
        if luck.random() < 0.2:
            wire += packet(0xD0, b"")  # the answer to a ping
    large = (b"large", bytes(3 * AHEAD), 7, 2)
    sent.append(large)
    wire += published(*large, b"" if five else None)
    wire += published(*sent[0], b"" if five else None)
    reader = Reader(version)
    at = 0
    while at < len(wire):
        size = luck.choice([1, 2, 3, 50, 1_000, 30_000])
        reader.there.sendall(wire[at : at + size])
        at += size
        reader.read()
    assert reader.came == [*sent, sent[0]]
    assert reader.plain > 100
    assert reader.client.buffered == 0
    reader.close()
    reader.read()
    assert reader.code == MQTTErrorCode.MQTT_ERR_CONN_LOST


@pytest.mark.parametrize(
    "bad",
    [
        packet(0x32, b"\x00\x05abc"),  # its topic is longer than it
        packet(0x32, b"\x00"),
        packet(0x32, b"\x00\x01a\x00"),  # half a packet id
        packet(0x30, b"\x00\x00body"),  # no topic
        b"\x30\x80\x80\x80\x80\x01",  # a length of five bytes
        packet(0xF0, b""),
    ],
)
def test_a_malformed_packet_is_left_to_the_library_and_ends_the_link(bad: bytes) -> None:
    reader = Reader(MQTTProtocolVersion.MQTTv311)
    good = (b"a", b"b", 1, 2)
    reader.there.sendall(published(*good, None) + bad + published(*good, None))
    try:
        reader.read()
        refused = reader.code != 0
    except Exception:  # the library's own, which ends the link as well
        refused = True
    assert refused
    assert reader.came == [good]
    reader.close()


def test_the_beginning_of_a_message_is_no_work() -> None:
    reader = Reader(MQTTProtocolVersion.MQTTv311)
    whole = published(b"a", b"body", 1, 2, None)
    reader.there.sendall(whole + whole[:5])
    reader.read()
    assert len(reader.came) == 1
    assert reader.client.buffered == 0
    reader.there.sendall(whole[5:])
    reader.read()
    assert len(reader.came) == 2
    reader.close()


def test_whoever_sends_is_there_although_a_ping_is_not_answered_yet() -> None:
    reader = Reader(MQTTProtocolVersion.MQTTv311)
    client = reader.client
    client._ping_t = time.monotonic() - 1_000
    reader.there.sendall(published(b"a", b"b", 1, 2, None))
    reader.read()
    assert time.monotonic() - client._ping_t < 500
    reader.close()
