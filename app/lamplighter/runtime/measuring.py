"""Insert rates of this machine's disk, ours beside the plainest SQLite table, in one run."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from lamplighter.domain.clock import SystemClock
from lamplighter.domain.observation import Batch, Committed, MessageRecord, PointColumns
from lamplighter.store import Store

BATCHES: Final = 40
POINTS: Final = 2_000


def insert_rates(folder: Path) -> list[dict[str, Any]]:
    """Durable points/s of our layout against one row per point in a bare table, both FULL."""
    ours, plain = _ours(folder / "ours"), _plain(folder / "plain.db")
    return [
        {
            "name": "durable insert",
            "figure": round(ours),
            "unit": "points/s",
            "against": "one row per point in a bare table, WAL, FULL",
            "ratio": ours / plain,
        }
    ]


def _ours(folder: Path) -> float:
    clock = SystemClock()
    Store.create(folder, name="bench", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    done = threading.Semaphore(0)
    failed: list[BaseException] = []

    def end(outcome: Committed | BaseException) -> None:
        if isinstance(outcome, BaseException):
            failed.append(outcome)
        done.release()

    begun = time.perf_counter()
    for number in range(BATCHES):
        store.writer.submit(_batch(number, clock.wall_ms()), end)
    for _ in range(BATCHES):
        done.acquire()
    seconds = time.perf_counter() - begun
    store.close()
    if failed:
        raise failed[0]
    return BATCHES * POINTS / seconds


def _batch(number: int, now: int) -> Batch:
    points = PointColumns(
        np.arange(POINTS, dtype=np.int32),
        np.full(POINTS, now, np.int64),
        np.random.default_rng(number).normal(size=POINTS),
        np.zeros(POINTS, np.uint8),
        np.zeros(POINTS, np.int32),
        np.arange(POINTS, dtype=np.int32),
    )
    message = MessageRecord(0, 1, number, number, now, POINTS)
    from lamplighter.domain.observation import NewDatastream

    first = number == 0
    return Batch(
        (message,),
        points,
        new_sources=((0, "bench"),) if first else (),
        new_datastreams=tuple(NewDatastream(i, 0, f"d{i}") for i in range(POINTS)) if first else (),
    )


def _plain(file: Path) -> float:
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=FULL")
    sql.execute("CREATE TABLE point (series INTEGER, time INTEGER, value REAL)")
    rows = [(i, 0, float(i)) for i in range(POINTS)]
    begun = time.perf_counter()
    for _ in range(BATCHES):
        sql.execute("BEGIN")
        sql.executemany("INSERT INTO point VALUES (?,?,?)", rows)
        sql.execute("COMMIT")
    seconds = time.perf_counter() - begun
    sql.close()
    return BATCHES * POINTS / seconds
