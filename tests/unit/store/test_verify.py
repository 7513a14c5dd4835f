"""A flipped byte anywhere is found and said where; nothing is repaired or deleted in silence."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.kit.clocks import FakeClock
from tests.unit.store.store_kit import Bench, names, simple

from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.problems import LamplighterError
from lamplighter.store import Store

CLOCK = FakeClock()
POINTS = 300
FLIPS = 40


def _filled(bench: Bench, batches: int = 30) -> None:
    t = bench.clock.wall_ms()
    for seq in range(batches):
        rows = [(k % 7, t + seq * 100 + k, math.sin(seq * 99 + k)) for k in range(POINTS)]
        bench.commit(simple(seq, rows, **(names(7) if not seq else {})))
    bench.store.writer.call(
        lambda a: (
            a.put_assets([Asset(f"a{i}", "Pump", f"Pump {i}", "water") for i in range(9)]),
            a.put_datastream_meta([Datastream(-1, "dev-0", "P-1", "bar")]),
        )
    ).result(10)


def _edit(bench: Bench, file: str, statement: str) -> None:
    bench.store.close()
    sql = sqlite3.connect(bench.folder / file)
    assert sql.execute(statement).rowcount > 0
    sql.commit()
    sql.close()
    bench.store = Store.open(bench.folder, write=False, clock=CLOCK)


@pytest.mark.parametrize(
    ("file", "statement", "where"),
    [
        ("history.db", "UPDATE message SET seq=seq+100 WHERE seq=11", "batch 12"),
        ("history.db", "UPDATE message SET source=1 WHERE seq=11", "batch 12"),
        ("history.db", "UPDATE batch SET wall_ms=wall_ms+1 WHERE number=7", "batch 7"),
        ("history.db", "DELETE FROM batch WHERE number=7", "batch 7"),
        ("history.db", "DELETE FROM body WHERE number=9", "batch 9"),
        ("history.db", "DELETE FROM batch WHERE number=30", "batch 30"),
        ("history.db", "UPDATE body SET points=(SELECT points FROM body WHERE number=1)"
         " WHERE number=3", "batch 3"),
        ("history.db", "UPDATE datastream SET name='Q' WHERE id=3", "datastream 3"),
        ("history.db", "UPDATE source SET name='Q' WHERE id=0", "source 0"),
        ("history.db", "UPDATE account SET stored=stored-1", "accounts"),
        ("history.db", "UPDATE account SET stored=stored-1, duplicate=1", "accounts"),
        ("city.db", "UPDATE fact SET key='a77' WHERE key='a3'", "a77"),
        ("city.db", "DELETE FROM fact WHERE key='a3'", "fact"),
    ],
)  # fmt: skip
def test_a_change_behind_our_back_is_found_and_located(
    bench: Bench, file: str, statement: str, where: str
) -> None:
    _filled(bench)
    assert bench.store.verify().ok
    _edit(bench, file, statement)
    report = bench.store.verify()
    assert not report.ok
    assert report.first_bad is not None
    assert where in report.first_bad, report.findings


def test_one_damaged_batch_does_not_hide_the_sound_ones(bench: Bench) -> None:
    _filled(bench)
    _edit(bench, "history.db", "UPDATE batch SET count=count+1 WHERE number=7")
    report = bench.store.verify()
    assert report.rows == 29 * POINTS
    assert all("batch 7" in f or "accounts" in f for f in report.findings)


def _rows(store: Store) -> list[object]:
    return [*store.export_rows(), *store.assets(), *store.datastreams()]


@pytest.mark.parametrize("wal", [False, True])
def test_every_flip_that_changes_what_is_stored_is_found(
    bench: Bench, tmp_path: Path, wal: bool
) -> None:
    """In the main files after a clean end; in the write-ahead log as a kill leaves it."""
    _filled(bench)
    truth = _rows(bench.store)
    source = tmp_path / "source"
    if not wal:
        bench.store.close()
    shutil.copytree(bench.folder, source, ignore=shutil.ignore_patterns("*-shm"))
    files = ["history.db-wal", "city.db-wal"] if wal else ["history.db", "city.db"]
    chance = random.Random(11)
    changed = 0
    for round_ in range(FLIPS):
        image = tmp_path / f"i{round_}"
        shutil.copytree(source, image)
        file = image / files[round_ % 5 == 4]
        data = bytearray(file.read_bytes())
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        file.write_bytes(data)
        try:
            store = Store.open(image, write=True, clock=CLOCK)
        except LamplighterError as error:
            assert error.problem.code in ("A-402", "A-404", "A-405")
            changed += 1
            continue
        try:
            try:
                found = _rows(store)
                same = found == truth
            except Exception as error:
                found, same = [error], False
            report = store.verify()
        finally:
            store.close()
            shutil.rmtree(image)
        changed += not same
        assert same or not report.ok, (
            f"flip {round_} changed what is stored and was not found",
            [(a, b) for a, b in zip(truth, found, strict=False) if a != b][:3],
        )
    assert changed > 3, "no flip hit anything: the test proves nothing"
