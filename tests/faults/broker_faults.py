"""The broker dies and returns while a device that keeps its messages goes on: nothing is lost.

Half of the restarts are orderly, half are kills; the broker keeps nothing on disk, so that
completeness can only come from the source's retention and the resend requests.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.law import LawWatch
from tests.kit.program import ROOT, Recording, json_of, verb

RATE, POINTS = 50, 20


def run(restarts: int, folder: Path, seed: int = 3) -> dict[str, Any]:
    """`restarts` restarts of mosquitto, 0.2 to 4 s down, then the comparison with the ledger."""
    rng = random.Random(seed)
    project, ledger = folder / "project", folder / "ledger"
    json_of("new", project)
    seconds = 6.0 * restarts + 5
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording, LawWatch(project) as law:
            recording.ready()
            device = _device(broker, ledger, seconds)
            begun = time.monotonic()
            try:
                for number in range(restarts):
                    time.sleep(rng.uniform(1.0, 2.0))
                    (broker.kill if number % 2 else broker.stop)()
                    time.sleep(rng.uniform(0.2, 4.0))
                    broker.start()
                time.sleep(max(0.0, begun + seconds - time.monotonic()))
                _caught_up(project, ledger)
                report = recording.end()
            finally:
                device.terminate()
                device.wait(20)
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=300).returncode == 0
    found = check(read_ledger(ledger, "device-1"), read_export(export), in_order=False)
    parts = ("stored", "duplicate", "quarantined", "refused", "waiting")
    balanced = report["received"] == sum(report[p] for p in parts) and not report["waiting"]
    return {
        "restarts": restarts,
        "sent": found.sent,
        "stored": found.stored,
        "lost": found.lost,
        "stored_twice": found.duplicate,
        "wrong": found.wrong + found.unknown,
        "gaps_left": report["gaps"],
        "law": law.words(),
        "passed": found.ok and balanced and not law.unequal and found.stored == found.sent,
    }


def _device(broker: Broker, ledger: Path, seconds: float) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port),
        "--ledger", str(ledger), "--rate", str(RATE), "--points", str(POINTS),
        "--seconds", str(seconds), "--linger", "600",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _caught_up(project: Path, ledger: Path) -> None:
    """Until as many points are stored as the device wrote down, at most a minute."""
    from tests.e2e.feeding import stored

    end = time.monotonic() + 60
    while time.monotonic() < end:
        if stored(project) >= POINTS * ledger.read_bytes().count(b"\n"):
            time.sleep(1.0)
            return
        time.sleep(0.5)
