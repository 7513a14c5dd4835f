"""How far back the past reaches."""

from __future__ import annotations

from pathlib import Path

from tests.unit.store.store_kit import Bench, names, simple

YEAR_MS = 365 * 86_400_000


def test_the_past_reaches_back_to_what_was_brought_in_from_earlier_years(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.store.oldest_ms() == 0
    now = bench.clock.wall_ms()
    bench.commit(simple(0, [(0, now + 5, 1.0)], **names(1)))
    assert bench.store.oldest_ms() == now
    bench.commit(simple(1, [(0, now - 2 * YEAR_MS, 1.0)]))

    assert bench.store.first_ms() == now
    assert bench.store.oldest_ms() == now - 2 * YEAR_MS
    bench.store.writer.flush(20.0)
    assert bench.store.oldest_ms() == now - 2 * YEAR_MS

    then = bench.store.moment(now - YEAR_MS, False)
    assert (int(then.time_ms[0]), float(then.value[0])) == (now - 2 * YEAR_MS, 1.0)
    bench.store.close()
