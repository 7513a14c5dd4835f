"""Spans, moments and the two clocks, compared with the same answer computed plainly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.unit.store.store_kit import Bench, columns, message, names, simple

from lamplighter.domain.observation import Batch, Gap
from lamplighter.store import rollup
from lamplighter.store.cells import PART

STREAMS = PART + 2
Rows = list[tuple[int, int, float, int]]


@pytest.fixture
def small_flushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small history goes through every tier."""
    monkeypatch.setattr(rollup, "FLUSH_POINTS", 40)
    monkeypatch.setattr(rollup, "MERGED_AT_ONCE", 4)
    monkeypatch.setattr(rollup, "CLOSE_POINTS", 0)


def _play(bench: Bench, batches: int, *, late: bool = False) -> list[tuple[int, Rows]]:
    """Batches a second apart; what was sent as (recorded time, rows)."""
    rng = np.random.default_rng(7)
    sent: list[tuple[int, Rows]] = []
    for seq in range(batches):
        now = bench.clock.wall_ms()
        back = int(rng.integers(0, 600_000)) if late and seq % 5 == 4 else 0
        rows: Rows = []
        for k in range(10):
            stream = int(rng.integers(0, STREAMS - 1)) if k else 0
            value = round(float(rng.normal(50, 9)), 2)
            rows.append((stream, now - back - k * 7, value, int(rng.integers(0, 3))))
        bench.commit(simple(seq, rows, **(names(STREAMS) if not seq else {})))
        sent.append((now, rows))
        bench.clock.advance(1000)
    return sent


def _plain(sent: list[tuple[int, Rows]], stream: int, low: int, high: int, known: int) -> Any:
    rows = [
        (t, v) for wall, every in sent if wall <= known for s, t, v, _ in every
        if s == stream and low <= t < high
    ]  # fmt: skip
    return sorted(rows, key=lambda r: r[0])


@pytest.mark.usefixtures("small_flushes")
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("reopened", [False, True])
def test_a_span_gives_its_points_or_cells_that_hold_exactly_them(
    bench: Bench, late: bool, reopened: bool
) -> None:
    start = bench.clock.wall_ms()
    sent = _play(bench, 150, late=late)
    if reopened:
        bench.reopen()
    end = bench.clock.wall_ms()
    spans = [(0, 1 << 62), (start - 900_000, end), (start + 20_345, start + 90_001), (end, end + 9)]
    for low, high in spans:
        for stream in (0, 1, STREAMS - 2, STREAMS - 1):
            plain = _plain(sent, stream, low, high, end)
            exact = bench.store.series(stream, low, high, 100_000)
            assert not exact.reduced
            assert list(zip(exact.time_ms, exact.value, strict=True)) == plain
            for points in (3, 20):
                found = bench.store.series(stream, low, high, points)
                assert found.reduced == (len(plain) > points)
                if plain:
                    assert found.low.min() == min(v for _, v in plain)
                    assert found.high.max() == max(v for _, v in plain)
                    assert found.time_ms.min() >= low
                    assert (np.diff(found.time_ms) >= 0).all()
                assert len(found.time_ms) <= points + 1


