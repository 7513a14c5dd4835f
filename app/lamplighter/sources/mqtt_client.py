"""The MQTT library's client with fewer calls: it reads ahead, takes plain messages out of what was
read without the library's ceremony, and acknowledges many messages at once.

The library asks the socket for every header byte by itself, makes several objects of every
message, and sends every acknowledgement by itself; that cost more than everything the recorder
does with a message. Whatever is not a plain message (every other packet, quality of service 2,
properties, anything malformed or very large) still goes through the library's own state machine,
in its place.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion

AHEAD: Final = 65_536
_PUBACK: Final = 0x40
_PUBLISH: Final = 0x30
_QOS: Final = 0x06
_QOS_2: Final = 0x04
_LENGTH: Final = b"\x02"
_LENGTH_BYTES: Final = 4

Published = tuple[bytes, bytes, int, int]
"""topic, payload, packet id (0: none), and the flags of the header: 8 again, 6 quality, 1 kept"""


class EagerClient(paho.Client):
    """A client for one connection; made anew for the next."""

    _ahead = b""
    _at = 0
    _short = False
    """what was read ahead ends in the middle of a plain message, and nothing else is left of it"""
    _end: bytes | OSError | None = None
    """how the connection ended, for the library to see"""

    @property
    def buffered(self) -> int:
        """Bytes that can be worked on now, though no further readiness tells of them."""
        return 0 if self._short else len(self._ahead) - self._at

    @property
    def is_other_next(self) -> bool:
        """Whether the library itself must read on (`loop_read`): something is there for it."""
        if self._end is not None or self._in_packet["command"]:
            return True
        return self.buffered > 0

    def plain(self) -> list[Published]:
        """Plain messages up to the first other packet, in order; reads the socket at most once.

        Never raises: how the connection ended is told by the library's own reading.
        """
        if self._in_packet["command"] or self._end is not None or not self._read_on():
            return []
        found, self._at, self._short = _plain(
            self._ahead, self._at, five=self._protocol == MQTTProtocolVersion.MQTTv5
        )
        return found

    def _read_on(self) -> bool:
        """Have something at hand; False when nothing came."""
        if self.buffered:
            return True
        try:
            more = super()._sock_recv(AHEAD)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end = error
            return False
        if not more:
            self._end = more
            return False
        self._heard()
        self._ahead = self._ahead[self._at :] + more if self._short else more
        self._at, self._short = 0, False
        return True

    def _heard(self) -> None:
        """Whoever sends is there: the answer to a ping may be far behind what was sent before."""
        now = time.monotonic()
        with self._msgtime_mutex:
            self._last_bytes_received = now
        if self._ping_t:
            self._ping_t = now

    def _sock_recv(self, bufsize: int) -> bytes:
        """At most `bufsize` bytes; raises what the library's own does."""
        at = self._at
        if at >= len(self._ahead):
            if isinstance(self._end, OSError):
                raise self._end
            if self._end is not None:
                return self._end
            if bufsize >= AHEAD:
                return super()._sock_recv(bufsize)
            self._ahead, at = super()._sock_recv(AHEAD), 0
        self._short = False
        found = self._ahead[at : at + bufsize]
        self._at = at + len(found)
        return found

    def ack_all(self, mids: Sequence[int]) -> MQTTErrorCode:
        """Acknowledge messages of quality of service 1 in one write, in the order given."""
        packets = b"".join([b"\x40" + _LENGTH + mid.to_bytes(2, "big") for mid in mids])
        return self._packet_queue(_PUBACK, packets, 0, 1)


def _plain(data: bytes, at: int, *, five: bool) -> tuple[list[Published], int, bool]:
    """(plain messages from `at`, where the rest begins, whether the rest is the beginning of one
    more). `five`: of MQTT 5, where a byte tells that there are no properties.
    """
    found: list[Published] = []
    end = len(data)
    while at < end:
        head = data[at]
        if head & 0xF0 != _PUBLISH or head & _QOS >= _QOS_2:
            return found, at, False
        here, length, shift = at + 1, 0, 0
        while True:
            if here >= end:
                return found, at, True
            byte = data[here]
            here += 1
            length |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift >= 7 * _LENGTH_BYTES:
                return found, at, False
        after = here + length
        if after > end:
            return found, at, length < AHEAD
        qos = head & _QOS
        body = here + 2 + ((data[here] << 8) | data[here + 1]) if length > 2 else after + 1
        begin = body + (2 if qos else 0)
        if five:
            if begin >= after or data[begin]:
                return found, at, False
            begin += 1
        if begin > after or body == here + 2:
            return found, at, False
        mid = (data[body] << 8) | data[body + 1] if qos else 0
        found.append((data[here + 2 : body], data[begin:after], mid, head & 0x0F))
        at = after
    return found, at, False
