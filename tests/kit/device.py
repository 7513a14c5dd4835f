"""A device of its own: it knows the message format and nothing of the product.

Run it as a program. It writes every message to its ledger, with fsync, before it sends it; keeps
all of them for resending; announces itself with a last will; and ends when its time is over and
the broker has everything, or on SIGTERM. Its values follow from (seed, seq, place), so a checker
can compute them again.

The ledger is text, one JSON object a line: {"epoch", "seq", "body"} with the body exactly as sent.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

OBS, SRC, CMD = "lamplighter/1/obs/", "lamplighter/1/src/", "lamplighter/1/cmd/"


def value_of(seed: int, seq: int, place: int) -> float:
    """The value at a place of a message, to be computed again by whoever checks."""
    mixed = (seed * 1_000_003 + seq * 8_191 + place * 127) & 0xFFFF_FFFF
    return ((mixed * 2_654_435_761) % 1_000_000) / 1000.0


class Ledger:
    """What the device sent, on disk before it is sent."""

    def __init__(self, file: Path, *, sync: bool = True) -> None:
        self._handle = file.open("ab")
        self._sync = sync

    def write(self, rows: list[tuple[int, int, str]]) -> None:
        """Rows of (epoch, seq, body); returns when they are on disk."""
        lines = [json.dumps({"epoch": e, "seq": s, "body": b}) for e, s, b in rows]
        self._handle.write(("\n".join(lines) + "\n").encode())
        self._handle.flush()
        if self._sync:
            os.fsync(self._handle.fileno())

    def close(self) -> None:
        self._handle.close()


class Device:
    """One source. `points_of(seq)` gives the points of a message; None ends the device."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.name: str = options.source
        self.epoch: int = options.epoch or random.randrange(2**53)
        self.seq = 0
        self.resent = 0
        self.commands = 0
        self.sent_log: dict[int, str] = {}
        self.stop = threading.Event()
        self.connected = threading.Event()
        self.window = threading.BoundedSemaphore(options.window)
        self.ledger = Ledger(Path(options.ledger), sync=not options.no_sync)
        self.asked: deque[tuple[int, int]] = deque()
        self.drop = set(options.drop)
        self.client = self._client()

    def _client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"device-{self.name}",
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        client.max_inflight_messages_set(self.options.window)
        client.max_queued_messages_set(0)
        client.reconnect_delay_set(1, 2)
        will = json.dumps({"epoch": self.epoch, "offline": True})
        client.will_set(SRC + self.name, will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = lambda *_: self.connected.clear()
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(CMD + self.name, qos=1)
        self.connected.set()
        self.announce()

    def _on_publish(self, *_: Any) -> None:
        with contextlib.suppress(ValueError):  # the announcements hold no place
            self.window.release()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        """Only resend is honoured; every other unsigned message is void."""
        try:
            ask = json.loads(message.payload)["resend"]
            if ask["epoch"] == self.epoch and self.options.retains:
                self.asked.append((int(ask["from"]), int(ask["to"])))
        except (ValueError, KeyError, TypeError):
            self.commands += 1

    def announce(self) -> None:
        says = {
            "epoch": self.epoch,
            "first_seq": 0,
            "next_seq": self.seq,
            "heartbeat_s": self.options.heartbeat,
            "retains": self.options.retains,
        }
        self.client.publish(SRC + self.name, json.dumps(says), qos=1, retain=True)

    def points_of(self, seq: int) -> list[list[Any]] | None:
        now = time.time_ns() // 1_000_000
        count = self.options.points
        return [[f"P-{n}", now, value_of(self.options.seed, seq, n)] for n in range(count)]

    def prepare(self, count: int) -> list[tuple[int, str]]:
        """The next messages, written to the ledger."""
        ready = []
        for _ in range(count):
            points = self.points_of(self.seq)
            if points is None:
                self.stop.set()
                break
            body = json.dumps({"epoch": self.epoch, "seq": self.seq, "points": points})
            ready.append((self.seq, body))
            self.seq += 1
        if ready:
            self.ledger.write([(self.epoch, seq, body) for seq, body in ready])
            self.sent_log.update(ready)
        return ready

    def send(self, seq: int, body: str) -> None:
        if seq in self.drop:  # lost on the way, this once
            self.drop.discard(seq)
            return
        while not self.window.acquire(timeout=0.5):
            if self.stop.is_set():
                return
        self.client.publish(OBS + self.name, body, qos=1)

    def resend(self) -> None:
        while self.asked:
            first, last = self.asked.popleft()
            for seq in range(first, last + 1):
                body = self.sent_log.get(seq)
                if body is not None:
                    self.send(seq, body)
                    self.resent += 1

    def run(self) -> None:
        opt = self.options
        self.client.connect_async(opt.host, opt.port, opt.keep_alive)
        self.client.loop_start()
        self.connected.wait(10)
        begun = announced = time.monotonic()
        while not self.stop.is_set():
            now = time.monotonic()
            if now - announced >= opt.heartbeat:
                announced = now
                self.announce()
            self.resend()
            due = opt.messages if not opt.rate else min(opt.messages, int((now - begun) * opt.rate))
            if self.seq >= opt.messages or (opt.seconds and now - begun >= opt.seconds):
                break
            for seq, body in self.prepare(min(due - self.seq, 50)):
                self.send(seq, body)
            if due <= self.seq:
                time.sleep(0.004)
        self._linger(opt.linger)
        self.client.disconnect()
        self.client.loop_stop()
        self.ledger.close()

    def _linger(self, seconds: float) -> None:
        """Stay to announce the end and to answer resend requests."""
        until = time.monotonic() + seconds
        self.announce()
        told = time.monotonic()
        while time.monotonic() < until and not self.stop.is_set():
            self.resend()
            if time.monotonic() - told >= self.options.heartbeat:
                told = time.monotonic()
                self.announce()
            time.sleep(0.01)


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source", default="device-1")
    parser.add_argument("--ledger", required=True)
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second; 0 = all now")
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--messages", type=int, default=2**62)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--linger", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument("--heartbeat", type=float, default=2.0)
    parser.add_argument("--keep-alive", type=int, default=2)
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--no-retain", dest="retains", action="store_false")
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--drop", type=int, nargs="*", default=[], help="seqs lost on the way once")
    return parser.parse_args(arguments)


def main(
    arguments: list[str] | None = None, kind: Callable[[argparse.Namespace], Device] | None = None
) -> int:
    device = (kind or Device)(options(sys.argv[1:] if arguments is None else arguments))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: device.stop.set())
    device.run()
    report = {
        "source": device.name,
        "epoch": device.epoch,
        "messages": device.seq,
        "resent": device.resent,
        "commands": device.commands,
    }
    print(json.dumps(report), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
