"""Pages of the databases are spoiled under a recorder and between two runs of it.

Whatever is hit, the recorder must go on, keep the damaged file as it found it, store what comes
after, bring out nothing that was never sent, and say so where something is missing.
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

RATE, POINTS = 40, 50
PAGE: Final = 4096
FILES: Final = ("history.db", "history.db", "city.db", "audit.db")


def run(trials: int, folder: Path, seed: int = 17, after: float = 1.0) -> dict[str, Any]:
    """`trials` projects, each spoiled once while it is recorded and once while nobody does.

    `after`: share of the usual time that is recorded after the second time.
    """
    rng = random.Random(seed)
    found = [_trial(folder / str(n), rng, n, after) for n in range(trials)]
    faults = ("wrong", "twice", "silent", "thrown_away", "dead", "tracebacks")
    keys = ("sent", "stored", "set_aside", *faults)
    sums = {k: sum(one[k] for one in found) for k in keys}
    bad = sum(sums[k] for k in faults)
    return {"trials": trials, **sums, "passed": bad == 0 and sums["stored"] > 0}


def _trial(folder: Path, rng: random.Random, number: int, after_share: float) -> dict[str, Any]:
    folder.mkdir()
    project, ledger = folder / "project", folder / "ledger"
    json_of("new", project)
    dead = 0
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        first = _device(broker, ledger, "device-1")
        with Recording(project) as recording:
            recording.ready()
            time.sleep(3.0)
            _spoil(project / FILES[number % len(FILES)], rng)
            asked = verb("alarms", project).stderr  # a reader meets the damage, or not
            time.sleep(2.0)
            dead += recording.process.poll() is not None
            recording.kill()
        _spoil(project / rng.choice(FILES), rng)
        with Recording(project) as recording:
            recording.ready()
            if not json_of("feed", "list", project)["feeds"]:  # the page with the feed was hit
                json_of("feed", "add", project, broker.url)
            time.sleep(after_share)
            after = _device(broker, folder / "after", "device-2")
            time.sleep(3.0 * after_share)
            for device in (first, after):
                device.terminate()
                device.wait(20)
            time.sleep(2.0 * after_share)
            dead += recording.process.poll() is not None
            recording.end(60)
    return _result(project, folder, ledger, dead, asked)


def _result(project: Path, folder: Path, ledger: Path, dead: int, asked: str) -> dict[str, Any]:
    export = folder / "export.csv"
    done = verb("export", project, "--observations", export, timeout=120)
    told = verb("verify", project, "--json", timeout=120)
    log = (project.parent / f"{project.name}.recorder.log").read_text(errors="replace")
    before, later = read_ledger(ledger, "device-1"), read_ledger(folder / "after", "device-2")
    rows = [row for row in read_export(export) if row.key[0] in ("device-1", "device-2")]
    found = check(before | later, iter(rows), in_order=False)
    lost_after = check(later, (r for r in rows if r.key[0] == "device-2"), in_order=False).lost
    kept = [f for f in project.iterdir() if ".damaged-" in f.name and f.suffix[-1].isdigit()]
    missing = found.lost > 0 and '"ok": true' in told.stdout and done.returncode == 0
    texts = asked + log + done.stderr + told.stderr
    return {
        "sent": len(before) + len(later),
        "stored": len(rows),
        "wrong": found.wrong + found.unknown + lost_after,
        "twice": found.duplicate,
        "set_aside": len(kept),
        "silent": int(missing),
        "thrown_away": int("A-402" in log and not kept),
        "dead": dead,
        "tracebacks": texts.count("Traceback"),
    }


def _spoil(file: Path, rng: random.Random) -> None:
    """Noise over one to three pages that are on disk."""
    pages = file.stat().st_size // PAGE
    with file.open("r+b") as handle:
        for _ in range(rng.choice((1, 1, 3))):
            if pages:
                handle.seek(rng.randrange(pages) * PAGE)
                handle.write(rng.randbytes(PAGE))


def _device(broker: Broker, ledger: Path, name: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port), "--ledger",
        str(ledger), "--source", name, "--rate", str(RATE), "--points", str(POINTS),
        "--linger", "1",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
