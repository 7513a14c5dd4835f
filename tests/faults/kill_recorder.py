"""kill -9 of the recorder at random moments under load, judged from the device's own ledger.

`run(kills)` is the whole experiment; `make faults` runs it with 60 kills, the ordinary tests with
a few. What this cannot show is power loss: that is a test of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.kit.broker import Broker
from tests.kit.checker import Report, check, read_export, read_ledger
from tests.kit.law import LawWatch
from tests.kit.program import ROOT, Recording, json_of, verb

MESSAGES_PER_S = 200
POINTS = 100
MEAN_LIFE_S = 0.4


@dataclass
class Outcome:
    """What the experiment found."""

    kills: int = 0
    seconds_to_reopen: list[float] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    verified: bool = False
    gaps_left: int = 0
    points_per_s: float = 0.0
    law: LawWatch | None = None


def run(kills: int, folder: Path, *, seed: int = 7, rate: int = MESSAGES_PER_S) -> Outcome:
    """A retaining device at `rate` messages/s of 100 points while the recorder dies and returns."""
    rng = random.Random(seed)
    project, ledger = folder / "project", folder / "ledger"
    outcome = Outcome()
    assert verb("new", project).returncode == 0
    with Broker(folder / "broker") as broker:
        assert verb("feed", "add", project, broker.url).returncode == 0
        with Recording(project) as recording:  # how long a start takes here, and the subscription
            start = recording.ready()
            time.sleep(1.0)
            recording.end()
        seconds = kills * (1.3 * start + MEAN_LIFE_S) + 4.0
        device = _device(broker, ledger, rate, seconds)
        begun = time.monotonic()
        outcome.law = LawWatch(project)
        try:
            with outcome.law:
                for _ in range(kills):
                    with Recording(project) as recording:
                        outcome.seconds_to_reopen.append(recording.ready())
                        time.sleep(rng.uniform(0.0, 2 * MEAN_LIFE_S))
                        recording.kill()
                    outcome.kills += 1
                with Recording(project) as recording:
                    recording.ready()
                    time.sleep(max(0.0, begun + seconds - time.monotonic()))
                    _drain(project, ledger)
                    outcome.gaps_left = int(recording.end()["gaps"])
        finally:
            device.terminate()
            device.wait(20)
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=600).returncode == 0
    sent = read_ledger(ledger, "device-1")
    outcome.report = check(sent, read_export(export), in_order=False)
    outcome.verified = bool(json_of("verify", project, timeout=600)["ok"])
    outcome.points_per_s = len(sent) / seconds
    return outcome


def _device(broker: Broker, ledger: Path, rate: int, seconds: float) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device",
        "--port", str(broker.port), "--ledger", str(ledger),
        "--rate", str(rate), "--points", str(POINTS), "--seconds", str(seconds), "--linger", "600",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _drain(project: Path, ledger: Path) -> None:
    """Until the device is done and all it wrote down is stored, or nothing came for 20 seconds."""
    last, still = (-1, -1), 0
    while still < 40:
        time.sleep(0.5)
        sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True)
        stored = int(sql.execute("SELECT coalesce(sum(stored), 0) FROM account").fetchone()[0])
        sql.close()
        now = (stored, POINTS * ledger.read_bytes().count(b"\n"))
        still = still + 1 if now == last else 0
        last = now
        if still >= 2 and stored >= now[1]:
            return


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(options.kills, Path(folder))
    result: dict[str, Any] = asdict(outcome)
    result["worst_reopen_s"] = max(outcome.seconds_to_reopen)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n")
    print(text)
    return 0 if outcome.report.ok and outcome.verified else 1


if __name__ == "__main__":
    sys.exit(main())
