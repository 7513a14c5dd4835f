"""The project's disk fills up again and again under load; everything goes on when there is room.

Each disk is a small tmpfs in a mount namespace of its own (`unshare -rm`), filled to the last byte
by a file beside the project. The device's ledger lies elsewhere. Asked while it is full: is it
told, is a change by a person still possible and audited; and at the end: is everything there once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.clocks import FakeClock
from tests.kit.program import ROOT, Recording, environment, json_of, verb

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire
from lamplighter.domain.city import Asset
from lamplighter.store import Store

RATE, POINTS = 100, 100
PATIENCE_S = 120.0
TOLD_S, RESUMED_S = 2.0, 5.0


def possible() -> bool:
    """Whether this machine lets us mount a small disk of our own."""
    if shutil.which("unshare") is None:
        return False
    probe = "mkdir -p $0 && mount -t tmpfs -o size=1m probe $0"
    place = f"/tmp/lamplighter-probe-{os.getpid()}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", probe, place], capture_output=True)
    with contextlib.suppress(OSError):
        Path(place).rmdir()
    return done.returncode == 0


def run(fills: int, folder: Path, seed: int = 11) -> dict[str, Any]:
    """`fills` fill-ups over disks of 8, 32 and 64 MB."""
    out = folder / "full_disk.json"
    command = [
        "unshare", "-rm", sys.executable, "-m", "tests.faults.full_disk", "--fills", str(fills),
        "--folder", str(folder), "--seed", str(seed), "--out", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if not out.exists():
        raise RuntimeError(done.stderr[-1500:])
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def inside(fills: int, folder: Path, seed: int) -> dict[str, Any]:
    """What `run` starts in its namespace."""
    rng = random.Random(seed)
    sizes = (8, 32, 64)
    shares = [fills // 3 + (n < fills % 3) for n in range(3)]
    disks = [
        _disk(size, share, folder / f"disk-{size}", rng)
        for size, share in zip(sizes, shares, strict=True)
        if share
    ]
    sums = {k: sum(d[k] for d in disks) for k in ("sent", "stored", "lost", "twice", "audited")}
    slow = [k for d in disks for k in d["times"] if k["told"] > TOLD_S or k["resumed"] > RESUMED_S]
    return sums | {
        "fills": fills,
        "worst_told_s": max(t["told"] for d in disks for t in d["times"]),
        "worst_resumed_s": max(t["resumed"] for d in disks for t in d["times"]),
        "slow": len(slow),
        "verified": all(d["verified"] for d in disks),
        "whole": all(d["whole"] for d in disks),
        "passed": all(d["passed"] for d in disks) and sums["audited"] == fills,
    }


def _disk(size_mb: int, fills: int, folder: Path, rng: random.Random) -> dict[str, Any]:
    disk, ledger = folder / "disk", folder / "ledger"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "test", str(disk)]
    subprocess.run(mount, check=True)
    project = disk / "project"
    json_of("new", project)
    _add_asset(project)
    times = []
    with Broker(folder / "broker", lines=("max_queued_messages 0",)) as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            device = _device(broker, ledger)
            events: queue.SimpleQueue[tuple[float, wire.Event]] = queue.SimpleQueue()
            session = Session(WireCarrier(project))
            session.subscribe(lambda event: events.put((time.monotonic(), event)))
            try:
                for number in range(fills):
                    time.sleep(rng.uniform(0.5, 2.0))
                    times.append(_fill(disk, project, session, events, rng, f"{size_mb}-{number}"))
            finally:
                device.terminate()
            device.wait(20)
            _caught_up(project, ledger)
            report = recording.end(60)
            session.close()
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=300).returncode == 0
    found = check(read_ledger(ledger, "device-1"), read_export(export), in_order=False)
    whole = json_of("verify", project, codes=(0, 3), timeout=300)["ok"]
    audit = json_of("audit", "verify", project, codes=(0, 3))["ok"]
    shown = verb("audit", "show", project, "--limit", 1000, "--json")
    audited = sum(e["action"] == "set mode" for e in json.loads(shown.stdout)["entries"])
    parts = ("stored", "duplicate", "quarantined", "refused", "waiting")
    balanced = report["received"] == sum(report[p] for p in parts) and not report["waiting"]
    return {
        "sent": found.sent, "stored": found.stored, "lost": found.lost, "twice": found.duplicate,
        "audited": audited, "times": times, "verified": whole and audit, "whole": balanced,
        "passed": found.ok and found.sent == found.stored and whole and audit and balanced,
    }  # fmt: skip


def _add_asset(project: Path) -> None:
    clock = FakeClock()
    store = Store.open(project, write=True, clock=clock)
    pump = Asset("P-1", "Pump", "Pump 1", "water")
    store.writer.call(lambda access: access.put_assets([pump])).result(20)
    store.close()


def _device(broker: Broker, ledger: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port), "--ledger",
        str(ledger), "--rate", str(RATE), "--points", str(POINTS), "--linger", "0.2",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _fill(
    disk: Path,
    project: Path,
    session: Session,
    events: queue.SimpleQueue[tuple[float, wire.Event]],
    rng: random.Random,
    name: str,
) -> dict[str, float]:
    """Fill, wait until it is told, change something, make room, wait until it goes on."""
    filler = disk / "filler"
    while not events.empty():
        events.get()
    with filler.open("wb", buffering=0) as handle, contextlib.suppress(OSError):
        while handle.write(bytes(65_536)):
            pass
    os.truncate(filler, max(filler.stat().st_size - rng.randrange(100_000), 1))
    watch = _Watch(project)
    told = _problem(events, watch, over=False)
    reply = session.ask_now(wire.SetMode("P-1", rng.choice(("shadow", "twin")), f"test {name}"))
    assert not isinstance(reply, wire.Refused), reply
    time.sleep(rng.uniform(0.0, 1.5))
    filler.unlink()
    freed = time.monotonic()
    before = watch.number()
    while watch.number() == before and time.monotonic() - freed < PATIENCE_S:
        time.sleep(0.02)
    resumed = time.monotonic() - freed
    _problem(events, watch, over=True)
    watch.close()
    return {"told": told, "resumed": resumed}


class _Watch:
    """When the last batch was stored, seen from outside."""

    def __init__(self, project: Path) -> None:
        self._sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True)
        self.last = -1
        self.at = time.monotonic()

    def number(self) -> int:
        found = int(self._sql.execute("SELECT coalesce(max(number),0) FROM batch").fetchone()[0])
        if found != self.last:
            self.last, self.at = found, time.monotonic()
        return found

    def close(self) -> None:
        self._sql.close()


def _problem(
    events: queue.SimpleQueue[tuple[float, wire.Event]], watch: _Watch, *, over: bool
) -> float:
    """Seconds from the last stored batch until the full disk was told."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        watch.number()
        try:
            at, event = events.get(timeout=0.02)
        except queue.Empty:
            continue
        ours = isinstance(event, wire.ProblemRaised) and event.problem.code == "A-401"
        if ours and event.over == over:
            return max(at - watch.at, 0.0)
    raise AssertionError("the full disk was not told" if not over else "its end was not told")


def _caught_up(project: Path, ledger: Path) -> None:
    from tests.e2e.feeding import stored

    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if stored(project) >= POINTS * ledger.read_bytes().count(b"\n"):
            return
        time.sleep(0.3)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fills", type=int, default=3)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = inside(given.fills, given.folder, given.seed)
    given.out.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
