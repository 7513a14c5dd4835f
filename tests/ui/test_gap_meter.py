"""The meter's shares are shares of time, and its phases do not mix."""

from __future__ import annotations

from typing import Any

import pytest

from lamplighter.ui import gap_meter
from lamplighter.ui.gap_meter import GapCounts, GapMeter


def test_quantiles_count_gaps_and_the_share_counts_time() -> None:
    counts = GapCounts()
    for _ in range(99):
        counts.add(10.0)
    counts.add(200.0)
    assert counts.quantile(0.5) == pytest.approx(10.0, abs=0.11)
    assert counts.quantile(0.999) == pytest.approx(200.0, abs=0.11)
    assert counts.max_ms == 200.0
    assert counts.long_share == pytest.approx(200 / 1190)


def test_nothing_measured_is_zero() -> None:
    assert GapCounts().quantile(0.999) == 0.0
    assert GapCounts().long_share == 0.0


def test_baseline_ends_where_live_begins(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(gap_meter.time, "perf_counter", lambda: now[0])
    meter = GapMeter()

    def tick(seconds: float) -> None:
        now[0] += seconds
        meter._tick()

    tick(0.5)
    assert meter.baseline.count == meter.live.count == 0
    meter.first_3d_frame()
    tick(0.01)
    tick(0.12)
    assert (meter.baseline.count, meter.live.count) == (2, 0)
    meter.first_live_frame()
    tick(0.01)
    assert (meter.baseline.count, meter.live.count) == (2, 1)


def test_baseline_lasts_ten_seconds(qapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(gap_meter.time, "perf_counter", lambda: now[0])
    meter = GapMeter()
    meter.first_3d_frame()
    for _ in range(200):
        now[0] += 0.1
        meter._tick()
    assert 99 <= meter.baseline.count <= 101
