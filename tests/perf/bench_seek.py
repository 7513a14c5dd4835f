"""How long a moment of the past takes: in the recorder, and until the window has painted it.

A day of 1,000 datastreams with late and corrected data; on the screen are the 3D city with 5,000
assets, the alarm list and 40 curves of four hours. The time ends when all of them are on the
screen, the 3D picture of that moment included. The peer is a plain SQLite table of the same points
with an index, asked for the same values and curves and painting nothing.
"""

from __future__ import annotations

import json
import os
import queue
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from tests.kit.clocks import FakeClock
from tests.kit.past_day import PastDay, Size, at
from tests.kit.program import ROOT, environment
from tests.perf.row import Row, row

from lamplighter.domain import wire
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.observation import Batch, MessageRecord, NewDatastream, PointColumns
from lamplighter.runtime.history_answers import moment
from lamplighter.runtime.then_and_now import difference
from lamplighter.store import Store

MOMENTS: Final = ("03:42", "15:07", "09:11", "23:00", "00:40", "12:34", "06:32", "18:18")
CURVES: Final = 40
SPAN_MS: Final = 4 * 3_600_000
DAY_MS: Final = 86_400_000
YEAR_STREAMS: Final = 10
PEER: Final = "a plain table with an index, nothing painted"
WINDOW: Final = """
import json, sys
from pathlib import Path
from tests.kit import seek_window
found = seek_window.measure(Path(sys.argv[1]), json.loads(sys.argv[2]))
Path(sys.argv[3]).write_text(json.dumps(found))
"""


