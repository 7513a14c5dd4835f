"""All devices of the district in one program: steps the physics, sends the values, obeys commands.

One thread owns the physics and the numbering; the gateways' clients bring commands to it through
a queue. Every datastream is sent once a second; the messages are spread over the second, so that
a value is a few milliseconds old when it leaves.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from lamplighter.domain.clock import Clock
from lamplighter.field.city_generator import DeviceFile
from lamplighter.field.definition import PlanStep
from lamplighter.field.gateway import HEARTBEAT_S, Gateway, Order
from lamplighter.field.guard import CommandGuard
from lamplighter.field.ledger import Ledger
from lamplighter.field.networks import Networks
from lamplighter.field.values import Values

LEAST_POINTS: Final = 50
GRAIN_S: Final = 0.02
VALVE_STATES: Final = ("closed", "open")


@dataclass(frozen=True)
class Chunk:
    """Datastreams that travel in one message, at `offset_s` into every second."""

    gateway: Gateway
    rows: tuple[int, ...]
    heads: tuple[str, ...]
    """`["name",` of each"""
    digits: tuple[int, ...]
    offset_s: float


class Device:
    """The district's devices on one broker. `run` plays until told to stop."""

    def __init__(
        self,
        device: DeviceFile,
        networks: Networks,
        ledger: Ledger,
        trust: Path,
        clock: Clock,
        say: Callable[[str], None],
        rated_kw: dict[str, float],
    ) -> None:
        self._device = device
        self._clock = clock
        self._say = say
        self.networks = networks
        self.values = Values(device, networks, rated_kw)
        self._ledger = ledger
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self.guard = CommandGuard(trust, ledger, clock, self.state_of, self.operate)
        names = sorted({s.source for s in device.streams}, key=lambda n: int(n.split("-")[1]))
        self.gateways = {n: Gateway(n, ledger, self._orders, self._count_void) for n in names}
        self._chunks = self._cut()
        self._plan = sorted(device.plan, key=lambda step: step.at_s)
        self.points = 0
        self.late_s = 0.0

    def _count_void(self) -> None:
        self.guard.void += 1

    def _cut(self) -> list[Chunk]:
        """Messages of at least `LEAST_POINTS` points (where a gateway has so many)."""
        parts: list[tuple[Gateway, list[int]]] = []
        for name, gateway in self.gateways.items():
            rows = [k for k, s in enumerate(self._device.streams) if s.source == name]
            count = max(1, len(rows) // LEAST_POINTS)
            parts += [(gateway, rows[k::count]) for k in range(count)]
        # neighbours in time belong to different gateways
        order = sorted(range(len(parts)), key=lambda k: (k * 0.618034) % 1.0)
        chunks = []
        for place, k in enumerate(order):
            gateway, rows = parts[k]
            streams = [self._device.streams[r] for r in rows]
            chunks.append(
                Chunk(
                    gateway,
                    tuple(rows),
                    tuple(f'["{s.name}",' for s in streams),
                    tuple(_digits(s.resolution) for s in streams),
                    place / len(parts),
                )
            )
        return chunks

    # ---------------------------------------------------------------- commands
    def state_of(self, target: str) -> str | None:
        if target in self.networks.valves:
            return VALVE_STATES[self.networks.valves[target]]
        if target in self.networks.wanted:
            return self.networks.pump_state(target)
        return None

    def operate(self, target: str, action: str, value: float | None) -> str:
        """Carries a command out in the physics; ValueError says why it cannot be."""
        if target in self.networks.valves and action in ("open", "close"):
            self.networks.set_valve(target, action == "open")
        elif target in self.networks.wanted and action in ("start", "stop"):
            if action == "start" and not self.networks.supplied(target):
                raise ValueError(f"{target} has no supply")
            self.networks.set_pump(target, action == "start")
        else:
            raise ValueError(f"{target} cannot {action}")
        return self.state_of(target) or ""

    def _obey(self) -> None:
        while True:
            try:
                source, payload, retained = self._orders.get_nowait()
            except queue.Empty:
                return
            receipt = self.guard.receive(source, payload, retained=retained)
            if receipt is not None:
                self.gateways[source].receipt(msgspec.json.encode(receipt))

    # ---------------------------------------------------------------- plan
    def _play_plan(self, now_s: float) -> None:
        while self._plan and self._plan[0].at_s <= now_s:
            step = self._plan.pop(0)
            self._do(step, now_s)
            self._say(f"{now_s:5.1f} s  {step.text or step.event} ({step.target})")

    def _do(self, step: PlanStep, now_s: float) -> None:
        if step.event == "trip":
            self.networks.trip(step.target)
        elif step.event == "silence":
            self.gateways[step.target].silent = True
        elif step.event in ("spoof", "drift", "stuck"):
            self.values.tamper(step.target, step.event, step.amount, now_s)
        elif step.event == "burst":
            self.networks.leak(self._device.burst_at, step.amount)
        elif step.event == "wear":
            self.values.wear_per_s = step.amount
        else:
            self._say(f"The plan's event '{step.event}' is not known; it was left out.")

    # ---------------------------------------------------------------- playing
    def idle(self, stopped: Callable[[], bool]) -> None:
        """Connected and announced, but sending nothing, until `stopped` says so."""
        beat = 0.0
        while not stopped():
            if time.monotonic() >= beat:
                beat = time.monotonic() + HEARTBEAT_S
                self._beat()
            self._obey()
            time.sleep(0.05)

    def _beat(self) -> None:
        for gateway in self.gateways.values():
            gateway.announce()

    def run(self, seconds: float | None, stopped: Callable[[], bool]) -> None:
        """Plays for so many seconds, or until `stopped`; then the gateways stay connected."""
        began = time.monotonic()
        beat = began
        second = 0
        while not stopped():
            start = began + second
            now_s = start - began
            if seconds is not None and now_s >= seconds:
                return
            self._play_plan(now_s)
            self.networks.step(now_s, self._day_s())
            self.values.step(now_s, self._day_s())
            self._send_second(start, stopped)
            if time.monotonic() >= beat:
                beat += HEARTBEAT_S
                self._beat()
            second += 1
            behind = time.monotonic() - (began + second)
            self.late_s = max(self.late_s, behind)
            if behind > 2.0:
                # the machine stood still: go on with now, do not catch up in a burst
                began += behind

    def _day_s(self) -> float:
        moment = datetime.fromtimestamp(self._clock.wall_ms() / 1000.0, UTC)
        return (
            moment.hour * 3600.0 + moment.minute * 60.0 + moment.second + moment.microsecond / 1e6
        )

    def _send_second(self, start: float, stopped: Callable[[], bool]) -> None:
        """Sends every chunk at its place in the second that began at `start`."""
        at = 0
        while at < len(self._chunks) and not stopped():
            wait = start + self._chunks[at].offset_s - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, GRAIN_S))
                self._obey()
                continue
            due = time.monotonic() - start
            kept: list[tuple[Gateway, bytes]] = []
            while at < len(self._chunks) and self._chunks[at].offset_s <= due:
                chunk = self._chunks[at]
                at += 1
                body = chunk.gateway.keep(self._points(chunk))
                if body is not None:
                    kept.append((chunk.gateway, body))
                    self.points += len(chunk.rows)
            self._ledger.flush()
            for gateway, body in kept:
                gateway.send(body)
        rest = start + 1.0 - time.monotonic()
        if rest > 0:
            time.sleep(rest)

    def _points(self, chunk: Chunk) -> str:
        """The points of a message as JSON text; the time is the moment of writing."""
        now, shown, words = self._clock.wall_ms(), self.values.shown, self.values.words
        return ",".join(
            f'{head}{now},"{words[row]}"]'
            if words[row]
            else f"{head}{now},{shown[row]:.{digits}f}]"
            for row, head, digits in zip(chunk.rows, chunk.heads, chunk.digits, strict=True)
        )

    @property
    def messages(self) -> int:
        return sum(g.sent for g in self.gateways.values())

    @property
    def resent(self) -> int:
        return sum(g.resent for g in self.gateways.values())


def _digits(resolution: float) -> int:
    return max(0, len(f"{resolution:g}".partition(".")[2]))
