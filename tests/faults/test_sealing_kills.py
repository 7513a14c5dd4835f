"""Sealing survives kills, and a sealer in the wrong order is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import part_sealing
from tests.faults.part_flips import build

pytestmark = pytest.mark.faults


def test_a_sealer_killed_at_any_moment_loses_nothing_and_one_in_the_wrong_order_does(
    tmp_path: Path,
) -> None:
    built = build(tmp_path / "base", sealed=False)
    sound = part_sealing.run(2, tmp_path, built=built)
    assert not sound.lost, sound
    hasty = part_sealing.run(1, tmp_path, how=part_sealing.Hasty, built=built)
    assert hasty.lost