@pytest.mark.usefixtures("small_flushes")
def test_a_long_history_is_answered_from_merged_tiers(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    sent: list[tuple[int, Rows]] = []
    for seq in range(120):
        now = bench.clock.wall_ms()
        rows: Rows = [(s, now + s, float((seq * 37 + s) % 101), 0) for s in range(10)]
        bench.commit(simple(seq, rows, **(names(STREAMS) if not seq else {})))
        sent.append((now, rows))
        bench.clock.advance(120_000)
    low, high = start + 1_000_123, start + 13_000_456
    plain = _plain(sent, 4, low, high, 1 << 62)
    found = bench.store.series(4, low, high, 5)
    assert found.reduced
    assert found.low.min() == min(v for _, v in plain)
    assert found.high.max() == max(v for _, v in plain)
    every = bench.store.series(4, low, high, 5000)
    assert list(zip(every.time_ms, every.value, strict=True)) == plain
    sql = bench.store._readers.history
    assert {row[0] for row in sql.execute("SELECT DISTINCT tier FROM flush")} == {1, 2, 3}


@pytest.mark.usefixtures("small_flushes")
def test_seldom_points_of_a_long_time_are_read_from_coarser_cells(bench: Bench) -> None:
    """Minute values: a flush spans days, and gets the cells of the next tiers at once."""
    minute, begin = 60_000, bench.clock.wall_ms()
    rng = np.random.default_rng(2)
    every: Rows = []
    for seq in range(6):
        now = bench.clock.wall_ms()
        rows: Rows = [
            (s, now + n * minute + s, round(float(rng.normal(50, 9)), 2), int(rng.integers(0, 2)))
            for n in range(1_440)
            for s in (0, 5)
        ]
        bench.commit(simple(seq, rows, **(names(STREAMS) if not seq else {})))
        every += rows
        bench.clock.advance(1_440 * minute)
    end = bench.clock.wall_ms()
    sql = bench.store._readers.history
    kinds = sql.execute(
        "SELECT DISTINCT kind FROM cells JOIN flush ON flush.n = cells.flush WHERE tier=1"
    ).fetchall()
    assert {k for (k,) in kinds} >= {0, 1, 2, 3}
    for low, high in ((begin, end), (begin + 77_777_777, end - 3_333_333), (end - 9_000_000, end)):
        mine = [v for s, t, v, _ in every if s == 5 and low <= t < high]
        found = bench.store.series(5, low, high, 30)
        assert found.reduced
        assert (found.low.min(), found.high.max()) == (min(mine), max(mine))
        assert (found.low <= found.value).all() and (found.value <= found.high).all()
        assert found.time_ms.min() >= low
        exact = bench.store.series(5, low, high, 100_000)
        assert exact.value.tolist() == mine
    known = begin + 3 * 1_440 * minute
    then = bench.store.series(5, begin, end, 30, known)
    assert then.time_ms.max() < known + 1_440 * minute
    before = [v for s, t, v, _ in every if s == 5 and t < known + 1_440 * minute]
    assert (then.low.min(), then.high.max()) == (min(before), max(before))


@pytest.mark.usefixtures("small_flushes")
def test_as_known_then_leaves_out_what_was_learned_later(bench: Bench) -> None:
    sent = _play(bench, 120, late=True)
    for back in (0, 3, 40, 77, 119):
        known = sent[back][0]
        plain = _plain(sent, 0, 0, 1 << 62, known)
        found = bench.store.series(0, 0, 1 << 62, 10_000, known)
        assert list(zip(found.time_ms, found.value, strict=True)) == plain


@pytest.mark.usefixtures("small_flushes")
@pytest.mark.parametrize("as_known", [True, False])
def test_a_moment_shows_the_newest_values_of_then(bench: Bench, as_known: bool) -> None:
    sent = _play(bench, 120, late=True)
    for at in [sent[0][0] - 1, sent[0][0], sent[60][0] - 3, sent[119][0], sent[119][0] + 10**9]:
        value = np.full(STREAMS, np.nan)
        time_ms = np.zeros(STREAMS, np.int64)
        for wall, rows in sent:
            for stream, t, v, _ in rows:
                if t <= at and (wall <= at or not as_known) and t >= time_ms[stream]:
                    value[stream], time_ms[stream] = v, t
        found = bench.store.moment(at, as_known)
        np.testing.assert_array_equal(found.time_ms, time_ms)
        np.testing.assert_array_equal(found.value, value)


@pytest.mark.usefixtures("small_flushes")
def test_a_device_ahead_of_time_does_not_spoil_the_moments_before(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    for seq in range(30):
        now = bench.clock.wall_ms()
        rows = [(0, now, float(seq)), (1, now + 3_600_000, float(seq))] + [(2, now, 0.0)] * 8
        bench.commit(simple(seq, rows, **(names(3) if not seq else {})))
        bench.clock.advance(1000)
    assert bench.store.moment(t + 10_000).value[0] == 10.0
    assert np.isnan(bench.store.moment(t + 10_000).value[1])
    assert bench.store.newest().value.tolist()[:2] == [29.0, 29.0]
    assert bench.reopen().newest().time_ms[1] == t + 29_000 + 3_600_000


@pytest.mark.usefixtures("small_flushes")
def test_a_clock_that_jumps_back_bends_neither_order_nor_what_was_known(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    for seq in range(40):
        if seq == 20:
            bench.clock.jump(-3_600_000)
        rows = [(0, t + seq, float(seq))] + [(1, t + seq, 0.0)] * 9
        bench.commit(simple(seq, rows, **(names(2) if not seq else {})))
        bench.clock.advance(1000)
    assert bench.store.newest().value[0] == 39.0
    last = bench.clock.wall_ms()
    assert bench.store.moment(t + 25).value[0] == 25.0
    assert bench.store.moment(last).batch == 40
    assert bench.store.series(0, 0, 1 << 62, 1000, last).value.tolist() == list(range(40))


def test_late_data_never_replaces_a_newer_value(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 5.0)], **names(1)))
    bench.commit(simple(1, [(0, t - 60_000, 4.0)]))
    assert bench.store.newest().value.tolist() == [5.0]
    assert bench.store.series(0, 0, 1 << 62, 10).value.tolist() == [4.0, 5.0]


