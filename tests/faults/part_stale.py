"""No value is shown as live when it is not: devices die, hang and fall silent under watch.

Devices of several paces announce themselves and send; each is killed, stopped or left alone at
random moments known to the test. An observer reads the newest values as the window does, twenty
times a second, and compares every value's mark with the rule as it is written in the manual: stale
when older than twice its period (at least 2 s), 2 s after its source is known dead, or when its
source is silent for one and a half heartbeats and a second.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.broker import Broker
from tests.kit.patience import until
from tests.kit.program import ROOT, Recording, json_of

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.quality import CLASS_MASK, Quality

Row = dict[str, Any]
TIER: Final = "N1"
SHORT: Final = {"stale_patterns": 36}
LONG: Final = {"stale_patterns": 200}
PERIODS_S: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
HEARTBEAT_S: Final = 2.0
BEAT_S: Final = 0.7
"""what the recorder's beat, the reading and this machine's scheduling may add"""
WARM_UP_S: Final = 28.0


@dataclass
class Watched:
    """A device and what was done to it."""

    number: int
    period_s: float
    process: subprocess.Popen[bytes]
    dead_since: float | None = None
    """monotonic time of the kill, while it is dead"""
    silent_since: float | None = None
    """monotonic time at which it was stopped, while it is"""

    @property
    def limit_s(self) -> float:
        return max(2.0 * self.period_s, 2.0)

    def must_be_stale(self, age_s: float, now: float) -> bool:
        """The rule, with the allowance: what is judged is never on the edge."""
        if age_s > self.limit_s + self.period_s * 0.5 + BEAT_S:
            return True
        if self.dead_since is not None and now - self.dead_since > 2.0 + BEAT_S:
            return True
        silent = 1.5 * HEARTBEAT_S + 1.0 + HEARTBEAT_S + BEAT_S
        return self.silent_since is not None and now - self.silent_since > silent


@dataclass
class Seen:
    """Counts of single judgements."""

    looks: int = 0
    stale: int = 0
    violations: int = 0
    early: int = 0
    """called stale while the device sent and no limit was near"""
    examples: list[str] = field(default_factory=list)


def stale_is_visible(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["stale_patterns"], folder)
    seen: Seen = found["seen"]
    return {
        "promise": "No value is shown as live when it is not",
        "trials": f"{found['patterns']} deaths, stops and returns of {len(PERIODS_S)} devices that "
        f"send every 0.5 to 4 s, {seen.looks:,} values looked at",
        "result": f"{seen.violations} shown as live beyond the limit, {seen.early} called stale "
        f"without a reason; {seen.stale:,} rightly stale",
        "not_shown": f"the newest values as every view reads them, not the pixels; {BEAT_S} s are "
        "allowed for the beat and this machine",
        "bound": "",
        "passed": seen.violations == 0 and seen.early == 0 and seen.stale > 0,
        "figures": {"patterns": found["patterns"], "looks": seen.looks, "stale": seen.stale,
                    "violations": seen.violations, "early": seen.early,
                    "examples": seen.examples},
    }  # fmt: skip


def run(patterns: int, folder: Path, seed: int = 23) -> dict[str, Any]:
    """The experiment."""
    rng = random.Random(seed)
    project = folder / "p"
    json_of("new", project)
    done = 0
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            time.sleep(1.0)
            devices = [
                Watched(n, period, _device(broker, folder, n, period))
                for n, period in enumerate(PERIODS_S)
            ]
            time.sleep(WARM_UP_S)
            observer = Observer(project, devices)
            observer.start()
            try:
                while done < patterns:
                    time.sleep(rng.uniform(0.2, 1.5))
                    done += _hurt(rng.choice(devices), broker, folder, rng)
                time.sleep(6.0)
            finally:
                observer.stop()
                for device in devices:
                    device.process.send_signal(signal.SIGCONT)
                    device.process.terminate()
                    device.process.wait(20)
            recording.end()
    return {"patterns": done, "seen": observer.seen}


def _hurt(device: Watched, broker: Broker, folder: Path, rng: random.Random) -> int:
    """One thing done to a device; counts when it went down."""
    if device.dead_since is not None:
        device.process = _device(broker, folder, device.number, device.period_s)
        device.dead_since = None
        return 0
    if device.silent_since is not None:
        device.silent_since = None
        device.process.send_signal(signal.SIGCONT)
        return 0
    if rng.random() < 0.5:
        device.process.kill()
        device.process.wait(10)
        device.dead_since = time.monotonic()
    else:
        device.process.send_signal(signal.SIGSTOP)
        device.silent_since = time.monotonic()
    return 1


def _device(broker: Broker, folder: Path, number: int, period_s: float) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port),
        "--source", f"dev-{number}", "--ledger", str(folder / f"{number}.ledger"),
        "--rate", str(1.0 / period_s), "--points", "1", "--heartbeat", str(HEARTBEAT_S),
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


class Observer(threading.Thread):
    """Looks at the newest values as the window does."""

    def __init__(self, project: Path, devices: list[Watched]) -> None:
        super().__init__(daemon=True)
        self.seen = Seen()
        self._devices = devices
        self._session = Session(WireCarrier(project))
        self._done = threading.Event()
        city = until(self._city)
        self._ids = {s.source: s.id for s in city.datastreams}

    def _city(self) -> wire.City | None:
        city = self._session.ask_now(wire.GetCity())
        assert isinstance(city, wire.City)
        return city if len(city.datastreams) >= len(self._devices) else None

    def run(self) -> None:
        while not self._done.wait(0.05):
            newest = self._session.newest()
            now, wall = time.monotonic(), time.time() * 1000.0
            if newest is None:
                continue
            for device in self._devices:
                at = self._ids[f"dev-{device.number}"]
                age_s = (wall - int(newest.time_ms[at])) / 1000.0
                is_stale = int(newest.quality[at]) & CLASS_MASK == int(Quality.STALE)
                self._judge(device, age_s, is_stale, now)

    def _judge(self, device: Watched, age_s: float, is_stale: bool, now: float) -> None:
        self.seen.looks += 1
        must = device.must_be_stale(age_s, now)
        self.seen.stale += must and is_stale
        if must and not is_stale:
            self.seen.violations += 1
            self._note(f"dev-{device.number} live at {age_s:.1f} s")
        well = device.dead_since is None and device.silent_since is None
        if is_stale and well and age_s < 0.8 * device.period_s:
            self.seen.early += 1
            self._note(f"dev-{device.number} stale at {age_s:.1f} s")

    def _note(self, text: str) -> None:
        if len(self.seen.examples) < 8:
            self.seen.examples.append(text)

    def stop(self) -> None:
        self._done.set()
        self.join(10)
        self._session.close()


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"stale": stale_is_visible}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(stale_is_visible({"stale_patterns": int(sys.argv[1])}, Path(place)))
