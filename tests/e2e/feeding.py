"""Devices of the kit and hand-made messages, played into a recorder of the real program."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import ROOT, Recording, json_of

OBS = "lamplighter/1/obs/"
Message = tuple[str, bytes | str]
"""topic, payload"""


@dataclass(frozen=True)
class Played:
    """What a feed left behind."""

    project: Path
    ledger: Path
    report: dict[str, Any]


def played(folder: Path, messages: int = 60, points: int = 20) -> Played:
    """One device sends `messages`, the recorder takes them and ends."""
    project, ledger = folder / "project", folder / "ledger"
    json_of("new", project)
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            wait_until_live(project)
            device(broker, ledger, "--messages", messages, "--points", points, "--rate", 0)
            until(lambda: stored(project) >= messages * points)
            report = recording.end()
    return Played(project, ledger, report)


def device(broker: Broker, ledger: Path, *options: object, module: str = "device") -> None:
    """Run a device of the kit to its end."""
    command = [sys.executable, "-m", f"tests.kit.{module}"]
    if module != "device":
        command.append(str(options[0]))
        options = options[1:]
    command += ["--port", str(broker.port), "--ledger", str(ledger), "--linger", "1"]
    command += [str(o) for o in options]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=60)


def publish(broker: Broker, messages: Iterable[Message], *, name: str = "hand") -> None:
    """Publish with QoS 1 and return when the broker has taken all of them."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
    client.max_queued_messages_set(0)
    there = threading.Event()
    client.on_connect = lambda *_: there.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert there.wait(30)
    try:
        for info in [client.publish(topic, body, qos=1) for topic, body in messages]:
            info.wait_for_publish(10)
    finally:
        client.disconnect()
        client.loop_stop()


def native(source: str, seq: int, points: list[list[Any]], epoch: int = 7213) -> Message:
    """A native observation message."""
    return OBS + source, json.dumps({"epoch": epoch, "seq": seq, "points": points})


def wait_until_live(project: Path) -> None:
    """Until the recorder listens on its feed: what is sent before that, no broker keeps for it."""
    until(lambda: all(f["state"] == "live" for f in json_of("feed", "list", project)["feeds"]))


def stored(project: Path) -> int:
    """Points that are on disk and settled in any way, read beside the running recorder."""
    import sqlite3

    sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True)
    try:
        row = sql.execute("SELECT coalesce(sum(received), 0) FROM account").fetchone()
    finally:
        sql.close()
    return int(row[0])


def balanced(report: dict[str, Any]) -> bool:
    """The conservation law with nothing waiting."""
    parts = ("stored", "duplicate", "quarantined", "refused")
    return report["received"] == sum(report[p] for p in parts) and report["waiting"] == 0