def test_a_hole_of_the_source_is_shown_with_its_datastreams(bench: Bench) -> None:
    t = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, t, 1.0)], **names(1)))
    bench.commit(
        Batch(
            (message(9, 1),),
            columns([(0, t + 9000, 2.0)]),
            gaps=(Gap(0, 7213, 1, 8, t, t, t + 9000, "asked"),),
        )
    )
    assert bench.store.series(0, t - 10, t + 5000, 10).gaps == ((t, t + 5000),)
    assert bench.store.series(0, t + 10_000, t + 20_000, 10).gaps == ()


@pytest.mark.usefixtures("small_flushes")
def test_damaged_cells_are_answered_from_the_batches(bench: Bench) -> None:
    _play(bench, 60)
    before = bench.store.series(0, 0, 1 << 62, 10_000)
    frame = bench.store.newest().value
    bench.store.close()
    import sqlite3

    sql = sqlite3.connect(bench.folder / "history.db")
    sql.execute(
        "UPDATE cells SET body = CAST(substr(body, 1, 9) || x'000000' || substr(body, 13) AS BLOB)"
    )
    sql.execute("UPDATE snapshot SET body = CAST(substr(body, 1, 20) || x'0000' AS BLOB)")
    sql.commit()
    sql.close()
    store = bench.reopen()
    np.testing.assert_array_equal(store.series(0, 0, 1 << 62, 10_000).value, before.value)
    np.testing.assert_array_equal(store.newest().value, frame)


def test_what_was_known_is_a_prefix_in_recorded_order_whatever_the_clock_did(
    bench: Bench,
) -> None:
    t = bench.clock.wall_ms()
    walls = []
    for seq, jump in enumerate([0, 5000, -20_000, 3000, 0, 60_000, -1, -90_000, 10]):
        bench.clock.jump(jump)
        walls.append(bench.clock.wall_ms())
        bench.commit(simple(seq, [(0, t, 1.0)], **(names(1) if not seq else {})))
        bench.clock.advance(1000)
    for at in range(min(walls) - 2000, max(walls) + 2000, 500):
        known = max((n for n, wall in enumerate(walls, 1) if wall <= at), default=0)
        assert bench.store.moment(at).batch == known


@pytest.mark.usefixtures("small_flushes")
@pytest.mark.parametrize("points", [3, 20, 100_000])
def test_curves_asked_together_are_those_asked_alone(bench: Bench, points: int) -> None:
    start = bench.clock.wall_ms()
    sent = _play(bench, 120, late=True)
    end = bench.clock.wall_ms()
    for known in (None, start + 61_000):
        for low, high in ((0, 1 << 62), (start + 20_345, start + 90_001)):
            ids = [STREAMS - 1, 0, 2, STREAMS - 2, STREAMS + 9]
            together = bench.store.curves(ids, low, high, points, known)
            assert [s.datastream for s in together] == ids
            for one in together:
                alone = bench.store.series(one.datastream, low, high, points, known)
                for name in ("time_ms", "value", "quality", "low", "high"):
                    assert getattr(one, name).tolist() == getattr(alone, name).tolist()
                assert (one.reduced, one.gaps) == (alone.reduced, alone.gaps)
            if points == 100_000:
                plain = _plain(sent, 0, low, high, end if known is None else known)
                assert list(zip(together[1].time_ms, together[1].value, strict=True)) == plain
