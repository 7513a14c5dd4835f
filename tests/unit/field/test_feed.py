"""The devices on a real broker: announcements, ages, resends, commands, silence and the ledger."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion
from tests.kit.demo_district import RESOURCES, district
from tests.kit.patience import until

from lamplighter.domain.command import Command, canonical, envelope
from lamplighter.domain.problems import LamplighterError
from lamplighter.field.app import main, run_field
from lamplighter.field.broker import SYSTEM_PORT, Amqtt, Broker, Mosquitto, find_mosquitto


class Listener:
    """A subscriber that keeps everything, with its time of arrival."""

    def __init__(self, url: str) -> None:
        self.messages: list[tuple[str, bytes, bool, int]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.on_message = self._keep
        self._ready = threading.Event()
        self._client.on_subscribe = lambda *_: self._ready.set()
        host, port = url.removeprefix("mqtt://").split(":")
        self._client.connect(host, int(port), 10)
        self._client.subscribe("lamplighter/1/#", qos=1)
        self._client.loop_start()
        assert self._ready.wait(5.0)

    def _keep(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        now = time.time_ns() // 1_000_000
        self.messages.append((message.topic, bytes(message.payload), message.retain, now))

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5.0)

    def of(self, kind: str) -> list[tuple[str, dict[str, Any], bool, int]]:
        """(source, decoded body, retained, arrival) of the messages below `kind`."""
        root = f"lamplighter/1/{kind}/"
        return [
            (topic.removeprefix(root), json.loads(body), retained, at)
            for topic, body, retained, at in list(self.messages)
            if topic.startswith(root)
        ]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Field:
    """The simulator in a thread, on a broker of the test, until `stop`."""

    def __init__(self, url: str, folder: Path, **more: Any) -> None:
        self.said: list[str] = []
        self.report: dict[str, Any] = {}
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(url, folder, more))
        self._thread.start()

    def _run(self, url: str, folder: Path, more: dict[str, Any]) -> None:
        self.report = run_field(
            district(),
            resources=RESOURCES,
            broker_url=url,
            ledger=folder / "ledger",
            trust=folder / "console.pub",
            say=self.said.append,
            stopped=self._halt.is_set,
            **more,
        )

    def stop(self) -> dict[str, Any]:
        self._halt.set()
        self._thread.join(20.0)
        assert not self._thread.is_alive()
        return self.report


@pytest.fixture(autouse=True)
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here asks for messages after the end of a feed."""
    monkeypatch.setattr("lamplighter.field.app.LINGER_S", 0.1)


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    program = find_mosquitto()
    if program is None:
        pytest.skip("mosquitto is not installed")
    running = Mosquitto(program)
    yield running
    running.stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    opened = Listener(broker.url)
    yield opened
    for k in range(1, 15):
        opened.publish(f"lamplighter/1/src/gw-{k}", b"", retain=True)
    opened.close()


def test_five_thousand_streams_a_second_and_every_message_in_the_ledger(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    report = run_field(
        district(), resources=RESOURCES, broker_url=broker.url, seconds=3, ledger=tmp_path / "led"
    )
    until(lambda: len(listener.of("obs")) >= report["messages"])
    seen = listener.of("obs")
    assert report["points"] == 15_000
    assert sum(len(body["points"]) for _, body, _, _ in seen) == 15_000
    assert len({p[0] for _, body, _, _ in seen for p in body["points"]}) == 5_000
    assert min(len(body["points"]) for _, body, _, _ in seen) >= 50
    kept = (tmp_path / "led" / "observations.jsonl").read_text(encoding="utf-8").splitlines()
    assert Counter(kept) == Counter(
        f'{{"source":"{topic.rpartition("/")[2]}",{body.decode()[1:]}'
        for topic, body, _, _ in listener.messages
        if "/obs/" in topic
    )
    numbers = defaultdict(list)
    for source, body, _, _ in seen:
        numbers[source].append(body["seq"])
    assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())
    assert len(numbers) == 14


