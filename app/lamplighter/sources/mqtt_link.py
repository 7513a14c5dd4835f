"""One connection to a broker, from connect to its end, driven by one thread.

paho acknowledges when its callback returns, and its own thread dies of an exception unseen. So the
loop is ours: every paho call happens on the thread that calls `run`, acknowledgements are handed
over and sent by it, and whatever goes wrong ends this link only; the feed makes a new one.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import MAX_MESSAGE_BYTES
from lamplighter.sources.feed import Address, Counters, DeliverAll, Login, loose_ticket
from lamplighter.sources.mqtt_client import EagerClient, Published
from lamplighter.sources.mqtt_manners import LinkEnded, Manners, Out, close_abandoned, lingering
from lamplighter.sources.mqtt_words import refused_topics, words_of
from lamplighter.sources.tls import server_end_ms

WINDOW: Final = 2_000
"""messages the broker may send before the first is acknowledged (Receive Maximum)"""
SESSION_S: Final = 86_400
HELD_LIMIT: Final = 2 * WINDOW
CONNECT_S: Final = 4.0
SILENT_MS: Final = 15_000
_TICK_S: Final = 0.25
_TAKEN_OVER: Final = 0x8E
_UNSPECIFIED: Final = 0x80
_WRONG_VERSION: Final = frozenset({1, 0x84})
_MID_BITS: Final = 16
_READS: Final = 20
"""reads in a row before acknowledgements get their turn"""
_AT_ONCE: Final = 500
_TOPICS: Final = 20_000
"""topics whose text is remembered"""


class MqttLink:
    """One paho client and its socket. `prefix` makes its tickets different from all others."""

    def __init__(
        self,
        address: Address,
        *,
        client_id: str,
        topics: tuple[str, ...],
        feed: str,
        prefix: int,
        deliver: DeliverAll,
        clock: Clock,
        keep_alive_s: float,
        version: MQTTProtocolVersion,
        counters: Counters,
        login: Login,
        tls: ssl.SSLContext | None,
        manners: Manners | None = None,
    ) -> None:
        self._address = address
        self._manners = manners or Manners()
        self._topics = topics
        self._feed = feed
        self._prefix = prefix
        self._deliver = deliver
        self._clock = clock
        self._version = version
        self._counters = counters
        self._keep_alive = max(1, round(0.75 * keep_alive_s))
        # a silent link is noticed after two of these, which keeps within the promised limit
        self._acks: deque[int] = deque()
        self._woken = False
        """a wake-up for acknowledgements is under way"""
        self._outbox: deque[Out] = deque()
        self._held: deque[RawMessage] = deque()
        self._ending = threading.Event()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._error = ""
        self._end: LinkEnded | None = None
        self.subscribed = False
        self.beat_ms = clock.monotonic_ms()
        """when this link's thread last came round"""
        self.contact_ms = 0
        """when the broker was last heard"""
        self.message_ms = 0
        """when the newest message came"""
        self.first_message_ms = 0
        self.message_count = 0
        self.unanswered: dict[int, str] = {}
        """topics of what was sent and the broker has not answered yet"""
        self.denied: set[str] = set()
        """topics the broker says we may not write"""
        self.denied_ms = 0
        self.protocol = ""
        self.server_ends_ms = 0
        self._texts: dict[bytes, str | bytes] = {}
        self._client = self._make(client_id, login, tls)

    # ---------------------------------------------------------------- from any thread
    def silent_for_ms(self, now: int) -> int:
        """How long nothing came, when that is unusual for this link; else 0."""
        if self.message_count < 2:
            return 0
        usual = (self.message_ms - self.first_message_ms) / (self.message_count - 1)
        silent = now - self.message_ms
        return silent if silent > max(SILENT_MS, 5 * usual) else 0

    def ack_all(self, mids: Iterable[int]) -> None:
        self._acks.extend(mids)
        if not self._woken:
            self._woken = True
            self._wake()

    def publish(self, out: Out) -> bool:
        if not self.subscribed or self._ending.is_set():
            return False
        self._outbox.append(out)
        self._wake()
        return True

    def end(self) -> None:
        """Ask the thread in `run` to finish; it returns within a moment."""
        self._ending.set()
        self._wake()

    # ---------------------------------------------------------------- the link's own thread
    def run(self, when_live: Callable[[], None]) -> None:
        """Connect and pump until `end` is called; raises LinkEnded when the link is gone."""
        try:
            self._connect()
            started = self._clock.monotonic_ms()
            told = False
            while not self._ending.is_set():
                self._turn()
                if self.subscribed and not told:
                    told = True
                    when_live()
                if not told and self._clock.monotonic_ms() - started > CONNECT_S * 1000:
                    raise LinkEnded("the broker did not answer", version=True)
            self._farewell()
        finally:
            self.subscribed = False
            self._close()

    def _connect(self) -> None:
        try:
            self._client.connect(
                self._address.host, self._address.port, self._keep_alive, **self._hello()
            )
        except (OSError, ValueError) as error:
            close_abandoned(error)
            raise LinkEnded(str(error), cause=error) from None

    def _hello(self) -> dict[str, Any]:
        if self._version != MQTTProtocolVersion.MQTTv5:
            return {}
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if self._manners.clean else SESSION_S
        properties.ReceiveMaximum = WINDOW
        return {"clean_start": self._manners.clean, "properties": properties}

    def _turn(self) -> None:
        """Wait for work once and do all there is."""
        self.beat_ms = self._clock.monotonic_ms()
        sock = self._client.socket()
        if sock is None:
            raise self._ended("the connection was closed")
        self._flush()
        self._offer()
        full = len(self._held) >= HELD_LIMIT
        pending = self._client.buffered > 0
        pending |= isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        reading = [self._wake_r] if full else [sock, self._wake_r]
        writing = [sock] if self._client.want_write() else []
        wait = 0.0 if pending else (0.02 if self._held else _TICK_S)
        try:
            readable, writable, _ = select.select(reading, writing, [], wait)
        except (OSError, ValueError) as error:
            raise self._ended(str(error)) from None
        if self._wake_r in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_r.recv(65_536)
            self._woken = False  # what is noted from here on needs a wake-up of its own
        if not full and (sock in readable or pending):
            self._read()
        if sock in writable:
            self._check(self._client.loop_write())
        if not full:
            self._check(self._client.loop_misc())

    def _read(self) -> None:
        """All packets that are there, so that one wake-up serves many messages."""
        client = self._client
        for _ in range(_READS):
            came = client.plain()
            if came:
                self._take(came)
            other = client.is_other_next
            if other:
                self._check(client.loop_read())
            # in the middle of a large packet the socket will say when there is more of it
            if not (came or (other and client.buffered)) or len(self._held) >= HELD_LIMIT:
                break

    def _flush(self) -> None:
        if due := [self._acks.popleft() for _ in range(len(self._acks))]:
            self._client.ack_all(due)
        while self._outbox:
            out = self._outbox.popleft()
            sent = self._client.publish(**out._asdict())
            if out.qos:
                self.unanswered[sent.mid] = out.topic

    def _offer(self) -> None:
        """Give the held messages to the queue behind us, in order, as far as it takes them."""
        while self._held:
            first = list(islice(self._held, _AT_ONCE))
            taken = self._deliver(first)
            for _ in range(taken):
                self._held.popleft()
            if taken < len(first):
                break
        self._counters.held = len(self._held)

    def _check(self, code: int) -> None:
        if self._end is not None:
            raise self._end
        if code not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_AGAIN):
            raise self._ended(paho.error_string(MQTTErrorCode(code)))

    def _ended(self, what: str) -> LinkEnded:
        if self._end is not None:
            return self._end
        return LinkEnded(self._error or what, version=not self.contact_ms)

    def _farewell(self) -> None:
        """Send what was committed, say goodbye; unacknowledged messages stay with the broker."""
        with contextlib.suppress(Exception):
            self._flush()
            if self.subscribed and self._manners.goodbye is not None:
                self._client.publish(**self._manners.goodbye._asdict())
            with lingering(self._client.socket()):
                self._client.disconnect()
                self._client.loop_write()

    def _close(self) -> None:
        client = self._client
        client.on_disconnect = None
        with contextlib.suppress(Exception):
            sock = client.socket()
            if sock is not None:
                sock.close()
        for end in (self._wake_r, self._wake_w):
            end.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_w.send(b"1")

    # ---------------------------------------------------------------- paho's callbacks
    def _make(self, client_id: str, login: Login, tls: ssl.SSLContext | None) -> EagerClient:
        five = self._version == MQTTProtocolVersion.MQTTv5
        client = EagerClient(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if five else self._manners.clean,
            protocol=self._version,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.suppress_exceptions = False
        if login.user:
            client.username_pw_set(login.user, login.password or None)
        if tls is not None:
            client.tls_set_context(tls)
        if self._manners.will is not None:
            client.will_set(**self._manners.will._asdict())
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        return client

    def _on_log(self, _client: Any, _data: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._error = text

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, reason: Any, properties: Any
    ) -> None:
        self.contact_ms = self._clock.monotonic_ms()
        if reason.is_failure:
            wrong = reason.value in _WRONG_VERSION
            self._end = LinkEnded(words_of(reason), refused=not wrong, version=wrong)
            return
        self._counters.connects += 1
        self._introduce(client.socket())
        client.on_log = None
        client.subscribe([(topic, 1) for topic in self._topics])

    def _introduce(self, sock: Any) -> None:
        """Note what this link speaks and how long the broker's certificate lasts."""
        five = self._version == MQTTProtocolVersion.MQTTv5
        self.protocol = f"MQTT {'5' if five else '3.1.1'}"
        if isinstance(sock, ssl.SSLSocket):
            self.protocol += f", {sock.version()}"
            self.server_ends_ms = server_end_ms(sock)

    def _on_subscribe(
        self, _client: Any, _data: Any, _mid: int, reasons: list[Any], _properties: Any
    ) -> None:
        self.contact_ms = self._clock.monotonic_ms()
        refused = refused_topics(self._topics, reasons)
        if refused:
            self._end = LinkEnded(refused, refused=True)
            return
        self.subscribed = True
        if self._manners.hello is not None:
            self._outbox.append(self._manners.hello)

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _props: Any) -> None:
        topic = self.unanswered.pop(mid, "")
        if topic and reason.is_failure:
            self.denied.add(topic)
            self.denied_ms = self._clock.monotonic_ms()

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if self._end is None and not self._ending.is_set():
            code = getattr(reason, "value", 0)
            self._end = LinkEnded(
                self._error or _plain(reason),
                taken_over=code == _TAKEN_OVER,
                closed=code == _UNSPECIFIED,
                version=not self.contact_ms,
            )

    def _on_message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        """A message that is not plain; the library has read it."""
        flags = message.dup << 3 | message.qos << 1 | message.retain
        self._take([(bytes(message._topic), bytes(message.payload), message.mid, flags)])

    def _take(self, came: Sequence[Published]) -> None:
        """Give messages on in order; what the queue behind us has no room for is held."""
        now, wall = self._clock.monotonic_ms(), self._clock.wall_ms()
        self.contact_ms = self.message_ms = now
        self.first_message_ms = self.first_message_ms or now
        self.message_count += len(came)
        counters, texts = self._counters, self._texts
        counters.messages += len(came)
        counters.bytes += sum([len(one[1]) for one in came])
        counters.last_message_ms = wall
        prefix, feed = self._prefix << _MID_BITS, self._feed
        raw = []
        for topic, payload, mid, flags in came:
            size = len(payload)
            large = size > MAX_MESSAGE_BYTES
            raw.append(
                RawMessage(
                    texts.get(topic) or self._text(topic),
                    b"" if large else payload,
                    wall,
                    prefix | mid if flags & 6 else loose_ticket(),
                    feed,
                    now,
                    size if large else -1,
                    flags & 8 != 0,
                    flags & 1 != 0,
                )
            )
        taken = 0 if self._held else self._deliver(raw)
        self._held.extend(raw[taken:])

    def _text(self, topic: bytes) -> str | bytes:
        """A topic as text, remembered; as it came when it is none."""
        if len(self._texts) >= _TOPICS:
            self._texts.clear()
        found: str | bytes
        try:
            found = topic.decode("utf-8")
        except UnicodeDecodeError:
            found = topic
        self._texts[topic] = found
        return found


def _plain(reason: Any) -> str:
    """Why a connection was lost, in words."""
    closed = getattr(reason, "value", 0) in (0, _UNSPECIFIED)
    return "the connection was closed" if closed else words_of(reason)
