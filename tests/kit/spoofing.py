"""A small town's sensors on a broker that can be attacked while they send: ten ways, by script."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.kit.sensor_network import network

OBS, SRC = "lamplighter/1/obs/", "lamplighter/1/src/"
SCRIPTS: Final = (
    "replay", "offset", "freeze", "scale", "swap", "flood", "spoofed id", "back-dated",
    "unit change", "slow drift",
)  # fmt: skip
HISTORY: Final = 400


@dataclass
class Attack:
    """What is done now, to which column (its name), and since when."""

    script: str = ""
    target: str = ""
    partner: str = ""
    begun: int = 0
    sent: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


class Towns:
    """Several towns on one broker, a sample of all every `step_s`; each is attacked apart."""

    def __init__(
        self, port: int, step_s: float, count: int, seed: int = 3, samples: int = 6_000
    ) -> None:
        self.step_s = step_s
        self.client, self.intruder = self._client("towns", port), self._client("intruder", port)
        self.every = [Town(n, self, seed, samples) for n in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._left = samples

    def _client(self, name: str, port: int) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv311)
        there = threading.Event()
        client.on_connect = lambda *_: there.set()
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert there.wait(30)
        return client

    def start(self) -> None:
        for town in self.every:
            town.announce()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        for client in (self.client, self.intruder):
            client.disconnect()
            client.loop_stop()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set() and self._left:
            self._left -= 1
            for town in self.every:
                town.send()
            due += self.step_s
            wait = due - time.monotonic()
            if wait > 0:
                self._stop.wait(wait)
            else:
                due = time.monotonic()


class Town:
    """Two senders, one of levels and flows and one of pressures."""

    def __init__(self, number: int, towns: Towns, seed: int, samples: int) -> None:
        self.values, self.names, self.kinds = network(samples, seed + number, pressures=8)
        self._towns = towns
        flows, pressures = f"flows-{number}", f"pressures-{number}"
        self.sources = [pressures if k == "pressure" else flows for k in self.kinds]
        self.attack = Attack()
        self._past: deque[np.ndarray] = deque(maxlen=HISTORY)
        self._seq = {flows: 0, pressures: 0}
        self._epoch = {flows: 100 + 2 * number, pressures: 101 + 2 * number}
        self.sent = 0

    @property
    def pressures(self) -> list[str]:
        """Names of those that are attacked."""
        return [n for n in self.names if n.startswith("pressure")]

    def key(self, name: str) -> str:
        """The datastream's key in the product."""
        return f"{self.sources[self.names.index(name)]}/{name}"

    @property
    def all_keys(self) -> set[str]:
        """Of its datastreams and its senders."""
        return {self.key(n) for n in self.names} | set(self._seq)

    def begin(self, script: str, target: str, partner: str = "") -> None:
        """From the next sample on."""
        self.attack = Attack(script, target, partner, self.sent)

    def end(self) -> None:
        """The town is itself again."""
        self.attack = Attack()

    def announce(self) -> None:
        """Its senders say that they live."""
        for name in self._seq:
            self._announce(name)

    def send(self) -> None:
        """One sample of everything."""
        true = self.values[self.sent]
        self._past.append(true)
        shown = self._lied(true.copy())
        now = int(time.time() * 1000)
        for source in self._seq:
            self._send(source, shown, now)
        self.sent += 1
        if self.sent % 5 == 0:
            self.announce()

    def _announce(self, name: str) -> None:
        body = {"epoch": self._epoch[name], "first": 0, "next": self._seq[name], "heartbeat": 2}
        self._towns.client.publish(SRC + name, json.dumps(body), qos=1, retain=True)

    def _send(self, source: str, shown: np.ndarray, now: int) -> None:
        points = [
            [n, now, round(float(v), 4)]
            for n, v, s in zip(self.names, shown, self.sources, strict=True)
            if s == source
        ]
        attack = self.attack
        mine = attack.script and self.key(attack.target).startswith(source + "/")
        if mine and attack.script == "back-dated":
            points = [[n, t - 3_600_000, v] for n, t, v in points]
        self._publish(source, points)
        if mine and attack.script == "flood":
            for extra in range(40):
                self._publish(source, [[attack.target, now + extra, points[0][2]]])
        if mine and attack.script == "spoofed id":
            row = self.names.index(attack.target)
            false = float(shown[row]) + 2.0
            body = {"epoch": 999, "seq": attack.sent, "points": [[attack.target, now + 1, false]]}
            attack.sent += 1
            self._towns.intruder.publish(OBS + source, json.dumps(body), qos=1)

    def _publish(self, source: str, points: list[list[Any]]) -> None:
        body = {"epoch": self._epoch[source], "seq": self._seq[source], "points": points}
        self._seq[source] += 1
        self._towns.client.publish(OBS + source, json.dumps(body), qos=1)

    def _lied(self, shown: np.ndarray) -> np.ndarray:
        attack = self.attack
        if not attack.script:
            return shown
        row = self.names.index(attack.target)
        spread = float(np.std(self.values[:, row]))
        passed = self.sent - attack.begun
        if attack.script == "replay":
            shown[row] = self._past[-240][row]
        elif attack.script == "offset":
            shown[row] += 2.0 * spread
        elif attack.script == "freeze":
            shown[row] = attack.extra.setdefault("held", float(shown[row]))
        elif attack.script == "scale":
            shown[row] *= 1.4
        elif attack.script == "unit change":
            shown[row] *= 3.6
        elif attack.script == "slow drift":
            shown[row] += 0.05 * spread * passed
        elif attack.script == "swap":
            other = self.names.index(attack.partner)
            shown[row], shown[other] = shown[other], shown[row]
        return shown
