"""A Sparkplug B host on a broker: hears births, data and deaths, asks for rebirths, says STATE.

It operates nothing: the only command it can send is the request to be introduced anew. What it
hears is decoded elsewhere; the signs of life of its own link go the same way, because a node is
only as alive as the link over which its death would be told.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import (
    LINK_BEGINS,
    LINK_LIVES,
    SPARKPLUG,
    RawMessage,
    is_plain_name,
)
from lamplighter.domain.problems import fault
from lamplighter.sources.feed import Deliver, Login, TlsFiles, loose_ticket
from lamplighter.sources.mqtt_feed import MqttFeed
from lamplighter.sources.mqtt_manners import Manners, Out

NODE_KINDS: Final = ("NBIRTH", "NDEATH", "NDATA")
DEVICE_KINDS: Final = ("DBIRTH", "DDEATH", "DDATA")
LIVES_EVERY_MS: Final = 2_000
_BOOLEAN: Final = 11


class SparkplugFeed(MqttFeed):
    """`sparkplug://host[:1883]/GROUP[,GROUP][?host=ID&state=3.0]`, `sparkplugs://` with TLS.

    Without a group all groups are heard. `host` is the name under which STATE is said (default:
    the client's), `state` the version of its topic: 3.0 (default) or 2.2.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        deliver: Deliver,
        clock: Clock,
        feed_id: str = "",
        keep_alive_s: float | None = None,
        tls: TlsFiles | None = None,
        login: Login | None = None,
        trial: bool = False,
    ) -> None:
        """Raises U-801 when `url` is no such address. `trial`: only looking, without STATE."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        groups = [unquote(g) for g in parts.path.strip("/").split(",") if g] or ["+"]
        self.host = options.get("host", client_id)
        old = options.get("state", "3.0") == "2.2"
        odd = set(options) - {"host", "state"}
        good = all(g == "+" or is_plain_name(g) for g in groups) and is_plain_name(self.host)
        if not good or odd or options.get("state", "3.0") not in ("3.0", "2.2"):
            what = f"'{parts.scheme}://{parts.hostname}{parts.path}' is no Sparkplug address"
            raise fault("U-801", what=what, name="feed add")
        self._old_state = old
        self._state_topic = f"STATE/{self.host}" if old else f"{SPARKPLUG}STATE/{self.host}"
        self._said_ms = 0
        self._lives_ms = 0
        self._take = deliver
        scheme = "mqtts" if parts.scheme == "sparkplugs" else "mqtt"
        super().__init__(
            f"{scheme}://{parts.netloc}",
            client_id=client_id,
            deliver=self._hear,
            clock=clock,
            feed_id=feed_id,
            topics=(*_topics(groups), self._state_topic),
            keep_alive_s=keep_alive_s,
            tls=tls,
            login=login,
            trial=trial,
        )
        shown = ",".join(groups) if groups != ["+"] else ""
        self.url = f"{parts.scheme}://{self._address.host}:{self._address.port}/{shown}"
        self.id = feed_id or self.url

    # ---------------------------------------------------------------- what it says
    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """Ask an edge node `group:node` for a new birth; the rest of the request has no meaning."""
        group, _, node = source.partition(":")
        link = self._link
        if link is None or not self._live or not is_plain_name(group) or not is_plain_name(node):
            return False
        body = rebirth_request(self._clock.wall_ms())
        return link.publish(Out(f"{SPARKPLUG}{group}/NCMD/{node}", body, qos=0))

    def publish(self, topic: str, payload: bytes) -> bool:
        """Nothing is operated over Sparkplug."""
        return False

    def _manners(self) -> Manners:
        """A clean session; STATE as birth, will and goodbye, all with the time of this link."""
        self._said_ms = self._clock.wall_ms()
        while not self._deliver_own(LINK_BEGINS) and not self._stop.wait(0.05):
            pass  # it must stand before the first message of the new link
        if self._trial:
            return Manners(clean=True)
        gone = self._state(online=False)
        return Manners(clean=True, will=gone, hello=self._state(online=True), goodbye=gone)

    def _state(self, *, online: bool) -> Out:
        if self._old_state:
            body = b"ONLINE" if online else b"OFFLINE"
        else:
            body = json.dumps({"online": online, "timestamp": self._said_ms}).encode()
        return Out(self._state_topic, body, retain=True)

    # ---------------------------------------------------------------- what it hears
    def _hear(self, raw: RawMessage) -> bool:
        if raw.topic != self._state_topic:
            return self._take(raw)
        self.ack(raw.token)
        link = self._link
        if _says_offline(raw.payload) and link is not None and not self._trial:
            # an old will, or another with our name: whoever waits for us must not be misled
            link.publish(self._state(online=True))
        return True

    def watch(self) -> None:
        """Also vouch for the nodes behind a live link."""
        super().watch()
        now = self._clock.monotonic_ms()
        if self._live and now - self._lives_ms >= LIVES_EVERY_MS:
            self._lives_ms = now
            self._deliver_own(LINK_LIVES)

    def _deliver_own(self, topic: str) -> bool:
        wall, now = self._clock.wall_ms(), self._clock.monotonic_ms()
        return self._take(RawMessage(topic, b"", wall, loose_ticket(), self.id, now))


def rebirth_request(now_ms: int) -> bytes:
    """A payload with the one metric `Node Control/Rebirth` = true."""
    name = b"Node Control/Rebirth"
    metric = b"\x0a" + _varint(len(name)) + name + b"\x18" + _varint(now_ms)
    metric += b"\x20" + _varint(_BOOLEAN) + b"\x70\x01"
    return b"\x08" + _varint(now_ms) + b"\x12" + _varint(len(metric)) + metric


def _topics(groups: list[str]) -> tuple[str, ...]:
    return tuple(
        f"{SPARKPLUG}{group}/{kind}/+{'/+' if kind in DEVICE_KINDS else ''}"
        for group in groups
        for kind in (*NODE_KINDS, *DEVICE_KINDS)
    )


def _says_offline(payload: bytes) -> bool:
    if payload == b"OFFLINE":
        return True
    try:
        found = json.loads(payload)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("online") is False


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)
