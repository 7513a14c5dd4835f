"""The machine's clock is set to and fro under a recorder: labels change, behaviour does not.

A library of our own (built here with the C compiler) gives the recorder's process another wall
time than the device has, changed while both run. The device goes on telling the true time.
"""

from __future__ import annotations

import mmap
import os
import queue
import shutil
import sqlite3
import struct
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

RATE, POINTS = 20, 20
HOUR: Final = 3_600_000
SOURCE: Final = Path(__file__).with_name("clock_shim.c")


def jumps(now_ms: int) -> tuple[tuple[str, int], ...]:
    """Name and offset of the recorder's clock, one after the other."""
    return (
        ("+1 h", HOUR),
        ("-1 h", -HOUR),
        ("right", 0),
        ("+1 day", 24 * HOUR),
        ("-1 day", -24 * HOUR),
        ("1970", 1_000 - now_ms),
        ("right again", 0),
        ("2038", 2_147_483_647_000 + HOUR - now_ms),
        ("set right", 0),
    )


def possible() -> bool:
    """Whether there is a C compiler, on a system that preloads libraries."""
    return sys.platform.startswith("linux") and shutil.which("cc") is not None


class Shim:
    """The library and the offset it reads."""

    def __init__(self, folder: Path) -> None:
        self.library, self.file = folder / "clock.so", folder / "offset"
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self.library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self.file.write_bytes(bytes(8))
        self._handle = os.open(self.file, os.O_RDWR)
        self._map = mmap.mmap(self._handle, 8)

    def set(self, offset_ms: int) -> None:
        self._map[:8] = struct.pack("<q", offset_ms)

    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "CLOCK_SHIM": str(self.file)}

    def close(self) -> None:
        self._map.close()
        os.close(self._handle)


def run(pause_s: float, folder: Path, first: int = 99, settle_s: float = 6.0) -> dict[str, Any]:
    """The first so many jumps, or all, `pause_s` apart, after the recorder has settled."""
    shim = Shim(folder)
    project, ledger = folder / "project", folder / "ledger"
    json_of("new", project)
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        os.environ.update(shim.environment())
        try:
            recording = Recording(project)
        finally:
            for name in shim.environment():
                os.environ.pop(name)
        with recording:
            recording.ready()
            device = _device(broker, ledger)
            events: queue.SimpleQueue[tuple[float, wire.Event]] = queue.SimpleQueue()
            session = Session(WireCarrier(project))
            session.subscribe(lambda event: events.put((time.monotonic(), event)))
            time.sleep(settle_s)
            began = time.monotonic()
            for _, offset in jumps(int(time.time() * 1000))[:first]:
                shim.set(offset)
                time.sleep(pause_s)
            seen = [events.get() for _ in range(events.qsize())]
            device.terminate()
            device.wait(20)
            _caught_up(project, ledger)
            session.close()
            recording.end(60)
    shim.close()
    export = folder / "export.csv"
    assert verb("export", project, "--observations", export, timeout=300).returncode == 0
    found = check(read_ledger(ledger, "device-1"), read_export(export), in_order=False)
    return _result(project, [e for at, e in seen if at >= began], found) | {
        "jumps": min(first, len(jumps(0)))
    }


def _result(project: Path, seen: list[wire.Event], found: Any) -> dict[str, Any]:
    statuses = [e for e in seen if isinstance(e, wire.Status)]
    alarms = [a for e in seen if isinstance(e, wire.AlarmsChanged) for a in e.changed]
    told = [e.problem.code for e in seen if isinstance(e, wire.ProblemRaised)]
    sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True)
    setbacks = sql.execute("SELECT count(*) FROM setback").fetchone()[0]
    sql.close()
    whole = json_of("verify", project, timeout=300)["ok"]
    stale = sum(s.stale > 0 for s in statuses)
    return {
        "sent": found.sent,
        "lost": found.lost,
        "twice": found.duplicate,
        "changed": found.wrong + found.unknown,
        "examples": found.examples,
        "alarms": len(alarms),
        "alarm": str(alarms[0].key) if alarms else "",
        "stale_seconds": stale,
        "seconds": len(statuses),
        "told": sorted(set(told)),
        "labels_set_back": setbacks,
        "whole": whole,
        "passed": found.ok and whole and not alarms and not stale and not told and setbacks > 0,
    }


def _device(broker: Broker, ledger: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "tests.kit.device", "--port", str(broker.port), "--ledger",
        str(ledger), "--rate", str(RATE), "--points", str(POINTS), "--linger", "1",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _caught_up(project: Path, ledger: Path) -> None:
    from tests.e2e.feeding import stored

    end = time.monotonic() + 30
    while time.monotonic() < end and stored(project) < POINTS * ledger.read_bytes().count(b"\n"):
        time.sleep(0.3)
