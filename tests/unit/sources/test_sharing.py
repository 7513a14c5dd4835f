"""Several recorders on one broker: each message at one of them, what is elsewhere is no gap."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.faults import part_sharing
from tests.kit.broker import Broker
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.kit.patience import came

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import NATIVE_TOPICS, RawMessage
from lamplighter.domain.problems import LamplighterError
from lamplighter.pipeline import Pipeline
from lamplighter.sources import MqttFeed, open_feed
from lamplighter.sources.mqtt_feed import shared


class Listener:
    """One feed that acknowledges what it takes."""

    def __init__(self, url: str, name: str, *, trial: bool = False) -> None:
        self.bodies: list[bytes] = []
        self.said: list[bytes] = []
        feed = open_feed(
            url, feed_id=name, client_id=name, deliver=self.take, clock=SystemClock(), trial=trial
        )
        assert isinstance(feed, MqttFeed)
        self.feed = feed
        feed.start()

    def take(self, message: RawMessage) -> bool:
        mine = self.bodies if "/obs/" in str(message.topic) else self.said
        mine.append(message.payload)
        self.feed.ack(message.token)
        return True


def publish(broker: Broker, count: int) -> list[bytes]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    bodies = [b"%d" % n for n in range(count)]
    for body in bodies:
        client.publish("lamplighter/1/obs/dev", body, qos=1).wait_for_publish(10)
    client.publish("lamplighter/1/src/dev", b"me", qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    return bodies


@pytest.mark.e2e
@pytest.mark.parametrize("share", ["?share=g", ""])
def test_two_feeds_have_all_of_it_together_and_nothing_twice(tmp_path: Path, share: str) -> None:
    """Without sharing both have everything: then each message is there twice."""
    with Broker(tmp_path / "broker") as broker:
        pair = [Listener(broker.url + share, name) for name in ("a", "b")]
        try:
            assert came(lambda: all(one.feed.state == "live" for one in pair))
            sent = publish(broker, 60)
            assert came(lambda: all(one.said == [b"me"] for one in pair)), (
                "what a source says of itself goes to all"
            )
            whole = 60 if share else 120
            assert came(lambda: sum(len(one.bodies) for one in pair) >= whole)
            both = [body for one in pair for body in one.bodies]
            assert set(both) == set(sent) and len(both) == whole
            assert all(one.bodies == sorted(one.bodies, key=int) for one in pair)
            assert all(len(one.bodies) >= 20 for one in pair)
        finally:
            for one in pair:
                assert one.feed.stop(6.0)


@pytest.mark.e2e
def test_who_only_looks_takes_nothing_from_those_who_share(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker:
        url = broker.url + "?share=g"
        recorder, looker = Listener(url, "a"), Listener(url, "t", trial=True)
        try:
            assert came(lambda: recorder.feed.state == looker.feed.state == "live")
            sent = publish(broker, 20)
            assert came(lambda: recorder.bodies == sent and looker.bodies == sent)
        finally:
            assert recorder.feed.stop(6.0) and looker.feed.stop(6.0)


def test_only_values_are_shared_out() -> None:
    assert shared((*NATIVE_TOPICS, "city/#"), "g") == (
        "$share/g/lamplighter/1/obs/+",
        "lamplighter/1/src/+",
        "lamplighter/1/rcp/+",
        "$share/g/city/#",
    )


def test_a_part_of_the_messages_makes_no_gaps() -> None:
    def gaps(*, sharing: bool) -> int:
        clock = FakeClock()
        device, pipeline = FeedBuilder(clock), Pipeline(clock=clock)
        pipeline.use_sharing("f1", sharing)
        batch = pipeline.take([device.announcement(9), *map(device.message, (0, 3, 4, 8))])
        assert len(batch.messages) == 4 and batch.lives
        clock.advance(5_000)
        asked = pipeline.due()
        assert bool(asked) != sharing
        return len(pipeline.take().gaps)

    assert gaps(sharing=True) == 0 and gaps(sharing=False) > 0


@pytest.mark.parametrize("query", ["?share=a/b", "?share=", "?share=%23", "?shared=g", "?x=1"])
def test_an_option_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(LamplighterError, match="share=GROUP"):
        open_feed("mqtt://h" + query, feed_id="f", client_id="c", deliver=lambda _: True,
                  clock=SystemClock())  # fmt: skip


@pytest.mark.parametrize("fault", ["lost", "twice", "unordered", "gaps"])
def test_each_fault_of_sharing_fails_the_fault_run(fault: str) -> None:
    good = {"sent": 10, "lost": 0, "twice": 0, "unordered": 0, "shares": [4, 6], "gaps": 0}
    assert part_sharing.passed(good)
    assert not part_sharing.passed({**good, fault: 1})
    assert not part_sharing.passed({**good, "shares": [0, 10]})