def _ms(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


def _plain(project: Path, file: Path) -> sqlite3.Connection:
    """The same points, a row each."""
    store = Store.open(project, write=False, clock=SystemClock())
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("PRAGMA journal_mode=OFF")
    sql.execute("CREATE TABLE point(stream, time_ms, known_ms, value, quality)")
    sql.execute("BEGIN")
    sql.executemany(
        "INSERT INTO point VALUES(?,?,?,?,?)",
        ((r.datastream, r.phenomenon_time_ms, r.recorded_time_ms, r.value, r.quality)
         for r in store.export_rows()),
    )  # fmt: skip
    sql.execute("COMMIT")
    sql.execute("CREATE INDEX by_time ON point(stream, time_ms)")
    store.close()
    return sql


def _recorder(project: Path) -> tuple[list[float], float]:
    """Each moment with its curves as known then, and the list of what changed."""
    store = Store.open(project, write=False, clock=SystemClock())
    streams = store.datastreams()

    def seek(ms: int) -> None:
        moment(store, wire.GetMoment(ms))
        store.curves([s.id for s in streams[:CURVES]], ms - SPAN_MS, ms + 1, 900, ms)

    found = [_ms(lambda ms=at(m): seek(ms)) for m in MOMENTS]  # type: ignore[misc]
    changed = _ms(lambda: difference(store, streams, wire.GetDifference(at(MOMENTS[0]))))
    store.close()
    return found, changed


def _naive(sql: sqlite3.Connection, names: list[str]) -> float:
    """The peer's median over the same moments."""

    def seek(ms: int) -> None:
        sql.execute(
            "SELECT stream, max(time_ms), value FROM point WHERE time_ms<=? AND known_ms<=?"
            " GROUP BY stream", (ms, ms),
        ).fetchall()  # fmt: skip
        for name in names:
            sql.execute(
                "SELECT time_ms, value FROM point WHERE stream=? AND time_ms>=? AND time_ms<=?"
                " AND known_ms<=?", (name, ms - SPAN_MS, ms, ms),
            ).fetchall()  # fmt: skip

    return statistics.median(_ms(lambda ms=at(m): seek(ms)) for m in MOMENTS[:4])  # type: ignore[misc]


def _window(project: Path, folder: Path) -> dict[str, list[float]]:
    """The seeks in the real window, in a process of its own."""
    out, moments = folder / "window.json", json.dumps([at(m) for m in MOMENTS])
    done = subprocess.run(
        [sys.executable, "-c", WINDOW, str(project), moments, str(out)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    if not out.exists():
        raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    found: dict[str, list[float]] = json.loads(out.read_text())
    return found


def _year(folder: Path) -> list[Row]:
    """A year of minute values opens from the cells, whatever its length."""
    clock = FakeClock(at("00:00") - 365 * DAY_MS)
    Store.create(folder / "year", name="year", clock=clock)
    store = Store.open(folder / "year", write=True, clock=clock, synchronous="OFF")
    sql = sqlite3.connect(folder / "year.db", isolation_level=None)
    sql.execute("PRAGMA journal_mode=OFF")
    sql.execute("CREATE TABLE point(stream, time_ms, value)")
    rng, done = np.random.default_rng(3), queue.Queue[object]()
    count = 1440 * YEAR_STREAMS
    sql.execute("BEGIN")
    for day in range(365):
        ids = np.tile(np.arange(YEAR_STREAMS, dtype=np.int32), 1440)
        times = clock.wall_ms() + np.repeat(np.arange(1440) * 60_000, YEAR_STREAMS)
        values = np.round(rng.normal(50, 5, count), 2)
        points = PointColumns(ids, times.astype(np.int64), values, np.zeros(count, np.uint8),
                              np.zeros(count, np.int32),
                              np.arange(count, dtype=np.int32))  # fmt: skip
        first = not day
        clock.advance(DAY_MS)
        store.writer.submit(
            Batch((MessageRecord(0, 7, day, day * 7919, clock.wall_ms(), count),), points,
                  new_sources=((0, "s"),) if first else (),
                  new_datastreams=tuple(NewDatastream(i, 0, f"d{i}") for i in range(YEAR_STREAMS))
                  if first else ()),
            done.put,
        )  # fmt: skip
        done.get(timeout=60)
        rows = zip(ids.tolist(), times.tolist(), values.tolist(), strict=True)
        sql.executemany("INSERT INTO point VALUES(?,?,?)", (r for r in rows if r[0] == 3))
    sql.execute("COMMIT")
    sql.execute("CREATE INDEX by_time ON point(stream, time_ms)")
    store.close()
    store = Store.open(folder / "year", write=False, clock=clock)
    end = clock.wall_ms()
    peer = "fetch every raw row by index"
    found = []
    for words, days in (("a year", 365), ("90 days", 90), ("a week", 7)):
        begin = end - days * DAY_MS
        plain = _ms(
            lambda b=begin: sql.execute(  # type: ignore[misc]
                "SELECT time_ms, value FROM point WHERE stream=3 AND time_ms>=?", (b,)
            ).fetchall()
        )
        took = _ms(lambda b=begin: store.series(3, b, end, 900))  # type: ignore[misc]
        found.append(row(f"{words} of minute values in 900 cells, first", took, "ms", peer, plain))
    store.close()
    sql.close()
    return found


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = PastDay(folder / "day", Size()).write()
        sql = _plain(project, folder / "plain.db")
        names = [r[0] for r in sql.execute("SELECT DISTINCT stream FROM point LIMIT 40")]
        peer = _naive(sql, names)
        sql.close()
        recorder, changed = _recorder(project)
        found = [
            row("first seek, recorder: values, alarms, 40 curves", recorder[0], "ms", PEER, peer),
            row("later seeks, recorder", statistics.median(recorder[1:]), "ms", PEER, peer),
            row("what changed between then and now", changed, "ms", PEER, peer),
        ]
        if os.environ.get("DISPLAY"):
            shown = _window(project, folder)
            painted, used = shown["painted"], shown["cpu"]
            found += [
                row("first seek, to the painted window", painted[0], "ms", PEER, peer),
                row("later seeks, to the painted window", statistics.median(painted[1:]), "ms",
                    PEER, peer),
                row("the slowest of them", max(painted[1:]), "ms", PEER, peer),
                row("processor time of the window for a later seek", statistics.median(used[1:]),
                    "ms", PEER, peer),
            ]  # fmt: skip
        return [*found, *_year(folder)]
