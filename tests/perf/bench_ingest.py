"""From the broker to the disk: the recorder against a naive consumer, on the same queued messages.

Both subscribe and leave; a device publishes; mosquitto keeps the messages for both; then one after
the other takes them. Times run from the start of the connection to the last durable commit.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.feeding import device, stored
from tests.kit.broker import Broker
from tests.kit.program import ROOT, Recording, json_of
from tests.perf.row import Row, row

MESSAGES, POINTS = 1_500, 100


def rows() -> list[Row]:
    total = MESSAGES * POINTS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "p"
        json_of("new", project)
        with Broker(folder / "broker") as broker:
            json_of("feed", "add", project, broker.url)
            json_of("record", project, "--seconds", "2")  # the broker now keeps messages for it
            _naive(broker, folder, 0)
            device(broker, folder / "ledger", "--messages", MESSAGES, "--points", POINTS,
                   "--rate", 0, "--no-sync")  # fmt: skip
            with Recording(project) as recording:
                recording.ready()
                begun = time.monotonic()
                while stored(project) < total:
                    assert time.monotonic() - begun < 120, "the recorder did not take everything"
                    time.sleep(0.01)
                ours = time.monotonic() - begun
                report = recording.end()
            assert report["stored"] == total, report
            naive = _naive(broker, folder, total)
    peer = "paho and sqlite3, a row per point, a FULL commit per message"
    return [
        row("broker to disk, messages of 100 points", total / ours, "points/s", peer,
            total / naive, more_is_better=True),
    ]  # fmt: skip


def _naive(broker: Broker, folder: Path, points: int) -> float:
    command = [sys.executable, "-m", "tests.perf.naive_consumer", str(broker.port),
               str(folder / "naive.db"), str(points)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = float(done.stdout)
    assert seconds > 0, "the naive consumer did not take everything"
    return seconds
