"""One writer at full speed beside eight readers, a long query and backups: nobody meets a lock.

The readers are processes of their own, as clients and verbs are; one of them holds a single read
transaction for half of the time, the worst that a long query can do.
"""

from __future__ import annotations

import argparse
import json
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.kit.program import ROOT, environment

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, NewDatastream
from lamplighter.domain.observation import PointColumns as Columns
from lamplighter.store import Store
from lamplighter.store.backup import take_backup

STREAMS: Final = 1_000
POINTS, MESSAGES, PER_S = 2_000, 20, 10
READERS: Final = 8


def run(seconds: float, folder: Path) -> dict[str, Any]:
    """20,000 points/s for `seconds`; what the writer, the readers and the log went through."""
    clock = SystemClock()
    project = folder / "project"
    Store.create(project, name="locks", clock=clock)
    store = Store.open(project, write=True, clock=clock)
    waits: list[float] = []
    faults: queue.SimpleQueue[str] = queue.SimpleQueue()
    _submit(store, 0, waits, faults)
    readers = [_reader(project, n, seconds) for n in range(READERS)]
    ending = threading.Event()
    backups: list[float] = []
    copier = threading.Thread(
        target=_back_up, args=(project, folder, ending, backups, faults), daemon=True
    )
    copier.start()
    largest, sent = 0, 1
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if store.writer.queue_points < 10 * POINTS:
            _submit(store, sent, waits, faults)
            sent += 1
        log = project / "history.db-wal"
        largest = max(largest, log.stat().st_size if log.exists() else 0)
        time.sleep(max(0.0, begun + sent / PER_S - time.monotonic()))
    took = time.monotonic() - begun
    ending.set()
    copier.join(120)
    asked = [_end(reader) for reader in readers]
    assert store.writer.stop(60)
    whole = store.verify()
    store.close()
    told = [faults.get() for _ in range(faults.qsize())]
    told += [text for one in asked for text in one["faults"]]
    return {
        "seconds": round(took, 1),
        "points_per_s": sent * POINTS / took,
        "stored": whole.rows,
        "sent": sent * POINTS,
        "p99_ms": float(np.percentile(waits, 99)),
        "p50_ms": float(np.percentile(waits, 50)),
        "wal_mb": largest / (1 << 20),
        "questions": sum(one["asked"] for one in asked),
        "backups": len(backups),
        "faults": told[:5],
        "locked": len(told),
        "passed": not told and whole.ok and whole.rows == sent * POINTS and bool(backups),
    }


def _submit(store: Store, number: int, waits: list[float], faults: queue.SimpleQueue[str]) -> None:
    begun = time.monotonic()

    def done(result: Committed | BaseException) -> None:
        waits.append((time.monotonic() - begun) * 1000)
        if isinstance(result, BaseException):
            faults.put(f"writer: {result}")

    store.writer.submit(batch(number), done)


def batch(number: int, now_ms: int | None = None) -> Batch:
    """20 messages of 100 points each."""
    now = int(time.time() * 1000) if now_ms is None else now_ms
    each = POINTS // MESSAGES
    messages = tuple(
        MessageRecord(0, 1, number * MESSAGES + m, number * MESSAGES + m, now, each)
        for m in range(MESSAGES)
    )
    place = np.arange(POINTS, dtype=np.int32)
    columns = Columns(
        (place % STREAMS).astype(np.int32),
        now + (place // STREAMS).astype(np.int64),
        np.round(np.sin(number / 7 + place), 2),
        np.zeros(POINTS, np.uint8),
        place // each,
        place % each,
    )
    if number:
        return Batch(messages, columns)
    streams = tuple(NewDatastream(n, 0, f"P-{n}") for n in range(STREAMS))
    return Batch(messages, columns, new_sources=((0, "device"),), new_datastreams=streams)


def _back_up(
    project: Path,
    folder: Path,
    ending: threading.Event,
    done: list[float],
    faults: queue.SimpleQueue[str],
) -> None:
    while not ending.wait(2.0):
        begun = time.monotonic()
        try:
            take_backup(
                project, folder / "copy", passphrase="", clock=SystemClock(),
                steps=lambda *step: None,
            )  # fmt: skip
            done.append(time.monotonic() - begun)
        except Exception as error:
            faults.put(f"backup: {error}")


def _reader(project: Path, number: int, seconds: float) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "tests.faults.locks", "--project", str(project),
        "--number", str(number), "--seconds", str(seconds),
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)


def _end(reader: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = reader.communicate(timeout=180)
    found: dict[str, Any] = json.loads(out)
    return found


def read(project: Path, number: int, seconds: float) -> dict[str, Any]:
    """What one reading process does; the first holds one transaction for half of the time."""
    end = time.monotonic() + seconds
    asked, faults = 0, []
    store = Store.open(project, write=False, clock=SystemClock())
    while time.monotonic() < end:
        try:
            if number == 0:
                _long_query(project, seconds / 2)
            elif number % 2:
                now = int(time.time() * 1000)
                store.series(number, now - 60_000, now, 500)
            else:
                store.newest()
            asked += 1
        except Exception as error:
            faults.append(f"reader {number}: {error}")
        time.sleep(0.4)
    store.close()
    return {"asked": asked, "faults": faults[:20]}


def _long_query(project: Path, seconds: float) -> None:
    sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True, isolation_level=None)
    sql.execute("BEGIN")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sql.execute("SELECT count(*), sum(points) FROM message").fetchone()
        time.sleep(0.2)
    sql.execute("COMMIT")
    sql.close()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    print(json.dumps(read(given.project, given.number, given.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
