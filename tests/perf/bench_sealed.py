"""Sealed history: how small, how fast it is made and read, beside DuckDB on the same points.

One day of random walks of two decimals at 1 Hz, each message with its own milliseconds, recorded
through the writer and sealed hour by hour. DuckDB holds the same points with the same envelope
(message key, place, recorded time) in its own file, sorted by datastream and time as it likes best.
"""

from __future__ import annotations

import queue
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
from tests.kit.clocks import FakeClock
from tests.perf.row import Row, row

from lamplighter.domain.observation import (
    Batch,
    Committed,
    MessageRecord,
    NewDatastream,
    PointColumns,
)
from lamplighter.store import Sealer, Store

STREAMS: Final = 60
CURVES: Final = 40
PER_MESSAGE: Final = 20
DAY_S: Final = 86_400
BATCH_S: Final = 20
WIDTH: Final = 1_000
Points = dict[str, np.ndarray[Any, Any]]


def _record(folder: Path, seconds: int) -> tuple[Store, FakeClock, Points]:
    """(store, its clock, all points as columns)"""
    clock, plan = FakeClock(), FakeClock()
    Store.create(folder, name="bench", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    rng = np.random.default_rng(4)
    value = rng.normal(50, 10, STREAMS)
    letters = STREAMS // PER_MESSAGE
    ids = np.tile(np.arange(STREAMS, dtype=np.int32), BATCH_S)
    message = np.repeat(np.arange(BATCH_S * letters, dtype=np.int32), PER_MESSAGE)
    place = np.tile(np.arange(PER_MESSAGE, dtype=np.int32), BATCH_S * letters)
    beat = np.repeat(np.arange(BATCH_S) * 1000, STREAMS)
    made: list[Batch] = []
    columns: list[tuple[Any, ...]] = []
    for at in range(0, seconds, BATCH_S):
        walk = value + np.cumsum(rng.normal(0, 0.05, (BATCH_S, STREAMS)), axis=0)
        value = walk[-1]
        values = np.round(walk, 2).reshape(-1)
        times = plan.wall_ms() + beat + rng.integers(0, 40, BATCH_S * letters)[message]
        seq = at * letters + np.arange(BATCH_S * letters)
        names: dict[str, Any] = {}
        if not at:
            streams = tuple(NewDatastream(i, 0, f"d{i}") for i in range(STREAMS))
            names = {"new_sources": ((0, "s"),), "new_datastreams": streams}
        made.append(
            Batch(
                tuple(
                    MessageRecord(0, 7, int(s), int(s) * 7919, plan.wall_ms(), PER_MESSAGE, int(s))
                    for s in seq
                ),
                PointColumns(
                    ids, times.astype(np.int64), values, np.zeros(len(ids), np.uint8),
                    message, place,
                ),
                **names,
            )
        )  # fmt: skip
        columns.append((ids, times, values, seq[message], place, np.full(len(ids), plan.wall_ms())))
        plan.advance(BATCH_S * 1000)
    done: queue.Queue[Committed | BaseException] = queue.Queue()
    for batch in made:
        # the clock labels the batch when it is written: one at a time keeps the hours apart
        store.writer.submit(batch, done.put)
        result = done.get(timeout=60)
        if isinstance(result, BaseException):
            raise result
        clock.advance(BATCH_S * 1000)
    names_of = ("datastream", "time_ms", "value", "seq", "place", "recorded_ms")
    joined = {n: np.concatenate([c[k] for c in columns]) for k, n in enumerate(names_of)}
    joined["source"] = np.zeros(len(joined["seq"]), np.int32)
    joined["epoch"] = np.full(len(joined["seq"]), 7, np.int64)
    joined["quality"] = np.zeros(len(joined["seq"]), np.uint8)
    return store, clock, joined


def _into_duckdb(file: Path, points: Points) -> tuple[duckdb.DuckDBPyConnection, float]:
    sql = duckdb.connect(str(file))
    sql.execute("PRAGMA threads=2")
    sql.register("given", points)
    begun = time.perf_counter()
    sql.execute("CREATE TABLE point AS SELECT * FROM given ORDER BY datastream, time_ms")
    sql.execute("CHECKPOINT")
    return sql, time.perf_counter() - begun


def _best(work: Callable[[], object], times: int = 5) -> float:
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append((time.perf_counter() - begun) * 1000)
    return min(found)


def _used(history: Path) -> int:
    import sqlite3

    sql = sqlite3.connect(history)
    try:
        pages = [sql.execute(f"PRAGMA {p}").fetchone()[0] for p in ("page_count", "freelist_count")]
        return int(pages[0] - pages[1]) * 4096
    finally:
        sql.close()


def rows(seconds: int = DAY_S) -> list[Row]:
    """Rows of `name, figure, unit, against, ratio`; above 1 is better than the peer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, clock, points = _record(folder / "p", seconds)
        count = len(points["seq"])
        store.writer.flush()
        hot = _used(folder / "p" / "history.db") / count
        clock.advance(7_200_000)
        sealer = Sealer(folder / "p", store.writer, clock)
        begun = time.perf_counter()
        report = sealer.seal()
        sealing = time.perf_counter() - begun
        sealer.close()
        duck, storing = _into_duckdb(folder / "peer.duckdb", points)
        found = [
            row(
                "sealed segments, whole envelope", report.bytes / report.points, "bytes/point",
                "DuckDB's file, same columns",
                (folder / "peer.duckdb").stat().st_size / count,
            ),
            row(
                "sealing", report.points / sealing, "points/s",
                "DuckDB sorting and storing them", count / storing, more_is_better=True,
            ),
            row(
                "longest time the writer is kept by sealing", report.longest_step_ms, "ms",
                "the time it may take", 100.0,
            ),
            *_queries(store, duck, points),
        ]  # fmt: skip
        store.close()
        staying = _used(folder / "p" / "history.db") / count
        found.append(
            row("what stays in history.db (rollups, key-frames)", staying, "bytes/point",
                "history.db before sealing", hot)
        )  # fmt: skip
        duck.close()
        return found


def _queries(store: Store, duck: duckdb.DuckDBPyConnection, points: Points) -> list[Row]:
    low, high = int(points["time_ms"].min()), int(points["time_ms"].max()) + 1
    step = -(-(high - low) // WIDTH)

    def ours() -> None:
        for stream in range(CURVES):
            store.series(stream, low, high, WIDTH)

    def theirs() -> None:
        duck.execute(
            "SELECT datastream, (time_ms - ?) // ? AS slot, min(value), max(value), avg(value)"
            " FROM point WHERE datastream < ? AND time_ms >= ? AND time_ms < ?"
            " GROUP BY datastream, slot ORDER BY datastream, slot",
            [low, step, CURVES, low, high],
        ).fetchnumpy()

    def scan() -> None:
        for stream in range(CURVES):
            mine = points["datastream"] == stream
            slot = (points["time_ms"][mine] - low) // step
            order = np.argsort(slot, kind="stable")
            starts = np.flatnonzero(np.diff(slot[order], prepend=-1))
            values = points["value"][mine][order]
            np.minimum.reduceat(values, starts)
            np.maximum.reduceat(values, starts)

    def exact() -> int:
        return len(store.series(7, low, high, 1 << 22).time_ms)

    def exact_there() -> int:
        found = duck.execute(
            "SELECT time_ms, value, quality FROM point WHERE datastream=7 AND time_ms>=?"
            " AND time_ms<? ORDER BY time_ms",
            [low, high],
        ).fetchnumpy()
        return len(found["time_ms"])

    assert exact() == exact_there()
    day = f"{(high - low) / 3_600_000:.0f} h"
    curves = _best(ours)
    return [
        row(f"{day} of {CURVES} curves in {WIDTH} cells", curves, "ms", "DuckDB", _best(theirs)),
        row(f"{day} of {CURVES} curves", curves, "ms", "raw scan in memory", _best(scan, 1)),
        row(f"{day} of one datastream, every point", _best(exact), "ms", "DuckDB",
            _best(exact_there)),
    ]  # fmt: skip


if __name__ == "__main__":
    for found in rows():
        print(f"{found['name']:<52} {found['figure']:>12,} {found['unit']:<12} "
              f"{found['ratio']} x {found['against']}")  # fmt: skip
