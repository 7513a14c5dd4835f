"""The device sends what its ledger says and gives again what was lost; the pipeline gets all."""

from __future__ import annotations

import ast
import json
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.kit import device
from tests.kit.broker import Broker
from tests.kit.checker import read_ledger
from tests.kit.testdata import city_data

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import RawMessage
from lamplighter.pipeline import Pipeline
from lamplighter.sources import MqttFeed

KIT = Path(device.__file__).parent


class Consumer:
    """A recorder in small: feed, pipeline, acknowledgement, resend requests."""

    def __init__(self, url: str) -> None:
        clock = SystemClock()
        self.inbox: queue.SimpleQueue[RawMessage] = queue.SimpleQueue()
        self.pipeline = Pipeline(clock=clock)
        self.feed = MqttFeed(url, client_id="consumer", deliver=self._deliver, clock=clock)
        self.points: dict[tuple[int, int, int], float] = {}
        self.repeated = 0
        self.gap_states: dict[tuple[int, int], str] = {}

    def _deliver(self, message: RawMessage) -> bool:
        self.inbox.put(message)
        return True

    def turn(self) -> None:
        raws = []
        while not self.inbox.empty():
            raws.append(self.inbox.get())
        for request in self.pipeline.due():
            self.feed.publish_resend(*request[1:])
        batch = self.pipeline.take(raws)
        columns = batch.points
        for row in range(len(columns)):
            message = batch.messages[int(columns.message[row])]
            key = (message.epoch, message.seq, int(columns.place[row]))
            self.repeated += key in self.points
            self.points[key] = float(columns.value[row])
        for gap in batch.gaps:
            self.gap_states[(gap.first, gap.last)] = gap.state
        for token in [m.token for m in batch.messages] + list(batch.refused_tokens):
            self.feed.ack(token)


def play(
    tmp_path: Path, program: str, *arguments: str, until: int
) -> tuple[Consumer, dict[str, int], Path]:
    """Run a device against a consumer until `until` points came or 20 s have passed."""
    ledger = tmp_path / "ledger"
    with Broker(tmp_path / "broker") as broker:
        consumer = Consumer(broker.url)
        consumer.feed.start()
        command = [sys.executable, str(KIT / program), *arguments]
        command += ["--port", str(broker.port), "--ledger", str(ledger), "--linger", "30"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 20
            while len(consumer.points) < until and time.monotonic() < deadline:
                consumer.turn()
                time.sleep(0.02)
            consumer.turn()
            child.terminate()
            report = json.loads(child.communicate(timeout=10)[0])
        finally:
            child.kill()
            child.wait()
            consumer.feed.stop(5)
    return consumer, report, ledger


@pytest.mark.e2e
def test_everything_in_the_ledger_arrives_and_what_was_lost_is_sent_again(tmp_path: Path) -> None:
    consumer, report, ledger = play(
        tmp_path, "device.py",
        "--rate", "400", "--points", "20", "--messages", "150", "--seed", "5",
        "--heartbeat", "0.5", "--drop", "0", "7", "8", "149",
        until=3_000,
    )  # fmt: skip
    sent = read_ledger(ledger, "device-1")
    assert {k[1:]: v.value for k, v in sent.items()} == consumer.points
    assert all(device.value_of(5, k[1], k[2]) == v for k, v in consumer.points.items())
    assert report["messages"] == 150 and report["resent"] >= 4
    assert consumer.gap_states == {(0, 0): "filled", (7, 8): "filled", (149, 149): "filled"}


@pytest.mark.e2e
def test_a_device_that_keeps_nothing_leaves_a_lost_gap(tmp_path: Path) -> None:
    consumer, report, _ = play(
        tmp_path, "device.py",
        "--rate", "100", "--points", "1", "--messages", "200", "--no-retain", "--no-sync",
        "--heartbeat", "0.5", "--drop", "3",
        until=199,
    )  # fmt: skip
    assert report["resent"] == 0
    assert consumer.gap_states == {(3, 3): "lost"}


@pytest.mark.e2e
@pytest.mark.data
def test_a_network_plays_its_own_hydraulics(tmp_path: Path) -> None:
    network = city_data("water_epanet", "epanet", "Net3.inp")
    consumer, _, ledger = play(
        tmp_path, "epanet_device.py", str(network), "--rate", "50", "--messages", "10",
        until=2_160,
    )  # fmt: skip
    sent = read_ledger(ledger, "device-1")
    assert len(sent) == 2_160 and len({s.datastream for s in sent.values()}) == 216
    assert {k[1:]: v.value for k, v in sent.items()} == consumer.points


def test_the_device_knows_nothing_of_the_product() -> None:
    for name in ("device.py", "epanet_device.py", "checker.py"):
        tree = ast.parse((KIT / name).read_text())
        modules = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        modules |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not any(m.split(".")[0] == "lamplighter" for m in modules)


def test_a_torn_write_never_precedes_the_send(tmp_path: Path) -> None:
    """What `prepare` gives to send is on disk already."""
    file = tmp_path / "ledger"
    made = device.Device(device.options(["--port", "1", "--ledger", str(file), "--points", "2"]))
    ready = made.prepare(3)
    on_disk = [json.loads(line)["body"] for line in file.read_text().splitlines()]
    assert [body for _, body in ready] == on_disk
    made.ledger.close()
