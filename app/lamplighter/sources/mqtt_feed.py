"""A feed from an MQTT broker that survives whatever the link does.

A receiving thread makes one link after the other; a second thread watches it from outside, because
a thread that died, or hangs, looks connected. The session is persistent and every message is
acknowledged only by `ack`, after its commit: what was not acknowledged comes again.
"""

from __future__ import annotations

import json
import random
import ssl
import threading
from collections.abc import Iterable
from typing import Final

from paho.mqtt.enums import MQTTProtocolVersion

from lamplighter.domain.clock import Clock
from lamplighter.domain.field_message import (
    ANNOUNCEMENTS,
    COMMANDS,
    NATIVE_TOPICS,
    RECEIPTS,
    is_plain_name,
)
from lamplighter.domain.problems import LamplighterError, Problem, fault, problem
from lamplighter.domain.quality import silent_after_ms
from lamplighter.sources.feed import (
    Counters,
    Deliver,
    DeliverAll,
    Login,
    TlsFiles,
    broker_address,
    keep_alive_for,
    login_of,
    next_feed_number,
    one_by_one,
    share_group,
)
from lamplighter.sources.mqtt_link import MqttLink
from lamplighter.sources.mqtt_manners import LinkEnded, Manners, Out
from lamplighter.sources.mqtt_tls import Security
from lamplighter.sources.tls import explain, explain_text

FIRST_WAIT_S: Final = 0.1
LAST_WAIT_S: Final = 4.0
STUCK_AFTER_MS: Final = 4_000
STEADY_MS: Final = 10_000
"""a link that lasted this long was a good one"""
WATCH_EVERY_S: Final = 0.5
MUTED_MS: Final = 60_000
SOON_MS: Final = 2_000
_LINK_BITS: Final = 28


