"""Trying a rule on 90 days of a thousand datastreams, a value a minute.

The past is written through the store's own writer. Its peers: the same judgement over every point,
without cells that rule anything out, and DuckDB finding the points above the threshold in its own
table of the same values. Both are timed on a share of the datastreams and said so.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from tests.perf.row import Row, row
from tests.unit.store.store_kit import Bench, message, names

from lamplighter.alarms.backtest import replay
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.observation import Batch, PointColumns
from lamplighter.runtime.backtest import backtest

DAYS, STREAMS, SHARE = 90, 1_000, 100
MINUTE, DAY = 60_000, 86_400_000
HOURS_A_BATCH = 6
THRESHOLD = 90.0


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            points = _write(bench)
            rules = [
                AlarmRule("high", n, f"A-{n}", Condition.ABOVE, THRESHOLD, 2, "high",
                          deadband=1.0, on_delay_ms=2 * MINUTE)
                for n in range(STREAMS)
            ]  # fmt: skip
            found = backtest(bench.store, rules, "high", days=DAYS, sweep=False)
            begun = time.perf_counter()
            raised = sum(
                len(replay(r, c.first_ms, c.first, c.worst))
                for r in rules[:SHARE]
                for c in [bench.store.points(r.datastream, 0, 1 << 62)]
            )
            every = (time.perf_counter() - begun) * STREAMS / SHARE
            pruned = backtest(bench.store, rules[:SHARE], "high", days=DAYS, sweep=False)
            assert pruned.outcome.fired == raised, (pruned.outcome, raised)
            assert found.points == points and found.outcome.fired > 0
            duck = _duckdb(bench, Path(folder)) * STREAMS / SHARE
        finally:
            bench.store.close()
    what = f"a rule on {DAYS} days of {STREAMS:,} datastreams, a value a minute"
    return [
        row(what, found.seconds, "s", f"judging every point ({SHARE} datastreams, scaled)", every),
        row("the same", found.seconds, "s",
            f"DuckDB, points above the threshold ({SHARE} datastreams, scaled)", duck),
        row("the same", found.seconds, "s", "the limit set for it", 10.0),
        {"name": "points looked at", "figure": found.points_read, "unit": f"of {points:,}",
         "against": "", "ratio": None},
    ]  # fmt: skip


def _write(bench: Bench) -> int:
    """Half a day at a time; every datastream rises above the threshold once in about a month."""
    rng = np.random.default_rng(12)
    start = bench.clock.wall_ms() - DAYS * DAY
    minutes = HOURS_A_BATCH * 60
    count, seq = minutes * STREAMS, 0
    stream = np.tile(np.arange(STREAMS, dtype=np.int32), minutes)
    place, nothing = np.arange(count, dtype=np.int32), np.zeros(count, np.int32)
    for first in range(0, DAYS * 24 * 60, minutes):
        when = start + (first + np.arange(minutes, dtype=np.int64)) * MINUTE
        hour = (when // 3_600_000) % 24
        level = 50.0 + 10.0 * np.sin(hour * np.pi / 12.0)
        value = np.round(np.repeat(level, STREAMS) + rng.normal(0.0, 2.0, count), 2)
        high = rng.random(STREAMS) < HOURS_A_BATCH / (24.0 * 30.0)
        table = value.reshape(minutes, STREAMS)
        table[100:140, high] += 45.0
        points = PointColumns(
            stream, np.repeat(when, STREAMS), table.reshape(-1), np.zeros(count, np.uint8),
            nothing, place,
        )  # fmt: skip
        more = names(STREAMS) if not seq else {}
        bench.commit(Batch((message(seq, count),), points, **more))  # type: ignore[arg-type]
        seq += 1
    bench.store.writer.flush(60.0)
    return seq * count


def _duckdb(bench: Bench, folder: Path) -> float:
    import duckdb

    parts = [bench.store.points(n, 0, 1 << 62) for n in range(SHARE)]
    columns = {
        "stream": np.concatenate([np.full(len(p), n, np.int32) for n, p in enumerate(parts)]),
        "time_ms": np.concatenate([p.first_ms for p in parts]),
        "value": np.concatenate([p.first for p in parts]),
    }
    sql = duckdb.connect(str(folder / "peer.duckdb"))
    sql.register("columns", columns)
    sql.execute("CREATE TABLE point AS SELECT * FROM columns")
    sql.execute("CHECKPOINT")
    begun = time.perf_counter()
    sql.execute(
        "SELECT stream, time_ms FROM point WHERE value > ? ORDER BY stream, time_ms", [THRESHOLD]
    ).fetchnumpy()
    taken = time.perf_counter() - begun
    sql.close()
    return taken
