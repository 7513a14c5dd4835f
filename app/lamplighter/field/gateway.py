"""One gateway: an MQTT client with its own epoch, announcements, last will and resends."""

from __future__ import annotations

import contextlib
import json
import queue
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from lamplighter.domain.field_message import ANNOUNCEMENTS, COMMANDS, OBSERVATIONS, RECEIPTS
from lamplighter.domain.observation import MAX_EPOCH
from lamplighter.field.ledger import Ledger

HEARTBEAT_S: Final = 2
KEEP_ALIVE_S: Final = 6
IN_FLIGHT: Final = 1000
MOST_AGAIN: Final = 5_000
"""messages of one resend request; the console asks again for the rest"""

Order = tuple[str, bytes, bool]
"""source, payload, retained: a command that waits for the device's own thread"""


class Gateway:
    """A source that retains what it sent. `publish` is called by one thread."""

    def __init__(
        self,
        name: str,
        ledger: Ledger,
        orders: queue.SimpleQueue[Order],
        on_void: Callable[[], None],
    ) -> None:
        self.name = name
        self.epoch = secrets.randbelow(MAX_EPOCH - 1) + 1
        self.silent = False
        self.sent = 0
        self.resent = 0
        self.next_seq = 0
        self._ledger = ledger
        self._orders = orders
        self._on_void = on_void
        self._counting = threading.Lock()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"lamplighter-{name}-{self.epoch:x}"[:60],
            protocol=mqtt.MQTTv311,
        )
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(min_delay=1, max_delay=4)
        self._client.will_set(
            ANNOUNCEMENTS + name,
            json.dumps({"epoch": self.epoch, "offline": True}),
            qos=1,
            retain=True,
        )
        self._client.on_connect = self._connected
        self._client.on_message = self._heard

    def connect(self, url: str) -> None:
        """Starts connecting and keeps trying; raises ValueError for a URL without host and port."""
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{url} names no host and port")
        if parts.username:
            self._client.username_pw_set(parts.username, parts.password)
        self._client.connect_async(parts.hostname, parts.port, KEEP_ALIVE_S)
        self._client.loop_start()

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def announce(self) -> None:
        """Tells, retained, which messages exist; together with the last will no loss can hide."""
        if self.silent:
            return
        self._client.publish(ANNOUNCEMENTS + self.name, self._birth(), qos=1, retain=True)

    def _birth(self, **more: Any) -> str:
        life = {
            "epoch": self.epoch,
            "first_seq": 0,
            "next_seq": self.next_seq,
            "heartbeat_s": HEARTBEAT_S,
            "retains": True,
        }
        return json.dumps(life | more)

    def keep(self, points: str) -> bytes | None:
        """Numbers a message and writes it down; None while the gateway is silent."""
        if self.silent:
            return None
        body = f'{{"epoch":{self.epoch},"seq":{self.next_seq},"points":[{points}]}}'.encode()
        self._ledger.keep(self.name, self.epoch, body)
        self.next_seq += 1
        return body

    def send(self, body: bytes) -> None:
        self._client.publish(OBSERVATIONS + self.name, body, qos=1)
        self.sent += 1

    def receipt(self, payload: bytes) -> None:
        self._client.publish(RECEIPTS + self.name, payload, qos=1)

    def _connected(
        self, client: mqtt.Client, data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        client.subscribe(COMMANDS + self.name, qos=1)
        self.announce()

    def _heard(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        """Runs in the client's thread; an exception here would end it without a word."""
        try:
            self._judge(bytes(message.payload), bool(message.retain))
        except Exception:
            self._on_void()

    def _judge(self, payload: bytes, retained: bool) -> None:
        if self.silent:
            return
        wish = json.loads(payload)
        if isinstance(wish, dict) and set(wish) == {"resend"}:
            asked = wish["resend"]
            self._resend(int(asked["epoch"]), int(asked["from"]), int(asked["to"]))
            return
        self._orders.put((self.name, payload, retained))

    def _resend(self, epoch: int, first: int, last: int) -> None:
        last = min(last, first + MOST_AGAIN - 1)
        for body in self._ledger.again(self.name, epoch, first, last):
            self._client.publish(OBSERVATIONS + self.name, body, qos=1)
            with self._counting:
                self.resent += 1

    def say_goodbye(self) -> mqtt.MQTTMessageInfo | None:
        """The last number stays known, the source reads as offline; None where it cannot tell."""
        if self.silent or not self._client.is_connected():
            return None
        return self._client.publish(
            ANNOUNCEMENTS + self.name, self._birth(offline=True), qos=1, retain=True
        )

    def disconnect(self) -> None:
        self._client.disconnect()

    def end(self) -> None:
        """Ends the client's thread; `disconnect` comes before it."""
        self._client.loop_stop()


def leave_all(gateways: Iterable[Gateway]) -> None:
    """All at once: goodbyes, then disconnections, then the threads."""
    leaving = list(gateways)
    for info in [gateway.say_goodbye() for gateway in leaving]:
        if info is not None:
            with contextlib.suppress(RuntimeError, ValueError):
                info.wait_for_publish(timeout=2.0)
    for gateway in leaving:
        gateway.disconnect()
    for gateway in leaving:
        gateway.end()