class MqttFeed:
    """See `Feed`. Everything public may be called from any thread.

    `deliver` is called on the receiving thread and must not block; when it returns False the
    message is held, and after two windows of held messages the feed stops reading, so the broker
    feels the pressure.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        deliver: Deliver,
        deliver_all: DeliverAll | None = None,
        clock: Clock,
        feed_id: str = "",
        topics: tuple[str, ...] = NATIVE_TOPICS,
        keep_alive_s: float | None = None,
        tls: TlsFiles | None = None,
        login: Login | None = None,
        trial: bool = False,
    ) -> None:
        """Raises U-801 when `url` is no broker address.

        `deliver_all`: takes many at once instead of `deliver`. `trial`: only looking. It takes
        nothing from those who share, and the broker keeps nothing for it.
        """
        self._address = broker_address(url)
        group = share_group(url)
        self._trial = trial
        if tls not in (None, TlsFiles()) and not self._address.tls:
            raise fault("U-801", what="certificates need an mqtts:// address", name="feed add")
        self._login = login or login_of(url)
        self.url = f"{'mqtts' if self._address.tls else 'mqtt'}://{self._address.host}"
        self.url += f":{self._address.port}" + (f"?share={group}" if group else "")
        self.id = feed_id or self.url
        self.counters = Counters()
        self._client_id = client_id
        self._deliver = deliver_all or one_by_one(deliver)
        self._clock = clock
        self._topics = topics if trial or not group else shared(topics, group)
        self._keep_alive_s = keep_alive_s or keep_alive_for(self._address.host)
        self._security = Security(tls or TlsFiles(), self._address, clock, self.counters)
        self._number = next_feed_number()
        self._links = 0
        self._link: MqttLink | None = None
        self._version = MQTTProtocolVersion.MQTTv5
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._live = False
        self._refused = False
        self._contact_ms = clock.monotonic_ms()
        self._problem: Problem | None = None
        self._takeovers: list[int] = []
        self._live_since = 0
        self._renewing = False
        self._struck: dict[str, int] = {}
        """topic -> when the link broke over a message on it"""
        self._muted: dict[str, int] = {}
        """topic -> until when nothing is sent to it"""
        self.restarts = 0
        """how often the watcher had to replace a receiving thread"""

    # ---------------------------------------------------------------- what it says
    @property
    def state(self) -> str:
        """connecting | live | lost | refused | off."""
        if self._stop.is_set() or self._thread is None:
            return "off"
        if self._live:
            return "live"
        if self._refused:
            return "refused"
        silent = self._clock.monotonic_ms() - self._contact_ms
        return "lost" if silent > silent_after_ms(self._keep_alive_s * 1000) else "connecting"

    @property
    def problem(self) -> Problem | None:
        """What is wrong now; else what will be soon: a certificate that ends."""
        return self._problem or self._unheard() or self._security.warning

    def _unheard(self) -> Problem | None:
        """What this login may not write."""
        link, now = self._link, self._clock.monotonic_ms()
        topics = {topic for topic, until in self._muted.items() if until > now}
        topics |= link.denied if link is not None else set()
        if not topics:
            return None
        what = f"this login may not write {', '.join(sorted(topics)[:3])}"
        return problem("N-312", name=self._address.host, what=what)

    # ---------------------------------------------------------------- what it does
    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._contact_ms = self._clock.monotonic_ms()
        self._launch()
        self._watcher = threading.Thread(target=self._watch, name=f"watch {self.id}", daemon=True)
        self._watcher.start()

    def ack(self, token: int) -> None:
        """The message is on disk. Tickets of earlier links do nothing: it will come again."""
        self.ack_all((token,))

    def ack_all(self, tokens: Iterable[int]) -> None:
        """The same for many, in their order."""
        link, prefix = self._link, self._prefix(self._links)
        mids = [token & 0xFFFF for token in tokens if token >> 16 == prefix]
        if link is not None and mids:
            link.ack_all(mids)

    def publish_resend(self, source: str, epoch: int, first: int, last: int) -> bool:
        """Ask a source to send first..last again; False when that cannot be sent now."""
        if not is_plain_name(source):
            return False
        text = json.dumps({"resend": {"epoch": epoch, "from": first, "to": last}})
        return self.publish(COMMANDS + source, text.encode())

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send, never retained. Nothing is kept for later: without a link this is False."""
        link = self._link
        if not self._live or link is None or self._is_muted(topic, link):
            return False
        return link.publish(Out(topic, payload))

    def _is_muted(self, topic: str, link: MqttLink) -> bool:
        """Some brokers end the connection over a message they do not allow: not again so soon."""
        return topic in link.denied or self._clock.monotonic_ms() < self._muted.get(topic, 0)

    def stop(self, deadline_s: float = 2.0) -> bool:
        """Send the acknowledgements that are due, leave the broker, end both threads."""
        self._stop.set()
        link, threads = self._link, (self._thread, self._watcher)
        if link is not None:
            link.end()
        for thread in threads:
            if thread is not None and thread is not threading.current_thread():
                thread.join(deadline_s)
        return not any(t is not None and t.is_alive() for t in threads)

    # ---------------------------------------------------------------- the receiving thread
    def _launch(self) -> None:
        self._thread = threading.Thread(target=self._receive, name=f"feed {self.id}", daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        """One link after the other. A newer receiving thread makes this one end."""
        me = threading.current_thread()
        wait = FIRST_WAIT_S
        while not self._stop.is_set() and self._thread is me:
            was_live = False
            try:
                link = self._new_link()
                link.run(self._on_live)
                was_live = self._live
            except LinkEnded as end:
                was_live = self._live
                self._on_end(end)
            except LamplighterError as error:
                self._refused, self._problem = True, error.problem
            except Exception as error:  # whatever it is, the feed lives on
                was_live = self._live
                self._problem = explain_text(repr(error), *self._address[:2])
            if self._thread is not me:
                return
            self._set_down(was_live)
            lasted = was_live and self._clock.monotonic_ms() - self._live_since > STEADY_MS
            wait = FIRST_WAIT_S if lasted else min(wait * 2, LAST_WAIT_S)
            self._stop.wait(wait * random.uniform(0.7, 1.3))

    def _new_link(self) -> MqttLink:
        tls = self._security.context()
        with self._lock:
            self._links += 1
            link = MqttLink(
                self._address,
                client_id=self._client_id,
                topics=self._topics,
                feed=self.id,
                prefix=self._prefix(self._links),
                deliver=self._deliver,
                clock=self._clock,
                keep_alive_s=self._keep_alive_s,
                version=self._version,
                counters=self.counters,
                login=self._login,
                tls=tls,
                manners=self._manners(),
            )
            self._link = link
        if self._stop.is_set():
            link.end()
        return link

    def _manners(self) -> Manners:
        """How the next link comes and goes."""
        return Manners(clean=self._trial)

    def _prefix(self, link: int) -> int:
        return (self._number << _LINK_BITS) | link

    def _on_live(self) -> None:
        self._live, self._refused = True, False
        self._live_since = self._clock.monotonic_ms()
        link = self._link
        if link is not None:
            self.counters.protocol = link.protocol
            self._security.connected(link.server_ends_ms)
        if self._problem is not None and self._problem.code != "S-202":
            self._problem = None

    def _on_end(self, end: LinkEnded) -> None:
        host, port = self._address.host, self._address.port
        if end.version and not self._live:
            five = self._version == MQTTProtocolVersion.MQTTv5
            self._version = MQTTProtocolVersion.MQTTv311 if five else MQTTProtocolVersion.MQTTv5
        if end.cause is not None:
            self._takeovers.clear()
            self._problem = explain(end.cause, host, port, self._security.own)
        elif self._cut_over_writing(end):
            pass
        elif self._often_taken_over(end):
            self._problem = problem("S-202", name=self._client_id)
        elif end.refused:
            self._problem = problem("N-312", name=f"{host}:{port}", what=str(end))
        else:
            self._problem = explain_text(str(end), host, port)
        self._refused = end.refused or isinstance(end.cause, ssl.SSLCertVerificationError)
        self._refused |= self._problem is not None and self._problem.code == "N-303"

    def _cut_over_writing(self, end: LinkEnded) -> bool:
        """The broker closed the connection over a message of ours: it said so just before, or this
        is the second time that it left the same topic unanswered."""
        link = self._link
        if link is None or not (self._live and end.closed):
            return False
        now = self._clock.monotonic_ms()
        topics = set(link.denied) if now - link.denied_ms < SOON_MS else set()
        for topic in set(link.unanswered.values()):
            if now - self._struck.get(topic, -MUTED_MS) < MUTED_MS:
                topics.add(topic)
            self._struck[topic] = now
        self._struck = {t: at for t, at in self._struck.items() if now - at < MUTED_MS}
        self._muted = {t: until for t, until in self._muted.items() if until > now}
        self._muted.update(dict.fromkeys(topics, now + MUTED_MS))
        self._problem = self._unheard()
        return bool(topics)

    def _often_taken_over(self, end: LinkEnded) -> bool:
        """Another client with our name takes the session: some brokers say so, most just close
        the connection. A broker that lets us in each time and closes it soon after is such a one.
        """
        now = self._clock.monotonic_ms()
        soon = self._live and now - self._live_since < STEADY_MS
        self._takeovers = [t for t in self._takeovers if now - t < 60_000]
        if end.taken_over or (soon and end.closed):
            self._takeovers.append(now)
        else:
            self._takeovers.clear()
        return len(self._takeovers) >= 3

    def _set_down(self, was_live: bool) -> None:
        link = self._link
        if link is not None and link.contact_ms:
            self._contact_ms = max(self._contact_ms, link.contact_ms)
        if was_live and not self._renewing:
            self.counters.losses += 1
        self._live = self._renewing = False

    # ---------------------------------------------------------------- the watcher
    def _watch(self) -> None:
        while not self._stop.wait(WATCH_EVERY_S):
            self.watch()

    def watch(self) -> None:
        """Replace a receiving thread that died or has not come round; called by the watcher."""
        thread, link = self._thread, self._link
        if thread is None or self._stop.is_set():
            return
        if self._live and link is not None and self._security.renewed():
            self._renewing = True
            link.end()
        now = self._clock.monotonic_ms()
        if self._live and link is not None and now - self._live_since > STEADY_MS:
            silent = link.silent_for_ms(now)
            words = f"{silent // 1000} s"
            self._problem = problem("N-305", name=self.id, what=words) if silent else None
        hangs = self._live and link is not None and now - link.beat_ms > STUCK_AFTER_MS
        if thread.is_alive() and not hangs:
            return
        self._live = False
        self.restarts += 1
        if link is not None:
            link.end()
        self._launch()


def shared(topics: tuple[str, ...], group: str) -> tuple[str, ...]:
    """The subscriptions of one of several recorders: values are shared out, what sources say of
    themselves and receipts go to all."""
    return tuple(
        topic if topic.startswith((ANNOUNCEMENTS, RECEIPTS)) else f"$share/{group}/{topic}"
        for topic in topics
    )
