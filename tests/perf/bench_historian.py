"""The exchange beside a bare COPY, and the past's way in beside SQLite's own import of a CSV."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from tests.kit.consoles import Console, batch
from tests.kit.postgres import Postgres, programs
from tests.perf.row import Row, row

from lamplighter.domain.clock import SystemClock
from lamplighter.exchange import Exchanger, HistorianConfig
from lamplighter.runtime.intake import StoreDoor
from lamplighter.runtime.past_import import PastImport
from lamplighter.store import OutgoingStore

POINTS = 500_000
PER_BATCH = 5_000
MAPPING = 'source = "scada"\n[time]\ncolumn = "time"\n[long]\ndatastream = "tag"\nvalue = "value"\n'


def _filled(folder: Path, source: str) -> Console:
    console = Console(folder, SystemClock())
    for number in range(POINTS // PER_BATCH):
        console.put(
            batch(source, 7, number * 100, messages=100, points=50, streams=50, fresh=not number)
        )
    return console


def _exchanger(console: Console, url: str) -> Exchanger:
    return Exchanger(
        HistorianConfig(url), console.folder, OutgoingStore(console.store),
        StoreDoor(console.store), SystemClock(),
    )  # fmt: skip


def bench_exchange() -> list[Row]:
    """Points per second to the historian and back, beside COPY of the same rows and no keys."""
    if programs() is None:
        return []
    import psycopg

    with tempfile.TemporaryDirectory() as name, Postgres() as postgres:
        postgres.prepared()
        console = _filled(Path(name) / "a", "plant")
        other = Console(Path(name) / "b", SystemClock())
        made = _exchanger(console, postgres.url)
        made.open()
        begun = time.perf_counter()
        made.exchange_out()
        sent = time.perf_counter() - begun
        made.close()
        made = _exchanger(other, postgres.url)
        made.open()
        begun = time.perf_counter()
        made.receive()
        received = time.perf_counter() - begun
        made.close()
        rows = [
            (r.phenomenon_time_ms, 1, r.epoch, r.seq, r.n, 1, r.value, 0)
            for r in console.store.export_rows()
        ]
        postgres.sql(
            "CREATE TABLE bare(time_ms bigint, source integer, epoch bigint, seq bigint,"
            " n integer, datastream integer, value double precision, quality smallint)"
        )
        with psycopg.connect(postgres.admin_url) as sql:
            begun = time.perf_counter()
            with sql.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
                for one in rows:
                    copy.write_row(one)
            sql.commit()
            bare = time.perf_counter() - begun
            begun = time.perf_counter()
            with sql.cursor() as cursor:
                found = cursor.execute("SELECT * FROM bare").fetchall()
            fetched = time.perf_counter() - begun
        assert len(found) == POINTS
        console.close()
        other.close()
    return [
        row("sent to the historian, keys, receipts and all", POINTS / sent, "points/s",
            "COPY of the same rows into a table without keys", POINTS / bare,
            more_is_better=True),
        row("taken in from the historian and stored", POINTS / received, "points/s",
            "fetch of the same rows, stored nowhere", POINTS / fetched, more_is_better=True),
    ]  # fmt: skip


def _table(file: Path, rows: int) -> None:
    times = np.datetime64("2020-01-01T00:00:00") + np.arange(rows // 100) * 60
    rng = np.random.default_rng(1)
    value = np.round(rng.normal(50, 10, 100), 2)
    with file.open("w") as out:
        out.write("time,tag,value\n")
        for moment in times:
            value = np.round(value + rng.normal(0, 0.05, 100), 2)
            out.writelines([f"{moment},P-{i},{v}\n" for i, v in enumerate(value.tolist())])


def bench_past() -> list[Row]:
    """Rows per second of a CSV into the project, beside SQLite's import into a plain table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "history.csv"
        _table(file, POINTS)
        console = Console(folder / "town", SystemClock())
        begun = time.perf_counter()
        one = PastImport(console.store, StoreDoor(console.store), SystemClock())
        one.run(file, MAPPING, "map", again=False, progress=lambda *_: None)
        took = time.perf_counter() - begun
        assert one.counts.stored == POINTS
        console.close()
        begun = time.perf_counter()
        peer = _sqlite(file, folder / "plain.db")
        plain = time.perf_counter() - begun
        small = sum(f.stat().st_size for f in (folder / "town").glob("*.db*")) / POINTS
        large = (folder / "plain.db").stat().st_size / POINTS
    return [
        row("a CSV of the past, judged, keyed and with rollups", POINTS / took, "rows/s", peer,
            POINTS / plain, more_is_better=True),
        row("its size in the project", small, "bytes/point", peer, large),
    ]  # fmt: skip


def _sqlite(file: Path, target: Path) -> str:
    shell = shutil.which("sqlite3")
    if shell:
        subprocess.run(
            [shell, str(target), "CREATE TABLE p(time, tag, value)",
             f".import --csv --skip 1 {file} p"],
            check=True, capture_output=True,
        )  # fmt: skip
        return "sqlite3's .import into a plain table"
    sql = sqlite3.connect(target)
    sql.execute("CREATE TABLE p(time, tag, value)")
    with file.open(newline="") as text:
        reader = csv.reader(text)
        next(reader)
        sql.executemany("INSERT INTO p VALUES(?,?,?)", reader)
    sql.commit()
    sql.close()
    return "csv and executemany into a plain SQLite table"


def rows() -> list[Row]:
    """Rows of `name, figure, unit, against, ratio`; above 1 is better than the peer."""
    return [*bench_exchange(), *bench_past()]
