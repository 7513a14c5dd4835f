"""Hears the observations a SensorThings server publishes over MQTT, beside the poll.

It only makes values come sooner: what it misses while the broker is away, the next poll brings.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable
from typing import Any

from lamplighter.sources.feed import Login, broker_address
from lamplighter.sources.tls import context_for


class Listener:
    """One connection with a session of its own; `heard` is called on its thread."""

    def __init__(self, url: str, heard: Callable[[str, bytes], None], login: Login) -> None:
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        from lamplighter.sources.feed import TlsFiles

        address = broker_address(url)
        self._heard = heard
        self._topics: set[str] = set()
        self._lock = threading.Lock()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"lamplighter-{secrets.token_hex(6)}"
        )
        if login.user:
            self._client.username_pw_set(login.user, login.password)
        if address.tls:
            self._client.tls_set_context(context_for(TlsFiles()))
        self._client.on_connect = self._connected
        self._client.on_message = lambda _c, _u, m: self._heard(m.topic, bytes(m.payload))
        self._client.reconnect_delay_set(1, 30)
        with contextlib.suppress(OSError):
            self._client.connect_async(address.host, address.port, 30)
        self._client.loop_start()

    def follow(self, topics: set[str]) -> None:
        """Subscribe to these as well."""
        with self._lock:
            fresh, self._topics = topics - self._topics, self._topics | topics
        if fresh and self._client.is_connected():
            self._subscribe(fresh)

    def _connected(self, *_: Any) -> None:
        with self._lock:
            topics = set(self._topics)
        self._subscribe(topics)

    def _subscribe(self, topics: set[str]) -> None:
        rows = [(topic, 1) for topic in sorted(topics)]
        for start in range(0, len(rows), 200):
            self._client.subscribe(rows[start : start + 200])

    def stop(self) -> None:
        """Leave the broker and end the thread."""
        self._client.disconnect()
        self._client.loop_stop()
