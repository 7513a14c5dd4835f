"""A return to normal outlives a kill -9, or the test of it turns red; the long form has more."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_alarms, part_forgetful

pytestmark = pytest.mark.faults


def test_a_recorder_that_loses_returns_to_normal_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_alarms, "SHELVED_MS", 1_000)
    found = part_forgetful.run(part_forgetful.RETURNS, tmp_path, patience_s=2.0)

    assert found["stuck"] > 0, found
    assert not part_alarms.kills_hold(found)