def test_every_gateway_introduces_itself_and_takes_its_leave(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    run_field(district(), resources=RESOURCES, broker_url=broker.url, seconds=1)
    late = Listener(broker.url)
    until(lambda: len(late.of("src")) == 14)
    late.close()
    sent = Counter(source for source, _, _, _ in listener.of("obs"))
    first = {source: body for source, body, _, _ in reversed(listener.of("src"))}
    for source, body, retained, _ in late.of("src"):
        assert retained and body["offline"] and body["retains"]
        assert body["next_seq"] == sent[source]
        assert body["heartbeat_s"] == 2 and body["first_seq"] == 0
        assert 0 < body["epoch"] < 2**53 and first[source]["epoch"] == body["epoch"]
    assert all("offline" not in body for body in first.values())


def test_the_feed_waits_for_its_start_file_and_tells_where_the_broker_is(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    ready, start = tmp_path / "ready", tmp_path / "start"
    field = Field(broker.url, tmp_path, ready=ready, start_file=start)
    try:
        until(ready.exists)
        assert ready.read_text().strip() == broker.url
        until(lambda: len(listener.of("src")) >= 14)
        time.sleep(0.3)
        assert not listener.of("obs")
        start.touch()
        until(lambda: bool(listener.of("obs")))
    finally:
        field.stop()


def test_missing_messages_are_sent_again_unchanged(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    field = Field(broker.url, tmp_path)
    try:
        until(lambda: sum(s == "gw-11" for s, _, _, _ in listener.of("obs")) >= 10)
        bodies = [b for t, b, _, _ in listener.messages if t.endswith("/obs/gw-11")]
        epoch = json.loads(bodies[0])["epoch"]
        ask = {"resend": {"epoch": epoch, "from": 2, "to": 5}}
        listener.publish("lamplighter/1/cmd/gw-11", json.dumps(ask))
        listener.publish(
            "lamplighter/1/cmd/gw-11", json.dumps({"resend": {"epoch": 1, "from": 0, "to": 5}})
        )
        until(lambda: all(
            sum(b == body for _, b, _, _ in listener.messages) == 2 for body in bodies[2:6]
        ))  # fmt: skip
    finally:
        report = field.stop()
    assert report["resent"] == 4 and report["void"] == 0
    lines = (tmp_path / "ledger" / "observations.jsonl").read_bytes().splitlines()
    assert len(lines) == report["messages"]


def test_a_signed_command_closes_a_valve_and_an_unsigned_one_does_not(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    (tmp_path / "console.pub").write_text(raw.hex())

    def position() -> tuple[str, float | None]:
        for topic, body, _, _ in reversed(list(listener.messages)):
            if b"V-118.valve_position" in body:
                points = {p[0]: p[2] for p in json.loads(body)["points"]}
                return topic.rpartition("/")[2], points["V-118.valve_position"]
        return "", None

    field = Field(broker.url, tmp_path)
    try:
        until(lambda: position()[1] == 100)
        source = position()[0]
        now = time.time_ns() // 1_000_000
        order = Command(
            "c-1", "ada", "operator", "demo", "V-118", source, "close", None, "open",
            now - 1_000, now + 8_000, 1, "test",
        )  # fmt: skip
        topic = f"lamplighter/1/cmd/{source}"
        listener.publish(topic, canonical(order))
        listener.publish(topic, envelope(order, key.sign(canonical(order))))
        listener.publish(topic, envelope(order, key.sign(canonical(order))))
        until(lambda: len(listener.of("rcp")) == 2)
        until(lambda: position()[1] == 0)
    finally:
        report = field.stop()
    for name, receipt, retained, _ in listener.of("rcp"):
        assert name == source and not retained
        assert (receipt["id"], receipt["result"], receipt["measured"]) == (
            "c-1", "executed", "closed",
        )  # fmt: skip
    assert report["commands"] == 1 and report["void"] == 1
    actuations = (tmp_path / "ledger" / "actuations.jsonl").read_text().splitlines()
    assert len(actuations) == 1


def test_a_silent_gateway_sends_nothing_while_the_others_go_on(
    broker: Broker, listener: Listener, tmp_path: Path
) -> None:
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    for part in ("import", "past"):
        (quiet / part).symlink_to(district() / part)
    (quiet / "device").mkdir()
    text = (district() / "device" / "district.json").read_text(encoding="utf-8")
    changed = json.loads(text)
    changed["plan"] = [{"at_s": 1.0, "event": "silence", "target": "gw-7"}]
    (quiet / "device" / "district.json").write_text(json.dumps(changed), encoding="utf-8")
    run_field(quiet, resources=RESOURCES, broker_url=broker.url, seconds=3)
    sent = Counter(source for source, _, _, _ in listener.of("obs"))
    assert sent["gw-7"] == 4
    assert sent["gw-8"] == 15


def test_a_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamplighter.field.app.CONNECT_S", 0.3)
    with pytest.raises(LamplighterError, match="N-304"):
        run_field(district(), resources=RESOURCES, broker_url="mqtt://127.0.0.1:9")
    with pytest.raises(LamplighterError, match="N-304"):
        run_field(district(), resources=RESOURCES, broker_url="somewhere")


def test_a_folder_without_a_district_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--seconds", "1"], resources=RESOURCES) == 3
    assert "I-507" in capsys.readouterr().err


def test_the_verb_prints_one_json_document(
    broker: Broker, listener: Listener, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(district()), "--seconds", "1", "--broker", broker.url, "--json"]
    assert main(arguments, resources=RESOURCES) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"messages", "points", "resent", "commands", "ledger"} <= report.keys()
    assert report["points"] == 5_000


@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_the_own_broker_takes_a_free_port_and_leaves_it(kind: str) -> None:
    program = find_mosquitto()
    if kind == "mosquitto" and program is None:
        pytest.skip("mosquitto is not installed")
    running: Broker = Mosquitto(program) if kind == "mosquitto" and program else Amqtt()
    try:
        assert not running.url.endswith(f":{SYSTEM_PORT}")
        near = Listener(running.url)
        near.publish("lamplighter/1/src/x", '{"epoch": 1}', retain=True)
        until(lambda: len(near.messages) == 1)
        near.close()
    finally:
        running.stop()
    with pytest.raises(OSError):
        Listener(running.url)
