"""Backups taken while a device sends at full speed, each brought back and proved.

After each restore the project's own checks must hold (structure, batch hashes, audit record), and
what came back must be a part of what the device wrote down: nothing changed, nothing twice, and
everything up to the newest message of the backup.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.program import ROOT, Recording, json_of, verb

RATE, POINTS = 200, 100
REFUSALS: Final = 3


def run(restores: int, folder: Path, seed: int = 5) -> dict[str, Any]:
    """`restores` backups during ingest of 20,000 points/s, every second one encrypted."""
    rng = random.Random(seed)
    project, ledger = folder / "project", folder / "ledger"
    word = folder / "word"
    word.write_text("correct horse")
    json_of("new", project)
    seconds: list[float] = []
    made: list[Path] = []
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            device = _device(broker, ledger)
            try:
                time.sleep(4.0)
                for number in range(restores):
                    time.sleep(rng.uniform(0.3, 1.5))
                    file = folder / f"{number}.backup"
                    how = ("--passphrase-file", word) if number % 2 else ()
                    seconds.append(json_of("backup", project, file, *how)["seconds"])
                    made.append(file)
            finally:
                device.terminate()
                device.wait(20)
            report = recording.end(60)
    backs = [folder / f"{n}.back" for n in range(restores)]
    good = sum(_proved(*pair, word) for pair in zip(made, backs, strict=True))
    compared = _compared(backs[-1], ledger)
    refused = _refusals(made[-1], folder, word)
    return {
        "restores": restores,
        "good": good,
        "refused": refused,
        "points_per_s": report["points_per_s"],
        "worst_backup_s": max(seconds),
        "megabytes": round(made[-1].stat().st_size / 1e6, 1),
        "compared": compared,
        "passed": good == restores and refused == REFUSALS and compared > 0,
    }


def _proved(file: Path, back: Path, word: Path) -> bool:
    found = json_of("restore", file, back, "--passphrase-file", word, codes=(0, 1, 3), timeout=300)
    return bool(found["ok"]) and found["rows"] > 0


def _compared(back: Path, ledger: Path) -> int:
    """Points of the last restore that are as the device wrote them; 0 when any is not."""
    export = back.with_suffix(".csv")
    assert verb("export", back, "--observations", export, timeout=300).returncode == 0
    newest = max((row.key[2] for row in read_export(export)), default=-1)
    sent = {k: v for k, v in read_ledger(ledger, "device-1").items() if k[2] <= newest}
    found = check(sent, read_export(export), in_order=False)
    return found.stored if found.ok else 0


def _refusals(file: Path, folder: Path, word: Path) -> int:
    """Cut, changed in one byte, wrong passphrase: how many of them were refused."""
    data = file.read_bytes()
    wrong = folder / "wrong"
    wrong.write_text("incorrect horse")
    middle = len(data) // 2
    bad = folder / "bad"
    tried = 0
    for body, key in (
        (data[:middle], word),
        (data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :], word),
        (data, wrong),
    ):
        bad.write_bytes(body)
        done = verb("restore", bad, folder / "never", "--passphrase-file", key)
        tried += "A-409" in done.stderr and not (folder / "never").exists()
    return tried


def _device(broker: Broker, ledger: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port), "--ledger",
        str(ledger), "--rate", str(RATE), "--points", str(POINTS), "--linger", "1",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
