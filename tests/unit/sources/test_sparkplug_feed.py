"""The Sparkplug host on a real broker: STATE, rebirth requests, signs of life; nothing else."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from tests.kit.broker import Broker
from tests.kit.patience import came
from tests.kit.sparkplug import FLOAT, EdgeNode, metric

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import LINK_BEGINS, LINK_LIVES, RawMessage
from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline import Pipeline
from lamplighter.pipeline.sparkplug_payload import payload_type
from lamplighter.sources import FeedSet, open_feed
from lamplighter.sources.sparkplug_feed import SparkplugFeed, rebirth_request

STATE = "spBv1.0/STATE/city-host"


class Plant:
    """An edge node and whoever listens to the broker."""

    def __init__(self, broker: Broker, *topics: str) -> None:
        self.heard: list[tuple[str, bytes, bool, int]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"plant-{id(self)}")
        self.client.on_message = self._on_message
        ready = threading.Event()
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        self.client.subscribe([(topic, 1) for topic in topics])
        assert ready.wait(10)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload, message.retain, message.qos))

    def send(self, topic: str, body: bytes) -> None:
        self.client.publish(topic, body, qos=0).wait_for_publish(10)

    def on(self, topic: str) -> list[bytes]:
        return [body for name, body, _, _ in self.heard if name == topic]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


@contextlib.contextmanager
def host(
    broker: Broker, inbox: list[RawMessage], address: str = "/plant?host=city-host"
) -> Iterator[SparkplugFeed]:
    def deliver(message: RawMessage) -> bool:
        inbox.append(message)
        return True

    feed = open_feed(
        f"sparkplug://127.0.0.1:{broker.port}{address}",
        feed_id="f1",
        client_id="c",
        deliver=deliver,
        clock=SystemClock(),
    )
    assert isinstance(feed, SparkplugFeed)
    feed.start()
    try:
        assert came(lambda: feed.state == "live")
        yield feed
    finally:
        assert feed.stop(6.0)


@pytest.mark.e2e
def test_the_host_says_that_it_is_there_and_the_broker_that_it_is_gone(broker: Broker) -> None:
    plant = Plant(broker, STATE)
    with host(broker, []):
        assert came(lambda: plant.on(STATE))
        online = json.loads(plant.on(STATE)[-1])
        assert online["online"] is True and online["timestamp"] > 1.6e12
        plant.heard.clear()
        plant.client.publish(STATE, b'{"online": false, "timestamp": 1}', qos=1, retain=True)
        assert came(lambda: [b for b in plant.on(STATE) if json.loads(b)["online"]]), (
            "an old will that is heard while we are there is answered"
        )
    assert came(lambda: json.loads(plant.on(STATE)[-1])["online"] is False)
    late = Plant(broker, STATE)
    assert came(lambda: late.heard) and late.heard[0][2], "STATE is retained"
    assert late.heard[0][3] == 1
    plant.close()
    late.close()


@pytest.mark.e2e
@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
def test_the_broker_sees_a_host_as_the_standard_wants_it(
    tmp_path: Path, version: MQTTProtocolVersion
) -> None:
    """From its own record: clean start, a retained will of QoS 1, subscriptions, then STATE."""
    with Broker(tmp_path / "talking", lines=("log_type all",)) as broker:
        feed = open_feed(
            f"sparkplug://127.0.0.1:{broker.port}/plant?host=city-host", feed_id="f",
            client_id="city", deliver=lambda _: True, clock=SystemClock(),
        )  # fmt: skip
        assert isinstance(feed, SparkplugFeed)
        feed._version = version
        feed.start()
        log = broker.folder / "mosquitto.log"
        assert came(lambda: "Sending PUBACK to city" in log.read_text())
        assert feed.stop(6.0)
        assert came(lambda: "Received DISCONNECT from city" in log.read_text(), 10), (
            log.read_text()[-600:]
        )
        text = log.read_text()
    number = 5 if version == MQTTProtocolVersion.MQTTv5 else 2
    steps = [
        f"as city (p{number}, c1,", "Will message specified", "(r1, q1)", STATE,
        "Received SUBSCRIBE from city", "Received PUBLISH from city (d0, q1, r1,", STATE,
        "Received PUBLISH from city (d0, q1, r1,", "Received DISCONNECT from city",
    ]  # fmt: skip
    place = 0
    for step in steps:
        place = text.find(step, place)
        assert place >= 0, step
    heard = text[: text.index("Received PUBLISH from city")]
    for kind in ("NBIRTH/+", "NDEATH/+", "NDATA/+", "DBIRTH/+/+", "DDEATH/+/+", "DDATA/+/+"):
        assert f"spBv1.0/plant/{kind} (QoS 1)" in heard
    assert f"{STATE} (QoS 1)" in heard


@pytest.mark.e2e
def test_a_host_that_dies_is_told_by_its_will(broker: Broker) -> None:
    plant = Plant(broker, STATE)
    with host(broker, []) as feed:
        assert came(lambda: plant.on(STATE))
        born = json.loads(plant.on(STATE)[-1])
        link = feed._link
        assert link is not None
        sock = link._client.socket()
        assert sock is not None
        plant.heard.clear()
        sock.close()
        assert came(lambda: [b for b in plant.on(STATE) if not json.loads(b)["online"]])
        assert json.loads(plant.on(STATE)[0]) == {"online": False, "timestamp": born["timestamp"]}
        assert came(lambda: json.loads(plant.on(STATE)[-1])["online"]), "and comes back"
    plant.close()


@pytest.mark.e2e
def test_the_older_topic_is_said_where_it_is_wanted(broker: Broker) -> None:
    plant = Plant(broker, "STATE/old-host")
    with host(broker, [], "/plant?host=old-host&state=2.2"):
        assert came(lambda: plant.on("STATE/old-host") == [b"ONLINE"])
    assert came(lambda: plant.on("STATE/old-host")[-1] == b"OFFLINE")
    plant.close()


@pytest.mark.e2e
def test_a_stranger_is_asked_for_a_birth_and_then_its_aliases_are_known(broker: Broker) -> None:
    inbox: list[RawMessage] = []
    plant = Plant(broker, "spBv1.0/plant/NCMD/gw")
    clock = SystemClock()
    node = EdgeNode(now=clock.wall_ms())
    with host(broker, inbox) as feed:
        feeds = FeedSet(clock)
        feeds._feeds[feed.id] = feed
        pipeline = Pipeline(clock=clock)

        def pump() -> list[float]:
            taken = [inbox.pop(0) for _ in range(len(inbox))]
            batch = pipeline.take(taken)
            feeds.ask(pipeline.due())
            return batch.points.value.tolist()

        plant.send(*node.data("pump", metric(None, 1.0, FLOAT, alias=7)))
        assert came(lambda: (pump(), plant.heard)[1])
        [(_, body, retained, qos)] = plant.heard
        assert not retained and qos == 0
        request = payload_type()()
        request.ParseFromString(body)
        [command] = request.metrics
        assert (command.name, command.boolean_value) == ("Node Control/Rebirth", True)
        for message in (
            node.birth(),
            node.device_birth("pump", metric("Flow", 2.0, FLOAT, alias=7)),
            node.data("pump", metric(None, 3.0, FLOAT, alias=7)),
        ):
            plant.send(*message)
        values: list[float] = []
        assert came(lambda: (values.extend(pump()), 3.0 in values)[1])
        source = pipeline.registry.known_source("plant:gw")
        assert source is not None

        def lives() -> int:
            life = pipeline.life(source or 0)
            return life.heard_ms if life is not None else 0

        before = lives()
        assert came(lambda: (pump(), lives() > before)[1]), "a live link vouches for its nodes"
        topics = [m.topic for m in inbox]
        assert LINK_BEGINS not in topics
        plant.client.publish(*node.will(), qos=1)
        assert came(lambda: (pump(), (life := pipeline.life(source)) and life.offline)[1])
        assert plant.on("spBv1.0/plant/NCMD/gw") == [body], "it was asked once"
    plant.close()


@pytest.mark.e2e
def test_the_link_begins_and_lives_in_the_decoders_eyes_and_nothing_is_operated(
    broker: Broker,
) -> None:
    inbox: list[RawMessage] = []
    everything = Plant(broker, "#")
    with host(broker, inbox) as feed:
        assert inbox[0].topic == LINK_BEGINS
        assert came(lambda: LINK_LIVES in [m.topic for m in inbox])
        assert not feed.publish("spBv1.0/plant/DCMD/gw/pump", b"x")
        assert not feed.publish_resend("no-node", 0, 0, 0)
        assert not feed.publish_resend("a:#", 0, 0, 0)
    assert {topic for topic, *_ in everything.heard} == {STATE}
    everything.close()


@pytest.mark.e2e
def test_who_only_looks_says_nothing_about_a_host(broker: Broker) -> None:
    everything = Plant(broker, "#")
    feed = open_feed(
        f"sparkplug://127.0.0.1:{broker.port}/plant?host=city-host", feed_id="t", client_id="t",
        deliver=lambda _: True, clock=SystemClock(), trial=True,
    )  # fmt: skip
    feed.start()
    assert came(lambda: feed.state == "live")
    assert feed.stop(6.0)
    time.sleep(0.3)
    assert everything.heard == []
    everything.close()


def test_a_rebirth_request_reads_as_one() -> None:
    found = payload_type()()
    found.ParseFromString(rebirth_request(1_795_305_600_000))
    assert found.timestamp == 1_795_305_600_000 and not found.HasField("seq")
    assert [(m.name, m.datatype, m.boolean_value) for m in found.metrics] == [
        ("Node Control/Rebirth", 11, True)
    ]


@pytest.mark.parametrize("tail", ["/a+b", "/a?state=1", "/a?what=1", "/a?host=x%23"])
def test_an_address_that_is_none_is_refused(tail: str) -> None:
    with pytest.raises(LamplighterError, match="Sparkplug"):
        open_feed(f"sparkplug://h{tail}", feed_id="f", client_id="c", deliver=lambda _: True,
                  clock=SystemClock())  # fmt: skip
