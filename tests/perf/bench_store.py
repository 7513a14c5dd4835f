"""How fast and how small the store is, beside naive peers on the same points in the same run.

Peers: one row per point under a unique index, committed with the same batches and the same
`synchronous=FULL`; and reading every raw point of a span from an index over (datastream, time).
Figures hold for one machine and one run: compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import queue
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.kit.clocks import FakeClock

from lamplighter.domain.observation import (
    Batch,
    Committed,
    MessageRecord,
    NewDatastream,
    PointColumns,
)
from lamplighter.store import Store

STREAMS: Final = 1_000
PER_MESSAGE: Final = 50
Result = dict[str, Any]


def _row(
    name: str, figure: float, unit: str, against: str = "", ratio: float | None = None
) -> Result:
    rounded = None if ratio is None else round(ratio, 2)
    return {
        "name": name,
        "figure": round(figure, 3),
        "unit": unit,
        "against": against,
        "ratio": rounded,
    }


def _batches(clock: FakeClock, seconds: int, size: int, streams: int = STREAMS) -> Iterator[Batch]:
    """`streams` random walks at 1 Hz with two decimals, in messages of 50 points."""
    rng = np.random.default_rng(1)
    value = np.round(rng.normal(50, 10, streams), 2)
    total, seq = streams * seconds, 0
    for at in range(0, total, size):
        index = np.arange(at, min(at + size, total))
        ids = (index % streams).astype(np.int32)
        steps = np.round(rng.normal(0, 0.05, index.size), 2)
        values = np.round(value[ids] + steps, 2)
        value[ids] = values
        times = clock.wall_ms() + (index // streams - at // streams) * 1000 - rng.integers(0, 900)
        place = np.arange(index.size, dtype=np.int32)
        count = -(-index.size // PER_MESSAGE)
        messages = tuple(
            MessageRecord(0, 7, seq + i, (seq + i) * 7919, clock.wall_ms(), PER_MESSAGE, seq + i)
            for i in range(count)
        )
        points = PointColumns(
            ids, times.astype(np.int64), values, np.zeros(index.size, np.uint8),
            place // PER_MESSAGE, place % PER_MESSAGE,
        )  # fmt: skip
        fresh = not at
        yield Batch(
            messages,
            points,
            new_sources=((0, "s"),) if fresh else (),
            new_datastreams=tuple(NewDatastream(i, 0, f"d{i}") for i in range(streams))
            if fresh
            else (),
        )
        seq += count
        clock.advance(size // streams * 1000)


def _fill(
    folder: Path, seconds: int, size: int, streams: int = STREAMS
) -> tuple[Store, float, int]:
    """(open store, seconds it took, end of the data in ms)"""
    clock = FakeClock()
    Store.create(folder, name="bench", clock=clock)
    store = Store.open(folder, write=True, clock=clock)
    made = list(_batches(FakeClock(), seconds, size, streams))
    done: queue.Queue[Committed | BaseException] = queue.Queue()
    started = time.perf_counter()
    for number, batch in enumerate(made):
        store.writer.submit(batch, done.put)
        while store.writer.queue_points > 2 * size:
            time.sleep(0)
        clock.advance((number + 1) * size // streams * 1000 - number * size // streams * 1000)
    for _ in made:
        result = done.get(timeout=60)
        if isinstance(result, BaseException):
            raise result
    return store, time.perf_counter() - started, clock.wall_ms()


def _naive(
    file: Path, seconds: int, size: int, streams: int = STREAMS
) -> tuple[sqlite3.Connection, float]:
    made = list(_batches(FakeClock(), seconds, size, streams))
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA journal_mode=WAL")
    sql.execute("PRAGMA synchronous=FULL")
    sql.execute("CREATE TABLE point(source, epoch, seq, n, datastream, time_ms, value, quality)")
    sql.execute("CREATE UNIQUE INDEX point_key ON point(source, epoch, seq, n)")
    started = time.perf_counter()
    for batch in made:
        p = batch.points
        seqs = np.array([m.seq for m in batch.messages])[p.message].tolist()
        rows = zip(
            [0] * len(p), [7] * len(p), seqs, p.place.tolist(), p.datastream.tolist(),
            p.time_ms.tolist(), p.value.tolist(), p.quality.tolist(), strict=True,
        )  # fmt: skip
        sql.execute("BEGIN")
        sql.executemany("INSERT OR IGNORE INTO point VALUES(?,?,?,?,?,?,?,?)", rows)
        sql.execute("COMMIT")
    return sql, time.perf_counter() - started


def _size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _ms(work: Callable[[], object], times: int = 7) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return statistics.median(found)


def bench_ingest(seconds: int = 300) -> list[Result]:
    """Points per second into the store, duplicates looked for, every batch forced to disk."""
    found = []
    for size in (2_000, 5_000):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            store, took, _ = _fill(folder / "p", seconds, size)
            store.close()
            sql, naive = _naive(folder / "naive.db", seconds, size)
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            sql.close()
            points = STREAMS * seconds
            peer = "row per point under a unique index"
            found.append(
                _row(
                    f"ingest, batches of {size}, FULL",
                    points / took,
                    "points/s",
                    peer,
                    naive / took,
                )
            )
            small = _size(folder / "p") / points
            large = (folder / "naive.db").stat().st_size / points
            found.append(
                _row(f"size, batches of {size}", small, "bytes/point", peer, large / small)
            )
    return found


def bench_query(seconds: int = 43_200, streams: int = 40) -> list[Result]:
    """One datastream's whole past at 1,000 cells, its last ten minutes, and a moment of all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, _, end = _fill(folder / "p", seconds, 5_000, streams)
        sql, _ = _naive(folder / "naive.db", seconds, 5_000, streams)
        sql.execute("CREATE INDEX by_time ON point(datastream, time_ms)")

        def raw(low: int) -> list[Any]:
            return sql.execute(
                "SELECT time_ms, value FROM point WHERE datastream=7 AND time_ms>=?", (low,)
            ).fetchall()

        def newest(at: int) -> list[Any]:
            return sql.execute(
                "SELECT datastream, max(time_ms), value FROM point WHERE time_ms<=?"
                " GROUP BY datastream", (at,),
            ).fetchall()  # fmt: skip

        half = end - seconds * 500
        cells = _ms(lambda: store.series(7, 0, 1 << 62, 200))
        ten = _ms(lambda: store.series(7, end - 600_000, end, 1_000))
        moment = _ms(lambda: store.moment(half), 3)
        peer = "fetch every raw row by index"
        found = [
            _row(
                f"{seconds // 3600} h of one datastream in 200 cells", cells, "ms", peer,
                _ms(lambda: raw(0)) / cells,
            ),
            _row("its last 10 minutes", ten, "ms", peer, _ms(lambda: raw(end - 600_000)) / ten),
            _row(
                f"all {streams} datastreams at a past moment", moment, "ms",
                "newest row by group", _ms(lambda: newest(half), 1) / moment,
            ),
        ]  # fmt: skip
        sql.close()
        store.close()
        return found


def rows() -> list[Result]:
    """Rows of `name, figure, unit, against, ratio`; above 1 is better than the peer."""
    return [*bench_ingest(120), *bench_query()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = rows()
    for row in results:
        against = f"{row['ratio']} x {row['against']}"
        print(f"{row['name']:<42} {row['figure']:>12,} {row['unit']:<12} {against}")
    if given.json:
        given.json.write_text(json.dumps({"results": results}, indent=2) + "\n", encoding="utf-8")
