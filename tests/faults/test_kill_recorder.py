"""Killing the recorder loses nothing that was acknowledged and stores nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.kill_recorder import run


@pytest.mark.e2e
@pytest.mark.faults
@pytest.mark.timeout(180)
def test_killed_at_random_moments_under_load_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    outcome = run(4, tmp_path)
    assert outcome.report.sent > 50_000
    assert outcome.report.ok, outcome.report
    assert outcome.report.stored == outcome.report.sent
    assert outcome.verified
