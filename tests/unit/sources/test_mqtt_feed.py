"""The MQTT feed against a real broker: no acknowledgement before we say so."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.kit.broker import Broker, free_port
from tests.kit.clocks import FakeClock
from tests.kit.patience import came

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.problems import LamplighterError
from lamplighter.sources import FeedSet, MqttFeed, open_feed

pytestmark = pytest.mark.e2e
OBS = "lamplighter/1/obs/dev"


class Inbox:
    """Takes what a feed delivers; `room` False makes it refuse."""

    def __init__(self) -> None:
        self.messages: list[RawMessage] = []
        self.room = True
        self.poison = False

    def __call__(self, message: RawMessage) -> bool:
        if self.poison:
            raise RuntimeError("a fault of ours")
        if self.room:
            self.messages.append(message)
        return self.room

    @property
    def bodies(self) -> list[bytes]:
        return [m.payload for m in self.messages]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def feeds() -> Iterator[Callable[..., MqttFeed]]:
    made: list[MqttFeed] = []

    def make(url: str, inbox: Inbox, client_id: str = "console", **more: object) -> MqttFeed:
        feed = MqttFeed(url, client_id=client_id, deliver=inbox, clock=SystemClock(), **more)  # type: ignore[arg-type]
        made.append(feed)
        feed.start()
        return feed

    yield make
    for feed in made:
        assert feed.stop(5.0)


@pytest.fixture
def field(broker: Broker) -> Iterator[mqtt.Client]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="field")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def send(field: mqtt.Client, *bodies: bytes, topic: str = OBS) -> None:
    for body in bodies:
        field.publish(topic, body, qos=1).wait_for_publish(5)


def test_what_was_not_acknowledged_comes_again(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    first, second = Inbox(), Inbox()
    feed = feeds(broker.url, first)
    assert came(lambda: feed.state == "live")
    send(field, b"0", b"1", b"2")
    assert came(lambda: len(first.messages) == 3)
    feed.ack(first.messages[1].token)
    time.sleep(0.1)
    assert feed.stop(5.0) and feed.state == "off"
    again = feeds(broker.url, second)
    assert came(lambda: len(second.messages) == 2)
    assert second.bodies == [b"0", b"2"] and all(m.again for m in second.messages)
    for message in first.messages:
        again.ack(message.token)
    time.sleep(0.1)
    assert again.stop(5.0)
    third = Inbox()
    feeds(broker.url, third)
    assert came(lambda: len(third.messages) == 2), "tickets of another feed acknowledge nothing"


def test_tickets_of_an_earlier_connection_acknowledge_nothing(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    feed = feeds(broker.url, inbox)
    assert came(lambda: feed.state == "live")
    send(field, b"0")
    assert came(lambda: len(inbox.messages) == 1)
    intruder = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id="console", clean_session=False, manual_ack=True
    )
    intruder.connect("127.0.0.1", broker.port)
    intruder.loop_start()
    assert came(lambda: feed.counters.connects >= 2)
    intruder.disconnect()
    intruder.loop_stop()
    assert came(lambda: len(inbox.messages) >= 2 and feed.state == "live")
    assert len({m.token for m in inbox.messages}) == len(inbox.messages)


def test_a_full_queue_holds_messages_and_keeps_their_order(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    inbox.room = False
    feed = feeds(broker.url, inbox)
    assert came(lambda: feed.state == "live")
    bodies = [str(n).encode() for n in range(300)]
    send(field, *bodies)
    assert came(lambda: feed.counters.held == 300)
    assert not inbox.messages and feed.state == "live"
    inbox.room = True
    assert came(lambda: len(inbox.messages) == 300)
    assert inbox.bodies == bodies


def test_a_fault_in_the_receiving_thread_is_survived(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    inbox.poison = True
    feed = feeds(broker.url, inbox)
    assert came(lambda: feed.state == "live")
    send(field, b"poison")
    assert came(lambda: feed.counters.losses >= 1)
    inbox.poison = False
    assert came(lambda: inbox.bodies == [b"poison"]), "it was not acknowledged, so it comes again"
    assert came(lambda: feed.state == "live")


def test_a_receiving_thread_that_hangs_is_replaced(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    release, stuck = threading.Event(), threading.Event()
    good: list[bytes] = []

    def deliver(message: RawMessage) -> bool:
        if message.payload == b"hang" and not stuck.is_set():
            stuck.set()
            release.wait(30)
        good.append(message.payload)
        return True

    feed = feeds(broker.url, deliver)
    assert came(lambda: feed.state == "live")
    send(field, b"hang")
    assert stuck.wait(30)
    assert came(lambda: feed.restarts >= 1, 25.0), "connected but silent is noticed"
    send(field, b"after")
    try:
        assert came(lambda: b"after" in good)
    finally:
        release.set()


def test_a_broken_topic_and_a_huge_body_are_delivered_as_such(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    feed = feeds(broker.url, inbox)
    assert came(lambda: feed.state == "live")
    send(field, b"x" * 1_500_000, b"after")
    assert came(lambda: len(inbox.messages) == 2)
    assert (inbox.messages[0].payload, inbox.messages[0].size) == (b"", 1_500_000)
    assert inbox.messages[1].size == -1


def test_the_feed_comes_back_with_its_broker(
    tmp_path: Path, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    port = free_port()
    feed = feeds(f"mqtt://127.0.0.1:{port}", inbox)
    assert came(lambda: feed.problem is not None)
    assert feed.problem is not None and feed.problem.code == "N-304"
    assert feed.state == "connecting"
    with Broker(tmp_path / "b", port=port) as broker:
        assert came(lambda: feed.state == "live") and feed.problem is None
        broker.kill()
        assert came(lambda: feed.state != "live")
        broker.start()
        assert came(lambda: feed.state == "live")
    assert feed.counters.losses >= 1


def test_a_broker_that_holds_the_line_and_says_nothing_is_lost_in_time(
    broker: Broker, feeds: Callable[..., MqttFeed]
) -> None:
    feed = feeds(broker.url, Inbox(), keep_alive_s=2.0)
    assert came(lambda: feed.state == "live")
    broker.pause()
    try:
        assert came(lambda: feed.state == "lost")
    finally:
        broker.resume()
    assert came(lambda: feed.state == "live")


def test_a_broker_that_speaks_only_the_older_version_is_served(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    inbox = Inbox()
    feed = MqttFeed(broker.url, client_id="old", deliver=inbox, clock=SystemClock())
    feed._version = MQTTProtocolVersion.MQTTv311
    feed.start()
    try:
        assert came(lambda: feed.state == "live")
        send(field, b"0")
        assert came(lambda: inbox.bodies == [b"0"])
    finally:
        assert feed.stop(5.0)


def test_a_resend_request_has_exactly_the_agreed_form(
    broker: Broker, field: mqtt.Client, feeds: Callable[..., MqttFeed]
) -> None:
    seen: list[tuple[str, bytes, bool]] = []
    field.on_message = lambda _c, _d, m: seen.append((m.topic, bytes(m.payload), m.retain))
    field.subscribe("lamplighter/1/cmd/#", qos=1)
    feed = feeds(broker.url, Inbox())
    early = feed.publish_resend("dev", 1, 0, 1)
    assert not early or feed.state == "live"
    assert came(lambda: feed.state == "live")
    assert feed.publish_resend("dev", 7213, 12, 19)
    assert not feed.publish_resend("dev/+", 7213, 12, 19)
    assert came(lambda: len(seen) >= 1 + early)
    assert seen[-1][0] == "lamplighter/1/cmd/dev" and not seen[-1][2]
    assert json.loads(seen[-1][1]) == {"resend": {"epoch": 7213, "from": 12, "to": 19}}


def test_nothing_is_queued_for_a_broker_that_is_away(feeds: Callable[..., MqttFeed]) -> None:
    feed = feeds(f"mqtt://127.0.0.1:{free_port()}", Inbox())
    assert feed.publish("lamplighter/1/cmd/dev", b"{}") is False


def test_a_broker_that_refuses_us_is_told_apart(
    tmp_path: Path, feeds: Callable[..., MqttFeed]
) -> None:
    port = free_port()
    lines = (f"listener {port} 127.0.0.1", "allow_anonymous false")
    with Broker(tmp_path / "closed", port=port, lines=lines) as broker:
        feed = feeds(broker.url, Inbox())
        assert came(lambda: feed.state == "refused")
        assert feed.problem is not None and feed.problem.code == "N-312"


@pytest.mark.parametrize("limit", [1_000, 0])
def test_a_login_that_may_only_read_reads_on_and_is_told(
    tmp_path: Path, feeds: Callable[..., MqttFeed], limit: int
) -> None:
    """With `max_queued_messages 0` this broker ends the connection over a forbidden message."""
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    lines = (f"acl_file {acl}", f"max_queued_messages {limit}")
    with Broker(tmp_path / "reading", lines=lines) as broker:
        feed = feeds(broker.url, Inbox())
        assert came(lambda: feed.state == "live")
        assert feed.publish_resend("dev", 1, 0, 5)
        assert came(lambda: feed.problem is not None)
        assert feed.problem is not None and feed.problem.code == "N-312"
        assert "lamplighter/1/cmd/dev" in feed.problem.text
        assert came(lambda: feed.state == "live")
        assert not feed.publish_resend("dev", 1, 0, 5), "it is not tried again at once"
        assert feed.counters.losses <= 1


def test_what_is_sent_exactly_once_is_heard_at_least_once_and_acknowledged(
    broker: Broker, feeds: Callable[..., MqttFeed]
) -> None:
    """The console keeps each message until it is on disk itself; nobody needs QoS 2 of it."""
    inbox = Inbox()
    feed = feeds(broker.url, inbox)
    assert came(lambda: feed.state == "live")
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.publish(OBS, b"once", qos=2).wait_for_publish(10)
    assert came(lambda: inbox.bodies == [b"once"])
    feed.ack(inbox.messages[0].token)
    assert feed.stop(6.0)
    again = feeds(broker.url, late := Inbox())
    assert came(lambda: again.state == "live")
    time.sleep(0.3)
    assert late.bodies == []
    client.disconnect()
    client.loop_stop()


def test_two_consoles_with_one_name_are_reported(
    broker: Broker, feeds: Callable[..., MqttFeed]
) -> None:
    one, two = feeds(broker.url, Inbox()), feeds(broker.url, Inbox())
    codes: set[str] = set()

    def seen() -> bool:
        codes.update(f.problem.code for f in (one, two) if f.problem is not None)
        return "S-202" in codes

    assert came(seen)


def test_a_set_of_feeds_finds_the_feed_of_a_ticket(
    broker: Broker, field: mqtt.Client, tmp_path: Path
) -> None:
    inbox, clock = Inbox(), SystemClock()
    feeds = FeedSet(clock)
    recording = tmp_path / "r.csv"
    recording.write_text("datetime;a\n2020-01-01 00:00:00;1\n")
    feeds.add(open_feed(broker.url, feed_id="f1", client_id="set", deliver=inbox, clock=clock))
    feeds.add(
        open_feed(
            f"replay:{recording}?speed=0", feed_id="f2", client_id="", deliver=inbox, clock=clock
        )
    )
    try:
        assert came(lambda: feeds.states()[0].state == "live")
        send(field, b"0")
        assert came(lambda: any(m.feed == "f1" for m in inbox.messages))
        assert len({m.token for m in inbox.messages}) == len(inbox.messages)
        feeds.ack([m.token for m in inbox.messages])
        assert [s.id for s in feeds.states()] == ["f1", "f2"]
    finally:
        assert feeds.stop(5.0)


@pytest.mark.parametrize(
    "url", ["http://x", "mqtt://", "mqtt://x:port", "nonsense", "mqtt://x:99999"]
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(LamplighterError) as caught:
        MqttFeed(url, client_id="c", deliver=Inbox(), clock=SystemClock())
    assert caught.value.problem.code == "U-801"


def test_a_password_in_an_address_is_never_shown() -> None:
    feed = MqttFeed(
        "mqtt://user:secret@127.0.0.1:1", client_id="c", deliver=Inbox(), clock=SystemClock()
    )
    assert "secret" not in feed.url + feed.id + repr(feed._login)


def test_a_link_that_fell_silent_is_told_from_one_that_is_slow() -> None:
    clock = FakeClock()
    feed = MqttFeed("mqtt://127.0.0.1:1", client_id="c", deliver=Inbox(), clock=clock)
    link = feed._new_link()
    try:
        for spacing, patience in ((1_000, 15_000), (60_000, 300_000)):
            link.message_count, link.first_message_ms = 11, clock.monotonic_ms()
            clock.advance(10 * spacing)
            link.message_ms = clock.monotonic_ms()
            clock.advance(patience)
            assert link.silent_for_ms(clock.monotonic_ms()) == 0
            clock.advance(1)
            assert link.silent_for_ms(clock.monotonic_ms()) == patience + 1
        feed._live, feed._thread = True, threading.current_thread()
        link.beat_ms = clock.monotonic_ms()
        feed.watch()
        assert feed.problem is not None and feed.problem.code == "N-305"
        link.message_ms = clock.monotonic_ms()
        feed.watch()
        assert feed.problem is None
    finally:
        feed._thread = None
        link._close()
