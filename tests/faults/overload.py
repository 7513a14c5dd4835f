"""Sources offer three times what is normal for a while: delayed and counted, never dropped.

Two devices at first (60,000 points/s together), then the ordinary one alone. Everything is judged
from the recorder's own status of every second and, at the end, from the ledgers.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.kit.broker import Broker
from tests.kit.checker import check, read_export, read_ledger
from tests.kit.program import ROOT, Recording, json_of, verb

from lamplighter.client import Session, WireCarrier
from lamplighter.domain import wire

POINTS: Final = 100
NORMAL, MORE = 200, 400
"""messages a second of the two devices"""
WARM_S: Final = 4.0
DRAIN_S: Final = 240.0


def run(seconds: float, folder: Path) -> dict[str, Any]:
    """Overload for `seconds`; the ordinary device goes on for ten more."""
    project = folder / "project"
    json_of("new", project)
    ledgers = {name: folder / f"{name}.ledger" for name in ("device-1", "device-2")}
    lines = ("max_queued_messages 0", "max_inflight_messages 1000")
    with Broker(folder / "broker", lines=lines) as broker:
        json_of("feed", "add", project, broker.url)
        with Recording(project) as recording:
            recording.ready()
            found: queue.SimpleQueue[tuple[float, wire.Status]] = queue.SimpleQueue()
            session = Session(WireCarrier(project))
            session.subscribe(lambda e: found.put((time.monotonic(), e)) if _is(e) else None)
            usual = _device(broker, ledgers["device-1"], "device-1", NORMAL, WARM_S + seconds + 10)
            time.sleep(WARM_S)
            calm = _all(found)
            extra = _device(broker, ledgers["device-2"], "device-2", MORE, seconds)
            begun = time.monotonic()
            time.sleep(seconds)
            ended = time.monotonic()
            drained = _drained(project, ledgers, ended + 10)
            statuses = _all(found)
            for device in (usual, extra):
                device.terminate()
                device.wait(30)
            session.close()
            report = recording.end(60)
    sent = {k: v for n, file in ledgers.items() for k, v in read_ledger(file, n).items()}
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=600).returncode == 0
    judged = check(sent, read_export(export), in_order=False)
    return _result(calm, statuses, judged, report, begun, ended, drained)


def _result(
    calm: list[tuple[float, wire.Status]],
    statuses: list[tuple[float, wire.Status]],
    judged: Any,
    report: dict[str, Any],
    begun: float,
    ended: float,
    drained: float,
) -> dict[str, Any]:
    before = max((s.rss_mb for _, s in calm), default=0.0)
    parts = ("stored", "duplicate", "quarantined", "refused")
    unequal = sum(
        s.account.received != sum(getattr(s.account, p) for p in parts) for _, s in statuses
    )
    whole = report["received"] == sum(report[p] for p in parts) and not report["waiting"]
    during = [s for at, s in statuses if begun <= at <= ended + 2]
    return {
        "offered_per_s": (NORMAL + MORE) * POINTS,
        "stored_per_s": max((s.points_per_s for s in during), default=0.0),
        "sent": judged.sent,
        "lost": judged.lost,
        "twice": judged.duplicate,
        "rss_growth_mb": max((s.rss_mb for _, s in statuses), default=0.0) - before,
        "oldest_s": max((s.delay_p95_s for _, s in statuses), default=0.0),
        "waiting": max((s.waiting for _, s in statuses), default=0),
        "statuses": len(statuses),
        "unequal": unequal,
        "drained_s": round(max(drained - ended - 10, 0.0), 1),
        "passed": judged.ok and whole and not unequal and bool(statuses),
    }


def _is(event: wire.Event) -> bool:
    return isinstance(event, wire.Status)


def _all(found: queue.SimpleQueue[Any]) -> list[Any]:
    return [found.get() for _ in range(found.qsize())]


def _device(
    broker: Broker, ledger: Path, name: str, rate: int, seconds: float
) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port), "--ledger",
        str(ledger), "--source", name, "--rate", str(rate), "--points", str(POINTS),
        "--seconds", str(seconds), "--linger", "600", "--window", "2000",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _drained(project: Path, ledgers: dict[str, Path], after: float) -> float:
    """When everything the devices wrote down was stored."""
    from tests.e2e.feeding import stored

    time.sleep(max(0.0, after - time.monotonic()))
    end = time.monotonic() + DRAIN_S
    while time.monotonic() < end:
        sent = POINTS * sum(f.read_bytes().count(b"\n") for f in ledgers.values())
        if stored(project) >= sent:
            break
        time.sleep(0.5)
    return time.monotonic()
