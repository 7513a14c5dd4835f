"""Drifts are warned of in time; a watch that learns from what it judges, or cries wolf, is found
out.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_drift

from lamplighter.analytics import expecting, watching

pytestmark = pytest.mark.faults
TINY = {"drift_streams": 45, "drift_days": 2, "drift_towns": 1}
"""where every stream alarms all the time, a few are enough"""
SMALL = {"drift_streams": 90, "drift_days": 4, "drift_towns": 1}


def test_drifts_are_warned_of_and_calm_streams_are_not(tmp_path: Path) -> None:
    row = part_drift.drift(SMALL, tmp_path)

    assert row["passed"], row


def test_limits_that_follow_what_is_judged_are_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(watching, "MARGIN", 25.0)

    assert not part_drift.drift(SMALL, tmp_path)["passed"]


def test_spreads_of_hours_that_were_learned_from_are_found_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = expecting._spreads
    monkeypatch.setattr(expecting, "_spreads", lambda rest, payload: tuple(
        c * f for c, f in zip(real(rest * 0.2, payload), (0.5, 1.0, 0.2, 0.2), strict=True)
    ))  # fmt: skip

    found = part_drift.drift(TINY, tmp_path)
    assert not found["passed"]
    assert found["figures"]["false_per_stream_day"] > part_drift.CALM
