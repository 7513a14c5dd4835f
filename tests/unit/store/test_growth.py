"""The days the disk lasts, compared with what the folder really grows by."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from tests.unit.store.store_kit import Bench, columns, message, names

from lamplighter.domain.observation import Batch
from lamplighter.domain.retention import Retention
from lamplighter.store import growth, rollup
from lamplighter.store.retention import expire
from lamplighter.store.sealer import Sealer

HOUR = 3_600_000
DAY = 24 * HOUR
STREAMS = 30
PERIOD = 8_000


def record(bench: Bench, hours: int, seq: int) -> int:
    """Random walks of two decimals, sealed every hour; the next seq."""
    rng = np.random.default_rng(seq)
    value = np.round(rng.normal(50, 9, STREAMS), 2)
    rounds = 30
    for _ in range(hours * HOUR // (PERIOD * rounds)):
        rows = []
        now = bench.clock.wall_ms()
        for k in range(rounds):
            value = np.round(value + rng.normal(0, 0.05, STREAMS), 2)
            jitter = rng.integers(0, 300, STREAMS)
            rows += [
                (s, now + k * PERIOD + int(jitter[s]), float(value[s]), 0, k)
                for s in range(STREAMS)
            ]
        letters = tuple(message(seq + k, STREAMS) for k in range(rounds))
        bench.commit(Batch(letters, columns(rows), **({} if seq else names(STREAMS))))  # type: ignore[arg-type]
        seq += rounds
        bench.clock.advance(PERIOD * rounds)
        if bench.clock.wall_ms() % HOUR < PERIOD * rounds:
            made = Sealer(bench.folder, bench.store.writer, bench.clock)
            made.seal()
            made.close()
    return seq


def on_disk(bench: Bench) -> int:
    """Bytes of the folder, the log of the database written home."""
    bench.reopen()
    files = [bench.folder / "history.db", bench.folder / "city.db"]
    files += list((bench.folder / "segments").glob("*"))
    return sum(Path(f).stat().st_size for f in files)


def test_the_growth_of_the_folder_is_foreseen_within_a_tenth(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollup, "FLUSH_POINTS", 4_000)
    seq = record(bench, 6, 0)
    before, start = on_disk(bench), bench.clock.wall_ms()
    free = 1e9
    left = bench.store.disk_use(start, 0.0, free).days_left
    assert left is not None
    record(bench, 7, seq)
    grown = (on_disk(bench) - before) / ((bench.clock.wall_ms() - start) / DAY)
    assert free / left == pytest.approx(grown, rel=0.1)


def test_a_rule_of_retention_bounds_the_folder_and_so_the_days_have_no_end(bench: Bench) -> None:
    sql = bench.store._readers.history
    day = growth.Growth(points_per_day=1e6, sealed_per_point=2.0, staying_per_point=1.0)
    now = bench.clock.wall_ms()

    def left(policy: Retention, free: float) -> float | None:
        return growth.days_left(sql, day, policy, free, now)

    assert left(Retention(), 300e6) == pytest.approx(100, rel=0.01)
    # 30 days of points are 60 MB at most, 365 days of rollups 365 MB
    both = Retention(raw_days=30, rollup_days=365)
    assert left(both, 500e6) is None
    assert left(both, 260e6) == pytest.approx(200, rel=0.01)
    assert left(Retention(raw_days=30), 260e6) == pytest.approx(200, rel=0.01)
    assert left(both, 30e6) == pytest.approx(10, rel=0.01)


def test_without_data_nothing_is_foretold(bench: Bench) -> None:
    use = bench.store.disk_use(bench.clock.wall_ms(), 0.0, 1e9)
    assert use.days_left is None
    assert not use.growth.measured
    assert bench.store.disk_use(bench.clock.wall_ms(), 100.0, 1e9).days_left


def test_a_rule_is_previewed_as_it_is_carried_out(bench: Bench) -> None:
    record(bench, 4, 0)
    bench.clock.advance(3 * DAY)
    store, rule = bench.store, Retention(raw_days=1, alarm_minutes=0)
    seen = store.retention_preview(rule, bench.clock.wall_ms(), 0.0, 1e9)
    kept = store.retention_preview(Retention(raw_days=30), bench.clock.wall_ms(), 0.0, 1e9)
    assert (kept.points, kept.segments) == (0, 0)
    before = store.disk_use(bench.clock.wall_ms(), 0.0, 1e9)
    made = Sealer(bench.folder, store.writer, bench.clock)
    city = sqlite3.connect(bench.folder / "city.db")
    done = expire(made, city, rule)
    city.close()
    made.close()
    after = store.disk_use(bench.clock.wall_ms(), 0.0, 1e9)
    assert seen.segments == len(done) > 0
    assert seen.points == before.points - after.points > 0
    assert seen.bytes == before.sealed_bytes - after.sealed_bytes


def test_every_byte_of_the_folder_belongs_to_one_kind(bench: Bench) -> None:
    record(bench, 2, 0)
    (bench.folder / "media" / "still.jpg").write_bytes(b"x" * 5_000)
    parts = {p.kind: p for p in bench.store.parts(bench.clock.wall_ms())}
    files = [f for f in bench.folder.rglob("*") if f.is_file()]
    total = sum(f.stat().st_size for f in files)
    assert (parts["media"].bytes, parts["media"].files) == (5_000, 1)
    assert parts["sealed"].bytes == sum(
        f.stat().st_size for f in files if f.parent.name == "segments"
    )
    assert sum(p.bytes for p in parts.values()) == pytest.approx(total, rel=0.1)
