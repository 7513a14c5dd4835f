"""The client that reads ahead gives the library the same bytes, whatever pieces they come in."""

from __future__ import annotations

import socket

import pytest
from paho.mqtt.enums import CallbackAPIVersion

from lamplighter.sources.mqtt_client import AHEAD, EagerClient


def pair() -> tuple[EagerClient, socket.socket]:
    here, there = socket.socketpair()
    here.setblocking(False)
    client = EagerClient(CallbackAPIVersion.VERSION2)
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
