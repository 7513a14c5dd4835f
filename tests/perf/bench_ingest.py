"""From the broker to the disk: the recorder against a naive consumer and against the client alone.

All subscribe and leave; a device publishes; mosquitto keeps the messages for each; then one after
the other takes them. Times run from the start of the connection to the last durable commit (of the
bare client: to the last message). The ceiling is what SQLite takes from one plain loop.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.e2e.feeding import device
from tests.kit.broker import Broker
from tests.kit.program import ROOT, Recording, json_of
from tests.perf.row import Row, row

SINGLE, MESSAGES, POINTS = 100_000, 5_000, 100


def rows() -> list[Row]:
    """Messages of one point, messages of a hundred, and the table's own ceiling."""
    with tempfile.TemporaryDirectory() as name:
        one = _race(Path(name) / "one", SINGLE, 1)
        many = _race(Path(name) / "many", MESSAGES, POINTS)
        ceiling = _ceiling(Path(name) / "ceiling.db", MESSAGES * POINTS)
    total = MESSAGES * POINTS
    naive = "paho and sqlite3, a row per point, a FULL commit per message"
    bare = "paho alone, QoS 1, storing nothing"
    table = "executemany of 1,000 rows into a bare rowid table, FULL"
    return [
        row("broker to disk, messages of one point", SINGLE / one["ours"], "messages/s", bare,
            SINGLE / one["bare"], more_is_better=True),
        row("the same", SINGLE / one["ours"], "messages/s", naive, SINGLE / one["naive"],
            more_is_better=True),
        row("broker to disk, messages of 100 points", total / many["ours"], "points/s", bare,
            total / many["bare"], more_is_better=True),
        row("the same", total / many["ours"], "points/s", naive, total / many["naive"],
            more_is_better=True),
        row("the same, decoding and rollups included", total / many["ours"], "points/s", table,
            total / ceiling, more_is_better=True),
    ]  # fmt: skip


def _race(folder: Path, messages: int, points: int) -> dict[str, float]:
    """Seconds each took for the same queued messages."""
    folder.mkdir()
    project, total = folder / "p", messages * points
    json_of("new", project)
    with Broker(folder / "broker") as broker:
        json_of("feed", "add", project, broker.url)
        json_of("record", project, "--seconds", "2")  # the broker now keeps messages for it
        for consumer in ("naive", "bare"):
            _consume(broker, folder / consumer, 0)
        device(broker, folder / "ledger", "--messages", messages, "--points", points,
               "--rate", 0, "--no-sync")  # fmt: skip
        with Recording(project) as recording:
            recording.ready()
            begun = time.monotonic()
            while _kept(project) < total:
                assert time.monotonic() - begun < 120, "the recorder did not take everything"
                time.sleep(0.01)
            ours = time.monotonic() - begun
            report = recording.end()
        assert report["stored"] == total, report
        bare = _consume(broker, folder / "bare", messages)
        return {"ours": ours, "bare": bare, "naive": _consume(broker, folder / "naive", total)}


def _kept(project: Path) -> int:
    """Points on disk, without those that came twice."""
    sql = sqlite3.connect(f"file:{project / 'history.db'}?mode=ro", uri=True)
    try:
        row = sql.execute("SELECT coalesce(sum(stored), 0) FROM account").fetchone()
    finally:
        sql.close()
    return int(row[0])


def _consume(broker: Broker, file: Path, until: int) -> float:
    command = [sys.executable, "-m", "tests.perf.naive_consumer", str(broker.port), str(file),
               str(until)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = float(done.stdout)
    assert seconds > 0, f"the {file.name} consumer did not take everything"
    return seconds


def _ceiling(file: Path, rows: int) -> float:
    """Seconds of a plain loop that writes `rows` rows of numbers it has at hand."""
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=FULL")
    sql.execute("CREATE TABLE point(datastream INTEGER, time_ms INTEGER, value REAL)")
    ready = [(n % 5_000, 1_795_305_600_000 + n, n / 7.0) for n in range(rows)]
    begun = time.monotonic()
    for at in range(0, rows, 1_000):
        sql.execute("BEGIN")
        sql.executemany("INSERT INTO point VALUES(?,?,?)", ready[at : at + 1_000])
        sql.execute("COMMIT")
    taken = time.monotonic() - begun
    sql.close()
    return taken
